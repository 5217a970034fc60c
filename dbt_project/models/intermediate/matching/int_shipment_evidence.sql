{#
    Of a merged parcel each of its orders has the waybill; of a split order every waybill must agree, so the
    receivers of all of them are told by the first and the last in order of their keys.
#}
with

documents as (

    select * from {{ ref('int_order_documents') }}
    where feed = 'shipments'

),

shipments as (

    select * from {{ with_published('stg_shipments') }}

)

select
    documents.order_key,
    count(*) as shipment_count,
    min(shipments.shipment_key) as shipment_key,
    min_by(shipments.waybill_no, shipments.shipment_key) as waybill_no,
    string_agg(shipments.waybill_no, ';') as waybill_nos,
    min(shipments.shipped_at) as shipped_at,
    bool_or(contains(shipments.order_no, ';')) as has_shared_shipment,
    sum(shipments.gross_weight_kg) as waybill_weight_kg,
    min_by(shipments.seller_id, shipments.seller_key) as seller_id,
    min(shipments.seller_key) as seller_key,
    max_by(shipments.seller_id, shipments.seller_key) as last_seller_id,
    max(shipments.seller_key) as last_seller_key,
    min(shipments.consignee_name_key) as consignee_name_key,
    max(shipments.consignee_name_key) as last_consignee_name_key,
    min(shipments.consignee_phone_key) as consignee_phone_key,
    max(shipments.consignee_phone_key) as last_consignee_phone_key,
    min(shipments.consignee_address_key) as consignee_address_key,
    max(shipments.consignee_address_key) as last_consignee_address_key
from documents
inner join shipments on documents.document_key = shipments.shipment_key
group by documents.order_key
