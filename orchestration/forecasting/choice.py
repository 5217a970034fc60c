"""The choice of a class's model by rolling-origin cross-validation on training data.

Belongs here: origins, scores, the choice. Does not: which models may be chosen (see `engine.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from orchestration.forecasting.guard import guarded_each
from orchestration.forecasting.intervals import is_known_before, past_of, scale_of
from orchestration.forecasting.models import Model
from orchestration.forecasting.panel import Counts, Matrix, Panel

# So many series, evenly spread over the class, tell models apart that differ by a hundredth.
MOST_SERIES = 300
MOST_ORIGINS = 3
# The first candidate stands until another is better by this share: differences below are those of the origins drawn.
CLEARLY = 0.02


@dataclass(frozen=True, eq=False)
class Choice:
    """The chosen model of a class, and the score of every candidate (NaN: there was no origin to judge at)."""

    series_class: str
    model: Model
    scores: tuple[tuple[str, float], ...]
    series_count: int

    def lines(self) -> list[tuple[str, str, float, bool, int]]:
        """One line per candidate: class, model, score, whether it was chosen, number of series."""
        return [
            (self.series_class, name, score, name == self.model.name, self.series_count) for name, score in self.scores
        ]


def chosen_model(series_class: str, candidates: Sequence[Model], series: Panel, horizon: int) -> Choice:
    """The candidate with the lowest score, if it is clearly better than the first; else the first.

    Score: the mean over series and past origins of the scaled error, absolute for smooth and erratic series, and the
    root of squares for rare sales, whose absolute error a forecast of nothing would win. Forecasts that the guard
    rejects are scored by what stands in for them.
    """
    if not candidates:
        raise ValueError(f"class {series_class}: no candidate")
    sample = series.rows(spread(len(series.ids), MOST_SERIES))
    is_squared = series_class in ("intermittent", "lumpy")
    origins = [
        steps for steps in range(horizon, (MOST_ORIGINS + 1) * horizon, horizon) if is_known_before(sample, steps).any()
    ]
    if is_squared:
        # Rare sales need long histories: what is best with a third of one is not what is best with all of it.
        origins = [steps for steps in origins if steps == horizon or 2 * steps <= sample.y.shape[1]]
    if len(candidates) == 1 or not origins:
        scores = tuple((model.name, float("nan")) for model in candidates)
        return Choice(series_class, candidates[0], scores, len(series.ids))
    scale = scale_of(sample)
    found = [_score(model, sample, horizon, origins, scale, is_squared=is_squared) for model in candidates]
    best = int(np.argmin(found))
    chosen = best if found[best] < found[0] * (1 - CLEARLY) else 0
    scores = tuple((model.name, score) for model, score in zip(candidates, found, strict=True))
    return Choice(series_class, candidates[chosen], scores, len(series.ids))


def spread(count: int, most: int) -> Counts:
    """At most `most` of `count` rows, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)) if count else np.arange(0)


def _score(
    model: Model, sample: Panel, horizon: int, origins: Sequence[int], scale: Matrix, *, is_squared: bool
) -> float:
    total, counted = 0.0, 0
    past = past_of(sample, origins)
    for origin, answer in zip(past, guarded_each(model, [one.known for one in past], horizon), strict=True):
        rows, begin = origin.rows, sample.y.shape[1] - origin.steps
        error = np.abs(sample.y[rows, begin : begin + horizon] - answer.y_hat) / scale[rows, None]
        known = np.isfinite(error)
        seen = known.sum(axis=1)
        size = np.where(known, error**2 if is_squared else error, 0.0).sum(axis=1) / np.maximum(seen, 1)
        total += float((np.sqrt(size) if is_squared else size)[seen > 0].sum())
        counted += int((seen > 0).sum())
    return total / counted if counted else float("inf")
