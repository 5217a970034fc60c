"""Purchases of a trade world by customer, and the generator's own chances of each.

Belongs here: lines with buyers, what a shop may know of them, the oracle. Does not: recommendations and scores.
"""

from dataclasses import dataclass
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from orchestration.simulation.world import assortment
from orchestration.simulation.world.assortment import MonthShelf
from orchestration.simulation.world.baskets import MEAN_LINES
from orchestration.simulation.world.batches import CATEGORIES, World
from orchestration.simulation.world.category_parameters import (
    AGE_BAND_SHARE,
    AGE_BANDS,
    GENDERS,
    PRICE_TASTE_SHARE,
    SEGMENT_SHARE,
    SEGMENTS,
)
from orchestration.simulation.world.customers import GENDER_SHARE
from orchestration.simulation.world.market_parameters import market_specs
from orchestration.simulation.world.orders import MonthPlan, draw_all_lines, draw_buying, plan_month
from orchestration.simulation.world.plans import Assortment

Integers = NDArray[np.int64]
Reals = NDArray[np.float64]
PRICE_TASTES = (-1, 0, 1)


@dataclass(frozen=True)
class MarketLines:
    """What one market's customers bought, by line; `group` indexes the oracle's rows."""

    market: str
    day: Integers
    cohort: Integers  # month of the horizon
    order: Integers  # number of the order among the market's of all months
    customer: Integers
    product: Integers  # local product
    subdivision: tuple[str, ...]  # by line
    gender: NDArray[np.object_]  # by line, None without consent
    age_band: NDArray[np.object_]
    group: Integers
    category: tuple[str, ...]  # by local product
    seller: Integers
    list_price: Reals


def market_lines(world: World, market: int) -> MarketLines:
    """Every line of a market that was delivered, over all months."""
    spec = market_specs(world.config.markets)[market]
    regions = np.asarray([f"{spec.code}-{region}" for region, _ in spec.regions], dtype=object)
    assortment = world.assortments[market]
    parts: list[list[NDArray[np.generic]]] = []
    orders = 0
    for cohort in range(world.config.months):
        plan = plan_month(world, market, cohort)
        buying = draw_buying(world, plan)
        lines = draw_all_lines(world, plan, buying)
        kept = ~lines.is_lost
        order, traits = lines.order[kept], buying.traits
        group = (traits.segment + len(SEGMENTS) * traits.flags.astype(np.int64)) * 3 + traits.price_taste + 1
        genders, bands = (np.asarray(one, dtype=object) for one in (GENDERS, [str(one) for one in AGE_BANDS]))
        gender = _if_agreed(genders[traits.gender], traits.has_consent)
        band = _if_agreed(bands[traits.age_band], traits.has_consent)
        parts.append(
            [
                buying.ordered_at[order] // 86_400,
                np.full(len(order), cohort),
                orders + order,
                buying.customer[order],
                lines.local[kept],
                regions[traits.subdivision[order]],
                gender[order],
                band[order],
                group[order],
            ]
        )
        orders += len(buying.customer)
    day, month, number, customer, product, region, gender, band, group = (
        np.concatenate(part) for part in zip(*parts, strict=True)
    )
    return MarketLines(
        spec.code, day.astype(np.int64), month.astype(np.int64), number.astype(np.int64), customer.astype(np.int64),
        product.astype(np.int64), tuple(region), gender, band, group.astype(np.int64),
        tuple(CATEGORIES[code] for code in assortment.category),
        world.products.seller[assortment.product].astype(np.int64),
        assortment.list_cents / 100,
    )  # fmt: skip


def _if_agreed(values: NDArray[np.object_], has_consent: NDArray[np.bool_]) -> NDArray[np.object_]:
    found = values.copy()
    found[~has_consent] = None
    return found


def calm(world: World, market: int, cohort: int) -> Reals:
    """The oracle's chances without what falls to each month by lot: prices' and sellers' months, which have no past."""
    with mock.patch.multiple(assortment, MONTHLY_PRICE_SPREAD=0.0, _SELLER_MONTH_SPREAD=0.0):
        return oracle(world, market, cohort)


def oracle(world: World, market: int, cohort: int) -> Reals:
    """group x local product: expected lines per order in a month, by profile and taste for prices.

    The first line follows the profile's categories and, within them, weights and the taste for prices; further lines
    stay with the seller of the first.
    """
    plan = plan_month(world, market, cohort)
    assortment, shelf = plan.assortment, plan.shelf
    starts = np.array([period.first_day for period in plan.periods]) - world.demand.first_day
    days = np.append(starts, plan.end_day - world.demand.first_day)
    found = np.zeros((shelf.category_share.shape[1] * len(PRICE_TASTES), len(assortment.product)))
    for period in range(len(plan.periods)):
        orders = world.demand.mean_orders[market][days[period] : days[period + 1]].sum()
        within = np.stack([_within_category(plan, period, taste) for taste in PRICE_TASTES])
        share = shelf.category_share[period][:, assortment.category]
        first = (share[:, None, :] * within[None, :, :]).reshape(len(found), -1)
        found += orders * (first + (MEAN_LINES - 1) * _further(first, assortment, shelf, period))
    return found


