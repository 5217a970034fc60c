{#
    A claim stands with its order, one of several orders with the first. Its item is the line of that order's
    declarations with the numbers that the claim names.
#}
{{ config(materialized='table') }}
with

claims as (

    select * from {{ with_published('stg_rebate_claims') }}

),

declarations as (

    select * from {{ with_published('stg_declarations') }}

),

declaration_lines as (

    select * from {{ with_published('stg_declaration_lines') }}

),

receipts as (

    select * from {{ with_published('stg_declaration_receipts') }}

),

returns as (

    select * from {{ with_published('stg_returns') }}

),

documents as (

    select * from {{ ref('int_order_documents') }}

),

homes as (

    select * from {{ ref('stg_run_document_homes') }}
    where feed = 'rebate_claims'

),

{{ first_of_several() }},

claimed as (

    select
        claims.claim_row_key,
        claims.source_id,
        claims.claim_key,
        documents.order_key,
        documents.market,
        documents.month,
        claims.declaration_no,
        claims.declaration_line_no,
        claims.seller_key,
        claims.seller_id,
        claims.claimed_at,
        claims.claimed_on,
        claims.claim_status,
        claims.base_amount,
        claims.rate_pct,
        claims.rebate_amount,
        claims.currency_code,
        claims.paid_on,
        claims.changed_at,
        claims.invoice_no,
        claims.hs_code
    from documents
    inner join claims on documents.document_key = claims.claim_row_key
    left join first_of_several on claims.claim_row_key = first_of_several.document_key
    where
        documents.feed = 'rebate_claims'
        and (first_of_several.order_key is null or first_of_several.order_key = documents.order_key)

),

declared as (

    select distinct
        documents.order_key,
        declarations.declaration_key,
        declarations.declaration_no,
        declarations.declared_on
    from documents
    inner join declarations on documents.document_key = declarations.declaration_key
    where documents.feed = 'declarations'

),

items as (

    select
        claimed.claim_row_key,
        min_by(declaration_lines.declaration_line_key, declaration_lines.declaration_line_key) as declaration_line_key,
        min_by(declared.declaration_key, declaration_lines.declaration_line_key) as declaration_key,
        min_by(declared.declared_on, declaration_lines.declaration_line_key) as declared_on,
        min_by(declaration_lines.order_line_key, declaration_lines.declaration_line_key) as line_key,
        min_by(declaration_lines.quantity, declaration_lines.declaration_line_key) as quantity
    from claimed
    inner join declared
        on claimed.order_key = declared.order_key and claimed.declaration_no = declared.declaration_no
    inner join declaration_lines
        on
            declared.declaration_key = declaration_lines.declaration_key
            and ltrim(claimed.declaration_line_no, '0') = ltrim(declaration_lines.line_no, '0')
    group by claimed.claim_row_key

),

-- Customs sent the goods back: of a list or of a declaration that repeats it, so the order's line tells.
sent_back as (

    select
        declaration_lines.declaration_key,
        declaration_lines.order_line_key,
        min(receipts.received_at) as sent_back_at
    from declaration_lines
    inner join receipts on declaration_lines.declaration_key = receipts.declaration_key
    where receipts.status_code = '900'
    group by declaration_lines.declaration_key, declaration_lines.order_line_key

),

sent_back_lines as (

    select
        order_line_key,
        min(sent_back_at) as sent_back_at
    from sent_back
    where order_line_key is not null
    group by order_line_key

),

sent_back_declarations as (

    select
        declaration_key,
        min(sent_back_at) as sent_back_at
    from sent_back
    group by declaration_key

),

returned_lines as (

    select
        order_line_key,
        sum(quantity) as quantity,
        min(returned_at) as returned_at
    from returns
    where order_line_key is not null
    group by order_line_key

),

returned as (

    select
        claimed.*,
        items.declaration_line_key,
        items.line_key,
        items.quantity,
        items.declared_on,
        coalesce(sent_back_lines.sent_back_at, sent_back_declarations.sent_back_at) as sent_back_at,
        returned_lines.quantity as line_returned_qty,
        returned_lines.returned_at as line_returned_at
    from claimed
    left join items on claimed.claim_row_key = items.claim_row_key
    left join sent_back_lines on items.line_key = sent_back_lines.order_line_key
    left join sent_back_declarations on items.declaration_key = sent_back_declarations.declaration_key
    left join returned_lines on items.line_key = returned_lines.order_line_key

)

select
    * exclude (sent_back_at, line_returned_qty, line_returned_at),
    case
        when sent_back_at is not null then quantity
        else least(coalesce(line_returned_qty, 0), quantity)
    end as returned_qty,
    coalesce(sent_back_at, line_returned_at) as returned_at
from returned
