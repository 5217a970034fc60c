"""Bands around a forecast: what the errors of the back-test say about the next weeks.

Belongs here: residuals, their quantiles, the 80 and 95 % bands. Does not: point forecasts.

Residuals are taken on square roots, where the noise of counts does not grow with their size, and divided by the
`spread` of the series' own history, so that products of one market can be pooled: 100 products, 4 origins and 4 weeks
give 1,600 residuals, while one series gives 16.
"""

from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestration.forecasting.weekly import panel

BAND_LEVELS = (80, 95)
BAND_COLUMNS = tuple(f"{side}_{level}_qty" for level in BAND_LEVELS for side in ("lower", "upper"))
# The square root of a Poisson count has a standard deviation of about one half, whatever its mean (Anscombe 1948):
# no series of sales is surer than that, not even a constant one.
SPREAD_FLOOR = 0.5
MIN_WEEKS_OF_OWN_SPREAD = 8
# From 39 residuals on the 95 % band lies between two order statistics: (39 + 1) * 0.025 = 1.
MIN_RESIDUALS_FOR_QUANTILES = 39


def spread(history: pd.DataFrame) -> pd.Series:
    """Standard deviation of the roots of each series of a long frame, at least `SPREAD_FLOOR`; by id, in its order.

    A series of fewer than `MIN_WEEKS_OF_OWN_SPREAD` weeks cannot show how much it varies: its mean root stands in.
    """
    series = panel(history)
    roots = np.where(series.is_history, np.sqrt(np.maximum(series.y, 0.0)), 0.0)
    mean = roots.sum(axis=1) / series.lengths
    squared = np.where(series.is_history, (roots - mean[:, None]) ** 2, 0.0).sum(axis=1)
    floor = np.maximum(np.where(series.lengths < MIN_WEEKS_OF_OWN_SPREAD, mean, 0.0), SPREAD_FLOOR)
    return pd.Series(np.maximum(np.sqrt(squared / series.lengths), floor), index=pd.Index(series.ids, dtype=object))


def residuals(backtest: pd.DataFrame) -> npt.NDArray[np.float64]:
    """(root of actual - root of forecast) / spread, for a back-test of one model with a column `spread`."""
    error = np.sqrt(backtest["actual_qty"].to_numpy(float)) - np.sqrt(backtest["forecast_qty"].to_numpy(float))
    return np.asarray(error / backtest["spread"].to_numpy(float))


def band_limits(errors: npt.NDArray[np.float64], *, level: int, origin_count: int) -> tuple[float, float]:
    """Lower and upper limit of the `level` % band in units of the spread.

    With `MIN_RESIDUALS_FOR_QUANTILES` residuals their order statistics, with the conformal correction for a finite
    sample; with fewer Student's t times their root mean square, with as many degrees of freedom as there are origins
    (the weeks of one origin err together); without any the normal distribution times the spread.
    """
    tail = (1 - level / 100) / 2
    count = len(errors)
    if count >= MIN_RESIDUALS_FOR_QUANTILES:
        ordered = np.sort(errors)
        rank = int(np.floor((count + 1) * tail + 1e-9))
        return float(ordered[rank - 1]), float(ordered[count - rank])
    if count:
        width = student_t(1 - tail, max(origin_count, 1)) * float(np.sqrt(np.mean(errors**2)))
        return -width, width
    width = NormalDist().inv_cdf(1 - tail)
    return -width, width


def student_t(probability: float, freedom: int) -> float:
    """Quantile of Student's t distribution."""
    from scipy.special import stdtrit  # type: ignore[import-untyped]

    return float(stdtrit(freedom, probability))


def with_bands(
    forecast: pd.DataFrame, spreads: pd.Series, errors: npt.NDArray[np.float64], origins: int
) -> pd.DataFrame:
    """`forecast` (unique_id, y_hat, …) with `BAND_COLUMNS`: never below zero, and never without the point itself."""
    width = spreads.reindex(forecast["unique_id"]).to_numpy(float)
    root = np.sqrt(forecast["y_hat"].to_numpy(float))
    point = forecast["y_hat"].to_numpy(float)
    banded = forecast.copy()
    for level in BAND_LEVELS:
        lower, upper = band_limits(errors, level=level, origin_count=origins)
        banded[f"lower_{level}_qty"] = np.minimum(np.maximum(root + lower * width, 0.0) ** 2, point)
        banded[f"upper_{level}_qty"] = np.maximum(np.maximum(root + upper * width, 0.0) ** 2, point)
    return banded
