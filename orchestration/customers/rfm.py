"""Recency, frequency, monetary value: scores from 1 to 5 within a market.

Belongs here: scores of ranks. Does not: segments.
"""

import numpy as np

from orchestration.customers.purchases import Rows
from orchestration.customers.value.newton import Reals

SCORES = 5


def quantile_scores(values: Reals | Rows) -> Rows:
    """1 for the lowest fifth to 5 for the highest, by the middle rank of equal values: equals have equal scores.

    Where most customers are equal (one purchase) they share the score of their middle, and fewer scores are in use.
    """
    if len(values) == 0:
        return np.empty(0, dtype=np.int64)
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    middle = (count.cumsum() - 0.5 * count) / len(values)
    scores: Rows = np.minimum((middle * SCORES).astype(np.int64) + 1, SCORES)
    return scores[place]
