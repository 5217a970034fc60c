{#
    Lists of parcels that customs released. One that names two orders or none, whose waybill carries another order or
    serves several, is no list of one parcel. A waybill of which nothing has come yet is awaited.
#}
{{ config(materialized='table') }}
with

declarations as (

    select * from {{ with_published('stg_declarations') }}

),

receipts as (

    select * from {{ with_published('stg_declaration_receipts') }}

),

shipments as (

    select * from {{ with_published('stg_shipments') }}

),

order_documents as (

    select * from {{ ref('int_order_documents') }}

),

lists as (

    select
        order_documents.market,
        order_documents.month,
        order_documents.order_key,
        declarations.declaration_key,
        declarations.declaration_no,
        declarations.order_no,
        declarations.waybill_no
    from order_documents
    inner join declarations on order_documents.document_key = declarations.declaration_key
    where order_documents.feed = 'declarations' and declarations.document_kind = 'list'

),

released as (

    select
        declaration_key,
        min(received_at) as released_at
    from receipts
    where status_code = '800'
    group by declaration_key

),

waybills as (

    select
        order_documents.order_key,
        shipments.waybill_no,
        max(case when shipments.order_no like '%;%' then 1 else 0 end) as is_shared
    from order_documents
    inner join shipments on order_documents.document_key = shipments.shipment_key
    where order_documents.feed = 'shipments'
    group by order_documents.order_key, shipments.waybill_no

),

shipped_orders as (

    select distinct order_key
    from waybills

)

select
    lists.market,
    lists.month,
    lists.order_key,
    lists.declaration_key,
    lists.declaration_no,
    cast(released.released_at as date) as released_on,
    case
        when lists.order_no like '%;%' or lists.waybill_no is null or lists.waybill_no like '%;%' then 0
        when waybills.is_shared = 0 then 1
        else 0
    end as is_single,
    case
        when lists.order_no like '%;%' or lists.waybill_no is null or lists.waybill_no like '%;%' then 0
        when shipped_orders.order_key is null then 1
        else 0
    end as is_waiting
from lists
inner join released on lists.declaration_key = released.declaration_key
left join waybills on lists.order_key = waybills.order_key and lists.waybill_no = waybills.waybill_no
left join shipped_orders on lists.order_key = shipped_orders.order_key
