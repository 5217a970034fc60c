"""A shop's stock played day by day against demand: does a policy keep its promise?

Belongs here: the play and its account. Does not: policies (see `levels.py`), demand and lead times (given).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from orchestration.planning.levels import Shortage

Reals = NDArray[np.float64]


@dataclass(frozen=True)
class Played:
    """What happened to each item in the measured days."""

    ordered: Reals
    short: Reals
    mean_stock: Reals

    @property
    def fill_pct(self) -> float:
        """Units from stock of units ordered, over all items."""
        total = float(self.ordered.sum())
        return 100.0 if total <= 0 else 100.0 * (1 - float(self.short.sum()) / total)


def play(
    demand: Reals, levels: Reals, lead_days: NDArray[np.int64], *, review_days: int, warm_up_days: int,
    shortage: Shortage = "lost",
) -> Played:  # fmt: skip
    """Play the days.

    demand: item x day, units. levels: item x review, the order-up-to level of the review on day `review * review_days`.
    lead_days: item x review, how long an order placed then takes. What lies there at the beginning is the first level.
    The first `warm_up_days` are played and not counted. An order arrives in the morning, before the day's customers.
    """
    items, days = demand.shape
    stock = levels[:, 0].astype(float).copy()
    on_order = np.zeros(items)
    arrivals = np.zeros((items, days + int(lead_days.max(initial=0)) + 1))
    short, ordered, held = np.zeros(items), np.zeros(items), np.zeros(items)
    rows = np.arange(items)
    for day in range(days):
        stock += arrivals[:, day]
        on_order -= arrivals[:, day]
        if day % review_days == 0:
            review = day // review_days
            quantity = np.maximum(levels[:, review] - stock - on_order, 0.0)
            # An order of today comes tomorrow at the earliest.
            np.add.at(arrivals, (rows, day + np.maximum(lead_days[:, review], 1)), quantity)
            on_order += quantity
        missing = np.maximum(demand[:, day] - np.maximum(stock, 0.0), 0.0)
        stock -= demand[:, day] - (missing if shortage == "lost" else 0.0)
        if day >= warm_up_days:
            short += missing
            ordered += demand[:, day]
            held += np.maximum(stock, 0.0)
    return Played(ordered, short, held / max(days - warm_up_days, 1))


def account(
    played: Played, classes: NDArray[np.str_], *, policy: str, target_fill_pct: float, weeks: float
) -> pd.DataFrame:
    """The table of a play by class and over all: realised fill rate, its error in points, stock."""
    rows = []
    for name in [*sorted(set(classes.tolist())), "all"]:
        chosen = np.ones(len(classes), dtype=bool) if name == "all" else classes == name
        part = Played(played.ordered[chosen], played.short[chosen], played.mean_stock[chosen])
        wanted, held = float(part.ordered.sum()), float(part.mean_stock.sum())
        rows.append(
            {
                "policy": policy,
                "abc_class": name,
                "item_count": int(chosen.sum()),
                "target_fill_pct": target_fill_pct,
                "realised_fill_pct": part.fill_pct,
                "error_points": part.fill_pct - target_fill_pct,
                "ordered_qty": wanted,
                "short_qty": float(part.short.sum()),
                "mean_stock_qty": held,
                "weeks_of_stock": held * weeks / wanted if wanted > 0 else float("nan"),
            }
        )
    return pd.DataFrame(rows)
