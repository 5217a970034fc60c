with

arrived as (

    select * from {{ source('raw', 'fx_rates') }}

),

typed as (

    select
        arrived.* exclude (rate_on, rate_per_eur),
        arrived.rate_on as rate_on_text,
        arrived.rate_per_eur as rate_per_eur_text,
        {{ to_date('arrived.rate_on') }} as rate_on,
        {{ to_double('arrived.rate_per_eur') }} as rate_per_eur
    from arrived

),

ruled as (

    select
        *,
        {{ violated([
            ('fx_rates.provider_missing', 'provider is null'),
            ('fx_rates.rate_on_missing', 'rate_on_text is null'),
            ('fx_rates.rate_on_unreadable', 'rate_on_text is not null and rate_on is null'),
            ('fx_rates.rate_missing', 'rate_per_eur_text is null'),
            ('fx_rates.rate_unreadable', 'rate_per_eur_text is not null and rate_per_eur is null'),
            ('fx_rates.rate_not_positive', 'rate_per_eur <= 0'),
            ('fx_rates.currency_malformed',
             "currency_code is null or not " ~ matches('currency_code', '^[A-Z]{3}$')),
        ]) }} as rules,
        {{ repaired([]) }} as repairs
    from typed

),

{{ judged('ruled') }}

select
    *,
    {{ masked_payload('fx_rates', ['rate_on', 'rate_per_eur']) }} as payload
from stated
