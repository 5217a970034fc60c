"""Frames: the rows of one file as texts in DuckDB, with row numbers.

Belongs here: the relation `source_rows`, the names of its columns, filling and unpivoting it.
Does not: the formats that fill it (see `csv_files.py`, `json_files.py`, `binary_files.py`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import duckdb
import pyarrow as pa

from orchestration.arrivals.mapping import Unpivot
from orchestration.arrivals.refusal import Refusal
from orchestration.arrivals.sql_text import literal, literals

RELATION = "source_rows"
BATCH_ROWS = 20_000


@dataclass(frozen=True)
class Frame:
    """The rows of a file in the relation `source_rows`.

    table: columns `_row`, `c0`, `c1`, ... (texts), named by the source as in `columns`.
    json: columns `_row`, `j`; `columns` are the keys of the top level.
    """

    kind: Literal["table", "json"]
    columns: tuple[str, ...]
    rows: int


def drop(con: duckdb.DuckDBPyConnection) -> None:
    """Forget the rows of the last file."""
    con.execute(f"drop table if exists {RELATION}")


def count(con: duckdb.DuckDBPyConnection) -> int:
    """The number of rows."""
    counted = con.execute(f"select count(*) from {RELATION}").fetchone()
    return int(counted[0]) if counted is not None else 0


def column_names(header: Sequence[str], label: str) -> tuple[str, ...]:
    """The names of a header's columns, each different; raises Refusal for a header that is empty or damaged."""
    if not any(text.strip() for text in header):
        raise Refusal("file.empty", f"{label}: there is no header")
    if any("\ufffd" in text for text in header):
        raise Refusal("file.wrongly_encoded", f"{label}: the header holds U+FFFD, so its letters were lost before")
    names: list[str] = []
    for number, text in enumerate(header, start=1):
        column = text.strip() or f"column_{number}"
        # A second column of a name stays readable in the raw row; a mapping that reads either is refused later.
        names.append(column if column not in names else f"{column} ({number})")
    return tuple(names)


def fill(con: duckdb.DuckDBPyConnection, width: int, rows: Iterable[Sequence[str | None] | None]) -> None:
    """Write rows into `source_rows`, a batch at a time; None counts as a row and is left out."""
    schema = pa.schema([("_row", pa.int64()), *((f"c{n}", pa.string()) for n in range(width))])
    con.register("one_batch", schema.empty_table())
    con.execute(f"create temp table {RELATION} as select * from one_batch")
    numbered = ((number, row) for number, row in enumerate(rows, start=1) if row is not None)
    while batch := list(islice(numbered, BATCH_ROWS)):
        arrays = [pa.array([number for number, _ in batch], pa.int64())]
        arrays += [pa.array([row[n] for _, row in batch], pa.string()) for n in range(width)]
        con.register("one_batch", pa.Table.from_arrays(arrays, schema=schema))
        con.execute(f"insert into {RELATION} select * from one_batch")
    con.unregister("one_batch")


def unpivot(con: duckdb.DuckDBPyConnection, frame: Frame, option: Unpivot, label: str, nulls: Sequence[str]) -> Frame:
    """The frame with a row per kept columns and other column that has a value; the columns' names become values."""
    missing = [column for column in option.keep if column not in frame.columns]
    if missing or frame.kind == "json":
        raise Refusal("schema.lost_column", f"{label}: no column is named {(missing or option.keep)[0]!r}")
    kept = [frame.columns.index(column) for column in option.keep]
    others = [n for n in range(len(frame.columns)) if n not in kept]
    if not others:
        raise Refusal("schema.lost_column", f"{label}: beside {', '.join(option.keep)} there is no column to unpivot")
    pairs = ", ".join(f"{{'n': {literal(frame.columns[n])}, 'v': c{n}}}" for n in others)
    columns = "".join(f", c{n} as k{position}" for position, n in enumerate(kept))
    size = len(kept)
    renamed = "".join(f", k{position} as c{position}" for position in range(size))
    con.execute(f"alter table {RELATION} rename to wide_rows")
    con.execute(
        f"create temp table {RELATION} as select _row{renamed}, p.n as c{size}, p.v as c{size + 1} "
        f"from (select _row{columns}, unnest([{pairs}]) as p from wide_rows) "
        f"where p.v is not null and trim(p.v) not in ({literals(('', *nulls))})"
    )
    con.execute("drop table wide_rows")
    return Frame("table", (*option.keep, option.name_to, option.value_to), count(con))
