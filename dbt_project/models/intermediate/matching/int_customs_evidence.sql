{#
    A dead declaration (sent back or rejected) speaks for an order only while no living one does. A shared declaration
    says for each of its orders what its status is; its waybill and its weight are not compared.
#}
with

documents as (

    select * from {{ ref('int_order_documents') }}
    where feed = 'declarations'

),

states as (

    select * from {{ ref('int_customs_states') }}

)

select
    documents.order_key,
    count(*) as declaration_count,
    min(states.declaration_key) as declaration_key,
    min_by(states.declaration_no, states.declaration_key) as declaration_no,
    bool_or(states.is_shared) as has_shared_declaration,
    bool_and(states.is_list) as is_listed,
    min(states.supervision_mode) as declared_mode,
    bool_and(states.concluded_at is not null) filter (where states.is_alive) as is_concluded,
    min(states.released_at) filter (where states.is_alive) as released_at,
    sum(states.gross_mass_kg) as declared_mass_kg,
    case
        when bool_or(states.customs_status = 'in process') then 'in process'
        when bool_or(states.customs_status = 'released') then 'released'
        when bool_or(states.customs_status = 'stopped') then 'stopped'
        else 'rejected'
    end as customs_status,
    string_agg(states.waybill_no, ';') filter (where not states.is_shared) as declared_waybill_nos,
    min_by(states.seller_id, states.seller_key) as seller_id,
    min(states.seller_key) as seller_key,
    max_by(states.seller_id, states.seller_key) as last_seller_id,
    max(states.seller_key) as last_seller_key,
    min(states.platform_code) as platform_code,
    max(states.platform_code) as last_platform_code,
    min(states.merchant_uscc) as merchant_uscc,
    max(states.merchant_uscc) as last_merchant_uscc,
    count(states.buyer_id_no_key) = count(*) as is_buyer_id_stated,
    min(states.buyer_id_no_key) as buyer_id_no_key,
    max(states.buyer_id_no_key) as last_buyer_id_no_key,
    count(states.buyer_name_key) = count(*) as is_buyer_name_stated,
    min(states.buyer_name_key) as buyer_name_key,
    max(states.buyer_name_key) as last_buyer_name_key
from documents
inner join states on documents.document_key = states.declaration_key
group by documents.order_key
