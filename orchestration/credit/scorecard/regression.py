"""Logistic regression on weights of evidence: coefficients with intervals, and what is left out for its sign.

Belongs here: matrices in, coefficients out. Does not: bins, names, points.
"""

import warnings
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from orchestration.credit.scorecard.characteristic import ScorecardError

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
_STEPS = 60
_RESCUE_RIDGE = 1.0
_HOPELESS_ERROR = 50.0
_SPREADS = (0.1, 0.14, 0.2, 0.28, 0.4, 0.56, 0.8, 1.1, 1.6)


@dataclass(frozen=True)
class Regression:
    """ln(odds of good) = intercept + design · coefficients, with standard errors and two-sided p-values."""

    intercept: float
    coefficients: Floats
    covariance: Floats  # of the coefficients
    spread: float = float("inf")  # standard deviation of true coefficients about their mean, as estimated

    @property
    def errors(self) -> Floats:
        """Standard errors."""
        return np.sqrt(np.maximum(np.diag(self.covariance), 0.0))

    @property
    def p_values(self) -> Floats:
        """Two-sided, by the normal distribution."""
        from scipy.stats import norm

        return np.asarray(2.0 * norm.sf(np.abs(self.coefficients) / np.maximum(self.errors, 1e-300)))

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
    return penalised(design, is_good, weight, ridge)


def _statsmodels(design: Floats, is_good: Bools, weight: Floats) -> Regression | None:
    import statsmodels.api as sm
    from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", PerfectSeparationWarning)
        try:
            columns = np.column_stack([np.ones(len(design)), design])
            model = sm.GLM(is_good.astype(np.float64), columns, family=sm.families.Binomial(), freq_weights=weight)
            result = model.fit(maxiter=_STEPS)
            covariance = np.asarray(result.cov_params())[1:, 1:]
        except (PerfectSeparationWarning, np.linalg.LinAlgError, ValueError):
            return None
    params = np.asarray(result.params)
    if not result.converged or not np.isfinite(params).all() or not np.isfinite(covariance).all():
        return None
    if (np.diag(covariance) > _HOPELESS_ERROR**2).any():
        return None
    return Regression(float(params[0]), params[1:], covariance)


def penalised(design: Floats, is_good: Bools, weight: Floats, ridge: float | Floats) -> Regression:
    """Maximum of log-likelihood − Σ ridge/2 · coefficient², by Newton steps; the intercept is free."""
    columns = np.column_stack([np.ones(len(design)), design])
    penalty = np.concatenate([[1e-9], np.broadcast_to(np.asarray(ridge, dtype=np.float64), design.shape[1])])
    beta = np.zeros(columns.shape[1])
    rate = float(np.clip((weight * is_good).sum() / weight.sum(), 1e-6, 1 - 1e-6))
    beta[0] = np.log(rate / (1.0 - rate))
    information = np.diag(penalty)
    for _ in range(_STEPS):
        chance = 1.0 / (1.0 + np.exp(-np.clip(columns @ beta, -35.0, 35.0)))
        gradient = columns.T @ (weight * (is_good - chance)) - penalty * beta
        information = (columns * (weight * chance * (1.0 - chance))[:, None]).T @ columns + np.diag(penalty)
        step = np.linalg.solve(information, gradient)
        # A long step overshoots where the curve is flat.
        beta = beta + step * min(1.0, 4.0 / max(float(np.abs(step).max()), 1e-12))
        if float(np.abs(step).max()) < 1e-9:
            break
    return Regression(float(beta[0]), beta[1:], np.linalg.inv(information)[1:, 1:])


def pulled_together(found: Regression) -> Regression:
    """The coefficients, each pulled towards their common mean as far as its error and their spread say.

    On weights of evidence coefficients are alike (all 1 where columns are independent), and what a small sample makes
    of them differs mostly by chance. True coefficients are taken as normal about a common mean; their spread is the
    one under which the estimates are likeliest (random effects, as in a meta-analysis), but not below 0.1. With many
    rows the errors are small and nothing moves. The intercept is left to be aligned.
    """
    count = len(found.coefficients)
    if count < 2:
        return found
    ones = np.ones(count)

    def posterior(spread: float) -> tuple[float, Floats, Floats]:
        joint = found.covariance + spread**2 * np.eye(count)
        weights = np.linalg.solve(joint, ones)
        mean = float(weights @ found.coefficients / weights.sum())
        rest = found.coefficients - mean
        explained = np.linalg.solve(joint, rest)
        _, log_determinant = np.linalg.slogdet(joint)
        likelihood = -0.5 * (float(rest @ explained) + log_determinant + np.log(weights.sum()))
        moved: Floats = np.asarray(mean + spread**2 * explained, dtype=np.float64)
        kept = spread**2 * np.eye(count) - spread**4 * np.linalg.inv(joint)
        # The mean is estimated too.
        leverage = ones - spread**2 * weights
        return float(likelihood), moved, np.asarray(kept + np.outer(leverage, leverage) / weights.sum())

    spread = max(_SPREADS, key=lambda value: posterior(value)[0])
    _, moved, covariance = posterior(spread)
    return replace(found, coefficients=moved, covariance=covariance, spread=spread)


def fit_positive(
    design: Floats, is_good: Bools, weight: Floats, *, ridge: float = 0.0, is_pulled: bool = True
) -> tuple[Regression, list[int], list[int]]:
    """Regression whose coefficients are all positive, the columns kept, and those dropped, in the order of dropping.

    More weight of evidence means fewer bads; a coefficient that says otherwise is an artefact of other columns or of
    chance. The most negative one leaves, and the fit is repeated.
    """
    kept = list(range(design.shape[1]))
    dropped: list[int] = []
    while kept:
        found = fit_regression(design[:, kept], is_good, weight, ridge)
        if is_pulled:
            found = pulled_together(found)
        # Signs are compared in units of the error: a noisy coefficient far below zero says less than a sure one.
        signs = found.coefficients / np.maximum(found.errors, 1e-12)
        worst = int(np.argmin(signs))
        if signs[worst] > 0:
            return found, kept, dropped
        dropped.append(kept.pop(worst))
    raise ScorecardError(
        "no characteristic keeps a positive sign in the regression: nothing here tells goods from bads"
    )


def aligned_intercept(line: Floats, is_good: Bools, weight: Floats) -> float:
    """What to add to `line` (ln odds of good) so that its mean chance is the observed share of goods."""
    share = float((weight * is_good).sum() / weight.sum())
    low, high = -40.0, 40.0
    for _ in range(80):
        middle = (low + high) / 2
        mean = float((weight / (1.0 + np.exp(-np.clip(line + middle, -500, 500)))).sum() / weight.sum())
        low, high = (middle, high) if mean < share else (low, middle)
    return (low + high) / 2
