"""The probability that something comes late, from the candidate that foretold the past best.

Belongs here: choice by time-ordered cross-validation and calibration. Does not: features.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from orchestration.planning.arrival import candidates as fits
from orchestration.planning.arrival.candidates import Groups, Predict, Reals
from orchestration.planning.arrival.folds import Days, thinned, time_folds

Fit = Callable[[Reals, Reals, Groups], Predict]
CANDIDATES: Mapping[str, Fit] = {
    "group_rate": fits.group_rate,
    "logistic": fits.logistic,
    "boosting": fits.boosting,
    "trees": fits.trees,
}
_MIXED = ("boosting", "trees")
MIXTURE = "boosting_and_trees"
# Cases that a fit learns from: the last one, and those that only say which candidate is best.
_MOST_ROWS, _MOST_FOLD_ROWS = 20_000, 8_000
_LEAST_LATE = 10


@dataclass(frozen=True)
class LatenessModel:
    """A chosen and calibrated candidate, and the log loss of each on cases later than those it was trained on."""

    model_code: str
    log_loss: Mapping[str, float]
    predictors: Sequence[Predict]
    slope: float
    intercept: float

    def predict(self, features: Reals, group: Groups) -> Reals:
        """Probability of lateness per row, between 0 and 1."""
        if not len(features):
            return np.zeros(0)
        logits = np.mean([logit(predict(features, group)) for predict in self.predictors], axis=0)
        return sigmoid(self.intercept + self.slope * logits)


def fit_lateness(
    features: Reals,
    late: npt.NDArray[np.bool_],
    *,
    asked_on: Days,
    known_on: Days,
    group: Groups,
    names: Sequence[str] = tuple(CANDIDATES),
) -> LatenessModel:
    """Choose by log loss over folds in time, calibrate on them (Platt 1999), then fit on all rows.

    With fewer than ten late or ten punctual cases nothing can be learnt: then it is each group's shrunk rate.
    Raises ValueError when there is no case at all.
    """
    if not len(late):
        raise ValueError("lateness: there is no case to learn from")
    outcome = late.astype(float)
    told: dict[str, list[Reals]] = {name: [] for name in names}
    truth: list[Reals] = []
    is_learnable = min(late.sum(), (~late).sum()) >= _LEAST_LATE
    for train, test in time_folds(asked_on, known_on) if is_learnable else ():
        rows = thinned(train, asked_on, _MOST_FOLD_ROWS)
        if len(np.unique(outcome[rows])) < 2:
            continue
        truth.append(outcome[test])
        for name in names:
            predict = CANDIDATES[name](features[rows], outcome[rows], group[rows])
            told[name].append(logit(predict(features[test], group[test])))
    if not truth:
        return LatenessModel("group_rate", {}, [fits.group_rate(features, outcome, group)], 1.0, 0.0)
    actual = np.concatenate(truth)
    logits = {name: np.concatenate(parts) for name, parts in told.items()}
    if set(_MIXED) <= set(names):
        logits[MIXTURE] = np.mean([logits[name] for name in _MIXED], axis=0)
    calibration = {name: _platt(values, actual) for name, values in logits.items()}
    losses = {
        name: _log_loss(calibration[name][1] + calibration[name][0] * values, actual) for name, values in logits.items()
    }
    best = min(losses, key=lambda name: losses[name])
    rows = thinned(np.arange(len(late)), asked_on, _MOST_ROWS)
    parts = _MIXED if best == MIXTURE else (best,)
    predictors = [CANDIDATES[name](features[rows], outcome[rows], group[rows]) for name in parts]
    return LatenessModel(best, losses, predictors, *calibration[best])


def logit(share: Reals) -> Reals:
    """Log odds; shares within a ten-thousandth of 0 and 1 are cut."""
    cut = np.clip(share, 1e-4, 1 - 1e-4)
    return np.asarray(np.log(cut / (1 - cut)))


def sigmoid(value: Reals) -> Reals:
    """The inverse of `logit`."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(value, -30, 30))))


def _log_loss(logits: Reals, actual: Reals) -> float:
    return float(np.mean(np.logaddexp(0.0, logits) - actual * logits))


def _platt(logits: Reals, actual: Reals) -> tuple[float, float]:
    """Slope and intercept that make the probabilities true on average (Newton, with a weak prior of slope 1)."""
    slope, intercept = 1.0, 0.0
    for _ in range(25):
        share = sigmoid(intercept + slope * logits)
        weight = np.maximum(share * (1 - share), 1e-9)
        gradient = np.array(
            [((actual - share) * logits).sum() - (slope - 1.0), (actual - share).sum() - 0.01 * intercept]
        )
        cross = (weight * logits).sum()
        curvature = np.array([[(weight * logits**2).sum() + 1.0, cross], [cross, weight.sum() + 0.01]])
        step = np.clip(np.linalg.solve(curvature, gradient), -1, 1)
        slope, intercept = slope + float(step[0]), intercept + float(step[1])
    return max(slope, 0.05), intercept
