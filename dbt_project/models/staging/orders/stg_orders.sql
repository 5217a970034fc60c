with

judged as (

    select * from {{ ref('stg_orders_judged') }}

)

select
    _record_key as order_key,
    _source_id as source_id,
    order_no,
    _market as market,
    _month as month,
    ordered_at,
    ordered_on,
    currency_code,
    {{ pseudonym("_source_id || '|' || customer_id") }} as customer_key,
    seller_id,
    channel,
    order_status,
    repairs,
    {{ load_columns() }}
from judged
where state in ('accepted', 'repaired')
