"""The parcels of the marketplace's orders, and the workbook in which its forwarder reports them.

Its habits: one row per article of a parcel, the parcel's own facts repeated; an order may travel in two parcels, and
two orders in one (their numbers joined by ';'); the weight is said once, on the parcel's first row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np

from orchestration.simulation.catalogue import PRODUCTS
from orchestration.simulation.defects import Truth
from orchestration.simulation.drawing import Line, Order, decimal_text
from orchestration.simulation.files import Cell, xlsx_bytes
from orchestration.simulation.platform import ZONE, file_month, order_no, shop_of

HEADER = (
    "Carrier", "Waybill", "Order no.", "Line", "SKU", "Item", "Units", "Line value", "Currency", "Weight kg",
    "Shipped (China time)", "Scheduled", "Delivered (China time)", "Destination", "Mode", "Incoterm", "Shop",
)  # fmt: skip
CARRIERS: Mapping[str, tuple[str, str]] = {
    "US": ("YWEXP", "air"),
    "BR": ("CHPOST", "post"),
    "JP": ("SEALINK", "sea"),
    "KR": ("SEALINK", "sea"),
}
SHIPPED_PER_MILLE = 940
SPLIT_PER_MILLE = 60
PLANNED_DAYS = 14
CHEAPEST = 20


@dataclass(frozen=True)
class Parcel:
    """One waybill with the articles of its orders."""

    carrier: str
    waybill: str
    orders: tuple[Order, ...]
    lines: tuple[tuple[Order, Line], ...]
    shipped_at: datetime
    scheduled_on: date
    delivered_at: datetime | None

    @property
    def market(self) -> str:
        """Where the parcel goes."""
        return self.orders[0].market

    @property
    def value(self) -> int:
        """Value of the goods in minor units."""
        return sum(line.quantity * line.price for _, line in self.lines)


def draw_parcels(rng: np.random.Generator, orders: Sequence[Order], truth: Truth) -> list[Parcel]:
    """The parcels of most orders, in the order of the first order in each; some orders are not shipped yet."""
    chance = rng.integers(0, 1000, (len(orders), 2)).tolist()
    waits = rng.integers(6 * 3_600, 60 * 3_600, len(orders)).tolist()
    travels = rng.integers(4 * 86_400, 19 * 86_400, len(orders)).tolist()
    last_moment = orders[-1].placed_at
    following = _following(orders)
    held: dict[str, Order] = {}
    parcels: list[Parcel] = []

    def send(of: tuple[Order, ...], lines: Sequence[tuple[Order, Line]], later: int = 0) -> None:
        number = of[-1].number
        shipped_at = of[-1].placed_at + timedelta(seconds=waits[number], days=later)
        delivered_at = shipped_at + timedelta(seconds=travels[number])
        parcels.append(
            Parcel(
                carrier=CARRIERS[of[0].market][0],
                waybill=postal_number(len(parcels)),
                orders=of,
                lines=tuple(lines),
                shipped_at=shipped_at,
                scheduled_on=(shipped_at.astimezone(ZONE) + timedelta(days=PLANNED_DAYS)).date(),
                # What would arrive after the last order is still on its way.
                delivered_at=delivered_at if delivered_at <= last_moment else None,
            )
        )

    for order in orders:
        shipped, shape = chance[order.number]
        if shipped >= SHIPPED_PER_MILLE:
            continue
        lines = [(order, line) for line in order.lines]
        follower = following.get(order.number)
        if earlier := held.pop(order.market, None):
            send((earlier, order), [*((earlier, line) for line in earlier.lines), *lines])
        elif follower and follower.customer == order.customer and chance[follower.number][0] < SHIPPED_PER_MILLE:
            held[order.market] = order
        elif shape < SPLIT_PER_MILLE and len(lines) > 1:
            send((order,), lines[:1])
            send((order,), lines[1:], later=3)
        else:
            send((order,), lines)
    # Cheap parcels: a dear one in quarantine would hold its whole market back, which is for a test and not for a demo.
    arrived = [position for position, parcel in enumerate(parcels) if parcel.delivered_at is not None]
    arrived = sorted(sorted(arrived, key=lambda position: parcels[position].value)[:CHEAPEST])
    waybills = [parcels[position].waybill for position in arrived]
    for position in truth.put(rng, "parcel.delivered_early", arrived, waybills):
        parcel = parcels[position]
        parcels[position] = replace(parcel, delivered_at=parcel.shipped_at - timedelta(days=1))
    return parcels


def _following(orders: Sequence[Order]) -> dict[int, Order]:
    """For each order's number the next order in the same market."""
    found: dict[int, Order] = {}
    next_in: dict[str, Order] = {}
    for order in reversed(orders):
        if order.market in next_in:
            found[order.number] = next_in[order.market]
        next_in[order.market] = order
    return found


def write_parcels(parcels: Sequence[Parcel], ranges: Sequence[Sequence[str]]) -> list[tuple[str, bytes]]:
    """One workbook per range of months, by the month of shipping."""
    return [
        (
            f"sample_parcels_{months[0]}_{months[-1]}.xlsx",
            xlsx_bytes(
                "Parcels",
                [
                    HEADER,
                    *(
                        row
                        for parcel in parcels
                        if months[0] <= file_month(parcel.shipped_at.astimezone(ZONE), ranges) <= months[-1]
                        for row in _rows(parcel)
                    ),
                ],
            ),
        )
        for months in ranges
    ]


def postal_number(serial: int) -> str:
    """A number of the standard S10 with its check digit (weights 8 6 4 2 3 5 9 7; domain reference, section a3)."""
    digits = f"{47_000_001 + serial:08d}"
    rest = 11 - sum(weight * int(digit) for weight, digit in zip((8, 6, 4, 2, 3, 5, 9, 7), digits, strict=True)) % 11
    return f"LP{digits}{ {10: 0, 11: 5}.get(rest, rest) }CN"


def _rows(parcel: Parcel) -> list[tuple[Cell, ...]]:
    """The parcel's rows; native dates and numbers, as a spreadsheet has them."""
    weight_g = sum(PRODUCTS[line.product].weight_g * line.quantity for _, line in parcel.lines)
    delivered = parcel.delivered_at
    return [
        (
            parcel.carrier,
            parcel.waybill,
            ";".join(order_no(order) for order in parcel.orders),
            number,
            PRODUCTS[line.product].sku,
            PRODUCTS[line.product].name.title(),
            line.quantity,
            decimal_text(line.price * line.quantity, order.currency_code),
            order.currency_code,
            weight_g / 1000 if number == 1 else None,
            parcel.shipped_at.astimezone(ZONE).replace(tzinfo=None),
            parcel.scheduled_on,
            None if delivered is None else delivered.astimezone(ZONE).replace(tzinfo=None),
            order.market,
            CARRIERS[parcel.market][1],
            "DAP",
            shop_of(order),
        )
        for number, (order, line) in enumerate(parcel.lines, start=1)
    ]
