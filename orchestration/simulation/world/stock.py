"""Stock of the warehouses and the purchase orders that fill it.

Belongs here: counts four times a month, receipts, purchase orders. Does not: when goods run out (`stock_outs.py`).

No state passes from month to month: a product's stock at a site ends every month at its base level, which is fixed for
the whole horizon. Within the month it falls with what is shipped; receipts bring it back, early when it would not last.
Counts are on the 7th, 14th, 21st and last day. Pieces leave the stock on the day on which they are ordered.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from orchestration.simulation.world.batches import FeedTables, World
from orchestration.simulation.world.codes import container_numbers
from orchestration.simulation.world.columns import dates, moments, money, ones, picked, pieces, table
from orchestration.simulation.world.days import DAY_SECONDS, month_start, next_month_start
from orchestration.simulation.world.randomness import Integers, hashed, hashed_uniform, salt
from orchestration.simulation.world.stock_outs import stock_out_spans
from orchestration.simulation.world.texts import characters, digits, joined, same, strings, words

PARTS = 4
_COUNT_DAYS = (7, 14, 21)
# Months of mean demand in the base level, and pieces on top of it.
_COVER_MONTHS, _SPARE = 2.5, 6
_PIECES_PER_ORDER = 3.3
_SEA_DAYS, _ROAD_DAYS = 32, 2
_LOST_SHARE = 0.02
_AFLOAT_DAYS = 14


@dataclass(frozen=True)
class SiteMonth:
    """What one month takes from some product-sites, by row."""

    month: str
    product: NDArray[np.int32]
    site: NDArray[np.int16]
    base_level: Integers
    shipped: Integers  # row x part


def part_of(days: NDArray[np.int32], first_day: int) -> Integers:
    """Part of the month in which each day lies: 0 to 3, each ending with a count."""
    return np.minimum((days - first_day) // 7, PARTS - 1).astype(np.int64)


def count_days(month: str) -> Integers:
    """The days of the counts."""
    first = month_start(month)
    return np.array([*(first + day - 1 for day in _COUNT_DAYS), next_month_start(month) - 1])


def base_levels(world: World, market: int) -> Integers:
    """Base level of each local product of a market at the site that serves it."""
    assortment = world.assortments[market]
    orders = world.demand.mean_orders[market].sum() / world.config.months
    level: Integers = _SPARE + np.ceil(_COVER_MONTHS * _PIECES_PER_ORDER * orders * assortment.weight).astype(np.int64)
    return level


def home_base_levels(world: World) -> Integers:
    """Base level of each product at its seller's home site: what all markets that it serves from there need."""
    level = np.full(len(world.products.seller), _SPARE, dtype=np.int64)
    for market, assortment in enumerate(world.assortments):
        np.add.at(level, assortment.product, base_levels(world, market) - _SPARE)
    return level


