{#
    Each invariant gives one finding per document, order, line or claim: what is on the left, what may still come, what
    is on the right, and by how much they differ. They are added up by day; two errors of a day never cancel out.
#}
with

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

lists as (

    select * from {{ ref('int_released_lists') }}

),

coverage as (

    select * from {{ ref('fct_declaration_coverage') }}

),

stock as (

    select * from {{ ref('int_stock_movements') }}

),

claims as (

    select * from {{ ref('fct_rebate_claims') }}

),

delivered_feeds as (

    select * from {{ ref('stg_run_delivered_feeds') }}

),

declaring_sources as (

    select source_id
    from delivered_feeds
    where feed = 'declarations'

),

-- An order without any payment waits for it, unless the ledger shows that it went on as if it had been paid.
paid_orders as (

    select
        market,
        month,
        settled_on,
        currency_code,
        order_no,
        paid_amount - refunded_amount - charged_back_amount as paid_net_amount,
        payable_amount - taken_back_amount - charged_back_amount as order_net_amount,
        case
            when paid_amount < payable_amount and not is_payment_missing
                then greatest(payable_amount - taken_back_amount - paid_amount + refunded_amount, 0)
            when refunded_amount < taken_back_amount
                then -least(
                    greatest(paid_amount - refunded_amount - payable_amount + taken_back_amount, 0),
                    taken_back_amount - refunded_amount
                )
            else 0
        end as waiting_amount
    from orders
    where has_payments and payable_amount is not null

),

departures as (

    select
        ledger.market,
        ledger.month,
        cast(ledger.shipped_at as date) as shipped_on,
        ledger.order_no,
        case when ledger.released_at <= ledger.shipped_at then 1 else 0 end as is_released_before
    from ledger
    inner join declaring_sources on ledger.source_id = declaring_sources.source_id
    where ledger.shipped_at is not null and ledger.flow in ('import', 'export')

),

findings as (

    select
        'payments_match_orders' as invariant_id,
        market,
        month,
        settled_on as "day",
        currency_code as unit,
        order_no as document_no,
        paid_net_amount as left_amount,
        waiting_amount,
        order_net_amount as right_amount,
        paid_net_amount + waiting_amount - order_net_amount as difference
    from paid_orders
    union all
    select
        'list_has_one_order_and_waybill' as invariant_id,
        market,
        month,
        released_on as "day",
        'lists' as unit,
        declaration_no as document_no,
        is_single as left_amount,
        is_waiting as waiting_amount,
        1 as right_amount,
        is_single + is_waiting - 1 as difference
    from lists
    union all
    select
        'departure_after_release' as invariant_id,
        market,
        month,
        shipped_on as "day",
        'order lines' as unit,
        order_no as document_no,
        is_released_before as left_amount,
        0 as waiting_amount,
        1 as right_amount,
        is_released_before - 1 as difference
    from departures
    union all
    select
        'delivered_within_ordered' as invariant_id,
        market,
        month,
        cast(ordered_at as date) as "day",
        'pieces' as unit,
        order_no as document_no,
        greatest(coalesce(shipped_qty, 0), coalesce(delivered_qty, 0)) as left_amount,
        0 as waiting_amount,
        quantity as right_amount,
        greatest(coalesce(shipped_qty, 0) - quantity, 0)
        + greatest(coalesce(delivered_qty, 0) - coalesce(shipped_qty, 0), 0) as difference
    from ledger
    where shipped_qty > 0 or delivered_qty > 0
    union all
    select
        'declared_value_is_explained' as invariant_id,
        market,
        month,
        declared_on as "day",
        currency_code as unit,
        declaration_no as document_no,
        declared_amount - unexplained_amount as left_amount,
        0 as waiting_amount,
        declared_amount as right_amount,
        -unexplained_amount as difference
    from coverage
    union all
    select
        'stock_is_conserved' as invariant_id,
        market,
        month,
        counted_on as "day",
        'pieces' as unit,
        site_code || ' ' || product_id as document_no,
        expected_qty as left_amount,
        0 as waiting_amount,
        on_hand_qty as right_amount,
        expected_qty - on_hand_qty as difference
    from stock
    union all
    select
        'rebate_within_base' as invariant_id,
        market,
        month,
        cast(claimed_at as date) as "day",
        currency_code as unit,
        claim_key as document_no,
        rebate_amount as left_amount,
        0 as waiting_amount,
        case when is_key_reused then 0 else least(rebate_amount, round(base_amount * rate_pct / 100, 2)) end
            as right_amount,
        case when is_key_reused then rebate_amount
            else greatest(rebate_amount - round(base_amount * rate_pct / 100, 2), 0) end as difference
    from claims
    where claim_status <> 'refused'

)

select
    findings.market,
    findings.month,
    findings."day",
    findings.invariant_id,
    findings.unit,
    {{ invariant_sums('findings.document_no', 'findings.waiting_amount') }}
from findings
inner join invariants on findings.invariant_id = invariants.invariant_id
inner join places on findings.market = places.market and findings.month = places.month
group by
    findings.market,
    findings.month,
    findings."day",
    findings.invariant_id,
    findings.unit,
    invariants.severity,
    invariants.tolerance
