{{ config(materialized='table') }}
{#
    When the goods of each order line were declared and what customs said. A summary repeats the lists of a seller's
    month: what it declares has been declared.
#}
with

lines as (

    select line_key from {{ ref('int_ledger_lines') }}

),

declarations as (

    select * from {{ with_published('stg_declarations') }}

),

receipts as (

    select * from {{ with_published('stg_declaration_receipts') }}

),

declaration_lines as (

    select * from {{ with_published('stg_declaration_lines') }}

),

declaration_moments as (

    select
        declaration_key,
        min(case when status_code = '800' then received_at end) as released_at,
        min(case when status_code <> '800' then received_at end) as stopped_at
    from receipts
    where status_code in ('700', '800', '900')
    group by declaration_key

)

select
    lines.line_key,
    declaration_lines.declaration_key as document_key,
    declaration_lines.declaration_line_key as document_line_key,
    declaration_lines.quantity,
    declarations.declared_at,
    declaration_moments.released_at,
    declaration_moments.stopped_at,
    case
        when declarations.change_type = 'change' and declarations.changed_at > declaration_moments.released_at
            then declarations.changed_at
    end as amended_at
from declaration_lines
inner join lines on declaration_lines.order_line_key = lines.line_key
inner join declarations on declaration_lines.declaration_key = declarations.declaration_key
left join declaration_moments on declaration_lines.declaration_key = declaration_moments.declaration_key
where declarations.document_kind is null or declarations.document_kind <> 'summary'
