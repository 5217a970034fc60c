"""A web shop that sends one JSON webhook per event of an order, its lines inside.

Its habits: delivered at least once and in no order, so events repeat and a correction may come before what it corrects;
moments with the offset of the buyer's zone; prices as text in the currency's own decimals (EUR 2, JPY 0, KWD 3).
"""

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from orchestration.simulation.catalogue import PRODUCTS
from orchestration.simulation.defects import Truth
from orchestration.simulation.drawing import Line, Order, decimal_text
from orchestration.simulation.files import gzip_bytes

RETURNED_PER_MILLE = 30
CHANNELS = ("web", "web", "app", "instagram")


@dataclass(frozen=True)
class Event:
    """One webhook: its text, the moment it was first sent, and the place in the stream at which it arrives."""

    text: str
    sent_at: datetime
    place: float


def write_webshop(
    rng: np.random.Generator,
    orders: Sequence[Order],
    zones: Mapping[str, ZoneInfo],
    ranges: Sequence[Sequence[str]],
    truth: Truth,
) -> list[tuple[str, bytes]]:
    """One gzipped file of JSON Lines per range of months."""
    names = [order_no(order) for order in orders]
    without_currency = set(truth.put(rng, "webshop.currency_missing", range(len(orders)), names))
    corrected = set(truth.put(rng, "webshop.corrected", range(len(orders)), names))
    returned = set(rng.permutation(len(orders))[: len(orders) * RETURNED_PER_MILLE // 1000].tolist()) - corrected
    first = set(truth.put(rng, "webshop.correction_first", sorted(corrected), [names[n] for n in sorted(corrected)]))
    channels = rng.integers(0, len(CHANNELS), len(orders)).tolist()
    waits = rng.integers(86_400, 15 * 86_400, len(orders)).tolist()
    moments = [order.placed_at for order in orders]
    events = []
    for number, order in enumerate(orders):
        currency = None if number in without_currency else order.currency_code
        zone, channel = zones[order.market], CHANNELS[channels[number]]
        created = _event(order, order.lines, zone, channel, currency, version=1, at=order.placed_at)
        events.append(Event(created, order.placed_at, number))
        if number not in corrected and number not in returned:
            continue
        at = order.placed_at + timedelta(seconds=60 if number in first else waits[number])
        if number in corrected:
            lines = (replace(order.lines[0], quantity=order.lines[0].quantity + 1), *order.lines[1:])
            updated = _event(order, lines, zone, channel, currency, version=2, at=at)
        else:
            updated = _event(order, order.lines, zone, channel, currency, version=2, at=at, returned=order.lines[0])
        events.append(Event(updated, at, (number if number in first else bisect_right(moments, at)) - 0.5))
    twice = truth.put(rng, "webshop.event_twice", events, [json.loads(event.text)["event_id"] for event in events])
    events += [Event(event.text, event.sent_at, event.place + 1.25) for event in twice]
    events.sort(key=lambda event: event.place)
    return [
        (
            f"sample_webshop_{months[0]}_{months[-1]}.jsonl.gz",
            gzip_bytes(b"".join(event.text.encode() + b"\n" for event in events if _belongs(event, months, ranges))),
        )
        for months in ranges
    ]


def order_no(order: Order) -> str:
    """The web shop's number of an order."""
    return f"WB-{100_001 + order.number}"


def _event(
    order: Order,
    lines: Sequence[Line],
    zone: ZoneInfo,
    channel: str,
    currency: str | None,
    *,
    version: int,
    at: datetime,
    returned: Line | None = None,
) -> str:
    """The JSON text of one version of an order."""
    body: list[dict[str, object]] = [
        {
            "no": line.line_no,
            "type": "sale",
            "sku": PRODUCTS[line.product].sku,
            "name": PRODUCTS[line.product].name.title(),
            "quantity": line.quantity,
            "unit_price": decimal_text(line.price, order.currency_code),
            "returns_line": None,
        }
        for line in lines
    ]
    shipping = {"no": len(lines) + 1, "type": "shipping", "sku": "SHIPPING", "name": "Shipping", "quantity": 1}
    shipping |= {"unit_price": decimal_text(lines[0].price // 4, order.currency_code), "returns_line": None}
    body.append(shipping)
    if returned is not None:
        # One piece comes back: a leg of its own that names the line, never an edit of the sale.
        leg = {"no": len(lines) + 2, "type": "return", "quantity": -1, "returns_line": returned.line_no}
        body.append(body[returned.line_no - 1] | leg)
    event = {
        "event_id": f"{order_no(order)}-v{version}",
        "topic": "order.created" if version == 1 else "order.updated",
        "number": order_no(order),
        "version": version,
        "placed_at": order.placed_at.astimezone(zone).isoformat(timespec="seconds"),
        "updated_at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "status": "paid" if returned is None else "partly_returned",
        "channel": channel,
        "currency": currency,
        "customer": {"id": f"C-{order.customer:05d}", "email": f"c{order.customer:05d}@example.com"},
        "ship_to": {"country": order.market},
        "lines": body,
    }
    return json.dumps(event, ensure_ascii=False)


def _belongs(event: Event, months: Sequence[str], ranges: Sequence[Sequence[str]]) -> bool:
    """Whether the event stands in the file of these months; what is sent after the last month stands in the last."""
    sent = min(max(event.sent_at.strftime("%Y-%m"), ranges[0][0]), ranges[-1][-1])
    return months[0] <= sent <= months[-1]
