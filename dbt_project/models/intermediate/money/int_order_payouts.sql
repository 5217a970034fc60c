{#
    The payouts in which the money of an order reaches the seller, for the orders of the run's market-months. What was
    settled elsewhere than in the order's market is not looked up: only this market's payouts are there in every run.
#}
{{ config(materialized='table') }}
with

documents as (

    select * from {{ ref('int_order_documents') }}

),

settlements as (

    select * from {{ with_published('stg_settlements') }}

),

collected as (

    select * from {{ ref('int_collected_payments') }}

),

payouts as (

    select * from {{ with_published_mart('int_paid_payouts', 'fct_payouts') }}

),

legs as (

    select
        documents.order_key,
        documents.market,
        documents.month,
        {{ settlement_payout_key('settlements') }} as payout_key,
        settlements.settlement_line_key as document_key,
        settlements.settled_at as booked_at,
        {{ payout_part('settlements.leg_type') }} as part,
        settlements.amount,
        settlements.currency_code
    from documents
    inner join settlements on documents.document_key = settlements.settlement_line_key
    where documents.feed = 'settlements'
    union all
    select
        documents.order_key,
        documents.market,
        documents.month,
        collected.payout_key,
        collected.payment_key,
        collected.paid_at,
        case when collected.payment_type = 'payment' then 'gross' else 'refund' end as part,
        collected.amount,
        collected.currency_code
    from documents
    inner join collected on documents.document_key = collected.payment_key and documents.order_key = collected.order_key
    where documents.feed = 'payments'

),

per_payout as (

    select
        order_key,
        payout_key,
        any_value(market) as market,
        any_value(month) as month,
        any_value(currency_code) as currency_code,
        min(booked_at) as booked_at,
        min(document_key) as first_document_key,
        min(case when part = 'gross' then document_key end) as gross_document_key,
        min(case when part = 'refund' then document_key end) as refund_document_key,
        sum(case when part = 'gross' then amount else 0 end) as gross_amount,
        sum(case when part = 'fee' then amount else 0 end) as fee_amount,
        sum(case when part = 'tax' then amount else 0 end) as tax_amount,
        sum(case when part = 'refund' then amount else 0 end) as refund_amount,
        sum(case when part = 'adjustment' then amount else 0 end) as adjustment_amount,
        sum(amount) as net_amount
    from legs
    group by order_key, payout_key

)

select
    per_payout.order_key,
    per_payout.payout_key,
    per_payout.market,
    per_payout.month,
    payouts.payout_kind,
    per_payout.currency_code,
    per_payout.booked_at,
    per_payout.gross_document_key is not null as has_gross,
    per_payout.first_document_key,
    per_payout.gross_document_key,
    per_payout.refund_document_key,
    cast(per_payout.gross_amount as decimal(19, 4)) as gross_amount,
    cast(per_payout.fee_amount as decimal(19, 4)) as fee_amount,
    cast(per_payout.tax_amount as decimal(19, 4)) as tax_amount,
    cast(per_payout.refund_amount as decimal(19, 4)) as refund_amount,
    cast(per_payout.adjustment_amount as decimal(19, 4)) as adjustment_amount,
    cast(per_payout.net_amount as decimal(19, 4)) as net_amount,
    payouts.payout_status,
    payouts.receipt_due_on,
    payouts.bank_receipt_key,
    payouts.received_on
from per_payout
left join payouts on per_payout.payout_key = payouts.payout_key and per_payout.market = payouts.market
