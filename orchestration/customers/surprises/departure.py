"""How unlikely a cell's purchases are, when what is expected of it was learnt from the same purchases.

Belongs here: the variance of a departure, its p-value, false-discovery control, intervals. Does not: which cells to
take (see `search.py`).

What is expected of a cell is fitted to all purchases, its own among them: a cell of a third of the country moves the
country. So a departure varies less than a binomial count, by the share of the cell in what it is compared with; a test
that forgets this misses large cells. The variance is that of Rao's score test in the log-linear model of the groups
whose sums are kept and of the cells taken so far.
"""

import numpy as np
from scipy.optimize import brentq
from scipy.special import betainc, betaincc, betaincinv, log_ndtr, logsumexp

from orchestration.customers.purchases import Flags
from orchestration.customers.value.newton import Reals

# Half more than expected is what a search for surprises must not miss.
WORTH_FINDING = 1.5
_FOR_ALL = 0.2
_MOST_BALANCE = 1e6
# Of a cell that those taken tell to this share, nothing is left to test.
_LEAST_FREE = 0.02
_MOST_FREE = 1 - 1e-6


def variances(members: Flags, kept: Flags, expected: Reals, purchases: Reals) -> Reals:
    """Variance of each cell's departure under independent purchases.

    members: cells x atoms. kept: sets of atoms whose sums the expectation reproduces, one a row. expected, purchases:
    by atom.
    """
    share = np.divide(expected, purchases, out=np.zeros_like(expected), where=purchases > 0)
    weight = expected * (1 - share)
    cells = members * weight
    own = cells.sum(axis=1)
    if not len(kept):
        return np.asarray(own)
    inner = (kept * weight) @ kept.T
    cross = cells @ kept.T
    explained = np.einsum("cb,bd,cd->c", cross, np.linalg.pinv(inner, hermitian=True), cross)
    return np.asarray(np.maximum(own - explained, 0.0))


def departures(count: Reals, expected: Reals, variance: Reals, spread: Reals | float) -> tuple[Reals, Reals]:
    """One-sided p-values, of more and of less, by the binomial distribution that has this mean and variance.

    1 where nothing is left free.
    """
    is_free = (variance > _LEAST_FREE * expected) & (expected > 0)
    share = 1 - np.divide(variance, expected, out=np.zeros_like(expected), where=expected > 0)
    share = np.clip(share, 1 - _MOST_FREE, 1 - _LEAST_FREE)
    above, below = tails(count, np.maximum(expected / share, count), share, spread)
    return np.where(is_free, above, 1.0), np.where(is_free, below, 1.0)


def tails(
    count: Reals | float, total: Reals | float, share: Reals | float, spread: Reals | float
) -> tuple[Reals, Reals]:
    """Binomial p-values, of as many independent purchases as vary like these (by spread): of more, of less."""
    share = np.clip(share, 1e-12, 1 - 1e-12)
    some, all_ = np.divide(count, spread), np.divide(total, spread)
    above = np.where(some > 0, betainc(np.maximum(some, 1e-9), all_ - some + 1, share), 1.0)
    below = np.where(some < all_, betaincc(some + 1, np.maximum(all_ - some, 1e-9), share), 1.0)
    return above, below


def two_sided(above: Reals, below: Reals) -> Reals:
    """Twice the smaller p-value, at most 1."""
    return np.asarray(np.minimum(1.0, 2 * np.minimum(above, below)))


def power_weights(variance: Reals, rate: float) -> tuple[Reals, Reals]:
    """Weights of the tests for more and for less, of mean one: where a departure worth finding would just stand out.

    variance: of each cell's departure, of independent purchases.

    The weights by which most departures are found at a given number of false ones (Roeder and Wasserman 2009, "Genome-
    wide significance levels and weighted hypothesis testing"), if each were WORTH_FINDING times what is expected, or
    its inverse. They look at what is expected only, never at what was counted, so the false discovery rate is kept. A
    fifth is given to all alike: large departures of small groups and small ones of large groups are not given up.
    """
    root = np.sqrt(np.maximum(variance, 1e-6))
    if not len(root):
        return root, root
    strength = np.concatenate([(WORTH_FINDING - 1) * root, (1 - 1 / WORTH_FINDING) * root])

    def allowed(balance: float) -> Reals:
        return np.asarray(log_ndtr(-(strength / 2 + balance / strength)))

    balance = brentq(lambda one: float(logsumexp(allowed(one)) - np.log(rate)), -_MOST_BALANCE, _MOST_BALANCE)
    share = np.exp(allowed(balance))
    weight = _FOR_ALL + (1 - _FOR_ALL) * share / share.mean()
    return weight[: len(root)], weight[len(root) :]


def threshold(p_values: Reals, rate: float) -> float:
    """The line of Benjamini and Hochberg at as many rejections as there are, of one if there are none.

    Not the largest p-value below it: what was taken would be put back when that of the only other one falls.
    """
    ordered = np.sort(p_values[np.isfinite(p_values)])
    line = rate * np.arange(1, len(ordered) + 1) / max(len(ordered), 1)
    rejected = np.flatnonzero(ordered <= line)
    return float(line[rejected[-1] if len(rejected) else 0]) if len(ordered) else rate


def adjusted(p_values: Reals) -> Reals:
    """p-values adjusted by Benjamini and Hochberg (1995), in their shape; NaN is what was not tested."""
    whole = np.full(p_values.shape, np.nan)
    is_tested = np.isfinite(p_values)
    flat = p_values[is_tested]
    order = np.argsort(flat)
    scaled = flat[order] * len(flat) / np.arange(1, len(flat) + 1)
    found = np.empty(len(flat))
    found[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    whole[is_tested] = found
    return whole


def exact_interval(count: float, total: float, *, cover: float = 0.95) -> tuple[float, float]:
    """Clopper and Pearson (1934) interval of a share."""
    tail = (1 - cover) / 2
    low = 0.0 if count <= 0 else float(betaincinv(count, total - count + 1, tail))
    high = 1.0 if count >= total else float(betaincinv(count + 1, total - count, 1 - tail))
    return low, high
