"""A British shop that writes one flat CSV row per invoice line, as UCI Online Retail does.

Its habits: cancellations are invoices with C and negative quantities; postage, fees and manual bookings stand among
the goods; a fifth of the buyers is unknown; wall clock of London, day first; countries by name, not always official.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from orchestration.markets import Markets
from orchestration.simulation.catalogue import PRODUCTS
from orchestration.simulation.defects import Truth
from orchestration.simulation.drawing import Order, decimal_text
from orchestration.simulation.files import csv_bytes

HEADER = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
ZONE = ZoneInfo("Europe/London")
FIRST_INVOICE = 536_365
FIRST_CANCELLATION = 590_001
CANCELLED_PER_MILLE = 25


@dataclass(frozen=True)
class Row:
    """One line of the shop's file; `month` decides the file in which it stands."""

    invoice: str
    stock_code: str
    description: str
    quantity: int
    invoiced: str
    price: str
    customer: str
    country: str
    month: str

    def cells(self) -> tuple[str, ...]:
        """The row in the order of the header."""
        return (
            self.invoice,
            self.stock_code,
            self.description,
            str(self.quantity),
            self.invoiced,
            self.price,
            self.customer,
            self.country,
        )


def write_shop(
    rng: np.random.Generator, orders: Sequence[Order], markets: Markets, ranges: Sequence[Sequence[str]], truth: Truth
) -> list[tuple[str, bytes]]:
    """One CSV file (UTF-8 with a byte order mark) per range of months."""
    spelling = {order.market: markets.get(order.market).name for order in orders} | {"US": "USA"}
    invoices = [_invoice(order, spelling[order.market], anonymous=bool(rng.integers(0, 5) == 0)) for order in orders]
    spoiled = _with_defects(rng, orders, invoices, truth)
    last_month = ranges[-1][-1]
    rows = [row for invoice in spoiled for row in invoice]
    # Only sound sales are taken back, so that each defect stands once.
    sound = [position for position, invoice in enumerate(spoiled) if invoice == invoices[position]]
    sales = [(orders[position].placed_at, invoices[position][0]) for position in sound]
    rows += [row for row in _cancellations(rng, sales) if row.month <= last_month]
    rows += [_fee(position, month) for position, month in enumerate(month for months in ranges for month in months)]
    twice = truth.put(rng, "shop.row_twice", rows, [f"{row.invoice} {row.stock_code}" for row in rows])
    # A repeated line stands beside its twin, as it does in the real file.
    repeated = sorted([*rows, *twice], key=lambda row: (row.month, row.invoice.lstrip("C")))
    return [
        (
            f"sample_shop_{months[0]}_{months[-1]}.csv",
            csv_bytes(
                [HEADER, *(row.cells() for row in repeated if months[0] <= row.month <= months[-1])],
                encoding="utf-8-sig",
            ),
        )
        for months in ranges
    ]


def _invoice(order: Order, country: str, *, anonymous: bool) -> list[Row]:
    """The rows of one sale, with postage where it goes abroad."""
    local = order.placed_at.astimezone(ZONE)
    blank = Row(
        invoice=str(FIRST_INVOICE + order.number),
        stock_code="POST",
        description="POSTAGE",
        quantity=1,
        invoiced=local.strftime("%d/%m/%Y %H:%M"),
        price="18.00",
        customer="" if anonymous else str(12_346 + order.customer),
        country=country,
        month=local.strftime("%Y-%m"),
    )
    goods = [
        replace(
            blank,
            stock_code=PRODUCTS[line.product].stock_code,
            description=PRODUCTS[line.product].name,
            quantity=line.quantity,
            price=decimal_text(line.price, order.currency_code),
        )
        for line in order.lines
    ]
    return goods if order.market == "GB" else [*goods, blank]


def _with_defects(
    rng: np.random.Generator, orders: Sequence[Order], invoices: list[list[Row]], truth: Truth
) -> list[list[Row]]:
    changed = list(invoices)
    free = set(range(len(orders)))

    def put(defect_id: str, *, in_market: str | None = None) -> list[int]:
        """Positions that have no defect yet, so that each defect can be told from the others."""
        able = [position for position in sorted(free) if in_market in (None, orders[position].market)]
        chosen = truth.put(rng, defect_id, able, [invoices[position][0].invoice for position in able])
        free.difference_update(chosen)
        return chosen

    for position in put("shop.country_alias", in_market="GB"):
        changed[position] = [replace(row, country="UK") for row in changed[position]]
    for position in put("shop.country_unknown", in_market="GB"):
        changed[position] = [replace(row, country="Channel Islands") for row in changed[position]]
    for position in put("shop.date_impossible"):
        year_and_time = changed[position][0].invoiced[6:]
        changed[position] = [replace(row, invoiced=f"31/02/{year_and_time}") for row in changed[position]]
    for position in put("shop.price_negative"):
        first, *others = changed[position]
        changed[position] = [replace(first, price=f"-{first.price}"), *others]
    return changed


def _cancellations(rng: np.random.Generator, sales: Sequence[tuple[datetime, Row]]) -> list[Row]:
    """Some sales are taken back within three weeks, wholly or in part, each on an invoice of its own."""
    count = max(1, len(sales) * CANCELLED_PER_MILLE // 1000)
    chosen = sorted(rng.permutation(len(sales))[:count].tolist())
    waits = rng.integers(3_600, 21 * 86_400, count).tolist()
    rows = []
    for position, wait in zip(chosen, waits, strict=True):
        placed_at, sale = sales[position]
        local = (placed_at + timedelta(seconds=wait)).astimezone(ZONE)
        rows.append((local, replace(sale, quantity=-max(1, sale.quantity // 2))))
    rows.sort(key=lambda row: row[0])
    return [
        replace(
            row,
            invoice=f"C{FIRST_CANCELLATION + number}",
            invoiced=local.strftime("%d/%m/%Y %H:%M"),
            month=local.strftime("%Y-%m"),
        )
        for number, (local, row) in enumerate(rows)
    ]


def _fee(position: int, month: str) -> Row:
    """The month's bank charges, booked like a sale: no goods, no buyer."""
    booked = datetime.fromisoformat(f"{month}-28T17:05:00")
    return Row(
        invoice=f"{580_001 + position}",
        stock_code="BANK CHARGES",
        description="Bank Charges",
        quantity=1,
        invoiced=booked.strftime("%d/%m/%Y %H:%M"),
        price="15.00",
        customer="",
        country="United Kingdom",
        month=month,
    )
