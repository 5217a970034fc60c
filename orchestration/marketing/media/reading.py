"""What funnel and media read: published visits, orders and spend of a run's markets.

Belongs here: views over the lake and queries. Does not: any maths.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import duckdb
import numpy as np

from orchestration.lake import Lake
from orchestration.marketing.media.effect import MediaHistory
from orchestration.modeling.manifest import published_models
from orchestration.runs.market_models import published_views
from orchestration.runs.plan import RunPlan
from orchestration.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

READ = ("fct_sessions", "fct_media_daily", "fct_orders")
WEEKS = 112
PATHS_DAYS = 365
MOST_PAGES = 20
# Spend that has not arrived for so long has ended; before, its bill is only late.
_LATE_DAYS = 28
_VISITS = """
    create table visits as
    select market, session_key, started_at, started_on, customer_key, device_key, channel, screen, medium, landing_page,
        stage_no, is_bounce, order_key, value_usd::double as value_usd
    from fct_sessions where not is_bot_suspect
"""
_WEEKS = """
    with own as (
        select *, (max(started_on) over () - started_on) // 7 as age, max(started_on) over () as newest
        from visits where market = $market
    ),
    pages as (
        select landing_page from own group by all order by count(*) desc, landing_page limit $pages
    ),
    counted as (
        select age, any_value(newest) as newest, medium, screen, landing_page,
            grouping(medium) as no_medium, grouping(screen) as no_screen, grouping(landing_page) as no_page,
            count(*) as view_count, count(*) filter (stage_no >= 2) as product_count,
            count(*) filter (stage_no >= 3) as cart_count, count(*) filter (stage_no >= 4) as checkout_count,
            count(*) filter (stage_no >= 5) as paid_count, count(*) filter (is_bounce) as bounce_count,
            coalesce(sum(value_usd), 0) as value_usd
        from own where age < $weeks
        group by grouping sets ((age), (age, medium), (age, screen), (age, landing_page))
    )
    select
        case when no_medium = 0 then 'medium' when no_screen = 0 then 'screen' when no_page = 0 then 'landing_page'
            else 'all' end as dimension,
        coalesce(medium, screen, landing_page, 'all') as member,
        newest - (7 * age + 6)::integer as week_on,
        view_count, product_count, cart_count, checkout_count, paid_count, bounce_count, value_usd
    from counted
    where no_page = 1 or landing_page in (select landing_page from pages)
    order by all
"""
_PATHS = """
    with own as (
        select * from visits
        where market = $market and started_on > (select max(started_on) from visits where market = $market) - $days
    ),
    -- A device that only one customer has used is that customer's, also when nobody is logged in.
    owners as (
        select device_key, min(customer_key) as customer_key from own
        where device_key is not null and customer_key is not null
        group by all having count(distinct customer_key) = 1
    )
    select coalesce(own.customer_key, owners.customer_key, own.device_key, own.session_key) as visitor,
        own.started_at, own.medium, own.order_key is not null as is_order, own.value_usd
    from own left join owners using (device_key)
    order by all
"""
_KPI = """
    with firsts as (
        select customer_key, arg_min(order_key, ordered_at) as order_key from fct_orders
        where market = $market and customer_key is not null group by all
    ),
    new_customers as (
        select strftime(started_on, '%Y-%m') as month, medium, count(*) as new_customer_count
        from visits inner join firsts using (order_key)
        where market = $market group by all
    ),
    media as (
        select strftime(day, '%Y-%m') as month, medium, sum(spend_amount_usd)::double as spend_usd,
            sum(impressions)::bigint as impressions, sum(clicks)::bigint as clicks,
            sum(session_count)::bigint as session_count, sum(order_count)::bigint as order_count,
            sum(revenue_usd)::double as revenue_usd
        from fct_media_daily where market = $market group by all
    )
    select month, medium, spend_usd, impressions, clicks, session_count, order_count,
        coalesce(new_customer_count, 0) as new_customer_count, revenue_usd,
        100.0 * order_count / nullif(session_count, 0) as conversion_pct,
        nullif(spend_usd, 0) / nullif(clicks, 0) as cost_per_click_usd,
        revenue_usd / nullif(spend_usd, 0) as roas,
        nullif(spend_usd, 0) / nullif(new_customer_count, 0) as cost_per_new_customer_usd
    from media left join new_customers using (month, medium)
    order by all
