"""statsforecast's compiled models behind the interface, and the combination that contains two of them.

Belongs here: adapters. Does not: models of our own. Its ETS and theta models are compiled beforehand (C++); its CES,
TBATS and MFLES are compiled at first use by numba, which takes longer than forecasting a thousand series, so that
complex smoothing is our own (`grid.py`).
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import ClassVar, Protocol

import numpy as np

from orchestration.forecasting.models import PanelModel
from orchestration.forecasting.models.adjusted import adjusted
from orchestration.forecasting.models.combination import shared_members, trimmed_mean
from orchestration.forecasting.panel import Matrix, Panel

# Fitting time grows with length, what is learnt does not: of a longer series the last values are used.
LONGEST = 300


class LibraryModel(Protocol):
    """The part of statsforecast's models that is used."""

    def forecast(self, y: Matrix, h: int) -> dict[str, Matrix]:
        """Point forecasts under `mean`."""
        ...


@dataclass(frozen=True)
class Library(PanelModel):
    """One model of statsforecast; `make` gets the season. A series that it cannot take is NaN, for the guard."""

    name: str
    make: Callable[[int], LibraryModel]

    def matrix(self, series: Panel, horizon: int) -> Matrix:
        """Each series by itself, of at most its last `LONGEST` values."""
        filled = series.filled()
        rows = [values[first:] for values, first in zip(filled, series.first, strict=True)]
        return each_series(self.make(series.season), rows, horizon)


def each_series(model: LibraryModel, rows: list[Matrix], horizon: int) -> Matrix:
    """Forecast rows one by one; NaN where the library fails, which it does with exceptions of every kind."""
    y_hat = np.full((len(rows), horizon), np.nan)
    for row, values in enumerate(rows):
        try:
            # Forms with as many parameters as values divide by zero; they are not chosen.
            with np.errstate(all="ignore"):
                # A copy: it writes into what it is given.
                y_hat[row] = model.forecast(y=values[-LONGEST:].copy(), h=horizon)["mean"]
        except Exception:  # noqa: BLE001  # "tiny datasets", ZeroDivisionError, LinAlgError, bare Exception …
            continue
    return y_hat


def auto_ets() -> Library:
    """Exponential smoothing, form and parameters by AICc."""
    return Library("auto_ets", lambda season: _models().AutoETS(season_length=season))


def auto_ces() -> Library:
    """Complex exponential smoothing, season by AICc. Compiled at first use, by numba."""
    return Library("auto_ces", lambda season: _models().AutoCES(season_length=season))


def dynamic_optimised_theta() -> Library:
    """The dynamic optimised theta model."""
    return Library("dynamic_optimised_theta", lambda season: _models().DynamicOptimizedTheta(season_length=season))


def auto_theta() -> Library:
    """The best of four theta models by squared error."""
    return Library("auto_theta", lambda season: _models().AutoTheta(season_length=season))


@dataclass(frozen=True)
class LibraryCombination(PanelModel):
    """The combination with the library's own search in place of two members: better on short series, and slower.

    ETS searches form and parameters by AICc on the series without its season; the dynamic theta model optimises.
    """

    is_by_series: ClassVar[bool] = True
    name: str = "combination_searched"

    def matrix(self, series: Panel, horizon: int) -> Matrix:
        """The mean of the middle three of five forecasts, step by step."""
        if not len(series.ids):
            return np.empty((0, horizon))
        plain = adjusted(series, horizon)
        rows = [values[:length] for values, length in zip(plain.series.y, plain.series.lengths, strict=True)]
        smooth = each_series(_models().AutoETS(season_length=1, model="ZZN"), rows, horizon)
        members = [*shared_members(plain, horizon), plain.restore(smooth)]
        return trimmed_mean([*members, dynamic_optimised_theta().matrix(series, horizon)])


def _models() -> ModuleType:
    # What numba compiles (complex smoothing) it then keeps for the next run; read at import.
    os.environ.setdefault("NIXTLA_NUMBA_CACHE", "1")
    import statsforecast.models

    return statsforecast.models  # type: ignore[no-any-return]
