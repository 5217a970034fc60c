"""A bench on which one batch of tables lies while defects are put in: reading, choosing, and noting changes.

Belongs here: picking records so that each gets at most one defect, and collecting changes without making them.
Does not: what a defect looks like (see `values.py`, `records.py`, `documents.py`) and making the changes (`inject.py`).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from orchestration.arrivals.contracts import JUDGED_BESIDE_ORDER, Contract, contracts
from orchestration.simulation.defects.catalogue import Defect, defects
from orchestration.simulation.defects.overrides import FeedKey, FeedTables

Rows = NDArray[np.int64]
Value = str | int | float | bool | date | datetime | None
MASK = "***"
PORT_SOURCES = ("port",)
# Up to so many rows, one look-up each is quicker than a call over the whole column.
FEW = 12
NO_ROWS: Rows = np.zeros(0, dtype=np.int64)


def stream(seed: int, *names: str) -> np.random.Generator:
    """A generator of its own for these names, so that one defect's draws never move another's."""
    digest = hashlib.sha256("\x1f".join((str(seed), "defects", *names)).encode()).digest()
    return np.random.Generator(np.random.Philox(key=np.frombuffer(digest[:16], dtype="<u8").astype(np.uint64)))


def text_of(value: Value) -> str | None:
    """A value as canonical text: dates 2024-03-05, timestamps 2024-03-05T08:26:00Z, whole numbers without a point."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        moment = value.astimezone(UTC).replace(tzinfo=None)
        return moment.isoformat(timespec="microseconds" if moment.microsecond else "seconds") + "Z"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return value.isoformat() if isinstance(value, date) else str(value)


@dataclass(frozen=True)
class TruthRow:
    """One dirty record, as the truth file tells it; `role` is `companion` for what changes only with a main record."""

    defect: Defect
    role: str
    key: FeedKey
    key_before: str
    key_after: str
    field: str
    clean_value: str | None
    dirty_value: str | None
    scored_feed: str
    scored_key: str


@dataclass(frozen=True)
class Change:
    """New typed values, or texts that a file shows instead, of one field in some rows of a table."""

    key: FeedKey
    rows: Rows
    field: str
    values: Sequence[Value]
    is_text: bool


@dataclass(frozen=True)
class Delivery:
    """A file of its own: its label, whether it is read before the others, and its records."""

    label: str
    is_first: bool
    tables: FeedTables


@dataclass
class Noted:
    """What the injectors want to be done with a batch."""

    changes: list[Change] = field(default_factory=list)
    added: list[tuple[FeedKey, pa.Table]] = field(default_factory=list)
    dropped: list[tuple[FeedKey, Rows]] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    truth: list[TruthRow] = field(default_factory=list)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _telling(feed: str) -> str:
    """The field of a key that has the most different values."""
    key = contracts()[feed].key
    return "waybill_no" if "waybill_no" in key else key[0]


def where(rows: Rows, chosen: Sequence[bool] | NDArray[np.bool_]) -> Rows:
    """Those of the rows for which the flag is true."""
    found: Rows = rows[np.asarray(chosen, dtype=bool)]
    return found


def _positions(mask: NDArray[np.bool_]) -> Rows:
    found: Rows = np.flatnonzero(mask).astype(np.int64)
    return found


