"""Where the next money should go: a move between media that keeps the budget, with what it would gain.

Each medium's response at a steady budget follows from the draws of its effect. A decision needs more caution than an
estimate: the move that looks best among many noisy ones is best by luck (the optimizer's curse). So the draws are first
drawn towards what is usual, the more so the less the market's own data tell: media together add about 15 % to sales,
each as its spend (published media-mix studies mostly find 5 to 25 %), a medium within three quarters of that.

The suggestion moves money to where the mean of these draws promises most, no medium by more than three tenths. What it
gains is told with all of them, so that a move of which little is known shows an interval that holds a loss.

Belongs here: curves and the move. Does not: the effect itself.
"""

from dataclasses import dataclass
from zlib import crc32

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from orchestration.marketing.media.effect import LOWER, UPPER, MediaFit
from orchestration.marketing.media.shapes import GRID

Reals = NDArray[np.float64]

MOST_CHANGE = 0.30
_STEPS = 100
RECENT_DAYS = 90
# A move is supported when so many of the draws gain by it.
LEAST_CERTAINTY = 0.80
CURVE_POINTS = tuple(round(0.1 * step, 1) for step in range(0, 21, 2))
# What media together usually add to the base, and how far that varies; how far one medium varies around its share.
USUAL_LIFT, USUAL_LIFT_SPREAD = 0.15, 0.10
MEDIUM_SPREAD = 0.75
MULTIPLES = np.round(np.arange(0, 2.001, 0.01), 2)


@dataclass(frozen=True, eq=False)
class Budget:
    """Spend a day now and as suggested by medium, and draws of the orders a week that the move adds."""

    media: tuple[str, ...]
    now: Reals
    suggested: Reals
    gain: Reals
    by_medium: Reals  # draws x media

    @property
    def certainty(self) -> float:
        """Share of the draws in which the move gains."""
        return float((self.gain > 0).mean())

    @property
    def is_supported(self) -> bool:
        """Whether what is known speaks clearly enough for the move."""
        return self.certainty >= LEAST_CERTAINTY and bool(np.any(self.now != self.suggested))


def cautious(fit: MediaFit) -> Reals:
    """Draws of the lifts with what is usual in mind: the data's draws and draws of the usual, weighted by precision."""
    rng = np.random.default_rng(crc32(f"budget {fit.history.market}".encode()))
    columns = [fit.history.media.index(medium) for medium in fit.media]
    spend = fit.history.spend[:, columns].sum(axis=0)
    total, spread = fit.lift.sum(axis=1), USUAL_LIFT_SPREAD**2
    weight = spread / (spread + total.var())
    together = max(weight * total.mean() + (1 - weight) * USUAL_LIFT, 0.01)
    middle = together * spend / spend.sum()
    usual = np.diag((MEDIUM_SPREAD * middle) ** 2)
    known = np.atleast_2d(np.cov(fit.lift, rowvar=False))
    share = usual @ np.linalg.inv(usual + known)
    prior = middle + np.sqrt(np.diag(usual)) * rng.standard_normal(fit.lift.shape)
    drawn: Reals = fit.lift @ share.T + prior @ (np.eye(len(middle)) - share).T
    return drawn


def weekly_orders(fit: MediaFit) -> tuple[Reals, Reals]:
    """Spend a day of late by medium; and orders a week that its multiples add, draws x media x MULTIPLES."""
    columns = [fit.history.media.index(medium) for medium in fit.media]
    now = fit.history.spend[-RECENT_DAYS:, columns].mean(axis=0)
    decay = np.array([shape.decay for shape in GRID])[fit.grid]
    lift = cautious(fit)
    found = np.empty((*fit.lift.shape, len(MULTIPLES)))
    for place, answers in enumerate(fit.answers):
        stock = now[place] / (1 - decay[:, place])
        half, height = answers.halves[fit.grid[:, place]], answers.heights[fit.grid[:, place]]
        steady = stock[:, None] * MULTIPLES
        found[:, place] = (lift[:, place] / height)[:, None] * steady / (steady + half[:, None])
    return now, 7 * fit.base_per_day * found


def suggest(fit: MediaFit) -> Budget:
    """The move within the budget and its bounds that adds most orders in the mean of the draws."""
    now, orders = weekly_orders(fit)
    mean = orders.mean(axis=0)
    one = int(np.argmin(np.abs(MULTIPLES - 1)))
    place = np.full(len(now), one)
    least, most = (int(np.argmin(np.abs(MULTIPLES - bound))) for bound in (1 - MOST_CHANGE, 1 + MOST_CHANGE))
    budget = now.sum()
    if budget > 0 and len(now) > 1:
        place = _filled(mean, now, least, most)
    suggested = now * MULTIPLES[place]
    by_medium = orders[:, np.arange(len(now)), place] - orders[:, :, one]
    return Budget(fit.media, now, suggested, by_medium.sum(axis=1), by_medium)


def _filled(mean: Reals, now: Reals, least: int, most: int) -> NDArray[np.int64]:
    """Start every medium at its least, then give each step to where a dollar adds most."""
    place = np.full(len(now), least)
    left = float(now.sum() - (now * MULTIPLES[place]).sum())
    cost = now * (MULTIPLES[1] - MULTIPLES[0])
    for _ in range(_STEPS * len(now)):
        is_open = (place < most) & (cost > 0) & (cost <= left + 1e-9)
        if not is_open.any():
            break
        rows = np.arange(len(now))
        gain = (mean[rows, np.minimum(place + 1, most)] - mean[rows, place]) / np.where(cost > 0, cost, 1.0)
        best = int(np.argmax(np.where(is_open, gain, -np.inf)))
        place[best] += 1
        left -= float(cost[best])
    return place


def curves(fit: MediaFit) -> pd.DataFrame:
    """One row per medium and spend a day from nothing to twice today's: orders a week, mean and 90 % interval."""
    now, orders = weekly_orders(fit)
    rows = []
    for place, medium in enumerate(fit.media):
        for multiple in CURVE_POINTS:
            column = orders[:, place, int(np.argmin(np.abs(MULTIPLES - multiple)))]
            lower, upper = np.quantile(column, [LOWER, UPPER])
            rows.append(
                {
                    "medium": medium,
                    "multiple": multiple,
                    "spend_per_day_usd": now[place] * multiple,
                    "extra_orders_per_week": column.mean(),
                    "lower_extra_orders_per_week": lower,
                    "upper_extra_orders_per_week": upper,
                }
            )
    return pd.DataFrame(rows)
