"""From a number in hand to the orders behind it, or to where it waits or why it was refused.

Belongs here: looking up. Does not: what an order's chain consists of (see chain.py).
"""

import hashlib
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from orchestration.trace.feeds import FEEDS, Feed
from orchestration.trace.shelf import Row, Shelf

TIES = "marts.fct_trade_tie"
NUMBERS = "marts.fct_document_number"
LINES = "marts.fct_order_lines"
_KEY = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Hit:
    """An order to which a number leads: through which document of which feed, and where the order stands."""

    order_key: str
    market: str
    month: str
    feed: str
    number_kind: str
    document_number: str


@dataclass(frozen=True)
class Stray:
    """A record with this number that belongs to no standing order: its table, file and row, and the reason."""

    table: str
    feed: str
    number: str
    reason: str
    file: str
    row: int | None


@dataclass(frozen=True)
class Searched:
    """What was found beside the orders, and the tables that were searched for it."""

    strays: tuple[Stray, ...]
    tables: tuple[str, ...]


def number_hash(number: str) -> int:
    """As the column `number_hash` has it: whoever types a number may change its case and put blanks into it."""
    plain = number.upper().replace(" ", "")
    return int(hashlib.md5(plain.encode(), usedforsecurity=False).hexdigest()[:15], 16)


def find_orders(shelf: Shelf, number: str) -> list[Hit]:
    """Every order to which the number or key leads, in order of month and key; none when it is not known."""
    wanted = number.strip()
    if _KEY.fullmatch(wanted.lower()):
        return _by_key(shelf, wanted.lower())
    hashed = {"number_hash": [number_hash(wanted)]}
    own = ("order_key", "market", "month", "feed", "document_no")
    further = ("order_key", "market", "month", "feed", "document_number", "number_kind")
    with ThreadPoolExecutor(2) as pool:
        asked = pool.submit(shelf.rows, NUMBERS, further, hashed)
        ties = shelf.rows(TIES, own, hashed)
        numbers = asked.result()
    hits = {
        _hit(row, columns, str(row.get("number_kind") or _number_field(str(row["feed"]))))
        for columns, rows in ((own, ties), (further, numbers))
        for row in rows
        if _same(str(row[columns[4]]), wanted)
    }
    return sorted(hits, key=lambda hit: (hit.month, hit.market, hit.order_key, hit.feed, hit.number_kind))


def _hit(row: Row, columns: Sequence[str], kind: str) -> Hit:
    order_key, market, month, feed, number = (str(row[column]) for column in columns[:5])
    return Hit(order_key, market, month, feed, kind, number)


def _number_field(feed: str) -> str:
    return FEEDS[feed].numbers[0] if feed in FEEDS else "payout_no"


def _same(left: str, right: str) -> bool:
    return left.upper().replace(" ", "") == right.upper().replace(" ", "")


def _by_key(shelf: Shelf, key: str) -> list[Hit]:
    columns = ("order_key", "market", "month", "feed", "document_no")
    rows = shelf.rows(TIES, columns, {"document_key_hash": [int(key[:15], 16)], "document_key": [key]})
    hits = [_hit(row, columns, "document_key") for row in rows]
    if not hits:
        lines = shelf.rows(LINES, ("order_key", "market", "month"), {"line_key": [key]})
        hits = [
            Hit(str(row["order_key"]), str(row["market"]), str(row["month"]), "order_lines", "line_key", key)
            for row in lines
        ]
    return sorted(hits, key=lambda hit: (hit.month, hit.market, hit.order_key, hit.feed))


def look_elsewhere(shelf: Shelf, number: str) -> Searched:
    """Where a number stands that leads to no order: documents that wait, quarantine, receipts that paid no payout."""
    wanted = number.strip()
    searched = [NUMBERS if not _KEY.fullmatch(wanted.lower()) else TIES]
    strays = [*_waiting(shelf, wanted), *_unused_receipts(shelf, wanted)]
    searched += ["marts.unlinked_documents", FEEDS["bank_receipts"].table]
    for table in ("marts.quarantine", "marts.reference_quarantine"):
        strays += _quarantined(shelf, table, wanted)
        searched.append(table)
    return Searched(tuple(strays), tuple(searched))


def _waiting(shelf: Shelf, number: str) -> list[Stray]:
    """Standing documents that wait for their order, by the number or key of the document or of the order."""
    waiting = shelf.rows(
        "marts.unlinked_documents",
        ("feed", "document_key", "awaited_order_key", "market", "month", "waiting_since_at"),
        {"feed": list(FEEDS)},
    )
    found: list[Stray] = []
    for feed in FEEDS.values():
        rows = [row for row in waiting if row["feed"] == feed.feed]
        since = {row["document_key"]: row for row in rows}
        places = {(str(row["market"]), str(row["month"])) for row in rows}
        columns = (feed.key, "order_no", *feed.numbers, "_file", "_row")
        for record in shelf.rows(feed.table, columns, {feed.key: list(since)}, places=places) if rows else ():
            awaited = since[record[feed.key]]
            names = [str(record[column]) for column in (feed.key, "order_no", *feed.numbers) if record[column]]
            named_orders = str(record["order_no"] or "").split(";")
            if not any(_same(name, number) for name in (*names, *named_orders, str(awaited["awaited_order_key"]))):
                continue
            reason = f"waits for order {record['order_no'] or 'without a number'} since {awaited['waiting_since_at']}"
            found.append(_stray(feed, str(record[feed.numbers[0]]), reason, record))
    return found


def _unused_receipts(shelf: Shelf, number: str) -> list[Stray]:
    """Bank receipts that no payout is known to be paid by."""
    feed = FEEDS["bank_receipts"]
    columns = (*feed.numbers, "receipt_kind", "value_on", "_file", "_row")
    found: list[Row] = []
    for column in (*feed.numbers, feed.key):
        found += shelf.rows(feed.table, columns, {column: sorted({number, number.upper(), number.lower()})})
    return [
        _stray(
            feed,
            str(row["receipt_no"]),
            f"a receipt of kind {row['receipt_kind'] or 'unknown'} of {row['value_on']} that pays no known payout",
            row,
        )
        for row in {(row["_file"], row["_row"]): row for row in found}.values()
    ]


def _quarantined(shelf: Shelf, table: str, number: str) -> list[Stray]:
    """Rows that broke a rule, by the record's key or by what is written in it (personal fields are masked there)."""
    columns = ("feed", "record_key", "rule_id", "reason", "payload", "_file", "_row")
    rows = shelf.search(table, columns, number, ("record_key", "payload"))
    return [
        Stray(
            table,
            str(row["feed"]),
            str(row["record_key"]),
            f"in quarantine: {row['reason'] or row['rule_id']} [{row['rule_id']}]",
            str(row["_file"]),
            _number(row["_row"]),
        )
        for row in rows
        if _is_word(number, f"{row['record_key']} {row['payload']}")
    ]


def _is_word(number: str, text: str) -> bool:
    """Whether the number stands in the text by itself, not as a piece of a longer one."""
    return re.search(rf"(?<![\w-]){re.escape(number)}(?![\w-])", text, re.IGNORECASE) is not None


def _stray(feed: Feed, number: str, reason: str, row: Row) -> Stray:
    return Stray(feed.table, feed.feed, number, reason, str(row["_file"]), _number(row["_row"]))


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, int) else None


def orders_of(hits: Sequence[Hit]) -> list[Hit]:
    """One hit per order, in the order given."""
    return list({hit.order_key: hit for hit in reversed(hits)}.values())[::-1]
