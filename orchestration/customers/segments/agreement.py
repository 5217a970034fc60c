"""How far two partitions of the same customers agree, and how stable segments are under resampling.

Belongs here: the adjusted Rand index, agreement, the bootstrap. Does not: how a partition comes about.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from orchestration.customers.purchases import Rows

DRAWS = 20
MOST_CUSTOMERS = 20_000


@dataclass(frozen=True)
class Stability:
    """How a partition repeats itself on resampled customers: mean and lowest of agreement and of adjusted Rand."""

    agreement: float
    lowest_agreement: float
    adjusted_rand: float
    lowest_adjusted_rand: float


def adjusted_rand(one: Rows, other: Rows) -> float:
    """The adjusted Rand index (Hubert and Arabie 1985): 1 for the same partition, 0 in the mean for chance."""
    if len(one) < 2:
        return 1.0
    _, first = np.unique(one, return_inverse=True)
    _, second = np.unique(other, return_inverse=True)
    width = int(second.max()) + 1
    table = np.bincount(first * width + second, minlength=(int(first.max()) + 1) * width).astype(np.float64)
    sums = table.reshape(-1, width)

    def pairs(counts: object) -> float:
        number = np.asarray(counts, dtype=np.float64)
        return float((number * (number - 1) / 2).sum())

    both, rows, columns = pairs(table), pairs(sums.sum(axis=1)), pairs(sums.sum(axis=0))
    expected = rows * columns / pairs([len(one)])
    largest = (rows + columns) / 2
    return 1.0 if largest == expected else (both - expected) / (largest - expected)


def stability(reference: Rows, redrawn: Callable[[np.random.Generator], Rows], *, draws: int = DRAWS) -> Stability:
    """How the partition of the same customers changes when its figures come from customers drawn anew.

    redrawn: the partition by the figures of one draw. The seed is fixed: the same data give the same answer.
    """
    rng = np.random.default_rng(20_240_229)
    found = [redrawn(rng) for _ in range(draws)]
    agreements = [float((one == reference).mean()) if len(reference) else 1.0 for one in found]
    indices = [adjusted_rand(reference, one) for one in found]
    return Stability(float(np.mean(agreements)), min(agreements), float(np.mean(indices)), min(indices))
