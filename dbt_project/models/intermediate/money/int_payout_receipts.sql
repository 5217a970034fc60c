{# What each credit gives to each payout: one for several payouts gives each its net, and the last of them the rest. #}
{{ config(materialized='table') }}
with

tied as (

    select * from {{ ref('int_payout_ties') }}

),

credits as (

    select * from {{ with_published('stg_bank_receipts') }}

),

rates as (

    select * from {{ ref('int_fx_rates_daily') }}

),

currencies as (

    select * from {{ ref('currency') }}

),

places as (

    select * from {{ ref('stg_run_mart_places') }}

),

valued as (

    select
        tied.payout_key,
        tied.bank_receipt_key,
        tied.match_basis,
        tied.market,
        tied.month,
        tied.net_amount,
        credits.value_on,
        credits.amount,
        coalesce(credits.bank_charge_amount, 0) as bank_charge_amount,
        case
            when tied.currency_code = credits.currency_code then 1
            else paying.usd_per_unit / paid.usd_per_unit
        end as fx_rate,
        currencies.minor_units,
        count(*) over same_credit as payout_count,
        row_number() over (same_credit order by tied.settled_on desc, tied.payout_key desc) as position_from_end
    from tied
    inner join credits on tied.bank_receipt_key = credits.bank_receipt_key
    left join currencies on credits.currency_code = currencies.code
    left join rates as paying on tied.currency_code = paying.currency_code and credits.value_on = paying.valid_on
    left join rates as paid on credits.currency_code = paid.currency_code and credits.value_on = paid.valid_on
    window same_credit as (partition by tied.bank_receipt_key, tied.market)

),

expected as (

    select
        *,
        case
            when fx_rate = 1 then net_amount
            else cast(round(cast(net_amount as double) * fx_rate, minor_units) as decimal(19, 4))
        end as expected_amount
    from valued

),

shared as (

    select
        payout_key,
        bank_receipt_key,
        match_basis,
        market,
        month,
        value_on,
        fx_rate,
        payout_count,
        case
            when payout_count = 1 then amount
            when position_from_end > 1 then expected_amount
            else
                amount
                - sum(case when position_from_end > 1 then coalesce(expected_amount, 0) else 0 end) over same_credit
        end as received_amount,
        case when position_from_end = 1 then bank_charge_amount else 0 end as bank_charge_amount
    from expected
    window same_credit as (partition by bank_receipt_key, market)

)

select
    shared.payout_key,
    shared.bank_receipt_key,
    shared.match_basis,
    shared.value_on,
    shared.fx_rate,
    cast(shared.received_amount as decimal(19, 4)) as received_amount,
    cast(shared.bank_charge_amount as decimal(19, 4)) as bank_charge_amount,
    cast(shared.payout_count as bigint) as payout_count
from shared
inner join places on shared.market = places.market and shared.month = places.month
