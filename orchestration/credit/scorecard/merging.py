"""Merging fine bins into coarse ones: the division with the largest likelihood that keeps its course.

Belongs here: counts of ordered fine bins in, limits between coarse bins out. Does not: values, labels, missing values.

Among all divisions into neighbouring groups that hold enough rows and both classes and whose rates of bads keep the
asked course, the one with the largest binomial log-likelihood less a price per group is found exactly, by dynamic
programming over (start, end) of the last group: 2·64³ steps for 64 fine bins, as 64 operations on matrices.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
# The course of the rate of bads as the value rises. `peak` rises and then falls, `valley` the other way.
Course = Literal["rising", "falling", "peak", "valley", "free"]
_NEVER = -np.inf


@dataclass(frozen=True)
class Demands:
    """What a coarse bin must hold, what one more costs, and how its rate is smoothed."""

    least_rows: float
    least_of_a_class: float
    enough_of_both: float  # goods and bads with which a bin may hold fewer rows
    bin_penalty: float
    turn_penalty: float
    most_bins: int
    prior_rows: float
    base_rate: float


@dataclass(frozen=True)
class Division:
    """Limits between groups (numbers of fine bins, without 0 and the last), the course, and what was gained."""

    limits: tuple[int, ...]
    course: Course
    gain: float  # log-likelihood less prices, above one group for all


@dataclass(frozen=True)
class _Groups:
    """Of every possible group [i, j): its log-likelihood (never for what is not allowed) and its smoothed rate."""

    value: Floats
    rate: Floats


def divide(rows: Floats, bads: Floats, courses: tuple[Course, ...], demands: Demands) -> Division:
    """The best division over the given courses; one group for all where none is allowed or worth its price."""
    groups = _groups(rows, bads, demands)
    count = len(rows)
    best = Division((), courses[0], 0.0)
    if count < 2 or not np.isfinite(groups.value[0, count]):
        return best
    whole = float(groups.value[0, count])
    best_worth = 0.0
    for course in courses:
        limits, value = _capped(groups, course, demands)
        if not limits:
            continue
        gain = value - whole - demands.bin_penalty * len(limits)
        turns = {"rising": 0, "falling": 0, "peak": 1, "valley": 1, "free": 2}[course] if len(courses) > 1 else 0
        worth = gain - demands.turn_penalty * turns
        if worth > best_worth:
            best, best_worth = Division(limits, course, gain), worth
    return best


def _groups(rows: Floats, bads: Floats, demands: Demands) -> _Groups:
    row_sums = np.concatenate([[0.0], np.cumsum(rows)])
    bad_sums = np.concatenate([[0.0], np.cumsum(bads)])
    number = row_sums[None, :] - row_sums[:, None]
    bad = bad_sums[None, :] - bad_sums[:, None]
    good = number - bad
    is_before = np.triu(np.ones(number.shape, dtype=np.bool_), k=1)
    # Sums of weights differ by rounding: a bin with exactly the least number must pass.
    slack = 1e-9 * max(1.0, float(row_sums[-1]))
    is_allowed = (
        is_before
        & ((number >= demands.least_rows - slack) | (np.minimum(bad, good) >= demands.enough_of_both - slack))
        & (bad >= demands.least_of_a_class - slack)
        & (good >= demands.least_of_a_class - slack)
    )
    safe = np.where(is_before, np.maximum(number, 0.0), 0.0)
    rate = (np.where(is_before, bad, 0.0) + demands.prior_rows * demands.base_rate) / (safe + demands.prior_rows)
    rate = np.clip(rate, 1e-12, 1 - 1e-12)
    value = np.where(is_allowed, bad * np.log(rate) + good * np.log1p(-rate), _NEVER)
    return _Groups(value, rate)


def _capped(groups: _Groups, course: Course, demands: Demands) -> tuple[tuple[int, ...], float]:
    """Limits and log-likelihood of a course; the price rises until there are not too many groups."""
    price = max(demands.bin_penalty, 1e-6)
    while True:
        limits = _best(groups, course, price)
        if len(limits) < demands.most_bins:
            break
        price *= 1.4
    ends = [0, *limits, groups.value.shape[0] - 1]
    return limits, float(sum(groups.value[start, end] for start, end in pairwise(ends)))


def _best(groups: _Groups, course: Course, price: float) -> tuple[int, ...]:
    first: Course = {"peak": "rising", "valley": "falling"}.get(course, course)  # type: ignore[assignment]
    value, back = _course(groups, first, price, None)
    last = value.shape[0] - 1
    if course not in ("peak", "valley"):
        start = int(np.argmax(value[:, last]))
        return _walk(start, back, None) if np.isfinite(value[start, last]) else ()
    second: Course = "falling" if course == "peak" else "rising"
    turned, turned_back = _course(groups, second, price, value)
    start = int(np.argmax(turned[:, last]))
    if not np.isfinite(turned[start, last]):
        return ()
    return _walk(start, turned_back, back)


def _course(
    groups: _Groups, course: Course, price: float, before: Floats | None
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Best value of divisions whose last group is [i, j), and where the group before it starts.

    With `before`, the values of the first leg of a course that turns, every division begins with that leg; a start that
    lies in the first leg is told as a negative number less one.
    """
    size = groups.value.shape[0]
    value = np.full((size, size), _NEVER)
    back = np.full((size, size), size, dtype=np.int64)
    if before is None:
        value[0, :] = groups.value[0, :] - price
    for middle in range(1, size - 1):
        own = groups.value[middle, middle + 1 :]
        if not np.isfinite(own).any():
            continue
        rate_before, rate_after = groups.rate[:middle, middle, None], groups.rate[None, middle, middle + 1 :]
        if course == "rising":
            is_kept = rate_after > rate_before
        elif course == "falling":
            is_kept = rate_after < rate_before
        else:
            is_kept = np.ones((middle, size - middle - 1), dtype=np.bool_)
        reached = np.where(is_kept, value[:middle, middle, None], _NEVER)
        start = np.argmax(reached, axis=0)
        best = reached[start, np.arange(reached.shape[1])]
        if before is not None:
            turning = np.where(is_kept, before[:middle, middle, None], _NEVER)
            start_turning = np.argmax(turning, axis=0)
            best_turning = turning[start_turning, np.arange(turning.shape[1])]
            start = np.where(best_turning > best, -start_turning - 1, start)
            best = np.maximum(best, best_turning)
        value[middle, middle + 1 :] = own + best - price
        back[middle, middle + 1 :] = start
    return value, back


def _walk(start: int, back: npt.NDArray[np.int64], first_back: npt.NDArray[np.int64] | None) -> tuple[int, ...]:
    """Limits from the start of the last group to the front."""
    limits: list[int] = []
    end = back.shape[0] - 1
    table = back
    while start != 0:
        limits.append(start)
        start, end = int(table[start, end]), start
        if start < 0:
            assert first_back is not None
            start, table = -start - 1, first_back
    return tuple(reversed(limits))
