with

judged as (

    select * from {{ ref('stg_shipment_lines_judged') }}

)

select
    _record_key as shipment_line_key,
    _document_key as shipment_key,
    _source_id as source_id,
    line_no,
    _market as market,
    _month as month,
    {{ surrogate_key(['_source_id', 'product_id']) }} as product_key,
    product_id,
    product_name,
    quantity,
    line_value_amount,
    currency_code,
    weight_kg,
    weight_ref,
    weight_note,
    freight_amount,
    freight_ref,
    freight_note,
    insurance_amount,
    repairs,
    {{ load_columns() }}
from judged
where state in ('accepted', 'repaired')
