with

judged as (

    select * from {{ ref('stg_order_lines_judged') }}

)

select
    _record_key as line_key,
    _document_key as order_key,
    _source_id as source_id,
    order_no,
    line_no,
    _market as market,
    _month as month,
    {{ surrogate_key(['_source_id', 'product_id']) }} as product_key,
    product_id,
    product_name,
    product_kind,
    leg_type,
    quantity,
    unit_price_amount,
    currency_code,
    reverses_order_no,
    reverses_line_no,
    unit_price_amount = 0 as is_zero_price,
    repairs,
    {{ load_columns() }}
from judged
where state in ('accepted', 'repaired')
