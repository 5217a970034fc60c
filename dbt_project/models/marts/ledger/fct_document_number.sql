{# What people may hold in hand beside the number of a document, which stands in its tie. #}
{% set numbers = [
    ('declarations', 'declaration_key', 'internal_no'),
    ('declarations', 'declaration_key', 'pre_entry_no'),
    ('settlements', 'settlement_line_key', 'payout_ref'),
    ('rebate_claims', 'claim_row_key', 'invoice_no'),
] %}
with

order_documents as (

    select * from {{ ref('int_order_documents') }}

),

declarations as (

    select * from {{ with_published('stg_declarations') }}

),

settlements as (

    select * from {{ with_published('stg_settlements') }}

),

rebate_claims as (

    select * from {{ with_published('stg_rebate_claims') }}

),

-- A settlement report has many lines for one order, an invoice many claims: the number stands once.
every_number as (

    {% for feed, key, column in numbers -%}
    select
        order_documents.order_key,
        any_value(order_documents.market) as market,
        any_value(order_documents.month) as month,
        '{{ feed }}' as feed,
        '{{ column }}' as number_kind,
        {{ feed }}.{{ column }} as document_number
    from order_documents
    inner join {{ feed }} on order_documents.document_key = {{ feed }}.{{ key }}
    where order_documents.feed = '{{ feed }}' and {{ feed }}.{{ column }} is not null
    group by order_documents.order_key, {{ feed }}.{{ column }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select
    order_key,
    market,
    month,
    feed,
    number_kind,
    document_number,
    {{ number_hash('document_number') }} as number_hash
from every_number
