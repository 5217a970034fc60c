"""Small stories of documents in tests: records of canonical fields, the mappings that read them, and their delivery.

Belongs here: what more than one story needs. Does not: the stories, which each test file tells; stand-ins for our code.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from orchestration.arrivals.contracts import contracts

if TYPE_CHECKING:
    from tests.arrivals_helpers import Room

# One record: its feed, and its fields as a source writes them.
Record = tuple[str, Mapping[str, str]]
# Which system of the story sends each feed; all speak of the bazaar's orders.
SOURCES: Mapping[str, str] = {
    "orders": "bazaar", "order_lines": "bazaar", "returns": "bazaar", "payments": "teller", "shipments": "haulier",
    "shipment_lines": "haulier", "tracking_events": "haulier", "declarations": "agent", "declaration_lines": "agent",
    "declaration_receipts": "agent", "settlements": "clearing", "rebate_claims": "bureau",
    "stock_snapshots": "depot",
}  # fmt: skip


def mapping_of(feed: str, records: Iterable[Record]) -> str:
    """A source mapping whose columns are named as the contract's fields that the records use."""
    used = sorted({name for kind, fields in records if kind == feed for name in fields})
    assert set(used) <= set(contracts()[feed].field_names)
    fields = "".join(f"      {name}: {{column: {name}, optional: true}}\n" for name in used)
    orders_of = "" if SOURCES[feed] == "bazaar" else "orders_of: bazaar\n"
    return (
        f'source: {SOURCES[feed]}\nversion: 1\nfiles: ["story_{feed}_*"]\n{orders_of}'
        f"emits:\n  - feed: {feed}\n    fields:\n{fields}"
    )


def open_room(room: "Room", records: Sequence[Record]) -> None:
    """Give the room a mapping for each feed of the records."""
    for feed in {feed for feed, _ in records}:
        room.mapping(mapping_of(feed, records), f"{feed}.yaml")


def deliver(room: "Room", number: int, records: Sequence[Record], all_records: Sequence[Record]) -> set[str]:
    """Take these records as one batch, a file for each feed; the rules by which files were refused (empty: none)."""
    for feed in SOURCES:
        rows = [fields for kind, fields in records if kind == feed]
        if rows:
            text = io.StringIO()
            writer = csv.DictWriter(text, sorted({name for kind, row in all_records if kind == feed for name in row}))
            writer.writeheader()
            writer.writerows(rows)
            room.drop(f"story_{feed}_{number}.csv", text.getvalue())
    return {outcome.rule for outcome in room.arrive().files}
