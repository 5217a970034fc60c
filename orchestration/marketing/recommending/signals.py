"""Signals: what speaks for an item and a customer, as logarithms that a blend weighs.

Belongs here: the list of signals and their computation in blocks of customers. Does not: weights (see blend.py).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from orchestration.marketing.recommending.attributes import Attributes, Tastes
from orchestration.marketing.recommending.autoencoder import Autoencoder, fit_autoencoder
from orchestration.marketing.recommending.interactions import Integers, Matrix, Reals, Scores
from orchestration.marketing.recommending.neighbours import CustomerNeighbours, customer_neighbours, item_similarity
from orchestration.marketing.recommending.past import LONG, MIDDLE, SHORT, Past, dense
from orchestration.marketing.recommending.steady import steady_popularity

POPULARITY = ("popular_now", "popular_of_late", "popular", "steady")
TRENDS = ("kind_trend", "maker_trend")
PEOPLE = ("kind_taste", "group_taste", "price_taste")
HISTORY = ("autoencoder", "autoencoder_recent", "like_customers")
OWN = ("own", "own_times", "own_age", "own_autoencoder", "own_habit", "own_item_habit", "own_many", "own_trend")
SIGNALS = (*POPULARITY, *TRENDS, *PEOPLE, *HISTORY, *OWN)
# Cells of a block in one signal: ten such blocks of float32 and a few doubles stay below 200 MB.
BLOCK_CELLS = 1_500_000
_LEAST_SCORE, _LEAST_LIKE = 3e-3, 1e-3
# Where these signals are near 0: they say how an own item differs from others of the customer.
_USUAL_MANY, _USUAL_CHANCE, _USUAL_AGE, _LEAST_AGE = 3.0, float(np.log(0.1)), 0.2, 0.01


@dataclass(frozen=True, eq=False)
class OwnCells:
    """Signals of items that customers have, by cell: row in the block, item, and the values by name."""

    row: Integers
    column: Integers
    values: Mapping[str, Reals]


@dataclass(frozen=True, eq=False)
class Signals:
    """All signals at a moment; the models behind them are fitted when they are first asked for."""

    past: Past
    attributes: Attributes

    @cached_property
    def tastes(self) -> Tastes:
        """Tastes for kinds and prices."""
        return Tastes(self.past, self.attributes)

    @cached_property
    def autoencoder(self) -> Autoencoder:
        """EASE^R of what customers have."""
        return fit_autoencoder(self.past.owned)

    @cached_property
    def similarity(self) -> Matrix:
        """Items by the customers whom they share."""
        return item_similarity(self.past.owned)

    @cached_property
    def neighbours(self) -> CustomerNeighbours:
        """Customers by what they have."""
        return customer_neighbours(self.past)

    @cached_property
    def popularity(self) -> dict[str, Reals]:
        """By item, in logarithms: buyers of the last days, of late, and over a longer time."""
        floor = self.tastes.expected_buyers
        floor = 0.5 * floor / floor.sum()
        found = {}
        for name, half_life in zip(POPULARITY, (SHORT, MIDDLE, LONG), strict=False):
            buyers = self.past.popularity(half_life)
            found[name] = np.log(0.5 * buyers / max(buyers.sum(), 1e-9) + floor)
        # Without kinds the year's waves are those of single items, of which a long memory knows too little.
        has_kinds = self.attributes.kind is not None
        found["steady"] = np.log(steady_popularity(self.past, self.tastes.kind)) if has_kinds else np.zeros(len(floor))
        found["kind_trend"] = self.tastes.trend(self.attributes.kind, (SHORT, LONG))
        found["maker_trend"] = self.tastes.trend(self.attributes.maker, (SHORT, LONG))
        return found

    @property
    def block_size(self) -> int:
        """Customers to score at once."""
        return max(1, BLOCK_CELLS // max(1, self.past.seen.shape[1]))

    def of(self, customers: Integers, names: Collection[str] = SIGNALS) -> dict[str, Scores]:
        """Per signal but those of own items: customers x items, or 1 x items where it is the same for all."""
        found: dict[str, Scores] = {}
        for name in (*POPULARITY, *TRENDS):
            found[name] = self.popularity[name].astype(np.float32)[None, :]
        if not set(names) <= {*POPULARITY, *TRENDS}:
            found |= self._people(customers)
        if set(names) & {*HISTORY, *OWN}:
            found |= self._history(customers)
        return found

    def own(self, customers: Integers, others: dict[str, Scores]) -> OwnCells:
        """The signals of items that the customers have; everywhere else these signals are 0."""
        past = self.past
        owned = past.owned[customers]
        row = np.repeat(np.arange(len(customers)), np.diff(owned.indptr))
        column = owned.indices.astype(np.int64)
        # The three matrices have the same places, sorted.
        age, times = past.last_age[customers].data, past.times[customers].data
        many = np.log(np.maximum(past.item_count[customers], 1))[row] - _USUAL_MANY
        trend = (others["popular_now"] - others["popular"])[0]
        return OwnCells(
            row,
            column,
            {
                "own": np.ones(len(row)),
                "own_times": np.log(times).astype(np.float64),
                "own_age": np.log((age + _LEAST_AGE) / _USUAL_AGE),
                "own_autoencoder": others["autoencoder"][row, column] - np.float32(_USUAL_CHANCE),
                "own_habit": past.customer_habit[customers][row],
                "own_item_habit": past.item_habit[column],
                "own_many": many,
                "own_trend": trend[column],
            },
        )

    def _people(self, customers: Integers) -> dict[str, Scores]:
        found = {name: np.zeros((1, self.past.seen.shape[1]), dtype=np.float32) for name in PEOPLE}
        if self.attributes.kind is not None:
            found["kind_taste"] = self.tastes.kind_lift(customers).astype(np.float32)
            if self.attributes.traits:
                found["group_taste"] = self.tastes.group_lift(customers).astype(np.float32)
        if self.attributes.price is not None:
            found["price_taste"] = self.tastes.price_lift(customers).astype(np.float32)
        return found

    def of_baskets(self, baskets: Matrix) -> dict[str, Scores]:
        """The signals for rows of items that are nobody's past, such as what a visit has looked at."""
        found = {name: self.popularity[name].astype(np.float32)[None, :] for name in (*POPULARITY, *TRENDS)}
        return found | self._from_items(baskets, baskets, self.neighbours.near(baskets))

    def _history(self, customers: Integers) -> dict[str, Scores]:
        owned, recent = self.past.owned[customers], self.past.recent[customers]
        return self._from_items(owned, recent, self.neighbours.score(self.past, customers))

    def _from_items(self, owned: Matrix, recent: Matrix, like: Scores) -> dict[str, Scores]:
        plain, late = self.autoencoder.score(owned), self.autoencoder.score(recent)
        return {
            "autoencoder": np.log(np.maximum(plain, 0) + np.float32(_LEAST_SCORE)),
            "autoencoder_recent": np.log(np.maximum(late, 0) + np.float32(_LEAST_SCORE)),
            "like_customers": np.log(like + np.float32(_LEAST_LIKE)),
        }


