"""Time-ordered folds: what was known at a cut trains, what was asked after it tests.

Belongs here: the cuts. Does not: models.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Days = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]

_LEAST_ROWS = 30


def time_folds(asked_on: Days, known_on: Days, *, folds: int = 3) -> Iterator[tuple[Rows, Rows]]:
    """Rows to train and to test at each cut; cuts lie at even shares of the last 60 % of the questions.

    A row trains only where its question *and* the report of its outcome (`known_on`) lie before the cut.
    """
    if len(asked_on) == 0:
        return
    shares = np.linspace(0.4, 1.0, folds + 1)
    cuts = np.quantile(asked_on, shares).astype(np.int64)
    cuts[-1] = asked_on.max() + 1
    for start, end in pairwise(cuts):
        train = np.flatnonzero((asked_on < start) & (known_on < start))
        test = np.flatnonzero((asked_on >= start) & (asked_on < end))
        if len(train) >= _LEAST_ROWS and len(test):
            yield train, test


def thinned(rows: Rows, asked_on: Days, most: int) -> Rows:
    """At most so many rows, evenly drawn over time: what bounds the time of a fit."""
    if len(rows) <= most:
        return rows
    in_order = rows[np.argsort(asked_on[rows], kind="stable")]
    return np.asarray(in_order[np.linspace(0, len(in_order) - 1, most).astype(np.int64)])
