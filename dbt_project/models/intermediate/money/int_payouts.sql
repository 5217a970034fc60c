{#
    What is to be paid out, in the run's market-months: reports as the platforms state them, collections as they follow
    from the payments. A report stands in the month in which it was written, a collection in the month after its own.
    Lines of one report that stand in several markets, months or currencies are as many payouts under one reference.
#}
{{ config(materialized='table') }}
with

places as (

    select * from {{ ref('stg_run_mart_places') }}

),

settlements as (

    select * from {{ with_published('stg_settlements') }}

),

collected as (

    select * from {{ ref('int_collected_payments') }}

),

practices as (

    select * from {{ ref('payout_practice') }}

),

report_legs as (

    select
        {{ settlement_payout_key('settlements') }} as payout_key,
        settlements.source_id,
        settlements.settlement_no as payout_no,
        settlements.market,
        settlements.month,
        settlements.currency_code,
        settlements.seller_key,
        settlements.seller_id,
        settlements.payout_ref,
        settlements.settled_at,
        settlements.settled_on,
        settlements.order_key,
        {{ payout_part('settlements.leg_type') }} as part,
        settlements.amount
    from settlements
    inner join places on settlements.market = places.market and settlements.month = places.month

),

reports as (

    select
        payout_key,
        'settlement' as payout_kind,
        any_value(payout_no) as payout_no,
        any_value(source_id) as source_id,
        any_value(market) as market,
        any_value(month) as month,
        max(seller_key) as seller_key,
        max(seller_id) as seller_id,
        any_value(currency_code) as currency_code,
        max(payout_ref) as payout_ref,
        max(settled_at) as closed_at,
        max(settled_on) as closed_on,
        count(distinct order_key) as order_count,
        sum(case when part = 'gross' then amount else 0 end) as gross_amount,
        sum(case when part = 'fee' then amount else 0 end) as fee_amount,
        sum(case when part = 'tax' then amount else 0 end) as tax_amount,
        sum(case when part = 'refund' then amount else 0 end) as refund_amount,
        sum(case when part = 'adjustment' then amount else 0 end) as adjustment_amount,
        sum(amount) as net_amount
    from report_legs
    group by payout_key

),

collections as (

    select
        collected.payout_key,
        'collection' as payout_kind,
        cast(null as varchar) as payout_no,
        any_value(collected.source_id) as source_id,
        any_value(collected.market) as market,
        any_value(collected.month) as month,
        any_value(collected.seller_key) as seller_key,
        any_value(collected.seller_id) as seller_id,
        any_value(collected.currency_code) as currency_code,
        cast(null as varchar) as payout_ref,
        cast(null as timestamp) as closed_at,
        {{ first_day_of('any_value(collected.month)') }} as closed_on,
        count(distinct collected.order_key) as order_count,
        sum(case when collected.payment_type = 'payment' then collected.amount else 0 end) as gross_amount,
        0 as fee_amount,
        0 as tax_amount,
        sum(case when collected.payment_type = 'payment' then 0 else collected.amount end) as refund_amount,
        0 as adjustment_amount,
        sum(collected.amount) as net_amount
    from collected
    inner join places on collected.market = places.market and collected.month = places.month
    group by collected.payout_key

),

payouts as (

    select * from reports
    union all
    select * from collections

),

practised as (

    select
        payouts.*,
        coalesce(own.collection_time_zone, general.collection_time_zone) as time_zone,
        {{ add_days('payouts.closed_on', 'coalesce(own.close_days, general.close_days)') }} as settled_on,
        coalesce(own.due_banking_days, general.due_banking_days) as due_banking_days
    from payouts
    inner join practices as general on general.source_id = '*'
    left join practices as own on payouts.source_id = own.source_id

)

select
    payout_key,
    payout_kind,
    payout_no,
    source_id,
    market,
    month,
    seller_key,
    seller_id,
    currency_code,
    payout_ref,
    coalesce(closed_at, {{ day_begins_at('settled_on', 'time_zone') }}) as settled_at,
    settled_on,
    cast(order_count as bigint) as order_count,
    cast(gross_amount as decimal(19, 4)) as gross_amount,
    cast(fee_amount as decimal(19, 4)) as fee_amount,
    cast(tax_amount as decimal(19, 4)) as tax_amount,
    cast(refund_amount as decimal(19, 4)) as refund_amount,
    cast(adjustment_amount as decimal(19, 4)) as adjustment_amount,
    cast(net_amount as decimal(19, 4)) as net_amount,
    {{ banking_days_after('settled_on', 'due_banking_days') }} as receipt_due_on,
    -- What the bank has credited is found later; what is published has it.
    cast(null as varchar) as match_basis,
    cast(null as varchar) as bank_receipt_key
from practised
