"""Count regression with shrinkage: a negative binomial model with log link whose priors' spreads are learnt.

Belongs here: the likelihood, its penalised maximum, and the spread of each group of coefficients. Does not: what the
columns mean (see market_days.py and shares.py).

The spreads are estimated with the coefficients (empirical Bayes by expectation-maximisation under an inverse-gamma
prior; Tipping 2001, "Sparse Bayesian Learning"): what the data do not show shrinks to nothing, what they showed clearly
once is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from orchestration.forecasting.demand.calendar import Reals

Flags = NDArray[np.bool_]
# How many observations the guess of a spread is worth.
_PRIOR_WEIGHT = 2.0
_ROUNDS = 12
_TOLERANCE = 1e-3
MOST_EXPONENT = 30.0
# A count this many standard deviations from its mean counts no more than one at this distance (Huber).
_ROBUST_DISTANCE = 3.5
_LEAST_DISPERSION, _MOST_DISPERSION = 0.002, 5.0


@dataclass(frozen=True)
class Prior:
    """First guess of the spread of a group's coefficients; `is_fixed` keeps it, `is_shared` learns one for all."""

    spread: float
    is_fixed: bool = False
    is_shared: bool = False


@dataclass(frozen=True, eq=False)
class CountFit:
    """Coefficients with standard deviation and learnt prior spread; variance of a count = mean + dispersion x mean^2.

    `root` is the lower Cholesky factor of the coefficients' posterior precision.
    """

    mean: Reals
    coefficients: Reals
    deviation: Reals
    spread: Reals
    dispersion: float
    root: Reals


def fit_counts(
    matrix: Reals, y: Reals, offset: Reals, known: Flags, groups: Sequence[str], priors: dict[str, Prior]
) -> CountFit:
    """Fit counts `y` (rows of `matrix`) with mean exp(matrix @ coefficients + offset); the first column is the level.

    Rows that are not `known` are left out of the likelihood. The level has no prior.
    """
    spread = np.array([priors[group].spread for group in groups])
    members = {group: np.array([one == group for one in groups]) for group in set(groups) if not priors[group].is_fixed}
    beta = np.zeros(matrix.shape[1])
    exposed = float(np.exp(offset[known]).sum())
    beta[0] = np.log(max(float(y[known].sum()) / exposed, 1e-6)) if exposed else 0.0
    dispersion, identity = 0.05, np.eye(len(beta))
    root, inverse = identity, identity
    mean = np.zeros(len(y))
    for turn in range(_ROUNDS):
        before = beta
        beta, root = _newton(matrix, y, offset, known, beta, spread, dispersion, steps=4 if turn else 12)
        inverse = cho_solve((root, True), identity)
        moment = beta**2 + np.diag(inverse)
        for group, rows in members.items():
            prior = priors[group]
            total, count = (moment[rows].sum(), int(rows.sum())) if prior.is_shared else (moment[rows], 1)
            spread[rows] = np.sqrt((total + _PRIOR_WEIGHT * prior.spread**2) / (_PRIOR_WEIGHT + count))
        mean = np.exp(np.clip(matrix @ beta + offset, -MOST_EXPONENT, MOST_EXPONENT))
        dispersion = _dispersion(y[known], mean[known])
        if turn > 2 and np.abs(matrix @ (beta - before)).max() < _TOLERANCE:
            break
    return CountFit(mean, beta, np.sqrt(np.diag(inverse)), spread, dispersion, root)


def _newton(
    matrix: Reals, y: Reals, offset: Reals, known: Flags, beta: Reals, spread: Reals, dispersion: float, *, steps: int
) -> tuple[Reals, Reals]:
    """Penalised iteratively reweighted least squares; the root of the precision belongs to the last step."""
    precision = 1 / spread**2
    precision[0] = 1e-9
    root = np.diag(np.sqrt(precision))
    for _ in range(steps):
        mean = np.exp(np.clip(matrix @ beta + offset, -MOST_EXPONENT, MOST_EXPONENT))
        deviation = np.sqrt(mean + dispersion * mean**2)
        distance = np.abs(y - mean) / np.maximum(deviation, 1e-9)
        weight = known * mean / (1 + dispersion * mean) * np.minimum(1, _ROBUST_DISTANCE / np.maximum(distance, 1e-9))
        hessian = (matrix * weight[:, None]).T @ matrix
        hessian[np.diag_indices_from(hessian)] += precision
        gradient = matrix.T @ (weight * (y - mean) / np.maximum(mean, 1e-12)) - precision * beta
        factor = cho_factor(hessian, lower=True)
        change = cho_solve(factor, gradient)
        root = np.tril(factor[0])
        # A step of more than a factor e^2 on any day would overshoot where the first guess is far off.
        size = float(np.abs(matrix @ change).max())
        beta = beta + change * min(1.0, 2.0 / max(size, 1e-12))
        if size < _TOLERANCE:
            break
    return beta, root


def _dispersion(y: Reals, mean: Reals) -> float:
    """Moment estimate of the negative binomial's dispersion, with far counts cut to the robust distance."""
    value = 0.05
    for _ in range(5 if len(y) else 0):
        deviation = np.sqrt(mean + value * mean**2)
        squared = np.minimum(((y - mean) / np.maximum(deviation, 1e-9)) ** 2, _ROBUST_DISTANCE**2) * deviation**2
        found = float((squared - mean).sum()) / max(float((mean**2).sum()), 1e-12)
        value = float(np.clip(found, _LEAST_DISPERSION, _MOST_DISPERSION))
    return value
