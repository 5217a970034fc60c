"""A world delivered in parts: everything up to a day, and then the messages of the day after.

Belongs here: which part a record belongs to. Does not: making the records (see `making.py`), which are the same whether
they are delivered at once or in parts.

A record is delivered on the day (UTC) of its message: when its source last changed it, else its own date. A line of an
order is delivered with its order, as a shop sends them in one message.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from orchestration.arrivals.contracts import Contract, contracts
from orchestration.simulation.defects.bench import Delivery
from orchestration.simulation.defects.overrides import FeedKey, FeedTables, FieldTexts, TextOverrides

Days = NDArray[np.int64]
# Of a message without any date nobody can say when it came: it belongs to what was there before.
LONG_AGO = np.iinfo(np.int64).min
_EPOCH = date(1970, 1, 1)
# Lines that name no date of their own: the step of a visit happens during it.
_OWN_DATES: Mapping[str, tuple[str, ...]] = {"session_events": ("event_at",)}


@dataclass(frozen=True)
class Part:
    """The messages after one day and up to another, both named by their date in UTC; None: without that end.

    `is_day`: they come as one delivery in the formats of their sources, whatever month their records are of.
    """

    after: date | None = None
    until: date | None = None
    is_day: bool = False

    @classmethod
    def up_to(cls, until: date) -> "Part":
        """Everything whose message came by the end of a day."""
        return cls(until=until)

    @classmethod
    def of_day(cls, day: date, *, last: date) -> "Part":
        """The messages of one day; those of the world's last day hold also what is dated after its end."""
        return cls(after=day - timedelta(days=1), until=None if day >= last else day, is_day=True)

    @property
    def name(self) -> str:
        """The day of a day's part, for the names of its files; empty for the others."""
        return (self.after + timedelta(days=1)).isoformat() if self.is_day and self.after is not None else ""

    def holds(self, days: Days) -> NDArray[np.bool_]:
        """Which of these days since 1970 lie in the part."""
        inside = np.ones(len(days), dtype=bool)
        if self.after is not None:
            inside &= days > _number(self.after)
        if self.until is not None:
            inside &= days <= _number(self.until)
        return inside

    def of(self, tables: FeedTables, overrides: TextOverrides) -> tuple[FeedTables, TextOverrides]:
        """The records of the part in tables of one batch, and the texts that stand in place of their values."""
        kept: dict[FeedKey, pa.Table] = {}
        texts: dict[FeedKey, dict[str, FieldTexts]] = {}
        for key, table in tables.items():
            inside = self.holds(message_days(key, tables))
            if not inside.any():
                continue
            kept[key] = table if inside.all() else table.filter(pa.array(inside))
            if odd := overrides.of(*key):
                texts[key] = {name: _moved(found, inside) for name, found in odd.items()}
        return kept, TextOverrides(texts)

    def of_deliveries(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """The files of their own, as far as their records are in the part."""
        found = []
        for delivery in deliveries:
            tables, _ = self.of(delivery.tables, TextOverrides())
            if tables:
                found.append(Delivery(delivery.label, delivery.is_first, tables))
        return found


WHOLE = Part()


def message_days(key: FeedKey, tables: FeedTables) -> Days:
    """The day of the message of each row of a table, in days since 1970; `LONG_AGO` where no date is given."""
    table, contract = tables[key], contracts()[key[1]]
    days = np.full(len(table), LONG_AGO)
    for name in _date_fields(contract):
        if name in table.column_names:
            days = np.where(days == LONG_AGO, _days(table.column(name)), days)
    header = (key[0], contract.follows or "")
    if key[1] != "order_lines" or header not in tables or "order_no" not in table.column_names:
        return days
    numbers = _plain(tables[header].column("order_no"))
    owner = pc.index_in(_plain(table.column("order_no")), value_set=numbers)
    rows = np.asarray(pc.fill_null(owner, -1).to_numpy(), dtype=np.int64)
    theirs = np.append(message_days(header, tables), LONG_AGO)[rows]
    later: Days = np.maximum(days, theirs)
    return later


def _date_fields(contract: Contract) -> tuple[str, ...]:
    first = (contract.event_field,) if contract.event_field else ()
    return (*first, *contract.date_fields, *_OWN_DATES.get(contract.feed, ()))


def _days(column: pa.ChunkedArray) -> Days:
    if not pa.types.is_temporal(column.type):
        return np.full(len(column), LONG_AGO)
    # Rounded down, as a calendar does: moments before 1970 would otherwise move to the day after theirs.
    whole = pc.cast(pc.floor_temporal(column, unit="day"), pa.date32(), safe=False)
    return np.asarray(pc.fill_null(pc.cast(pc.cast(whole, pa.int32()), pa.int64()), LONG_AGO).to_numpy(), np.int64)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


def _moved(found: FieldTexts, inside: NDArray[np.bool_]) -> FieldTexts:
    """The texts of the rows that stay, at their places among them."""
    stays = inside[found.rows]
    place = np.cumsum(inside) - 1
    return FieldTexts(place[found.rows[stays]].astype(np.int64), found.texts.filter(pa.array(stays)))


def _number(day: date) -> int:
    return (day - _EPOCH).days
