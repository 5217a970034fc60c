"""One order's whole chain: its documents with file and row, what the ledger says of it, and which figures used it.

Belongs here: reading and putting together. Does not: finding the order (see finding.py), showing it (see tree.py).
"""

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

from orchestration.trace.feeds import FEEDS, Feed, Part
from orchestration.trace.finding import TIES, Hit
from orchestration.trace.shelf import Row, Shelf, Value
from orchestration.trace.uses import ORDER_LINES, USES, Reach, Use

Facts = Mapping[str, frozenset[Value]]

_TIE_COLUMNS = (
    "feed",
    "document_key",
    "document_no",
    "tie_basis",
    "document_at",
    "document_market",
    "document_month",
    "tie_hash",
    "_file",
    "_row",
)
# DuckDB reads one small file with one thread; several tables at a time keep both cores busy.
_READERS = 4


@dataclass(frozen=True)
class Record:
    """A source record: what it says, and where it was delivered."""

    feed: str
    key: str
    details: Row
    file: str | None
    row: int | None


@dataclass(frozen=True)
class Document:
    """A document of the order: why it is tied to it, its record, the records below it that concern the order.

    parts_of_others: how many more it has, which name lines of other orders.
    """

    record: Record
    number: str
    tie_basis: str
    at: Value
    tie_hash: str
    parts: tuple[Record, ...]
    parts_of_others: int


@dataclass(frozen=True)
class UsedBy:
    """The rows of one published table that used the order."""

    use: Use
    keys: Mapping[str, Sequence[Value]]
    rows: Sequence[Row]


@dataclass(frozen=True)
class Chain:
    """Everything that is published about one order."""

    order_key: str
    market: str
    month: str
    documents: tuple[Document, ...]
    used_by: tuple[UsedBy, ...]
    chain_hash: str

    @property
    def order(self) -> Document | None:
        """The order's own record; None while it is in quarantine."""
        return next((document for document in self.documents if document.record.feed == "orders"), None)

    def rows_of(self, use: Use) -> Sequence[Row]:
        """The rows of one table."""
        return next((used.rows for used in self.used_by if used.use is use), ())


def chain_hash(ties: Mapping[str, str]) -> str:
    """The hash of an order's ties (tie → its hash): another one means that some document changed, came or went."""
    return hashlib.sha256("".join(ties[tie] for tie in sorted(ties)).encode()).hexdigest()[:32]


def ties_of(shelf: Shelf, hit: Hit) -> Mapping[str, str]:
    """Per tie of the order, named as `feed number key`, its hash."""
    rows = shelf.rows(TIES, _TIE_COLUMNS, {"order_key": [hit.order_key]}, places=[(hit.market, hit.month)])
    return _hashes(rows)


def _hashes(ties: Sequence[Row]) -> Mapping[str, str]:
    return {f"{tie['feed']} {tie['document_no']} {tie['document_key']}": str(tie["tie_hash"]) for tie in ties}


def read_chain(shelf: Shelf, hit: Hit) -> Chain:
    """The chain of one order, as the shelf's publication shows it."""
    home = [(hit.market, hit.month)]
    key: Mapping[str, list[Value]] = {"order_key": [hit.order_key]}
    with ThreadPoolExecutor(_READERS) as pool:
        lines_asked = pool.submit(shelf.rows, ORDER_LINES.table, ORDER_LINES.shown, key, places=home)
        ties = shelf.rows(TIES, _TIE_COLUMNS, key, places=home)
        documents = _documents(shelf, pool, ties)
        lines = lines_asked.result()
        facts = _facts(hit, ties, documents, lines)
        places = sorted({*home, *_places(ties)})
        asked = [(use, pool.submit(_used_by, shelf, use, facts, home, places, lines)) for use in USES]
        used_by = tuple(UsedBy(use, _keys(use, facts), question.result()) for use, question in asked)
    return Chain(hit.order_key, hit.market, hit.month, documents, used_by, chain_hash(_hashes(ties)))


def _documents(shelf: Shelf, pool: ThreadPoolExecutor, ties: Sequence[Row]) -> tuple[Document, ...]:
    """The tied documents in order of time, each with its record and parts."""
    tied: dict[str, list[Row]] = {}
    for tie in ties:
        tied.setdefault(str(tie["feed"]), []).append(tie)
    known = [FEEDS[feed] for feed in tied if feed in FEEDS]
    headers = {feed.feed: pool.submit(_headers, shelf, feed, tied[feed.feed]) for feed in known}
    below = {
        (feed.feed, part.feed): pool.submit(_parts, shelf, part, tied[feed.feed])
        for feed in known
        for part in feed.parts
    }
    own_lines = {
        str(row[part.key])
        for (feed, _), asked in below.items()
        if feed == "orders"
        for part in FEEDS["orders"].parts
        for row in asked.result()
    }
    documents = []
    for name, rows in tied.items():
        feed = FEEDS.get(name)
        records = headers[name].result() if feed else {}
        for tie in rows:
            found = [] if feed is None else [(part, below[name, part.feed].result()) for part in feed.parts]
            parts, others = _concerned(found, str(tie["document_key"]), own_lines)
            details = records.get(str(tie["document_key"]), {})
            documents.append(_document(tie, details, parts, others))
    return tuple(sorted(documents, key=lambda one: (str(one.at), one.record.feed, one.number, one.record.key)))


