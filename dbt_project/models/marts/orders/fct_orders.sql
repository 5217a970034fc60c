{# Lines in another currency than the header cannot be added up; the flag says that there are no sums of money. #}
{% set is_mixed = '(per_order.first_currency_code <> orders.currency_code'
    ~ ' or per_order.last_currency_code <> orders.currency_code)' %}
with

orders as (

    select * from {{ with_published('stg_orders') }}

),

places as (

    select * from {{ ref('stg_run_mart_places') }}

),

lines as (

    select * from {{ ref('fct_order_lines') }}

),

per_order as (

    select
        order_key,
        count(*) as line_count,
        sum(case when leg_type = 'sale' and product_kind = 'product' then quantity else 0 end) as sold_qty,
        sum(case when leg_type in ('cancellation', 'return') and product_kind = 'product' then -quantity else 0 end)
            as reversed_qty,
        sum(case when leg_type = 'sale' then line_amount else 0 end) as sales_amount,
        sum(case when leg_type in ('cancellation', 'return') then line_amount else 0 end) as reversal_amount,
        sum(case when leg_type = 'adjustment' then line_amount else 0 end) as adjustment_amount,
        case when count(*) = count(line_amount_usd) then sum(line_amount_usd) end as total_amount_usd,
        min(currency_code) as first_currency_code,
        max(currency_code) as last_currency_code
    from lines
    group by order_key

)

select
    orders.order_key,
    orders.source_id,
    orders.order_no,
    orders.market,
    orders.month,
    orders.ordered_at,
    orders.ordered_on,
    orders.customer_key,
    orders.seller_id,
    orders.channel,
    orders.order_status,
    orders.currency_code,
    cast(coalesce(per_order.line_count, 0) as bigint) as line_count,
    cast(coalesce(per_order.sold_qty, 0) as decimal(19, 4)) as sold_qty,
    cast(coalesce(per_order.reversed_qty, 0) as decimal(19, 4)) as reversed_qty,
    cast(case when not {{ is_mixed }} then per_order.sales_amount end as decimal(19, 4)) as sales_amount,
    cast(case when not {{ is_mixed }} then per_order.reversal_amount end as decimal(19, 4)) as reversal_amount,
    cast(case when not {{ is_mixed }} then per_order.adjustment_amount end as decimal(19, 4)) as adjustment_amount,
    cast(per_order.total_amount_usd as decimal(19, 4)) as total_amount_usd,
    coalesce({{ is_mixed }}, false) as has_mixed_currencies,
    orders.repairs,
    orders._file,
    orders._row,
    orders._batch_id,
    orders._loaded_at,
    orders._content_hash
from orders
inner join places on orders.market = places.market and orders.month = places.month
left join per_order on orders.order_key = per_order.order_key
