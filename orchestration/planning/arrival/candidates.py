"""Models that may tell lateness or a number of days, behind one call: from rows of features to predictions.

Belongs here: fitting one candidate. Does not: choosing among them (`lateness.py`, `durations.py`).
Features are a matrix with NaN for what is not known; groups (lanes) are numbers from 0 on, negative for an unknown one.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]
Groups = npt.NDArray[np.int64]
# From features and groups to one value per row, or per row and quantile.
Predict = Callable[[Reals, Groups], Reals]

_SHRINK = 5.0
_LINEAR_ROWS = 6_000


@dataclass(frozen=True)
class Standardised:
    """Features with mean 0 and deviation 1, unknown ones at the mean, extremes cut at five deviations."""

    mean: Reals
    deviation: Reals

    @classmethod
    def of(cls, features: Reals) -> "Standardised":
        """Learn means and deviations; a column without any value is left at zero."""
        known = np.isfinite(features)
        n = np.maximum(known.sum(axis=0), 1)
        filled = np.where(known, features, 0.0)
        mean = filled.sum(axis=0) / n
        variance = (np.where(known, features - mean, 0.0) ** 2).sum(axis=0) / n
        return cls(mean, np.where(variance > 1e-12, np.sqrt(variance), np.inf))

    def __call__(self, features: Reals) -> Reals:
        """The features on that scale, with a constant in front."""
        scaled = np.where(np.isfinite(features), (features - self.mean) / self.deviation, 0.0)
        return np.column_stack([np.ones(len(features)), np.clip(scaled, -5, 5)])


def group_rate(_: Reals, late: Reals, group: Groups) -> Predict:
    """Each group's share, shrunk towards that of all by five cases."""
    overall = float(late.mean())
    size = int(group.max(initial=0)) + 1
    n = np.bincount(group[group >= 0], minlength=size)
    hits = np.bincount(group[group >= 0], late[group >= 0], minlength=size)
    rate = (hits + _SHRINK * overall) / (n + _SHRINK)

    def predict(_: Reals, asked_group: Groups) -> Reals:
        is_known = (asked_group >= 0) & (asked_group < size)
        return np.where(is_known, rate[np.where(is_known, asked_group, 0)], overall)

    return predict


def logistic(features: Reals, late: Reals, _: Groups) -> Predict:
    """Logistic regression (statsmodels GLM) with a weak ridge, so that a perfect separation stays finite."""
    import statsmodels.api as sm

    scale = Standardised.of(features)
    # Two made-up cases of opposite outcome far out on each axis pull a coefficient towards zero as a ridge does.
    width = features.shape[1]
    axes = np.column_stack([np.zeros(width), np.eye(width)])
    rows = np.concatenate([scale(features), axes, axes])
    outcome = np.concatenate([late, np.zeros(width), np.ones(width)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = sm.GLM(outcome, rows, family=sm.families.Binomial()).fit(maxiter=50)
    weights = np.asarray(fit.params)

    def predict(asked: Reals, _: Groups) -> Reals:
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(scale(asked) @ weights, -30, 30))))

    return predict


def boosting(features: Reals, late: Reals, _: Groups) -> Predict:
    """Gradient boosting over histograms (scikit-learn), small trees and much shrinkage."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        max_iter=150, learning_rate=0.04, max_leaf_nodes=12, min_samples_leaf=40, l2_regularization=5.0,
        max_features=0.4, early_stopping=False, random_state=1,
    ).fit(told(features), late > 0.5)  # fmt: skip
    return lambda asked, _: np.asarray(model.predict_proba(asked)[:, 1], dtype=float)


def trees(features: Reals, late: Reals, _: Groups) -> Predict:
    """The mean of 200 extremely randomised trees: smoother than boosting where cases are few and drift."""
    from sklearn.ensemble import ExtraTreesClassifier

    model = ExtraTreesClassifier(200, min_samples_leaf=10, max_features=0.3, random_state=1)
    model.fit(_filled(features), late > 0.5)
    return lambda asked, _: np.asarray(model.predict_proba(_filled(asked))[:, 1], dtype=float)


def group_quantiles(_: Reals, value: Reals, group: Groups, quantiles: Reals) -> Predict:
    """Each group's own quantiles; those of all where it has fewer than 20 cases."""
    overall = np.quantile(value, quantiles)
    size = int(group.max(initial=0)) + 1
    table = np.tile(overall, (size, 1))
    for code, rows in _rows_of(group).items():
        if len(rows) >= 20:
            table[code] = np.quantile(value[rows], quantiles)

    def predict(_: Reals, asked_group: Groups) -> Reals:
        is_known = (asked_group >= 0) & (asked_group < size)
        return np.where(is_known[:, None], table[np.where(is_known, asked_group, 0)], overall)

    return predict


def quantile_regression(features: Reals, value: Reals, _: Groups, quantiles: Reals) -> Predict:
    """Linear quantile regression (statsmodels QuantReg), one fit per quantile."""
    import statsmodels.api as sm

    scale = Standardised.of(features)
    used = np.linspace(0, len(value) - 1, min(len(value), _LINEAR_ROWS)).astype(np.int64)
    rows = scale(features[used])
    varies = np.concatenate([[0], 1 + np.flatnonzero(rows[:, 1:].std(axis=0) > 1e-9)])
    weights = np.zeros((rows.shape[1], len(quantiles)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for column, quantile in enumerate(quantiles):
            fit = sm.QuantReg(value[used], rows[:, varies]).fit(q=float(quantile), max_iter=200)
            weights[varies, column] = fit.params
    return lambda asked, _: np.asarray(scale(asked) @ weights)


def boosted_quantiles(features: Reals, value: Reals, _: Groups, quantiles: Reals) -> Predict:
    """Gradient boosting with the pinball loss, one model per quantile."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    models = [
        HistGradientBoostingRegressor(
            loss="quantile", quantile=float(quantile), max_iter=100, learning_rate=0.08, max_leaf_nodes=12,
            min_samples_leaf=40, l2_regularization=1.0, max_features=0.6, early_stopping=False, random_state=1,
        ).fit(told(features), value)
        for quantile in quantiles
    ]  # fmt: skip
    return lambda asked, _: np.column_stack([model.predict(asked) for model in models])


def told(features: Reals) -> Reals:
    """The features, where one that nobody has told is 0: the bins of a column without any number cannot be found."""
    return np.where(np.isfinite(features).any(axis=0), features, 0.0)


def _filled(features: Reals) -> Reals:
    return np.where(np.isfinite(features), features, -999.0)


def _rows_of(group: Groups) -> dict[int, npt.NDArray[np.int64]]:
    order = np.argsort(group, kind="stable")
    codes, starts = np.unique(group[order], return_index=True)
    parts = np.split(order, starts[1:])
    return {int(code): rows for code, rows in zip(codes, parts, strict=True) if code >= 0}
