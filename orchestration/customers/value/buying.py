"""How often customers buy while they are alive, and when they are lost: BG/NBD and MBG/NBD.

Belongs here: the likelihood with its derivatives, the fit, who is alive. Does not: what will be bought (see
`outlook.py`), reading.

Fader, Hardie and Lee (2005), "Counting your customers" the easy way: purchases are Poisson with a rate from a gamma
distribution (r, alpha), and after each purchase the customer is lost with a probability from a beta one (a, b).
In BG/NBD nobody is lost after the first purchase; in MBG/NBD (Batislam, Denizel and Filiztekin 2007) the first purchase
can be the last one as well. The two differ only in the number of times at which a customer could have been lost: x or
x + 1, where x counts the purchases after the first.

A customer is `x` (purchases after the first), `t` (time of the last one after the first; 0 when x is 0) and `age` (time
that has passed since the first), t and age in the same unit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import expit, gammaln, polygamma, psi

from orchestration.customers.value.newton import Normal, Reals, Top, highest

Places = npt.NDArray[np.intp]
Variant = Literal["bg_nbd", "mbg_nbd"]
VARIANTS: tuple[Variant, ...] = ("bg_nbd", "mbg_nbd")
PARAMETERS = ("r", "alpha", "a", "b")
NAMES = ("x", "t", "age")
# A first look at this many distinct customers finds the region; the climb over all of them begins there.
SAMPLE_ROWS = 4_000
_STARTS = ((0.5, 1.0, 0.8, 2.5), (1.5, 1.0, 0.3, 4.0), (0.2, 0.3, 1.5, 1.5))


@dataclass(frozen=True, eq=False)
class Histories:
    """Distinct histories of customers, each with how many customers have it; `of_customer` leads back to them."""

    x: Reals
    t: Reals
    age: Reals
    count: Reals
    of_customer: Places

    @classmethod
    def of(cls, x: npt.ArrayLike, t: npt.ArrayLike, age: npt.ArrayLike) -> "Histories":
        """The histories of customers given one by one. Raises ValueError for a history that cannot be."""
        columns = [np.asarray(column, dtype=np.float64) for column in (x, t, age)]
        if not all(np.isfinite(column).all() for column in columns):
            raise ValueError("histories: a count or time is not finite")
        wrong = (columns[0] < 0) | (columns[1] < 0) | (columns[1] > columns[2]) | ((columns[0] == 0) & (columns[1] > 0))
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            found = ", ".join(f"{name} {column[row]:g}" for name, column in zip(NAMES, columns, strict=True))
            raise ValueError(f"histories: {int(wrong.sum())} are impossible, the first in row {row}: {found}")
        code = np.zeros(len(columns[0]), dtype=np.int64)
        for column in columns:
            values, place = np.unique(column, return_inverse=True)
            code = code * len(values) + place
        _, first, of_customer, count = np.unique(code, return_index=True, return_inverse=True, return_counts=True)
        rows_x, rows_t, rows_age = (column[first] for column in columns)
        return cls(rows_x, rows_t, rows_age, count.astype(np.float64), of_customer)

    def __len__(self) -> int:
        return len(self.x)

    @property
    def customers(self) -> float:
        """How many customers there are."""
        return float(self.count.sum())

    @cached_property
    def pairs(self) -> tuple[tuple[Reals, Reals], Places]:
        """The distinct pairs of x and age, and which of them each history has.

        Given that a customer is alive, nothing else matters for what is to come.
        """
        x, of_x = np.unique(self.x, return_inverse=True)
        age, of_age = np.unique(self.age, return_inverse=True)
        code, of_pair = np.unique(of_x * len(age) + of_age, return_inverse=True)
        return (x[code // len(age)], age[code % len(age)]), of_pair

    def sample(self, rows: int) -> "Histories":
        """Every so many of the distinct histories, with their counts."""
        keep = np.linspace(0, len(self) - 1, min(rows, len(self))).astype(np.intp)
        return Histories(self.x[keep], self.t[keep], self.age[keep], self.count[keep], np.arange(len(keep)))


class Likelihood:
    """The log-likelihood of the logarithms of r, alpha, a, b, with gradient and Hessian.

    Special functions are taken once for each distinct x, logarithms once for each distinct time: customers share them.
    """

    def __init__(self, histories: Histories, variant: Variant) -> None:
        self._x, self._of_x = np.unique(histories.x, return_inverse=True)
        self._t, self._of_t = np.unique(histories.t, return_inverse=True)
        self._age, self._of_age = np.unique(histories.age, return_inverse=True)
        self._count = histories.count
        self._with_x = np.bincount(self._of_x, histories.count, minlength=len(self._x))
        self._rows_x = histories.x
        self._losses = self._x + (1.0 if variant == "mbg_nbd" else 0.0)
        self._could_be_lost = (self._losses > 0)[self._of_x]

    def __call__(self, theta: Reals) -> tuple[float, Reals, Reals]:
        """Value, gradient and Hessian at the logarithms `theta`."""
        r, alpha, a, b = (float(value) for value in np.exp(theta))
        value, gradient, hessian = self._of_counts(r, alpha, a, b)
        log_age, log_t = np.log(alpha + self._age)[self._of_age], np.log(alpha + self._t)[self._of_t]
        per_age, per_t = (1 / (alpha + self._age))[self._of_age], (1 / (alpha + self._t))[self._of_t]
        weight, shape = self._count, r + self._rows_x
        # One of the losses would have been the last: where none was possible it counts nothing, whatever stands here.
        last = np.where(self._losses > 0, b + self._losses - 1, 1.0)
        odds = (np.log(a) - np.log(last))[self._of_x] + shape * (log_age - log_t)
        odds = np.where(self._could_be_lost, odds, -np.inf)
        is_lost = expit(odds)
        value += float(weight @ (np.logaddexp(0.0, odds) - shape * log_age))
        lost, alive = weight * is_lost, weight * (1 - is_lost)
        per_last = (1 / last)[self._of_x]
        gradient += np.array(
            [
                -(alive @ log_age + lost @ log_t),
                -(alive @ (shape * per_age) + lost @ (shape * per_t)),
                lost.sum() / a,
                -(lost @ per_last),
            ]
        )
        both = lost * (1 - is_lost)
        apart = np.stack([log_t - log_age, shape * (per_t - per_age), np.full_like(shape, -1 / a), per_last])
        hessian += (apart * both) @ apart.T
        mixed = -(alive @ per_age + lost @ per_t)
        hessian[0, 1] += mixed
        hessian[1, 0] += mixed
        hessian[1, 1] += alive @ (shape * per_age**2) + lost @ (shape * per_t**2)
        hessian[2, 2] -= lost.sum() / a**2
        hessian[3, 3] += lost @ per_last**2
        scale = np.array([r, alpha, a, b])
        return value, gradient * scale, hessian * np.outer(scale, scale) + np.diag(gradient * scale)

    def _of_counts(self, r: float, alpha: float, a: float, b: float) -> tuple[float, Reals, Reals]:
        """What depends on the number of purchases alone."""
        with_x, total = self._with_x, float(self._with_x.sum())
        x, losses = self._x, self._losses
        value = float(
            with_x @ (gammaln(r + x) + gammaln(b + losses) - gammaln(a + b + losses))
            + total * (gammaln(a + b) - gammaln(r) - gammaln(b) + r * np.log(alpha))
        )
        of_all = total * psi(a + b) - with_x @ psi(a + b + losses)
        gradient = np.array(
            [
                with_x @ psi(r + x) + total * (np.log(alpha) - psi(r)),
                total * r / alpha,
                of_all,
                with_x @ psi(b + losses) - total * psi(b) + of_all,
            ]
        )
        bend = total * _psi1(a + b) - with_x @ _psi1(a + b + losses)
        hessian = np.zeros((4, 4))
        hessian[0, 0] = with_x @ _psi1(r + x) - total * _psi1(r)
        hessian[0, 1] = hessian[1, 0] = total / alpha
        hessian[1, 1] = -total * r / alpha**2
        hessian[2, 2] = hessian[2, 3] = hessian[3, 2] = bend
        hessian[3, 3] = with_x @ _psi1(b + losses) - total * _psi1(b) + bend
        return value, gradient, hessian


@dataclass(frozen=True, eq=False)
class BuyingModel:
    """A fitted model: parameters in the unit of time of its histories, and what is known about them.

    log_likelihood: of the data alone. is_own: the data alone gave the parameters; otherwise a prior stood in.
    """

    variant: Variant
    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float
    top: Top
    is_own: bool = True

    @property
    def parameters(self) -> tuple[float, float, float, float]:
        """r, alpha, a, b."""
        return self.r, self.alpha, self.a, self.b

    def losses(self, x: Reals) -> Reals:
        """How often a customer with x purchases after the first could have been lost."""
        return x + (1.0 if self.variant == "mbg_nbd" else 0.0)

    def moved(self, theta: Reals) -> "BuyingModel":
        """The same model at other logarithms of its parameters."""
        r, alpha, a, b = np.exp(theta).tolist()
        return BuyingModel(self.variant, r, alpha, a, b, self.log_likelihood, self.top, self.is_own)


def alive_probability(model: BuyingModel, x: Reals, t: Reals, age: Reals) -> Reals:
    """The probability that a customer with this history will buy again if given enough time."""
    losses = model.losses(x)
    last = np.where(losses > 0, model.b + losses - 1, 1.0)
    odds = np.log(model.a / last) + (model.r + x) * (np.log(model.alpha + age) - np.log(model.alpha + t))
    alive: Reals = expit(-np.where(losses > 0, odds, -np.inf))
    return alive


def fit_buying(histories: Histories, variant: Variant = "bg_nbd", *, prior: Normal | None = None) -> BuyingModel:
    """Maximum likelihood from several starts; with a `prior`, the highest point of both together.

    `top.is_interior` of the result says whether there is a maximum at all: where nobody comes back, or everybody buys
    at one rate, some parameters run to a bound.
    """
    if len(histories) == 0:
        raise ValueError("buying: there is no customer")
    typical = max(float(np.average(histories.age, weights=histories.count)), 1e-6) / 4
    starts: Sequence[Reals] = [np.log([r, scale * typical, a, b]) for r, scale, a, b in _STARTS]
    if len(histories) > 2 * SAMPLE_ROWS:
        rough = Likelihood(histories.sample(SAMPLE_ROWS), variant)
        starts = [highest(rough if prior is None else prior.added_to(rough), starts, tolerance=1e-4).theta]
    likelihood = Likelihood(histories, variant)
    top = highest(likelihood if prior is None else prior.added_to(likelihood), starts)
    value = top.value if prior is None else likelihood(top.theta)[0]
    r, alpha, a, b = top.parameters.tolist()
    return BuyingModel(variant, r, alpha, a, b, value, top, prior is None)


def _psi1(values: Reals | float) -> Reals:
    return np.asarray(polygamma(1, values), dtype=np.float64)
