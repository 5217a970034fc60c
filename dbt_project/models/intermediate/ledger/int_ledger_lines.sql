{{ config(materialized='table') }}
with

orders as (

    select * from {{ ref('int_ledger_orders') }}

),

lines as (

    select * from {{ with_published('stg_order_lines') }}

),

reversals as (

    select * from {{ ref('int_line_reversals') }}

),

-- An inferred reversal is a likely one; the ledger takes back only what its source documents.
cancelled as (

    select
        reversals.reverses_line_key as line_key,
        sum(-lines.quantity) as cancelled_qty
    from reversals
    inner join lines on reversals.line_key = lines.line_key
    where reversals.reversal_basis = 'documented' and lines.leg_type = 'cancellation'
    group by reversals.reverses_line_key

)

select
    lines.line_key,
    lines.order_key,
    orders.market,
    orders.month,
    lines.line_no,
    lines.product_key,
    lines.product_id,
    lines.quantity,
    lines.unit_price_amount,
    cast(lines.quantity * lines.unit_price_amount as decimal(19, 4)) as line_amount,
    lines.currency_code,
    -- A source that cancels an order whole by its status writes no legs.
    cast(coalesce(
        cancelled.cancelled_qty,
        case when lower(orders.order_status) in ('cancelled', 'canceled') then lines.quantity end,
        0
    ) as decimal(19, 4)) as cancelled_qty
from lines
inner join orders on lines.order_key = orders.order_key
left join cancelled on lines.line_key = cancelled.line_key
where lines.leg_type = 'sale' and lines.product_kind = 'product'
