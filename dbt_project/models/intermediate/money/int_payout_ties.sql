{#
    Which credit pays which payout, in this order: the reference that both carry; the amount to the cent, in the
    payout's currency or converted at the value day; the amount to the cent once orders are counted whose payment is
    missing or differs; the amount within the practice's tolerance. A market is matched by itself, with its payouts of
    all months, so that nothing depends on what else a run builds. A credit that one of them explains is not offered to
    another, and a reference wins over every amount: a report that announces one is never paid by a credit with another.
#}
{{ config(materialized='table') }}
with

all_payouts as (

    select
        payout_key,
        payout_kind,
        source_id,
        market,
        month,
        seller_key,
        currency_code,
        payout_ref,
        settled_on,
        net_amount,
        match_basis,
        bank_receipt_key
    from {{ with_published_mart('int_payouts', 'fct_payouts') }}

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

gaps as (

    select * from {{ ref('int_collection_gaps') }}

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
        all_payouts.match_basis,
        all_payouts.bank_receipt_key,
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
        cast(payouts.net_amount as double) as net_amount,
        credits.bank_receipt_key,
        credits.value_on,
        cast(credits.credited_amount as double) as credited_amount,
        case
            when payouts.currency_code = credits.currency_code then 1
            else paying.usd_per_unit / paid.usd_per_unit
        end as fx_rate,
        -- Half of the smallest unit: the bank has rounded, and a half may go either way.
        0.5 * pow(10, -currencies.minor_units) + 0.000001 as rounding
    from payouts
    inner join credits
        on
            payouts.seller_key = credits.seller_key
            and credits.value_on between payouts.earliest_on and payouts.latest_on
    left join currencies on credits.currency_code = currencies.code
    left join rates as paying on payouts.currency_code = paying.currency_code and credits.value_on = paying.valid_on
    left join rates as paid on credits.currency_code = paid.currency_code and credits.value_on = paid.valid_on
    where
        (payouts.payout_ref is null or credits.payout_ref is null)
        and coalesce(credits.receipt_kind, '') <> 'advance_payment'
        and (
            coalesce(credits.receipt_kind, 'other') = 'other'
            or (payouts.payout_kind = 'collection') = (credits.receipt_kind = 'direct')
        )

),

offered as (

    select
        candidates.*,
        abs(candidates.credited_amount - candidates.net_amount * candidates.fx_rate) as distance
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
    where net_amount > 0 and distance <= rounding
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
    where referred.payout_key is null and explained.payout_key is null

),

gaps_of_open as (

    select
        gaps.payout_key,
        gaps.order_key,
        cast(gaps.gap_amount as double) as gap_amount
    from gaps
    where gaps.payout_key in (select left_over.payout_key from left_over)

),

one_or_two_gaps as (

    select
        payout_key,
        gap_amount,
        1 as gap_count
    from gaps_of_open
    union all
    select
        one.payout_key,
        one.gap_amount + two.gap_amount as gap_amount,
        2 as gap_count
    from gaps_of_open as one
    inner join gaps_of_open as two on one.payout_key = two.payout_key and one.order_key < two.order_key

),

-- Only where a single credit fits: with many gaps something fits by chance.
fitting as (

    select distinct
        left_over.payout_key,
        left_over.market,
        left_over.bank_receipt_key,
        one_or_two_gaps.gap_count
    from left_over
    inner join one_or_two_gaps on left_over.payout_key = one_or_two_gaps.payout_key
    where
        abs(left_over.credited_amount - (left_over.net_amount + one_or_two_gaps.gap_amount) * left_over.fx_rate)
        <= left_over.rounding

),

fewest_gaps as (

    select
        payout_key,
        market,
        bank_receipt_key
    from fitting
    qualify rank() over (partition by payout_key order by gap_count) = 1

),

found_by_gap as (

    select
        payout_key,
        market,
        bank_receipt_key
    from fewest_gaps
    qualify
        count(*) over (partition by payout_key) = 1
        and count(*) over (partition by market, bank_receipt_key) = 1

),

-- What a run does not build keeps the credit that was found for it when it was built.
by_gap as (

    select
        payout_key,
        market,
        bank_receipt_key
    from found_by_gap
    union
    select
        payout_key,
        market,
        bank_receipt_key
    from payouts
    where
        payouts.match_basis = 'known_gap'
        and payouts.payout_key not in (select found_by_gap.payout_key from found_by_gap)

),

near as (

    select left_over.*
    from left_over
    left join by_gap as referred on left_over.payout_key = referred.payout_key
    left join by_gap as explained
        on
            left_over.bank_receipt_key = explained.bank_receipt_key
            and left_over.market = explained.market
    where
        referred.payout_key is null
        and explained.payout_key is null
        and left_over.net_amount > 0
        and left_over.distance <= left_over.tolerance_pct / 100 * left_over.net_amount * left_over.fx_rate

),

nearest_payout as (

    select
        payout_key,
        bank_receipt_key,
        distance
    from near
    qualify
        row_number() over (
            partition by market, bank_receipt_key
            order by distance asc, settled_on desc, payout_key asc
        ) = 1

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
        'amount' as match_basis
    from by_amount
    union all
    select
        payout_key,
        bank_receipt_key,
        'known_gap' as match_basis
    from by_gap
    union all
    select
        payout_key,
        bank_receipt_key,
        'nearest' as match_basis
    from by_nearness

)

select
    tied.payout_key,
    tied.bank_receipt_key,
    tied.match_basis,
    payouts.market,
    payouts.month,
    payouts.settled_on,
    payouts.net_amount,
    payouts.currency_code
from tied
inner join payouts on tied.payout_key = payouts.payout_key
