"""Models of intermittent demand: Croston, Syntetos and Boylan's correction, TSB, ADIDA and IMAPA.

Belongs here: the published methods, over all series of a panel at once. Does not: the pooled model (`pooled.py`).
Each forecast is a mean per step, the same for each step ahead. An unknown value is left out: it is no zero.
A test holds all of them equal to statsforecast's on series without gaps.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from orchestration.forecasting.models import PanelModel
from orchestration.forecasting.models.levels import fitted_level, last_level
from orchestration.forecasting.panel import Counts, Flags, Matrix, Panel

# Croston's own choice, and the value in every comparison since.
CROSTON_ALPHA = 0.1
# Aggregated series are short and their sums noisy: the range within which their smoothing is fitted.
AGGREGATE_ALPHAS = np.linspace(0.1, 0.3, 21)
# A series that sells once in two years is not made better by sums of two years.
MAX_AGGREGATION = 24


@dataclass(frozen=True)
class Croston(PanelModel):
    """Size of a sale over interval between sales, both smoothed (Croston 1972).

    `variant` sba multiplies by 1 - alpha / 2, which removes the bias (Syntetos and Boylan 2005).
    """

    name: str = "croston"
    variant: Literal["classic", "sba"] = "classic"
    alpha: float = CROSTON_ALPHA

    def matrix(self, series: Panel, horizon: int) -> Matrix:
        """The same mean for each step ahead; 0 for a series without a sale."""
        y, is_known = _known(series)
        is_sale = is_known & (y != 0)
        size = last_level(y, is_sale, self.alpha)
        interval = last_level(_intervals(is_known, is_sale), is_sale, self.alpha)
        mean = _ratio(np.nan_to_num(size), np.nan_to_num(interval))
        correction = 1 - self.alpha / 2 if self.variant == "sba" else 1.0
        return np.repeat(mean[:, None] * correction, horizon, axis=1)


@dataclass(frozen=True)
class Tsb(PanelModel):
    """Size of a sale times probability of a sale, which falls while nothing is sold (Teunter, Syntetos, Babai 2011)."""

    name: str = "tsb"
    alpha_size: float = 0.1
    alpha_probability: float = 0.1

    def matrix(self, series: Panel, horizon: int) -> Matrix:
        """The same mean for each step ahead; 0 for a series without a sale."""
        y, is_known = _known(series)
        is_sale = is_known & (y != 0)
        size = np.nan_to_num(last_level(y, is_sale, self.alpha_size))
        probability = np.nan_to_num(last_level(is_sale.astype(float), is_known, self.alpha_probability))
        return np.repeat((size * probability)[:, None], horizon, axis=1)


@dataclass(frozen=True)
class Aggregated(PanelModel):
    """Smoothed sums of several steps, spread evenly over them.

    `adida` sums over the mean interval between sales (Nikolopoulos et al. 2011); `imapa` averages the forecasts of all
    sums from one step up to that interval (Petropoulos and Kourentzes 2015).
    """

    name: str = "adida"
    variant: Literal["adida", "imapa"] = "adida"

    def matrix(self, series: Panel, horizon: int) -> Matrix:
        """The same mean for each step ahead; 0 for a series without a sale."""
        y, is_known = _known(series)
        intervals = _mean_interval(is_known, is_known & (y != 0))
        highest = int(intervals.max(initial=1))
        mean, counted = np.zeros(len(y)), np.zeros(len(y))
        for level in range(1, highest + 1):
            is_wanted = intervals == level if self.variant == "adida" else intervals >= level
            if is_wanted.any():
                # A series shorter than one sum has none.
                per_step = np.nan_to_num(_forecast_sum(series, y, is_known, level, is_wanted) / level)
                mean[is_wanted] += per_step
                counted[is_wanted] += 1
        return np.repeat(_ratio(mean, counted)[:, None], horizon, axis=1)


def croston() -> Croston:
    """Croston's method."""
    return Croston()


def sba() -> Croston:
    """Croston's method without its bias."""
    return Croston(name="sba", variant="sba")


def adida() -> Aggregated:
    """Sums over the mean interval between sales."""
    return Aggregated()


def imapa() -> Aggregated:
    """The mean of the forecasts of all sums up to the mean interval."""
    return Aggregated(name="imapa", variant="imapa")


def _known(series: Panel) -> tuple[Matrix, Flags]:
    is_known = np.isfinite(series.y)
    return np.where(is_known, series.y, 0.0), is_known


def _ratio(above: Matrix, below: Matrix) -> Matrix:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


def _intervals(is_known: Flags, is_sale: Flags) -> Matrix:
    """Known steps since the sale before; at the first sale since the beginning. Only meant where something is sold."""
    order = np.cumsum(is_known, axis=1).astype(float)
    at_sale = np.where(is_sale, order, 0.0)
    before = np.zeros_like(order)
    before[:, 1:] = np.maximum.accumulate(at_sale, axis=1)[:, :-1]
    return np.asarray(order - before)


def _mean_interval(is_known: Flags, is_sale: Flags) -> Counts:
    """Mean interval between sales, rounded; 1 without a sale."""
    order = np.cumsum(is_known, axis=1)
    last = np.where(is_sale, order, 0).max(axis=1, initial=0)
    mean = last / np.maximum(is_sale.sum(axis=1), 1)
    return np.asarray(np.clip(np.round(mean), 1, MAX_AGGREGATION).astype(np.int64))


def _forecast_sum(series: Panel, y: Matrix, is_known: Flags, level: int, chosen: Flags) -> Matrix:
    """Smoothed sum of `level` steps of the chosen series, counted from the end; a remainder at the beginning falls."""
    width = y.shape[1] - y.shape[1] % level
    sums = y[chosen, y.shape[1] - width :].reshape(chosen.sum(), -1, level).sum(axis=2)
    known = is_known[chosen, y.shape[1] - width :].reshape(sums.shape[0], -1, level).sum(axis=2)
    # A sum over a gap counts as if the unknown steps were like the known ones.
    begun = series.first[chosen] - (y.shape[1] - width)
    is_whole = np.arange(sums.shape[1]) * level >= begun[:, None]
    scaled = np.divide(sums * level, known, out=np.zeros_like(sums), where=known > 0)
    return fitted_level(scaled, is_whole & (known > 0), AGGREGATE_ALPHAS)
