"""What is known of customers and items at one moment: the matrices that all models share.

Belongs here: decay by age, popularity, what a customer has and how often, habits of buying again. Does not: models.
Ages are measured in parts of the time since the first interaction, so that a shop of one year and a site of a decade
are treated alike.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from orchestration.marketing.recommending.interactions import Integers, Interactions, Matrix, Reals, weighted

# Half-lives as parts of the past: a week or two, a month or two, and a third of it.
SHORT, MIDDLE, LONG = 1 / 40, 1 / 8, 1 / 3
# A habit of buying again counts as if this many further pairs of customer and item had shown the usual one.
_HABIT_WEIGHT = 10.0


@dataclass(frozen=True, eq=False)
class Past:
    """The interactions before `until`, as matrices of customers x items."""

    seen: Interactions
    until: float

    @cached_property
    def age(self) -> Reals:
        """Age of each interaction as a part of the whole past, 0 to 1."""
        if not len(self.seen.time):
            return np.zeros(0)
        span = max(self.until - float(self.seen.time.min()), 1e-9)
        return np.asarray((self.until - self.seen.time) / span)

    @cached_property
    def owned(self) -> Matrix:
        """1 where the customer has the item."""
        return self.seen.pairs()

    @cached_property
    def recent(self) -> Matrix:
        """1 for an item that was just bought, less the older its last purchase is."""
        return self.decayed(MIDDLE)

    def decayed(self, half_life: float) -> Matrix:
        """The same for any half-life, which is a part of the whole past."""
        return self._last(0.5 ** (self.age / half_life))

    @cached_property
    def times(self) -> Matrix:
        """How often the customer has bought the item."""
        return weighted(self.seen.customer, self.seen.item, np.ones(len(self.age)), self.seen.shape)

    @cached_property
    def basket(self) -> Integers:
        """By interaction: number of the basket, which is what a customer buys at one moment; baskets by customer."""
        seen = self.seen
        order = np.lexsort((seen.time, seen.customer))
        customer, time = seen.customer[order], seen.time[order]
        is_first = np.ones(len(order), dtype=bool)
        is_first[1:] = (customer[1:] != customer[:-1]) | (time[1:] != time[:-1])
        found = np.empty(len(order), dtype=np.int64)
        found[order] = np.cumsum(is_first) - 1
        return found

    @cached_property
    def occasions(self) -> Matrix:
        """How many occasions the customer spent on the item: one of several items of a basket is a part of one."""
        part = 1 / np.bincount(self.basket)[self.basket] if len(self.basket) else np.zeros(0)
        return weighted(self.seen.customer, self.seen.item, part, self.seen.shape)

    @cached_property
    def last_age(self) -> Matrix:
        """Age of the last purchase of the item by the customer; where there is none nothing is stored."""
        found = self._last(2.0 - self.age)
        found.data = 2.0 - found.data
        return found

    @cached_property
    def item_count(self) -> Integers:
        """Items that each customer has."""
        return np.asarray(np.diff(self.owned.indptr), dtype=np.int64)

    @cached_property
    def buyers(self) -> Reals:
        """Customers who have each item."""
        return np.asarray(self.owned.sum(axis=0), dtype=np.float64).ravel()

    def popularity(self, half_life: float) -> Reals:
        """Buyers of each item, each counted by the age of the last purchase."""
        return np.asarray(self.decayed(half_life).sum(axis=0), dtype=np.float64).ravel()

    @cached_property
    def item_habit(self) -> Reals:
        """Log of how much more often than usual the item's buyers have bought it again."""
        return self._habit(axis=0)

    @cached_property
    def customer_habit(self) -> Reals:
        """Log of how much more often than usual the customer has bought items again."""
        return self._habit(axis=1)

    def _last(self, values: Reals) -> Matrix:
        """The largest of a pair's values."""
        shape = self.seen.shape
        keys = self.seen.customer * shape[1] + self.seen.item
        order = np.lexsort((values, keys))
        sorted_keys = keys[order]
        is_last = np.ones(len(keys), dtype=bool)
        is_last[:-1] = sorted_keys[1:] != sorted_keys[:-1]
        chosen = order[is_last]
        return weighted(self.seen.customer[chosen], self.seen.item[chosen], values[chosen], shape)

    def _habit(self, *, axis: int) -> Reals:
        again = self.times.copy()
        again.data = (again.data > 1).astype(np.float32)
        pairs = np.asarray(self.owned.sum(axis=axis), dtype=np.float64).ravel()
        usual = max(float(again.sum()), 0.5) / max(float(pairs.sum()), 1.0)
        shown = np.asarray(again.sum(axis=axis), dtype=np.float64).ravel()
        return np.log((shown + _HABIT_WEIGHT * usual) / (pairs + _HABIT_WEIGHT) / usual)


def past_of(interactions: Interactions, until: float) -> Past:
    """The past at a moment."""
    return Past(interactions.before(until), until)


def dense(matrix: Matrix) -> np.ndarray:
    """The matrix with its zeros, as float32."""
    return np.asarray(matrix.toarray() if sparse.issparse(matrix) else matrix, dtype=np.float32)
