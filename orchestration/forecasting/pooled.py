"""The candidates of a market: its pooled demand model, which knows calendar, prices and promotions, and the engine.

Belongs here: the pooled model as a candidate. Does not: the model and what it reads (see `demand/`), the choice (see
`selection.py`).
"""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from orchestration.forecasting.candidates import Engine, MeanOfFourWeeks, NodeForecast
from orchestration.forecasting.demand.calendar import CalendarEvent, read_calendar
from orchestration.forecasting.demand.ledger import market_demand
from orchestration.forecasting.demand.market_demand import MarketDemand
from orchestration.forecasting.demand.model import DemandForecast, DemandModel
from orchestration.forecasting.demand.spread import quantiles_of
from orchestration.forecasting.engine import QUANTILES
from orchestration.forecasting.hierarchy import Matrix
from orchestration.forecasting.market import Event, ForecastPlan
from orchestration.forecasting.nodes import (
    CATEGORY,
    DAYS_PER_WEEK,
    MARKET,
    PRODUCT,
    REST,
    SUBDIVISION,
    MarketSeries,
    Nodes,
)

if TYPE_CHECKING:
    import duckdb

# Origins of the pooled model's own calibration; the back-test of the market calibrates again what is published.
CALIBRATION_ORIGINS = 2


@cache
def shipped_calendar() -> tuple[CalendarEvent, ...]:
    """The calendar of peak events, read once per process."""
    return read_calendar()


@dataclass(frozen=True, eq=False)
class Pooled:
    """The demand model on one market's demand; it brings a forecast by day."""

    demand: MarketDemand
    name: str = "pooled_demand"

    def forecast(self, series: MarketSeries, nodes: Nodes, weeks: int) -> NodeForecast:
        """Every node from what was known when `series` ended. Raises ValueError where there are too few days."""
        made_on = series.made_on.astype(object)
        found = DemandModel(origins=CALIBRATION_ORIGINS).fit(self.demand, made_on).forecast(weeks * DAYS_PER_WEEK)
        mean = MeanOfFourWeeks().forecast(series, nodes, weeks)
        daily, daily_quantiles = _windows(found, nodes, weeks * DAYS_PER_WEEK, 1, nodes.daily_count)
        weekly, quantiles = _windows(found, nodes, weeks, DAYS_PER_WEEK, len(nodes.types))
        return NodeForecast(
            weekly=weekly,
            weekly_quantiles=quantiles,
            model_codes=np.full(len(weekly), self.name, dtype=object),
            classes=mean.classes,
            reasons=mean.reasons,
            daily=daily,
            daily_quantiles=daily_quantiles,
            level_cv=_level_cv(found, nodes, weeks * DAYS_PER_WEEK),
        )


def plan_of(
    con: "duckdb.DuckDBPyConnection", market: str, *, calendar: tuple[CalendarEvent, ...] | None = None
) -> ForecastPlan:
    """How a market is forecast, with the events of its own in the calendar (that of the seeds when left out)."""
    demand = market_demand(con, market, calendar=shipped_calendar() if calendar is None else calendar)
    return ForecastPlan(
        candidates=(Pooled(demand), Engine()),
        events=tuple(Event(one.event_code, one.starts_on, one.ends_on) for one in demand.events),
    )


def _windows(found: DemandForecast, nodes: Nodes, steps: int, days: int, count: int) -> tuple[Matrix, Matrix]:
    """Mean and quantiles of the first `count` nodes in `steps` windows of so many days."""
    mean, quantiles = np.zeros((count, steps)), np.zeros((count, steps, len(QUANTILES)))
    for level in (MARKET, CATEGORY, SUBDIVISION, PRODUCT):
        rows = np.flatnonzero(nodes.types[:count] == level)
        if not len(rows):
            continue
        place = {name: row for row, name in enumerate(found.means(level)[0])}
        at = np.asarray([place.get(str(node), -1) for node in nodes.ids[rows]])
        rows, at = rows[at >= 0], at[at >= 0]
        windows = [found.window(level, step * days, (step + 1) * days) for step in range(steps)]
        # Quantiles of the best sellers alone: those of thousands of products would take most of the time.
        mean[rows] = np.stack([window.mean[at] for window in windows], axis=1)
        variance = np.stack([window.variance[at] for window in windows], axis=1)
        quantiles[rows] = quantiles_of(mean[rows].ravel(), variance.ravel()).reshape(len(rows), steps, -1)
    _add_rests(nodes, mean, quantiles)
    return mean, quantiles


def _level_cv(found: DemandForecast, nodes: Nodes, days: int) -> Matrix:
    """How uncertain each node's level over all days is, relative to it: without the luck of single orders."""
    level = np.full(len(nodes.types), np.nan)
    for kind in (MARKET, CATEGORY, SUBDIVISION, PRODUCT):
        rows = np.flatnonzero(nodes.types == kind)
        place = dict(zip(found.means(kind)[0], found.level_variance(kind, 0, days), strict=True))
        level[rows] = [place.get(str(node), np.nan) for node in nodes.ids[rows]]
    categories = dict(zip(nodes.ids[nodes.types == CATEGORY], level[nodes.types == CATEGORY], strict=True))
    rests = nodes.types == REST
    level[rests] = [categories.get(node, np.nan) for node in nodes.ids[rests]]
    return np.asarray(np.sqrt(level))


def _add_rests(nodes: Nodes, mean: Matrix, quantiles: Matrix) -> None:
    """A rest is its category less its best sellers; its quantiles stand to its mean as those of the category do."""
    rests = np.flatnonzero(nodes.types[: len(mean)] == REST)
    for rest in rests:
        sums = [one for one in nodes.tree.sums if rest in one.parts]
        whole, parts = sums[0].whole, [part for part in sums[0].parts if part != rest]
        mean[rest] = np.maximum(mean[whole] - mean[parts].sum(axis=0), 0.0)
        share = np.divide(mean[rest], mean[whole], out=np.zeros_like(mean[rest]), where=mean[whole] > 0)
        middle = quantiles[whole][:, [QUANTILES.index(0.5)]]
        # Half the goods vary by more than half: variances add up, not spreads.
        spread = (quantiles[whole] - middle) * np.sqrt(share)[:, None]
        quantiles[rest] = np.maximum(middle * share[:, None] + spread, 0.0)
