{#
    Payments that reach the seller as a collection: per seller, market and calendar month of the payment in the
    collector's zone. The collection stands in the month after. A run that builds that month reads the orders of the
    six months before it and no others, so the seller of an older order counts as unknown in every run.
#}
{{ config(materialized='table') }}
with

payments as (

    select * from {{ with_published('stg_payments') }}

),

orders as (

    select * from {{ with_published('stg_orders') }}

),

practices as (

    select * from {{ ref('payout_practice') }}

),

collectors as (

    select
        sources.source_id,
        coalesce(own.collection_time_zone, general.collection_time_zone) as time_zone
    from (select distinct source_id from payments) as sources
    inner join practices as general on general.source_id = '*'
    left join practices as own on sources.source_id = own.source_id
    where coalesce(own.payout_kind, general.payout_kind) = 'collection'

),

collected as (

    select
        payments.payment_key,
        payments.order_key,
        payments.source_id,
        payments.market,
        payments.payment_type,
        payments.paid_at,
        payments.amount,
        payments.currency_code,
        collectors.time_zone,
        {{ month_of(local_date('payments.paid_at', 'collectors.time_zone')) }} as collection_month
    from payments
    inner join collectors on payments.source_id = collectors.source_id

),

of_sellers as (

    select
        collected.*,
        {{ month_after('collected.collection_month', 1) }} as payout_month,
        orders.seller_key,
        orders.seller_id,
        orders.source_id as order_source_id
    from collected
    inner join orders
        on
            collected.order_key = orders.order_key
            and collected.market = orders.market
    where
        orders.seller_key is not null
        and orders.month <= {{ month_after('collected.collection_month', 1) }}
        and orders.month >= {{ month_after('collected.collection_month', -5) }}

)

select
    {{ surrogate_key([
        "'collection'", 'source_id', 'seller_key', 'market', 'payout_month', 'currency_code'
    ]) }} as payout_key,
    payment_key,
    order_key,
    source_id,
    market,
    payout_month as month,
    collection_month,
    seller_key,
    seller_id,
    order_source_id,
    time_zone,
    payment_type,
    paid_at,
    amount,
    currency_code
from of_sellers
