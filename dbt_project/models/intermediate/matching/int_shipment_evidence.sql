{#
    Of a merged parcel each of its orders has the waybill; of a split order every waybill must agree. Where no event tells
    the departure, the goods count as gone when the carrier took them over.
#}
with

documents as (

    select * from {{ ref('int_order_documents') }}
    where feed = 'shipments'

),

headers as (

    select * from {{ with_published('stg_orders') }}

),

shipments as (

    select * from {{ with_published('stg_shipments') }}

),

carried as (

    select
        documents.order_key,
        shipments.shipment_key,
        shipments.waybill_no,
        shipments.shipped_at,
        contains(shipments.order_no, ';') as is_shared,
        shipments.gross_weight_kg,
        shipments.consignee_name_key,
        shipments.consignee_phone_key,
        shipments.consignee_address_key
    from documents
    inner join shipments on documents.document_key = shipments.shipment_key

),

consignees as (

    select
        carried.order_key,
        bool_and(headers.consignee_name_key = carried.consignee_name_key) as is_consignee_name_equal,
        bool_and(headers.consignee_phone_key = carried.consignee_phone_key) as is_consignee_phone_equal,
        bool_and(headers.consignee_address_key = carried.consignee_address_key) as is_consignee_address_equal
    from carried
    inner join headers on carried.order_key = headers.order_key
    where
        carried.consignee_name_key is not null
        or carried.consignee_phone_key is not null
        or carried.consignee_address_key is not null
    group by carried.order_key

),

per_order as (

    select
        order_key,
        count(*) as shipment_count,
        min_by(shipment_key, coalesce(cast(shipped_at as varchar), '9') || shipment_key) as shipment_key,
        min_by(waybill_no, coalesce(cast(shipped_at as varchar), '9') || shipment_key) as waybill_no,
        min(shipped_at) as shipped_at,
        bool_or(is_shared) as has_shared_shipment,
        sum(gross_weight_kg) as waybill_weight_kg
    from carried
    group by order_key

)

select
    per_order.*,
    consignees.is_consignee_name_equal,
    consignees.is_consignee_phone_equal,
    consignees.is_consignee_address_equal
from per_order
left join consignees on per_order.order_key = consignees.order_key
