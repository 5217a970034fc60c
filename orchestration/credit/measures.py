"""What the gate of credit judges: columns that the suites of expectations/credit.py name.

Belongs here: SQL over the run's tables. Does not: thresholds.
"""

from orchestration.gates.measures import WITHOUT_MARKET, Measure

CREDIT_GATE = "credit_gate"
_NEWEST = "as_of_on = (select max(newest.as_of_on) from {table} as newest)"
_SCORE = f"""
    with today as (select * from credit.seller_score where {_NEWEST.format(table="credit.seller_score")}),
    parts as (select seller_id, as_of_on, sum(points) as points from credit.seller_score_part group by all)
    select '{WITHOUT_MARKET}' as market, today.seller_id as subject,
        -- The parts of a score that was kept stand at the day on which it was made.
        abs(today.score - parts.points)::double as points_off_by,
        coalesce(today.probability between 0 and 1, today.score is null)
            and (today.score is null) = (today.grade is null) as is_sane,
        case when today.is_stale
            then length(coalesce(today.stale_reason, '')) * (today.stale_since_on is not null)::integer end
            as stale_words_length
    from today
    left join parts on today.seller_id = parts.seller_id and today.scored_on = parts.as_of_on
"""
_LIMIT = f"""
    select '{WITHOUT_MARKET}' as market, seller_id as subject,
        case when stop_reason = '' then abs(model_limit_usd - greatest(0, round(
            least(cap_usd, receipts_term_usd, coalesce(rebate_term_usd, cap_usd)) * grade_factor, 2) - outstanding_usd))
            end as limit_off_by_usd,
        limit_usd,
        case when limit_basis = 'frozen' then limit_usd when stop_reason <> '' then model_limit_usd end
            as stopped_limit_usd,
        length(trim(coalesce(reason, ''))) as reason_length
    from credit.seller_limit
    where {_NEWEST.format(table="credit.seller_limit")}
"""
_PLEDGE = f"""
    select '{WITHOUT_MARKET}' as market, declaration_no || ' ' || line_no as subject, count(*) as advances_on_item
    from credit.pledge group by declaration_no, line_no
"""
_DECISION = f"""
    select '{WITHOUT_MARKET}' as market, decision_id as subject,
        (needs_second and lower(trim(coalesce(second_by, decided_by))) = lower(trim(decided_by)))::integer
            as people_missing
    from credit.limit_decision where state in ('in_force', 'done')
"""
_OFFER = f"""
    select '{WITHOUT_MARKET}' as market, seller_id || ' ' || market as subject,
        price_pct - expected_loss_pct as price_above_loss_pct
    from credit.guarantee_offer where is_offered
"""
_SIMULATION = f"""
    select '{WITHOUT_MARKET}' as market, 'after ' || month_no || ' months' as subject,
        -- What so many paths can tell is an interval.
        held_high_pct - confidence_pct as held_above_stated_pct
    from credit.guarantee_simulation
    where basis = 'simulated' and month_no = (select max(month_no) from credit.guarantee_simulation)
"""
_EXPOSURE = f"""
    with whole as (
        select coalesce(sum(outstanding_usd), 0) as outstanding_usd, coalesce(sum(limit_usd), 0) as limit_usd
        from credit.seller_limit where {_NEWEST.format(table="credit.seller_limit")}
    ),
    parts as (
        -- Each row is rounded to the cent.
        select coalesce(sum(outstanding_usd), 0) as outstanding_usd, coalesce(sum(limit_usd), 0) as limit_usd,
            0.005 * count(*) as rounding
        from credit.credit_exposure
    )
    select '{WITHOUT_MARKET}' as market, 'outstanding and limits' as subject,
        greatest(abs(whole.outstanding_usd - parts.outstanding_usd), abs(whole.limit_usd - parts.limit_usd))
            - rounding as exposure_off_by_usd
    from whole, parts
"""
CREDIT_MEASURES: tuple[Measure, ...] = (
    Measure("credit.seller_score", "credit.seller_score", _SCORE),
    Measure("credit.seller_limit", "credit.seller_limit", _LIMIT),
    Measure("credit.pledge", "credit.pledge", _PLEDGE),
    Measure("credit.limit_decision", "credit.limit_decision", _DECISION),
    Measure("credit.guarantee_offer", "credit.guarantee_offer", _OFFER),
    Measure("credit.guarantee_simulation", "credit.guarantee_simulation", _SIMULATION),
    Measure("credit.credit_exposure", "credit.credit_exposure", _EXPOSURE),
)
