{#
    Lists of parcels that customs released. One that names two orders or none, whose waybill carries another order or
    serves several, is no list of one parcel. A waybill of which nothing has come yet is awaited.
#}
{{ config(materialized='table') }}
with

declarations as (

    select * from {{ ref('int_customs_states') }}

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
        declarations.waybill_no,
        declarations.released_at
    from order_documents
    inner join declarations on order_documents.document_key = declarations.declaration_key
    where order_documents.feed = 'declarations' and declarations.is_list and declarations.released_at is not null

),

waybills as (

    select
        order_documents.order_key,
        shipments.waybill_no,
        max(case when shipments.order_no like '%;%' then 1 else 0 end) as is_shared
    from order_documents
    inner join shipments on order_documents.document_key = shipments.shipment_key
    where order_documents.feed = 'shipments' and order_documents.order_key in (select lists.order_key from lists)
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
    cast(lists.released_at as date) as released_on,
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
left join waybills on lists.order_key = waybills.order_key and lists.waybill_no = waybills.waybill_no
left join shipped_orders on lists.order_key = shipped_orders.order_key
