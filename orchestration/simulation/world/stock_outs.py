"""Stock-outs: when a product is missing at a site, so that sales are lost.

Belongs here: one interval at most per product, site and month, known without any state. Does not: counts (`stock.py`).
"""

import numpy as np
from numpy.typing import NDArray

from orchestration.simulation.world.config import WorldConfig
from orchestration.simulation.world.days import month_start, next_month_start
from orchestration.simulation.world.events import event_effect, supply_slowdown
from orchestration.simulation.world.randomness import Integers, Reals, hashed_uniform, salt

_USUAL_CHANCE = 0.08
_MEAN_DAYS = 7.0
_LONGEST_DAYS = 21


def stock_out_spans(
    config: WorldConfig, month: str, products: NDArray[np.int32], sites: NDArray[np.int16], quality: Reals
) -> tuple[Integers, Integers]:
    """First and last day of the stock-out of each product at its site in a month; an empty span ends before it starts.

    Sellers of low quality run out more often; so do all in the months of Singles' Day and of Chinese New Year.
    """
    first, end = month_start(month), next_month_start(month)
    peak = float(event_effect("CN", first, end - first).clip(0, 1).mean())
    slow = float(supply_slowdown(first, end - first).mean())
    chance = _USUAL_CHANCE * (1.6 - 1.2 * quality) * (1 + 1.5 * peak + 1.2 * slow)
    numbers = products.astype(np.int64) * 256 + sites
    rows = np.flatnonzero(hashed_uniform(numbers, salt(config, f"stock-out {month}")) < chance)
    begin = hashed_uniform(numbers[rows], salt(config, f"stock-out start {month}"))
    draw = hashed_uniform(numbers[rows], salt(config, f"stock-out days {month}"))
    start = np.full(len(numbers), end, dtype=np.int64)
    last = np.full(len(numbers), end - 1, dtype=np.int64)
    start[rows] = first + (begin * (end - first)).astype(np.int64)
    days = 2 + np.minimum(-np.log1p(-draw) * (_MEAN_DAYS - 2), _LONGEST_DAYS).astype(np.int64)
    last[rows] = np.minimum(start[rows] + days - 1, end - 1)
    return start, last
