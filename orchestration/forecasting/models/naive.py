"""The bars that every other model must clear: last season, last value, recent mean.

Belongs here: models without parameters. Does not: anything that is fitted.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from orchestration.forecasting.models import PanelModel
from orchestration.forecasting.panel import Matrix, Panel


@dataclass(frozen=True)
class SeasonalNaive(PanelModel):
    """The last full season, repeated; the last value where a series is shorter than a season."""

    is_by_series: ClassVar[bool] = True
    name: str = "seasonal_naive"

    def matrix(self, series: Panel, horizon: int) -> Matrix:
        """Each step ahead is the last known value one or more seasons before it."""
        y = series.filled()
        season = np.where(series.lengths >= series.season, series.season, 1)
        ahead = np.arange(horizon)
        columns = y.shape[1] - season[:, None] + ahead % season[:, None]
        return np.asarray(np.take_along_axis(y, columns, axis=1))


@dataclass(frozen=True)
class RecentMean(PanelModel):
    """The mean of the last `steps` values (of the last season when it is 0), repeated."""

    is_by_series: ClassVar[bool] = True
    name: str = "recent_mean"
    steps: int = 0

    def matrix(self, series: Panel, horizon: int) -> Matrix:
        """The same mean for each step ahead."""
        window = self.steps or max(series.season, 4)
        y = series.filled()[:, -window:]
        known = np.isfinite(y)
        mean = np.where(known, y, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        return np.repeat(mean[:, None], horizon, axis=1)
