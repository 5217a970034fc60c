"""Smoothing learnt from all series of a panel together: the model of long panels and of counts.

Belongs here: what is learnt from other series, and its forecast. Does not: seasons and outliers (`pooled_season.py`),
quantiles (`counts.py`).

One series of rare sales says little about how fast its level moves, how far it falls back to the mean of all, and how
the whole panel grows or fades. A thousand of them say it well. So each series has levels smoothed at several speeds,
and for each step ahead one non-negative least-squares fit over all series and past origins says how much of each level
is found again so many steps later (a stacking in the sense of Wolpert 1992, here over speeds of smoothing). The sum of
the weights is the panel's growth or decline; weights on slow levels are shrinkage.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from orchestration.forecasting.models import PanelModel
from orchestration.forecasting.models.levels import running_levels
from orchestration.forecasting.models.pooled_season import Adjusted, adjusted
from orchestration.forecasting.panel import Counts, Flags, Matrix, Panel

# From a memory of 33 steps down to 2; a speed more changes nothing, one less does.
ALPHAS = (0.03, 0.1, 0.25, 0.5)
# Levels of roots do not follow a single bulk order.
ROOT_ALPHA = 0.2
# The level of a panel too small to learn from: at the speed `ALPHAS[2]`, as it is.
RESTING_FEATURE = 4
# So many pairs of level and later value fix a handful of weights; more only take time.
MAX_SERIES, MAX_ORIGINS = 2000, 48
# Levels of a series' first steps are noise: weights learnt from them alone say nothing of later ones.
LEAST_ORIGINS = 8
MIN_PAIRS = 60
# The error of an origin has lost two thirds of its weight after five more, or after a whole season.
RECENT_ORIGINS = 5
LARGEST_CORRECTION, USUAL_GROWTH = 2.0, 0.3
LONG_MEMORY = 8.0


@dataclass(frozen=True)
class PooledSmoothing(PanelModel):
    """Levels of each series at several speeds, combined by weights that the whole panel taught.

    With `is_unbiased` the forecasts of all series are moved together by what they lately missed in sum: where a panel
    grows before a peak, every level lags.
    """

    # Other series tell what becomes of one value.
    shortest: ClassVar[int] = 1
    name: str = "pooled_smoothing"
    is_seasonal: bool = False
    is_unbiased: bool = True

    def matrix(self, series: Panel, horizon: int) -> Matrix:
        """Mean of each step ahead; the last level of a series where the panel is too small to teach anything."""
        if not series.ids:
            return np.empty((0, horizon))
        plain = adjusted(series, horizon, is_seasonal=self.is_seasonal)
        lesson = Lesson.of(plain)
        y_hat = np.empty((len(series.ids), horizon))
        for ahead in range(1, horizon + 1):
            y_hat[:, ahead - 1] = Learnt.of(lesson, ahead, ahead, is_unbiased=self.is_unbiased).mean
        return np.asarray(y_hat * plain.future_index)


def pooled_smoothing() -> PooledSmoothing:
    """Levels only: for panels without a season, or whose season cannot be trusted."""
    return PooledSmoothing()


def pooled_seasonal() -> PooledSmoothing:
    """Levels and the season, of which each series has as much of its own as it can show."""
    return PooledSmoothing(name="pooled_seasonal", is_seasonal=True)


@dataclass(frozen=True, eq=False)
class Lesson:
    """What a panel teaches from: its levels after the last column, and a sample's after every column.

    `rows` are the series of the sample; `levels` is (sample, columns, features), `last` (series, features).
    """

    rows: Counts
    sample: Adjusted
    levels: Matrix
    last: Matrix

    @classmethod
    def of(cls, plain: Adjusted) -> "Lesson":
        """At most `MAX_SERIES` series, evenly spread over the panel."""
        rows = spread_rows(len(plain.y), MAX_SERIES)
        sample = plain.rows(rows)
        return cls(rows, sample, _features(sample), _features(plain, is_last_only=True)[:, 0])


@dataclass(frozen=True, eq=False)
class Learnt:
    """The mean of the sum of the steps `begin` to `end` ahead for each series, and the pairs that taught it.

    `expected` and `found` have a row per series of the sample and a column per origin; NaN where nothing is known.
    """

    mean: Matrix
    expected: Matrix
    found: Matrix

    @classmethod
    def of(cls, lesson: Lesson, begin: int, end: int, *, is_unbiased: bool) -> "Learnt":
        """Learn from the sample's origins (at most `MAX_ORIGINS`)."""
        sample, steps = lesson.sample, end - begin + 1
        # What lies further ahead than the past can show is taken to be as far as it can.
        too_far = min(max(end - (sample.y.shape[1] - LEAST_ORIGINS), 0), begin - 1)
        begin, end = begin - too_far, end - too_far
        origins = _latest(sample.y.shape[1] - end, MAX_ORIGINS)
        found = window_sums(sample.y, sample.is_known, begin, end)[:, origins]
        is_pair = np.isfinite(found) & (sample.age[:, origins] > 0)
        if is_pair.sum() < MIN_PAIRS:
            nothing = np.full(found.shape, np.nan)
            return cls(steps * lesson.last[:, RESTING_FEATURE], nothing, nothing)
        x = lesson.levels[:, origins]
        weights = _fit(x, found, is_pair, sample.scale, steps)
        expected = np.where(is_pair, x @ weights, np.nan)
        found = np.where(is_pair, found, np.nan)
        factor = 1.0
        if is_unbiased:
            whole = window_sums(sample.whole, sample.is_known, begin, end)[:, origins]
            factor = _recent_ratio(expected, np.where(is_pair, whole, np.nan), origins, sample.season)
        return cls(lesson.last @ weights * factor, expected * factor, found)


