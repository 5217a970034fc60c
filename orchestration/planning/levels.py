"""Order-up-to levels and reorder points that keep a promised fill rate.

Belongs here: expected units short as a function of the level, and the level as a function of the target.
Does not: suggestions (see `orders.py`).

Review is periodic: every `review_days` the position (on hand and on order) is raised to the level S. The order placed
at a review arrives after the lead time L, which is random; until the next order arrives, at L + R, only S serves. With
D₁ the demand over L and W the demand over the review period R after it:

- who finds nothing waits: short(S) = E(D₁ + W − S)⁺ − E(D₁ − S)⁺ (Silver, Pyke & Thomas, chapter 7);
- who finds nothing leaves: demand that was lost is not owed when goods arrive, so D₁ is taken given D₁ ≤ S:
  short(S) = E[(D₁ + W − S)⁺ | D₁ ≤ S]; with R → 0 and single pieces this is Erlang's loss formula, exact for any
  distribution of L. For lines of several pieces and a review of a week it is an approximation: in plays of 3 to 10
  units a week what came true lay between 1.5 points below and 2 points above it, where 95 % were promised.

The lead time enters as a mixture of equally likely lengths, the demand as a distribution: no z and no σ. How high the
level of demand is nobody knows, but it stays what it is: from review to review it is the same customers who find
nothing. So the shortage of lost sales is taken level by level (`level_points`) and then averaged; a single condition
D₁ ≤ S over all levels would forget the high ones, where most is short.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainc, gammaincinv

from orchestration.planning.demand_shape import (
    Complex,
    Lattice,
    LineSizes,
    as_shares,
    demand_transform,
)
from orchestration.planning.lead_times import LeadTime

Reals = NDArray[np.float64]
Shortage = Literal["lost", "waits"]
DAYS_PER_WEEK = 7.0
RARE = 1e-6
# Where the bins of the uncertain level of demand begin; one is not worth more than these from a spread of 3 % on.
LEVEL_SHARES = np.array([0.0, 0.3, 0.6, 0.8, 0.92, 0.98])
LEAST_HUNDREDTHS, MOST_CV = 3, 2.0


@dataclass(frozen=True)
class Promise:
    """What shall hold: the share of units from stock, how often is reviewed, and what a customer does without goods."""

    target_fill_pct: float = 95.0
    review_days: int = 7
    shortage: Shortage = "lost"


@dataclass(frozen=True)
class Curve:
    """Expected units short in one review period for each level, and what belongs to it.

    short[k]: with the level `k * step`. demand: mean demand of the review period. over_lead: mean demand until an order
    of the next review arrives. after_wait[k]: the same as short for a position of `k * step` that is not raised now,
    over the time until an order of the next review arrives.
    """

    step: float
    short: Reals
    demand: float
    over_lead: float

    def fill_pct(self, level: float) -> float:
        """Expected fill rate with a level; 100 where nobody wants anything."""
        return 100.0 if self.demand <= 0 else 100.0 * (1 - self.at(level) / self.demand)

    def at(self, level: float) -> float:
        """Expected units short with a level, between two steps by a straight line."""
        return float(np.interp(level / self.step, np.arange(len(self.short)), self.short))

    def level(self, target_fill_pct: float) -> float:
        """The smallest level that keeps the target; 0 where nobody wants anything."""
        if self.demand <= 0:
            return 0.0
        allowed = (1 - target_fill_pct / 100) * self.demand
        enough = np.flatnonzero(self.short <= allowed)
        return self.step * float(enough[0] if len(enough) else len(self.short) - 1)


def mean_until(weekly: Reals, days: Reals) -> Reals:
    """Mean demand of the first `days` days; after the last forecast week goes on as the mean of the last four."""
    weeks = np.asarray(days, dtype=float) / DAYS_PER_WEEK
    known = np.concatenate([[0.0], np.cumsum(weekly)])
    beyond = np.maximum(weeks - len(weekly), 0.0) * (float(np.mean(weekly[-4:])) if len(weekly) else 0.0)
    result: Reals = np.interp(weeks, np.arange(len(known)), known) + beyond
    return result


def shortage_curve(
    weekly: Reals, level_cv: float, sizes: LineSizes, lead_time: LeadTime, promise: Promise, *, length: int = 1024
) -> Curve:
    """How many units are short at each level.

    weekly: mean demand of the coming weeks, from today. level_cv: how uncertain its level is.
    """
    review = float(promise.review_days)
    until = mean_until(weekly, lead_time.days)
    after = mean_until(weekly, lead_time.days + review)
    demand = float(np.mean(after - until))
    over_lead = float(np.mean(after))
    if demand <= 0:
        return Curve(1.0, np.zeros(2), 0.0, over_lead)
    spread = np.sqrt(over_lead * sizes.second_moment / sizes.mean + (level_cv * over_lead) ** 2)
    lattice = Lattice.fitting(over_lead, float(spread), sizes, length=length)
    phi, length = lattice.transform(sizes), lattice.length
    if promise.shortage == "waits":
        before = as_shares(demand_transform(until, level_cv, sizes, phi).mean(axis=0), length)
        whole = as_shares(demand_transform(after, level_cv, sizes, phi).mean(axis=0), length)
        short = lattice.step * (_beyond(whole) - _beyond(before))
    else:
        short = _lost(until, demand, level_cv, sizes, phi, lattice)
    # Of a line that is larger than any level here, the rest is short whatever lies there.
    short = short + demand / sizes.mean * lattice.beyond(sizes)
    return Curve(lattice.step, np.minimum.accumulate(np.clip(short, 0.0, demand)), demand, over_lead)


def _lost(
    until: Reals, demand: float, level_cv: float, sizes: LineSizes, phi: Complex, lattice: Lattice
) -> Reals:  # fmt: skip
    """Units lost in a review period for each step of the order-up-to level: the mean over the levels of demand."""
    points, weights = level_points(level_cv)
    length = lattice.length
    lengths, count = np.unique(until, return_counts=True)
    rates = np.append(lengths, demand)[None, :] * points[:, None] / sizes.mean
    transforms = np.exp(-rates[:, :, None] * (1 - phi))
    before = as_shares(np.einsum("l,jlk->jk", count / count.sum(), transforms[:, :-1]), length)
    period = as_shares(transforms[:, -1], length)
    # Mean excess over what is left, weighted by how much the lead time has taken, for every step at once.
    left = np.fft.rfft(before, 2 * length) * np.fft.rfft(_beyond(period), 2 * length)
    both = lattice.step * np.fft.irfft(left, 2 * length)[:, :length]
    reached = np.cumsum(before, axis=1)
    # A step that the lead time as good as never leaves is none: there the quotient is one of rounding errors.
    wanted = demand * points[:, None]
    short = np.where(reached > RARE, both / np.maximum(reached, RARE), wanted)
    result: Reals = weights @ np.minimum(short, wanted)
    return result


@lru_cache(maxsize=256)
def _points(hundredths: int) -> tuple[Reals, Reals]:
    if hundredths < LEAST_HUNDREDTHS:
        return np.ones(1), np.ones(1)
    shape = (100 / hundredths) ** 2
    # The middles of bins of a gamma distribution, finer towards the top, where the shortage is.
    edges = gammaincinv(shape, LEVEL_SHARES) / shape
    below = np.append(gammainc(shape + 1, edges * shape), 1.0)
    weights = np.diff(np.append(LEVEL_SHARES, 1.0))
    return np.diff(below) / weights, weights


def level_points(level_cv: float) -> tuple[Reals, Reals]:
    """Levels of demand in units of the expected one, with their chances; their mean is one."""
    return _points(round(100 * min(level_cv, MOST_CV)))


def _beyond(shares: Reals) -> Reals:
    """Mean excess over each step, along the last axis."""
    tail = shares[..., ::-1].cumsum(axis=-1)[..., ::-1]
    # The excess over k is the sum of the chances to reach k + 1, k + 2, …
    excess = tail[..., ::-1].cumsum(axis=-1)[..., ::-1][..., 1:]
    result: Reals = np.concatenate([excess, np.zeros((*excess.shape[:-1], 1))], axis=-1)
    return result


def shared_levels(curves: Sequence[Curve], target_fill_pct: float) -> Reals:
    """Levels of a class: each within one step of its own smallest level, the class as a whole exactly at the target.

    Whole pieces overshoot: a product that sells one a month reaches 95 % with a piece too much. So each product takes
    the step below its own level, and those steps are taken that avoid most shortage per piece until the class as a
    whole keeps the target. No product lies more than one step below its own level.
    """
    own = np.array([curve.level(target_fill_pct) for curve in curves])
    steps = np.array([curve.step for curve in curves])
    low = np.maximum(own - steps, 0.0)
    short_low = np.array([curve.at(level) for curve, level in zip(curves, low, strict=True)])
    short_own = np.array([curve.at(level) for curve, level in zip(curves, own, strict=True)])
    allowed = (1 - target_fill_pct / 100) * sum(curve.demand for curve in curves)
    gain = short_low - short_own
    order = np.argsort(-gain / np.maximum(own - low, 1e-9), kind="stable")
    left = short_low.sum() - allowed - np.concatenate([[0.0], np.cumsum(gain[order])[:-1]])
    levels = low.copy()
    taken = order[left > 0]
    levels[taken] = own[taken]
    result: Reals = levels
    return result


def normal_level(weekly_mean: float, weekly_sd: float, lead_mean_days: float, lead_sd_days: float, z: float,
                 review_days: int) -> float:  # fmt: skip
    """The textbook's level z·√(L·σ_d² + d²·σ_L²) + d·(L + R) (domain.md f): the rule that stands beside ours."""
    weeks = (lead_mean_days + review_days) / DAYS_PER_WEEK
    spread = np.sqrt(weeks * weekly_sd**2 + weekly_mean**2 * (lead_sd_days / DAYS_PER_WEEK) ** 2)
    return float(weekly_mean * weeks + z * spread)
