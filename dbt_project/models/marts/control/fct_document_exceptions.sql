{# What is open of payouts, declared values, claims and lone documents; the worklist adds what orders wait for. #}
with

orders as (

    select * from {{ ref('fct_order_control') }}

),

invariants as (

    select * from {{ ref('invariant') }}

),

payouts as (

    select * from {{ ref('fct_payouts') }}

),

coverage as (

    select * from {{ ref('fct_declaration_coverage') }}

),

claims as (

    select * from {{ ref('fct_rebate_claims') }}

),

rates as (

    select * from {{ ref('int_fx_rates_daily') }}

),

unlinked as (

    select * from {{ ref('unlinked_documents') }}

),

coverage_items as (

    select
        'declared_unexplained' as exception_id,
        coverage.market,
        coverage.month,
        coverage.order_key,
        coverage.declaration_key as document_key,
        orders.order_no,
        coverage.declaration_no as document_no,
        orders.seller_id,
        cast(null as varchar) as detail,
        'declared ' || coverage.declared_amount || ' ' || coverage.currency_code as left_value,
        'explained ' || (coverage.declared_amount - coverage.unexplained_amount) || ' ' || coverage.currency_code
            as right_value,
        abs(coverage.unexplained_amount_usd) as value_at_risk_usd,
        coverage.declared_at as since_at,
        coalesce(coverage.receipt_due_on, coverage.declared_on) as act_from_on
    from coverage
    inner join orders on coverage.order_key = orders.order_key
    inner join invariants on invariants.invariant_id = 'declared_value_is_explained'
    where abs(coverage.unexplained_amount) > invariants.tolerance

),

payout_items as (

    select
        case when payouts.payout_status = 'waiting_receipt' then 'receipt_overdue' else 'payout_unexplained' end
            as exception_id,
        payouts.market,
        payouts.month,
        cast(null as varchar) as order_key,
        payouts.payout_key as document_key,
        cast(null as varchar) as order_no,
        coalesce(payouts.payout_no, payouts.payout_key) as document_no,
        payouts.seller_id,
        cast(null as varchar) as detail,
        'payout ' || payouts.net_amount || ' ' || payouts.currency_code as left_value,
        case
            when payouts.payout_status = 'waiting_receipt' then 'no receipt'
            else 'receipt ' || payouts.received_amount || ' ' || payouts.receipt_currency_code
        end as right_value,
        case
            when payouts.payout_status = 'waiting_receipt'
                then {{ in_usd('payouts.net_amount', 'payouts.currency_code', 'rates.usd_per_unit') }}
            else abs(payouts.unexplained_amount_usd)
        end as value_at_risk_usd,
        payouts.settled_at as since_at,
        case when payouts.payout_status = 'waiting_receipt' then payouts.receipt_due_on else payouts.received_on end
            as act_from_on
    from payouts
    left join rates on payouts.currency_code = rates.currency_code and payouts.settled_on = rates.valid_on
    where payouts.payout_status in ('waiting_receipt', 'paid_unexplained')

),

claim_items as (

    select
        case
            when claims.is_key_reused then 'rebate_key_reused'
            when claims.rebate_state = 'clawback_due' then 'rebate_claw_back'
            when claims.rebate_state = 'queried' then 'rebate_queried'
            when claims.rebate_state = 'refused' then 'rebate_refused'
            else 'rebate_overdue'
        end as exception_id,
        claims.market,
        claims.month,
        claims.order_key,
        claims.claim_row_key as document_key,
        orders.order_no,
        claims.claim_key as document_no,
        orders.seller_id,
        cast(null as varchar) as detail,
        'claimed ' || claims.rebate_amount || ' ' || claims.currency_code as left_value,
        case
            when claims.rebate_state = 'clawback_due'
                then 'to repay ' || claims.clawback_amount || ' ' || claims.currency_code
            else claims.rebate_state
        end as right_value,
        {{ in_usd(
            "case when claims.rebate_state = 'clawback_due' then claims.clawback_amount else claims.rebate_amount end",
            'claims.currency_code',
            'rates.usd_per_unit'
        ) }} as value_at_risk_usd,
        claims.claimed_at as since_at,
        coalesce(claims.due_on, cast(claims.claimed_at as date)) as act_from_on
    from claims
    left join orders on claims.order_key = orders.order_key
    left join rates
        on claims.currency_code = rates.currency_code and cast(claims.claimed_at as date) = rates.valid_on
    where
        claims.is_key_reused
        or claims.rebate_state in ('clawback_due', 'queried', 'refused', 'claimed', 'accepted')

),

unlinked_items as (

    select
        'document_without_order' as exception_id,
        market,
        month,
        awaited_order_key as order_key,
        document_key,
        cast(null as varchar) as order_no,
        document_key as document_no,
        cast(null as varchar) as seller_id,
        feed as detail,
        'document of ' || feed as left_value,
        'no order' as right_value,
        cast(null as double) as value_at_risk_usd,
        waiting_since_at as since_at,
        cast(waiting_since_at as date) as act_from_on
    from unlinked

)

{% for name in ('coverage_items', 'payout_items', 'claim_items', 'unlinked_items') -%}
select
    exception_id,
    market,
    month,
    order_key,
    document_key,
    order_no,
    document_no,
    seller_id,
    detail,
    left_value,
    right_value,
    cast(value_at_risk_usd as double) as value_at_risk_usd,
    since_at,
    act_from_on
from {{ name }}
{% if not loop.last %}union all{% endif %}
{% endfor %}
