"""Who moved from one segment to another, month by month.

Belongs here: the segments of all customers at the end of each month, and the counts between two of them.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from orchestration.customers.purchases import Flags, Purchases, Rows
from orchestration.customers.retention import first_days, months_of
from orchestration.customers.segments.rules import NAMES, Figures, segments

MOST_MONTHS = 24


@dataclass(frozen=True, eq=False)
class Movements:
    """Customers by month (since January 1970), segment at the end of the month before and of this month.

    Before the first purchase the segment is -1. is_complete: the month lies wholly in the known time.
    """

    month: Rows
    before: Rows
    after: Rows
    customers: Rows
    is_complete: Flags


def movements(purchases: Purchases, figures: Figures) -> Movements:
    """Movements of the last two years, by the rules with the figures of today: what moves is the customer.

    A purchase that was taken back later counts as none from the beginning, and returns without a known sale are in the
    amount of every month.
    """
    if len(purchases.day) == 0:
        empty = np.empty(0, dtype=np.int64)
        return Movements(empty, empty, empty, empty, np.empty(0, dtype=np.bool_))
    last = int(months_of(np.array([purchases.end]))[0])
    first = max(int(months_of(purchases.day.min()[None])[0]), last - MOST_MONTHS + 1)
    ends = first_days(np.arange(first + 1, last + 2)) - 1
    width = len(NAMES) + 1
    before = segments_at(purchases, int(first_days(np.array([first]))[0]) - 1, figures)
    parts: list[npt.NDArray[np.intp]] = []
    for end in ends.tolist():
        after = segments_at(purchases, min(end, purchases.end), figures)
        parts.append(np.bincount((before + 1) * width + after + 1, minlength=width * width))
        before = after
    counts = np.stack(parts).astype(np.int64)
    counts[:, 0] = 0  # those who have not bought yet are nobody's customers
    month, cell = np.nonzero(counts)
    return Movements(
        first + month, cell // width - 1, cell % width - 1, counts[month, cell], ends[month] <= purchases.end
    )


def segments_at(purchases: Purchases, end: int, figures: Figures) -> Rows:
    """The segment of each customer at the end of a day, by the figures of today; -1 before the first purchase."""
    state = purchases.state(end)
    return segments(state, state.amount + purchases.other_usd, figures)
