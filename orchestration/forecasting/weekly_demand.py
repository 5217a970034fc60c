"""The demand forecast of a run: from the daily mart to the two tables that are published.

Belongs here: the order of the steps for all markets, and the plan. Does not: any step itself.
"""

from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd

from orchestration.forecasting.backtest import (
    BACKTEST_COLUMNS,
    QTY_DECIMALS,
    Origins,
    backtest_node,
    days_ahead,
    node_history,
)
from orchestration.forecasting.bands import BAND_COLUMNS, residuals, spread, with_bands
from orchestration.forecasting.models import Model, frozen_or_itself, guarded_forecast
from orchestration.forecasting.series import MARKET_NODE, PRODUCT_NODE, MarketWeeks, weekly_demand
from orchestration.forecasting.smoothing import level_smoothing, trend_smoothing

FORECAST_KEY = ("market", "node", "product_key", "made_on", "target_on")
FORECAST_COLUMNS = (
    *FORECAST_KEY,
    "horizon_weeks",
    "model_code",
    "forecast_qty",
    *BAND_COLUMNS,
    "is_fallback",
    "fallback_reason",
)
BACKTEST_KEY = ("market", "node", "product_key", "model_code", "origin_on", "target_on")


@dataclass(frozen=True)
class DemandPlan:
    """What to forecast and with which models; `closed_on` as in `weekly_demand`."""

    horizon_weeks: int = 4
    best_sellers: int = 100
    min_weeks: int = 2
    origins: Origins = field(default_factory=Origins)
    market_model: Model = field(default_factory=trend_smoothing)
    product_model: Model = field(default_factory=level_smoothing)
    closed_on: date | None = None


@dataclass(frozen=True, eq=False)
class DemandResult:
    """`forecast` (FORECAST_COLUMNS) and `backtest` (BACKTEST_COLUMNS), both sorted by key, and what was left out.

    `weeks` are the series themselves, for the plots.
    """

    forecast: pd.DataFrame
    backtest: pd.DataFrame
    weeks: tuple[MarketWeeks, ...]
    markets_without_history: tuple[str, ...]
    rows_left_out: int

    def fallbacks(self) -> pd.DataFrame:
        """Series that were not forecast by their model, counted by market, node and reason (`series_count`)."""
        fallen = self.forecast[self.forecast["is_fallback"] & (self.forecast["horizon_weeks"] == 1)]
        keys = ["market", "node", "fallback_reason"]
        return fallen.groupby(keys, sort=True).size().rename("series_count").reset_index()


def forecast_demand(daily: pd.DataFrame, plan: DemandPlan | None = None) -> DemandResult:
    """Forecast and back-test of each market in `daily` (market, product_key, sold_on, units; see `weekly_demand`).

    A market's rows depend on its own sales and on nothing else. A market without a complete week with sales has no
    rows and is named in the result.
    """
    plan = plan or DemandPlan()
    demand = weekly_demand(daily, closed_on=plan.closed_on)
    forecasts, backtests, without_history = [], [], []
    for weeks in demand.markets:
        if not len(weeks.weeks):
            without_history.append(weeks.market)
            continue
        for node, model in ((MARKET_NODE, plan.market_model), (PRODUCT_NODE, plan.product_model)):
            forecast, backtest = _forecast_node(weeks, node, model, plan)
            forecasts.append(forecast)
            backtests.append(backtest)
    return DemandResult(
        forecast=_table(forecasts, FORECAST_COLUMNS, FORECAST_KEY),
        backtest=_table(backtests, BACKTEST_COLUMNS, BACKTEST_KEY),
        weeks=tuple(weeks for weeks in demand.markets if len(weeks.weeks)),
        markets_without_history=tuple(without_history),
        rows_left_out=demand.rows_left_out,
    )


def _forecast_node(weeks: MarketWeeks, node: str, model: Model, plan: DemandPlan) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Forecast and back-test of one market's total or best sellers.

    The parameters are learnt once, from the weeks before the first origin, and serve all origins and the forecast:
    the back-test sees no future, judges the very parameters that forecast, and costs one fit instead of five.
    """
    horizon, min_weeks = plan.horizon_weeks, plan.min_weeks
    origins = plan.origins.of(len(weeks.weeks), horizon=horizon)
    learnt_from = weeks.known_at(origins[0]) if origins else weeks
    frozen = frozen_or_itself(model, node_history(learnt_from, node, plan.best_sellers))
    backtest = backtest_node(
        weeks, node, frozen, origins=origins, horizon=horizon, min_weeks=min_weeks, best_sellers=plan.best_sellers
    )
    history = node_history(weeks, node, plan.best_sellers)
    errors = residuals(backtest[backtest["model_code"] == model.name])
    guarded = guarded_forecast(frozen, history, horizon=horizon, min_weeks=min_weeks)
    banded = with_bands(guarded, spread(history), errors, len(origins))
    first_day = np.datetime64(weeks.made_on, "D")
    ahead = np.tile(np.arange(horizon), len(banded) // horizon)
    quantities = {column: banded[column].round(QTY_DECIMALS) for column in BAND_COLUMNS}
    forecast = pd.DataFrame(
        {
            "market": weeks.market,
            "node": node,
            "product_key": banded["unique_id"],
            "made_on": weeks.made_on,
            "target_on": days_ahead(first_day, ahead),
            "horizon_weeks": ahead + 1,
            "model_code": model.name,
            "forecast_qty": banded["y_hat"].round(QTY_DECIMALS),
            **quantities,
            "is_fallback": banded["is_fallback"],
            "fallback_reason": banded["fallback_reason"],
        }
    )
    return forecast, backtest


def _table(parts: list[pd.DataFrame], columns: tuple[str, ...], key: tuple[str, ...]) -> pd.DataFrame:
    filled = [part for part in parts if not part.empty]
    if not filled:
        return pd.DataFrame(columns=list(columns))
    return pd.concat(filled, ignore_index=True)[list(columns)].sort_values(list(key)).reset_index(drop=True)
