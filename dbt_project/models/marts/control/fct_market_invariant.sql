{# The allowance of a person runs over a year, so that a month alone cannot tell: the market is written as a whole. #}
with

invariants as (

    select * from {{ ref('invariant') }}
    where invariant_id = 'allowance_of_a_person'

),

allowance as (

    select * from {{ ref('fct_import_allowance') }}

),

findings as (

    select
        market,
        month,
        cast(month || '-01' as date) as "day",
        order_key,
        least(used_cny_amount, 26000) as left_amount,
        used_cny_amount as right_amount,
        greatest(used_cny_amount - 26000, 0) as difference
    from allowance

)

select
    findings.market,
    findings.month,
    findings."day",
    invariants.invariant_id,
    'CNY' as unit,
    {{ invariant_sums('findings.order_key') }}
from findings
cross join invariants
group by
    findings.market,
    findings.month,
    findings."day",
    invariants.invariant_id,
    invariants.severity,
    invariants.tolerance
