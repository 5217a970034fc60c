"""What the recommendations' gate measures: the run's new rows by market.

Belongs here: SQL over the run's database. Does not: thresholds (see `expectations/recommending.py`).
"""

from orchestration.gates.measures import Measure

_LISTS = """
    with lists as (
        select market, source_id, customer_key, count(*) as length, count(distinct product_key) as products,
            max(rank) as last_rank, bool_and(isfinite(score) and length(reason) > 0) as is_sane
        from marketing.recommendation group by all
    ),
    judged as (
        select market, count(*) filter (where customer_key <> '*') as personal,
            count(*) filter (where length <> products or length <> last_rank or not is_sane) as broken_lists,
            count(*) filter (where customer_key = '*') as lists_for_everybody
        from lists group by all
    )
    select made.market, 'lists' as subject, coalesce(broken_lists, 0) as broken_lists,
        greatest(0, coalesce(personal, 0) - made.personal_customers) as lists_without_consent,
        coalesce(lists_for_everybody, 0) as lists_for_everybody
    from marketing.recommended as made left join judged using (market)
"""
_WORTH = """
    with figures as (
        select market, model, is_chosen, value, customer_count from marketing.recommendation_score
        where metric = 'ndcg' and target = 'all' and period = 'test'
    ),
    bars as (
        select market, max(value) as bar from figures where model in ('popularity', 'popularity_recent') group by all
    )
    select market, model || ', ' || customer_count || ' customers' as subject,
        case when bar > 0 then round(100 * (value / bar - 1), 1) end as gain_over_popularity_pct
    from figures inner join bars using (market) where is_chosen and customer_count >= 100
"""
RECOMMENDATION_MEASURES = (
    Measure("recommending.recommendation", "marketing.recommendation", _LISTS),
    Measure("recommending.recommendation_score", "marketing.recommendation_score", _WORTH),
)
