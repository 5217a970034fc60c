{{ config(materialized='table') }}
{#
    A rate serves its own day and, where the next one is further away, up to the greatest permitted age after it.
    Where several providers quote a currency, one whose rates somebody delivered is taken before the ECB's, which are there
    by default; of several the first by name.
#}
with

rates as (

    select * from {{ with_published('stg_fx_rates') }}

),

one_provider as (

    select
        rate_on,
        currency_code,
        rate_per_eur
    from rates
    where currency_code <> 'EUR'
    qualify
        row_number() over (
            partition by rate_on, currency_code
            order by case when provider = 'ECB' then 1 else 0 end, provider
        ) = 1

),

with_next as (

    select
        *,
        lead(rate_on) over (partition by currency_code order by rate_on) as next_rate_on
    from one_provider

),

ages as (

    {{ integers_to(var('fx_rate_max_age_days')) }}

),

per_day as (

    select
        with_next.currency_code,
        {{ add_days('with_next.rate_on', 'ages.step') }} as valid_on,
        with_next.rate_on,
        with_next.rate_per_eur
    from with_next
    cross join ages
    where with_next.next_rate_on is null or {{ add_days('with_next.rate_on', 'ages.step') }} < with_next.next_rate_on

),

dollars as (

    select
        valid_on,
        rate_on,
        rate_per_eur
    from per_day
    where currency_code = 'USD'

),

-- The euro is the base of the table: it has no rate of its own, and a provider's 1 for 1 would be a second row.
euros as (

    select
        'EUR' as currency_code,
        valid_on,
        rate_on,
        rate_per_eur as usd_per_unit
    from dollars

),

others as (

    select
        per_day.currency_code,
        per_day.valid_on,
        per_day.rate_on,
        case
            when per_day.currency_code = 'USD' then 1.0
            else dollars.rate_per_eur / per_day.rate_per_eur
        end as usd_per_unit
    from per_day
    inner join dollars on per_day.valid_on = dollars.valid_on

)

select
    currency_code,
    valid_on,
    rate_on,
    usd_per_unit
from others
union all
select
    currency_code,
    valid_on,
    rate_on,
    usd_per_unit
from euros
