{# Numbers that a person may hold in hand, per feed; the trace finds the order by them. #}
{% set numbers = [
    ('payments', 'payment_key', ['payment_no']),
    ('shipments', 'shipment_key', ['waybill_no']),
    ('declarations', 'declaration_key', ['declaration_no', 'internal_no', 'pre_entry_no', 'waybill_no']),
    ('settlements', 'settlement_line_key', ['settlement_no', 'payout_ref']),
    ('rebate_claims', 'claim_row_key', ['claim_key', 'invoice_no']),
    ('returns', 'return_line_key', ['return_no']),
    ('disputes', 'case_key', ['case_no']),
    ('guarantee_claims', 'guarantee_claim_key', ['claim_no']),
] %}
with

orders as (

    select * from {{ with_published('stg_orders') }}

),

order_documents as (

    select * from {{ ref('int_order_documents') }}

),

places as (

    select * from {{ ref('stg_run_mart_places') }}

),

order_payouts as (

    select * from {{ ref('int_order_payouts') }}

),

payouts as (

    select * from {{ with_published_mart('int_paid_payouts', 'fct_payouts') }}

),

{% for feed, _, _ in numbers -%}
{{ feed }} as (

    select * from {{ with_published('stg_' ~ feed) }}

),

{% endfor -%}
every_number as (

    select
        orders.order_key,
        orders.market,
        orders.month,
        'orders' as feed,
        'order_no' as number_kind,
        orders.order_no as document_number
    from orders
    inner join places on orders.market = places.market and orders.month = places.month
    {% for feed, key, columns in numbers -%}
    {% for column in columns -%}
    union all
    select
        order_documents.order_key,
        order_documents.market,
        order_documents.month,
        '{{ feed }}' as feed,
        '{{ column }}' as number_kind,
        {{ feed }}.{{ column }} as document_number
    from order_documents
    inner join {{ feed }} on order_documents.document_key = {{ feed }}.{{ key }}
    where order_documents.feed = '{{ feed }}' and {{ feed }}.{{ column }} is not null
    {% endfor -%}
    {% endfor -%}
    {% for feed, column in [('payouts', 'payout_no'), ('bank_receipts', 'receipt_no')] -%}
    union all
    select
        order_payouts.order_key,
        order_payouts.market,
        order_payouts.month,
        '{{ feed }}' as feed,
        '{{ column }}' as number_kind,
        payouts.{{ column }} as document_number
    from order_payouts
    inner join payouts on order_payouts.payout_key = payouts.payout_key and order_payouts.market = payouts.market
    where payouts.{{ column }} is not null
    {% endfor %}
),

-- A settlement report has many lines for one order: its number stands once.
distinct_numbers as (

    select distinct
        order_key,
        market,
        month,
        feed,
        number_kind,
        document_number
    from every_number

)

select
    order_key,
    market,
    month,
    feed,
    number_kind,
    document_number,
    {{ hex_number("md5(upper(replace(document_number, ' ', '')))") }} as number_hash
from distinct_numbers
