with

raw_payments as (

    select * from {{ source('raw', 'payments') }}

),

orders as (

    select * from {{ with_published('stg_orders') }}

),

arrived as (

    select
        raw_payments.*,
        orders.ordered_at
    from raw_payments
    left join orders on raw_payments._order_key = orders.order_key

),

{{ judged_feed('payments') }}
