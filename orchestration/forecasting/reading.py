"""What a forecast reads: the published tables of a run's markets, whole, and the forecasts that were made before.

Belongs here: views over the lake, the series of a market, kept rows. Does not: any maths, writing.
"""

from collections.abc import Collection
from contextlib import AbstractContextManager
from datetime import date, timedelta
from typing import TYPE_CHECKING

import duckdb

from orchestration.forecasting.demand.ledger import TABLES
from orchestration.forecasting.nodes import MarketSeries, market_series
from orchestration.forecasting.tables import FORECAST_MODELS
from orchestration.lake import Lake
from orchestration.modeling.manifest import PublishedModel, published_models
from orchestration.runs.market_models import published_views
from orchestration.runs.plan import RunPlan

if TYPE_CHECKING:
    import pandas as pd

READ = (*TABLES, "stg_forecast_overrides")
# Older forecasts than this have been scored at every horizon, also those whose last orders came late.
SCORED_DAYS = 91 + 35

_SALES = """
    with catalogue as (
        select product_key, max_by(category_code, coalesce(valid_from, date '1900-01-01')) as category
        from stg_products where category_code is not null group by all
    )
    select demand.product_key, demand.product_id, catalogue.category, demand.sold_on as day,
        demand.sold_qty::double as units
    from fct_daily_demand as demand left join catalogue using (product_key)
    where demand.market = ?
    order by all
"""
_REGIONS = """
    select subdivision_code as code, sold_on as day, sold_qty::double as units
    from fct_daily_region_demand
    where market = ? and subdivision_code <> 'unknown' and sold_qty > 0
    order by all
"""


def published(lake: Lake, plan: RunPlan, markets: Collection[str]) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
    """A connection with a view of each table that forecasts read, older forecasts too; see `published_views`."""
    models = {**published_models(), **{model.name: model for model in FORECAST_MODELS}}
    names = (*READ, *(one.name for one in FORECAST_MODELS))
    return published_views(lake, plan, (models[name] for name in names if name in models), markets)


def read_series(con: duckdb.DuckDBPyConnection, market: str) -> MarketSeries | None:
    """The series of a market; None without any sale."""
    sales = con.execute(_SALES, [market]).df()
    if not (sales["units"] > 0).any():
        return None
    return market_series(market, sales, con.execute(_REGIONS, [market]).df())


def older_forecasts(con: duckdb.DuckDBPyConnection, market: str, made_on: date) -> "pd.DataFrame":
    """The forecasts of a market that were made before `made_on` and are not yet scored for good."""
    return con.execute(
        "select * from demand_forecast where market = ? and made_on < ? and made_on >= ? order by made_on",
        [market, made_on, made_on - timedelta(days=SCORED_DAYS)],
    ).df()


def carried_sql(model: PublishedModel) -> str:
    """A select of the published rows that stay beside new ones; its parameters: market, months, days made anew."""
    columns = ", ".join(column.name for column in model.spec.columns)
    return (
        f"select {columns} from {model.name}"
        " where market = $market and list_contains($months, month) and not list_contains($made_on, made_on)"
    )
