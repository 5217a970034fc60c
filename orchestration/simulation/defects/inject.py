"""Putting defects into a batch of clean tables, and the truth about where they are.

Belongs here: the order of the defects, switching them, and making the changes. Does not: what each defect does (see
`values.py`, `records.py`, `documents.py`) and damage to the bytes of files (see `files.py`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.simulation.defects import documents, records, values
from orchestration.simulation.defects.bench import (
    NO_ROWS,
    Bench,
    Change,
    Delivery,
    Noted,
    Rows,
    TruthRow,
    Value,
    stream,
)  # fmt: skip
from orchestration.simulation.defects.catalogue import Defect, defect, defects
from orchestration.simulation.defects.hand import Hand, Injector
from orchestration.simulation.defects.overrides import FeedKey, FeedTables, FieldTexts, TextOverrides

INJECTORS: Mapping[str, Injector] = MappingProxyType({**values.INJECTORS, **records.INJECTORS, **documents.INJECTORS})
# Headers come first, so that what follows a dirty header is left alone.
HEADER_FEEDS = ("orders", "shipments", "declarations")
TRUTH_SCHEMA = pa.schema(
    [
        (name, pa.string())
        for name in (
            "defect_id", "visibility", "treatment", "role", "source_id", "feed", "key_before", "key_after", "field",
            "clean_value", "dirty_value", "scored_feed", "scored_key", "batch", "explanation",
        )
    ]
)  # fmt: skip


@dataclass(frozen=True)
class DefectConfig:
    """How dirty a world is.

    multiplier: factor on every default rate. only: the defects that are switched on; None for all, empty for none.
    A defect that is switched off leaves every other one where it was.
    """

    seed: int
    multiplier: float = 1.0
    only: frozenset[str] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.multiplier <= 25:
            raise ValueError(f"the multiplier of the rates is {self.multiplier}, which is not in 0..25")
        for defect_id in self.only or ():
            defect(defect_id)

    def has(self, found: Defect) -> bool:
        """Whether a defect is switched on."""
        return self.only is None or found.id in self.only


@dataclass(frozen=True)
class Injected:
    """A dirty batch: its tables, texts that its files show, further files, and the truth (one row per dirty record)."""

    tables: FeedTables
    overrides: TextOverrides
    deliveries: tuple[Delivery, ...]
    truth: pa.Table


def inject(tables: FeedTables, *, config: DefectConfig, tag: str) -> Injected:
    """The batch with defects put in, at most one in a record.

    tables: canonical tables by source and feed, of one market-month or of what has no market. tag: the name of the
    batch, such as `GB-2024-03`; equal seeds, tags and tables give equal defects.
    """
    bench = Bench(tables, config.seed, tag)
    if config.multiplier > 0:
        for feed in _feeds(tables):
            _put_in(bench, feed, config)
        for level in ("natural", "delivery"):
            for found in defects().values():
                if found.level == level and _is_drawn(found, config, tag):
                    _whole_feed(bench, found, config)
    changed, texts = _carried_out(tables, bench.noted)
    deliveries = tuple(bench.noted.deliveries)
    return Injected(changed, TextOverrides(texts), deliveries, truth_table(bench.noted.truth, tag))


def truth_table(rows: Sequence[TruthRow], tag: str) -> pa.Table:
    """Truth rows as a table of `TRUTH_SCHEMA`."""
    columns = zip(
        *(
            (
                row.defect.id, row.defect.visibility, row.defect.treatment, row.role, row.key[0], row.key[1],
                row.key_before, row.key_after, row.field, row.clean_value, row.dirty_value, row.scored_feed,
                row.scored_key, tag, row.defect.words,
            )
            for row in rows
        ),
        strict=True,
    )  # fmt: skip
    return (
        pa.table([pa.array(column, pa.string()) for column in columns] or None, schema=TRUTH_SCHEMA)
        if rows
        else (TRUTH_SCHEMA.empty_table())
    )


def _feeds(tables: Collection[FeedKey]) -> list[str]:
    found = {feed for _, feed in tables}
    return [feed for feed in HEADER_FEEDS if feed in found] + sorted(found - set(HEADER_FEEDS))


def _put_in(bench: Bench, feed: str, config: DefectConfig) -> None:
    drawn = bench.draw(feed, config.multiplier)
    for key in dict.fromkeys(key for key, _ in drawn):
        every = np.concatenate([rows for (other, _), rows in drawn.items() if other == key])
        newest = bench.newest(key, every)
        drawn |= {pair: np.intersect1d(rows, newest) for pair, rows in drawn.items() if pair[0] == key}
    order = list(defects())
    for key, defect_id in sorted(drawn, key=lambda choice: (choice[0], order.index(choice[1]))):
        rows = bench.free(key, drawn[key, defect_id])
        if len(rows):
            INJECTORS[defect_id](_hand(bench, defects()[defect_id], key, config), key, rows)


def _whole_feed(bench: Bench, found: Defect, config: DefectConfig) -> None:
    for key in bench.keys_of(found.feed):
        # What customs' gateway sends holds several feeds in one message, which cannot be delivered apart.
        if found.level == "natural" or key[0] not in ("port", "port_tax"):
            every = np.arange(len(bench.tables[key]), dtype=np.int64)
            INJECTORS[found.id](_hand(bench, found, key, config), key, every)


def _hand(bench: Bench, found: Defect, key: FeedKey, config: DefectConfig) -> Hand:
    return Hand(bench, found, (found.id, bench.tag, *key), config.has(found))


def _is_drawn(found: Defect, config: DefectConfig, tag: str) -> bool:
    """Whether a batch has what concerns it as a whole."""
    return float(stream(config.seed, found.id, tag).random()) < found.rate * config.multiplier


def _carried_out(tables: FeedTables, noted: Noted) -> tuple[FeedTables, Mapping[FeedKey, Mapping[str, FieldTexts]]]:
    """The tables after everything noted, and the texts by field with rows as they stand then."""
    result = dict(tables)
    texts: dict[FeedKey, dict[str, FieldTexts]] = {}
    touched = {change.key for change in noted.changes} | {key for key, _ in noted.added} | {k for k, _ in noted.dropped}
    for key in sorted(touched):
        table = result[key]
        kept = np.ones(len(table), dtype=bool)
        for other, rows in noted.dropped:
            if other == key:
                kept[rows] = False
        position = np.cumsum(kept) - 1
        changes = [change for change in noted.changes if change.key == key]
        for name in dict.fromkeys(change.field for change in changes):
            typed = [change for change in changes if change.field == name and not change.is_text]
            shown = [change for change in changes if change.field == name and change.is_text]
            if typed:
                table = _with_values(table, name, *_in_order(typed))
            if shown:
                rows, news = _in_order(shown)
                written = pa.array([str(value) for value in news], pa.string())
                texts.setdefault(key, {})[name] = FieldTexts(position[rows].astype(np.int64), written)
        if not kept.all():
            table = table.filter(pa.array(kept))
        added = [more for other, more in noted.added if other == key]
        result[key] = pa.concat_tables([table, *(_like(table, more) for more in added)]) if added else table
    return MappingProxyType(result), texts


def _like(table: pa.Table, more: pa.Table) -> pa.Table:
    """Records with the columns and types that the table has by now."""
    empty = pa.nulls(len(more), pa.string())
    columns = [more.column(name) if name in more.column_names else empty for name in table.column_names]
    return pa.table([column.cast(kind) for column, kind in zip(columns, table.schema.types, strict=True)], table.schema)


def _in_order(changes: Sequence[Change]) -> tuple[Rows, list[Value]]:
    """Rows ascending, and the value of each."""
    rows = np.concatenate([change.rows for change in changes]) if changes else NO_ROWS
    news = [value for change in changes for value in change.values]
    order = np.argsort(rows, kind="stable")
    return rows[order], [news[n] for n in order.tolist()]


def _with_values(table: pa.Table, name: str, rows: Rows, news: Sequence[Value]) -> pa.Table:
    """The table with new values in some rows of a column, which it gains where the source never gave it."""
    if name not in table.column_names:
        table = table.append_column(name, pa.nulls(len(table), pa.string()))
    position = table.schema.get_field_index(name)
    column = table.column(position)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_integer(column.type) and any(isinstance(value, float) and value % 1 for value in news):
        column = column.cast(pa.float64())
    if pa.types.is_integer(column.type):
        news = [int(value) if isinstance(value, float) else value for value in news]
    mask = np.zeros(len(table), dtype=bool)
    mask[rows] = True
    replaced = pc.replace_with_mask(column, pa.array(mask), pa.array(list(news), column.type))
    return table.set_column(position, name, replaced)
