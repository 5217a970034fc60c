"""Models behind one small interface on long frames: history (unique_id, ds, y) in, (unique_id, ds, y_hat) out.

Belongs here: the interface and its adapters, one family a file. Does not: the choice between them (see `engine.py`),
their guard (see `guard.py`), bands.
"""

from abc import ABC, abstractmethod
from typing import ClassVar, Protocol

import pandas as pd

from orchestration.forecasting.panel import Matrix, Panel, long_forecast, panel

# Shorter than this, every model that knows only the series itself is a guess in disguise: the mean is one without.
SHORTEST = 3


class Model(Protocol):
    """What every model offers; rows stand in order of (unique_id, ds), and a missing `y` is unknown, not zero."""

    @property
    def name(self) -> str:
        """The `model_code` under which its rows are published."""
        ...

    def fit_forecast(self, history: pd.DataFrame, horizon: int, *, season: int) -> pd.DataFrame:
        """One row (unique_id, ds, y_hat) per series and each of the `horizon` steps after its last one."""
        ...


class PanelModel(ABC):
    """A model that computes all series of a panel at once; its `fit_forecast` is the interface's."""

    name: str
    shortest: ClassVar[int] = SHORTEST
    # Whether a series' forecast depends on nothing but itself: then panels can be forecast as one.
    is_by_series: ClassVar[bool] = False

    @abstractmethod
    def matrix(self, series: Panel, horizon: int) -> Matrix:
        """One row per series and one column per step ahead; NaN where it has no forecast."""

    def fit_forecast(self, history: pd.DataFrame, horizon: int, *, season: int) -> pd.DataFrame:
        """The long frame of `matrix`."""
        series = panel(history, season=season)
        return long_forecast(series, self.matrix(series, horizon))


def forecast_matrix(model: Model, series: Panel, horizon: int) -> Matrix:
    """Any model's forecast as a matrix: rows that it leaves out are NaN."""
    if isinstance(model, PanelModel):
        return model.matrix(series, horizon)
    return matrix_of(model.fit_forecast(long_history(series), horizon, season=series.season), series, horizon)


def long_history(series: Panel) -> pd.DataFrame:
    """The long frame of a panel, its times renumbered: 0 is the first column, the same for all series."""
    rows, columns = series.is_history.nonzero()
    names = pd.Index(series.ids, dtype=object).to_numpy()
    return pd.DataFrame({"unique_id": names[rows], "ds": columns, "y": series.y[rows, columns]})


def matrix_of(forecast: pd.DataFrame, series: Panel, horizon: int) -> Matrix:
    """The matrix of a long forecast made from `long_history`: NaN where a series or a step is left out."""
    import numpy as np

    y_hat = np.full((len(series.ids), horizon), np.nan)
    rows = pd.Index(series.ids).get_indexer(pd.Index(forecast["unique_id"]))
    ahead = forecast["ds"].to_numpy(np.int64) - series.y.shape[1]
    is_asked = (rows >= 0) & (ahead >= 0) & (ahead < horizon)
    y_hat[rows[is_asked], ahead[is_asked]] = forecast["y_hat"].to_numpy(np.float64)[is_asked]
    return y_hat
