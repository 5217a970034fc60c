{#
    What each rule compares stands in the macro match_comparisons, what the differences mean in the seed match_rule. All
    rules of an order are told in one pass over the evidence, so that its rows, and the keys in them, stand side by
    side: that takes less time and space than one pass per rule. A closed order (cancelled, sent back by customs, or
    refunded before it was shipped) waits for nothing: it has no row where a document is missing.
#}
{% set comparisons = match_comparisons() %}
with

evidence as (

    select * from {{ ref('int_order_evidence') }}

),

rules as (

    select * from {{ ref('int_match_rules') }}

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
                    ({{ rule.get('applies', 'true') }})
                    and not (is_closed and coalesce({{ rule.get('waits', 'false') }}, false))
                    then {
                        'rule_id': 'match.{{ name }}',
                        'is_waiting': coalesce({{ rule.get('waits', 'false') }}, false),
                        'is_refused': coalesce({{ rule.get('refuses', 'false') }}, false),
                        'is_equal': coalesce({{ rule.get('is_equal', 'false') }}, false),
                        'is_excused': coalesce({{ rule.get('is_excused', 'false') }}, false),
                        'left_value': {{ rule['left_value'] }},
                        'right_value': {{ rule['right_value'] }},
                        'difference': cast({{ rule.get('difference', 'null') }} as double),
                        'base_number': cast({{ rule.get('base', 'null') }} as double),
                        'part_count': cast({{ rule.get('parts', '1') }} as integer)
                    }
            end{{ ',' if not loop.last }}
            {% endfor %}
        ]) as result
    from evidence

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
        compared.result.rule_id,
        compared.result.is_waiting,
        compared.result.is_refused,
        compared.result.is_equal,
        compared.result.is_excused,
        compared.result.left_value,
        compared.result.right_value,
        compared.result.difference,
        compared.result.base_number,
        compared.result.part_count
    from compared
    where compared.result is not null

)

select
    results.order_key,
    results.market,
    results.month,
    results.rule_id,
    {{ match_status() }} as match_status,
    results.left_value,
    results.right_value,
    case when not results.is_waiting then round(results.difference, 6) end as difference,
    case rules.left_document
        when 'payments' then results.payment_key
        when 'shipments' then results.shipment_key
        when 'declarations' then results.declaration_key
    end as left_document_key,
    case rules.right_document
        when 'payments' then results.payment_key
        when 'shipments' then results.shipment_key
        when 'declarations' then results.declaration_key
    end as right_document_key
from results
inner join rules on results.group_no = rules.group_no and results.rule_id = rules.rule_id
