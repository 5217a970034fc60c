with

raw_settlements as (

    select * from {{ source('raw', 'settlements') }}

),

orders as (

    select * from {{ with_published('stg_orders') }}

),

arrived as (

    select
        raw_settlements.*,
        orders.payable_amount,
        cast({{ to_decimal('raw_settlements.amount') }} - orders.payable_amount as double) as order_variance_amount
    from raw_settlements
    left join orders
        on
            case when raw_settlements.leg_type = 'gross' then raw_settlements._order_key end = orders.order_key
            and raw_settlements.currency_code = orders.currency_code

),

{{ judged_feed('settlements') }}
