"""What each customer will buy over 3, 6 and 12 months, and for how much; the same for the market as a whole.

Belongs here: models applied to customers. Does not: fitting, tables.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from orchestration.customers.purchases import WEEK, Flags, State
from orchestration.customers.value.buying import Histories, alive_probability
from orchestration.customers.value.fitting import MarketModels
from orchestration.customers.value.newton import Z_90, Reals
from orchestration.customers.value.outlook import Outlook, Total, outlook, total_purchases
from orchestration.customers.value.worth import Worth, worth

HORIZONS: Mapping[str, int] = {"3m": 91, "6m": 182, "12m": 365}


@dataclass(frozen=True, eq=False)
class Horizon:
    """One span of time to come: purchases and value of each customer, and the purchases of all."""

    days: int
    purchases: Outlook
    value: Worth
    total: Total
    total_value_usd: tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Prediction:
    """What is expected of each customer; who has never bought has no chance to be alive and zero everywhere."""

    alive: Reals
    horizons: Mapping[str, Horizon]


def predict(
    models: MarketModels,
    state: State,
    histories: Histories,
    net: Reals,
    horizons: Mapping[str, int] = HORIZONS,
) -> Prediction:
    """`histories` are those of the customers of `state` who have bought, in their order; `net` is what each brought in.

    A customer whose returns exceed the purchases has no value, however often more is bought and sent back.
    """
    bought = state.has_bought
    n = state.count.astype(np.float64)
    mean = np.divide(net, n, out=np.zeros(len(n)), where=bought & (net > 0))
    alive = np.zeros(len(n))
    of_each = alive_probability(models.buying, histories.x, histories.t, histories.age)
    alive[bought] = of_each[histories.of_customer]
    found = {}
    for name, days in horizons.items():
        distinct = outlook(models.buying, histories, days / WEEK)
        coming = _of_customers(distinct, histories, bought)
        value = _worth(coming, models, n, mean)
        total = total_purchases(models.buying, histories, distinct, days / WEEK, z=Z_90)
        found[name] = Horizon(days, coming, value, total, _total_value(value, coming, total))
    return Prediction(alive, found)


def _of_customers(distinct: Outlook, histories: Histories, bought: Flags) -> Outlook:
    def spread(values: Reals, nothing: float = 0.0) -> Reals:
        full = np.full(len(bought), nothing)
        full[bought] = values[histories.of_customer]
        return full

    return Outlook(
        spread(distinct.expected), spread(distinct.variance), spread(distinct.none, 1.0), spread(distinct.low),
        spread(distinct.high),
    )  # fmt: skip


def _worth(coming: Outlook, models: MarketModels, n: Reals, mean: Reals) -> Worth:
    is_worth = mean > 0
    found = [np.zeros(len(n)) for _ in range(4)]
    if models.spending is not None and is_worth.any():
        some = Outlook(
            coming.expected[is_worth], coming.variance[is_worth], coming.none[is_worth], coming.low[is_worth],
            coming.high[is_worth],
        )  # fmt: skip
        one = worth(some, models.spending, n[is_worth], mean[is_worth])
        for column, values in zip(found, (one.expected, one.variance, one.low, one.high), strict=True):
            column[is_worth] = values
    return Worth(*found)


def _total_value(value: Worth, coming: Outlook, total: Total) -> tuple[float, float, float]:
    """Value of all customers with the ends of a 90 % interval: each customer's scatter, and that of the parameters."""
    expected = float(value.expected.sum())
    if expected <= 0:
        return 0.0, 0.0, 0.0
    scatter = Z_90 * float(np.sqrt(value.variance.sum())) / expected
    of_counts = Z_90 * float(np.sqrt(coming.variance.sum())) / max(total.expected, 1e-12)
    all_counts = float(np.log(total.high / total.expected)) if total.expected > 0 else 0.0
    wide = float(np.sqrt(scatter**2 + max(all_counts**2 - of_counts**2, 0.0)))
    return expected, expected * float(np.exp(-wide)), expected * float(np.exp(wide))


def months(names: Sequence[str]) -> Mapping[str, int]:
    """The horizons of these names."""
    return {name: HORIZONS[name] for name in names}
