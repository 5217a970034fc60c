"""The demand of a market as the published tables hold it.

Belongs here: the SELECTs that turn the ledger's marts, promotions and stock counts into series. Does not: the type they
become (see market_demand.py).

A product is its `product_key`. Which site's stock-outs count for a market is told month by month: of the sites that
list the market among those they serve and keep the product, the one that serves the fewest. A count that is flagged as
out of stock speaks for the days since the count before, at most since the month's first day; it is known on the day
after it. Counts name products by their own source's keys, so they are joined by the product's number.
"""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from orchestration.forecasting.demand.calendar import CalendarEvent, events_of, read_calendar
from orchestration.forecasting.demand.market_demand import MarketDemand, market_demand_of

if TYPE_CHECKING:
    import duckdb

TABLES = ("fct_daily_demand", "fct_daily_region_demand", "stg_products", "stg_promotions", "stg_stock_snapshots")
_SALES = """
    select product_key as product_id, sold_on, order_count::double as lines, sold_qty::double as units,
        sales_amount_usd::double / nullif(sold_qty, 0)::double as unit_price
    from fct_daily_demand
    where market = $market and sold_qty <> 0 and sold_on < $made_on
    order by all
"""
_PRODUCTS = """
    select product_key as product_id, max_by(category_code, (valid_from, product_version_key)) as category_code,
        min(valid_from) as listed_on
    from stg_products
    where valid_from is null or valid_from < $made_on
    group by product_key
    order by all
"""
_REGIONS = """
    select subdivision_code, sold_on, order_count::double as orders
    from fct_daily_region_demand
    where market = $market and sold_on < $made_on
    order by all
"""
# A promotion is known from the day of its entry on, and on the day it starts at the latest; where the source does not
# say when it was entered, from the day on which it was read.
_PROMOTIONS = """
    select product_key as product_id, starts_on, ends_on, discount_pct::double as discount_pct,
        least(coalesce(changed_at, _loaded_at)::date, starts_on) as known_on
    from stg_promotions
    where market = $market and least(coalesce(changed_at, _loaded_at)::date, starts_on) < $made_on
    order by all
"""
_STOCK_OUTS = """
    with counts as (
        select product_id, month, site_code, counted_on, is_out_of_stock,
            len(string_split(served_countries, ';')) as served_count,
            lag(counted_on) over (
                partition by source_id, market, month, site_code, product_id order by counted_on
            ) as counted_before_on
        from stg_stock_snapshots
        where list_contains(string_split(replace(served_countries, ' ', ''), ';'), $market) and counted_on < $made_on
    ),
    nearest as (
        select * from counts
        qualify dense_rank() over (partition by product_id, month order by served_count, site_code) = 1
    ),
    names as (select distinct product_id, product_key from fct_daily_demand where market = $market)
    select names.product_key as product_id, counted_on as to_on, counted_on + 1 as known_on,
        coalesce(counted_before_on + 1, date_trunc('month', counted_on)::date) as from_on
    from nearest inner join names using (product_id)
    where is_out_of_stock
    order by all
"""
_FAR = date(9999, 12, 31)


def market_demand(
    con: "duckdb.DuckDBPyConnection",
    market: str,
    *,
    made_on: date | None = None,
    calendar: Sequence[CalendarEvent] | None = None,
) -> MarketDemand:
    """The demand of one market from views of TABLES, as known on the morning of `made_on` (left out: all of it).

    The calendar is the seed's unless another is given. A market without sales has a demand without days.
    """
    at = {"made_on": made_on or _FAR}
    here = {**at, "market": market}
    return market_demand_of(
        market,
        con.execute(_SALES, here).df(),
        products=con.execute(_PRODUCTS, at).df(),
        regions=con.execute(_REGIONS, here).df(),
        promotions=con.execute(_PROMOTIONS, here).df(),
        stock_outs=con.execute(_STOCK_OUTS, here).df(),
        events=events_of(read_calendar() if calendar is None else calendar, market),
    )
