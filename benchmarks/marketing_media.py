"""What media added to the orders of worlds that nobody has seen, against their truth; the last click beside it.

Of each seed the demand, the budgets and the draws of orders of eleven markets are made as the trade world makes them,
without goods and documents; the regression sees what the platform would publish: orders a day through the own shop and
through the other channels, and spend. The effect of a medium is summed over the markets, which are independent.

Belongs here: worlds, comparison. Does not: the regression (see orchestration/marketing/media/effect.py).
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Measured, Value
from orchestration.forecasting.demand.calendar import events_of, read_calendar
from orchestration.marketing.media.effect import LOWER, UPPER, MediaHistory, fit_media
from orchestration.simulation.world.config import WorldConfig
from orchestration.simulation.world.demand import plan_demand
from orchestration.simulation.world.market_parameters import market_specs
from orchestration.simulation.world.plans import MEDIA, DemandPlan, MediaPlan
from orchestration.simulation.world.sessions import medium_shares

Reals = NDArray[np.float64]

SEEDS = range(90_001, 90_051)
ORDERS = 5_000_000
LARGEST = 3
_NORMAL_90 = 1.6449
_UNPAID = 2  # direct and organic stand before the paid media


def measure_media() -> Measured:
    """Cover and width of the effects' 90 % intervals over all seeds, and the cover of the last click's."""
    inside, clicked, width, effect = [], [], [], []
    for seed in SEEDS:
        drawn, truth, click = _world(seed)
        lower, upper = np.quantile(drawn, [LOWER, UPPER], axis=0)
        inside.append((lower <= truth) & (truth <= upper))
        error = _NORMAL_90 * np.sqrt(click)
        clicked.append(np.abs(click - truth) <= error)
        width.append((upper - lower) / truth)
        effect.append(truth)
    largest = np.argsort(-np.mean(effect, axis=0))[:LARGEST]
    held = np.mean(inside, axis=0)
    widest = np.mean(width, axis=0)[largest]
    names = {MEDIA[place]: float(held[place]) for place in range(len(MEDIA))}
    return {
        "media_interval_cover": Value(float(np.mean(inside)), {"last click": float(np.mean(clicked)), **names}),
        "media_last_click_cover": Value(float(np.mean(clicked))),
        "media_largest_width": Value(
            float(widest.max()), {MEDIA[place]: float(one) for place, one in zip(largest, widest, strict=True)}
        ),
    }


def _world(seed: int) -> tuple[Reals, Reals, Reals]:
    """Draws of the orders that each medium added in all markets, the truth, and the last click's figure."""
    config = WorldConfig(seed=seed, orders=ORDERS)
    demand, media = plan_demand(config)
    calendar = read_calendar()
    drawn, truth, click = [], np.zeros(len(MEDIA)), np.zeros(len(MEDIA))
    for history, added, credited in _histories(config, demand, media):
        fit = fit_media(history, events_of(calendar, history.market))
        drawn.append(fit.orders)
        truth += added
        click += credited
    return np.sum(drawn, axis=0), truth, click


def _histories(
    config: WorldConfig, demand: DemandPlan, media: MediaPlan
) -> Iterator[tuple[MediaHistory, Reals, Reals]]:
    """Of each market with an own shop: what is published, what its media added, what the last click would say."""
    for market, spec in enumerate(market_specs(config.markets)):
        own_share, port_share = spec.shares[0], spec.shares[3]
        if not own_share:
            continue
        rng = np.random.default_rng([config.seed, market])
        orders = demand.orders[market]
        own = rng.binomial(orders, (1 - port_share) * demand.own_share[market])
        days = np.datetime64("1970-01-01") + demand.first_day + np.arange(len(orders))
        history = MediaHistory(
            market=spec.code,
            days=days,
            own_orders=own.astype(np.float64),
            other_orders=(orders - own).astype(np.float64),
            media=MEDIA,
            spend=media.spend_cents[market] / 100.0,
        )
        lift = media.lift[market]
        without = demand.mean_orders[market] / (1 + own_share * lift.sum(axis=1))
        added = own_share * (without[:, None] * lift).sum(axis=0)
        yield history, added, _last_click(own, demand.month_offset, media.adstock[market], rng)


def _last_click(own: NDArray[np.int64], offset: NDArray[np.int64], adstock: Reals, rng: np.random.Generator) -> Reals:
    """Orders of the own shop by the medium of the visit that ended in them."""
    found = np.zeros(len(MEDIA))
    for start, stop in pairwise(offset):
        found += rng.multinomial(int(own[start:stop].sum()), medium_shares(adstock[start:stop]))[_UNPAID:]
    return found
