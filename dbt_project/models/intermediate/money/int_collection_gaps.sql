{#
    What a collection holds less (or more) than its orders say, order by order: a payment that did not come, or not in
    full. A credit that fits a collection to the cent once such an order is counted pays that collection; the gap stays
    unexplained. Payments of later months are not looked at: a run that builds the collection does not read them all.
#}
{{ config(materialized='table') }}
with

places as (

    select * from {{ ref('stg_run_mart_places') }}

),

orders as (

    select * from {{ with_published('stg_orders') }}

),

collected as (

    select * from {{ ref('int_collected_payments') }}

),

collectors as (

    select distinct
        source_id,
        order_source_id,
        time_zone
    from collected

),

ordered as (

    select
        collectors.source_id,
        orders.order_key,
        orders.market,
        orders.seller_key,
        orders.currency_code,
        orders.payable_amount,
        {{ month_of(local_date('orders.ordered_at', 'collectors.time_zone')) }} as collection_month
    from orders
    inner join collectors on orders.source_id = collectors.order_source_id
    where orders.payable_amount > 0 and orders.seller_key is not null

),

placed as (

    select
        ordered.*,
        places.month
    from ordered
    inner join places
        on
            ordered.market = places.market
            and {{ month_after('ordered.collection_month', 1) }} = places.month

),

paid as (

    select
        placed.order_key,
        placed.source_id,
        sum(collected.amount) as paid_amount
    from placed
    inner join collected
        on
            placed.order_key = collected.order_key
            and placed.source_id = collected.source_id
            and placed.currency_code = collected.currency_code
            and placed.collection_month >= collected.collection_month
    where collected.payment_type = 'payment'
    group by placed.order_key, placed.source_id

),

gaps as (

    select
        placed.*,
        placed.payable_amount - coalesce(paid.paid_amount, 0) as gap_amount
    from placed
    left join paid on placed.order_key = paid.order_key and placed.source_id = paid.source_id

)

select
    {{ surrogate_key([
        "'collection'", 'source_id', 'seller_key', 'market', 'month', 'currency_code'
    ]) }} as payout_key,
    order_key,
    cast(gap_amount as decimal(19, 4)) as gap_amount
from gaps
where gap_amount <> 0