SINGLES = (
    "popularity",
    "popularity_recent",
    "bought_before",
    "item_knn",
    "item_knn_recent",
    "ease",
    "ease_recent",
    "like_customers",
)


def single_scores(signals: Signals, name: str, customers: Integers) -> Scores:
    """Scores of a single model, which stand beside the blend in every table."""
    past = signals.past
    if name == "popularity":
        return np.tile(past.buyers.astype(np.float32), (len(customers), 1))
    if name == "popularity_recent":
        return np.tile(past.popularity(SHORT).astype(np.float32), (len(customers), 1))
    if name == "bought_before":
        recent = past.popularity(MIDDLE)
        tie = (recent / max(recent.max(), 1e-9) * 1e-3).astype(np.float32)
        return np.asarray(dense(past.times[customers]) + dense(past.recent[customers]) * np.float32(0.5) + tie)
    if name in ("item_knn", "item_knn_recent"):
        weights = past.owned if name == "item_knn" else past.recent
        return dense(weights[customers] @ signals.similarity)
    if name in ("ease", "ease_recent"):
        weights = past.owned if name == "ease" else past.recent
        return signals.autoencoder.score(weights[customers])
    if name == "like_customers":
        return signals.neighbours.score(past, customers)
    raise ValueError(f"{name}: no such model")
