{#
    Which receipt pays which payout, in this order: the reference that both carry; the amount to the cent, in the
    payout's currency or converted at the value day; the amount within the practice's tolerance. A market is matched by
    itself, with its payouts of all months, so that it never depends on what else a run builds: a receipt that one of
    them explains is not offered to another.
#}
{{ config(materialized='table') }}
with

all_payouts as (

    select * from {{ with_published_mart('int_payouts', 'fct_payouts') }}

),

receipts as (

    select * from {{ with_published('stg_bank_receipts') }}

),

practices as (

    select * from {{ ref('payout_practice') }}

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

payouts as (

    select
        all_payouts.payout_key,
        all_payouts.payout_kind,
        all_payouts.market,
        all_payouts.month,
        all_payouts.seller_key,
        all_payouts.currency_code,
        all_payouts.payout_ref,
        all_payouts.settled_on,
        all_payouts.net_amount,
        {{ add_days('all_payouts.settled_on', '-coalesce(own.close_days, general.close_days)') }} as earliest_on,
        {{ add_days('all_payouts.settled_on', 'coalesce(own.latest_days, general.latest_days)') }} as latest_on,
        coalesce(own.tolerance_pct, general.tolerance_pct) as tolerance_pct
    from all_payouts
    inner join practices as general on general.source_id = '*'
    left join practices as own on all_payouts.source_id = own.source_id

),

credits as (

    select
        bank_receipt_key,
        seller_key,
        value_on,
        currency_code,
        payout_ref,
        receipt_kind,
        amount,
        coalesce(bank_charge_amount, 0) as bank_charge_amount,
        amount + coalesce(bank_charge_amount, 0) as credited_amount
    from receipts

),

references_of_credits as (

    select distinct
        bank_receipt_key,
        seller_key,
        {{ separated('payout_ref') }} as payout_ref
    from credits
    where payout_ref is not null

),

by_reference as (

    select
        payouts.payout_key,
        payouts.market,
        payouts.settled_on,
        references_of_credits.bank_receipt_key,
        references_of_credits.payout_ref
    from references_of_credits
    inner join payouts
        on
            references_of_credits.payout_ref = payouts.payout_ref
            and references_of_credits.seller_key = coalesce(payouts.seller_key, references_of_credits.seller_key)

),

-- A credit is offered by its amount where no reference has found it a payout of this market.
candidates as (

    select
        payouts.payout_key,
        payouts.market,
        payouts.settled_on,
        payouts.tolerance_pct,
        payouts.net_amount,
        credits.bank_receipt_key,
        credits.value_on,
        credits.credited_amount,
        case
            when payouts.currency_code = credits.currency_code then payouts.net_amount
            else
                round(
                    cast(payouts.net_amount as double) * paying.usd_per_unit / paid.usd_per_unit,
                    currencies.minor_units
                )
        end as expected_amount,
        currencies.minor_units
    from payouts
    inner join credits
        on
            payouts.seller_key = credits.seller_key
            and credits.value_on between payouts.earliest_on and payouts.latest_on
    left join currencies on credits.currency_code = currencies.code
    left join rates as paying on payouts.currency_code = paying.currency_code and credits.value_on = paying.valid_on
    left join rates as paid on credits.currency_code = paid.currency_code and credits.value_on = paid.valid_on
    where
        payouts.net_amount > 0
        and coalesce(credits.receipt_kind, '') <> 'advance_payment'
        and (coalesce(credits.receipt_kind, 'other') = 'other'
            or (payouts.payout_kind = 'collection') = (credits.receipt_kind = 'direct'))

),

offered as (

    select
        candidates.*,
        abs(cast(candidates.credited_amount as double) - candidates.expected_amount) as distance,
        abs(cast(candidates.credited_amount as double) - candidates.expected_amount)
        < 0.6 * pow(10, -candidates.minor_units) as is_exact
    from candidates
    left join by_reference as referred
        on candidates.payout_key = referred.payout_key
    left join by_reference as explained
        on
            candidates.bank_receipt_key = explained.bank_receipt_key
            and candidates.market = explained.market
    where referred.payout_key is null and explained.payout_key is null

),

-- Two equal sums: a credit pays the payout that was closed last before it, and a payout takes the earliest credit.
last_closed as (

    select
        payout_key,
        market,
        bank_receipt_key,
        value_on
    from offered
    where is_exact
    qualify
        row_number() over (partition by market, bank_receipt_key order by settled_on desc, payout_key asc) = 1

),

by_amount as (

    select
        payout_key,
        market,
        bank_receipt_key
    from last_closed
    qualify row_number() over (partition by payout_key order by value_on, bank_receipt_key) = 1

),

left_over as (

    select offered.*
    from offered
    left join by_amount as referred on offered.payout_key = referred.payout_key
    left join by_amount as explained
        on
            offered.bank_receipt_key = explained.bank_receipt_key
            and offered.market = explained.market
    where
        referred.payout_key is null
        and explained.payout_key is null
        and offered.distance <= offered.tolerance_pct / 100 * offered.expected_amount

),

nearest_payout as (

    select
        payout_key,
        bank_receipt_key,
        distance
    from left_over
    qualify
        row_number() over (partition by market, bank_receipt_key order by distance, settled_on desc, payout_key) = 1

),

by_nearness as (

    select
        payout_key,
        bank_receipt_key
    from nearest_payout
    qualify row_number() over (partition by payout_key order by distance, bank_receipt_key) = 1

),

tied as (

    select distinct
        payout_key,
        bank_receipt_key,
        'reference' as match_basis
    from by_reference
    union all
    select
        payout_key,
        bank_receipt_key,
        'amount'
    from by_amount
    union all
    select
        payout_key,
        bank_receipt_key,
        'nearest'
    from by_nearness

),

-- A credit for several payouts gives each its net, and the last of them the rest.
valued as (

    select
        tied.payout_key,
        tied.bank_receipt_key,
        tied.match_basis,
        payouts.market,
        payouts.month,
        payouts.net_amount,
        credits.value_on,
        credits.amount,
        credits.bank_charge_amount,
        case
            when payouts.currency_code = credits.currency_code then 1
            else paying.usd_per_unit / paid.usd_per_unit
        end as fx_rate,
        currencies.minor_units,
        count(*) over same_credit as payout_count,
        row_number() over (same_credit order by payouts.settled_on desc, tied.payout_key desc) as position_from_end
    from tied
    inner join payouts on tied.payout_key = payouts.payout_key
    inner join credits on tied.bank_receipt_key = credits.bank_receipt_key
    left join currencies on credits.currency_code = currencies.code
    left join rates as paying on payouts.currency_code = paying.currency_code and credits.value_on = paying.valid_on
    left join rates as paid on credits.currency_code = paid.currency_code and credits.value_on = paid.valid_on
    window same_credit as (partition by tied.bank_receipt_key, payouts.market)

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
