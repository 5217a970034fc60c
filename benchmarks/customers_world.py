"""Clusters of taste on the trade world, beside its hidden segments and beside an oracle that knows their tastes.

Belongs here: markets of worlds drawn straight from the generator, the oracle, scores. Does not: the clusters.

The oracle knows the shares of each segment and what each buys, and sorts each customer by the same purchases that the
clusters see: most customers bought a few times, so it errs as well. Its adjusted Rand index is the most that anybody
could reach. k-means on shares of categories stands beside as what is usually done.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.harness import Measured, Value
from orchestration.customers.purchases import Purchases, Tastes
from orchestration.customers.segments.agreement import adjusted_rand
from orchestration.customers.segments.tastes import FEWEST_PURCHASES, taste_clusters
from orchestration.simulation.world.batches import CATEGORIES, World
from orchestration.simulation.world.building import build_world
from orchestration.simulation.world.category_parameters import SEGMENTS
from orchestration.simulation.world.config import MARKETS, WorldConfig
from orchestration.simulation.world.orders import draw_all_lines, draw_buying, plan_month
from orchestration.simulation.world.pricing import complete

SEEDS = (31, 32, 33)
MARKETS_JUDGED = ("US", "GB", "DE", "JP")

Labels = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class HiddenMarket:
    """The purchases of a market's customers, and the segment that each of them hides."""

    purchases: Purchases
    segment: Labels


def hidden_market(world: World, market: int) -> HiddenMarket:
    """All months of one market, as its ledger would show them."""
    customers, days, amounts, owners, categories, line_days = [], [], [], [], [], []
    segment_of: dict[int, int] = {}
    assortment = world.assortments[market]
    for cohort in range(world.config.months):
        plan = plan_month(world, market, cohort)
        buying = draw_buying(world, plan)
        drawn = complete(world, plan, buying, draw_all_lines(world, plan, buying))
        batch = drawn.batch
        segment_of.update(zip(batch.customer.tolist(), drawn.traits.segment.tolist(), strict=True))
        customers.append(batch.customer)
        days.append(batch.ordered_day.astype(np.int64))
        amounts.append(batch.goods_cents / 100)
        owners.append(batch.customer[batch.line_order])
        categories.append(assortment.category[drawn.local])
        line_days.append(batch.ordered_day[batch.line_order].astype(np.int64))
    numbers, of = np.unique(np.concatenate(customers), return_inverse=True)
    day, width = np.concatenate(days), int(np.concatenate(days).max()) + 1
    cells, of_cell = np.unique(of * width + day, return_inverse=True)
    line_of = np.searchsorted(numbers, np.concatenate(owners))
    bought = np.unique((line_of * width + np.concatenate(line_days)) * len(CATEGORIES) + np.concatenate(categories))
    pairs, counts = np.unique(
        bought // len(CATEGORIES) // width * len(CATEGORIES) + bought % len(CATEGORIES), return_counts=True
    )
    purchases = Purchases(
        market=world.config.markets[market],
        end=width - 1,
        source_id=pa.repeat("world", len(numbers)),
        customer_key=pa.array([str(number) for number in numbers]),
        customer=cells // width,
        day=cells % width,
        amount=np.asarray(np.bincount(of_cell, np.concatenate(amounts)), dtype=np.float64),
        other_usd=np.zeros(len(numbers)),
        tastes=Tastes(tuple(CATEGORIES), pairs // len(CATEGORIES), pairs % len(CATEGORIES), counts),
    )
    segment = np.array([segment_of[number] for number in numbers.tolist()])
    return HiddenMarket(purchases, segment)


def counts_of(tastes: Tastes, customers: int) -> Reals:
    """Purchases by customer and category."""
    counts = np.zeros((customers, len(tastes.codes)))
    counts[tastes.customer, tastes.category] = tastes.purchases
    return counts


def oracle(market: HiddenMarket) -> Labels:
    """The likeliest segment of each customer for one who knows how large each is and what its customers buy."""
    counts = counts_of(market.purchases.tastes, len(market.purchases))
    of_segment = np.eye(len(SEGMENTS))[market.segment]
    bought, share = of_segment.T @ counts, of_segment.mean(axis=0)
    logs = np.log((bought + 1e-9) / (bought + 1e-9).sum(axis=1, keepdims=True))
    return np.asarray((counts @ logs.T + np.log(share + 1e-12)).argmax(axis=1))


def k_means(market: HiddenMarket, count: int) -> Labels:
    """Clusters of the shares of categories."""
    from sklearn.cluster import KMeans

    counts = counts_of(market.purchases.tastes, len(market.purchases))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return np.asarray(KMeans(count, n_init=3, random_state=1).fit_predict(shares), dtype=np.int64)


def measure_segments() -> Measured:
    """Adjusted Rand index between clusters and hidden segments, over customers with two purchases or more."""
    ours, best, means = [], [], []
    for seed in SEEDS:
        world = build_world(WorldConfig(seed=seed))
        for code in MARKETS_JUDGED:
            market = hidden_market(world, MARKETS.index(code))
            found = taste_clusters(market.purchases.tastes, len(market.purchases))
            told = counts_of(market.purchases.tastes, len(market.purchases)).sum(axis=1) >= FEWEST_PURCHASES
            ours.append(adjusted_rand(market.segment[told], found.taste[told]))
            best.append(adjusted_rand(market.segment[told], oracle(market)[told]))
            means.append(adjusted_rand(market.segment[told], k_means(market, max(len(found.names), 2))[told]))
    return {
        "segments_adjusted_rand": Value(
            float(np.mean(ours)), {"oracle": float(np.mean(best)), "k-means": float(np.mean(means))}
        )
    }
