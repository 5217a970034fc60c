"""Parquet: canonical tables as they are, written as fast as a core can.

Belongs here: the options of the writer, and files that grow batch by batch. Does not: anything that changes a value.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType, TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.arrivals.contracts import contracts
from orchestration.simulation.formats.texts import column, texts

FeedTables = Mapping[tuple[str, str], pa.Table]
# The ending of a file that is still written: arrivals leave it alone.
UNFINISHED = ".part"
# Each file costs an arrival a tenth of a second whatever its rows, and its rows the arrival's memory.
MOST_ROWS = 1_000_000
# A group of rows costs some tenths of a millisecond, as much as a thousand rows do.
GROUP_ROWS = 16_384

TYPES: Mapping[str, pa.DataType] = MappingProxyType(
    {
        "timestamp": pa.timestamp("us", "UTC"),
        "date": pa.date32(),
        "integer": pa.int64(),
        "decimal": pa.float64(),
        "boolean": pa.bool_(),
    }
)
# Source, feed, and whether all columns are texts.
Key = tuple[str, str, bool]


@dataclass
class _File:
    """A file that is still written, and the tables that wait until a group of rows is worth its writing."""

    writer: pq.ParquetWriter
    schema: pa.Schema
    rows: int = 0
    waiting: list[pa.Table] = field(default_factory=list)
    waiting_rows: int = 0

    def add(self, table: pa.Table) -> None:
        self.waiting.append(_conformed(table, self.schema))
        self.waiting_rows += len(table)
        self.rows += len(table)
        if self.waiting_rows >= GROUP_ROWS:
            self._write()

    def close(self) -> None:
        self._write()
        self.writer.close()

    def _write(self) -> None:
        if self.waiting:
            self.writer.write_table(pa.concat_tables(self.waiting).unify_dictionaries())
        self.waiting, self.waiting_rows = [], 0


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write the table; only columns that come as dictionaries are kept as such."""
    with _writer(table.schema, path) as writer:
        writer.write_table(table)


@dataclass
class ParquetFiles:
    """Files that take one batch of tables after another, few and large: one per source and feed while it fits.

    All files of a feed have all its fields as columns. Tables in which a column holds texts where numbers or moments
    are due go to files of texts beside the others. A file ends when it has so many rows. Use it as a context manager:
    files get their names when it ends well, and stay unfinished (`.part`) when it does not.
    """

    folder: Path
    tag: str
    most_rows: int = MOST_ROWS
    paths: list[Path] = field(default_factory=list)
    _open: dict[Key, _File] = field(default_factory=dict)
    _parts: dict[tuple[str, str], int] = field(default_factory=dict)

    def __enter__(self) -> "ParquetFiles":
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        for key in list(self._open):
            self._open.pop(key).close()
        if kind is None:
            for path in self.paths:
                path.with_name(path.name + UNFINISHED).rename(path)

    def add(self, tables: FeedTables) -> None:
        """Append each table to the file of its source and feed; ValueError for a column that the feed has not."""
        for (source, feed), table in tables.items():
            if not len(table):
                continue
            kinds = _kinds(feed)
            unknown = set(table.column_names) - set(kinds)
            if unknown:
                raise ValueError(f"{source}, {feed}: the contract has no field {', '.join(sorted(unknown))}")
            has_texts = any(one.type == pa.string() and kinds[one.name] in TYPES for one in table.schema)
            key = (source, feed, has_texts)
            if key in self._open and self._open[key].rows + len(table) > self.most_rows:
                self._open.pop(key).close()
            if key not in self._open:
                self._open[key] = self._begin(key, table)
            self._open[key].add(table)

    def _begin(self, key: Key, table: pa.Table) -> _File:
        source, feed, has_texts = key
        part = self._parts[source, feed] = self._parts.get((source, feed), 0) + 1
        path = self.folder / f"{source}__{feed}__{self.tag}__{part:03d}.parquet"
        self.paths.append(path)
        schema = pa.schema(
            pa.field(one.name, pa.string() if has_texts else _type(table, one.name, one.type))
            for one in contracts()[feed].fields
        )
        return _File(_writer(schema, path.with_name(path.name + UNFINISHED)), schema)


def _type(table: pa.Table, name: str, kind: str) -> pa.DataType:
    if kind in TYPES:
        return TYPES[kind]
    # Dictionaries are written as they come, which is faster than writing their texts out.
    return table.schema.field(name).type if name in table.column_names else pa.string()


@cache
def _kinds(feed: str) -> Mapping[str, str]:
    return {one.name: one.type for one in contracts()[feed].fields}


def _conformed(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table with the columns of the schema, in its types; what the table lacks is null."""
    given = {name: position for position, name in enumerate(table.column_names)}
    columns: list[pa.ChunkedArray | pa.Array] = []
    for one in schema:
        if one.name not in given:
            columns.append(pa.nulls(len(table), one.type))
        elif table.schema.field(given[one.name]).type == one.type:
            columns.append(table.column(given[one.name]))
        else:
            values = column(table, one.name)
            is_encoded = pa.types.is_dictionary(one.type)
            columns.append(texts(values).dictionary_encode() if is_encoded else _cast(values, one.type))
    return pa.Table.from_arrays(columns, schema=schema)


def _cast(values: pa.Array, kind: pa.DataType) -> pa.Array:
    return texts(values) if pa.types.is_string(kind) else values.cast(kind)


def _writer(schema: pa.Schema, path: Path) -> pq.ParquetWriter:
    names = [one.name for one in schema if pa.types.is_dictionary(one.type)]
    return pq.ParquetWriter(
        path, schema, compression="lz4", use_dictionary=names or False, write_statistics=False, store_schema=False
    )
