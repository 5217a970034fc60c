"""Purchases for tests: customers as lists of days and amounts, and markets drawn from the models themselves.

Belongs here: what several tests of customers share. Does not: expectations.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from orchestration.customers.purchases import Guests, Purchases, Tastes
from orchestration.customers.value.newton import Reals


def purchases_of(
    *customers: Sequence[tuple[int, float]],
    end: int,
    other: Sequence[float] = (),
    tastes: Tastes | None = None,
    market: str = "GB",
    guests: Guests | None = None,
) -> Purchases:
    """A market whose customers bought on these days for these amounts; `other` is what belongs to no purchase."""
    events = [(row, day, amount) for row, own in enumerate(customers) for day, amount in own]
    rows = np.array(events, dtype=np.float64).reshape(-1, 3)
    other_usd = np.array(other, dtype=np.float64) if other else np.zeros(len(customers))
    guests = guests or Guests()
    return Purchases(
        market=market,
        end=end,
        source_id=pa.array(["shop"] * len(customers), pa.string()),
        customer_key=pa.array([f"k{row}" for row in range(len(customers))], pa.string()),
        customer=rows[:, 0].astype(np.int64),
        day=rows[:, 1].astype(np.int64),
        amount=rows[:, 2],
        other_usd=other_usd,
        guests=guests,
        tastes=tastes or Tastes.none(),
        total_usd=float(rows[:, 2].sum() + other_usd.sum() + guests.amount_usd),
    )


def drawn_histories(
    customers: int, seed: int, *, first_can_be_last: bool, weeks: float, ahead: float = 0.0
) -> tuple[Reals, Reals, Reals, Reals]:
    """Customers as the model says (r .5, alpha 6, a .8, b 2.4): x, t, age, and purchases in the weeks ahead."""
    rng = np.random.default_rng(seed)
    rate, loss = rng.gamma(0.5, 1 / 6, customers), rng.beta(0.8, 2.4, customers)
    age = rng.integers(7, int(7 * weeks), customers) / 7
    x, t, coming, now = (np.zeros(customers) for _ in range(4))
    alive = rng.random(customers) >= loss if first_can_be_last else np.ones(customers, dtype=np.bool_)
    while alive.any():
        rows = np.flatnonzero(alive)
        now[rows] += rng.exponential(1 / rate[rows])
        alive[rows[now[rows] > age[rows] + ahead]] = False
        rows = rows[now[rows] <= age[rows] + ahead]
        is_known = now[rows] <= age[rows]
        x[rows] += is_known
        coming[rows] += ~is_known
        t[rows[is_known]] = now[rows[is_known]]
        alive[rows] = rng.random(len(rows)) >= loss[rows]
    return x, np.minimum(np.ceil(t * 7) / 7, age), age, coming


def drawn_market(customers: int, seed: int, *, weeks: int = 80, market: str = "GB") -> Purchases:
    """A market of such customers with their days and amounts; the first customers bought first."""
    rng = np.random.default_rng(seed)
    end = 15_000
    own: list[list[tuple[int, float]]] = []
    for _ in range(customers):
        day = end - int(rng.integers(1, 7 * weeks))
        rate, loss, level = rng.gamma(0.5, 1 / 42), rng.beta(0.8, 2.4), 15.0 / rng.gamma(3.7)
        days = []
        while day <= end:
            days.append((day, float(rng.gamma(6.0, level))))
            if rng.random() < loss:
                break
            day += 1 + int(rng.exponential(1 / max(rate, 1e-6)))
        own.append(days)
    return purchases_of(*own, end=end, market=market)
