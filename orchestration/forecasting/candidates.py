"""What may forecast the nodes of a market: the bars, the engine on weekly series, and means of several.

Belongs here: one interface over whole markets. Does not: the choice between them (see `selection.py`), the pooled model
(see `demand/`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestration.forecasting.engine import QUANTILES, quantile_column
from orchestration.forecasting.hierarchy import Matrix
from orchestration.forecasting.nodes import DAYS_PER_WEEK, MarketSeries, Nodes

Names = npt.NDArray[np.object_]
SEASONAL_NAIVE, FOUR_WEEK_MEAN = "seasonal_naive", "four_week_mean"
WEEKS_PER_YEAR = 52
MEAN_WEEKS = 4
# What a model may raise on a series that it cannot take; LinAlgError is a ValueError. Anything else is a bug of ours.
MODEL_ERRORS = (ValueError, ArithmeticError, LookupError)


@dataclass(frozen=True, eq=False)
class NodeForecast:
    """A forecast of every node by week, and of the daily nodes by day where the candidate has one.

    weekly: node x week; weekly_quantiles: node x week x `QUANTILES`; daily and daily_quantiles the same by day.
    reasons: per node why a fallback stands in, or empty. level_cv: per node how uncertain its level is over all weeks.
    """

    weekly: Matrix
    weekly_quantiles: Matrix
    model_codes: Names
    classes: Names
    reasons: Names
    daily: Matrix | None = None
    daily_quantiles: Matrix | None = None
    level_cv: Matrix | None = None


class Candidate(Protocol):
    """A way to forecast a market; it may use nothing but what was known when `series` ended."""

    @property
    def name(self) -> str:
        """What the choice is called."""
        ...

    def forecast(self, series: MarketSeries, nodes: Nodes, weeks: int) -> NodeForecast:
        """The nodes for `weeks` weeks after the end of `series`."""
        ...


def naive_weekly(weekly: Matrix, weeks: int) -> Matrix:
    """Last year's week; the last week where there is no year before it."""
    known = weekly.shape[1]
    if not known:
        return np.zeros((len(weekly), weeks))
    columns = np.array([known + ahead - WEEKS_PER_YEAR for ahead in range(weeks)])
    return np.asarray(weekly[:, np.where(columns >= 0, np.minimum(columns, known - 1), known - 1)])


def mean_weekly(weekly: Matrix, weeks: int) -> Matrix:
    """The mean of the last four weeks, repeated; weeks before the first count as zero."""
    return np.repeat(weekly[:, -MEAN_WEEKS:].sum(axis=1, keepdims=True) / MEAN_WEEKS, weeks, axis=1)


def poisson_quantiles(mean: Matrix) -> Matrix:
    """Quantiles of Poisson counts of these means, along a new last axis: the least that sales vary."""
    from orchestration.forecasting.count_quantiles import negative_binomial_quantiles

    safe = np.maximum(mean, 1e-9).ravel()
    found = negative_binomial_quantiles(safe, np.full(len(safe), 1e12), QUANTILES)
    return found.reshape(*mean.shape, len(QUANTILES))


@dataclass(frozen=True)
class MeanOfFourWeeks:
    """The bar without parameters, and the last resort: it cannot fail."""

    name: str = FOUR_WEEK_MEAN

    def forecast(self, series: MarketSeries, nodes: Nodes, weeks: int) -> NodeForecast:
        """The mean of each node, by day with the weekdays of the last eight weeks."""
        weekly = mean_weekly(nodes.weekly(series), weeks)
        recent = nodes.daily(series)[:, -8 * DAYS_PER_WEEK :]
        profile = np.ones(DAYS_PER_WEEK)
        if recent.shape[1] >= 2 * DAYS_PER_WEEK:
            by_day = recent[0, recent.shape[1] % DAYS_PER_WEEK :].reshape(-1, DAYS_PER_WEEK).sum(axis=0)
            profile = (by_day + 1e-9) / (by_day + 1e-9).mean()
        upper = weekly[: nodes.daily_count]
        daily = np.repeat(upper / DAYS_PER_WEEK, DAYS_PER_WEEK, axis=1) * np.tile(profile, weeks)
        names = np.full(len(nodes.types), "", dtype=object)
        return NodeForecast(
            weekly=weekly,
            weekly_quantiles=poisson_quantiles(weekly),
            model_codes=np.full(len(names), self.name, dtype=object),
            classes=names,
            reasons=names,
            daily=daily,
            daily_quantiles=poisson_quantiles(daily),
        )


@dataclass(frozen=True)
class Engine:
    """The engine's models on the weekly series of each node: a combination where it sells often, else pooled levels."""

    name: str = "engine"
    season: int = WEEKS_PER_YEAR

    def forecast(self, series: MarketSeries, nodes: Nodes, weeks: int) -> NodeForecast:
        """Each node by itself, from its first week with a sale on."""
        from orchestration.forecasting.engine import forecast
        from orchestration.forecasting.models.combination import Combination
        from orchestration.forecasting.models.pooled import pooled_smoothing

        weekly = nodes.weekly(series)
        # One model a class: the market's back-test judges them, and a second judge inside would double the time.
        rare, regular = (pooled_smoothing(),), (Combination(),)
        models = {"smooth": regular, "erratic": regular, "intermittent": rare, "lumpy": rare, "short": rare}
        found = forecast(history_of(weekly), horizon=weeks, season=self.season, candidates=models).rows
        mean = MeanOfFourWeeks().forecast(series, nodes, weeks)
        rows = found["unique_id"].to_numpy().astype(np.int64)
        ahead = found["horizon"].to_numpy(np.int64) - 1
        y_hat, quantiles = mean.weekly.copy(), mean.weekly_quantiles.copy()
        y_hat[rows, ahead] = found["y_hat"].to_numpy(float)
        columns = [quantile_column(one) for one in QUANTILES]
        quantiles[rows, ahead] = found[columns].to_numpy(float)
        first = found.drop_duplicates("unique_id")
        place = first["unique_id"].to_numpy().astype(np.int64)
        codes, classes = mean.model_codes.copy(), np.full(len(weekly), "empty", dtype=object)
        reasons = np.full(len(weekly), "", dtype=object)
        codes[place], classes[place] = first["model_code"].to_numpy(), first["series_class"].to_numpy()
        reasons[place] = np.where(first["is_fallback"].to_numpy(bool), first["fallback_reason"].to_numpy(), "")
        return NodeForecast(y_hat, np.sort(quantiles, axis=-1), codes, classes, reasons)


def history_of(weekly: Matrix) -> pd.DataFrame:
    """The long frame of weekly series from their first sale on, named by their row; one without any is left out."""
    has_sold = (weekly > 0).cumsum(axis=1) > 0
    rows, columns = has_sold.nonzero()
    return pd.DataFrame({"unique_id": rows.astype(str), "ds": columns, "y": weekly[rows, columns]})


def mean_of(forecasts: Sequence[NodeForecast], name: str) -> NodeForecast:
    """The mean of several forecasts and of their quantiles (Vincent's average): often better than its best part."""
    first = forecasts[0]
    return replace(
        first,
        weekly=np.mean([one.weekly for one in forecasts], axis=0),
        weekly_quantiles=np.mean([one.weekly_quantiles for one in forecasts], axis=0),
        model_codes=np.full(len(first.weekly), name, dtype=object),
    )
