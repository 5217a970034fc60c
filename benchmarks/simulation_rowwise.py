"""The usual way of making test data, to compare with: one row after the other, each value drawn by itself.

Belongs here: the tables of a market-month with as many rows and columns, of the same types, and nothing true of them.
Does not: the world (see `orchestration/simulation/`), whose records fit together.
"""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.simulation.world.batches import FeedTables

Value = str | int | float | bool | date | datetime | None
_FIRST = datetime(2023, 3, 1, tzinfo=UTC)
_SECONDS = 42 * 30 * 86_400


def write_by_rows(tables: FeedTables, folder: Path, seed: int) -> int:
    """Write one Parquet file per table, with rows made in plain Python; how many rows."""
    rng = random.Random(seed)
    rows = 0
    for (source, feed), table in tables.items():
        makers = {column: _maker(rng, column, table.column(column)) for column in table.column_names}
        made = [{column: make() for column, make in makers.items()} for _ in range(len(table))]
        schema = pa.schema([(column.name, _plain(column.type)) for column in table.schema])
        pq.write_table(pa.Table.from_pylist(made, schema), folder / f"{source}__{feed}.parquet", compression="lz4")
        rows += len(made)
    return rows


def _plain(kind: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_dictionary(kind) or pa.types.is_null(kind) else kind


def _maker(rng: random.Random, name: str, column: pa.ChunkedArray) -> Callable[[], Value]:
    """What makes one value of a column."""
    kind = column.type
    if pa.types.is_null(kind):
        return lambda: None
    if pa.types.is_dictionary(kind):
        choices = column.unique().to_pylist()
        return lambda: rng.choice(choices)
    if pa.types.is_boolean(kind):
        return lambda: rng.random() < 0.5
    if pa.types.is_floating(kind):
        return lambda: round(rng.lognormvariate(3, 1), 2)
    if pa.types.is_integer(kind):
        return lambda: rng.randrange(1, 1000)
    if pa.types.is_timestamp(kind):
        return lambda: _moment(rng)
    if pa.types.is_date(kind):
        return lambda: _moment(rng).date()
    return lambda: f"{name[:3]}-{rng.randrange(10**8):08d}"


def _moment(rng: random.Random) -> datetime:
    return _FIRST + timedelta(seconds=rng.randrange(_SECONDS))
