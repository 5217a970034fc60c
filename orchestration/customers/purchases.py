"""The purchases of a market's customers as arrays: the one thing that value, retention and segments are made from.

Belongs here: the arrays and the state of each customer at the end of a day. Does not: reading (see `reading.py`).

A purchase is a day on which a customer ordered goods and kept at least one piece: several orders of a day are one
purchase, as in the literature, and what was cancelled or sent back whole is none.
"""

from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from orchestration.customers.value.newton import Reals

Days = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
WEEK = 7.0


@dataclass(frozen=True)
class Guests:
    """Orders that name no customer: how many, and their amount net of returns in US dollars."""

    order_count: int = 0
    amount_usd: float = 0.0


@dataclass(frozen=True, eq=False)
class Tastes:
    """How often each customer bought from each category: purchases by customer (row) and category (in `codes`)."""

    codes: tuple[str, ...]
    customer: Rows
    category: Rows
    purchases: Rows

    @classmethod
    def none(cls) -> "Tastes":
        """Where no product has a category."""
        empty = np.empty(0, dtype=np.int64)
        return cls((), empty, empty, empty)


@dataclass(frozen=True, eq=False)
class State:
    """Customers at the end of a day: purchases so far, day of the first and the last, their net amount.

    Without a purchase yet `count` is 0, and the days mean nothing.
    """

    end: int
    count: Rows
    first: Days
    last: Days
    amount: Reals

    @property
    def has_bought(self) -> Flags:
        """Which customers have bought by then."""
        return self.count > 0

    @property
    def repeats(self) -> Reals:
        """Purchases after the first."""
        return np.maximum(self.count - 1, 0).astype(np.float64)

    @property
    def last_weeks(self) -> Reals:
        """Weeks from the first purchase to the last."""
        return (self.last - self.first) / WEEK

    @property
    def age_weeks(self) -> Reals:
        """Weeks since the first purchase."""
        return np.maximum(self.end - self.first, 0) / WEEK


@dataclass(frozen=True, eq=False)
class Purchases:
    """All purchases of a market, sorted by customer and day; days are counted from 1970-01-01.

    source_id, customer_key: the customers, in the order of their rows. other_usd: per customer, what belongs to no
    purchase: returns whose sale is not known, and what is left of orders that were cancelled.
    end: the market's last day with an order. lines_without_rate: lines that are in no amount. total_usd: net amount of
    the market with its guests, added up apart from all others, so that a check can hold them against it.
    """

    market: str
    end: int
    source_id: pa.Array
    customer_key: pa.Array
    customer: Rows
    day: Days
    amount: Reals
    other_usd: Reals
    guests: Guests = field(default_factory=Guests)
    tastes: Tastes = field(default_factory=Tastes.none)
    lines_without_rate: int = 0
    total_usd: float = 0.0

    def __len__(self) -> int:
        return len(self.customer_key)

    @property
    def as_of_on(self) -> date:
        """The first day that is not known."""
        return (np.datetime64(0, "D") + (self.end + 1)).astype(date)  # type: ignore[no-any-return]

    @cached_property
    def starts(self) -> Rows:
        """Where the purchases of each customer begin, and at the end where the last ones stop."""
        return np.concatenate([[0], np.bincount(self.customer, minlength=len(self)).cumsum()])

    @cached_property
    def _running(self) -> Reals:
        return np.concatenate([[0.0], self.amount.cumsum()])

    def state(self, end: int | None = None) -> State:
        """The customers at the end of a day; without one, at the end of the last."""
        begin = self.starts[:-1]
        if end is None or end >= self.end:
            end, count = self.end, np.diff(self.starts)
        else:
            count = np.bincount(self.customer[self.day <= end], minlength=len(self))
        if len(self.day) == 0:
            nothing = np.zeros(len(self), dtype=np.int64)
            return State(end, count, nothing, nothing, np.zeros(len(self)))
        first = self.day[np.minimum(begin, len(self.day) - 1)]
        last = self.day[np.clip(begin + count - 1, 0, len(self.day) - 1)]
        return State(end, count, first, np.maximum(first, last), self._running[begin + count] - self._running[begin])

    @cached_property
    def net_usd(self) -> Reals:
        """What each customer has brought in, net of everything that went back."""
        return self._running[self.starts[1:]] - self._running[self.starts[:-1]] + self.other_usd

    @cached_property
    def gaps(self) -> tuple[Rows, Days]:
        """For each purchase its place among those of its customer (from 1), and the days to the next; -1 for none."""
        place = np.arange(len(self.day)) - self.starts[self.customer] + 1
        days = np.full(len(self.day), -1, dtype=np.int64)
        is_followed = np.flatnonzero(self.customer[1:] == self.customer[:-1])
        days[is_followed] = self.day[is_followed + 1] - self.day[is_followed]
        return place, days