class Bench:
    """The tables of one batch, which rows of them have a defect already, and what is to be done with them."""

    def __init__(self, tables: FeedTables, seed: int, tag: str) -> None:
        self.tables, self.seed, self.tag = tables, seed, tag
        self.noted = Noted()
        self.columns = {key: frozenset(table.column_names) for key, table in tables.items()}
        self._document_of: dict[FeedKey, dict[int, str]] = {}
        self.taken: dict[FeedKey, NDArray[np.bool_]] = {}
        self.documents: dict[FeedKey, set[str]] = {}

    def keys_of(self, feed: str, *fields: str) -> list[FeedKey]:
        """The tables of a feed that have rows and these columns, by source."""
        wanted = set(fields)
        return sorted(key for key in self.tables if key[1] == feed and self._holds(key, wanted))

    def has(self, key: FeedKey, *fields: str) -> bool:
        """Whether there is a table of this source and feed with rows and these columns."""
        return key in self.tables and self._holds(key, set(fields))

    def _holds(self, key: FeedKey, fields: set[str]) -> bool:
        return fields <= self.columns[key] and len(self.tables[key]) > 0

    def values(self, key: FeedKey, name: str, rows: Rows) -> list[Value]:
        """The values of some rows of a column."""
        column = self.tables[key].column(name)
        if len(rows) <= FEW:
            return [column[row].as_py() for row in rows.tolist()]
        return list(column.take(pa.array(rows, pa.int64())).to_pylist())

    def texts(self, key: FeedKey, name: str, rows: Rows) -> list[str]:
        """The values of some rows as canonical text, nulls as empty text."""
        return [text_of(value) or "" for value in self.values(key, name, rows)]

    def numbers(self, key: FeedKey, name: str, rows: Rows | None = None) -> NDArray[np.float64]:
        """The values of a numeric column, of all rows or of some; NaN for null."""
        column = self.tables[key].column(name)
        chosen = column if rows is None else column.take(pa.array(rows, pa.int64()))
        return np.asarray(pc.cast(chosen, pa.float64()).to_numpy(), dtype=np.float64)

    def seconds(self, key: FeedKey, name: str, rows: Rows | None = None) -> NDArray[np.float64]:
        """The moments of a timestamp column in seconds since 1970; NaN for null."""
        column = self.tables[key].column(name)
        chosen = column if rows is None else column.take(pa.array(rows, pa.int64()))
        micros = pc.cast(pc.cast(chosen, pa.timestamp("us", "UTC")), pa.int64())
        return np.asarray(pc.cast(micros, pa.float64()).to_numpy(), dtype=np.float64) / 1e6

    def months(self, key: FeedKey, name: str) -> Rows:
        """The months (UTC) of a timestamp column, counted since 1970; -1 for null."""
        seconds = np.nan_to_num(self.seconds(key, name), nan=-1.0).astype("datetime64[s]")
        months: Rows = seconds.astype("datetime64[M]").astype(np.int64)
        return months

    def rows_with(self, key: FeedKey, name: str, wanted: Sequence[str]) -> Rows:
        """The rows whose text column holds one of these."""
        found = pc.is_in(self.tables[key].column(name), value_set=pa.array(list(wanted), pa.string()))
        return _positions(np.asarray(found.to_numpy(), dtype=bool))

    def rows_like(self, key: FeedKey, name: str, part: str) -> Rows:
        """The rows whose text column holds this part somewhere."""
        found = pc.fill_null(pc.match_substring(_plain(self.tables[key].column(name)), part), False)
        return _positions(np.asarray(found.to_numpy(), dtype=bool))

    def codes(self, key: FeedKey, name: str) -> Rows:
        """A whole number for each row of a text column, equal for equal texts; -1 for null."""
        encoded = pc.dictionary_encode(_plain(self.tables[key].column(name)).combine_chunks())
        indices = encoded.indices if isinstance(encoded, pa.DictionaryArray) else encoded.combine_chunks().indices
        return np.asarray(pc.fill_null(indices, -1).to_numpy(), dtype=np.int64)

    def filled(self, key: FeedKey, name: str, rows: Rows) -> Rows:
        """Those of the rows in which a column has a value."""
        is_filled = self.tables[key].column(name).take(pa.array(rows, pa.int64())).is_valid()
        return where(rows, is_filled.to_pylist())

    def key_texts(self, key: FeedKey, rows: Rows, changed: Mapping[str, Sequence[Value]] | None = None) -> list[str]:
        """The natural keys of some rows, parts joined by `|`, with changed values in place of the table's."""
        return self._joined(contracts()[key[1]], contracts()[key[1]].key, key, rows, changed or {})

    def document_texts(self, key: FeedKey, rows: Rows) -> list[str]:
        """The documents of some rows, parts joined by `|`."""
        known = self._document_of.setdefault(key, {})
        unknown = np.array([row for row in rows.tolist() if row not in known], dtype=np.int64)
        if len(unknown):
            contract = contracts()[key[1]]
            found = self._joined(contract, contract.document or contract.key, key, unknown, {})
            known.update(zip(unknown.tolist(), found, strict=True))
        return [known[row] for row in rows.tolist()]

    def _joined(
        self,
        contract: Contract,
        names: Sequence[str],
        key: FeedKey,
        rows: Rows,
        changed: Mapping[str, Sequence[Value]],
    ) -> list[str]:
        parts = []
        for name in names:
            if name in changed:
                parts.append([text_of(value) or "" for value in changed[name]])
            elif name in self.columns[key]:
                parts.append(self.texts(key, name, rows))
            else:
                # A month that the table does not state is told from its dates, as the contract says.
                dates = [part for part in contract.field(name).month_of if part in self.columns[key]]
                lists = [changed[part] if part in changed else self.values(key, part, rows) for part in dates]
                several = zip(*lists, strict=True) if lists else ((),) * len(rows)
                parts.append([next(((text_of(v) or "")[:7] for v in row if v is not None), "") for row in several])
        return ["|".join(row) for row in zip(*parts, strict=True)]

    def free(self, key: FeedKey, rows: Rows) -> Rows:
        """Those of the rows that have no defect yet, nor a document whose header has one."""
        if not len(rows):
            return rows
        taken = self.taken.get(key)
        free = rows if taken is None else rows[~taken[rows]]
        contract = contracts()[key[1]]
        # Another version of a dirty record, or a line of a dirty document, is left alone as well.
        dirty = self.documents.get((key[0], contract.follows or key[1]), set())
        if dirty and len(free):
            free = where(free, [text not in dirty for text in self.document_texts(key, free)])
        return free

    def beside_clean_orders(self, key: FeedKey, rows: Rows) -> Rows:
        """Those of the rows that are not judged beside an order which has a defect: in quarantine it tells nothing."""
        if key[1] not in JUDGED_BESIDE_ORDER or "order_no" not in self.columns[key] or not len(rows):
            return rows
        dirty = {text for (_, feed), texts in self.documents.items() if feed == "orders" for text in texts}
        return where(rows, [text not in dirty for text in self.texts(key, "order_no", rows)]) if dirty else rows

    def versions_of(self, key: FeedKey, rows: Rows) -> Rows:
        """The rows of all versions of the records that these rows are versions of."""
        wanted = set(self.key_texts(key, rows))
        near = self.rows_with(key, _telling(key[1]), self.texts(key, _telling(key[1]), rows))
        return where(near, [text in wanted for text in self.key_texts(key, near)])

    def newest(self, key: FeedKey, rows: Rows) -> Rows:
        """Those of the rows that no newer version of their record replaces."""
        if not len(rows) or not self.has(key, "version"):
            return rows
        if (pc.max(self.tables[key].column("version")).as_py() or 1) <= 1:
            return rows
        # Lines of a document have its versions, so what tells documents apart is enough.
        codes, versions = self.codes(key, _telling(key[1])), self.numbers(key, "version")
        last = np.full(codes.max(initial=-1) + 2, -np.inf)
        np.maximum.at(last, codes, versions)
        return where(rows, versions[rows] == last[codes[rows]])

    def take(self, key: FeedKey, rows: Rows) -> None:
        """Note that these rows have a defect, so that no other is put into them or into what follows them."""
        if not len(rows):
            return
        self.taken.setdefault(key, np.zeros(len(self.tables[key]), dtype=bool))[rows] = True
        if contracts()[key[1]].is_header:
            self.documents.setdefault(key, set()).update(self.document_texts(key, rows))

    def draw(self, feed: str, multiplier: float) -> dict[tuple[FeedKey, str], Rows]:
        """For each table of a feed and each defect of it, the rows that are drawn for it, at most one defect a row."""
        listed = [found for found in defects().values() if found.feed == feed and found.level == "table"]
        ends = np.cumsum([found.rate for found in listed]) * multiplier
        drawn: dict[tuple[FeedKey, str], Rows] = {}
        for key in self.keys_of(feed) if listed else ():
            numbers = stream(self.seed, self.tag, *key).random(len(self.tables[key]))
            rows = np.flatnonzero(numbers < ends[-1]).astype(np.int64)
            which = np.searchsorted(ends, numbers[rows], side="right")
            for n in np.unique(which):
                drawn[key, listed[n].id] = rows[which == n]
        return drawn
