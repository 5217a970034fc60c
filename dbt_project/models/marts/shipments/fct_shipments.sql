with

shipments as (

    select * from {{ ref('int_shipments') }}

),

places as (

    select * from {{ ref('stg_run_mart_places') }}

),

lines as (

    select * from {{ ref('int_shipment_lines') }}

),

per_shipment as (

    select
        shipment_key,
        count(*) as line_count,
        max(shipment_weight_kg) as weight_kg,
        max(weight_note) as weight_note,
        max(shipment_freight_amount) as freight_amount,
        max(freight_note) as freight_note,
        sum(insurance_amount) as insurance_amount,
        max(shipment_value_amount) as goods_amount,
        case when count(distinct currency_code) = 1 then max(currency_code) end as currency_code
    from lines
    group by shipment_key

)

select
    shipments.shipment_key,
    shipments.source_id,
    shipments.carrier_code,
    shipments.waybill_no,
    shipments.market,
    shipments.month,
    shipments.order_key,
    shipments.order_count,
    shipments.shipped_at,
    shipments.scheduled_on,
    shipments.delivered_at,
    shipments.delivered_on,
    {{ days_between('shipments.scheduled_on', 'shipments.delivered_on') }} as days_after_schedule,
    shipments.delivered_on > shipments.scheduled_on as is_after_schedule,
    shipments.transport_mode,
    shipments.incoterm,
    shipments.seller_id,
    coalesce(per_shipment.line_count, 0) as line_count,
    cast(per_shipment.weight_kg as decimal(19, 4)) as weight_kg,
    case when per_shipment.weight_kg is null then per_shipment.weight_note end as weight_note,
    cast(per_shipment.freight_amount as decimal(19, 4)) as freight_amount,
    case when per_shipment.freight_amount is null then per_shipment.freight_note end as freight_note,
    cast(per_shipment.insurance_amount as decimal(19, 4)) as insurance_amount,
    cast(per_shipment.goods_amount as decimal(19, 4)) as goods_amount,
    per_shipment.currency_code,
    shipments.repairs,
    shipments._file,
    shipments._row,
    shipments._batch_id,
    shipments._loaded_at,
    shipments._content_hash
from shipments
inner join places on shipments.market = places.market and shipments.month = places.month
left join per_shipment on shipments.shipment_key = per_shipment.shipment_key
