"""Quantiles of the units in a window of days, as a negative binomial with mean and variance.

Belongs here: the variance of a node's window and the quantiles that follow. Does not: means (see model.py).

variance = clumping x mean + (path + share + luck) x mean^2: pieces come in lines and bulk orders; `path` is what is not
known of the market's days, `share` of the node's part in it, `luck` what months change in a node without a reason that
is known. Clumping and luck of each level are those of least quantile loss in the back-test.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from orchestration.forecasting.count_quantiles import negative_binomial_quantiles
from orchestration.forecasting.demand.calendar import Reals

QUANTILES = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975, 0.99)
LEVELS = ("market", "category", "subdivision", "product")
_CLUMPINGS = np.array([0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8])
_LUCKS = np.array([0.0, 0.01, 0.03, 0.08, 0.2])
_LUCKS_OF_FEW = np.array([0.0, 0.001, 0.003])
_MOST_CASES = 600
_LEAST_CASES = 5
# How far, in logarithms, clumping and luck usually lie from their guess; of luck a hundredth is as good as none.
_CLUMPING_SPREAD, _LUCK_SPREAD, _LUCK_FLOOR = 0.5, 1.0, 0.003


@dataclass(frozen=True)
class LevelSpread:
    """Clumping and luck of one level; `cases` windows of the back-test spoke for them (0: a guess)."""

    clumping: float
    luck: float
    cases: int = 0


def variance_of(mean: Reals, known: Reals, spread: LevelSpread) -> Reals:
    """Variance of windows with this mean, where `known` is the relative variance of path and share."""
    variance: Reals = spread.clumping * mean + (known + spread.luck) * mean**2
    return variance


def quantiles_of(mean: Reals, variance: Reals, levels: Sequence[float] = QUANTILES) -> Reals:
    """Quantiles (node x level) of the negative binomial with these moments; all zero where nothing is expected."""
    center = np.maximum(mean, 1e-9)
    more = np.maximum(variance, center * (1 + 1e-6)) - center
    size = np.clip(center**2 / more, 1e-9, 1e12)
    found: Reals = negative_binomial_quantiles(center, size, levels)
    return np.where(mean[:, None] > 0, np.nan_to_num(found, nan=0.0), 0.0)


def calibrated(mean: Reals, known: Reals, actual: Reals, clumping: float, luck: float) -> LevelSpread:
    """The spread of least quantile loss over windows whose outcome is known, drawn towards the guess by few of them.

    With the loss as the scale of a Laplace distribution n windows say n times the logarithm of the loss; the guess says
    the squares of its distance. A market has ten windows in a back-test of two origins, its products thousands.
    """
    usable = np.flatnonzero(mean > 0)
    if len(usable) < _LEAST_CASES:
        return LevelSpread(clumping, luck)
    # Every n-th of the windows, by size: a sample that is the same on every run.
    chosen = usable[np.argsort(mean[usable], kind="stable")][:: max(1, len(usable) // _MOST_CASES)]
    mean, known, actual = mean[chosen], known[chosen], actual[chosen]
    best, least = LevelSpread(clumping, luck), np.inf
    levels = np.array(QUANTILES)
    for factor in _CLUMPINGS:
        for extra in np.union1d(_LUCKS, _LUCKS_OF_FEW if len(chosen) < _MOST_CASES // 4 else []):
            spread = LevelSpread(clumping * float(factor), float(extra), len(chosen))
            error = actual[:, None] - quantiles_of(mean, variance_of(mean, known, spread))
            loss = float((np.maximum(levels * error, (levels - 1) * error) / np.sqrt(mean)[:, None]).mean())
            away = (np.log(factor) / _CLUMPING_SPREAD) ** 2
            away += (np.log((extra + _LUCK_FLOOR) / (luck + _LUCK_FLOOR)) / _LUCK_SPREAD) ** 2
            score = len(chosen) * np.log(max(loss, 1e-12)) + away / 2
            if score < least - 1e-9:
                best, least = spread, score
    return best
