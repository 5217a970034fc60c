with

orders as (

    select * from {{ with_published('fct_orders') }}

),

places as (

    select distinct market from {{ ref('stg_run_mart_places') }}

)

select
    orders.market,
    orders.source_id,
    orders.customer_key,
    min(orders.ordered_on) as first_ordered_on,
    max(orders.ordered_on) as last_ordered_on,
    count(case when orders.sold_qty > 0 then 1 end) as order_count,
    cast(sum(orders.total_amount_usd) as decimal(19, 4)) as net_amount_usd
from orders
inner join places on orders.market = places.market
where orders.customer_key is not null
group by orders.market, orders.source_id, orders.customer_key