def _headers(shelf: Shelf, feed: Feed, ties: Sequence[Row]) -> Mapping[str, Row]:
    columns = dict.fromkeys((feed.key, *feed.shown, *feed.days))
    rows = shelf.rows(feed.table, tuple(columns), {feed.key: _column(ties, "document_key")}, places=_places(ties))
    return {str(row[feed.key]): row for row in rows}


def _parts(shelf: Shelf, part: Part, ties: Sequence[Row]) -> list[Row]:
    columns = (part.key, part.document_column, *part.shown, "_file", "_row")
    return shelf.rows(part.table, columns, {part.document_column: _column(ties, "document_key")}, places=_places(ties))


def _concerned(
    found: Sequence[tuple[Part, Sequence[Row]]], document_key: str, own_lines: set[str]
) -> tuple[list[Record], int]:
    """The parts of one document that concern the order, and how many others it has."""
    records, others = [], 0
    for part, rows in found:
        mine = [row for row in rows if row[part.document_column] == document_key]
        named = [row for row in mine if "order_line_key" in part.shown and row["order_line_key"] in own_lines]
        kept = named or mine
        others += len(mine) - len(kept)
        records += [
            Record(
                part.feed,
                str(row[part.key]),
                {name: row[name] for name in part.shown},
                _text(row["_file"]),
                _whole(row["_row"]),
            )
            for row in sorted(kept, key=lambda row: tuple(str(row[name]) for name in part.shown))
        ]
    return records, others


def _document(tie: Row, details: Row, parts: Sequence[Record], others: int) -> Document:
    feed = str(tie["feed"])
    return Document(
        record=Record(feed, str(tie["document_key"]), details, _text(tie["_file"]), _whole(tie["_row"])),
        number=str(tie["document_no"] or tie["document_key"]),
        tie_basis=str(tie["tie_basis"]),
        at=tie["document_at"],
        tie_hash=str(tie["tie_hash"]),
        parts=tuple(parts),
        parts_of_others=others,
    )


def _facts(hit: Hit, ties: Sequence[Row], documents: Sequence[Document], lines: Sequence[Row]) -> Facts:
    """What keys of other tables may be made of."""
    days = {
        value
        for document in documents
        for day in (FEEDS[document.record.feed].days if document.record.feed in FEEDS else ())
        if isinstance(value := document.record.details.get(day), date)
    }
    files = {part.file for document in documents for part in (document.record, *document.parts)}
    facts: dict[str, set[Value]] = {
        "order_key": {hit.order_key},
        "market": {hit.market},
        "day": set(days),
        "file": {file for file in files if file},
        "product_key_or_market": {hit.market, *_column(lines, "product_key")},
    }
    for name in ("product_key", "ordered_on", "customer_key", "source_id"):
        facts[name] = set(_column(lines, name))
    for feed, name in (("shipments", "shipment_key"), ("declarations", "declaration_key"), ("payouts", "payout_key")):
        facts[name] = {tie["document_key"] for tie in ties if tie["feed"] == feed}
    return {name: frozenset(value for value in values if value is not None) for name, values in facts.items()}


def _keys(use: Use, facts: Facts) -> Mapping[str, Sequence[Value]]:
    return {column: sorted(facts[fact], key=str) for column, fact in use.keys.items()}


def _used_by(
    shelf: Shelf,
    use: Use,
    facts: Facts,
    home: Sequence[tuple[str, str]],
    places: Sequence[tuple[str, str]],
    lines: Sequence[Row],
) -> Sequence[Row]:
    if use is ORDER_LINES:
        return lines
    keys = _keys(use, facts)
    if use.reach is Reach.ORDER:
        return shelf.rows(use.table, use.shown, keys, places=home)
    if use.reach is Reach.MARKET:
        # Most stand where the order or one of its documents does; only for the others are all months opened.
        columns = tuple(dict.fromkeys((*use.keys, *use.shown)))
        near = shelf.rows(use.table, columns, keys, places=places)
        if all(set(_column(near, name)) >= set(values) for name, values in keys.items()):
            return [{name: row[name] for name in use.shown} for row in near]
        return shelf.rows(use.table, use.shown, keys, markets=[market for market, _ in home])
    months = {(home[0][0], str(day)[:7]) for day in facts["day"]}
    return shelf.rows(use.table, use.shown, keys, places=sorted(months))


def _column(rows: Sequence[Row], name: str) -> list[Value]:
    return sorted({row[name] for row in rows if row[name] is not None}, key=str)


def _places(ties: Sequence[Row]) -> list[tuple[str, str]]:
    return sorted({(str(tie["document_market"] or ""), str(tie["document_month"] or "")) for tie in ties})


def _text(value: Value) -> str | None:
    return None if value is None else str(value)


def _whole(value: Value) -> int | None:
    return value if isinstance(value, int) else None
