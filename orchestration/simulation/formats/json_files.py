"""JSON Lines: webhooks of orders with their lines inside, of tracking events, and the visits of a shop.

Belongs here: objects, their nesting and what stands where in them. Does not: which orders go here (see `writing.py`).
Webhooks arrive in no order; a delivery that repeats is a defect, and injected as one (see `defects/`).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import pyarrow as pa
import pyarrow.compute as pc

from orchestration.arrivals.contracts import contracts
from orchestration.simulation.formats import documents
from orchestration.simulation.formats.codes import TRACKING_EVENTS, Codes
from orchestration.simulation.formats.layouts import camel
from orchestration.simulation.formats.texts import ISO, column, content, escaped, gathered, joined, mapped, texts

SIGNS = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
ORDER_KEY = ("order_no", "version")
NO_CODES: Mapping[str, Codes] = MappingProxyType({})


def _paths(feed: str, **others: str) -> Mapping[str, str]:
    return {name: others.get(name, name) for name in contracts()[feed].field_names}


# The place of each field in an object, as a dotted path.
ORDER_PATHS = _paths(
    "orders",
    order_no="number", ordered_at="placed_at", ship_to_country="ship_to.country", subdivision_code="ship_to.region",
    postcode="ship_to.postcode", consignee_name="ship_to.name", consignee_phone="ship_to.phone",
    consignee_address="ship_to.address", customer_id="customer.id", buyer_name="customer.name",
    buyer_email="customer.email", buyer_id_no="customer.id_no", currency_code="currency", order_status="status",
    goods_amount="totals.goods", freight_amount="totals.freight", tax_amount="totals.tax",
    discount_amount="totals.discount", payable_amount="totals.payable", device_id="client.device",
    screen="client.screen", session_id="client.session",
)  # fmt: skip
LINE_PATHS = _paths(
    "order_lines",
    line_no="no", product_id="sku", product_name="name", product_kind="kind", leg_type="type",
    unit_price_amount="unit_price", list_price_amount="list_price", line_amount="amount", promotion_id="promotion",
    currency_code="currency", reverses_order_no="reverses.order", reverses_line_no="reverses.line",
)  # fmt: skip
SESSION_PATHS = _paths(
    "sessions",
    session_id="id", country="geo.country", subdivision_code="geo.region", customer_id="user.id",
    device_id="user.device", screen="device.type", user_agent="device.agent", medium="traffic.medium",
    campaign="traffic.campaign", landing_page="traffic.landing_page",
)  # fmt: skip
EVENT_PATHS = _paths("session_events", event_at="at", product_id="item")
TRACKING_PATHS = {
    **{name: camel(name) for name in contracts()["tracking_events"].field_names},
    "event_code": "status", "source_event_code": "carrierStatus", "event_at": "eventTime",
    "location_code": "location.code", "carrier_code": "carrier", "waybill_no": "trackingNumber",
}  # fmt: skip
PLAIN_LINES: Mapping[tuple[str, str], tuple[Mapping[str, str], Mapping[str, Codes]]] = MappingProxyType(
    {
        ("analytics", "sessions"): (SESSION_PATHS, NO_CODES),
        ("analytics", "session_events"): (EVENT_PATHS, NO_CODES),
        ("carrier", "tracking_events"): (TRACKING_PATHS, {"event_code": TRACKING_EVENTS}),
    }
)


def write_objects(table: pa.Table, paths: Mapping[str, str], codes: Mapping[str, Codes], path: Path) -> None:
    """Write one flat event per row."""
    rows = joined(*_object(table, paths, codes), "\n") if len(table) else pa.array([], pa.string())
    path.write_bytes(content(rows.take(pa.array(documents.arrival_order(len(rows))))))


def write_webhooks(orders: pa.Table, lines: pa.Table, path: Path) -> None:
    """Write a webhook per version of an order, its lines inside, and one without its order for lines that have none."""
    order_keys, line_keys = documents.keys(orders, ORDER_KEY), documents.keys(lines, ORDER_KEY)
    owner = documents.owners(line_keys, order_keys)
    line_paths = {name: place for name, place in LINE_PATHS.items() if name != "order_no"}
    bodies = joined(*_object(lines, line_paths, NO_CODES)) if len(lines) else pa.array([], pa.string())
    found = []
    if len(orders):
        version = _present(orders, "version")
        events = joined('{"event_id":"', _escaped(orders, "order_no"), "-", version, '","topic":"order.changed",')
        inner = _object(orders, ORDER_PATHS, NO_CODES, opening="")
        inner[-1] = ',"lines":[' if inner[-1] == "}" else str(inner[-1])[:-1] + ',"lines":['
        found.append(joined(events, *inner, gathered(bodies, owner, len(orders), ","), "]}\n"))
    if (owner < 0).any():
        alone = lines.filter(pa.array(owner < 0))
        inner = ['{"topic":"order.lines","number":"', _escaped(alone, "order_no"), '","lines":[']
        found.append(joined(*inner, bodies.filter(pa.array(owner < 0)), "]}\n"))
    rows = pa.concat_arrays(found) if found else pa.array([], pa.string())
    path.write_bytes(content(rows.take(pa.array(documents.arrival_order(len(rows))))))


def _escaped(table: pa.Table, name: str) -> pa.StringArray:
    return escaped(texts(column(table, name)), SIGNS)


def _present(table: pa.Table, name: str) -> pa.StringArray | str:
    return _escaped(table, name) if name in table.column_names else ""


def _object(
    table: pa.Table, paths: Mapping[str, str], codes: Mapping[str, Codes], opening: str = "{"
) -> list[pa.StringArray | str]:
    """The parts of one object per row: texts that all share, and columns; a column without any value is left out."""
    unknown = set(table.column_names) - set(paths) - {"order_no"}
    if unknown:
        raise ValueError(f"JSON: there is no place for {', '.join(sorted(unknown))}")
    places = [
        (place.split("."), _value(table, name, codes))
        for name, place in paths.items()
        if name in table.column_names and table.column(name).null_count < len(table)
    ]
    # What is nested under one name stands together, in the order of the first one.
    groups = list(dict.fromkeys(place[0] for place, _ in places))
    parts: list[pa.StringArray | str] = [opening]
    for position, group in enumerate(groups):
        members = [(place, value) for place, value in places if place[0] == group]
        _add(parts, f'{"," if position else ""}"{group}":')
        if len(members[0][0]) == 1:
            _extend(parts, members[0][1])
            continue
        for number, (place, value) in enumerate(members):
            _add(parts, f'{"," if number else "{"}"{place[1]}":')
            _extend(parts, value)
        _add(parts, "}")
    _add(parts, "}")
    return parts


def _value(table: pa.Table, name: str, codes: Mapping[str, Codes]) -> Sequence[pa.StringArray | str]:
    values = column(table, name)
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    written = texts(values, ISO)
    if name in codes:
        written = mapped(written, codes[name])
    is_bare = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    if is_bare:
        return ["", written.fill_null("null"), ""] if written.null_count else ["", written, ""]
    written = escaped(written, SIGNS)
    if written.null_count == 0:
        return ['"', written, '"']
    return ["", pc.if_else(written.is_valid(), joined('"', written, '"'), "null"), ""]


def _add(parts: list[pa.StringArray | str], text: str) -> None:
    if parts and isinstance(parts[-1], str):
        parts[-1] += text
    elif text:
        parts.append(text)


def _extend(parts: list[pa.StringArray | str], value: Sequence[pa.StringArray | str]) -> None:
    for part in value:
        if isinstance(part, str):
            _add(parts, part)
        else:
            parts.append(part)
