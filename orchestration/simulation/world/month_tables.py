"""Feeds of a market-month beside its orders: promotions, media, stock and capacity of the market's own sites.

Belongs here: these tables. Does not: the stock of home sites, which all markets share (`generate.py`).
"""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from orchestration.simulation.world.batches import FeedTables, HomeShipments, World
from orchestration.simulation.world.capacity import (
    STORAGE_ROOM,
    busiest_minutes,
    capacity_table,
    parcels_capacity,
    server_capacity,
    storage_load,
)
from orchestration.simulation.world.columns import dates, integers, moments, money, ones, picked, pieces, table
from orchestration.simulation.world.days import DAY_SECONDS
from orchestration.simulation.world.market_parameters import FIRST_RATES
from orchestration.simulation.world.media import MEDIUM_SPECS
from orchestration.simulation.world.orders import MonthPlan
from orchestration.simulation.world.plans import MEDIA
from orchestration.simulation.world.pricing import Drawn
from orchestration.simulation.world.randomness import Integers, Reals
from orchestration.simulation.world.sessions import CAMPAIGNS, Visits
from orchestration.simulation.world.stock import PARTS, SiteMonth, base_levels, part_of, stock_tables
from orchestration.simulation.world.texts import characters, digits, joined, same, strings, words

# Fewer pieces than this in a month are not worth a count.
LEAST_COUNTED = 3
_SEEN_SHARE = 0.5


def promotion_table(world: World, plan: MonthPlan) -> pa.Table:
    """One row per promotion of one product, in the order of `OrderBatch.promotion`."""
    period, local = np.nonzero(plan.shelf.discount_pct)
    product = plan.assortment.product[local]
    seller = world.products.seller[product]
    starts = np.array([span.first_day for span in plan.periods])[period]
    ends = np.array([span.end_day - 1 for span in plan.periods])[period]
    events = sorted({span.event for span in plan.periods if span.event})
    code = np.array([events.index(span.event) if span.event else -1 for span in plan.periods])[period]
    stamp = f"PR{plan.month[2:4]}{plan.month[5:7]}{plan.market:02d}"
    numbers = characters([f"{index:02d}" for index in range(len(plan.periods))])
    return table(
        {
            "promotion_id": strings(joined(len(product), stamp, numbers[period], digits(seller + 1, 6))),
            "product_id": picked(world.products.product_id, product),
            "market_country": same(plan.spec.code, len(product)),
            "seller_id": picked(world.sellers.seller_id, seller),
            "starts_on": dates(starts),
            "ends_on": dates(ends),
            "discount_pct": pieces(plan.shelf.discount_pct[period, local]),
            "event_code": words(np.maximum(code, 0), events or ("none",), code >= 0),
            "version": ones(len(product)),
            "updated_at": moments((starts - 7) * DAY_SECONDS),
        }
    )


def days_of(world: World, plan: MonthPlan) -> slice:
    """Where the month stands among the days of the horizon."""
    return slice(plan.first_day - world.demand.first_day, plan.end_day - world.demand.first_day)


def spend_table(world: World, plan: MonthPlan) -> pa.Table:
    """What each medium cost on each day; days without spend have no row."""
    spend = world.media.spend_cents[plan.market][days_of(world, plan)]
    day, medium = np.nonzero(spend)
    cents = spend[day, medium]
    per_usd = FIRST_RATES[plan.spec.currency][0] / FIRST_RATES["USD"][0]
    click_cents = np.array([spec.cost_per_click_usd * 100 * per_usd for spec in MEDIUM_SPECS])[medium]
    rate = np.array([spec.click_rate for spec in MEDIUM_SPECS])[medium]
    clicks = (cents / click_cents).astype(np.int64)
    return table(
        {
            "medium": words(medium, MEDIA),
            "campaign": words(medium, CAMPAIGNS),
            "market_country": same(plan.spec.code, len(day)),
            "spent_on": dates(plan.first_day + day),
            "spend_amount": money(cents),
            "currency_code": same(plan.spec.currency, len(day)),
            "impressions": integers(np.ceil(clicks / rate)),
            "clicks": integers(clicks),
            "version": ones(len(day)),
            "updated_at": moments((plan.first_day + day + 1) * DAY_SECONDS + 4 * 3600),
        }
    )


