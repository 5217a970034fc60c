"""What customers will buy in a coming time: expected purchases, how they scatter, and quantiles.

Belongs here: the predictive distribution of BG/NBD and MBG/NBD. Does not: fitting (see `buying.py`), amounts.

Given that a customer is alive, rate and loss are independent: gamma (r + x, alpha + age) and beta (a, b + losses). So

    P(at least k purchases) = P(alive) x E[(1 - p)^(k - 1)] x P(negative binomial >= k)

and the expected number is the sum over k, whose terms are all positive. The closed form with the Gauss hypergeometric
function (equation 10 of Fader, Hardie and Lee 2005) is the same number, but it takes the difference of two nearly equal
terms when a is near 1 or the time short, and the function overflows for buyers with hundreds of purchases.
"""

from dataclasses import dataclass

import numpy as np

from orchestration.customers.value.buying import BuyingModel, Histories, Places, alive_probability
from orchestration.customers.value.newton import Reals

TAIL = 1e-10
# Shares of customers beyond these quantiles: the ends of a 90 % interval.
LOWER, UPPER = 0.05, 0.95
# Steps of the differences by which derivatives are taken, in logarithms of the parameters.
_STEP = 1e-4


@dataclass(frozen=True, eq=False)
class Outlook:
    """The coming purchases of each customer: expected number, its variance, P(none), and a 90 % interval of counts."""

    expected: Reals
    variance: Reals
    none: Reals
    low: Reals
    high: Reals


@dataclass(frozen=True, eq=False)
class Total:
    """The coming purchases of all customers: expected, and the ends of a 90 % interval of their number."""

    expected: float
    low: float
    high: float


def outlook(model: BuyingModel, histories: Histories, horizon: float) -> Outlook:
    """What each distinct history of `histories` will buy within `horizon` (in the unit of the model's time)."""
    alive = alive_probability(model, histories.x, histories.t, histories.age)
    first, second, of_pair, pairs = _sums(model, histories, horizon)
    expected = alive * first[of_pair]
    # E[Y^2] is the sum of (2k - 1) P(Y >= k).
    square = alive * second[of_pair]
    low, high, none = _quantiles(model, pairs, of_pair, horizon, alive)
    return Outlook(expected, np.maximum(square - expected**2, 0.0), none, low, high)


def expected_purchases(model: BuyingModel, histories: Histories, horizon: float) -> Reals:
    """Only the expected number of each distinct history."""
    first, _, of_pair, _ = _sums(model, histories, horizon)
    alive = alive_probability(model, histories.x, histories.t, histories.age)
    expected: Reals = alive * first[of_pair]
    return expected


def total_purchases(model: BuyingModel, histories: Histories, found: Outlook, horizon: float, *, z: float) -> Total:
    """The sum over all customers, with what customers scatter and what the parameters do not tell (delta method)."""
    total = float(histories.count @ found.expected)
    scatter = float(histories.count @ found.variance)
    theta = np.log(np.array(model.parameters))
    slope = np.empty(len(theta))
    for place in range(len(theta)):
        sides = []
        for sign in (1, -1):
            moved = theta.copy()
            moved[place] += sign * _STEP
            sides.append(float(histories.count @ expected_purchases(model.moved(moved), histories, horizon)))
        slope[place] = (sides[0] - sides[1]) / (2 * _STEP)
    wide = z * float(np.sqrt(scatter + slope @ model.top.covariance() @ slope))
    # Purchases are counts: the interval is symmetric in their logarithm, so that it never falls below zero.
    relative = wide / total if total > 0 else 0.0
    return Total(total, total * float(np.exp(-relative)), total * float(np.exp(relative)))


def _sums(model: BuyingModel, histories: Histories, horizon: float) -> tuple[Reals, Reals, Places, tuple[Reals, Reals]]:
    """For each distinct pair, given alive: E[Y] and E[Y^2]."""
    (x, age), of_pair = histories.pairs
    first, second = np.zeros(len(x)), np.zeros(len(x))
    # Short tails first: the pairs that still count are then always the last ones.
    order = np.argsort((model.r + x) / (model.alpha + age), kind="stable")
    series = _Series(model, x[order], age[order], horizon)
    while series.is_open:
        at_least = series.kept * series.beyond
        rows = order[series.begin :]
        first[rows] += at_least
        second[rows] += (2 * series.k - 1) * at_least
        series.advance()
    return first, second, of_pair, (x, age)


def _quantiles(
    model: BuyingModel, pairs: tuple[Reals, Reals], of_pair: Places, horizon: float, alive: Reals
) -> tuple[Reals, Reals, Reals]:
    """The counts at both quantiles, and P(none): the smallest count whose tail is no larger than what it may be."""
    x, age = pairs
    order = np.argsort((model.r + x) / (model.alpha + age), kind="stable")
    rank = np.empty(len(x), dtype=np.intp)
    rank[order] = np.arange(len(x))
    series = _Series(model, x[order], age[order], horizon)
    low, high, none = np.zeros(len(alive)), np.zeros(len(alive)), np.ones(len(alive))
    waiting, place = np.arange(len(alive)), rank[of_pair]
    while series.is_open and len(waiting):
        is_open = place[waiting] >= series.begin
        waiting = waiting[is_open]
        at_least = alive[waiting] * (series.kept * series.beyond)[place[waiting] - series.begin]
        if series.k == 1:
            none[waiting] = 1 - at_least
        low[waiting] += at_least > 1 - LOWER
        is_higher = at_least > 1 - UPPER
        high[waiting] += is_higher
        waiting = waiting[is_higher]
        series.advance()
    return low, high, none


class _Series:
    """P(at least k purchases | alive) of many pairs at once, for k = 1, 2, …; pairs leave when their tail is spent.

    kept: E[(1 - p)^(k - 1)]; beyond: P(negative binomial >= k). Both of the pairs from `begin` on.
    """

    def __init__(self, model: BuyingModel, x: Reals, age: Reals, horizon: float) -> None:
        self.k, self.begin = 1, 0
        self._model, self._shape, self._losses = model, model.r + x, model.losses(x)
        self._log_share = np.log(horizon / (model.alpha + age + horizon))
        # The probability of exactly k - 1 purchases, in logarithms: of none it may be below the smallest number.
        self._log_exact = self._shape * np.log((model.alpha + age) / (model.alpha + age + horizon))
        self.beyond = -np.expm1(self._log_exact)
        self.kept = np.ones(len(x))
        self._drop()

    @property
    def is_open(self) -> bool:
        """Whether a pair is left."""
        return len(self.beyond) > 0

    def advance(self) -> None:
        """On to the next k."""
        k, model = self.k, self._model
        self._log_exact += np.log((self._shape + k - 1) / k) + self._log_share
        self.beyond = np.maximum(self.beyond - np.exp(self._log_exact), 0.0)
        self.kept = self.kept * (model.b + self._losses + k - 1) / (model.a + model.b + self._losses + k - 1)
        self.k += 1
        self._drop()

    def _drop(self) -> None:
        is_open = np.flatnonzero(self.beyond * self.kept > TAIL)
        first = int(is_open[0]) if len(is_open) else len(self.beyond)
        if first:
            self.begin += first
            for name in ("_shape", "_losses", "_log_share", "_log_exact", "beyond", "kept"):
                setattr(self, name, getattr(self, name)[first:])
