{#
    A rebate is due back for what came back after it was paid, in the share of the item that came back. A claim key is
    used once: every use of one that the market has twice says so.
#}
with

claims as (

    select * from {{ ref('int_rebate_claims') }}

),

claims_of_market as (

    select
        market,
        claim_key
    from {{ with_published_mart('int_rebate_claims', 'fct_rebate_claims') }}

),

terms as (

    select * from {{ ref('rebate_term') }}

),

reused as (

    select
        market,
        claim_key
    from claims_of_market
    group by market, claim_key
    having count(*) > 1

),

stated as (

    select
        claims.*,
        case
            when claims.claim_status = 'paid' and claims.returned_qty > 0 then 'clawback_due'
            else claims.claim_status
        end as rebate_state,
        case
            when claims.claim_status in ('paid', 'clawed_back') and claims.returned_qty > 0 and claims.quantity > 0
                then
                    round(
                        cast(claims.rebate_amount as double) * cast(claims.returned_qty as double)
                        / cast(claims.quantity as double), 2
                    )
            when claims.claim_status = 'clawed_back' then claims.rebate_amount
            else 0
        end as clawback_amount,
        case
            when claims.claim_status = 'paid' then cast(greatest(claims.paid_on, claims.returned_at) as date)
            when claims.claim_status = 'eligible' then claims.declared_on
            else cast(coalesce(claims.changed_at, claims.claimed_at) as date)
        end as state_since_on
    from claims

)

select
    stated.claim_row_key,
    stated.claim_key,
    stated.source_id,
    stated.declaration_line_key,
    stated.line_key,
    stated.order_key,
    stated.market,
    stated.month,
    stated.seller_key,
    stated.seller_id,
    stated.claim_status,
    stated.rebate_state,
    stated.base_amount,
    stated.rate_pct,
    stated.rebate_amount,
    cast(round(cast(stated.base_amount as double) * cast(stated.rate_pct as double) / 100, 2) as decimal(19, 4))
        as expected_rebate_amount,
    stated.currency_code,
    stated.claimed_at,
    stated.paid_on,
    stated.declared_on,
    case terms.day_kind
        when 'banking' then {{ banking_days_after('stated.state_since_on', 'terms.days') }}
        else {{ add_days('stated.state_since_on', 'terms.days') }}
    end as due_on,
    {{ april_after('stated.declared_on') }} as evidence_due_on,
    cast(stated.quantity as decimal(19, 4)) as quantity,
    cast(stated.returned_qty as decimal(19, 4)) as returned_qty,
    stated.returned_at,
    cast(stated.clawback_amount as decimal(19, 4)) as clawback_amount,
    reused.claim_key is not null as is_key_reused
from stated
left join terms on stated.rebate_state = terms.rebate_state
left join reused on stated.market = reused.market and stated.claim_key = reused.claim_key
