{#
    (consumption tax + VAT) / (1 - consumption tax), both as shares; within the limit of a transaction the relief
    leaves a part of it (domain b). The rate of a code is that of its longest prefix in the seed on the day of the
    order; an order's rate is the mean of its declared lines, weighted by value.
#}
{% set full = '(rates.consumption_tax_pct + rates.vat_pct) / (100.0 - rates.consumption_tax_pct)' %}
with

orders as (

    select * from {{ ref('int_ledger_orders') }}
    where flow = 'import'

),

documents as (

    select * from {{ ref('int_order_documents') }}
    where feed = 'declarations'

),

states as (

    select * from {{ ref('int_customs_states') }}

),

declaration_lines as (

    select * from {{ with_published('stg_declaration_lines') }}

),

rates as (

    select * from {{ ref('import_tax_rate') }}

),

goods as (

    select
        orders.order_key,
        orders.ordered_on,
        coalesce(declaration_lines.hs_code, '') as hs_code,
        sum(declaration_lines.line_value_amount) as value_amount
    from orders
    inner join documents on orders.order_key = documents.order_key
    inner join states on documents.document_key = states.declaration_key
    inner join declaration_lines on states.declaration_key = declaration_lines.declaration_key
    where not states.is_shared and declaration_lines.line_value_amount is not null
    group by orders.order_key, orders.ordered_on, declaration_lines.hs_code

),

kinds as (

    select distinct
        ordered_on,
        hs_code
    from goods

),

rate_of_kind as (

    select
        kinds.ordered_on,
        kinds.hs_code,
        max_by({{ full }}, length(coalesce(rates.hs_prefix, ''))) as full_share,
        max_by({{ full }} * rates.relief_pct / 100, length(coalesce(rates.hs_prefix, ''))) as reduced_share
    from kinds
    inner join rates
        on
            kinds.ordered_on >= rates.valid_from
            and (rates.valid_to is null or kinds.ordered_on <= rates.valid_to)
            and starts_with(kinds.hs_code, coalesce(rates.hs_prefix, ''))
    group by kinds.ordered_on, kinds.hs_code

)

select
    goods.order_key,
    sum(goods.value_amount * rate_of_kind.full_share) / nullif(sum(goods.value_amount), 0) as full_share,
    sum(goods.value_amount * rate_of_kind.reduced_share) / nullif(sum(goods.value_amount), 0) as reduced_share
from goods
inner join rate_of_kind on goods.ordered_on = rate_of_kind.ordered_on and goods.hs_code = rate_of_kind.hs_code
group by goods.order_key
