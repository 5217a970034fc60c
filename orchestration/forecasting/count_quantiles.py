"""Quantiles of counts, for many means at once.

Belongs here: the inverse of the negative binomial distribution. Does not: where mean and spread come from.
"""

from collections.abc import Sequence

import numpy as np
from scipy.stats import nbinom

from orchestration.forecasting.panel import Matrix

# Counts up to here are summed one by one, which takes a tenth of the library's search; most series sell less.
_MOST_SUMMED = 80
# A count this many standard deviations above its mean is beyond every quantile that is asked for.
_TAIL_DEVIATIONS = 4.0


def negative_binomial_quantiles(mean: Matrix, size: Matrix, levels: Sequence[float] | Matrix) -> Matrix:
    """The least count that is not exceeded with each of `levels`, (n, levels); variance = mean + mean²/size.

    Means and sizes are above 0; a size of 1e12 is a Poisson distribution.
    """
    wanted = np.asarray(levels, dtype=np.float64)
    found = np.empty((len(mean), len(wanted)))
    deviation = np.sqrt(mean + mean**2 / size)
    is_small = mean + _TAIL_DEVIATIONS * deviation < _MOST_SUMMED
    small = np.flatnonzero(is_small)
    if len(small):
        counted, is_done = _summed(mean[small], size[small], wanted)
        found[small] = counted
        is_small[small[~is_done]] = False
    large = np.flatnonzero(~is_small)
    if len(large):
        chance = size[large] / (size[large] + mean[large])
        found[large] = nbinom.ppf(wanted, size[large, None], chance[:, None])
    return found


def _summed(mean: Matrix, size: Matrix, levels: Matrix) -> tuple[Matrix, "np.typing.NDArray[np.bool_]"]:
    """Quantiles by adding up probabilities, and whether the sum has reached the highest of them."""
    probability = np.exp(-size * np.log1p(mean / size))
    ratio = mean / (size + mean)
    reached = probability.copy()
    found = np.zeros((len(mean), len(levels)))
    highest = float(levels.max())
    for count in range(_MOST_SUMMED):
        found += reached[:, None] < levels
        if (reached >= highest).all():
            break
        probability = probability * (ratio * ((size + count) / (count + 1)))
        reached += probability
    return found, reached >= highest
