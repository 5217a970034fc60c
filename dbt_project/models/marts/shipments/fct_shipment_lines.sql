with

lines as (

    select * from {{ ref('int_shipment_lines') }}

),

places as (

    select * from {{ ref('stg_run_mart_places') }}

)

select
    lines.shipment_line_key,
    lines.shipment_key,
    lines.source_id,
    lines.line_no,
    lines.market,
    lines.month,
    lines.product_key,
    lines.product_id,
    lines.product_name,
    lines.quantity,
    lines.line_value_amount,
    lines.currency_code,
    lines.allocated_weight_kg,
    lines.allocated_freight_amount,
    lines.insurance_amount,
    lines.repairs,
    lines._file,
    lines._row,
    lines._batch_id,
    lines._loaded_at,
    lines._content_hash
from lines
inner join places on lines.market = places.market and lines.month = places.month
