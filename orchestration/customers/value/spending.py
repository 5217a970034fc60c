"""How much customers spend on a purchase: the Gamma-Gamma model.

Belongs here: the likelihood with its derivatives, the fit, the expected mean. Does not: how often they buy.

Fader and Hardie (2013), "The Gamma-Gamma model of monetary value": the amounts of a customer are gamma with shape p and
a rate that is itself gamma over customers (q, v); the rate is independent of how often the customer buys.
q stays above 1: below, the mean amount of all customers would be infinite, and that of one could be negative.
A customer is `n` purchases with the mean amount `mean`, above zero.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, polygamma, psi

from orchestration.customers.value.newton import Normal, Reals, Top, highest

PARAMETERS = ("p", "q", "v")
ABOVE = (0.0, 1.0, 0.0)
_STARTS = ((6.0, 4.0), (1.0, 2.5), (20.0, 3.0))


class Likelihood:
    """The log-likelihood of the logarithms of p, q - 1, v, with gradient and Hessian."""

    def __init__(self, n: Reals, mean: Reals) -> None:
        self._n, self._of_n = np.unique(n, return_inverse=True)
        self._with_n = np.bincount(self._of_n, minlength=len(self._n)).astype(np.float64)
        self._rows_n, self._sum = n, n * mean
        self._sum_log_mean, self._sum_n_log_sum = float(np.log(mean).sum()), float(n @ np.log(self._sum))

    def __call__(self, theta: Reals) -> tuple[float, Reals, Reals]:
        """Value, gradient and Hessian at the logarithms `theta`."""
        scale = np.exp(theta)
        p, q, v = (float(value) for value in scale + np.array(ABOVE))
        n, with_n, customers = self._n, self._with_n, float(self._with_n.sum())
        shape, log_rate, rate = p * self._rows_n + q, np.log(v + self._sum), v + self._sum
        value = float(
            with_n @ (gammaln(p * n + q) - gammaln(p * n))
            + customers * (q * np.log(v) - gammaln(q))
            + p * self._sum_n_log_sum
            - self._sum_log_mean
            - shape @ log_rate
        )
        gradient = np.array(
            [
                with_n @ (n * (psi(p * n + q) - psi(p * n))) + self._sum_n_log_sum - self._rows_n @ log_rate,
                with_n @ psi(p * n + q) + customers * (np.log(v) - psi(q)) - log_rate.sum(),
                customers * q / v - (shape / rate).sum(),
            ]
        )
        bend = _psi1(p * n + q)
        hessian = np.empty((3, 3))
        hessian[0, 0] = with_n @ (n**2 * (bend - _psi1(p * n)))
        hessian[0, 1] = hessian[1, 0] = with_n @ (n * bend)
        hessian[1, 1] = with_n @ bend - customers * _psi1(q)
        hessian[0, 2] = hessian[2, 0] = -(self._rows_n / rate).sum()
        hessian[1, 2] = hessian[2, 1] = customers / v - (1 / rate).sum()
        hessian[2, 2] = -customers * q / v**2 + (shape / rate**2).sum()
        return value, gradient * scale, hessian * np.outer(scale, scale) + np.diag(gradient * scale)


@dataclass(frozen=True, eq=False)
class SpendingModel:
    """A fitted model; v is in the unit of the amounts."""

    p: float
    q: float
    v: float
    log_likelihood: float
    top: Top
    is_own: bool = True

    @property
    def parameters(self) -> tuple[float, float, float]:
        """p, q, v."""
        return self.p, self.q, self.v

    @property
    def mean(self) -> float:
        """Mean amount of a purchase over all customers."""
        return self.p * self.v / (self.q - 1)


def fit_spending(n: Reals, mean: Reals, *, prior: Normal | None = None) -> SpendingModel:
    """Maximum likelihood from several starts; with a `prior`, the highest point of both together.

    n, mean: purchases and mean amount of each customer; raises ValueError where one of them is not above zero.
    """
    if len(n) == 0 or (n <= 0).any() or (mean <= 0).any() or not np.isfinite(mean).all():
        raise ValueError("spending: every customer needs a purchase and a mean amount above zero")
    # In units of a typical amount: parameters are sought within bounds, and amounts may be cents or millions.
    unit = float(np.log(mean).mean())
    starts = [np.log([p, q - 1, (q - 1) / p]) for p, q in _STARTS]
    likelihood = Likelihood(n, mean / np.exp(unit))
    shift = np.array([0.0, 0.0, unit])
    if prior is None:
        found = highest(likelihood, starts)
    else:
        found = highest(Normal(prior.mean - shift, prior.deviation).added_to(likelihood), starts)
    value = likelihood(found.theta)[0] - len(n) * unit
    top = Top(found.theta + shift, value, found.hessian, found.is_interior, ABOVE)
    p, q, v = top.parameters.tolist()
    return SpendingModel(p, q, v, value, top, prior is None)


def expected_mean(model: SpendingModel, n: Reals, mean: Reals) -> Reals:
    """Expected amount of a future purchase of customers with n purchases of this mean; n 0 gives that of all."""
    rate, shape = model.v + n * np.where(n > 0, mean, 0.0), model.p * n + model.q
    expected: Reals = model.p * rate / (shape - 1)
    return expected


def expected_square(model: SpendingModel, n: Reals, mean: Reals) -> Reals:
    """Expected square of the customer's own mean amount, for the spread of what will be spent.

    It has no finite value where few purchases meet a small q; there the spread is that of a shape just above 2.
    """
    rate, shape = model.v + n * np.where(n > 0, mean, 0.0), model.p * n + model.q
    square: Reals = (model.p * rate) ** 2 / ((shape - 1) * np.maximum(shape - 2, 0.1))
    return square


def _psi1(values: Reals | float) -> Reals:
    return np.asarray(polygamma(1, values), dtype=np.float64)