"""
_ORDERS = """
    with own_channels as (select distinct channel from visits where market = $market)
    select ordered_on as day,
        count(*) filter (where channel in (select channel from own_channels)) as own_orders,
        count(*) as orders
    from fct_orders where market = $market and ordered_on is not null group by all order by all
"""
_SPEND = """
    select day, medium, sum(spend_amount_usd)::double as spend_usd from fct_media_daily
    where market = $market and spend_amount_usd > 0 group by all order by all
"""
_SHOP = """
    with own as (
        select * from fct_orders where market = $market
            and channel in (select distinct channel from visits where market = $market)
            and ordered_on > (select max(ordered_on) from fct_orders where market = $market) - 365
    )
    select avg(total_amount_usd)::double as order_value,
        100.0 * count(*) filter (where order_key in (select order_key from visits where market = $market))
            / nullif(count(*), 0) as seen_pct
    from own
"""


@contextmanager
def published(
    lake: Lake, plan: RunPlan, markets: Collection[str], settings: Settings
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the tables that are read, of these markets, and `visits`: those that no robot made."""
    with published_views(lake, plan, (published_models()[name] for name in READ), markets, settings) as con:
        con.execute(_VISITS)
        yield con


@dataclass(frozen=True)
class Shop:
    """The own shop's last year: mean value of an order, and how many of its orders have a visit that was seen."""

    order_value_usd: float
    seen_pct: float


def has_visits(con: duckdb.DuckDBPyConnection, market: str) -> bool:
    """Whether anybody was seen in the market."""
    return bool(con.execute("select 1 from visits where market = ? limit 1", [market]).fetchall())


def read_weeks(con: duckdb.DuckDBPyConnection, market: str) -> "pd.DataFrame":
    """Visits by stage, week and part of the market."""
    return con.execute(_WEEKS, {"market": market, "weeks": WEEKS, "pages": MOST_PAGES}).df()


def read_paths(con: duckdb.DuckDBPyConnection, market: str) -> "pd.DataFrame":
    """The visits of the last year, each with its visitor."""
    return con.execute(_PATHS, {"market": market, "days": PATHS_DAYS}).df()


def read_kpi(con: duckdb.DuckDBPyConnection, market: str) -> "pd.DataFrame":
    """Media by month."""
    return con.execute(_KPI, {"market": market}).df()


def read_shop(con: duckdb.DuckDBPyConnection, market: str) -> Shop:
    """What an order of the own shop is worth, and how many are seen."""
    value, seen = con.execute(_SHOP, {"market": market}).fetchall()[0]
    return Shop(float(value or 0.0), float(seen or 0.0))


def last_year(con: duckdb.DuckDBPyConnection, market: str) -> tuple[date, date] | None:
    """First and last day of the visits of the last year; None without any."""
    row = con.execute("select max(started_on), min(started_on) from visits where market = ?", [market]).fetchall()[0]
    if row[0] is None:
        return None
    return max(row[0] - timedelta(days=PATHS_DAYS - 1), row[1]), row[0]


def read_history(con: duckdb.DuckDBPyConnection, market: str) -> MediaHistory | None:
    """Orders and spend of a market by day; None without spend or without orders."""
    orders = con.execute(_ORDERS, {"market": market}).df()
    spend = con.execute(_SPEND, {"market": market}).df()
    if orders.empty or spend.empty:
        return None
    order_day = orders["day"].to_numpy("datetime64[D]")
    spend_day = spend["day"].to_numpy("datetime64[D]")
    first = max(order_day.min(), spend_day.min())
    last = min(order_day.max(), spend_day.max() + np.timedelta64(_LATE_DAYS, "D"))
    if last < first:
        return None
    days = np.arange(first, last + np.timedelta64(1, "D"))
    own, every = np.zeros(len(days)), np.zeros(len(days))
    place = (order_day - first).astype(np.int64)
    inside = (place >= 0) & (place < len(days))
    own[place[inside]] = orders["own_orders"].to_numpy(float)[inside]
    every[place[inside]] = orders["orders"].to_numpy(float)[inside]
    media = tuple(sorted(spend["medium"].unique()))
    table = np.zeros((len(days), len(media)))
    place = (spend_day - first).astype(np.int64)
    inside = (place >= 0) & (place < len(days))
    column = spend["medium"].map({name: row for row, name in enumerate(media)}).to_numpy(np.int64)
    table[place[inside], column[inside]] = spend["spend_usd"].to_numpy(float)[inside]
    return MediaHistory(market, days, own, every - own, media, table)
