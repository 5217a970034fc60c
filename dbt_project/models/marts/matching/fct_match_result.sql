{#
    Each rule is one narrow pass over the evidence; what it compares stands in the macro match_comparisons, what the
    differences mean in the seed match_rule. A closed order (cancelled, sent back by customs, or refunded before it was
    shipped) waits for nothing: it has no row where a document is missing.
#}
{% set document_keys = {
    'order': 'order_key', 'payment': 'payment_key', 'shipment': 'shipment_key', 'declaration': 'declaration_key'
} %}
with

evidence as (

    select * from {{ ref('int_order_evidence') }}

),

rules as (

    select * from {{ ref('int_match_rules') }}

),

compared as (

    {% for name, rule in match_comparisons().items() -%}
    select
        order_key,
        market,
        month,
        group_no,
        'match.{{ name }}' as rule_id,
        coalesce({{ rule.get('waits', 'false') }}, false) as is_waiting,
        {{ rule.get('refuses', 'false') }} as is_refused,
        {{ rule.get('is_equal', 'false') }} as is_equal,
        {{ rule.get('is_excused', 'false') }} as is_excused,
        {{ rule['left_value'] }} as left_value,
        {{ rule['right_value'] }} as right_value,
        cast({{ rule.get('difference', 'null') }} as double) as difference,
        cast({{ rule.get('base', 'null') }} as double) as base_number,
        cast({{ rule.get('parts', '1') }} as integer) as part_count,
        {{ document_keys[rule['left']] }} as left_document_key,
        {{ document_keys[rule['right']] }} as right_document_key
    from evidence
    {% set applies = rule.get('applies', 'true') -%}
    where ({{ applies }}) and not (is_closed and coalesce({{ rule.get('waits', 'false') }}, false))
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select
    compared.order_key,
    compared.market,
    compared.month,
    compared.rule_id,
    {{ match_status() }} as match_status,
    compared.left_value,
    compared.right_value,
    case when not compared.is_waiting then round(compared.difference, 6) end as difference,
    compared.left_document_key,
    compared.right_document_key
from compared
inner join rules on compared.group_no = rules.group_no and compared.rule_id = rules.rule_id
