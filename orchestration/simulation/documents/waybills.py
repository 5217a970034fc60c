"""The tables of parcels: shipments, their lines and their tracking events.

Belongs here: columns. Does not: times and outcomes (see `shipping.py`). The port has waybills and signed receipts only.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.simulation.documents import columns
from orchestration.simulation.documents.buyers import Buyers
from orchestration.simulation.documents.columns import Flags, Integers, Unrolled
from orchestration.simulation.documents.numbers import s10_numbers, texts
from orchestration.simulation.documents.routes import (
    CARRIER_CODES,
    POST,
    ROUTE_CODES,
    ROUTES,
    SEA,
    TRANSPORT_MODES,
    parameter,
)
from orchestration.simulation.documents.setting import Setting
from orchestration.simulation.documents.shipping import EVENTS, Parcels
from orchestration.simulation.world.codes import container_numbers
from orchestration.simulation.world.columns import dates, integers, money, ones, pieces, table
from orchestration.simulation.world.randomness import hashed_below
from orchestration.simulation.world.texts import digits

_DELIVERED = EVENTS.index("delivered")
_HOME_EVENTS = 4  # created to departed happen where the parcel starts
# UN/LOCODE of the gateway of each market; other markets' events name no place.
_GATEWAYS = {
    "US": "USLAX", "GB": "GBLHR", "DE": "DEFRA", "FR": "FRCDG", "JP": "JPNRT", "KR": "KRICN", "ES": "ESMAD",
    "AU": "AUSYD", "BR": "BRGRU", "MX": "MXMEX", "SA": "SARUH", "CN": "CNCAN",
}  # fmt: skip
_HOME_GATEWAY = "CNSZX"
_SALT_CONTAINER = 61
_REASONS = pa.array(["customs_inspection", "addressee_absent"])


def waybill_numbers(setting: Setting, route: Integers) -> pa.StringArray:
    """The number of each parcel: postal items have S10 numbers, other carriers their own."""
    serial = np.arange(len(route))
    is_postal = route == POST
    by_post, others = np.flatnonzero(is_postal), np.flatnonzero(~is_postal)
    postal = s10_numbers(setting.blocks.eight_digits(serial[by_post]), setting.market)
    prefixes = np.frombuffer("".join(f"{one.prefix:2.2}" for one in ROUTES).encode(), np.uint8).reshape(-1, 2)
    head = f"{setting.blocks.yymm:04d}{setting.market:03d}"
    own = texts(len(others), prefixes[route[others]], head, digits(serial[others], 7))
    place = np.where(is_postal, np.cumsum(is_postal) - 1, len(by_post) + np.cumsum(~is_postal) - 1)
    return columns.taken(pa.concat_arrays([postal, own]), place)


def shipment_tables(
    setting: Setting, parcels: Parcels, waybill: pa.StringArray, buyers: Buyers
) -> dict[tuple[str, str], pa.Table]:
    """Shipments, shipment lines and tracking events, from `carrier` for the hub and from `port` for its own."""
    result: dict[tuple[str, str], pa.Table] = {}
    parcel_is_port = setting.is_port[parcels.order]
    month = columns.month_number(parcels.parcel_shipped_at)
    orders = _order_texts(setting, parcels)
    # Of a port waybill one version only: its delivery is the status message's news.
    states = (parcels.events[1], parcels.events[_DELIVERED])
    for source, is_its in (("carrier", ~parcel_is_port), ("port", parcel_is_port)):
        rows = np.flatnonzero(is_its)
        if not len(rows):
            continue
        moments = [state[rows] for state in (states if source == "carrier" else states[:1])]
        seen = columns.unrolled(moments, setting.end)
        its_buyers = buyers if source == "port" else None
        result[source, "shipments"] = _shipments(setting, parcels, waybill, month, orders, rows, seen, its_buyers)
        result[source, "shipment_lines"] = _lines(setting, parcels, waybill, month, is_its)
        result[source, "tracking_events"] = _events(setting, parcels, waybill, month, rows, source)
    return result


def _order_texts(setting: Setting, parcels: Parcels) -> tuple[pa.Array, Integers]:
    """Texts of one or two order numbers, and which of them each parcel has."""
    merged = np.flatnonzero(parcels.second_order >= 0)
    numbers = setting.batch.order_no
    both = pc.binary_join_element_wise(
        numbers.take(pa.array(parcels.order[merged])), numbers.take(pa.array(parcels.second_order[merged])), ";"
    )
    position = parcels.order.copy()
    position[merged] = setting.count + np.arange(len(merged))
    return pa.concat_arrays([numbers, both]), position


def _key(parcels: Parcels, waybill: pa.StringArray, month: Integers, rows: Integers) -> dict[str, pa.Array]:
    return {
        "carrier_code": columns.labels(CARRIER_CODES, parcels.route[rows]),
        "waybill_no": columns.named(waybill, rows),
        "shipped_month": columns.month_names(month[rows]),
    }


def _shipments(
    setting: Setting,
    parcels: Parcels,
    waybill: pa.StringArray,
    month: Integers,
    orders: tuple[pa.Array, Integers],
    parcel_rows: Integers,
    seen: Unrolled,
    buyers: Buyers | None,
) -> pa.Table:
    batch, world = setting.batch, setting.world
    rows = parcel_rows[seen.row]
    order, route = parcels.order[rows], parcels.route[rows]
    is_shared = (parcels.second_order[rows] >= 0) & (
        batch.seller[order] != batch.seller[np.maximum(parcels.second_order[rows], 0)]
    )
    promised = batch.ordered_day[order].astype(np.int64) + batch.promised_days[order]
    freight = parcels.grams * parameter("freight_cents_a_kg").astype(np.int64)[parcels.route] // 1000 + 80
    delivered = np.where(seen.slot == 1, parcels.events[_DELIVERED][rows], columns.NEVER)
    origin = np.array([world.sites.country.index(code) for code in world.sites.country], np.int64)
    result = _key(parcels, waybill, month, rows) | {
        "order_no": columns.named(orders[0], orders[1][rows]),
        "shipped_at": columns.times(parcels.parcel_shipped_at[rows]),
        "delivered_at": columns.times(delivered),
        "destination_country": columns.constant(batch.market, len(rows)),
        "transport_mode": columns.labels(TRANSPORT_MODES, route),
        "seller_id": columns.optional(world.sellers.seller_id, np.where(is_shared, -1, batch.seller[order])),
        "promised_on": dates(promised),
        "origin_country": columns.labels(world.sites.country, origin[batch.site[order]]),
        "site_code": columns.labels(world.sites.site_code, batch.site[order].astype(np.int64)),
        "route_code": columns.labels(ROUTE_CODES, route),
        "container_no": _containers(setting, parcels, rows),
        "incoterm": columns.labels(("DAP", "DDP"), (batch.tax_cents[order] > 0).astype(np.int64)),
        "package_count": ones(len(rows)),
        "gross_weight_kg": columns.kilograms(parcels.grams[rows]),
        "freight_amount": money(freight[rows]),
        "currency_code": columns.constant("USD", len(rows)),
    }
    if buyers is not None:
        result |= buyers.consignees(order)
    return table(result | {"version": integers(seen.version), "updated_at": columns.times(seen.at)})


def _containers(setting: Setting, parcels: Parcels, rows: Integers) -> pa.Array:
    """The container of parcels that go by sea: those of one day share one."""
    by_sea = np.flatnonzero(parcels.route[rows] == SEA)
    day = parcels.parcel_shipped_at[rows[by_sea]] // columns.DAY
    serial = hashed_below(day * 1024 + setting.market, _SALT_CONTAINER, 1_000_000)
    index = np.full(len(rows), -1, np.int64)
    index[by_sea] = np.arange(len(by_sea))
    numbers = container_numbers(day, serial) if len(by_sea) else pa.array([""])
    return columns.optional(numbers, index)


def _lines(setting: Setting, parcels: Parcels, waybill: pa.StringArray, month: Integers, is_its: Flags) -> pa.Table:
    batch = setting.batch
    shipped = np.flatnonzero((parcels.line_parcel >= 0) & (parcels.shipped_at <= setting.end))
    line = shipped[is_its[parcels.line_parcel[shipped]]]
    parcel = parcels.line_parcel[line]
    rank = np.argsort(parcel, kind="stable")
    line, parcel = line[rank], parcel[rank]
    is_first = np.append(True, parcel[1:] != parcel[:-1]) if len(parcel) else np.empty(0, bool)
    start = np.maximum.accumulate(np.where(is_first, np.arange(len(parcel)), 0))
    number = np.arange(len(parcel)) - start + 1
    at = columns.times(parcels.shipped_at[line])
    return table(
        _key(parcels, waybill, month, parcel)
        | {
            "line_no": columns.ordinals(number),
            "product_id": columns.named(setting.world.products.product_id, batch.product[line]),
            "quantity": pieces(batch.quantity[line]),
            "line_value_amount": money(setting.line_cents[line]),
            "currency_code": columns.constant(batch.currency, len(line)),
            "weight_kg": columns.kilograms(setting.line_gross_grams[line]),
            "order_no": columns.named(batch.order_no, batch.line_order[line]),
            "order_line_no": columns.ordinals(batch.line_no[line].astype(np.int64)),
            "version": ones(len(line)),
            "updated_at": at,
        }
    )


def _events(
    setting: Setting, parcels: Parcels, waybill: pa.StringArray, month: Integers, rows: Integers, source: str
) -> pa.Table:
    slots = np.array([_DELIVERED]) if source == "port" else np.arange(len(EVENTS))
    # Nobody knows a parcel before it is taken over: its label becomes visible with the pick-up.
    is_known = parcels.parcel_shipped_at[rows] <= setting.end
    rows = rows[is_known]
    seen = columns.unrolled([parcels.events[slot][rows] for slot in slots], setting.end)
    slot, parcel = slots[seen.slot], rows[seen.row]
    market = setting.batch.market
    at = columns.times(seen.at)
    places = pa.array([_HOME_GATEWAY if market != "CN" else "CNCAN", _GATEWAYS.get(market, "")])
    is_away = (slot >= _HOME_EVENTS) | (parcels.route[parcel] >= len(ROUTES) - 2)
    reason = np.where(slot == EVENTS.index("customs_held"), 0, np.where(slot == EVENTS.index("attempt_failed"), 1, -1))
    return table(
        _key(parcels, waybill, month, parcel)
        | {
            "event_code": columns.labels(EVENTS, slot),
            "event_at": at,
            "location_code": columns.optional(places, np.where(is_away & (market not in _GATEWAYS), -1, is_away)),
            "reason_code": columns.optional(_REASONS, reason),
            "version": ones(len(slot)),
            "updated_at": at,
        }
    )
