"""Distribution of a count over a lead time: quantiles of the sum of the next steps, learnt from the whole panel.

Belongs here: quantiles of sums. Does not: means (see `models/pooled.py`), conformal intervals per step
(see `intervals.py`).

The sum over a lead time is forecast as such, since quantiles of steps do not add up: its mean by the same weights of
levels as `PooledSmoothing`, its distribution from what other series sold, at past origins, when as much was expected of
them. So zeros, bulk orders and the panel's errors of growth come in as they are. A panel too small for that has the
negative binomial distribution with the variance of its own errors.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from orchestration.forecasting.count_quantiles import negative_binomial_quantiles
from orchestration.forecasting.models.pooled import Learnt, Lesson
from orchestration.forecasting.models.pooled_season import Adjusted, adjusted
from orchestration.forecasting.panel import Counts, Flags, Matrix, Panel, panel

# As many neighbours as a 99 % quantile needs to stand on four values.
NEIGHBOURS = 400
MIN_NEIGHBOURS = 100
# Expectations below this are alike: the series is not sold any more.
LEAST_MEAN = 1e-3
LEAST_WEIGHT = 0.2
# A negative binomial distribution of this size is a Poisson one.
POISSON_SIZE = 1e12
# A series' own errors count as much as the panel's after so many origins.
PRIOR_ORIGINS = 10.0
BLOCK = 1000


@dataclass(frozen=True, eq=False)
class LeadTimeDemand:
    """Mean and quantiles of the sum of the steps `begin` to `end` ahead: `mean[i]`, `quantiles[i, q]` of series i."""

    ids: tuple[str, ...]
    begin: int
    end: int
    mean: Matrix
    quantiles: Matrix


def lead_time_demand(
    history: pd.DataFrame, *, lead_times: Sequence[int], quantiles: Sequence[float], season: int
) -> tuple[LeadTimeDemand, ...]:
    """Distribution of the demand of the next `lead_times` steps of each series of a long frame (unique_id, ds, y)."""
    return window_demand(
        panel(history, season=season), [(1, lead_time) for lead_time in lead_times], quantiles=quantiles
    )


def window_demand(
    series: Panel, windows: Sequence[tuple[int, int]], *, quantiles: Sequence[float]
) -> tuple[LeadTimeDemand, ...]:
    """Distribution of the sum of the steps `begin` to `end` ahead, both included, for each of `windows`.

    Quantiles never fall below zero unless the history of a series does, and those of whole numbers are whole numbers.
    Raises ValueError for a window that does not lie ahead and a quantile outside (0, 1).
    """
    wrong = [window for window in windows if not 1 <= window[0] <= window[1]]
    if wrong or not all(0 < quantile < 1 for quantile in quantiles):
        raise ValueError(f"windows {wrong}, quantiles {list(quantiles)}: a window is 1 <= begin <= end, 0 < q < 1")
    wanted = np.asarray(quantiles, dtype=np.float64)
    if not series.ids:
        empty = np.empty((0, len(wanted)))
        return tuple(LeadTimeDemand((), begin, end, np.empty(0), empty) for begin, end in windows)
    plain = adjusted(series, max(end for _, end in windows))
    lesson = Lesson.of(plain)
    demands = []
    for begin, end in windows:
        learnt = Learnt.of(lesson, begin, end, is_unbiased=True)
        index = plain.future_index[:, begin - 1 : end].mean(axis=1)
        mean = np.maximum(learnt.mean, 0.0)
        found = _quantiles(learnt, mean, wanted, end - begin + 1, plain, lesson) * index[:, None]
        found = _rounded(found, series) if _is_whole(series) else found
        demands.append(LeadTimeDemand(series.ids, begin, end, mean * index, found))
    return tuple(demands)


def quantiles_of_counts(mean: Matrix, variance: Matrix, quantiles: Matrix) -> Matrix:
    """Quantiles (n, q) of counts of this mean and variance; Poisson where the variance is no larger than the mean."""
    mean = np.maximum(mean, LEAST_MEAN)
    excess = variance / mean - 1
    is_wide = excess > 1e-6
    size = np.where(is_wide, mean / np.where(is_wide, excess, 1.0), POISSON_SIZE)
    return negative_binomial_quantiles(mean, size, quantiles)


def _quantiles(learnt: Learnt, mean: Matrix, quantiles: Matrix, steps: int, plain: Adjusted, lesson: Lesson) -> Matrix:
    """The mean of two kinds of quantiles: those of the neighbours and those of the negative binomial distribution."""
    is_pair = np.isfinite(learnt.expected)
    if is_pair.sum() < MIN_NEIGHBOURS:
        return quantiles_of_counts(mean, steps * plain.scale**2 / 2, quantiles)
    variance = _variance(learnt, is_pair, mean, lesson.rows)
    parametric = quantiles_of_counts(mean, variance, quantiles)
    return np.asarray((_neighbours(learnt, is_pair, mean, quantiles) + parametric) / 2)


def _neighbours(learnt: Learnt, is_pair: Flags, mean: Matrix, quantiles: Matrix) -> Matrix:
    """Quantiles of what was found where about as much was expected."""
    expected = np.maximum(learnt.expected[is_pair], LEAST_MEAN)
    order = np.argsort(expected, kind="stable")
    expected, found = expected[order], learnt.found[is_pair][order]
    count = min(NEIGHBOURS, len(expected))
    asked = np.maximum(mean, LEAST_MEAN)
    begin = np.clip(np.searchsorted(expected, asked) - count // 2, 0, len(expected) - count)
    # In blocks, since each series has as many neighbours as ten seasons have days.
    blocks = []
    for rows in np.array_split(np.arange(len(asked)), len(asked) // BLOCK + 1):
        near = begin[rows, None] + np.arange(count)
        # Beyond the largest expectations of the past, and between them, neighbours are taken in proportion.
        scaled = found[near] * (asked[rows, None] / expected[near])
        scaled.sort(axis=1)
        blocks.append(scaled[:, np.minimum((quantiles * count).astype(int), count - 1)])
    return np.concatenate(blocks)


def _variance(learnt: Learnt, is_pair: Flags, mean: Matrix, rows: Counts) -> Matrix:
    """Variance around each mean: a m + b m^2 as all errors have it, times what the series' own errors add to it."""
    from scipy.optimize import nnls

    expected = np.where(is_pair, np.maximum(learnt.expected, LEAST_MEAN), 0.0)
    squares = np.where(is_pair, (learnt.found - learnt.expected) ** 2, 0.0)
    x = np.stack([expected[is_pair], expected[is_pair] ** 2], axis=1)
    # Errors grow with the mean, and so does their spread: without weights the largest series would fix both.
    weight = 1 / (expected[is_pair] + LEAST_WEIGHT)
    (linear, square), _ = nnls(x * weight[:, None], squares[is_pair] * weight)
    usual = np.where(is_pair, np.maximum(linear * expected + square * expected**2, expected), 0.0)
    prior = PRIOR_ORIGINS * usual.sum() / max(is_pair.sum(), 1)
    factor = np.ones(len(mean))
    factor[rows] = (squares.sum(axis=1) + prior) / (usual.sum(axis=1) + prior)
    return np.asarray(np.maximum(linear * mean + square * mean**2, mean) * factor)


def _is_whole(series: Panel) -> bool:
    known = series.y[np.isfinite(series.y)]
    return bool((known == np.round(known)).all())


def _rounded(found: Matrix, series: Panel) -> Matrix:
    lowest = np.nanmin(np.where(np.isfinite(series.y), series.y, 0.0), axis=1, initial=0.0)
    return np.maximum(np.round(found), np.where(lowest < 0, -np.inf, 0.0)[:, None])
