"""How customers come back: cohorts, time to the next purchase, rhythm, who is gone.

Belongs here: survival and cohorts over purchases. Does not: models of value.
"""

from dataclasses import dataclass

import numpy as np

from orchestration.customers.purchases import Days, Flags, Purchases, Rows, State
from orchestration.customers.value.newton import Reals

# So many gaps of the market stand beside a customer's own: one gap alone is no rhythm.
MARKET_GAPS = 2.0
CHURN_BELOW_PROBABILITY = 0.3
CHURN_ABOVE_RATIO = 2.0
WITHIN_DAYS = (30, 90, 180, 365)
# A share after so many days is told when at least so many customers were still watched then.
FEWEST_WATCHED = 10
LAST_PLACE = 5


@dataclass(frozen=True, eq=False)
class Survival:
    """Kaplan-Meier: of those who bought, the share that has not yet bought again after each day, from day 0."""

    open_share: Reals
    watched: Rows

    def returned_within(self, days: int) -> float | None:
        """Share that has come back within so many days; None where too few were watched for so long."""
        if days >= len(self.watched) or self.watched[days] < FEWEST_WATCHED:
            return None
        return float(1 - self.open_share[days])

    def days_until(self, share: float) -> int | None:
        """Days after which this share has come back; None where it never does in the time that is known."""
        reached = np.flatnonzero((1 - self.open_share) >= share - 1e-12)
        return int(reached[0]) if len(reached) else None


def survival(days: Days, is_return: Flags) -> Survival:
    """Of waiting times in days, each ended by a purchase or (not `is_return`) still open when the data end."""
    if len(days) == 0:
        return Survival(np.ones(1), np.zeros(1, dtype=np.int64))
    length = int(days.max()) + 1
    ended = np.bincount(days[is_return], minlength=length)
    watched = len(days) - np.concatenate([[0], np.bincount(days, minlength=length).cumsum()[:-1]])
    return Survival(np.cumprod(1 - ended / np.maximum(watched, 1)), watched)


@dataclass(frozen=True)
class Returning:
    """What follows a purchase: the place is 0 for any purchase, 1 for the first, …, 5 for the fifth and later ones."""

    place: int
    purchases: int
    returned: int
    median_days: int | None
    within: tuple[float | None, ...]


def returning(purchases: Purchases) -> list[Returning]:
    """For any purchase and by its place: how many were followed by another, how soon, and within which share."""
    place, gap = purchases.gaps
    is_return = gap >= 0
    waited = np.where(is_return, gap, purchases.end - purchases.day)
    found = []
    for one in range(LAST_PLACE + 1):
        of = np.ones(len(place), dtype=np.bool_) if one == 0 else np.minimum(place, LAST_PLACE) == one
        curve = survival(waited[of], is_return[of])
        found.append(
            Returning(
                one,
                int(of.sum()),
                int(is_return[of].sum()),
                curve.days_until(0.5),
                tuple(curve.returned_within(days) for days in WITHIN_DAYS),
            )
        )
    return found


@dataclass(frozen=True, eq=False)
class Cohorts:
    """Customers by month of their first purchase and months since: how many bought, how often, and for how much.

    Months are counted from January 1970. is_complete: the month lies wholly in the known time.
    """

    cohort: Rows
    since: Rows
    size: Rows
    active: Rows
    purchases: Rows
    amount: Reals
    is_complete: Flags


def cohorts(purchases: Purchases) -> Cohorts:
    """Every month from the first purchase of each cohort to the last known one, also those in which nobody bought."""
    if len(purchases.day) == 0:
        empty = np.empty(0, dtype=np.int64)
        return Cohorts(empty, empty, empty, empty, empty, np.empty(0), np.empty(0, dtype=np.bool_))
    month = months_of(purchases.day)
    begins = purchases.starts[:-1]
    has_bought = np.flatnonzero(np.diff(purchases.starts) > 0)
    born = np.zeros(len(purchases), dtype=np.int64)
    born[has_bought] = month[begins[has_bought]]
    first, last = int(month.min()), int(months_of(np.array([purchases.end]))[0])
    width = last - first + 1
    since = month - born[purchases.customer]
    cell = (born[purchases.customer] - first) * width + since
    counts = np.bincount(cell, minlength=width * width)
    amounts = np.bincount(cell, purchases.amount, minlength=width * width)
    # Purchases of a customer are sorted by day: the first one of a month is where customer or month changes.
    is_new = np.concatenate([[True], (np.diff(purchases.customer) != 0) | (np.diff(month) != 0)])
    active = np.bincount(cell[is_new], minlength=width * width)
    sizes = np.bincount(born[has_bought] - first, minlength=width)
    cohort, since_all = np.divmod(np.arange(width * width), width)
    is_real = (cohort + since_all < width) & (sizes[cohort] > 0)
    cohort, since_all = cohort[is_real], since_all[is_real]
    known = first + cohort + since_all
    return Cohorts(
        first + cohort,
        since_all,
        sizes[cohort],
        active[is_real],
        counts[is_real],
        np.asarray(amounts[is_real], dtype=np.float64),
        first_days(known + 1) - 1 <= purchases.end,
    )


def months_of(days: Days) -> Rows:
    """Months since January 1970 of days since then."""
    return (np.datetime64(0, "D") + days).astype("datetime64[M]").astype(np.int64)


def first_days(months: Rows) -> Days:
    """First day of each month, both counted from 1970."""
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


@dataclass(frozen=True, eq=False)
class Rhythm:
    """Days that each customer lets pass between purchases, and how often these have passed since the last."""

    days: Reals
    overdue: Reals


def market_gap(purchases: Purchases) -> float:
    """Median of the days between two purchases of a customer; 90 where nobody has bought twice."""
    gaps = purchases.gaps[1]
    gaps = gaps[gaps > 0]
    return float(np.median(gaps)) if len(gaps) else 90.0


def rhythm(state: State, usual_gap: float) -> Rhythm:
    """The mean of a customer's own gaps, drawn to the market's usual one, as if it had two of these besides."""
    own = np.maximum(state.count - 1, 0)
    days = (MARKET_GAPS * usual_gap + (state.last - state.first)) / (MARKET_GAPS + own)
    return Rhythm(days, np.maximum(state.end - state.last, 0) / np.maximum(days, 1.0))


def is_gone(alive: Reals, overdue: Reals) -> Flags:
    """Who has left: hardly alive by the model and long overdue by the customer's own rhythm, both at once."""
    return (alive < CHURN_BELOW_PROBABILITY) & (overdue > CHURN_ABOVE_RATIO)