def posterior(world: World, market: int, lines: MarketLines, cohort: int) -> Reals:
    """customer x group: what purchases before a month and the own words say of the hidden group, by Bayes' rule.

    Customers are numbered by their number in the world. The flags of planted surprises follow from region, gender and
    age band and are taken as known. An order follows the group in its first line alone, and nobody sees which that was:
    its likelihood is the sum, over its lines, of the chance as a first line over the weight, which is what the chances
    of the others as further lines of the seller leave of it.
    """
    numbers, customer = np.unique(lines.customer, return_inverse=True)
    tastes = np.tile([PRICE_TASTE_SHARE, 1 - 2 * PRICE_TASTE_SHARE, PRICE_TASTE_SHARE], len(SEGMENTS))
    gender = _told(lines.gender, [*GENDERS])
    band = _told(lines.age_band, [str(one) for one in AGE_BANDS])
    usual = np.einsum("g,a,gas->s", np.asarray(GENDER_SHARE), AGE_BAND_SHARE, SEGMENT_SHARE)
    segment = np.where((gender >= 0)[:, None], SEGMENT_SHARE[gender, band], usual)
    width = len(tastes)
    log = np.zeros((len(numbers), width))
    log[customer] = np.log(np.repeat(segment, len(PRICE_TASTES), axis=1) + 1e-12) + np.log(tastes)
    flag = np.zeros(len(numbers), dtype=np.int64)
    flag[customer] = lines.group // width
    groups = width
    for month in range(cohort):
        chances = _first_over_weight(plan_month(world, market, month))
        groups = len(chances)
        rows = np.flatnonzero(lines.cohort == month)
        _, starts, order = np.unique(lines.order[rows], return_index=True, return_inverse=True)
        own = chances.reshape(-1, width, chances.shape[1])[flag[customer[rows]], :, lines.product[rows]]
        likely = np.zeros((len(starts), width))
        np.add.at(likely, order, own)
        np.add.at(log, customer[rows][starts], np.log(likely + 1e-300))
    found = np.zeros((len(numbers), groups))
    share = np.exp(log - log.max(axis=1, keepdims=True))
    np.put_along_axis(found, flag[:, None] * width + np.arange(width), share / share.sum(axis=1, keepdims=True), axis=1)
    return found


def _first_over_weight(plan: MonthPlan) -> Reals:
    """group x local product: chance as the first line of an order over the product's weight, in the first period."""
    weight = plan.shelf.weight[0]
    within = np.stack([_within_category(plan, 0, taste) for taste in PRICE_TASTES])
    share = plan.shelf.category_share[0][:, plan.assortment.category]
    first = (share[:, None, :] * within[None, :, :]).reshape(-1, len(weight))
    return np.asarray(np.divide(first, weight, out=np.zeros_like(first), where=weight > 0))


def _told(values: NDArray[np.object_], names: list[str]) -> Integers:
    place = {name: number for number, name in enumerate(names)}
    return np.asarray([place.get(one, -1) for one in values], dtype=np.int64)


def _within_category(plan: MonthPlan, period: int, taste: int) -> Reals:
    """Chance of each local product among those of its category: of one draw, or of the lower or higher of two."""
    assortment, size = plan.assortment, len(plan.assortment.product)
    edges = plan.shelf.by_category[period * size : (period + 1) * size + 1]
    start, end = assortment.category_offset[:-1], assortment.category_offset[1:]
    category = assortment.category[assortment.by_price]
    mass = np.maximum(edges[end] - edges[start], 1e-300)
    low = (edges[:-1] - edges[start][category]) / mass[category]
    high = (edges[1:] - edges[start][category]) / mass[category]
    chance = {0: high - low, 1: high**2 - low**2, -1: (1 - low) ** 2 - (1 - high) ** 2}[taste]
    found = np.zeros(size)
    found[assortment.by_price] = np.maximum(chance, 0.0)
    return found


def _further(first: Reals, assortment: Assortment, shelf: MonthShelf, period: int) -> Reals:
    """Chance of each product as a further line: by weight among the goods of the first line's seller."""
    starts = assortment.seller_offset[:-1]
    weight = shelf.weight[period]
    of_seller = np.add.reduceat(first, starts, axis=1)
    total = np.add.reduceat(weight, starts)
    per_weight = np.divide(of_seller, total, out=np.zeros_like(of_seller), where=total > 0)
    return np.asarray(per_weight[:, assortment.local_seller] * weight)
