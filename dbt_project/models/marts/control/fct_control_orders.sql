{#
    What an order was to bring and what it brought, once for the invariants, the figures of operations and the
    worklist: each of them would join the same narrow columns again.
#}
{{ config(materialized='table') }}
{% set gone_states = "('cancelled', 'stopped', 'lost', 'returned_to_sender', 'returned', 'refunded')" %}
with

orders as (

    select * from {{ ref('int_ledger_orders') }}

),

ledger as (

    select * from {{ ref('fct_trade_ledger') }}

),

order_lines as (

    select * from {{ with_published('stg_order_lines') }}

),

order_documents as (

    select * from {{ ref('int_order_documents') }}

),

payments as (

    select * from {{ with_published('stg_payments') }}

),

returns as (

    select * from {{ with_published('stg_returns') }}

),

disputes as (

    select * from {{ with_published('stg_disputes') }}

),

delivered_feeds as (

    select * from {{ ref('stg_run_delivered_feeds') }}

),

markets as (

    select * from {{ ref('stg_run_markets') }}

),

-- A line that left its way for another reason than its cancellation or return: lost, stopped or sent back as a whole.
lines as (

    select
        ledger.order_key,
        ledger.quantity,
        ledger.line_amount,
        ledger.line_amount_usd,
        coalesce(order_lines.list_price_amount, order_lines.unit_price_amount) * ledger.quantity as list_amount,
        ledger.cancelled_qty,
        coalesce(ledger.returned_qty, 0) as returned_qty,
        coalesce(ledger.delivered_qty, 0) as delivered_qty,
        coalesce(ledger.shipped_qty, 0) as shipped_qty,
        ledger.declared_at,
        ledger.released_at,
        ledger.shipped_at,
        ledger.delivered_at,
        ledger.received_at,
        ledger.lost_at,
        ledger.violations,
        case
            when ledger.state in {{ gone_states }}
                then greatest(ledger.quantity - ledger.cancelled_qty - coalesce(ledger.returned_qty, 0), 0)
            else 0
        end as stopped_qty
    from ledger
    inner join order_lines on ledger.line_key = order_lines.line_key

),

-- Rounded for each line, so that sums are exact and do not depend on the order of rows.
valued_lines as (

    select
        *,
        {{ as_amount('line_amount_usd * least(cancelled_qty + returned_qty + stopped_qty, quantity) / quantity') }}
            as gone_amount_usd,
        {{ as_amount('line_amount * least(cancelled_qty + stopped_qty, quantity) / quantity') }} as called_off_amount,
        {{ as_amount('line_amount * greatest(quantity - cancelled_qty - stopped_qty - delivered_qty, 0) / quantity') }}
            as undelivered_amount
    from lines

),

per_order as (

    select
        order_key,
        count(*) as line_count,
        sum(quantity) as sold_qty,
        sum(cancelled_qty) as cancelled_qty,
        sum(returned_qty) as returned_qty,
        sum(stopped_qty) as stopped_qty,
        sum(delivered_qty) as delivered_qty,
        sum(line_amount_usd) as line_amount_usd,
        sum(list_amount) as list_amount,
        sum(gone_amount_usd) as gone_amount_usd,
        sum(called_off_amount) as called_off_amount,
        sum(undelivered_amount) as undelivered_amount,
        sum(line_amount) as line_amount,
        sum(case when cancelled_qty + stopped_qty < quantity then 1 else 0 end) as kept_line_count,
        sum(case when cancelled_qty < quantity then 1 else 0 end) as due_line_count,
        sum(case when cancelled_qty < quantity and delivered_at is not null then 1 else 0 end) as delivered_line_count,
        sum(case when shipped_qty > 0 then 1 else 0 end) as shipped_line_count,
        sum(case when lost_at is not null then 1 else 0 end) as lost_line_count,
        min(declared_at) as declared_at,
        max(released_at) as released_at,
        min(shipped_at) as shipped_at,
        max(delivered_at) as delivered_at,
        max(received_at) as received_at,
        sum(case when violations <> '' then 1 else 0 end) as violating_line_count,
        sum(case when violations like '%ledger.paid_missing%' then 1 else 0 end) as paid_missing_count
    from valued_lines
    group by order_key

),

paid as (

    select
        order_documents.order_key,
        payments.currency_code,
        sum(case when payments.payment_type = 'payment' then payments.amount else 0 end) as paid_amount,
        sum(case when payments.payment_type = 'refund' then -payments.amount else 0 end) as refunded_amount,
        sum(case when payments.payment_type = 'chargeback' then -payments.amount else 0 end) as charged_back_amount,
        min(case when payments.payment_type = 'payment' then payments.paid_at end) as first_paid_at
    from order_documents
    inner join payments on order_documents.document_key = payments.payment_key
    where order_documents.feed = 'payments'
    group by order_documents.order_key, payments.currency_code

),

taken_back as (

    select
        order_documents.order_key,
        sum(returns.refund_amount) as return_refund_amount,
        max(case when returns.reason_code in ('damaged', 'wrong_item', 'not_as_described') then 1 else 0 end)
            as has_faulty_goods
    from order_documents
    inner join returns on order_documents.document_key = returns.return_line_key
    where order_documents.feed = 'returns'
    group by order_documents.order_key

),

source_feeds as (

    select
        source_id,
        max(case when feed = 'payments' then 1 else 0 end) as has_payments,
        max(case when feed = 'shipments' then 1 else 0 end) as has_shipments
    from delivered_feeds
    group by source_id

),

granted as (

    select
        order_documents.order_key,
        sum(disputes.refunded_amount) as dispute_refund_amount
    from order_documents
    inner join disputes on order_documents.document_key = disputes.case_key
    where order_documents.feed = 'disputes'
    group by order_documents.order_key

),

-- Who calls a whole order off gets everything back, freight and tax too; otherwise the goods are paid back.
owed as (

    select
        orders.order_key,
        coalesce(paid.refunded_amount, 0) as refunded_amount,
        least(
            case
                when per_order.kept_line_count = 0 then orders.payable_amount
                else
                    round(per_order.called_off_amount, 2)
                    + coalesce(taken_back.return_refund_amount, 0)
                    + coalesce(granted.dispute_refund_amount, 0)
            end,
            orders.payable_amount
        ) as owed_amount,
        case
            when per_order.delivered_qty = 0 then orders.payable_amount else round(per_order.undelivered_amount, 2)
        end as undelivered_amount,
        orders.payable_amount
    from orders
    inner join per_order on orders.order_key = per_order.order_key
    left join paid on orders.order_key = paid.order_key and orders.currency_code = paid.currency_code
    left join taken_back on orders.order_key = taken_back.order_key
    left join granted on orders.order_key = granted.order_key

),

-- Goods that never arrived may be paid back without any other word: many sources say so by the refund alone.
expected as (

    select
        order_key,
        cast(
            least(greatest(owed_amount, least(refunded_amount, owed_amount + undelivered_amount)), payable_amount)
            as decimal(19, 4)
        ) as taken_back_amount
    from owed

)

select
    orders.order_key,
    orders.source_id,
    orders.market,
    orders.month,
    orders.order_no,
    orders.ordered_on,
    orders.ordered_at,
    orders.promised_on,
    orders.seller_key,
    orders.seller_id,
    orders.seller_country,
    orders.flow,
    orders.supervision_mode,
    orders.currency_code,
    orders.payable_amount,
    orders.discount_amount,
    coalesce(orders.tags, '') like '%is_test_order%' as is_test_order,
    coalesce(source_feeds.has_payments, 0) = 1 as has_payments,
    coalesce(source_feeds.has_shipments, 0) = 1 as has_shipments,
    cast(coalesce(paid.paid_amount, 0) as decimal(19, 4)) as paid_amount,
    cast(coalesce(paid.refunded_amount, 0) as decimal(19, 4)) as refunded_amount,
    cast(coalesce(paid.charged_back_amount, 0) as decimal(19, 4)) as charged_back_amount,
    paid.first_paid_at,
    coalesce({{ local_date('paid.first_paid_at', 'markets.time_zone') }}, orders.ordered_on) as settled_on,
    expected.taken_back_amount,
    coalesce(paid.refunded_amount, 0) >= orders.payable_amount - 0.01 as is_refunded,
    per_order.paid_missing_count > 0 as is_payment_missing,
    per_order.line_count,
    per_order.sold_qty,
    per_order.cancelled_qty,
    per_order.returned_qty,
    per_order.stopped_qty,
    per_order.delivered_qty,
    per_order.line_amount,
    per_order.line_amount_usd,
    per_order.list_amount,
    per_order.gone_amount_usd,
    per_order.due_line_count,
    per_order.delivered_line_count,
    per_order.shipped_line_count,
    per_order.lost_line_count,
    per_order.violating_line_count,
    coalesce(taken_back.has_faulty_goods, 0) = 1 as has_faulty_goods,
    per_order.declared_at,
    per_order.released_at,
    per_order.shipped_at,
    per_order.delivered_at,
    {{ local_date('per_order.delivered_at', 'markets.time_zone') }} as delivered_on,
    per_order.received_at,
    case when per_order.line_amount > 0 then cast(per_order.line_amount_usd as double) / per_order.line_amount end
        as usd_per_unit
from orders
inner join per_order on orders.order_key = per_order.order_key
inner join expected on orders.order_key = expected.order_key
inner join markets on orders.market = markets.market
left join source_feeds on orders.source_id = source_feeds.source_id
left join paid on orders.order_key = paid.order_key and orders.currency_code = paid.currency_code
left join taken_back on orders.order_key = taken_back.order_key
