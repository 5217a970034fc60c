"""The combination: five ways of smoothing, each as good as the next, the extreme two left out at each step.

Belongs here: which members, and how they are combined. Does not: the members.

No weight is estimated: weights learnt from a series' few errors are worse than none (the combination puzzle). A
trimmed mean takes what five near equals agree on and lets no single one run away. The members differ in what they
believe of a trend: that it is damped, in units or in growth rates; that half of it lasts; that it bends with each
value; that it is hidden in the errors. See DECISIONS.md for how they were chosen.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from orchestration.forecasting.models import PanelModel
from orchestration.forecasting.models.adjusted import Adjusted, adjusted
from orchestration.forecasting.models.grid import (
    averaged,
    complex_smoothing,
    level,
    level_with_drift,
    trend,
    undamped_trend,
)
from orchestration.forecasting.models.theta import dynamic_theta, theta
from orchestration.forecasting.panel import Matrix, Panel

# Beyond this an outlier, and no spread, has made the variance.
MOST_TO_MEAN = 0.25


@dataclass(frozen=True)
class Combination(PanelModel):
    """Trimmed mean of complex smoothing, damped trend and theta of logarithms, dynamic theta and averaged smoothing."""

    is_by_series: ClassVar[bool] = True
    name: str = "combination"

    def matrix(self, series: Panel, horizon: int) -> Matrix:
        """The mean of the middle three of five forecasts, step by step."""
        if not len(series.ids):
            return np.empty((0, horizon))
        plain = adjusted(series, horizon)
        return trimmed_mean([*shared_members(plain, horizon), *_own_members(plain, horizon)])


def shared_members(plain: Adjusted, horizon: int) -> list[Matrix]:
    """The three members that need no library: complex smoothing, damped trend and theta of logarithms."""
    logs = plain.logs()
    damped = trend().fit(logs.series, horizon)
    # The exponential of a mean of logarithms is a median: half the variance lies between it and the mean.
    to_mean = np.where(logs.is_log, np.minimum(damped.sigma**2 / 2, MOST_TO_MEAN), 0.0)[:, None]
    return [
        plain.restore(complex_smoothing().fit(plain.series, horizon).y_hat),
        logs.restore(damped.y_hat + to_mean),
        logs.restore(theta(logs.series, horizon) + to_mean),
    ]


def _own_members(plain: Adjusted, horizon: int) -> list[Matrix]:
    families = (level(), level_with_drift(), trend(), undamped_trend())
    return [
        plain.restore(dynamic_theta(plain.series, horizon)),
        plain.restore(averaged(families, plain.series, horizon)),
    ]


def trimmed_mean(members: list[Matrix]) -> Matrix:
    """The mean at each step without the lowest and the highest; of two or fewer all are kept, NaN is left out."""
    with np.errstate(invalid="ignore"):
        ordered = np.sort(np.array(members), axis=0)
    known = np.isfinite(ordered).sum(axis=0)
    place = np.arange(len(ordered))[:, None, None]
    is_kept = (place < known) & ((known < 3) | ((place > 0) & (place < known - 1)))
    total = np.where(is_kept, ordered, 0.0).sum(axis=0)
    return np.asarray(np.where(known > 0, total / np.maximum(is_kept.sum(axis=0), 1), np.nan))