def stock_tables(world: World, taken: SiteMonth, served: tuple[str, ...]) -> FeedTables:
    """Counts and purchase orders of these product-sites; `served` are the markets of each site, by site index."""
    rows, config = len(taken.product), world.config
    days = count_days(taken.month)
    starts = np.concatenate([[month_start(taken.month)], days[:-1] + 1])
    quality = world.sellers.quality[world.products.seller[taken.product]]
    out_from, out_to = stock_out_spans(config, taken.month, taken.product, taken.site, quality)
    on_hand = np.empty((rows, PARTS), dtype=np.int64)
    received = np.zeros((rows, PARTS), dtype=np.int64)
    adjusted = np.zeros((rows, PARTS), dtype=np.int64)
    numbers = taken.product.astype(np.int64) * 256 + taken.site
    level = taken.base_level
    balance = level.copy()
    was_out = np.zeros(rows, dtype=bool)
    for part in range(PARTS):
        left = balance - taken.shipped[:, part]
        lost = (hashed_uniform(numbers, salt(config, f"lost {taken.month} {part}")) < _LOST_SHARE) & (left > 1)
        is_last = part == PARTS - 1
        is_empty = (out_from <= days[part]) & (out_to >= days[part]) & (not is_last)
        adjusted[:, part] = np.where(is_empty, -np.maximum(left, 0), -1 * lost)
        left = left + adjusted[:, part]
        wanted = level if is_last else np.where(is_empty, 0, np.where(was_out, (level + 1) // 2, 0))
        received[:, part] = np.maximum(wanted - left, 0)
        balance = left + received[:, part]
        on_hand[:, part] = balance
        was_out = is_empty
    is_out = (out_from[:, None] <= days) & (out_to[:, None] >= starts) & (out_to >= out_from)[:, None]
    # When the world ends, the goods for the time after it are on their way to the sites abroad.
    is_end = taken.month == config.month_list[-1]
    afloat = np.where(world.sites.is_overseas[taken.site] & is_end, (level + 2) // 3, 0)
    coming = np.cumsum(received[:, ::-1], axis=1)[:, ::-1] - received + afloat[:, None]
    row = np.repeat(np.arange(rows), PARTS)
    site = taken.site[row]
    counted = np.tile(days, rows)
    counts = table(
        {
            "site_code": words(site, world.sites.site_code),
            "site_country": words(site, world.sites.country),
            "product_id": picked(world.products.product_id, taken.product[row]),
            "counted_on": dates(counted),
            "on_hand_qty": pieces(on_hand.ravel()),
            "reserved_qty": pieces(np.minimum(taken.shipped // 4, on_hand).ravel()),
            "in_transit_qty": pieces(coming.ravel()),
            "received_qty": pieces(received.ravel()),
            "shipped_qty": pieces(taken.shipped.ravel()),
            "adjusted_qty": pieces(adjusted.ravel()),
            "is_out_of_stock": pa.array(is_out.ravel()),
            "served_countries": words(site, served),
            "version": ones(rows * PARTS),
            "updated_at": moments((counted + 1) * DAY_SECONDS + 6 * 3600),
        }
    )
    tables: FeedTables = {
        ("wms", "stock_snapshots"): counts,
        ("erp", "purchase_orders"): _purchase_orders(world, taken, np.column_stack([received, afloat]), days),
    }
    return tables


def _purchase_orders(world: World, taken: SiteMonth, ordered: Integers, days: Integers) -> pa.Table:
    """One line for each receipt, by row and part; what stands in a fifth part has not come yet.

    A seller orders for a site and a part of the month at once.
    """
    row, part = np.nonzero(ordered)
    order_key = (
        world.products.seller[taken.product[row]].astype(np.int64) * 256 + taken.site[row].astype(np.int64)
    ) * 8 + part
    turn = np.argsort(order_key, kind="stable")
    row, part, key = row[turn], part[turn], order_key[turn]
    product, site = taken.product[row], taken.site[row].astype(np.int64)
    seller = world.products.seller[product]
    is_start = np.concatenate([[True], key[1:] != key[:-1]])[: len(key)]
    starts = np.flatnonzero(is_start)
    line = np.arange(len(key)) - np.repeat(starts, np.diff(np.append(starts, len(key)))) + 1
    supplier = world.products.supplier[product]
    is_near = world.sites.is_overseas[site]
    bits = hashed(key, salt(world.config, f"purchase {taken.month}"))
    # All lines of one order are ordered at once, so its slowest supplier sets the day.
    slowest = np.maximum.reduceat(world.suppliers.lead_time_days[supplier], starts) if len(starts) else np.zeros(0)
    lead = np.ceil(slowest[np.cumsum(is_start) - 1]).astype(np.int64) + np.where(is_near, _SEA_DAYS, _ROAD_DAYS)
    delay = (bits % np.uint64(9)).astype(np.int64) - 3
    has_come = part < PARTS
    came = np.append(days, days[-1] + _AFLOAT_DAYS)[part] - (bits >> np.uint64(8)).astype(np.int64) % 5
    at = (came - lead - np.maximum(delay, 0)) * DAY_SECONDS + (bits >> np.uint64(16)).astype(np.int64) % 36_000
    units = ordered[row, part]
    containers = container_numbers(
        (bits >> np.uint64(32)).astype(np.int64) % 4, (bits >> np.uint64(34)).astype(np.int64) % 1_000_000
    )
    stamp = f"PO{taken.month[2:4]}{taken.month[5:7]}"
    places = characters([f"{index:02d}" for index in range(len(world.sites.site_code))])
    return table(
        {
            "po_no": strings(joined(len(key), stamp, places[site], digits(part + 1, 1), digits(seller + 1, 6))),
            "line_no": pa.array(line.astype(str).tolist(), pa.string()),
            "seller_id": picked(world.sellers.seller_id, seller),
            "supplier_id": picked(world.suppliers.supplier_id, supplier),
            "product_id": picked(world.products.product_id, product),
            "ordered_at": moments(at),
            "quantity": pieces(units),
            "unit_cost_amount": money(world.products.cost_cents[product]),
            "currency_code": same("CNY", len(key)),
            "promised_on": dates(came - delay),
            "received_on": dates(came, has_come),
            "received_qty": pa.array(units.astype(np.float64), mask=~has_come),
            "site_code": words(site, world.sites.site_code),
            "container_no": containers.take(pa.array(np.arange(len(key)), mask=~is_near)),
            "version": ones(len(key)),
            "updated_at": moments(np.where(has_come, (came + 1) * DAY_SECONDS, at)),
        }
    )
