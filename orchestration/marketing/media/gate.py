"""What the gate of funnel and media judges, in the run's database.

Belongs here: SQL. Does not: thresholds (see `expectations/media.py`).
"""

from orchestration.gates.measures import Measure

MEDIA_GATE = "media_gate"
_FIGURES = """
    with credits as (
        select market, model, sum(orders) as orders from marketing.media_attribution group by all
    ),
    moves as (
        select market, 100 * abs(sum(suggested_per_day_usd) / nullif(sum(spend_per_day_usd), 0) - 1) as off_by,
            max(abs(change_pct)) as largest
        from marketing.budget_suggestion group by all
    )
    select market, 'effect of ' || medium as subject,
        isfinite(extra_orders) and lower_extra_orders <= extra_orders and extra_orders <= upper_extra_orders
            as interval_is_ordered,
        null::double as budget_off_by_pct, null::double as credits_off_by, null::boolean as loss_is_share
    from marketing.media_effect where extra_orders is not null
    union all
    select market, 'suggested budget', null, case when largest > 30.01 then 100 else off_by end, null, null from moves
    union all
    select market, 'credits by ' || model, null, null,
        abs(orders - max(orders) over (partition by market)), null
    from credits
    union all
    select market, dimension || ' ' || member || ', ' || step, null, null, null,
        lost_count between 0 and entered_count
    from marketing.funnel_loss
"""
# A market without visits and spend has nothing that could be judged, and nothing to hold back.
MARKETS_WITH_FIGURES = """
    select market from marketing.studied
    intersect
    select market from (
        select market from marketing.media_effect where extra_orders is not null
        union all
        select market from marketing.media_attribution
        union all
        select market from marketing.budget_suggestion
        union all
        select market from marketing.funnel_loss
    )
"""
MEDIA_MEASURES = (Measure("media.media_figures", "marketing.media_effect", _FIGURES),)
