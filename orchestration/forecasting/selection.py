"""Which candidate forecasts which kind of series of a market, by what it would have said in the past.

Belongs here: origins, errors, the choice per kind of node and class, what the errors say of the bands.
Does not: candidates, and the forecast itself (see `market.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from orchestration.forecasting.candidates import (
    FOUR_WEEK_MEAN,
    MODEL_ERRORS,
    SEASONAL_NAIVE,
    Candidate,
    MeanOfFourWeeks,
    NodeForecast,
    mean_of,
    naive_weekly,
)
from orchestration.forecasting.engine import QUANTILES
from orchestration.forecasting.hierarchy import Matrix
from orchestration.forecasting.nodes import DAYS_PER_WEEK, MarketSeries, Nodes, nodes_of
from orchestration.forecasting.tables import DAY, QUANTILE_COLUMNS, WEEK

COMBINATION = "mean_of_models"
# A choice between candidates needs so many forecasts, else all classes of a kind of node choose together.
FORECASTS_TO_CHOOSE = 40
# Another candidate must be better by this share than the one before it: the back-test of a market is a small sample.
WORTH_A_CHANGE = 0.01
STRETCH_LIMITS = (0.4, 2.5)
# So many forecasts of the back-test weigh as much as the belief that the bands are right as they are. A market has
# eighteen weeks in it: with thirty its bands stayed as wide as they were, and held 96 % instead of 80.
PRIOR_FORECASTS = 10
# With fewer forecasts both sides of a band are stretched alike: a tenth of eighteen is no tail.
FORECASTS_OF_A_SIDE = 60
PRIOR_ERRORS = 8


@dataclass(frozen=True)
class Origins:
    """Where the forecasts of a back-test begin: so many weeks ago, where the market had enough weeks before."""

    weeks_ago: tuple[int, ...] = (13, 5)
    min_weeks_known: int = 8

    def of(self, week_count: int) -> list[int]:
        """The origins of a market with so many weeks, the oldest first."""
        return [ago for ago in sorted(self.weeks_ago, reverse=True) if week_count - ago >= self.min_weeks_known]


@dataclass(frozen=True, eq=False)
class BackTest:
    """Forecasts of the past beside what was sold.

    rows: node_type, node_id, series_class, step, candidate, origin_on, target_on, horizon, forecast_qty, actual_qty,
    and `QUANTILE_COLUMNS` (null for the bars). failures: (candidate, error) of candidates that could not be used.
    """

    rows: pd.DataFrame
    failures: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, eq=False)
class Choice:
    """Candidate per (kind of node, class) or (kind, ""), and how far to stretch each quantile per kind and step."""

    chosen: Mapping[tuple[str, str], str]
    default: str
    stretches: Mapping[tuple[str, str], Matrix] = field(default_factory=dict)

    def of(self, node_type: str, series_class: str) -> str:
        """The candidate for a series."""
        return self.chosen.get((node_type, series_class), self.chosen.get((node_type, ""), self.default))


def all_forecasts(
    candidates: Sequence[Candidate], series: MarketSeries, nodes: Nodes, weeks: int
) -> tuple[dict[str, NodeForecast], list[tuple[str, str]]]:
    """Each candidate's forecast by its name and the mean of them all; and (name, error) of those that failed."""
    found: dict[str, NodeForecast] = {}
    failures = []
    for candidate in candidates:
        try:
            found[candidate.name] = candidate.forecast(series, nodes, weeks)
        except MODEL_ERRORS as error:
            failures.append((candidate.name, f"{type(error).__name__}: {error}"))
    if len(found) > 1:
        found[COMBINATION] = mean_of(list(found.values()), COMBINATION)
    found[FOUR_WEEK_MEAN] = MeanOfFourWeeks().forecast(series, nodes, weeks)
    return found, failures


def classes_of(forecasts: Mapping[str, NodeForecast]) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """The class of each node, as the first candidate says that has one."""
    classes = next(iter(forecasts.values())).classes.copy()
    for one in forecasts.values():
        classes = np.where(classes == "", one.classes, classes)
    return classes


