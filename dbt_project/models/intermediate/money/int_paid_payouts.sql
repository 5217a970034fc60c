{# Payouts beside what the bank has credited for them; the mart hands these rows on. #}
{{ config(materialized='table') }}
with

payouts as (

    select * exclude (match_basis, bank_receipt_key)
    from {{ ref('int_payouts') }}

),

paid as (

    select * from {{ ref('int_payout_receipts') }}

),

receipts as (

    select * from {{ with_published('stg_bank_receipts') }}

),

rates as (

    select * from {{ ref('int_fx_rates_daily') }}

),

currencies as (

    select * from {{ ref('currency') }}

),

-- Several credits for one payout: they are worth what they are on the day of the first.
per_payout as (

    select
        payout_key as paid_payout_key,
        arg_min(bank_receipt_key, struct_pack(value_on, bank_receipt_key)) as bank_receipt_key,
        arg_min(match_basis, struct_pack(value_on, bank_receipt_key)) as match_basis,
        min(value_on) as received_on,
        count(*) as receipt_count,
        sum(received_amount) as received_amount,
        sum(bank_charge_amount) as bank_charge_amount,
        max(payout_count) > 1 as is_receipt_shared
    from paid
    group by payout_key

),

credited as (

    select
        per_payout.*,
        receipts.receipt_no,
        receipts.currency_code as receipt_currency_code,
        currencies.minor_units
    from per_payout
    inner join receipts on per_payout.bank_receipt_key = receipts.bank_receipt_key
    left join currencies on receipts.currency_code = currencies.code

),

rated as (

    select
        payouts.*,
        credited.*,
        case
            when payouts.currency_code = credited.receipt_currency_code then 1
            else paying.usd_per_unit / paid_in.usd_per_unit
        end as fx_rate,
        case
            when payouts.currency_code = credited.receipt_currency_code then 1
            else settling.usd_per_unit / settled_in.usd_per_unit
        end as fx_rate_settled,
        paid_in.usd_per_unit as usd_per_received_unit
    from payouts
    left join credited on payouts.payout_key = credited.paid_payout_key
    left join rates as paying
        on payouts.currency_code = paying.currency_code and credited.received_on = paying.valid_on
    left join rates as paid_in
        on credited.receipt_currency_code = paid_in.currency_code and credited.received_on = paid_in.valid_on
    left join rates as settling
        on payouts.currency_code = settling.currency_code and payouts.settled_on = settling.valid_on
    left join rates as settled_in
        on credited.receipt_currency_code = settled_in.currency_code and payouts.settled_on = settled_in.valid_on

),

worth as (

    select
        *,
        -- A half of the smallest unit may be rounded either way: what was credited is then the rounded value.
        case
            when fx_rate = 1 then net_amount
            when
                abs(cast(received_amount + bank_charge_amount as double) - cast(net_amount as double) * fx_rate)
                <= 0.5 * pow(10, -minor_units) + 0.000001
                then received_amount + bank_charge_amount
            else cast(round(cast(net_amount as double) * fx_rate, minor_units) as decimal(19, 4))
        end as worth_received_amount,
        case
            when fx_rate_settled = 1 then net_amount
            else cast(round(cast(net_amount as double) * fx_rate_settled, minor_units) as decimal(19, 4))
        end as worth_settled_amount
    from rated

),

explained as (

    select
        *,
        worth_received_amount - worth_settled_amount as fx_difference_amount,
        received_amount + bank_charge_amount - worth_received_amount as unexplained_amount
    from worth

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
    settled_at,
    settled_on,
    order_count,
    gross_amount,
    fee_amount,
    tax_amount,
    refund_amount,
    adjustment_amount,
    net_amount,
    receipt_due_on,
    case
        when bank_receipt_key is null and net_amount <= 0 then 'nothing_due'
        when bank_receipt_key is null then 'waiting_receipt'
        when unexplained_amount = 0 then 'paid'
        else 'paid_unexplained'
    end as payout_status,
    match_basis,
    bank_receipt_key,
    receipt_no,
    cast(coalesce(receipt_count, 0) as bigint) as receipt_count,
    coalesce(is_receipt_shared, false) as is_receipt_shared,
    received_on,
    cast(received_amount as decimal(19, 4)) as received_amount,
    receipt_currency_code,
    cast(bank_charge_amount as decimal(19, 4)) as bank_charge_amount,
    cast(fx_rate as double) as fx_rate,
    cast(fx_rate_settled as double) as fx_rate_settled,
    cast(fx_difference_amount as decimal(19, 4)) as fx_difference_amount,
    cast(unexplained_amount as decimal(19, 4)) as unexplained_amount,
    cast({{ in_usd('unexplained_amount', 'receipt_currency_code', 'usd_per_received_unit') }} as decimal(19, 4))
        as unexplained_amount_usd
from explained
