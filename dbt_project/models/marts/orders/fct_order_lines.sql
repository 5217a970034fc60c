{% set line_amount_usd = in_usd('lines.line_amount', 'lines.currency_code', 'rates.usd_per_unit') %}
with

lines as (

    select * from {{ ref('int_order_lines') }}

),

places as (

    select * from {{ ref('stg_run_mart_places') }}

),

reversals as (

    select * from {{ ref('int_line_reversals') }}

),

rates as (

    select * from {{ ref('int_fx_rates_daily') }}

)

select
    lines.line_key,
    lines.order_key,
    lines.source_id,
    lines.order_no,
    lines.line_no,
    lines.market,
    lines.month,
    lines.ordered_at,
    lines.ordered_on,
    lines.customer_key,
    lines.seller_id,
    lines.channel,
    lines.product_key,
    lines.product_id,
    lines.product_name,
    lines.product_kind,
    lines.leg_type,
    lines.quantity,
    lines.unit_price_amount,
    lines.line_amount,
    lines.currency_code,
    {{ line_amount_usd }} as line_amount_usd,
    rates.rate_on as fx_rate_on,
    lines.line_amount is not null and {{ line_amount_usd }} is null as is_fx_missing,
    lines.is_zero_price,
    reversals.reverses_line_key,
    reversals.reversal_basis,
    lines.repairs,
    lines._file,
    lines._row,
    lines._batch_id,
    lines._loaded_at,
    lines._content_hash
from lines
inner join places on lines.market = places.market and lines.month = places.month
left join reversals on lines.line_key = reversals.line_key
left join rates on lines.currency_code = rates.currency_code and lines.ordered_on = rates.valid_on
