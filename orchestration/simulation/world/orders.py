"""Orders of one market-month: who buys what, when, through which channel.

Belongs here: the draws. Does not: money (`pricing.py`), and the tables of feeds (`order_tables.py`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestration.simulation.world.assortment import MonthShelf, month_shelf
from orchestration.simulation.world.baskets import WHOLESALE_SHARE, draw_lines, draw_pieces
from orchestration.simulation.world.batches import OWN_SHOP, PORT_IMPORT, PORT_PLATFORM, World
from orchestration.simulation.world.category_parameters import SEGMENTS
from orchestration.simulation.world.customers import CustomerTraits, customer_numbers, draw_returning, traits_of
from orchestration.simulation.world.days import DAY_SECONDS
from orchestration.simulation.world.events import Period, event_effect, periods
from orchestration.simulation.world.market_parameters import MarketSpec, market_specs
from orchestration.simulation.world.plans import Assortment, Surprise
from orchestration.simulation.world.randomness import Integers, Reals, hashed, salt, stream
from orchestration.simulation.world.stock_outs import stock_out_spans

Flags = NDArray[np.bool_]
# Orders by hour of the buyer's day.
_HOURS = np.array([18, 10, 6, 4, 3, 4, 8, 16, 28, 40, 50, 54, 56, 52, 48, 46, 46, 50, 58, 70, 84, 88, 70, 40])
# On days with more than twice the usual demand this share comes in the first half hour (domain.md g).
_RUSH_SHARE, _RUSH_SECONDS, _RUSH_EFFECT = 0.12, 1800, 1.0
_SAME_SCREEN = 0.7


@dataclass(frozen=True)
class MonthPlan:
    """A market-month before anything is drawn."""

    market: int
    month: str
    cohort: int  # index of the month
    spec: MarketSpec
    assortment: Assortment
    periods: tuple[Period, ...]
    shelf: MonthShelf
    first_day: int
    end_day: int
    out_from: Integers  # by local product: stock-outs at the site that serves the market
    out_to: Integers
    home_out_from: Integers  # and at the home site
    home_out_to: Integers


@dataclass(frozen=True)
class Buying:
    """Orders by time, before stock-outs: their buyers and circumstances."""

    day: NDArray[np.int32]  # market-local
    ordered_at: Integers
    customer: Integers
    is_first: Flags
    traits: CustomerTraits
    channel: NDArray[np.int8]
    screen: NDArray[np.int8]
    is_wholesale: Flags
    period: Integers


@dataclass(frozen=True)
class Lines:
    """Lines by order and local product; a product stands once in an order."""

    order: Integers
    local: Integers
    quantity: Integers
    is_lost: Flags  # out of stock


def plan_month(world: World, market: int, cohort: int) -> MonthPlan:
    """Shelf, periods and stock-outs of a market-month."""
    config, demand = world.config, world.demand
    spec = market_specs(config.markets)[market]
    month = config.month_list[cohort]
    first_day = demand.first_day + int(demand.month_offset[cohort])
    end_day = demand.first_day + int(demand.month_offset[cohort + 1])
    assortment = world.assortments[market]
    spans = periods(spec.code, first_day, end_day)
    quality = world.sellers.quality[world.products.seller[assortment.product]]
    out = stock_out_spans(config, month, assortment.product, assortment.market_site, quality)
    home_out = stock_out_spans(config, month, assortment.product, assortment.home_site, quality)
    return MonthPlan(
        market, month, cohort, spec, assortment, spans,
        month_shelf(config, assortment, world.products, spec, month, spans), first_day, end_day, *out, *home_out,
    )  # fmt: skip


def draw_buying(world: World, plan: MonthPlan) -> Buying:
    """All orders of the month by time, with their buyers."""
    rng = stream(world.config, "orders", plan.spec.code, plan.month)
    offset = plan.first_day - world.demand.first_day
    counts = world.demand.orders[plan.market, offset : offset + plan.end_day - plan.first_day]
    rows = int(counts.sum())
    day = np.repeat(np.arange(plan.first_day, plan.end_day, dtype=np.int32), counts)
    seconds = np.interp(rng.random(rows), np.concatenate([[0], _HOURS.cumsum()]) / _HOURS.sum(), np.arange(25) * 3600.0)
    effect = event_effect(plan.spec.code, plan.first_day, plan.end_day - plan.first_day)
    if (effect > _RUSH_EFFECT).any():
        is_rush = (effect[day - plan.first_day] > _RUSH_EFFECT) & (rng.random(rows) < _RUSH_SHARE)
        seconds[is_rush] = rng.random(int(is_rush.sum())) * _RUSH_SECONDS
    clock = np.sort(day.astype(np.int64) * DAY_SECONDS + np.minimum(seconds.astype(np.int64), DAY_SECONDS - 1))
    customer, is_first = _draw_customers(world, plan, rng, clock)
    port_share = plan.spec.shares[3]
    traits = traits_of(
        world.config, customer, np.array([weight for _, weight in plan.spec.regions]) / _total(plan.spec), port_share,
        _placed_surprises(plan),
    )  # fmt: skip
    channel = _draw_channels(rng, world, plan, day, traits.is_port_buyer)
    starts = np.array([period.first_day for period in plan.periods])
    may_resell = (channel != PORT_IMPORT) & (channel != PORT_PLATFORM) & (channel != OWN_SHOP)
    return Buying(
        day=day,
        ordered_at=world.clock.to_utc(plan.market, day, clock - day.astype(np.int64) * DAY_SECONDS),
        customer=customer,
        is_first=is_first,
        traits=traits,
        channel=channel,
        screen=_draw_screens(rng, world, plan, customer),
        is_wholesale=may_resell & (rng.random(rows) < WHOLESALE_SHARE),
        period=np.searchsorted(starts, day, "right") - 1,
    )


def _total(spec: MarketSpec) -> float:
    return sum(weight for _, weight in spec.regions)


def _placed_surprises(plan: MonthPlan) -> tuple[tuple[int, Surprise], ...]:
    regions = [region for region, _ in plan.spec.regions]
    return tuple((regions.index(surprise.region), surprise) for surprise in plan.assortment.surprises)


def _draw_customers(world: World, plan: MonthPlan, rng: np.random.Generator, clock: Integers) -> tuple[Integers, Flags]:
    """Buyer of each order, and whether it is the buyer's first."""
    rows = len(clock)
    sizes = world.demand.new_customers[plan.market, : plan.cohort + 1]
    new = int(sizes[-1])
    keys = rng.random(rows)
    if plan.cohort == 0 and rows:
        keys[0] = -1.0  # nobody can come back before somebody has come
    is_first = np.zeros(rows, dtype=bool)
    if new:
        is_first[np.argpartition(keys, min(new, rows - 1))[:new]] = True
    before = np.cumsum(is_first)
    customer = np.empty(rows, dtype=np.int64)
    customer[is_first] = customer_numbers(plan.market, plan.cohort, np.arange(new))
    again = ~is_first
    span = (plan.end_day - plan.first_day) * DAY_SECONDS
    fraction = (clock[again] - plan.first_day * DAY_SECONDS) / span
    customer[again] = draw_returning(rng, world.config, plan.market, sizes, fraction, before[again])
    return customer, is_first


