"""Logistic regression on weights of evidence: coefficients with intervals, and what is left out for its sign.

Belongs here: matrices in, coefficients out. Does not: bins, names, points.
"""

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from orchestration.credit.scorecard.characteristic import ScorecardError

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
_STEPS = 60
_RESCUE_RIDGE = 1.0


@dataclass(frozen=True)
class Regression:
    """ln(odds of good) = intercept + design · coefficients, with standard errors and two-sided p-values."""

    intercept: float
    coefficients: Floats
    errors: Floats
    p_values: Floats
    is_ridge: bool

    def line(self, design: Floats) -> Floats:
        """Fitted ln(odds of good)."""
        return np.asarray(self.intercept + design @ self.coefficients)


def fit_regression(design: Floats, is_good: Bools, weight: Floats, ridge: float = 0.0) -> Regression:
    """Binomial GLM of statsmodels; with `ridge` a penalised Newton fit, also where the likelihood has no maximum."""
    if not ridge:
        found = _statsmodels(design, is_good, weight)
        if found is not None:
            return found
        ridge = _RESCUE_RIDGE
    return _penalised(design, is_good, weight, ridge)


def _statsmodels(design: Floats, is_good: Bools, weight: Floats) -> Regression | None:
    import statsmodels.api as sm
    from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", PerfectSeparationWarning)
        try:
            with_constant = np.column_stack([np.ones(len(design)), design])
            model = sm.GLM(is_good.astype(np.float64), with_constant, family=sm.families.Binomial(), freq_weights=weight)
            result = model.fit(maxiter=_STEPS)
        except (PerfectSeparationWarning, np.linalg.LinAlgError, ValueError):
            return None
    if not result.converged or not np.isfinite(result.params).all() or not np.isfinite(result.bse).all():
        return None
    params, errors = np.asarray(result.params), np.asarray(result.bse)
    return Regression(float(params[0]), params[1:], errors[1:], np.asarray(result.pvalues)[1:], is_ridge=False)


def _penalised(design: Floats, is_good: Bools, weight: Floats, ridge: float) -> Regression:
    """Maximum of log-likelihood − ridge/2 · Σ coefficient²; the intercept is free."""
    from scipy.stats import norm

    columns = np.column_stack([np.ones(len(design)), design])
    penalty = np.full(columns.shape[1], ridge)
    penalty[0] = 1e-9
    beta = np.zeros(columns.shape[1])
    rate = float(np.clip((weight * is_good).sum() / weight.sum(), 1e-6, 1 - 1e-6))
    beta[0] = np.log(rate / (1.0 - rate))
    information = np.eye(columns.shape[1])
    for _ in range(_STEPS):
        chance = 1.0 / (1.0 + np.exp(-np.clip(columns @ beta, -35.0, 35.0)))
        gradient = columns.T @ (weight * (is_good - chance)) - penalty * beta
        information = (columns * (weight * chance * (1.0 - chance))[:, None]).T @ columns + np.diag(penalty)
        step = np.linalg.solve(information, gradient)
        # A long step overshoots where the curve is flat.
        beta = beta + step * min(1.0, 4.0 / max(float(np.abs(step).max()), 1e-12))
        if float(np.abs(step).max()) < 1e-9:
            break
    errors = np.sqrt(np.diag(np.linalg.inv(information)))
    p_values = 2.0 * norm.sf(np.abs(beta / errors))
    return Regression(float(beta[0]), beta[1:], errors[1:], p_values[1:], is_ridge=True)


def fit_positive(
    design: Floats, is_good: Bools, weight: Floats, ridge: float = 0.0
) -> tuple[Regression, list[int], list[int]]:
    """Regression whose coefficients are all positive, the columns kept, and those dropped, in the order of dropping.

    More weight of evidence means fewer bads; a coefficient that says otherwise is an artefact of other columns or of
    chance. The most negative one leaves, and the fit is repeated.
    """
    kept = list(range(design.shape[1]))
    dropped: list[int] = []
    while kept:
        found = fit_regression(design[:, kept], is_good, weight, ridge)
        # Signs are compared in units of the error: a noisy coefficient far below zero says less than a sure one.
        signs = found.coefficients / np.maximum(found.errors, 1e-12)
        worst = int(np.argmin(signs))
        if signs[worst] > 0:
            return found, kept, dropped
        dropped.append(kept.pop(worst))
    raise ScorecardError("no characteristic keeps a positive sign in the regression: nothing here tells goods from bads")


def aligned_intercept(line: Floats, is_good: Bools, weight: Floats) -> float:
    """What to add to `line` (ln odds of good) so that its mean chance is the observed share of goods."""
    share = float((weight * is_good).sum() / weight.sum())
    low, high = -40.0, 40.0
    for _ in range(80):
        middle = (low + high) / 2
        mean = float((weight / (1.0 + np.exp(-np.clip(line + middle, -500, 500)))).sum() / weight.sum())
        low, high = (middle, high) if mean < share else (low, middle)
    return (low + high) / 2
