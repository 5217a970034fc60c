with

lines as (

    select * from {{ ref('fct_order_lines') }}

),

offers as (

    select
        line_key,
        list_price_amount,
        promotion_id
    from {{ ref('int_order_lines') }}

),

-- What was asked for before a discount: the line's dollars in the proportion of its two prices.
product_legs as (

    select
        lines.*,
        offers.promotion_id,
        lines.line_amount_usd
        * coalesce(cast(offers.list_price_amount as double) / nullif(cast(lines.unit_price_amount as double), 0), 1)
            as list_amount_usd
    from lines
    left join offers on lines.line_key = offers.line_key
    where lines.product_kind = 'product' and lines.leg_type in ('sale', 'cancellation', 'return')

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
    cast(sum(case when leg_type = 'sale' then list_amount_usd end) as decimal(19, 4)) as list_amount_usd,
    count(distinct case when leg_type = 'sale' and promotion_id is not null then order_key end) as promoted_order_count,
    count(case when leg_type = 'sale' and is_fx_missing then 1 end) as lines_without_rate
from product_legs
group by market, month, product_key, ordered_on
