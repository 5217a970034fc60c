"""Quantiles of a forecast from the errors that its model made at past origins, pooled within a class.

Belongs here: past errors, their scale, quantiles per step ahead. Does not: points, and sums over a lead time
(see `counts.py`).

Split conformal prediction (Vovk and others 2005; Lei and others 2018) on scaled errors: one series has too few past
errors for a tail, a class has thousands. A series' errors are divided by the mean distance of its values one season
apart, and its own past errors widen or narrow what the pool says, by as much as they can show.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from orchestration.forecasting.guard import has_negatives
from orchestration.forecasting.panel import Counts, Flags, Matrix, Panel

# Up to so many past origins for a few series; of many series one origin says enough, and costs a third.
MOST_ORIGINS, FEW_SERIES = 3, 500
# A tail of 2.5 % lies between two order statistics from 39 errors on.
MIN_POOL = 39
# What a series' own errors say counts as much as the pool after so many of them: errors of one origin go together.
OWN_ERRORS = 33.0
# A series' own distances count as one more of the pool's usual relative size: a constant is not known for ever.
PRIOR_DISTANCES = 1.0
_MEAN_TO_DEVIATION = 1.2533


@dataclass(frozen=True, eq=False)
class PastErrors:
    """`errors[k, i, h]`: actual less forecast of series i at origin k, scaled as of then; NaN where unknown.

    `scale[i]` is the scale of series i today.
    """

    errors: Matrix
    scale: Matrix


def origins_of(series: Panel, horizon: int) -> list[int]:
    """How many steps ago the past origins lie, the latest first: a horizon apart; none where no series is so long."""
    most = MOST_ORIGINS if len(series.ids) <= FEW_SERIES else 1
    # An origin is worth its time when half of the series were there; the first one when anyone was.
    found = []
    for number in range(1, most + 1):
        share = float(is_known_before(series, number * horizon).mean()) if len(series.ids) else 0.0
        if share >= 0.5 or (number == 1 and share > 0):
            found.append(number * horizon)
    return found


def is_known_before(series: Panel, steps: int) -> Flags:
    """Which series had, so many steps ago, enough values to be forecast: a season and two more, at least six."""
    return np.asarray(series.lengths - steps >= max(series.season + 2, 6))


@dataclass(frozen=True, eq=False)
class Origin:
    """So many `steps` ago: the `rows` of a panel that were long enough then, and what was `known` of them."""

    steps: int
    rows: Counts
    known: Panel


def past_of(series: Panel, origins: Sequence[int]) -> list[Origin]:
    """The panel at each origin (steps ago) at which any of its series was long enough."""
    found = []
    for steps in origins:
        rows = np.flatnonzero(is_known_before(series, steps))
        if len(rows):
            found.append(Origin(steps, rows, series.rows(rows).known_before(steps)))
    return found


def past_errors(series: Panel, horizon: int, past: Sequence[Origin], points: Sequence[Matrix]) -> PastErrors:
    """The errors of the `points` forecast at each past origin, each in the scale that was known there."""
    errors = np.full((len(past), len(series.ids), horizon), np.nan)
    for number, (origin, point) in enumerate(zip(past, points, strict=True)):
        begin = series.y.shape[1] - origin.steps
        # A scale that has seen the errors would make them small, and the next ones have not been seen either.
        scale = scale_of(origin.known)[:, None]
        errors[number, origin.rows] = (series.y[origin.rows, begin : begin + horizon] - point) / scale
    return PastErrors(errors, scale_of(series))


def scale_of(series: Panel) -> Matrix:
    """Mean distance of values one season apart (one step, for a short series), drawn towards the usual one; above 0."""
    y, season = series.filled(), series.season
    total, count = np.zeros(len(y)), np.zeros(len(y))
    for lag in sorted({season, 1}, reverse=True):
        if y.shape[1] <= lag:
            continue
        distance = np.abs(y[:, lag:] - y[:, :-lag])
        known = np.isfinite(distance)
        is_wanted = (count == 0) & (known.sum(axis=1) >= min(season, 3))
        total = np.where(is_wanted, np.where(known, distance, 0.0).sum(axis=1), total)
        count = np.where(is_wanted, known.sum(axis=1), count)
    size = np.where(np.isfinite(y), np.abs(y), 0.0).sum(axis=1) / np.maximum(series.lengths, 1)
    is_shown = (count > 0) & (size > 0) & (total > 0)
    ratios = total[is_shown] / count[is_shown] / size[is_shown]
    usual = float(np.median(ratios)) if len(ratios) else 0.1
    scale = (total + PRIOR_DISTANCES * usual * size) / (count + PRIOR_DISTANCES)
    return np.asarray(np.where(scale > 0, scale, 1e-9))


def quantiles_of(series: Panel, y_hat: Matrix, past: PastErrors, quantiles: Sequence[float]) -> Matrix:
    """Quantiles (series × horizon × quantile) around points: in order, and never below 0 unless the series has been."""
    wanted = np.asarray(quantiles, dtype=np.float64)
    limits = _pooled(past, wanted, y_hat.shape[1], series.season)
    width = past.scale * _own_factor(past)
    found = y_hat[:, :, None] + limits[None] * width[:, None, None]
    found = np.sort(found, axis=2)
    return np.asarray(np.where(has_negatives(series)[:, None, None], found, np.maximum(found, 0.0)))


def _pooled(past: PastErrors, quantiles: Matrix, horizon: int, season: int) -> Matrix:
    """Quantiles (horizon × quantile) of the scaled errors: each step's own order statistics, else a t distribution."""
    limits = np.empty((horizon, len(quantiles)))
    counts = np.isfinite(past.errors).sum(axis=(0, 1)) if past.errors.size else np.zeros(horizon, dtype=int)
    spread = _spread(past, horizon, season)
    for step in range(horizon):
        if counts[step] >= MIN_POOL:
            errors = past.errors[:, :, step]
            limits[step] = _order_statistics(np.sort(errors[np.isfinite(errors)]), quantiles)
        else:
            limits[step] = spread[step] * _student_t(quantiles, _freedom(past))
    return limits


