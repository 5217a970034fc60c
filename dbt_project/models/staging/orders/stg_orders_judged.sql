with

arrived as (

    select * from {{ source('raw', 'orders') }}

),

markets as (

    select * from {{ ref('stg_run_markets') }}

),

currencies as (

    select * from {{ ref('currency') }}

),

typed as (

    select
        arrived.* exclude (ordered_at),
        arrived.ordered_at as ordered_at_text,
        {{ to_timestamp('arrived.ordered_at') }} as ordered_at,
        markets.time_zone,
        currencies.code as known_currency_code
    from arrived
    left join markets on arrived._market = markets.market
    left join currencies on arrived.currency_code = currencies.code

),

ruled as (

    select
        *,
        {{ violated([
            ('orders.order_no_missing', 'order_no is null'),
            ('orders.market_unknown', "_market = 'ZZ'"),
            ('orders.ordered_at_missing', 'ordered_at_text is null'),
            ('orders.ordered_at_unreadable', 'ordered_at_text is not null and ordered_at is null'),
            ('orders.ordered_at_implausible',
             "ordered_at < timestamp '1990-01-01 00:00:00' or ordered_at > _loaded_at + interval 1 day"),
            ('orders.currency_missing', 'currency_code is null'),
            ('orders.currency_unknown', 'currency_code is not null and known_currency_code is null'),
        ]) }} as rules,
        {{ repaired([]) }} as repairs
    from typed

),

{{ judged('ruled') }}

select
    *,
    {{ local_date('ordered_at', 'time_zone') }} as ordered_on,
    {{ masked_payload('orders', ['ordered_at']) }} as payload
from stated
