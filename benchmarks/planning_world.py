"""Demand of a trade world by line, made without documents and without the pipeline.

Belongs here: lines and what was missing, lead times as they are drawn. Does not: forecasts and policies.
"""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from orchestration.simulation.world.batches import PORT_PLATFORM, World
from orchestration.simulation.world.building import build_world
from orchestration.simulation.world.config import WorldConfig
from orchestration.simulation.world.orders import draw_all_lines, draw_buying, plan_month
from orchestration.simulation.world.randomness import hashed, salt

SEA_DAYS, ROAD_DAYS = 32, 2


@dataclass(frozen=True)
class WorldLines:
    """Every line that customers wanted, by row; days count from the first of the world."""

    world: World
    days: int
    day: NDArray[np.int64]
    market: NDArray[np.int64]
    product: NDArray[np.int64]
    site: NDArray[np.int64]
    pieces: NDArray[np.float64]
    is_lost: NDArray[np.bool_]


@cache
def world_lines(seed: int, orders: int, months: int) -> WorldLines:
    """The lines of a world: those of its orders, and those that a stock-out kept from being ordered."""
    world = build_world(WorldConfig(seed=seed, orders=orders, months=months))
    return _lines(world, world.config, range(months))


def drawn_again(lines: WorldLines, draw: int, first_month: int) -> WorldLines:
    """The months from one on with buyers and lines drawn anew; orders a day stay.

    A few lines of hundreds of pieces decide a year, so that one year proves little.
    """
    config = lines.world.config
    return _lines(lines.world, replace(config, seed=config.seed + draw), range(first_month, config.months))


def _lines(world: World, noise: WorldConfig, cohorts: range) -> WorldLines:
    parts = []
    for market in range(len(world.config.markets)):
        assortment = world.assortments[market]
        for cohort in cohorts:
            plan = plan_month(world, market, cohort)
            # Shelves, stock-outs and orders a day are the world's; only the draws of buyers and lines hang on the seed.
            drawing = replace(world, config=noise)
            buying = draw_buying(drawing, plan)
            lines = draw_all_lines(drawing, plan, buying)
            at_home = buying.channel[lines.order] == PORT_PLATFORM
            site = np.where(at_home, assortment.home_site[lines.local], assortment.market_site[lines.local])
            parts.append(
                (
                    buying.day[lines.order].astype(np.int64) - world.demand.first_day,
                    np.full(len(site), market, dtype=np.int64),
                    assortment.product[lines.local].astype(np.int64),
                    site.astype(np.int64),
                    lines.quantity.astype(float),
                    lines.is_lost,
                )
            )
    columns = [np.concatenate(list(part)) for part in zip(*parts, strict=True)]
    return WorldLines(world, int(world.demand.month_offset[-1]), *columns)


def lead_days(world: World, product: NDArray[np.int64], site: NDArray[np.int64], count: int, salt_word: str
              ) -> NDArray[np.int64]:  # fmt: skip
    """item x count: days from order to receipt, drawn as the world's purchase orders draw them."""
    base = np.ceil(world.suppliers.lead_time_days[world.products.supplier[product]]).astype(np.int64)
    base = base + np.where(world.sites.is_overseas[site], SEA_DAYS, ROAD_DAYS)
    numbers = (product * 256 + site)[:, None] * 4096 + np.arange(count)[None, :]
    delay = (hashed(numbers.ravel(), salt(world.config, salt_word)) % np.uint64(9)).astype(np.int64) - 3
    return base[:, None] + np.maximum(delay.reshape(len(product), count), 0)
