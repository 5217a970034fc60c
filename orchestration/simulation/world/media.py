"""Media: what the own shops spend, and the demand that it brings.

Belongs here: budgets, adstock and saturation with known parameters. Does not: visits (`sessions.py`).
"""

from dataclasses import dataclass

import numpy as np

from orchestration.simulation.world.config import WorldConfig
from orchestration.simulation.world.events import event_effect
from orchestration.simulation.world.plans import MEDIA
from orchestration.simulation.world.randomness import Reals, stream

# Days after which an adstock no longer counts.
_MEMORY_DAYS = 28
# Share of the own shop's sales that a usual day's budget takes.
SPEND_SHARE = 0.07
SALES_PER_ORDER_USD = 45.0


@dataclass(frozen=True)
class MediumSpec:
    """One paid medium: effect on demand is max_lift * a / (a + half_saturation), a = sum of spend * decay^lag."""

    decay: float
    half_saturation: float
    max_lift: float
    budget_share: float
    cost_per_click_usd: float
    click_rate: float


MEDIUM_SPECS = (
    MediumSpec(0.20, 1.0, 0.14, 0.34, 0.60, 0.040),
    MediumSpec(0.60, 2.5, 0.16, 0.26, 0.35, 0.012),
    MediumSpec(0.35, 1.2, 0.05, 0.05, 0.05, 0.025),
    MediumSpec(0.45, 1.6, 0.06, 0.13, 0.28, 0.020),
    MediumSpec(0.75, 3.5, 0.08, 0.15, 0.22, 0.004),
    MediumSpec(0.50, 1.8, 0.03, 0.07, 0.30, 0.030),
)


def usual_spend(config: WorldConfig, market: str, first_day: int, days: int) -> Reals:
    """Spend by day and medium in units of the medium's usual day: budgets drift, pause for weeks and follow events."""
    rng = stream(config, "media", market)
    weeks = days // 7 + 2
    budget = np.exp(0.30 * rng.standard_normal((weeks, len(MEDIA))))
    budget[rng.random((weeks, len(MEDIA))) < 0.12] = 0.0
    slow = np.exp(0.25 * np.cumsum(rng.standard_normal((weeks, len(MEDIA))), axis=0) / np.sqrt(weeks))
    by_day = np.repeat(budget * slow, 7, axis=0)[:days]
    noise = np.exp(0.15 * rng.standard_normal((days, len(MEDIA))))
    peak = np.exp(0.6 * np.clip(event_effect(market, first_day, days), 0, 1))[:, None]
    spend: Reals = (by_day * noise * peak).round(6)
    return spend


def adstock_of(spend: Reals) -> Reals:
    """Decayed sums of spend, day x medium; the memory is cut after 28 days."""
    total = np.zeros_like(spend)
    decay = np.array([spec.decay for spec in MEDIUM_SPECS])
    for lag in range(min(_MEMORY_DAYS, len(spend))):
        total[lag:] += spend[: len(spend) - lag] * decay**lag
    return total.round(6)


def lift_of(adstock: Reals) -> Reals:
    """Share of the own shop's base demand that each medium adds, day x medium."""
    half = np.array([spec.half_saturation for spec in MEDIUM_SPECS])
    height = np.array([spec.max_lift for spec in MEDIUM_SPECS])
    lift: Reals = (height * adstock / (adstock + half)).round(9)
    return lift
