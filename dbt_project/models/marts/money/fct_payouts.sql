with

payouts as (

    select * from {{ ref('int_paid_payouts') }}

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
    payout_status,
    match_basis,
    bank_receipt_key,
    receipt_no,
    receipt_count,
    is_receipt_shared,
    received_on,
    received_amount,
    receipt_currency_code,
    bank_charge_amount,
    fx_rate,
    fx_rate_settled,
    fx_difference_amount,
    unexplained_amount,
    unexplained_amount_usd
from payouts
