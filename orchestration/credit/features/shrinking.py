"""Rates of sellers, pulled to that of all sellers by as much as there is little to go by (empirical Bayes).

Belongs here: how strong the pull is, from the sellers themselves (method of moments). Does not: what is counted.
Two late parcels of three are no worse than twenty of two hundred: without the pull the smallest sellers would be the
best and the worst of every list. A seller of whom nothing is known has no value (NaN): nothing is put in its place.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
# Bounds of the pull, in cases or trials: with few sellers the moments say nothing.
_LEAST_PULL, _MOST_PULL = 0.5, 5000.0


def ratio_to_expected(cases: Floats, expected: Floats) -> Floats:
    """Cases beside the expected number, 1 for a seller like the others.

    Gamma prior of mean 1: (cases + a) / (expected + a), with 1/a the variance between sellers.
    """
    known = np.isfinite(expected) & (expected > 0) & np.isfinite(cases)
    k, e = cases[known], expected[known]
    found = np.full(len(cases), np.nan)
    if len(k):
        pull = _pull(float(np.square(e).sum()), float((np.square(k - e) - e).sum()))
        found[known] = (k + pull) / (e + pull)
    return found


def share(cases: Floats, trials: Floats) -> Floats:
    """Cases per trial; beta prior with the mean and the spread of all sellers."""
    known = np.isfinite(trials) & (trials > 0) & np.isfinite(cases)
    k, n = cases[known], trials[known]
    found = np.full(len(cases), np.nan)
    if len(k):
        mean = float(k.sum() / n.sum())
        between = float((np.square(k - n * mean) - n * mean * (1 - mean)).sum())
        pull = _pull(float((n * np.maximum(n - 1, 0)).sum()) * mean * (1 - mean), between)
        found[known] = (k + pull * mean) / (n + pull)
    return found


def _pull(scale: float, between: float) -> float:
    """The prior's weight; the most where sellers do not differ by more than chance."""
    if between <= 0:
        return _MOST_PULL
    return float(np.clip(scale / between, _LEAST_PULL, _MOST_PULL))
