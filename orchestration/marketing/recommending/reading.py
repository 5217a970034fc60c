"""What recommendations read: published sales, goods, customers, stock and visits of a market.

Belongs here: views over the lake, queries, which goods may be shown. Does not: any maths, writing.
"""

from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from orchestration.lake import Lake
from orchestration.modeling.manifest import published_models
from orchestration.runs.market_models import published_views
from orchestration.runs.plan import RunPlan
from orchestration.settings import PROJECT_ROOT, Settings

if TYPE_CHECKING:
    import pandas as pd

READ = ("fct_order_lines", "stg_products", "stg_customers", "stg_stock_snapshots", "fct_sessions", "stg_session_events")
RESTRICTIONS = PROJECT_ROOT / "dbt_project" / "seeds" / "import_restriction.csv"
NEW_DAYS = 90

_SALES = """
    select source_id || '|' || customer_key as customer, product_key, product_id, product_name, order_key, ordered_on,
        ordered_at
    from fct_order_lines
    where market = $market and leg_type = 'sale' and product_kind = 'product' and not is_zero_price and quantity > 0
    order by ordered_at, order_key, product_key
"""
# A site counts what has moved since its last count: the last count of a product stands, however old.
_STOCK = """
    with counted as (
        select site_code, product_key, on_hand_qty - coalesce(reserved_qty, 0) as free_qty
        from stg_stock_snapshots
        where market = $market or list_contains(string_split(replace(served_countries, ' ', ''), ';'), $market)
        qualify row_number() over (
            partition by site_code, product_key order by counted_on desc, stock_key desc
        ) = 1
    )
    select product_key, sum(free_qty)::double as free_qty from counted group by product_key
"""
_PRODUCTS = f"""
    with newest as (
        select *, min(valid_from) over (partition by product_key) as listed_on,
            max(valid_from) over () as newest_on
        from stg_products
        qualify row_number() over (partition by product_key order by valid_from desc, product_version_key) = 1
    ),
    sold as (
        select product_key, max(product_id) as product_id, max(product_name) as product_name
        from sales group by product_key
    ),
    barred as (
        select distinct product_key from newest inner join read_csv($restrictions, all_varchar = true) as rule
            on substr(hs_code, 1, length(hs_from)) between hs_from and hs_to
        where rule.market = $market and rule.valid_from <= $made_on::varchar
            and (rule.valid_to is null or rule.valid_to >= $made_on::varchar)
    )
    select coalesce(sold.product_key, newest.product_key) as product_key,
        coalesce(newest.product_id, sold.product_id) as product_id,
        coalesce(newest.product_name, sold.product_name, '') as product_name,
        newest.category_code, newest.source_id || '|' || newest.seller_id as maker,
        newest.list_price_amount::double as price, stock.free_qty,
        barred.product_key is not null as is_barred
    from sold
    full join newest on sold.product_key = newest.product_key
    left join stock on stock.product_key = coalesce(sold.product_key, newest.product_key)
    left join barred on barred.product_key = newest.product_key
    where sold.product_key is not null or (listed_on > $made_on - {NEW_DAYS} and stock.free_qty > 0)
    order by all
"""
_CUSTOMERS = """
    select source_id || '|' || customer_key as customer, gender, subdivision_code,
        coalesce(has_profile_consent, false) as has_profile_consent,
        coalesce(has_marketing_consent, false) as has_marketing_consent
    from stg_customers where market = $market and customer_key is not null
    qualify row_number() over (
        partition by source_id, customer_key order by valid_from desc, customer_version_key
    ) = 1
    order by customer
"""
# A clock that runs ahead does not end the days of all others.
_LOOKS = """
    with visits as (
        select session_key, landing_page, medium, started_at, has_clock_error, reached_stage,
            coalesce(last_seen_at, started_at) as last_seen_at,
            max(started_at) filter (where not has_clock_error) over () as newest_at
        from fct_sessions
        where market = $market and not is_bot_suspect
    ),
    steps as (
        select session_key, product_key, stage from stg_session_events
        where market = $market and product_key is not null and stage in ('product', 'cart', 'paid')
    )
    select visits.session_key, landing_page, medium, started_at, steps.product_key, steps.stage,
        reached_stage <> 'paid' and not has_clock_error and last_seen_at > newest_at - interval 1 day as is_open
    from visits inner join steps using (session_key)
    where started_at > newest_at - interval 90 day
    order by all
"""


@dataclass(frozen=True, eq=False)
class MarketInputs:
    """What is known of a market.

    sales: customer (null without one), product_key, order_key, ordered_on, ordered_at by line; products: product_key,
    product_id, product_name, category_code, maker, price, free_qty (null: nobody counts it), is_barred; customers:
    customer, gender, subdivision_code, consents; looks: session_key, landing_page, medium, started_at, product_key,
    stage, is_open.
    """

    market: str
    sales: "pd.DataFrame"
    products: "pd.DataFrame"
    customers: "pd.DataFrame"
    looks: "pd.DataFrame"


def published(
    lake: Lake, plan: RunPlan, markets: Collection[str], settings: Settings
) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
    """A connection with a view of each table that is read; but for stock counts its rows are those of `markets`."""
    return published_views(lake, plan, (published_models()[name] for name in READ), markets, settings)


def read_market(con: duckdb.DuckDBPyConnection, market: str) -> MarketInputs | None:
    """What is known of a market; None where nothing was sold."""
    parameters: dict[str, object] = {"market": market}
    con.execute(f"create or replace temp table sales as {_SALES}", parameters)
    newest = con.execute("select max(ordered_on) + 1 from sales").fetchall()[0][0]
    if newest is None:
        return None
    con.execute(f"create or replace temp table stock as {_STOCK}", parameters)
    goods = {**parameters, "made_on": newest, "restrictions": str(RESTRICTIONS)}
    return MarketInputs(
        market,
        con.execute("select * from sales order by ordered_at, order_key, product_key").df(),
        con.execute(_PRODUCTS, goods).df(),
        con.execute(_CUSTOMERS, parameters).df(),
        con.execute(_LOOKS, parameters).df(),
    )
