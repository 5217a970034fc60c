{#
    A dead declaration (sent back or rejected) speaks for an order only while no living one does. Of a shared declaration
    each order has the status; its waybill and codes are compared all the same, its weight is not.
#}
with

documents as (

    select * from {{ ref('int_order_documents') }}

),

states as (

    select * from {{ ref('int_customs_states') }}

),

headers as (

    select * from {{ with_published('stg_orders') }}

),

shipments as (

    select * from {{ with_published('stg_shipments') }}

),

declared as (

    select
        documents.order_key,
        states.*,
        states.customs_status in ('released', 'in process') as is_alive
    from documents
    inner join states on documents.document_key = states.declaration_key
    where documents.feed = 'declarations'

),

-- The waybills of the orders, for the declarations that name one.
waybills as (

    select distinct
        documents.order_key,
        shipments.waybill_no
    from documents
    inner join shipments on documents.document_key = shipments.shipment_key
    where documents.feed = 'shipments'

),

named_waybills as (

    select
        declared.order_key,
        min(declared.waybill_no) as declared_waybill_no,
        bool_and(waybills.order_key is not null) as is_declared_waybill_known,
        min(case when waybills.order_key is null then declared.waybill_no end) as unknown_waybill_no
    from declared
    left join waybills on declared.order_key = waybills.order_key and declared.waybill_no = waybills.waybill_no
    where declared.waybill_no is not null and not declared.is_shared
    group by declared.order_key

),

codes as (

    select
        declared.order_key,
        min(headers.platform_code) as platform_code,
        min(headers.merchant_uscc) as merchant_uscc,
        min(declared.platform_code) as declared_platform_code,
        min(declared.merchant_uscc) as declared_merchant_uscc,
        min(declared.buyer_id_no_key) as person_key,
        bool_and(headers.platform_code = declared.platform_code) as is_platform_equal,
        bool_and(headers.merchant_uscc = declared.merchant_uscc) as is_merchant_equal,
        count(headers.buyer_id_no_key) = count(*) and count(declared.buyer_id_no_key) = count(*)
            as is_declared_id_stated,
        bool_and(headers.buyer_id_no_key = declared.buyer_id_no_key) as is_declared_id_equal,
        count(headers.buyer_name_key) = count(*) and count(declared.buyer_name_key) = count(*)
            as is_declared_name_stated,
        bool_and(headers.buyer_name_key = declared.buyer_name_key) as is_declared_name_equal
    from declared
    inner join headers on declared.order_key = headers.order_key
    group by declared.order_key

),

per_order as (

    select
        order_key,
        count(*) as declaration_count,
        min_by(declaration_key, cast(declared_at as varchar) || declaration_key) as declaration_key,
        min_by(declaration_no, cast(declared_at as varchar) || declaration_key) as declaration_no,
        bool_or(is_shared) as has_shared_declaration,
        bool_and(is_list) as is_listed,
        min(supervision_mode) as first_mode,
        max(supervision_mode) as last_mode,
        bool_and(case when is_alive then concluded_at is not null end) as is_concluded,
        min(case when is_alive then released_at end) as released_at,
        sum(gross_mass_kg) as declared_mass_kg,
        -- The worst of the living; a dead one counts only where none lives.
        case
            when bool_or(customs_status = 'in process') then 'in process'
            when bool_or(customs_status = 'released') then 'released'
            when bool_or(customs_status = 'stopped') then 'stopped'
            else 'rejected'
        end as customs_status
    from declared
    group by order_key

)

select
    per_order.*,
    named_waybills.declared_waybill_no,
    named_waybills.is_declared_waybill_known,
    named_waybills.unknown_waybill_no,
    codes.person_key,
    codes.platform_code,
    codes.merchant_uscc,
    codes.declared_platform_code,
    codes.declared_merchant_uscc,
    codes.is_platform_equal,
    codes.is_merchant_equal,
    codes.is_declared_id_stated,
    codes.is_declared_id_equal,
    codes.is_declared_name_stated,
    codes.is_declared_name_equal
from per_order
left join named_waybills on per_order.order_key = named_waybills.order_key
left join codes on per_order.order_key = codes.order_key
