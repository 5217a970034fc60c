{{ config(materialized='table') }}
{#
    Which order lines a rebate claim is made for. A claim names an item of a declaration; a claim of listed exports
    names an item of the summary, whose items repeat those of the lists, so that summaries count here.
#}
with

lines as (

    select
        line_key,
        order_key,
        quantity
    from {{ ref('int_ledger_lines') }}

),

declaration_lines as (

    select * from {{ with_published('stg_declaration_lines') }}

),

claims as (

    select * from {{ with_published('stg_rebate_claims') }}

),

claimed_items as (

    select
        claims.claim_row_key,
        claims.claim_status,
        claims.claimed_at,
        claims.paid_on,
        claims.changed_at,
        declaration_lines.declaration_line_key,
        declaration_lines.order_line_key,
        declaration_lines.quantity
    from claims
    inner join declaration_lines
        on
            claims.declaration_no = declaration_lines.declaration_no
            and claims.declaration_line_no = declaration_lines.line_no

)

select
    lines.line_key,
    lines.order_key,
    claimed_items.claim_row_key,
    claimed_items.declaration_line_key,
    coalesce(claimed_items.quantity, lines.quantity) as quantity,
    claimed_items.claim_status,
    claimed_items.claimed_at,
    claimed_items.paid_on,
    claimed_items.changed_at
from claimed_items
inner join lines on claimed_items.order_line_key = lines.line_key
