with

lines as (

    select * from {{ ref('fct_order_lines') }}

),

orders as (

    select
        order_key,
        subdivision_code
    from {{ with_published('stg_orders') }}

),

product_sales as (

    select
        lines.market,
        lines.month,
        coalesce(orders.subdivision_code, 'unknown') as subdivision_code,
        lines.ordered_on,
        lines.quantity,
        lines.order_key,
        lines.line_amount_usd
    from lines
    left join orders on lines.order_key = orders.order_key
    where lines.product_kind = 'product' and lines.leg_type = 'sale'

)

select
    market,
    month,
    subdivision_code,
    ordered_on as sold_on,
    cast(sum(quantity) as decimal(19, 4)) as sold_qty,
    count(distinct order_key) as order_count,
    cast(sum(line_amount_usd) as decimal(19, 4)) as sales_amount_usd
from product_sales
group by market, month, subdivision_code, ordered_on
