"""Tables of every feed that the world's sources give: each row has values that some format finds hard to write."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa

from orchestration.arrivals.contracts import ContractField, contracts
from orchestration.simulation.defects.overrides import FieldTexts, TextOverrides

SOURCES = {
    "hub": (
        "orders", "order_lines", "returns", "sellers", "products", "customers", "promotions", "disputes",
        "guarantee_claims",
    ),
    "paygate": ("payments",),
    "carrier": ("shipments", "shipment_lines", "tracking_events"),
    "broker": ("declarations", "declaration_lines", "declaration_receipts"),
    "port": (
        "orders", "order_lines", "payments", "shipments", "shipment_lines", "tracking_events", "declarations",
        "declaration_lines", "declaration_receipts",
    ),
    "settle": ("settlements",),
    "bank": ("bank_receipts",),
    "taxbureau": ("rebate_claims",),
    "port_tax": ("rebate_claims",),
    "analytics": ("sessions", "session_events"),
    "ads": ("media_spend",),
    "wms": ("stock_snapshots", "capacity"),
    "erp": ("purchase_orders", "suppliers"),
    "lender": ("advances", "repayments"),
    "worldfx": ("fx_rates",),
}  # fmt: skip
COUNTRIES = ("CN", "US", "DE", "JP", "SA", "MX", "UK", "HK")
CURRENCIES = ("CNY", "USD", "EUR", "JPY", "SAR", "RMB", "¥", "ＵＳＤ")
# A delimiter of each dialect, quotes, signs of XML and JSON, full-width ones, ones without width, and no-break spaces.
TEXTS = (
    'a, b; c|d\te "f"',
    "x < y & z > ä",
    "back\\slash",
    "ＡＢ１２\u3000３",
    "no\u00a0break",
    "zero\u200bwidth",
    "Ωmega 订单",
)
LATIN = ("a; b", 'say "f"', "Größe", "a|b", "x < y", "c, d", "plain")
CHANNELS = ("own_shop", "marketplace_a", "marketplace_b")
PREFIXES = ("OS-", "MA-", "MB-")
START = datetime(2026, 3, 1, 15, 59, 58, tzinfo=UTC)
ROWS = 24


# What a source got wrong: texts in place of moments, days and numbers, by row.
MISTAKES = {
    ("paygate", "payments"): {"paid_at": {3: "26/3/1"}, "amount": {4: "NULL", 5: "1.0E+03"}},
    ("port", "payments"): {"paid_at": {3: "31/12/2026", 4: "2026-02-30T00:00:00Z"}},
    ("settle", "settlements"): {"amount": {6: "1.0E+03"}, "settled_at": {7: "無"}},
    ("bank", "bank_receipts"): {"value_on": {8: "2026-02-30"}, "amount": {9: "12 345"}},
    ("hub", "orders"): {"promised_on": {2: "30.02.2026"}, "payable_amount": {3: "N/A"}},
}


def every_feed(rows: int = ROWS) -> dict[tuple[str, str], pa.Table]:
    """A table for each source and feed; lines belong to headers, but for one that has none."""
    tables = {(source, feed): _table(source, feed, rows) for source, feeds in SOURCES.items() for feed in feeds}
    mistakes = TextOverrides(
        {
            key: {
                name: FieldTexts(np.array(sorted(found), np.int64), pa.array([found[row] for row in sorted(found)]))
                for name, found in fields.items()
            }
            for key, fields in MISTAKES.items()
        }
    )
    return {(source, feed): mistakes.over(source, feed, table) for (source, feed), table in tables.items()}


def _table(source: str, feed: str, rows: int) -> pa.Table:
    contract = contracts()[feed]
    columns = {field.name: [_value(source, feed, field, row) for row in range(rows)] for field in contract.fields}
    if source == "worldfx":
        columns["provider"] = ["WORLD"] * rows
        columns["rate_per_eur"] = [float(rate) for rate in columns["rate_per_eur"]]
    return pa.table({name: _array(values, contract.field(name)) for name, values in columns.items()})


def _array(values: list[object], field: ContractField) -> pa.Array:
    kinds = {
        "timestamp": pa.timestamp("us", "UTC"), "date": pa.date32(), "integer": pa.int64(), "boolean": pa.bool_(),
        "decimal": pa.float64(), "code": pa.dictionary(pa.int32(), pa.string()),
    }  # fmt: skip
    array = pa.array(values, kinds.get(field.type, pa.string()) if field.type != "code" else pa.string())
    return array.dictionary_encode() if field.type == "code" else array


def _value(source: str, feed: str, field: ContractField, row: int) -> object:
    name = field.name
    # Two rows are two versions, or two lines, of one document.
    document, is_line = row // 2, feed in ("order_lines", "declaration_lines", "shipment_lines")
    if name == "order_no":
        return _order_no(source, document, is_orphan=is_line and row == 0)
    fixed = {
        "channel": CHANNELS[document % 3],
        "declaration_no": f"44032026{'IE'[document % 2]}{document:09d}",
        "claim_key": f"44032026{document:010d}0{row:02d}",
        "flow": ("import", "export")[document % 2],
        "line_no": str(row + 1),
        "seq": row + 1,
        "version": 1 if is_line else row % 2 + 1,
        "carrier_code": "POST",
        "waybill_no": f"RR{document:09d}CN",
        "shipped_month": f"2026-{document % 9 + 1:02d}",
    }
    if name in fixed:
        return fixed[name]
    if not field.is_required and (row + len(name)) % 5 == 0:
        return None
    return _typed(source, field, row)


def _order_no(source: str, document: int, *, is_orphan: bool) -> str:
    prefix = PREFIXES[document % 3] if source == "hub" else "PT-"
    if is_orphan:
        return f"{prefix}999"
    return f"ＯＲＤ{prefix}{document}" if document == 4 else f"{prefix}{document}"


def _typed(source: str, field: ContractField, row: int) -> object:
    turn = row + len(field.name)
    if field.type == "country":
        return COUNTRIES[turn % len(COUNTRIES)]
    if field.type == "currency" or field.name == "currency_code":
        return CURRENCIES[row % len(CURRENCIES)]
    if field.type == "code":
        return field.codes[turn % len(field.codes)]
    if field.type == "timestamp":
        # Two files of equal content would be one delivery that came twice.
        return START + timedelta(hours=turn * 7, seconds=row + list(SOURCES).index(source) * 60)
    if field.type == "date":
        return date(2026, 1, 28) + timedelta(days=turn)
    if field.type == "decimal":
        return (1234567.89, 0.5, 12.0, 1000.0, 0.001, 999.99, 100000.1)[turn % 7]
    if field.type == "integer":
        return turn
    if field.type == "boolean":
        return turn % 2 == 0
    if field.max_length is not None and field.max_length < 20:
        return f"C{row}"
    choices = LATIN if source == "wms" else TEXTS
    return f"{choices[turn % len(choices)]} {source} {row}"