def home_shipments(world: World, plan: MonthPlan, drawn: Drawn) -> HomeShipments:
    """What the market-month took from the home sites."""
    batch = drawn.batch
    is_home = ~world.sites.is_overseas[batch.site] & ~batch.is_cancelled
    line = is_home[batch.line_order]
    day = batch.ordered_day - plan.first_day
    return HomeShipments(
        _pieces(batch.product[line], part_of(batch.ordered_day[batch.line_order[line]], plan.first_day),
                batch.quantity[line], len(world.products.seller)),
        _counts(batch.site[is_home], day[is_home], len(world.sites.site_code), 31),
    )  # fmt: skip


def _pieces(row: NDArray[np.int32], part: Integers, quantity: NDArray[np.int32], rows: int) -> Integers:
    summed: Integers = (
        np.bincount(row * np.int64(PARTS) + part, quantity, minlength=rows * PARTS)
        .astype(np.int64)
        .reshape(rows, PARTS)
    )
    return summed


def _counts(site: NDArray[np.int16], day: NDArray[np.int32], sites: int, days: int) -> Integers:
    counted: Integers = np.bincount(site.astype(np.int64) * days + day, minlength=sites * days).reshape(sites, days)
    return counted


def market_stock(world: World, plan: MonthPlan, drawn: Drawn) -> FeedTables:
    """Counts and purchase orders of the market's own sites; goods that are made to order are not kept."""
    batch, assortment = drawn.batch, plan.assortment
    is_near = world.sites.is_overseas[batch.site] & ~batch.is_cancelled
    line = is_near[batch.line_order]
    day = batch.ordered_day[batch.line_order[line]]
    shipped = _pieces(
        drawn.local[line].astype(np.int32), part_of(day, plan.first_day), batch.quantity[line], len(assortment.product)
    )
    local = np.flatnonzero(
        (shipped.sum(axis=1) >= LEAST_COUNTED) & ~world.products.is_made_to_order[assortment.product]
    )
    if not len(local):
        return {}
    taken = SiteMonth(
        plan.month, assortment.product[local], assortment.market_site[local],
        base_levels(world, plan.market)[local], shipped[local],
    )  # fmt: skip
    return stock_tables(world, taken, served_markets(world))


def served_markets(world: World) -> tuple[str, ...]:
    """Markets that each site serves, separated by ';'."""
    markets = world.markets.code
    exports = ";".join(code for code in markets if code != "CN")
    served = []
    for country, market in zip(world.sites.country, world.sites.market.tolist(), strict=True):
        served.append(markets[market] if market >= 0 else exports if country == "CN" else "CN")
    return tuple(served)


def market_capacity(world: World, plan: MonthPlan, drawn: Drawn, visits: Visits | None) -> pa.Table:
    """Capacity and load of the market's servers and of its own sites."""
    batch, days = drawn.batch, plan.end_day - plan.first_day
    mean = float(world.demand.mean_orders[plan.market].mean())
    code = plan.spec.code
    server = f"WEB{code}1"
    entries = [(server, code, "orders_per_minute")]
    room = [server_capacity(mean)]
    loads: list[Reals | Integers] = [
        busiest_minutes(batch.ordered_at, (batch.ordered_day - plan.first_day).astype(np.int64), days)
    ]
    if visits is not None:
        own = world.demand.own_share[plan.market].mean() * sum(plan.spec.shares[:3])
        entries.append((server, code, "sessions_per_minute"))
        room.append(server_capacity(mean * own / 0.06))
        # The server bears all visits, also those whose visitors do not want to be seen.
        day = np.clip(visits.started_at // DAY_SECONDS - plan.first_day, 0, days - 1)
        loads.append(np.rint(busiest_minutes(visits.started_at, day, days) / _SEEN_SHARE))
    level = base_levels(world, plan.market)
    share = plan.assortment.weight
    for site in np.flatnonzero(world.sites.market == plan.market).tolist():
        is_here = plan.assortment.market_site == site
        name, country = world.sites.site_code[site], world.sites.country[site]
        kept = int(level[is_here].sum())
        sent = _counts(batch.site[~batch.is_cancelled], (batch.ordered_day - plan.first_day)[~batch.is_cancelled],
                       len(world.sites.site_code), days)[site]  # fmt: skip
        entries += [(name, country, "parcels_per_day"), (name, country, "storage_pieces")]
        room += [parcels_capacity(mean * float(share[is_here].sum())), max(1.0, STORAGE_ROOM * kept)]
        loads += [sent, storage_load(world, kept, plan.first_day, days)]
    return capacity_table(plan.first_day, entries, room, loads)
