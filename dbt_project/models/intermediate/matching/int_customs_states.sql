{{ config(materialized='table') }}
{#
    A list or declaration that customs sent back, or whose last version was rejected, is dead: another one may take its
    place. Receipts are ordered by their own time, since their arrival says nothing.
#}
with

documents as (

    select * from {{ ref('int_order_documents') }}
    where feed = 'declarations'

),

declarations as (

    select * from {{ with_published('stg_declarations') }}
    where document_kind is null or document_kind <> 'summary'

),

receipts as (

    select * from {{ with_published('stg_declaration_receipts') }}

),

at_hand as (

    select
        declarations.declaration_key,
        declarations.declaration_no,
        declarations.declared_at,
        declarations.changed_at,
        declarations.order_no,
        contains(declarations.order_no, ';') as is_shared,
        coalesce(declarations.document_kind = 'list', false) as is_list,
        declarations.flow,
        declarations.supervision_mode,
        declarations.seller_key,
        declarations.seller_id,
        declarations.waybill_no,
        declarations.platform_code,
        declarations.merchant_uscc,
        declarations.buyer_id_no_key,
        declarations.buyer_name_key,
        declarations.gross_mass_kg
    from declarations
    where declarations.declaration_key in (select documents.document_key from documents)

),

answers as (

    select
        receipts.declaration_key,
        min(case when receipts.status_code in ('399', '800', '899') then receipts.received_at end) as concluded_at,
        min(case when receipts.status_code = '800' then receipts.received_at end) as released_at,
        min(case when receipts.status_code in ('700', '900') then receipts.received_at end) as stopped_at,
        max(case when receipts.status_code = '100' then receipts.received_at end) as rejected_at,
        max(case when receipts.status_code not in ('100', 'error') then receipts.received_at end) as answered_at
    from receipts
    where receipts.declaration_key in (select at_hand.declaration_key from at_hand)
    group by receipts.declaration_key

),

judged as (

    select
        at_hand.*,
        answers.concluded_at,
        answers.released_at,
        case
            when answers.stopped_at is not null then 'stopped'
            when answers.released_at is not null then 'released'
            when
                answers.rejected_at is not null
                and (answers.answered_at is null or answers.rejected_at > answers.answered_at)
                and (at_hand.changed_at is null or answers.rejected_at > at_hand.changed_at)
                then 'rejected'
            else 'in process'
        end as customs_status
    from at_hand
    left join answers on at_hand.declaration_key = answers.declaration_key

)

select
    *,
    customs_status in ('released', 'in process') as is_alive
from judged
