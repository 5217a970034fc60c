{#
    Whatever is open and needs a person, with the day from which on he must act; who reads it compares with his day.
    Money at risk is in dollars at the rate of the order's day.
#}
{% set waits = {
    'paid': 'payment_overdue',
    'refund': 'refund_overdue',
    'declared': 'declaration_overdue',
    'released': 'release_overdue',
    'shipped': 'shipment_overdue',
    'delivered': 'delivery_overdue',
    'received': 'settlement_missing',
} %}
with

items as (

    select * from {{ ref('worklist_item') }}

),

invariants as (

    select * from {{ ref('invariant') }}

),

places as (

    select * from {{ ref('stg_run_mart_places') }}

),

orders as (

    select * from {{ ref('fct_control_orders') }}

),

ledger as (

    select * from {{ ref('fct_trade_ledger') }}

),

order_payouts as (

    select * from {{ ref('int_order_payouts') }}

),

match_results as (

    select * from {{ ref('fct_match_result') }}
    where match_status in ('mismatch', 'rejected')

),

match_rules as (

    select * from {{ ref('match_rule') }}

),

ledger_rules as (

    select * from {{ ref('ledger_rule') }}

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

critical_match_rules as (

    select
        rule_id,
        min(words) as words
    from match_rules
    where severity = 'critical'
    group by rule_id

),

paid_out_orders as (

    select distinct order_key
    from order_payouts
    where has_gross

),

-- One item for what all lines of an order wait for together.
waiting as (

    select
        ledger.order_key,
        ledger.waits_for,
        min(ledger.waits_due_on) as act_from_on,
        min(ledger.waits_since_at) as since_at,
        max(case when ledger.lost_at is not null then 1 else 0 end) as is_lost,
        count(*) as line_count,
        sum(ledger.line_amount_usd) as amount_usd,
        min(ledger.state) as state,
        min(coalesce(ledger.shipment_key, ledger.declaration_key, ledger.payment_key)) as document_key
    from ledger
    where ledger.waits_for is not null and ledger.waits_due_on is not null
    group by ledger.order_key, ledger.waits_for

),

waiting_items as (

    select
        case
            {% for milestone, exception_id in waits.items() -%}
            when waiting.waits_for = '{{ milestone }}'
                then {% if milestone == 'refund' %}case when waiting.is_lost = 1 then 'lost_without_refund' else '{{ exception_id }}' end
                {%- else %}'{{ exception_id }}'{% endif %}
            {% endfor -%}
        end as exception_id,
        orders.market,
        orders.month,
        orders.order_key,
        waiting.document_key,
        orders.order_no,
        orders.order_no as document_no,
        orders.seller_id,
        cast(null as varchar) as detail,
        'state ' || waiting.state as left_value,
        'waits for ' || waiting.waits_for as right_value,
        waiting.amount_usd as value_at_risk_usd,
        waiting.since_at,
        waiting.act_from_on
    from waiting
    inner join orders on waiting.order_key = orders.order_key
    left join paid_out_orders on waiting.order_key = paid_out_orders.order_key
    where
        waiting.waits_for in ('{{ waits.keys() | join("', '") }}')
        -- Money that is settled and has not come is the payout's item, once for all its orders.
        and (
            waiting.waits_for <> 'received'
            or (paid_out_orders.order_key is null and not orders.is_payment_missing)
        )
        -- Whoever has his money back waits for nothing.
        and (waiting.waits_for = 'refund' or not orders.is_refunded)

),

order_items as (

    select
        'payment_missing' as exception_id,
        market,
        month,
        order_key,
        cast(null as varchar) as document_key,
        order_no,
        order_no as document_no,
        seller_id,
        cast(null as varchar) as detail,
        'payable ' || payable_amount || ' ' || currency_code as left_value,
        'paid ' || paid_amount || ' ' || currency_code as right_value,
        cast(payable_amount - paid_amount as double) * usd_per_unit as value_at_risk_usd,
        coalesce(shipped_at, delivered_at, ordered_at) as since_at,
        cast(coalesce(shipped_at, delivered_at, ordered_at) as date) as act_from_on
    from orders
    where is_payment_missing and has_payments and payable_amount - paid_amount - taken_back_amount > 0.01
    union all
    select
        'refund_without_reason' as exception_id,
        market,
        month,
        order_key,
        cast(null as varchar) as document_key,
        order_no,
        order_no as document_no,
        seller_id,
        cast(null as varchar) as detail,
        'refunded ' || refunded_amount || ' ' || currency_code as left_value,
        'cancelled, returned or lost ' || taken_back_amount || ' ' || currency_code as right_value,
        cast(refunded_amount - taken_back_amount as double) * usd_per_unit as value_at_risk_usd,
        coalesce(first_paid_at, ordered_at) as since_at,
        cast(coalesce(first_paid_at, ordered_at) as date) as act_from_on
    from orders
    where refunded_amount - taken_back_amount > 0.01

),

-- Without a declaration there is no release either: that is told once.
violations as (

    select
        ledger.order_key,
        ledger_rules.rule_id,
        min(ledger_rules.words) as words,
        min(ledger.document_key) as document_key,
        min(ledger.since_at) as since_at,
        sum(ledger.line_amount_usd) as amount_usd,
        min(ledger.state) as state
    from (
        select
            order_key,
            state,
            state_since_at as since_at,
            line_amount_usd,
            coalesce(shipment_key, declaration_key, payment_key) as document_key,
            violations like '%ledger.declared_missing%' as is_declaration_missing,
            {{ separated('violations') }} as rule_id
        from ledger
        where violations <> ''
    ) as ledger
    inner join ledger_rules on ledger.rule_id = ledger_rules.rule_id
    where
        ledger_rules.severity = 'error'
        and not (ledger_rules.rule_id = 'ledger.released_missing' and ledger.is_declaration_missing)
    group by ledger.order_key, ledger_rules.rule_id

),

violation_items as (

    select
        'ledger_violation' as exception_id,
        orders.market,
        orders.month,
        orders.order_key,
        violations.document_key,
        orders.order_no,
        orders.order_no as document_no,
        orders.seller_id,
        violations.words as detail,
        'state ' || violations.state as left_value,
        violations.rule_id as right_value,
        violations.amount_usd as value_at_risk_usd,
        violations.since_at,
        cast(violations.since_at as date) as act_from_on
    from violations
    inner join orders on violations.order_key = orders.order_key

),

-- One item for all that contradicts itself in an order, with the values of each rule in the same order.
broken_matches as (

    select
        match_results.order_key,
        match_results.match_status,
        min(coalesce(match_results.right_document_key, match_results.left_document_key)) as document_key,
        {{ joined_in_order(
            "match_results.rule_id || ': ' || critical_match_rules.words", '; ', 'match_results.rule_id'
        ) }} as detail,
        {{ joined_in_order("coalesce(match_results.left_value, '-')", '; ', 'match_results.rule_id') }} as left_value,
        {{ joined_in_order("coalesce(match_results.right_value, '-')", '; ', 'match_results.rule_id') }} as right_value
    from match_results
    inner join critical_match_rules on match_results.rule_id = critical_match_rules.rule_id
    group by match_results.order_key, match_results.match_status

),

match_items as (

    select
        case when broken_matches.match_status = 'rejected' then 'match_rejected' else 'match_mismatch' end
            as exception_id,
        orders.market,
        orders.month,
        orders.order_key,
        broken_matches.document_key,
        orders.order_no,
        orders.order_no as document_no,
        orders.seller_id,
        broken_matches.detail,
        broken_matches.left_value,
        broken_matches.right_value,
        orders.line_amount_usd as value_at_risk_usd,
        orders.ordered_at as since_at,
        orders.ordered_on as act_from_on
    from broken_matches
    inner join orders on broken_matches.order_key = orders.order_key

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
    cross join (select tolerance from invariants where invariant_id = 'declared_value_is_explained') as tolerated
    where abs(coverage.unexplained_amount) > tolerated.tolerance

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
            when is_key_reused then 'rebate_key_reused'
            when rebate_state = 'clawback_due' then 'rebate_claw_back'
            when rebate_state = 'queried' then 'rebate_queried'
            when rebate_state = 'refused' then 'rebate_refused'
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
            when claims.rebate_state = 'clawback_due' then 'to repay ' || claims.clawback_amount || ' ' || claims.currency_code
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

),

every_item as (

    {% for name in ('waiting_items', 'order_items', 'violation_items', 'match_items', 'coverage_items', 'payout_items', 'claim_items',
        'unlinked_items') -%}
    select * from {{ name }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

)

select
    {{ surrogate_key([
        'every_item.exception_id',
        "coalesce(every_item.order_key, '')",
        "coalesce(every_item.document_key, '')",
        "coalesce(every_item.detail, '')"
    ]) }} as item_key,
    every_item.market,
    every_item.month,
    every_item.order_key,
    every_item.document_key,
    every_item.exception_id,
    case when every_item.detail is null then items.words else items.words || ' (' || every_item.detail || ')' end as reason,
    every_item.left_value,
    every_item.right_value,
    cast(every_item.value_at_risk_usd as decimal(19, 4)) as value_at_risk_usd,
    every_item.since_at,
    {{ add_days('every_item.act_from_on', 'items.act_after_days') }} as act_from_on,
    items.owner_role,
    every_item.order_no,
    every_item.document_no,
    every_item.seller_id
from every_item
inner join items on every_item.exception_id = items.exception_id
inner join places on every_item.market = places.market and every_item.month = places.month
