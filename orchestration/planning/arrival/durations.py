"""How many days something takes, as quantiles that held on later cases.

Belongs here: choice by time-ordered cross-validation and conformal calibration. Does not: features.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from orchestration.planning.arrival import candidates as fits
from orchestration.planning.arrival.candidates import Groups, Predict, Reals
from orchestration.planning.arrival.folds import Days, thinned, time_folds

Fit = Callable[[Reals, Reals, Groups, Reals], Predict]
CANDIDATES: Mapping[str, Fit] = {
    "group_quantiles": fits.group_quantiles,
    "quantile_regression": fits.quantile_regression,
    "boosting": fits.boosted_quantiles,
}
QUANTILES = (0.1, 0.5, 0.9)
# Cases that a fit learns from: the last one, and those that only say which candidate is best.
_MOST_ROWS, _MOST_FOLD_ROWS = 20_000, 8_000


@dataclass(frozen=True)
class DurationModel:
    """A chosen candidate with its conformal shifts; pinball of each candidate in days on later cases."""

    model_code: str
    quantiles: Sequence[float]
    pinball: Mapping[str, float]
    predictor: Predict
    shift: Reals  # per quantile, on the scale of asinh(days)
    least: float

    def predict(self, features: Reals, group: Groups) -> Reals:
        """Days per row and quantile, rising along each row and never below `least`."""
        if not len(features):
            return np.zeros((0, len(self.quantiles)))
        scaled = np.sort(self.predictor(features, group) + self.shift, axis=1)
        return np.maximum(np.sinh(np.clip(scaled, -9, 9)), self.least)


def fit_durations(
    features: Reals,
    days: Reals,
    *,
    asked_on: Days,
    known_on: Days,
    group: Groups,
    quantiles: Sequence[float] = QUANTILES,
    names: Sequence[str] = tuple(CANDIDATES),
    least: float = 0.0,
) -> DurationModel:
    """Choose by pinball over folds in time, then shift each quantile by what it missed there (split conformal).

    `days` may be negative (early) where `least` allows it; they are fitted as asinh(days), so that a week more matters
    less after a month than after a day. Raises ValueError when there is no case at all.
    """
    if not len(days):
        raise ValueError("durations: there is no case to learn from")
    levels, value = np.asarray(quantiles, dtype=float), np.arcsinh(days)
    told: dict[str, list[Reals]] = {name: [] for name in names}
    truth: list[Reals] = []
    for train, test in time_folds(asked_on, known_on):
        rows = thinned(train, asked_on, _MOST_FOLD_ROWS)
        truth.append(value[test])
        for name in names:
            told[name].append(
                CANDIDATES[name](features[rows], value[rows], group[rows], levels)(features[test], group[test])
            )
    rows = thinned(np.arange(len(days)), asked_on, _MOST_ROWS)
    if not truth:
        predictor = fits.group_quantiles(features[rows], value[rows], group[rows], levels)
        return DurationModel("group_quantiles", quantiles, {}, predictor, np.zeros(len(levels)), least)
    actual = np.concatenate(truth)
    shifts, losses = {}, {}
    for name, parts in told.items():
        foretold = np.concatenate(parts)
        gap = actual[:, None] - foretold
        shifts[name] = np.array([np.quantile(gap[:, k], level) for k, level in enumerate(levels)])
        in_days = np.maximum(np.sinh(np.clip(np.sort(foretold + shifts[name], axis=1), -9, 9)), least)
        losses[name] = pinball(np.sinh(actual), in_days, levels)
    best = min(losses, key=lambda name: losses[name])
    predictor = CANDIDATES[best](features[rows], value[rows], group[rows], levels)
    return DurationModel(best, quantiles, losses, predictor, shifts[best], least)


def pinball(actual: Reals, foretold: Reals, quantiles: Reals) -> float:
    """Mean over rows and quantiles of max(q·e, (q − 1)·e), e = actual − foretold (domain.md f)."""
    error = actual[:, None] - foretold
    return float(np.maximum(quantiles * error, (quantiles - 1) * error).mean())
