"""Values that are no part of a series' pattern: found openly, and unknown to the models.

Belongs here: what counts as an outlier. Does not: what a forecast does with an unknown value (see `panel.py`).
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from orchestration.forecasting.panel import Matrix, Panel

# A mistyped quantity or a once-only bulk order; a peak that returns each season, or a level that has risen, is none.
OUTLIER_MULTIPLE = 20.0
# With fewer values nobody knows what is usual.
MIN_KNOWN = 8
# Neighbours on each side, where a season is shorter.
REACH = 6


def without_outliers(series: Panel) -> tuple[Panel, pd.DataFrame]:
    """The panel with outliers unknown, and the list of them: (unique_id, steps_ago, y, usual).

    An outlier is above `OUTLIER_MULTIPLE` times the median of the series' known values other than zero, and of its
    neighbours (a season on each side) other than zero, while no value one season away is half as large.
    """
    size = np.abs(np.where(np.isfinite(series.y), series.y, 0.0))
    usual = np.nanmedian(np.where(size > 0, size, np.nan)[(size > 0).any(axis=1)], axis=1) if size.size else np.empty(0)
    limits = np.full(len(size), np.inf)
    limits[(size > 0).any(axis=1)] = OUTLIER_MULTIPLE * usual
    limits[(size > 0).sum(axis=1) < MIN_KNOWN] = np.inf
    found = [
        (row, column)
        for row, column in zip(*np.nonzero(size > limits[:, None]), strict=True)
        if _stands_alone(size[row], int(column), series.season)
    ]
    y = series.y.copy()
    for row, column in found:
        y[row, column] = np.nan
    listed = pd.DataFrame(
        {
            "unique_id": pd.Series([series.ids[row] for row, _ in found], dtype=object),
            "steps_ago": np.array([size.shape[1] - 1 - column for _, column in found], dtype=np.int64),
            "y": np.array([series.y[row, column] for row, column in found], dtype=np.float64),
            "usual": np.array([limits[row] / OUTLIER_MULTIPLE for row, _ in found], dtype=np.float64),
        }
    )
    return (replace(series, y=y) if found else series), listed


def _stands_alone(size: Matrix, column: int, season: int) -> bool:
    reach = max(season, REACH)
    around = np.r_[size[max(column - reach, 0) : column], size[column + 1 : column + 1 + reach]]
    around = around[around > 0]
    if len(around) and size[column] <= OUTLIER_MULTIPLE * np.median(around):
        return False
    seasons = [size[at] for at in (column - season, column + season) if season > 1 and 0 <= at < len(size)]
    return not any(value >= size[column] / 2 for value in seasons)
