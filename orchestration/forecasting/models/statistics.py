"""statsmodels behind the interface: ETS, Theta, unobserved components, SARIMAX, regression of counts.

Belongs here: adapters, one series at a time. Does not: what hundreds of series need (see `combination.py`): these take
between ten milliseconds and a second a series, and are for the few that planners look at, and for comparison.
"""

import warnings
from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
import pandas as pd

from orchestration.forecasting.models import PanelModel
from orchestration.forecasting.panel import Flags, Matrix, Panel


class SeriesModel(PanelModel):
    """A model that is fitted series by series; one that cannot be fitted is NaN, for the guard."""

    def matrix(self, series: Panel, horizon: int) -> Matrix:
        """Each series by itself, scaled to a mean of one, since the optimisers' tolerances are absolute."""
        filled = series.filled()
        y_hat = np.full((len(series.ids), horizon), np.nan)
        for row, first in enumerate(series.first):
            values = filled[row, first:]
            scale = float(np.abs(values).mean()) or 1.0
            with warnings.catch_warnings():
                # What an optimiser did not converge to is judged by the guard and by cross-validation, not by it.
                warnings.simplefilter("ignore")
                try:
                    y_hat[row] = scale * self.one(values / scale, horizon, series.season)
                except (ValueError, ArithmeticError, LookupError, NotImplementedError):
                    continue
        return y_hat

    @abstractmethod
    def one(self, y: Matrix, horizon: int, season: int) -> Matrix:
        """Forecast one series without unknown values."""


def _is_seasonal(y: Matrix, season: int) -> bool:
    return season > 1 and len(y) >= 2 * season + 2


@dataclass(frozen=True)
class ExponentialSmoothing(SeriesModel):
    """Damped trend with an additive season where there are two of them."""

    name: str = "statsmodels_ets"

    def one(self, y: Matrix, horizon: int, season: int) -> Matrix:
        """By maximum likelihood."""
        from statsmodels.tsa.holtwinters import ExponentialSmoothing as Smoothing

        seasonal = {"seasonal": "add", "seasonal_periods": season} if _is_seasonal(y, season) else {}
        model = Smoothing(y, trend="add", damped_trend=True, initialization_method="estimated", **seasonal)
        return np.asarray(model.fit().forecast(horizon))


@dataclass(frozen=True)
class Theta(SeriesModel):
    """The classical theta model with its own test for a season."""

    name: str = "statsmodels_theta"

    def one(self, y: Matrix, horizon: int, season: int) -> Matrix:
        """Theta of two."""
        from statsmodels.tsa.forecasting.theta import ThetaModel

        is_seasonal = _is_seasonal(y, season)
        method = "multiplicative" if y.min() > 0 else "additive"
        model = ThetaModel(y, period=season if is_seasonal else 1, deseasonalize=is_seasonal, method=method)
        return np.asarray(model.fit().forecast(horizon))


@dataclass(frozen=True)
class UnobservedComponents(SeriesModel):
    """A local linear trend with a stochastic season, by Kalman filter."""

    name: str = "unobserved_components"

    def one(self, y: Matrix, horizon: int, season: int) -> Matrix:
        """By maximum likelihood."""
        from statsmodels.tsa.statespace.structural import UnobservedComponents as Components

        seasonal = season if _is_seasonal(y, season) else None
        return np.asarray(Components(y, level="lltrend", seasonal=seasonal).fit(disp=False).forecast(horizon))


@dataclass(frozen=True)
class Sarimax(SeriesModel):
    """The airline model: ARIMA (0,1,1)(0,1,1); without a season (0,1,1)."""

    name: str = "sarimax"

    def one(self, y: Matrix, horizon: int, season: int) -> Matrix:
        """By maximum likelihood."""
        from statsmodels.tsa.statespace.sarimax import SARIMAX

        seasonal = (0, 1, 1, season) if _is_seasonal(y, season) else (0, 0, 0, 0)
        return np.asarray(SARIMAX(y, order=(0, 1, 1), seasonal_order=seasonal).fit(disp=False).forecast(horizon))


@dataclass(frozen=True, eq=False)
class CountRegression(PanelModel):
    """Poisson regression (log link) on regressors, a season of sines and a linear trend.

    `regressors` is a long frame (unique_id, ds, and one column of numbers per regressor) that covers the history and
    the steps ahead; without one only season and trend are used. Quasi-Poisson: the mean needs no more.
    """

    regressors: pd.DataFrame | None = None
    name: str = "count_regression"

    def matrix(self, series: Panel, horizon: int) -> Matrix:
        """Each series by itself; NaN where its regressors do not cover the history and the steps ahead."""
        y_hat = np.full((len(series.ids), horizon), np.nan)
        by_id = {} if self.regressors is None else dict(iter(self.regressors.groupby("unique_id", sort=False)))
        for row, name in enumerate(series.ids):
            y = series.y[row, series.first[row] :]
            table = np.empty((len(y) + horizon, 0))
            if self.regressors is not None:
                if name not in by_id:
                    continue
                times = series.step.moved(series.last[row : row + 1], np.arange(1 - len(y), horizon + 1))
                known = by_id[name].set_index("ds").drop(columns="unique_id")
                table = known.reindex(pd.Index(times)).to_numpy(np.float64)
            if np.isfinite(table).all():
                y_hat[row] = _regressed(y, table, horizon, series.season)
        return y_hat


def _regressed(y: Matrix, table: Matrix, horizon: int, season: int) -> Matrix:
    """One series' forecast; NaN where it has negative values or fewer values than coefficients."""
    import statsmodels.api as sm

    at = np.arange(len(y) + horizon)
    waves = min(season // 2, 3) if _is_seasonal(y, season) else 0
    angles = 2 * np.pi * np.outer(at, np.arange(1, waves + 1)) / max(season, 1)
    design = np.column_stack([np.ones(len(at)), at / len(y), np.sin(angles), np.cos(angles), table])
    is_known: Flags = np.isfinite(y)
    if is_known.sum() <= 2 * design.shape[1] or np.nanmin(y) < 0 or np.nanmax(y) <= 0:
        return np.full(horizon, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model = sm.GLM(y[is_known], design[: len(y)][is_known], family=sm.families.Poisson())
            # A slight ridge keeps regressors that never varied in the history from carrying away the forecast.
            return np.asarray(model.fit_regularized(alpha=1e-4, L1_wt=0.0).predict(design[len(y) :]))
        except (ValueError, ArithmeticError):
            return np.full(horizon, np.nan)
