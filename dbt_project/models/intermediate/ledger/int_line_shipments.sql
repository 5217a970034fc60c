{{ config(materialized='table') }}
{#
    How each order line was sent and what became of the parcel. A waybill that names no line carries its orders whole.
#}
with

lines as (

    select
        line_key,
        order_key
    from {{ ref('int_ledger_lines') }}

),

documents as (

    select * from {{ ref('int_order_documents') }}

),

shipments as (

    select * from {{ with_published('stg_shipments') }}

),

shipment_lines as (

    select * from {{ with_published('stg_shipment_lines') }}

),

tracking_events as (

    select * from {{ with_published('stg_tracking_events') }}

),

shipment_moments as (

    select
        shipment_key,
        min(case when event_code = 'delivered' then event_at end) as delivered_at,
        min(case when event_code = 'lost' then event_at end) as lost_at,
        min(case when event_code = 'returned' then event_at end) as returned_to_sender_at
    from tracking_events
    where event_code in ('delivered', 'lost', 'returned')
    group by shipment_key

),

named_items as (

    select
        shipment_key,
        order_line_key,
        shipment_line_key,
        quantity
    from shipment_lines
    where order_line_key is not null

),

unnamed_items as (

    select
        documents.document_key as shipment_key,
        lines.line_key
    from documents
    inner join lines on documents.order_key = lines.order_key
    where
        documents.feed = 'shipments'
        and documents.document_key not in (select named_items.shipment_key from named_items)

),

carried_items as (

    select
        named_items.shipment_key,
        lines.line_key,
        named_items.quantity,
        named_items.shipment_line_key
    from named_items
    inner join lines on named_items.order_line_key = lines.line_key
    union all
    select
        shipment_key,
        line_key,
        null as quantity,
        null as shipment_line_key
    from unnamed_items

)

select
    carried_items.line_key,
    carried_items.shipment_key as document_key,
    carried_items.shipment_line_key as document_line_key,
    carried_items.quantity,
    shipments.shipped_at,
    coalesce(shipments.delivered_at, shipment_moments.delivered_at) as delivered_at,
    shipment_moments.lost_at,
    shipment_moments.returned_to_sender_at
from carried_items
inner join shipments on carried_items.shipment_key = shipments.shipment_key
left join shipment_moments on carried_items.shipment_key = shipment_moments.shipment_key
