"""Carry-over and saturation: what a day's spend still does on later days, and how less and less more money adds.

Belongs here: the two shapes, the grid on which they are searched, and how likely each is beforehand. Does not: fitting.

The prior is weak and comes from the literature on media-mix models, not from any data: geometric carry-over with most
weight between 0.1 and 0.8 a day (Jin et al. 2017, "Bayesian methods for media mix modeling with carryover and shape
effects", Beta(3, 3); Robyn's guide gives 0 to 0.3 for search and 0.3 to 0.8 for what is watched), and a Hill
curve of slope one whose half-saturation lies around what the medium usually spends, mostly within a factor of three.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

Reals = NDArray[np.float64]

DECAYS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
# Half-saturation in units of the adstock of a mean day with spend.
HALF_RATIOS = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
# Beta(3, 3), moved out a little so that none and .9 stay possible.
_DECAY_WEIGHTS = tuple(((0.08 + decay) * (1.08 - decay)) ** 2 for decay in DECAYS)
# Spread of the logarithm of a Beta(2, 2), which Jin et al. take for the half-saturation in units of the largest spend.
_HALF_SPREAD = 0.6


@dataclass(frozen=True)
class Shape:
    """A carry-over per day, and the half-saturation as a multiple of the mean adstock."""

    decay: float
    half_ratio: float


GRID = tuple(Shape(decay, ratio) for decay in DECAYS for ratio in HALF_RATIOS)


def log_prior() -> Reals:
    """Logarithm of each grid point's weight beforehand."""
    decay = np.log(np.array(_DECAY_WEIGHTS))
    half = -0.5 * (np.log(np.array(HALF_RATIOS)) / _HALF_SPREAD) ** 2
    grid = (decay[:, None] + half[None, :]).ravel()
    weights: Reals = grid - np.log(np.exp(grid).sum())
    return weights


def adstock(spend: Reals, decay: float) -> Reals:
    """Decayed sum of a medium's spend by day; before the first day nothing was spent."""
    stock: Reals = lfilter([1.0], [1.0, -decay], spend)
    return stock


def saturated(stock: Reals, half: float) -> Reals:
    """Hill curve of slope one: half of what is possible at `half`."""
    curve: Reals = stock / (stock + half)
    return curve


@dataclass(frozen=True, eq=False)
class Responses:
    """One medium's answers on the whole grid.

    curves: grid x days, each scaled so that its mean over all days is one. heights: grid, the mean before scaling.
    halves: grid, half-saturation in the spend's unit.
    """

    curves: Reals
    heights: Reals
    halves: Reals


def responses(spend: Reals) -> Responses:
    """The answers to one medium's daily spend; ValueError without any spend."""
    is_spent = spend > 0
    if not is_spent.any():
        raise ValueError("a medium without spend has no answer to spend")
    curves, heights, halves = [], [], []
    for decay in DECAYS:
        stock = adstock(spend, decay)
        usual = float(stock[is_spent].mean())
        for ratio in HALF_RATIOS:
            curve = saturated(stock, usual * ratio)
            height = float(curve.mean())
            curves.append(curve / height)
            heights.append(height)
            halves.append(usual * ratio)
    return Responses(np.array(curves), np.array(heights), np.array(halves))