def _features(plain: Adjusted, *, is_last_only: bool = False) -> Matrix:
    """Levels of each series after each column, (series, columns, features).

    Each speed comes twice, also as if the series had been zero before it began: a product's first week is a sale by
    definition, and says more of a product than it will keep.
    """
    features = []
    age = plain.age[:, -1:] if is_last_only else plain.age
    for alpha in ALPHAS:
        level = running_levels(plain.y, plain.is_known, alpha, is_last_only=is_last_only)
        features += [level, level * (1 - (1 - alpha) ** age)]
    roots = np.sign(plain.y) * np.sqrt(np.abs(plain.y))
    root = running_levels(roots, plain.is_known, ROOT_ALPHA, is_last_only=is_last_only)
    features.append(np.sign(root) * root**2)
    return np.stack(features, axis=-1)


def window_sums(y: Matrix, is_known: Flags, begin: int, end: int) -> Matrix:
    """Sum of the steps `begin` to `end` after each column; NaN where one of them is unknown or after the last."""
    n, width = y.shape
    total = np.cumsum(np.where(is_known, y, 0.0), axis=1)
    known = np.cumsum(is_known, axis=1)
    total, known = (np.concatenate([np.zeros((n, 1)), one], axis=1) for one in (total, known))
    sums = np.full((n, width), np.nan)
    last = width - end
    is_whole: Flags
    if last > 0:
        upper, lower = slice(end + 1, width + 1), slice(begin, begin + last)
        is_whole = np.asarray(known[:, upper] - known[:, lower] == end - begin + 1)
        sums[:, :last] = np.where(is_whole, total[:, upper] - total[:, lower], np.nan)
    return sums


def _fit(x: Matrix, found: Matrix, is_pair: Flags, scale: Matrix, steps: int) -> Matrix:
    from scipy.optimize import nnls

    # Each series counts alike, whatever its size.
    by_scale = np.broadcast_to((1 / scale)[:, None], found.shape)[is_pair]
    left = x[is_pair] * by_scale[:, None]
    right = found[is_pair] * by_scale
    if not left.any():
        weights = np.zeros(x.shape[2])
        weights[RESTING_FEATURE] = steps
        return weights
    gram, moment = left.T @ left, left.T @ right
    # A trace of ridge: levels of neighbouring speeds are nearly the same, and a Cholesky factor needs them apart.
    gram[np.diag_indices_from(gram)] += 1e-6 * np.trace(gram) / len(gram)
    lower = np.linalg.cholesky(gram)
    weights, _ = nnls(lower.T, np.linalg.solve(lower, moment))
    return np.asarray(weights)


def _recent_ratio(expected: Matrix, found: Matrix, origins: Counts, season: int) -> float:
    """What was found over what was expected, in sum over all series, the latest origins counting most.

    It is drawn towards the ratio over all origins by as much as the origins disagree (the posterior mean of a growth
    that is normal with deviation `USUAL_GROWTH`): in a small market one bulk order is no growth. The ratio over all
    origins is not 1, since each series counts alike in the weights, and a bulk order does not move a level; it is drawn
    towards 1 in the same way.
    """
    expected_sum, found_sum = np.nansum(expected, axis=0), np.nansum(found, axis=0)
    is_some = expected_sum > 0
    if not is_some.any():
        return 1.0
    age = origins.max() - origins[is_some]
    ratios = found_sum[is_some] / expected_sum[is_some]
    factor = 1.0
    for memory in (LONG_MEMORY * max(RECENT_ORIGINS, season), max(RECENT_ORIGINS, season)):
        weight = np.exp(-age / memory) * expected_sum[is_some]
        ratio = float((weight * ratios).sum() / weight.sum()) / factor
        if ratio <= 0:
            continue
        variance = float((weight * (ratios / factor - ratio) ** 2).sum() / weight.sum()) / ratio**2
        independent = float(weight.sum() ** 2 / (weight**2).sum())
        kept = USUAL_GROWTH**2 / (USUAL_GROWTH**2 + variance / max(independent - 1, 1.0))
        factor *= float(np.clip(ratio, 1 / LARGEST_CORRECTION, LARGEST_CORRECTION) ** kept)
    return float(np.clip(factor, 1 / LARGEST_CORRECTION, LARGEST_CORRECTION))


def spread_rows(count: int, limit: int) -> Counts:
    """At most `limit` of the numbers below `count`, evenly spread."""
    if count <= 0:
        return np.empty(0, np.int64)
    return np.unique(np.linspace(0, count - 1, min(count, limit)).round().astype(np.int64))


def _latest(count: int, limit: int) -> Counts:
    """At most `limit` of the numbers below `count`: the last ones, and as many evenly spread over the others."""
    recent = np.arange(max(count - limit // 2, 0), max(count, 0))
    return np.concatenate([spread_rows(count - len(recent), limit - len(recent)), recent])
