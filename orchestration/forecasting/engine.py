"""Forecasts of any series: class, choice on training data, guard, quantiles.

Belongs here: the order of the steps, and which models a class may use. Does not: any step itself, and what a series
means.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from orchestration.forecasting.choice import Choice, chosen_model
from orchestration.forecasting.classes import SERIES_CLASSES, class_of
from orchestration.forecasting.counts import window_demand
from orchestration.forecasting.guard import Guarded, guarded, guarded_each, has_negatives
from orchestration.forecasting.intervals import Origin, origins_of, past_errors, past_of, quantiles_of
from orchestration.forecasting.models import Model
from orchestration.forecasting.models.combination import Combination
from orchestration.forecasting.models.intermittent import Tsb, adida, imapa, sba
from orchestration.forecasting.models.library import LONGEST, LibraryCombination
from orchestration.forecasting.models.naive import RecentMean, SeasonalNaive
from orchestration.forecasting.models.pooled import pooled_seasonal, pooled_smoothing
from orchestration.forecasting.outliers import without_outliers
from orchestration.forecasting.panel import Counts, Matrix, Panel, long_forecast, panel

QUANTILES = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975, 0.99)
CHOICE_COLUMNS = ("series_class", "model_code", "score", "is_chosen", "series_count")
FALLBACK_COLUMNS = ("series_class", "model_code", "fallback_reason", "series_count")
# Patterns of rare sales: their quantiles are those of counts, their outliers are their nature.
RARE = ("intermittent", "lumpy")


def quantile_column(quantile: float) -> str:
    """The column of a quantile: p025 is 2.5 %, p500 the median, p990 99 %."""
    return f"p{round(1000 * quantile):03d}"


@dataclass(frozen=True, eq=False)
class Forecasts:
    """What a call of `forecast` found.

    `rows`: unique_id, ds, horizon, y_hat, p025..p990, model_code, series_class, is_fallback, fallback_reason; sorted
    like the history. `choices` (`CHOICE_COLUMNS`): each candidate of each class, its score and whether it was chosen.
    `fallbacks` (`FALLBACK_COLUMNS`): counted. `outliers`: unique_id, steps_ago, y, usual; no model saw them.
    """

    rows: pd.DataFrame
    choices: pd.DataFrame
    fallbacks: pd.DataFrame
    outliers: pd.DataFrame


def default_candidates(series: Panel) -> Mapping[str, tuple[Model, ...]]:
    """The models that each class may use, the one that stands until another is clearly better first.

    Searching form and parameters series by series pays for short series; a long one shows them by itself.
    """
    is_short = len(series.ids) > 0 and float(np.median(series.lengths)) <= LONGEST
    combination: Model = LibraryCombination() if is_short else Combination()
    regular = (combination, pooled_seasonal(), SeasonalNaive())
    rare = (pooled_smoothing(), pooled_seasonal(), sba(), Tsb(), adida(), imapa(), RecentMean())
    plain = (RecentMean(),)
    short = (pooled_smoothing(),)
    return {
        "smooth": regular,
        "erratic": (combination, pooled_seasonal(), pooled_smoothing(), SeasonalNaive()),
        "intermittent": rare,
        "lumpy": rare,
        "short": short,
        "constant": plain,
        "empty": plain,
    }


def forecast(
    history: pd.DataFrame,
    *,
    horizon: int,
    season: int,
    quantiles: Sequence[float] = QUANTILES,
    candidates: Mapping[str, Sequence[Model]] | None = None,
) -> Forecasts:
    """Forecast each series of a long frame (unique_id, ds, y) for `horizon` steps after its last.

    Rows stand in order of (unique_id, ds); a missing `y` and a time that is left out are unknown. All series that are
    given together share a step of time, teach each other's quantiles, and choose one model per class (`candidates`,
    where a class is missing those of `default_candidates`). Raises HistoryError for a frame that is no history.
    """
    if horizon < 1:
        raise ValueError(f"horizon {horizon}: at least 1")
    series = panel(history, season=season)
    classes = class_of(series)
    models = {**default_candidates(series), **(candidates or {})}
    count = len(series.ids)
    y_hat, bands = np.zeros((count, horizon)), np.zeros((count, horizon, len(quantiles)))
    codes, reasons = np.full(count, "", dtype=object), np.full(count, "", dtype=object)
    choices, outliers = [], []
    plain: list[_Part] = []
    for name in SERIES_CLASSES:
        rows = np.flatnonzero(classes == name)
        if not len(rows):
            continue
        part = series.rows(rows)
        if name not in RARE:
            part, found = without_outliers(part)
            outliers.append(found)
        choice = chosen_model(name, models[name], part, horizon)
        choices.append(choice)
        codes[rows] = choice.model.name
        if name == "short":
            # A product's first weeks say nothing of what becomes of it: all others, when they were as young, do.
            answer, bands[rows] = _taught_by_all(choice, series, rows, horizon, quantiles)
        elif name in RARE:
            answer, bands[rows] = guarded(choice.model, part, horizon), _count_bands(part, horizon, quantiles)
        else:
            origins = [] if name == "empty" else origins_of(part, horizon)
            plain.append(_Part(rows, part, choice.model, past_of(part, origins), is_empty=name == "empty"))
            continue
        y_hat[rows], reasons[rows] = answer.y_hat, answer.reasons
    for one, answer, points in _together(plain, horizon):
        y_hat[one.rows], reasons[one.rows] = answer.y_hat, answer.reasons
        if not one.is_empty:
            past = past_errors(one.part, horizon, one.past, points)
            bands[one.rows] = quantiles_of(one.part, answer.y_hat, past, quantiles)
    return _assembled(series, y_hat, bands, quantiles, classes, codes, reasons, choices, outliers)


@dataclass(frozen=True, eq=False)
class _Part:
    """The series of a class with its chosen model, and what was known of them at the origins that teach its bands."""

    rows: Counts
    part: Panel
    model: Model
    past: Sequence[Origin]
    is_empty: bool

    @property
    def panels(self) -> list[Panel]:
        """The series as they are, then as they were."""
        return [self.part, *(origin.known for origin in self.past)]


def _together(parts: Sequence[_Part], horizon: int) -> Iterator[tuple[_Part, Guarded, list[Matrix]]]:
    """Each part with its forecast and those at its past origins; parts of an equal model are forecast in one call."""
    left = list(parts)
    while left:
        model = left[0].model
        chosen = [one for one in left if one.model == model]
        left = [one for one in left if one.model != model]
        answers = iter(guarded_each(model, [panel for one in chosen for panel in one.panels], horizon))
        for one in chosen:
            answer = next(answers)
            yield one, answer, [next(answers).y_hat for _ in one.past]


def _taught_by_all(
    choice: Choice, series: Panel, rows: Counts, horizon: int, quantiles: Sequence[float]
) -> tuple[Guarded, Matrix]:
    """Points and quantiles of short series among all others but those below zero, whose units are no counts."""
    teaches = ~has_negatives(series)
    teaches[rows] = True
    others, _ = without_outliers(series.rows(teaches))
    own = np.searchsorted(np.flatnonzero(teaches), rows)
    bands = _count_bands(others, horizon, quantiles)[own]
    lowest = np.where(has_negatives(series.rows(rows)), -np.inf, 0.0)
    return guarded(choice.model, others, horizon).rows(own), np.maximum(bands, lowest[:, None, None])


def _count_bands(part: Panel, horizon: int, quantiles: Sequence[float]) -> Matrix:
    windows = [(step, step) for step in range(1, horizon + 1)]
    found = window_demand(part, windows, quantiles=quantiles)
    return np.sort(np.stack([one.quantiles for one in found], axis=1), axis=2)


def _assembled(
    series: Panel,
    y_hat: Matrix,
    bands: Matrix,
    quantiles: Sequence[float],
    classes: "np.typing.NDArray[np.object_]",
    codes: "np.typing.NDArray[np.object_]",
    reasons: "np.typing.NDArray[np.object_]",
    choices: Sequence[Choice],
    outliers: Sequence[pd.DataFrame],
) -> Forecasts:
    horizon = y_hat.shape[1]
    rows = long_forecast(series, y_hat)
    rows.insert(2, "horizon", np.tile(np.arange(1, horizon + 1), len(series.ids)))
    for number, quantile in enumerate(quantiles):
        rows[quantile_column(quantile)] = bands[:, :, number].ravel()
    rows["model_code"] = np.repeat(codes, horizon)
    rows["series_class"] = np.repeat(classes, horizon)
    rows["is_fallback"] = np.repeat(reasons != "", horizon).astype(bool)
    rows["fallback_reason"] = np.repeat(reasons, horizon)
    listed = pd.DataFrame([line for choice in choices for line in choice.lines()], columns=list(CHOICE_COLUMNS))
    fallen = pd.DataFrame({"series_class": classes, "model_code": codes, "fallback_reason": reasons})[reasons != ""]
    counted = fallen.groupby(list(FALLBACK_COLUMNS[:3]), sort=True).size().rename("series_count").reset_index()
    found = [frame for frame in outliers if len(frame)]
    empty = pd.DataFrame(columns=["unique_id", "steps_ago", "y", "usual"])
    return Forecasts(rows, listed, counted, pd.concat(found, ignore_index=True) if found else empty)
