with

judged as (

    select * from {{ ref('stg_shipments_judged') }}

),

markets as (

    select * from {{ ref('stg_run_markets') }}

)

select
    judged._document_key as shipment_key,
    judged._source_id as source_id,
    judged.carrier_code,
    judged.waybill_no,
    judged.order_no,
    judged._market as market,
    judged._month as month,
    judged.shipped_at,
    judged.scheduled_on,
    judged.delivered_at,
    {{ local_date('judged.delivered_at', 'markets.time_zone') }} as delivered_on,
    judged.transport_mode,
    judged.incoterm,
    judged.seller_id,
    judged.repairs,
    {{ load_columns() }}
from judged
left join markets on judged._market = markets.market
where judged.state in ('accepted', 'repaired')