def back_test(
    series: MarketSeries, candidates: Sequence[Candidate], origins: Origins, *, horizon: int, best_sellers: int
) -> BackTest:
    """What each candidate and the bars would have forecast at each origin, with what was known and sold best then."""
    parts: list[pd.DataFrame] = []
    failures: list[tuple[str, str]] = []
    for ago in origins.of(series.day_count // DAYS_PER_WEEK):
        known = series.known_on(series.made_on - ago * DAYS_PER_WEEK)
        nodes = nodes_of(known, best_sellers=best_sellers)
        weeks = min(ago, horizon)
        forecasts, failed = all_forecasts(candidates, known, nodes, weeks)
        failures += failed
        past, classes = nodes.weekly(known), classes_of(forecasts)
        actual = nodes.weekly(series)[:, -ago:][:, :weeks]
        for name, one in forecasts.items():
            parts.append(_rows(nodes, classes, WEEK, name, known, one.weekly, actual, one.weekly_quantiles))
        naive = naive_weekly(past, weeks)
        parts.append(_rows(nodes, classes, WEEK, SEASONAL_NAIVE, known, naive, actual, None))
        if (by_day := daily_of(forecasts)) is not None:
            days = nodes.daily(series)[:, -ago * DAYS_PER_WEEK :][:, : weeks * DAYS_PER_WEEK]
            assert by_day.daily is not None
            parts.append(_rows(nodes, classes, DAY, "daily", known, by_day.daily, days, by_day.daily_quantiles))
    rows = pd.concat(parts, ignore_index=True) if parts else _rows_of_nothing()
    return BackTest(rows, tuple(dict.fromkeys(failures)))


def daily_of(forecasts: Mapping[str, NodeForecast]) -> NodeForecast | None:
    """The first forecast that has days; the four-week mean has them always."""
    return next((one for one in forecasts.values() if one.daily is not None), None)


def choose(tested: BackTest, candidates: Sequence[str]) -> Choice:
    """Per kind of node and class the candidate with the least absolute error, and the stretch of the bands.

    `candidates` in the order in which they are trusted: without a back-test the first is used.
    """
    names = [*candidates, *([COMBINATION] if len(candidates) > 1 else []), FOUR_WEEK_MEAN]
    weekly = tested.rows[(tested.rows["step"] == WEEK) & tested.rows["candidate"].isin(names)]
    errors = weekly.assign(error=(weekly["forecast_qty"] - weekly["actual_qty"]).abs())
    chosen: dict[tuple[str, str], str] = {}
    for keys in (["node_type"], ["node_type", "series_class"]):
        sums = errors.groupby([*keys, "candidate"], sort=True)["error"].agg(["sum", "size"])
        for key, of_key in sums.groupby(level=keys):
            kind, series_class = (key[0], key[1] if len(keys) > 1 else "")
            if len(keys) > 1 and of_key["size"].max() < FORECASTS_TO_CHOOSE:
                continue
            by_name = of_key["sum"].droplevel(list(range(len(keys))))
            chosen[str(kind), str(series_class)] = _least(by_name, [name for name in names if name in by_name])
    failed = {name for name, _ in tested.failures}
    default = next((name for name in candidates if name not in failed), FOUR_WEEK_MEAN)
    choice = Choice(chosen, default)
    return Choice(chosen, default, _stretches(chosen_rows(tested, choice)))


def chosen_rows(tested: BackTest, choice: Choice) -> pd.DataFrame:
    """The rows of the back-test by week of the candidate that is chosen for each series, and all rows by day."""
    rows = tested.rows
    codes, pairs = pd.MultiIndex.from_arrays([rows["node_type"], rows["series_class"]]).factorize()
    names = np.asarray([choice.of(str(kind), str(series_class)) for kind, series_class in pairs], dtype=object)
    if not len(rows):
        return rows
    kept: pd.DataFrame = rows[(rows["candidate"].to_numpy() == names[codes]) | (rows["step"] == DAY).to_numpy()]
    return kept


def error_variance(tested: pd.DataFrame, nodes: Nodes, base: Matrix) -> Matrix:
    """Mean squared error of each node's chosen forecast by week; with few errors what is usual for its mean."""
    weekly = tested[tested["step"] == WEEK]
    squared = (weekly["forecast_qty"] - weekly["actual_qty"]) ** 2
    by_node = squared.groupby([weekly["node_type"], weekly["node_id"]]).agg(["sum", "size"])
    found = by_node.reindex(pd.MultiIndex.from_arrays([nodes.types, nodes.ids])).fillna(0.0)
    of_type = pd.DataFrame({"squared": squared, "mean": weekly["actual_qty"]}).groupby(weekly["node_type"]).sum()
    ratio = (of_type["squared"] / of_type["mean"].clip(lower=1.0)).clip(lower=1.0)
    usual = ratio.reindex(nodes.types).fillna(1.0).to_numpy() * np.maximum(base.mean(axis=1), 1e-3)
    return np.asarray((found["sum"].to_numpy() + PRIOR_ERRORS * usual) / (found["size"].to_numpy() + PRIOR_ERRORS))


def _least(sums: pd.Series, names: Sequence[str]) -> str:
    best = names[0]
    for name in names[1:]:
        if sums[name] < (1 - WORTH_A_CHANGE) * sums[best]:
            best = name
    return best


def _stretches(rows: pd.DataFrame) -> dict[tuple[str, str], Matrix]:
    """How many times its distance from the median each quantile must stand away, per kind of node and step."""
    found = {}
    for (kind, step), of_kind in rows.groupby(["node_type", "step"], sort=True):
        quantiles = of_kind[list(QUANTILE_COLUMNS)].to_numpy(float)
        middle = quantiles[:, QUANTILES.index(0.5)]
        off = of_kind["actual_qty"].to_numpy(float) - middle
        stretch = np.ones(len(QUANTILES))
        weight = len(off) / (len(off) + PRIOR_FORECASTS)
        is_few = len(off) < FORECASTS_OF_A_SIDE
        for place, quantile in enumerate(QUANTILES):
            width = quantiles[:, place] - middle
            other = quantiles[:, _mirrored(place)] - middle
            is_wide = (np.abs(width) > 1e-6) & (np.abs(other) > 1e-6 if is_few else True)
            # Counts of a few pieces have bands of whole numbers, which no stretching makes right.
            if quantile == 0.5 or is_wide.mean() < 0.5:
                continue
            if is_few:
                side = np.where((off >= 0) == (width >= 0), width, other)
                times = np.abs(off[is_wide] / side[is_wide])
                share = 2 * max(quantile, 1 - quantile) - 1
                # The conformal correction: n errors leave one more place for the next one.
                needed = float(np.quantile(times, min(share * (1 + 1 / len(times)), 1.0)))
            else:
                times = off[is_wide] / width[is_wide]
                needed = float(np.quantile(times, max(quantile, 1 - quantile)))
            stretch[place] = np.clip(1 + weight * (needed - 1), *STRETCH_LIMITS)
        found[str(kind), str(step)] = stretch
    return found


def _mirrored(place: int) -> int:
    """The quantile on the other side that is nearest to being as far from the median."""
    return int(np.argmin(np.abs(np.asarray(QUANTILES) - (1 - QUANTILES[place]))))


def _rows(
    nodes: Nodes,
    classes: np.ndarray[tuple[int], np.dtype[np.object_]],
    step: str,
    name: str,
    known: MarketSeries,
    y_hat: Matrix,
    actual: Matrix,
    quantiles: Matrix | None,
) -> pd.DataFrame:
    count, steps = y_hat.shape
    ahead = np.tile(np.arange(steps), count)
    days = DAYS_PER_WEEK if step == WEEK else 1
    frame = pd.DataFrame(
        {
            "node_type": np.repeat(nodes.types[:count], steps),
            "node_id": np.repeat(nodes.ids[:count], steps),
            "series_class": np.repeat(classes[:count], steps),
            "step": step,
            "candidate": name,
            "origin_on": known.made_on,
            "target_on": known.made_on + ahead * days,
            "horizon": ahead + 1,
            "forecast_qty": y_hat.ravel(),
            "actual_qty": actual.ravel(),
        }
    )
    flat = (
        np.full((count * steps, len(QUANTILES)), np.nan) if quantiles is None else quantiles.reshape(count * steps, -1)
    )
    frame[list(QUANTILE_COLUMNS)] = flat
    return frame


def _rows_of_nothing() -> pd.DataFrame:
    columns = ["node_type", "node_id", "series_class", "step", "candidate", "origin_on", "target_on", "horizon"]
    numbers = ["forecast_qty", "actual_qty", *QUANTILE_COLUMNS]
    return pd.DataFrame(
        {**{name: pd.Series(dtype=object) for name in columns}, **{name: pd.Series(dtype=float) for name in numbers}}
    )