def _order_statistics(errors: Matrix, quantiles: Matrix) -> Matrix:
    """Quantiles with the conformal correction: outwards by what a finite sample leaves open."""
    count = len(errors)
    at = np.where(quantiles < 0.5, (count + 1) * quantiles - 1, np.where(quantiles > 0.5, (count + 1) * quantiles, 0))
    at = np.where(quantiles == 0.5, (count - 1) / 2, at - np.where(quantiles > 0.5, 1, 0))
    return np.asarray(np.interp(np.clip(at, 0, count - 1), np.arange(count), errors))


def _spread(past: PastErrors, horizon: int, season: int) -> Matrix:
    """Root mean squared scaled error per step, smoothed by growth with the root of the steps; without any a guess."""
    growth = np.sqrt(np.ceil(np.arange(1, horizon + 1) / max(season, 1)))
    squares = (past.errors / growth) ** 2
    known = np.isfinite(squares)
    level = float(np.sqrt(squares[known].mean())) if known.any() else _MEAN_TO_DEVIATION
    return np.asarray(growth * level)


def _freedom(past: PastErrors) -> int:
    """Origins times series with errors: the steps of one origin err together."""
    return max(int(np.isfinite(past.errors).any(axis=2).sum()), 1)


def _student_t(quantiles: Matrix, freedom: int) -> Matrix:
    from scipy.special import stdtrit

    return np.asarray(stdtrit(max(freedom, 2), quantiles))


def _own_factor(past: PastErrors) -> Matrix:
    """How much larger than the pool's a series' own errors are, drawn towards one by their number; its mean is one."""
    count: Counts = np.isfinite(past.errors).sum(axis=(0, 2))
    if not count.any():
        return np.ones(len(past.scale))
    size = np.abs(past.errors)
    known = np.isfinite(size)
    # A few huge errors must not make the others small.
    tall = np.nanquantile(size, 0.99, axis=(0, 1)) if known.any(axis=(0, 1)).all() else np.nanmax(size)
    capped = np.where(known, np.minimum(size, tall), 0.0)
    seen = np.maximum(known.sum(axis=(0, 1)), 1)
    profile = np.maximum(np.sqrt((capped**2).sum(axis=(0, 1)) / seen), 1e-12)
    relative = np.where(known, size, 0.0) / profile
    usual = float(relative.sum() / known.sum())
    if usual <= 0:
        return np.ones(len(past.scale))
    factor = (relative.sum(axis=(0, 2)) + OWN_ERRORS * usual) / (count + OWN_ERRORS)
    return np.asarray(factor / factor.mean())