def _draw_channels(
    rng: np.random.Generator, world: World, plan: MonthPlan, day: NDArray[np.int32], is_port: Flags
) -> NDArray[np.int8]:
    if plan.spec.code == "CN":
        return np.full(len(day), PORT_IMPORT, dtype=np.int8)
    own = world.demand.own_share[plan.market][day - world.demand.first_day]
    _, first, second, _ = plan.spec.shares
    draw = rng.random(len(day))
    hub = 0 + (draw >= own).astype(np.int8) + (draw >= own + (1 - own) * first / (first + second))
    return np.where(is_port, PORT_PLATFORM, hub).astype(np.int8)


def _draw_screens(rng: np.random.Generator, world: World, plan: MonthPlan, customer: Integers) -> NDArray[np.int8]:
    """Most orders come from the buyer's usual screen."""
    bits = hashed(customer, salt(world.config, "screen"))
    usual = (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53
    draw = np.where(rng.random(len(customer)) < _SAME_SCREEN, usual, rng.random(len(customer)))
    return np.searchsorted(np.cumsum(plan.spec.screens)[:-1], draw, "right").astype(np.int8)


def draw_all_lines(world: World, plan: MonthPlan, buying: Buying) -> Lines:
    """The lines of all orders; the first follows the buyer's taste, further ones stay with its seller."""
    rng = stream(world.config, "lines", plan.spec.code, plan.month)
    rows, shelf = len(buying.customer), plan.shelf
    category = _draw_categories(rng, plan, buying)
    first = _draw_first_products(rng, plan, buying, category)
    counts = draw_lines(rng, rows)
    further = np.repeat(np.arange(rows), counts - 1)
    assortment = plan.assortment
    size = len(assortment.product)
    seller = assortment.local_seller[first[further]]
    base = buying.period[further] * size
    low = shelf.by_seller[base + assortment.seller_offset[seller]]
    high = shelf.by_seller[base + assortment.seller_offset[seller + 1]]
    found = np.searchsorted(shelf.by_seller, low + rng.random(len(further)) * (high - low), "right") - 1 - base
    found = np.clip(found, assortment.seller_offset[seller], assortment.seller_offset[seller + 1] - 1)
    order = np.concatenate([np.arange(rows), further])
    keys = order * size + np.concatenate([first, found])
    pieces = draw_pieces(rng, buying.is_wholesale[order], is_import=plan.spec.code == "CN")
    keys, pieces = _merged(keys, pieces)
    order, local = np.divmod(keys, size)
    at_home = buying.channel[order] == PORT_PLATFORM
    day = buying.day[order]
    start = np.where(at_home, plan.home_out_from[local], plan.out_from[local])
    last = np.where(at_home, plan.home_out_to[local], plan.out_to[local])
    return Lines(order, local, pieces, (day >= start) & (day <= last))


def _merged(keys: Integers, pieces: Integers) -> tuple[Integers, Integers]:
    """One row per key, pieces added up."""
    if not len(keys):
        return keys, pieces
    turn = np.argsort(keys, kind="stable")
    keys, pieces = keys[turn], pieces[turn]
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    return keys[starts], np.add.reduceat(pieces, starts)


def _draw_categories(rng: np.random.Generator, plan: MonthPlan, buying: Buying) -> Integers:
    shares = plan.shelf.category_share
    profile = buying.traits.segment + len(SEGMENTS) * buying.traits.flags.astype(np.int64)
    row = buying.period * shares.shape[1] + profile
    table = shares.reshape(-1, shares.shape[2]).cumsum(axis=1)
    table[:, -1] = 1.0
    flat = (table + np.arange(len(table))[:, None]).ravel()
    found = np.searchsorted(flat, row + rng.random(len(row)), "right") - row * shares.shape[2]
    category: Integers = np.minimum(found, shares.shape[2] - 1)
    return category


def _draw_first_products(rng: np.random.Generator, plan: MonthPlan, buying: Buying, category: Integers) -> Integers:
    """Local product of each order's first line: the cheaper or the dearer of two candidates, as the buyer likes."""
    assortment, cumulated = plan.assortment, plan.shelf.by_category
    one, two = rng.random(len(category)), rng.random(len(category))
    taste = buying.traits.price_taste
    draw: Reals = np.where(taste == 0, one, np.where(taste < 0, np.minimum(one, two), np.maximum(one, two)))
    base = buying.period * len(assortment.product)
    start, end = assortment.category_offset[category], assortment.category_offset[category + 1]
    low, high = cumulated[base + start], cumulated[base + end]
    place = np.searchsorted(cumulated, low + draw * (high - low), "right") - 1 - base
    local: Integers = assortment.by_price[np.clip(place, start, end - 1)]
    return local
