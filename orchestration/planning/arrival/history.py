"""What was known of earlier cases at a moment: counts and means of outcomes that had been reported by then.

Belongs here: sums over the past of a group, as of each row. Does not: which groups count (see the callers).
A case counts only from the day on which its outcome was *reported*, so that no row sees its own or a later outcome.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Reals = npt.NDArray[np.float64]
Days = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Past:
    """For each row: how many cases of its group had been reported, and the mean of their outcomes."""

    n: Reals
    mean: Reals  # shrunk towards the prior by `strength` cases


def group_codes(table: pd.DataFrame, keys: Sequence[str]) -> npt.NDArray[np.int64]:
    """A number per row: rows with equal keys have equal numbers, from 0 on in the order of the keys."""
    if not keys or table.empty:
        return np.zeros(len(table), dtype=np.int64)
    return np.asarray(table.groupby(list(keys), sort=True).ngroup(), dtype=np.int64)


def past_of(
    group: npt.NDArray[np.int64],
    reported_on: Days,
    outcome: Reals,
    *,
    asked_group: npt.NDArray[np.int64],
    asked_on: Days,
    prior: Reals | float,
    strength: float = 5.0,
    window_days: int | None = None,
) -> Past:
    """Mean outcome of the cases of a group that were reported before the day on which one asks.

    Cases have a group (0, 1, …), the day of their report and an outcome; NaN outcomes and negative groups are left out.
    A question has a group and a day; a group that no case has (or a negative one) gets the prior with n = 0.
    With `window_days`, only the reports of that many days before the question count.
    """
    is_case = np.isfinite(outcome) & (group >= 0)
    order = np.lexsort((reported_on[is_case], group[is_case]))
    group, reported, value = group[is_case][order], reported_on[is_case][order], outcome[is_case][order]
    total = np.concatenate([[0.0], np.cumsum(value)])
    # One number that sorts by group, then day, so that one search serves all groups.
    low = int(min(reported.min(initial=0), asked_on.min(initial=0))) - (window_days or 0)
    span = int(max(reported.max(initial=0), asked_on.max(initial=0))) - low + 2
    place = group * span + (reported - low)

    def before(day: Days) -> npt.NDArray[np.int64]:
        return np.searchsorted(place, asked_group * span + (day - low), side="left").astype(np.int64)

    end = before(asked_on)
    start = before(np.full_like(asked_on, low) if window_days is None else asked_on - window_days)
    is_known = asked_group >= 0
    n = np.where(is_known, end - start, 0).astype(float)
    summed = np.where(is_known, total[end] - total[start], 0.0)
    return Past(n, (summed + strength * prior) / (n + strength))
