"""The guard: what no planner may see is replaced by a plain forecast, with its reason.

Belongs here: what makes a forecast impossible, and the fallback. Does not: accuracy.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from orchestration.forecasting.models import SHORTEST, Model, PanelModel, forecast_matrix
from orchestration.forecasting.models.naive import RecentMean, SeasonalNaive
from orchestration.forecasting.panel import Flags, Matrix, Panel, stacked

# A forecast further outside its history than this multiple of the history's own range is an explosion.
EXPLOSION_MULTIPLE = 3.0
# Of more series the recursion itself takes the time, and together they would take the memory, too.
_MOST_TOGETHER = 6_000
# What a model may raise on series that it cannot take; LinAlgError is a ValueError. Anything else is a bug of ours.
MODEL_ERRORS = (ValueError, ArithmeticError, LookupError)

Reasons = npt.NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class Guarded:
    """`y_hat` (series × horizon) without an impossible value; `reasons` is empty where the model's own forecast stands.

    A reason is one of `no_history` (not one known value), `short_history: fewer than 3 values`, `model_failed` (with
    the error), `not_finite`, `exploding`. A series falls back as a whole: half a model and half a mean are neither.
    """

    y_hat: Matrix
    reasons: Reasons

    def rows(self, chosen: npt.NDArray[np.int64]) -> "Guarded":
        """Some of the series."""
        return Guarded(self.y_hat[chosen], self.reasons[chosen])


def guarded(model: Model, series: Panel, horizon: int) -> Guarded:
    """The model's forecast where it can be trusted, else the last season, or the mean of the recent values."""
    known = np.isfinite(series.y).sum(axis=1)
    shortest = model.shortest if isinstance(model, PanelModel) else SHORTEST
    reasons = np.where(known < shortest, f"short_history: fewer than {shortest} values", "").astype(object)
    reasons[known == 0] = "no_history"
    y_hat = np.full((len(series.ids), horizon), np.nan)
    can = np.flatnonzero(reasons == "")
    if len(can):
        try:
            y_hat[can] = forecast_matrix(model, series.rows(can), horizon)
        except MODEL_ERRORS as error:
            reasons[can] = f"model_failed: {type(error).__name__}: {error}"
    reasons[(reasons == "") & ~np.isfinite(y_hat).all(axis=1)] = "not_finite"
    lowest, highest = _limits(series)
    outside = (y_hat < lowest[:, None]) | (y_hat > highest[:, None])
    reasons[(reasons == "") & outside.any(axis=1)] = f"exploding: over {EXPLOSION_MULTIPLE:g} times its range away"
    fallen = np.flatnonzero(reasons != "")
    if len(fallen):
        y_hat[fallen] = fallback(series.rows(fallen), horizon)
    return Guarded(np.where(has_negatives(series)[:, None], y_hat, np.maximum(y_hat, 0.0)), reasons)


def guarded_each(model: Model, panels: Sequence[Panel], horizon: int) -> list[Guarded]:
    """`guarded` of each panel; of a model by series together, since a recursion over many costs little more than one.

    The panels share season and step.
    """
    count = sum(len(one.ids) for one in panels)
    if not (isinstance(model, PanelModel) and model.is_by_series) or count > _MOST_TOGETHER or len(panels) < 2:
        return [guarded(model, one, horizon) for one in panels]
    found = guarded(model, stacked(panels), horizon)
    ends = np.cumsum([len(one.ids) for one in panels])
    return [
        found.rows(np.arange(end - len(one.ids), end, dtype=np.int64)) for one, end in zip(panels, ends, strict=True)
    ]


def fallback(series: Panel, horizon: int) -> Matrix:
    """The last season of a series with two of them, else the mean of its recent values; 0 where nothing is known."""
    seasons = np.where(series.lengths >= 2 * series.season, 1, 0)[:, None]
    repeated = SeasonalNaive().matrix(series, horizon)
    mean = RecentMean().matrix(series, horizon)
    return np.asarray(np.where((seasons == 1) & (series.season > 1), repeated, mean))


def has_negatives(series: Panel) -> Flags:
    """Which series may be forecast below zero: those that have been there."""
    return np.asarray(np.where(np.isfinite(series.y), series.y, 0.0).min(axis=1, initial=0.0) < 0)


def _limits(series: Panel) -> tuple[Matrix, Matrix]:
    known = np.isfinite(series.y)
    lowest = np.where(known, series.y, np.inf).min(axis=1, initial=np.inf)
    highest = np.where(known, series.y, -np.inf).max(axis=1, initial=-np.inf)
    size = np.where(known, np.abs(series.y), 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    room = EXPLOSION_MULTIPLE * np.maximum(highest - lowest, size)
    return np.asarray(lowest - room), np.asarray(highest + room)
