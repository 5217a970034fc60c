"""The interface of a weekly model, the two naive baselines, and the guard that stands before every weekly model.

Belongs here: what every model shares. Does not: a particular model (see `smoothing.py`), or the choice of series.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from orchestration.forecasting.series import WEEK, Units, Weeks

# A forecast above this multiple of the largest week ever seen is an explosion, not a forecast. On Online Retail, with
# its ramp before Christmas, no forecast of ours comes above the largest week itself.
EXPLOSION_MULTIPLE = 3.0
MEAN_WEEKS = 4


class Model(Protocol):
    """What every model offers, on long frames: history (unique_id, ds, y), forecast (unique_id, ds, y_hat).

    `ds` are Mondays without gaps up to the same last week; all series of one call belong to one market and one node,
    so a model may learn from one what it uses for another.
    """

    @property
    def name(self) -> str:
        """The `model_code` under which its rows are published."""
        ...

    def frozen(self, history: pd.DataFrame) -> "Model":
        """The model with its parameters learnt from `history` and kept; one without parameters returns itself."""
        ...

    def fit_forecast(self, history: pd.DataFrame, horizon: int) -> pd.DataFrame:
        """One row per series and week of the `horizon` weeks after the last week of `history`."""
        ...


@dataclass(frozen=True, eq=False)
class Panel:
    """Series of different lengths as one matrix: all end in the last column, `first[i]` is where series i begins."""

    ids: tuple[str, ...]
    y: Units
    first: np.ndarray[tuple[int], np.dtype[np.int64]]
    last_week: np.datetime64

    @property
    def lengths(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Number of weeks of each series."""
        return np.asarray(self.y.shape[1] - self.first)

    @property
    def is_history(self) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
        """True where a series has begun."""
        return np.asarray(np.arange(self.y.shape[1]) >= self.first[:, None])


def panel(history: pd.DataFrame) -> Panel:
    """The matrix of a long frame whose rows stand in order of (unique_id, ds), which need not be sorted ids."""
    if history.empty:
        return Panel((), np.empty((0, 0)), np.empty(0, np.int64), np.datetime64("NaT"))
    codes, ids = pd.factorize(history["unique_id"])
    lengths = np.bincount(codes)
    first = lengths.max() - lengths
    position = np.arange(len(codes)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    y = np.zeros((len(ids), int(lengths.max())))
    y[codes, first[codes] + position] = history["y"].to_numpy(dtype=np.float64)
    return Panel(tuple(str(one) for one in ids), y, first, np.datetime64(history["ds"].iloc[-1], "D"))


def long_forecast(ids: Sequence[str], last_week: np.datetime64, y_hat: Units) -> pd.DataFrame:
    """The long frame (unique_id, ds, y_hat) of a matrix with one row per series and one column per week ahead."""
    horizon = y_hat.shape[1]
    ahead: Weeks = last_week + WEEK * np.arange(1, horizon + 1)
    names = np.repeat(np.asarray(ids, dtype=object), horizon)
    return pd.DataFrame({"unique_id": names, "ds": np.tile(ahead, len(ids)), "y_hat": y_hat.ravel()})


@dataclass(frozen=True)
class LastValue:
    """The last week, repeated."""

    name: str = "last_value"

    def frozen(self, history: pd.DataFrame) -> "LastValue":
        """Itself: there is nothing to learn."""
        del history
        return self

    def fit_forecast(self, history: pd.DataFrame, horizon: int) -> pd.DataFrame:
        """The last week of each series for each week ahead."""
        series = panel(history)
        return long_forecast(series.ids, series.last_week, np.repeat(series.y[:, -1:], horizon, axis=1))


@dataclass(frozen=True)
class FourWeekMean:
    """The mean of the last four weeks, repeated; weeks before the first sale count as zero.

    Dividing a product's first week by one instead of four would forecast a single bulk order as if it came weekly:
    on Online Retail's products outside the United Kingdom that costs 17 % more error, so it would be a straw man.
    """

    name: str = "four_week_mean"

    def frozen(self, history: pd.DataFrame) -> "FourWeekMean":
        """Itself: there is nothing to learn."""
        del history
        return self

    def fit_forecast(self, history: pd.DataFrame, horizon: int) -> pd.DataFrame:
        """The mean of each series for each week ahead."""
        series = panel(history)
        mean = series.y[:, -MEAN_WEEKS:].sum(axis=1) / MEAN_WEEKS
        return long_forecast(series.ids, series.last_week, np.repeat(mean[:, None], horizon, axis=1))


BASELINES: tuple[Model, ...] = (LastValue(), FourWeekMean())
BASELINE_CODES = tuple(model.name for model in BASELINES)


# What a model may raise on a series that it cannot take; LinAlgError is a ValueError. Anything else is a bug of ours.
MODEL_ERRORS = (ValueError, ArithmeticError, LookupError)


def frozen_or_itself(model: Model, history: pd.DataFrame) -> Model:
    """The frozen model, or the model as it is when it cannot learn from `history`: the guard then says why."""
    try:
        return model.frozen(history)
    except MODEL_ERRORS:
        return model


def guarded_forecast(model: Model, history: pd.DataFrame, *, horizon: int, min_weeks: int) -> pd.DataFrame:
    """The model's forecast where it can be trusted, else the four-week mean: never negative, never missing.

    Returns (unique_id, ds, y_hat, is_fallback, fallback_reason); the reason is empty or begins with one of
    `short_history` (fewer than `min_weeks` weeks), `model_failed` (with the error), `no_forecast` (the model left
    the series or a week of it out), `not_finite`, `exploding` (above `EXPLOSION_MULTIPLE` times the largest week).
    A series falls back as a whole: half a model and half a mean would be neither.
    """
    series = panel(history)
    naive = FourWeekMean().fit_forecast(history, horizon)
    is_short = series.lengths < min_weeks
    reasons = np.where(is_short, f"short_history: fewer than {min_weeks} weeks", "").astype(object)
    y_hat = np.full((len(series.ids), horizon), np.nan)
    is_given = np.zeros(y_hat.shape, dtype=bool)
    if not is_short.all():
        try:
            forecast = model.fit_forecast(history[np.repeat(~is_short, series.lengths)], horizon)
            rows = pd.Index(series.ids).get_indexer(pd.Index(forecast["unique_id"]))
            ahead = ((forecast["ds"].to_numpy().astype("datetime64[D]") - series.last_week) // WEEK).astype(int)
            y_hat[rows, ahead - 1] = forecast["y_hat"].to_numpy(dtype=np.float64)
            is_given[rows, ahead - 1] = True
        except MODEL_ERRORS as error:
            reasons[~is_short] = f"model_failed: {type(error).__name__}: {error}"
    limits = EXPLOSION_MULTIPLE * series.y.max(axis=1, initial=0.0)
    for is_broken, reason in (
        (~is_given.all(axis=1), "no_forecast"),
        (~np.isfinite(y_hat).all(axis=1), "not_finite"),
        ((y_hat > limits[:, None]).any(axis=1), f"exploding: above {EXPLOSION_MULTIPLE:g} times the largest week"),
    ):
        reasons[(reasons == "") & is_broken] = reason
    of_week = np.repeat(reasons, horizon)
    guarded = np.maximum(np.where(of_week == "", y_hat.ravel(), naive["y_hat"]), 0.0)
    return naive.assign(y_hat=guarded, is_fallback=of_week != "", fallback_reason=of_week)
