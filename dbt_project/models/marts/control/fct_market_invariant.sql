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
        {{ first_day_of('month') }} as day,
        order_key,
        order_cny_amount - least(greatest(cast(difference as decimal(19, 4)), 0), order_cny_amount) as left_amount,
        order_cny_amount as right_amount,
        least(greatest(cast(difference as decimal(19, 4)), 0), order_cny_amount) as difference
    from allowance
    where match_status in ('matched', 'mismatch')

)

select
    findings.market,
    findings.month,
    findings.day,
    invariants.invariant_id,
    'CNY' as unit,
    {{ invariant_sums('findings.order_key') }}
from findings
cross join invariants
group by
    findings.market,
    findings.month,
    findings.day,
    invariants.invariant_id,
    invariants.severity,
    invariants.tolerance
