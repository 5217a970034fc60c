{#
    The parts of a document (its lines, events and receipts) are told by the sum of their content hashes, which does not
    depend on their order and needs neither a sort nor a long text.
#}
{% set feeds = tied_feeds() %}
{% set order_feed = {'feed': 'orders', 'key': 'order_key', 'parts': ['order_lines']} %}
{% set feeds_with_parts = [order_feed] + (feeds | selectattr('parts') | list) %}
with

orders as (

    select * from {{ with_published('stg_orders') }}

),

order_lines as (

    select * from {{ with_published('stg_order_lines') }}

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

bank_receipts as (

    select * from {{ with_published('stg_bank_receipts') }}

),

{% for feed in feeds -%}
{{ feed.feed }} as (

    select * from {{ with_published('stg_' ~ feed.feed) }}

),

{% for part in feed.parts -%}
{{ part }} as (

    select * from {{ with_published('stg_' ~ part) }}

),

{% endfor -%}
{%- endfor -%}
orders_here as (

    select
        orders.order_key,
        orders.market,
        orders.month,
        orders.order_no,
        orders.ordered_at,
        orders._content_hash,
        orders._file,
        orders._row
    from orders
    inner join places on orders.market = places.market and orders.month = places.month

),

-- Each kind of document adds up its own parts: those of one are not sought among those of all others.
{% for feed in feeds_with_parts -%}
{{ feed.feed }}_parts as (

    select
        document_key,
        count(*) as part_count,
        cast(mod(sum(part_hash), 1000000000000000000) as bigint) as parts_hash
    from (
        {% for part in feed.parts -%}
        select
            {{ feed.key }} as document_key,
            {{ hex_number('_content_hash') }} as part_hash
        from {{ part }}
        {% if not loop.last %}union all{% endif %}
        {% endfor -%}
    ) as parts
    group by document_key

),

{% endfor -%}
documents as (

    select
        orders_here.order_key,
        'orders' as feed,
        orders_here.order_key as document_key,
        orders_here.order_no as document_no,
        'is_order' as basis,
        orders_here.order_no as named_orders,
        orders_here.ordered_at as document_at,
        orders_here.market as document_market,
        orders_here.month as document_month,
        orders_here._content_hash,
        orders_parts.part_count,
        orders_parts.parts_hash,
        orders_here._file,
        orders_here._row
    from orders_here
    left join orders_parts on orders_here.order_key = orders_parts.document_key
    {% for feed in feeds -%}
    union all
    select
        order_documents.order_key,
        '{{ feed.feed }}' as feed,
        {{ feed.feed }}.{{ feed.key }} as document_key,
        {{ feed.feed }}.{{ feed.number }} as document_no,
        null as basis,
        {{ feed.feed }}.order_no as named_orders,
        {{ feed.feed }}.{{ feed.at }} as document_at,
        {{ feed.feed }}.market as document_market,
        {{ feed.feed }}.month as document_month,
        {{ feed.feed }}._content_hash,
        {{ feed.feed ~ '_parts.part_count' if feed.parts else 'null as part_count' }},
        {{ feed.feed ~ '_parts.parts_hash' if feed.parts else 'null as parts_hash' }},
        {{ feed.feed }}._file,
        {{ feed.feed }}._row
    from order_documents
    inner join {{ feed.feed }} on order_documents.document_key = {{ feed.feed }}.{{ feed.key }}
    {% if feed.parts -%}
    left join {{ feed.feed }}_parts on order_documents.document_key = {{ feed.feed }}_parts.document_key
    {% endif -%}
    where order_documents.feed = '{{ feed.feed }}'
    {% endfor -%}
    union all
    select
        order_payouts.order_key,
        'payouts' as feed,
        payouts.payout_key as document_key,
        payouts.payout_no as document_no,
        case when payouts.payout_kind = 'collection' then 'collection' else 'settlement_line' end as basis,
        null as named_orders,
        payouts.settled_at as document_at,
        payouts.market as document_market,
        payouts.month as document_month,
        null as _content_hash,
        null as part_count,
        null as parts_hash,
        null as _file,
        null as _row
    from order_payouts
    inner join payouts on order_payouts.payout_key = payouts.payout_key and order_payouts.market = payouts.market

),

-- A receipt may pay several payouts of one order: the first basis by name stands for all.
paid as (

    select
        order_payouts.order_key,
        bank_receipts.bank_receipt_key,
        min('payout_' || payouts.match_basis) as basis,
        any_value(bank_receipts.receipt_no) as receipt_no,
        any_value(bank_receipts.value_on) as value_on,
        any_value(bank_receipts._content_hash) as _content_hash,
        any_value(bank_receipts._file) as _file,
        any_value(bank_receipts._row) as _row
    from order_payouts
    inner join payouts on order_payouts.payout_key = payouts.payout_key and order_payouts.market = payouts.market
    inner join bank_receipts on payouts.bank_receipt_key = bank_receipts.bank_receipt_key
    group by order_payouts.order_key, bank_receipts.bank_receipt_key

),

documents_and_receipts as (

    select * from documents
    union all
    select
        order_key,
        'bank_receipts' as feed,
        bank_receipt_key as document_key,
        receipt_no as document_no,
        basis,
        null as named_orders,
        cast(value_on as timestamp) as document_at,
        '' as document_market,
        '' as document_month,
        _content_hash,
        null as part_count,
        null as parts_hash,
        _file,
        _row
    from paid

),

tied as (

    select
        documents.order_key,
        orders_here.market,
        orders_here.month,
        documents.feed,
        documents.document_key,
        documents.document_no,
        -- A document that names other orders, or none, reaches this one through what it holds.
        case
            when documents.basis is not null then documents.basis
            when documents.named_orders = orders_here.order_no then 'names_order'
            when
                position(';' || orders_here.order_no || ';' in ';' || replace(documents.named_orders, ' ', '') || ';')
                > 0
                then 'names_order'
            when documents.feed = 'rebate_claims' then 'declaration_item'
            else 'names_line'
        end as tie_basis,
        documents.document_at,
        documents.document_market,
        documents.document_month,
        documents._content_hash as document_hash,
        cast(coalesce(documents.part_count, 0) as bigint) as part_count,
        documents.parts_hash,
        orders_here._content_hash as order_hash,
        documents._file,
        documents._row
    from documents_and_receipts as documents
    inner join orders_here on documents.order_key = orders_here.order_key

)

select
    order_key,
    market,
    month,
    feed,
    document_key,
    {{ hex_number('document_key') }} as document_key_hash,
    document_no,
    {{ number_hash('document_no') }} as number_hash,
    tie_basis,
    document_at,
    document_market,
    document_month,
    document_hash,
    part_count,
    parts_hash,
    substr(
        sha256(
            order_hash || coalesce(document_hash, document_key) || coalesce(cast(parts_hash as varchar), '') || feed
            || tie_basis
        ), 1, 32
    ) as tie_hash,
    _file,
    _row
from tied
