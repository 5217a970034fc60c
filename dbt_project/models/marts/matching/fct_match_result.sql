{#
    What each rule compares stands in the macro match_comparisons, what the differences mean in the seed match_rule. All
    rules of an order are told in one pass over the evidence, so that its rows, and the keys in them, stand side by
    side: that takes less time and space than one pass per rule. A rule that the order's group does not have is not even
    looked at. A closed order (cancelled, sent back by customs, or refunded before it was shipped) waits for nothing: it
    has no row where a document is missing.
#}
{% set comparisons = match_comparisons() %}
with

evidence as (

    select * from {{ ref('int_order_evidence') }}

),

rules as (

    select * from {{ ref('int_match_rules') }}

),

numbered_rules as (

    select
        *,
        case rule_id
            {% for name in comparisons -%}
            when 'match.{{ name }}' then {{ loop.index }}
            {% endfor -%}
        end as rule_no
    from rules

),

group_rules as (

    select
        {% for name in comparisons -%}
        bool_or(rule_id = 'match.{{ name }}') as has_{{ name }},
        {% endfor -%}
        group_no as ruled_group_no
    from rules
    group by group_no

),

evidence_and_rules as (

    select
        evidence.*,
        group_rules.*
    from evidence
    inner join group_rules on evidence.group_no = group_rules.ruled_group_no

),

compared as (

    select
        order_key,
        market,
        month,
        group_no,
        payment_key,
        shipment_key,
        declaration_key,
        unnest([
            {% for name, rule in comparisons.items() -%}
            case
                when
                    has_{{ name }}
                    {%- if 'applies' in rule %}
                    and ({{ rule['applies'] }})
                    {%- endif %}
                    {%- if 'waits' in rule %}
                    and not (is_closed and coalesce({{ rule['waits'] }}, false))
                    {%- endif %}
                    then {
                        'rule_no': cast({{ loop.index }} as integer),
                        'finding': {{ match_finding(rule) }},
                        'left_value': {{ rule['left_value'] }},
                        'right_value': {{ rule['right_value'] }},
                        'difference': cast({{ rule.get('difference', 'null') }} as double),
                        'base_number': cast({{ rule.get('base', 'null') }} as double),
                        'part_count': cast({{ rule.get('parts', '1') }} as integer)
                    }
            end{{ ',' if not loop.last }}
            {% endfor %}
        ]) as result
    from evidence_and_rules

),

results as (

    select
        compared.order_key,
        compared.market,
        compared.month,
        compared.group_no,
        compared.payment_key,
        compared.shipment_key,
        compared.declaration_key,
        compared.result.rule_no,
        compared.result.finding,
        compared.result.left_value,
        compared.result.right_value,
        compared.result.difference,
        compared.result.base_number,
        compared.result.part_count
    from compared
    where compared.result is not null

),

judged as (

    select
        results.*,
        rules.rule_id,
        rules.left_document,
        rules.right_document,
        {{ match_status() }} as match_status
    from results
    inner join numbered_rules as rules on results.group_no = rules.group_no and results.rule_no = rules.rule_no

)

select
    order_key,
    market,
    month,
    rule_id,
    match_status,
    left_value,
    right_value,
    case
        when match_status = 'matched' then nullif(round(difference, 6), 0)
        when finding <> 'waiting' then round(difference, 6)
    end as difference,
    case
        when match_status = 'matched' then null
        when left_document = 'payments' then payment_key
        when left_document = 'shipments' then shipment_key
        when left_document = 'declarations' then declaration_key
    end as left_document_key,
    case
        when match_status = 'matched' then null
        when right_document = 'payments' then payment_key
        when right_document = 'shipments' then shipment_key
        when right_document = 'declarations' then declaration_key
    end as right_document_key
from judged
