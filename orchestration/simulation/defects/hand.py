"""The hand that puts one defect into the batch on the bench, and keeps its books.

Belongs here: taking records, changing, adding and losing them, each with its truth row. Does not: which records and
what the change is (see `values.py`, `records.py`, `documents.py`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from orchestration.arrivals.contracts import contracts
from orchestration.simulation.defects.bench import MASK, Bench, Change, Delivery, Rows, TruthRow, Value, stream, text_of
from orchestration.simulation.defects.catalogue import Defect
from orchestration.simulation.defects.codes import NULL_TOKENS
from orchestration.simulation.defects.overrides import FeedKey

MAIN, COMPANION = "main", "companion"


@dataclass(frozen=True)
class Scored:
    """The record by which a defect shows where that is not the dirty record itself, as when a message is lost."""

    feed: str
    keys: Sequence[str]


@dataclass
class Hand:
    """One defect at work. When it is switched off it takes its records all the same, so that no other gets them."""

    bench: Bench
    defect: Defect
    names: tuple[str, ...]  # of its stream of random numbers
    is_on: bool

    @cached_property
    def rng(self) -> np.random.Generator:
        """The defect's own stream, which few need."""
        return stream(self.bench.seed, *self.names)

    def take(self, key: FeedKey, rows: Rows) -> Rows:
        """Those of the rows that have no defect yet; from now on they have this one."""
        free = self.bench.free(key, self.bench.beside_clean_orders(key, rows))
        self.bench.take(key, free)
        return free

    def pick(self, choices: Sequence[str], count: int) -> list[str]:
        """As many texts as asked for, drawn from the choices."""
        return [choices[n] for n in self.rng.integers(0, len(choices), count)]

    def change(
        self,
        key: FeedKey,
        rows: Rows,
        changes: Mapping[str, Sequence[Value]],
        *,
        role: str = MAIN,
        scored: Scored | None = None,
    ) -> None:
        """Give fields of some rows new values of their type."""
        self._change(key, rows, changes, is_text=False, role=role, scored=scored)

    def write(self, key: FeedKey, rows: Rows, name: str, texts: Sequence[str], scored: Scored | None = None) -> None:
        """Let files show these texts in place of a field's values in some rows."""
        self._change(key, rows, {name: texts}, is_text=True, role=MAIN, scored=scored)

    def _change(
        self,
        key: FeedKey,
        rows: Rows,
        changes: Mapping[str, Sequence[Value]],
        *,
        is_text: bool,
        role: str,
        scored: Scored | None,
    ) -> None:
        if not self.is_on or not len(rows):
            return
        noted, columns = self.bench.noted, self.bench.columns[key]
        empty: list[Value] = [None] * len(rows)
        olds = {name: self.bench.values(key, name, rows) if name in columns else empty for name in changes}
        # What a file shows for nothing is read as nothing, also in a key; what stood there cannot be had back.
        read = {name: [None if is_text and v in NULL_TOKENS else v for v in new] for name, new in changes.items()}
        if is_text:
            olds = {n: [o if v is not None else None for o, v in zip(olds[n], read[n], strict=True)] for n in olds}
        noted.changes.extend(Change(key, rows, name, list(new), is_text) for name, new in changes.items())
        before, after = self.bench.key_texts(key, rows), self.bench.key_texts(key, rows, read)
        self._note(key, role, before, after, olds, changes, scored)

    def add(
        self,
        key: FeedKey,
        rows: Rows,
        changes: Mapping[str, Sequence[Value]],
        *,
        role: str = MAIN,
        scored: Scored | None = None,
    ) -> None:
        """Add a copy of each row with these fields changed; fields that the table has not stay away."""
        if not self.is_on or not len(rows):
            return
        columns = set(self.bench.columns[key])
        kept = {name: values for name, values in changes.items() if name in columns}
        self.bench.noted.added.append((key, copies(self.bench.tables[key], rows, kept)))
        olds = {name: self.bench.values(key, name, rows) for name in kept}
        before, after = self.bench.key_texts(key, rows), self.bench.key_texts(key, rows, kept)
        self._note(key, role, before, after, olds, kept, scored)

    def lose(self, key: FeedKey, rows: Rows, *, role: str = MAIN, scored: Scored | None = None) -> None:
        """Take records away without a trace."""
        if not self.is_on or not len(rows):
            return
        self.bench.noted.dropped.append((key, rows))
        self._note(key, role, self.bench.key_texts(key, rows), [""] * len(rows), {}, {}, scored)

    def deliver(self, key: FeedKey, rows: Rows, label: str, *, is_first: bool, is_copy: bool) -> None:
        """Put records into a file of their own: as copies, or moved out of the batch's."""
        if not self.is_on or not len(rows):
            return
        moved = copies(self.bench.tables[key], rows, {})
        self.bench.noted.deliveries.append(Delivery(label, is_first, {key: moved}))
        if not is_copy:
            self.bench.noted.dropped.append((key, rows))
        keys = self.bench.key_texts(key, rows)
        self._note(key, MAIN, keys, keys, {}, {}, None)

    def move_last(self, key: FeedKey, rows: Rows) -> None:
        """Let records stand at the end of the batch's file."""
        if not self.is_on or not len(rows):
            return
        self.bench.noted.dropped.append((key, rows))
        self.bench.noted.added.append((key, copies(self.bench.tables[key], rows, {})))
        keys = self.bench.key_texts(key, rows)
        self._note(key, MAIN, keys, keys, {}, {}, None)

    def mark(self, key: FeedKey, rows: Rows) -> None:
        """Say of records that they are what the defect describes, and leave them as they are."""
        if self.is_on and len(rows):
            keys = self.bench.key_texts(key, rows)
            self._note(key, MAIN, keys, keys, {}, {}, None)

    def _note(
        self,
        key: FeedKey,
        role: str,
        before: Sequence[str],
        after: Sequence[str],
        olds: Mapping[str, Sequence[Value]],
        news: Mapping[str, Sequence[Value]],
        scored: Scored | None,
    ) -> None:
        names = list(news)
        clean = self._shown(key, [olds[name] for name in names], names, len(before))
        dirty = self._shown(key, [news[name] for name in names], names, len(before))
        feed, keys = (key[1], after) if scored is None else (scored.feed, scored.keys)
        for row in zip(before, after, clean, dirty, keys, strict=True):
            self.bench.noted.truth.append(
                TruthRow(self.defect, role, key, row[0], row[1], ";".join(names), row[2], row[3], feed, row[4])
            )

    def _shown(
        self, key: FeedKey, columns: Sequence[Sequence[Value]], names: Sequence[str], count: int
    ) -> list[str | None]:
        """Values of each row as one text, personal ones masked; null when the defect changes no field."""
        if not names:
            return [None] * count
        personal = [contracts()[key[1]].field(name).is_personal for name in names]
        rows = list(zip(*columns, strict=True))
        if len(names) == 1:
            return [MASK if personal[0] and row[0] is not None else text_of(row[0]) for row in rows]
        return [
            ";".join(MASK if hidden else text_of(value) or "" for value, hidden in zip(row, personal, strict=True))
            for row in rows
        ]


Injector = Callable[[Hand, FeedKey, Rows], None]


def copies(table: pa.Table, rows: Rows, changes: Mapping[str, Sequence[Value]]) -> pa.Table:
    """Some rows of a table with columns replaced, in its schema."""
    taken = table.take(pa.array(rows, pa.int64()))
    for name, values in changes.items():
        position = taken.schema.get_field_index(name)
        kind = taken.schema.field(position).type
        plain = kind.value_type if pa.types.is_dictionary(kind) else kind
        column = pa.array(list(values), plain)
        taken = taken.set_column(position, taken.schema.field(position), column.cast(kind))
    return taken
