"""Rates of many products from their counts: empirical Bayes without a form for the prior.

Belongs here: the prior and the posterior of a rate. Does not: what is counted and exposed (see shares.py).

Products sell very differently: a Gamma prior would draw the best sellers down and the many small ones up. The prior is
therefore estimated itself (non-parametric maximum likelihood, Kiefer and Wolfowitz 1956, by expectation-maximisation on
a grid). Only products that have been sold are seen, so each count is a Poisson count of at least one.
"""

import numpy as np

from orchestration.forecasting.demand.calendar import Reals

_GRID = np.exp(np.linspace(np.log(0.01), np.log(300.0), 48))
_ROUNDS = 40
_MOST_FOR_PRIOR = 3000


def posterior_rates(counts: Reals, expected: Reals) -> tuple[Reals, Reals]:
    """Each product's rate in units of what was `expected` of it, and the rate's relative variance."""
    if not len(counts):
        return np.zeros(0), np.zeros(0)
    mean = np.maximum(expected, 1e-9)[:, None] * _GRID[None, :]
    score = counts[:, None] * np.log(mean) - mean - np.log(-np.expm1(-mean))
    likelihood = np.exp(score - score.max(axis=1, keepdims=True))
    # Every n-th product: the prior is the same to the eye, and its time does not grow with the market.
    sample = likelihood[:: max(1, len(counts) // _MOST_FOR_PRIOR)]
    prior = np.full(len(_GRID), 1 / len(_GRID))
    for _ in range(_ROUNDS):
        joint = sample * prior
        prior = (joint / joint.sum(axis=1, keepdims=True)).mean(axis=0)
    # A small even share keeps a rate possible that no product of the market has shown yet.
    posterior = likelihood * (0.98 * prior + 0.02 / len(_GRID))
    posterior /= posterior.sum(axis=1, keepdims=True)
    rate = posterior @ _GRID
    variance = np.maximum(posterior @ _GRID**2 - rate**2, 0.0)
    return rate, variance / rate**2
