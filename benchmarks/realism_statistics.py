"""Numbers that say how alike two samples are.

Belongs here: pure functions on arrays. Does not: what the samples are (see `realism_samples.py`).
"""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
QUANTILES = (0.1, 0.5, 0.9, 0.99)
TAIL_SHARE = 0.02
_LEAST_TAIL = 20


def distance(one: Values, other: Values) -> float:
    """The largest gap between two empirical distribution functions (Kolmogorov-Smirnov), from 0 to 1."""
    places = np.union1d(one, other)
    left = np.searchsorted(np.sort(one), places, "right") / len(one)
    right = np.searchsorted(np.sort(other), places, "right") / len(other)
    return float(np.abs(left - right).max())


def tail_index(values: Values, share: float = TAIL_SHARE) -> float:
    """Index of the power law of the largest values (Hill 1975): below 2 their variance has no limit.

    share: the part of the values that is the tail, at least 20 of them. NaN for fewer than 40 values.
    """
    if len(values) < 2 * _LEAST_TAIL:
        return float("nan")
    size = max(_LEAST_TAIL, int(len(values) * share))
    largest = np.sort(values)[-size - 1 :]
    excess = np.log(largest[1:] / largest[0]).mean()
    return float(1 / excess) if excess > 0 else float("inf")


def survival(values: Values) -> tuple[Values, Values]:
    """Distinct values in order, and the share of the sample that is at least so large."""
    distinct, counts = np.unique(values, return_counts=True)
    return distinct, counts[::-1].cumsum()[::-1] / len(values)
