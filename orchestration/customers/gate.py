"""What the customers' gate measures: sums of the run's new rows by market.

Belongs here: SQL over the run's database. Does not: thresholds (see `expectations/customers.py`).
"""

from itertools import pairwise

from orchestration.customers.tables import HORIZON_NAMES
from orchestration.gates.measures import Measure

_EXPECTED = [f"{what}_{name}{unit}" for name in HORIZON_NAMES for what, unit in (("purchases", ""), ("value", "_usd"))]
_IS_SANE = " and ".join(
    f"isfinite(expected_{one}) and expected_{one} >= 0 and low_{one} >= 0 and low_{one} <= high_{one}"
    f" and isfinite(high_{one})"
    for one in _EXPECTED
)
_GROWS = " and ".join(
    f"expected_purchases_{shorter} <= expected_purchases_{longer} + 1e-9" for shorter, longer in pairwise(HORIZON_NAMES)
)
# Each amount is rounded to four decimals.
_VALUE = f"""
    with valued as (
        select market, count(*) as customers, count(distinct (source_id, customer_key)) as distinct_customers,
            count(*) filter (where purchase_count > 0) as buyers, sum(net_amount_usd) as net_usd,
            count(*) filter (
                where not ({_IS_SANE} and {_GROWS} and coalesce(alive_probability between 0 and 1, true))
            ) as insane_customers
        from customers.customer_value group by all
    ),
    guests as (select market, value as guest_usd from customers.customer_figure where figure = 'guest_amount_usd'),
    portrayed as (select market, count(*) as customers from customers.customer_portrait group by all),
    told as (
        select market, count(*) filter (where buyer_count < 10) as small_groups
        from customers.audience_cell group by all
    ),
    surprising as (
        select market, count(*) filter (
            where category_buyer_count < 10 or not (low_ratio <= high_ratio and q_value <= 0.05)
        ) as small_groups
        from customers.surprise group by all
    ),
    placed as (select market, count(*) as customers from customers.customer_segment group by all),
    moved as (
        select market, sum(customer_count) as buyers
        from customers.segment_movement
        where (market, month) in (select (market, max(month)) from customers.segment_movement group by market)
        group by all
    )
    select made.market, 'customers' as subject,
        coalesce(insane_customers, 0) as insane_customers,
        abs(coalesce(valued.customers, 0) - coalesce(distinct_customers, 0))
            + abs(coalesce(valued.customers, 0) - coalesce(placed.customers, 0)) as customers_off,
        abs(coalesce(valued.customers, 0) - coalesce(portrayed.customers, 0)) as portraits_off,
        coalesce(told.small_groups, 0) + coalesce(surprising.small_groups, 0) as small_groups,
        abs(coalesce(valued.buyers, 0) - coalesce(moved.buyers, 0)) as moved_off,
        greatest(
            abs(made.total_usd - coalesce(net_usd, 0) - guest_usd)
                - 0.0001 * coalesce(valued.customers, 0) - 1e-9 * abs(made.total_usd), 0
        ) as amount_off_usd
    from customers.made as made
    left join guests using (market)
    left join valued on made.market = valued.market
    left join portrayed on made.market = portrayed.market
    left join told on made.market = told.market
    left join surprising on made.market = surprising.market
    left join placed on made.market = placed.market
    left join moved on made.market = moved.market
"""
_TEST = """
    select market, 'purchases of ' || customer_count || ' customers from ' || from_on || ' on' as subject,
        case when naive_rmse_purchases > 0
            then round(100 * (rmse_purchases / naive_rmse_purchases - 1), 1) end as excess_error_pct
    from customers.value_backtest where customer_group = 'all' and customer_count >= 100
"""
_STABILITY = """
    select market, kind || 's' as subject, min(agreement_pct) as agreement_pct
    from customers.segment_summary where kind = 'segment' group by all having sum(customer_count) >= 100
"""
CUSTOMER_MEASURES = (
    Measure("customers.customer_value", "customers.customer_value", _VALUE),
    Measure("customers.value_backtest", "customers.value_backtest", _TEST),
    Measure("customers.segment_summary", "customers.segment_summary", _STABILITY),
)
