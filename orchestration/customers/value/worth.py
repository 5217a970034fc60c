"""What coming purchases will be worth: number of purchases times amount, with an interval.

Belongs here: how both models come together. Does not: either of them.

Number and amount are independent in the model. The value of a customer is a sum of a random number of amounts with a
common unknown mean; its mean and variance are known in closed form. Its quantiles are those of a lognormal with this
mean and variance given that there is a purchase, beside the probability that there is none.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from orchestration.customers.value.newton import Reals
from orchestration.customers.value.outlook import LOWER, UPPER, Outlook
from orchestration.customers.value.spending import SpendingModel, expected_mean, expected_square


@dataclass(frozen=True, eq=False)
class Worth:
    """The value of each customer's coming purchases: expected, its variance, and a 90 % interval."""

    expected: Reals
    variance: Reals
    low: Reals
    high: Reals


def worth(coming: Outlook, spending: SpendingModel, n: Reals, mean: Reals) -> Worth:
    """Value of the purchases to come of customers who made `n` purchases of mean amount `mean` so far."""
    level, square = expected_mean(spending, n, mean), expected_square(spending, n, mean)
    value = coming.expected * level
    # Given their mean, the amounts of Y purchases add up to a gamma: variance Y x mean^2 / p.
    second = (coming.variance + coming.expected**2) * square + coming.expected * square / spending.p
    some = np.maximum(1 - coming.none, 1e-12)
    given_mean, given_square = value / some, second / some
    spread = np.sqrt(np.log(np.maximum(given_square / np.maximum(given_mean, 1e-12) ** 2, 1.0)))
    centre = np.log(np.maximum(given_mean, 1e-12)) - 0.5 * spread**2

    def quantile(share: float) -> Reals:
        inside = np.clip((share - coming.none) / some, 1e-9, 1 - 1e-9)
        found: Reals = np.where(share > coming.none, np.exp(centre + spread * ndtri(inside)), 0.0)
        return found

    return Worth(value, np.maximum(second - value**2, 0.0), quantile(LOWER), quantile(UPPER))
