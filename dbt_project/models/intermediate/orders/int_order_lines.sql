with

orders as (

    select * from {{ with_published('stg_orders') }}

),

lines as (

    select * from {{ with_published('stg_order_lines') }}

)

-- The header places the line: date, buyer and currency of an order are said once.
select
    lines.line_key,
    lines.order_key,
    lines.source_id,
    lines.order_no,
    lines.line_no,
    orders.market,
    orders.month,
    orders.ordered_at,
    orders.ordered_on,
    orders.customer_key,
    orders.seller_id,
    orders.channel,
    lines.product_key,
    lines.product_id,
    lines.product_name,
    lines.product_kind,
    lines.leg_type,
    lines.quantity,
    lines.unit_price_amount,
    cast(lines.quantity * lines.unit_price_amount as decimal(19, 4)) as line_amount,
    lines.currency_code,
    lines.list_price_amount,
    lines.promotion_id,
    lines.reverses_order_no,
    lines.reverses_line_no,
    lines.unit_price_amount = 0 as is_zero_price,
    lines.repairs,
    lines._file,
    lines._row,
    lines._batch_id,
    lines._loaded_at,
    lines._content_hash
from lines
inner join orders on lines.order_key = orders.order_key
