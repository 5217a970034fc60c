with

lines as (

    select * from {{ ref('fct_order_lines') }}

),

product_legs as (

    select *
    from lines
    where product_kind = 'product' and leg_type in ('sale', 'cancellation', 'return')

)

select
    market,
    month,
    product_key,
    min(product_id) as product_id,
    ordered_on as sold_on,
    cast(sum(case when leg_type = 'sale' then quantity else 0 end) as decimal(19, 4)) as sold_qty,
    cast(sum(case when leg_type <> 'sale' then -quantity else 0 end) as decimal(19, 4)) as reversed_qty,
    count(distinct case when leg_type = 'sale' then order_key end) as order_count,
    cast(sum(case when leg_type = 'sale' then line_amount_usd end) as decimal(19, 4)) as sales_amount_usd,
    count(case when leg_type = 'sale' and is_fx_missing then 1 end) as lines_without_rate
from product_legs
group by market, month, product_key, ordered_on
