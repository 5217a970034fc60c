"""Staging: a relation written to Parquet and checked, before anything is locked.

Belongs here: what may become a file of a declared table, and the proof that it did. Does not: publishing.

Iceberg takes any file without looking inside. Hence everything is compared here: names and types of the relation with
the declaration, then names, types, places and row counts of the written files with the relation.
"""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.lake.durability import make_durable
from orchestration.lake.reading import casts, literal, quoted
from orchestration.lake.tables import DECIMAL, normalised
from orchestration.lake.vocabulary import RAW, DataFile, Place, SchemaError, StagedTable, StagingError, TableSpec

if TYPE_CHECKING:
    import duckdb

INTEGERS = {
    name: rank
    for rank, name in enumerate(
        ("tinyint", "utinyint", "smallint", "usmallint", "integer", "uinteger", "bigint", "ubigint", "hugeint")
    )
}
MONTH = r"\d{4}-(0[1-9]|1[0-2])"
SHOWN = 5


@dataclass(frozen=True)
class Layout:
    """How rows lie inside a file; sorted rows in small groups let DuckDB skip the groups that it does not need."""

    order_by: tuple[str, ...] = ()
    row_group_rows: int = 122_880


def stage(
    con: "duckdb.DuckDBPyConnection",
    relation: str,
    spec: TableSpec,
    run_id: str,
    folder: Path,
    layout: Layout = Layout(),
    *,
    named: str = "",
    parts: Sequence[str] = (),
) -> StagedTable:
    """The rows of `relation` as new Parquet files under `folder`, one per place, all checked.

    relation: an SQL name, or a select in parentheses, that `con` can read; it must have exactly the declared columns.
    named: what messages call it.
    parts: the same rows in several such selects, each written by itself; none: all at once.
    Raises SchemaError for names and types, StagingError for rows without a place and files that differ.
    """
    check_columns(con, relation, spec, named or relation)
    expected = rows_by_place(con, relation, spec, named or relation)
    if not expected:
        return StagedTable(spec, run_id, ())
    written = [file for part in parts or (relation,) for file in write(con, part, spec, run_id, folder, layout)]
    check_written_columns(con, spec, [path for path, _ in written])
    files = read_back(con, spec, written)
    found: dict[Place, int] = {}
    for file in files:
        found[file.place] = found.get(file.place, 0) + file.rows
    if found != expected:
        wrong = sorted(place for place in found.keys() | expected.keys() if found.get(place) != expected.get(place))
        shown = "; ".join(
            f"{place}: {expected.get(place, 0)} rows, files hold {found.get(place, 0)}" for place in wrong[:SHOWN]
        )
        raise StagingError(f"{spec.name}: the files differ from the relation at {len(wrong)} places: {shown}")
    make_durable(file.path for file in files)
    return StagedTable(spec, run_id, tuple(files))


def check_columns(con: "duckdb.DuckDBPyConnection", relation: str, spec: TableSpec, named: str) -> None:
    """Refuse a relation whose columns are not the declared ones, or need a cast that could change a value."""
    found = {
        str(name): normalised(str(kind))
        for name, kind in con.execute(
            f"select column_name, column_type from (describe select * from {relation})"
        ).fetchall()
    }
    declared = {column.name: normalised(column.type) for column in spec.columns}
    problems = []
    if missing := [name for name in declared if name not in found]:
        problems.append(f"lacks {', '.join(missing)}")
    if unexpected := [name for name in found if name not in declared]:
        problems.append(f"has undeclared {', '.join(unexpected)}")
    problems += [
        f"{name} is {found[name]}, declared {kind}"
        for name, kind in declared.items()
        if name in found and not is_exact(found[name], kind)
    ]
    if problems:
        raise SchemaError(f"{spec.name}: relation {named}: {'; '.join(problems)}")


def is_exact(given: str, declared: str) -> bool:
    """Whether the cast keeps every value or fails loudly: no rounding, no parsing, no change of zone."""
    if given == declared:
        return True
    if given in INTEGERS:
        # DuckDB's sum of integers is hugeint: the cast to bigint fails on overflow, so nothing is lost in silence.
        return declared in ("bigint", "integer", "double") or DECIMAL.fullmatch(declared) is not None
    if declared == "double":
        return given == "float"
    if declared == "varchar":
        return given.startswith("enum(")
    if declared == "timestamp":
        return given in ("timestamp_s", "timestamp_ms")
    from_decimal, to_decimal = DECIMAL.fullmatch(given), DECIMAL.fullmatch(declared)
    return from_decimal is not None and to_decimal is not None and int(from_decimal[2]) <= int(to_decimal[2])


def rows_by_place(con: "duckdb.DuckDBPyConnection", relation: str, spec: TableSpec, named: str) -> dict[Place, int]:
    """How many rows each place has; refuses rows without a readable place."""
    may_be_empty = spec.name.startswith(f"{RAW}.")  # rates arrive without a market
    columns = ", ".join(quoted(name) for name in spec.place_columns)
    select = f"select {columns + ', ' if columns else ''}count(*) from {relation}{' group by all' if columns else ''}"
    counts: dict[Place, int] = {}
    problems = []
    for *values, rows in con.execute(select).fetchall():
        for name, value in zip(spec.place_columns, values, strict=True):
            if value is None or (value == "" and not may_be_empty):
                problems.append(f"{rows} rows with {'null' if value is None else 'empty'} {name}")
            elif name == spec.month_column and spec.partition == "market_month" and not re.fullmatch(MONTH, value):
                problems.append(f"{rows} rows with {name} {value!r}, which is not YYYY-MM")
        if rows:
            counts[Place(*("" if value is None else str(value) for value in values))] = int(rows)
    if problems:
        more = f" and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        raise StagingError(f"{spec.name}: relation {named}: {'; '.join(sorted(problems)[:SHOWN])}{more}")
    return counts


def write(
    con: "duckdb.DuckDBPyConnection",
    relation: str,
    spec: TableSpec,
    run_id: str,
    folder: Path,
    layout: Layout,
) -> list[tuple[str, int]]:
    """Path and size of each file written. Names are never used twice, so a run may be tried again at any time."""
    columns = casts(spec)
    order = f" order by {', '.join(quoted(name) for name in layout.order_by)}" if layout.order_by else ""
    stem = f"{re.sub(r'[^A-Za-z0-9_-]', '-', run_id)}-{uuid.uuid4().hex}"
    # Level 1 takes a third less time than DuckDB's 3; raw rows become no larger, columns of keys alone by a fifth.
    options = ["format parquet", "compression zstd", "compression_level 1", f"row_group_size {layout.row_group_rows}"]
    # The option return_stats also tells the sizes, and takes a third of the time of a small file.
    options.append("return_files")
    folder.mkdir(parents=True, exist_ok=True)
    if spec.place_columns:
        target = folder
        partition_by = ", ".join(quoted(name) for name in spec.place_columns)
        options += [f"partition_by ({partition_by})", "write_partition_columns true", "append"]
        options.append(f"filename_pattern {literal(stem + '-{uuid}')}")
    else:
        target = folder / f"{stem}.parquet"
    ((_, paths),) = con.execute(
        f"copy (select {columns} from {relation}{order}) to {literal(str(target))} ({', '.join(options)})"
    ).fetchall()
    return [(str(path), Path(path).stat().st_size) for path in paths]


def check_written_columns(con: "duckdb.DuckDBPyConnection", spec: TableSpec, paths: list[str]) -> None:
    """Refuse files whose columns are not the declared ones, in order and type."""
    per_file = con.execute(
        "select columns, min(file_name), count(*) from ("
        "select file_name, list(name || ' ' || lower(duckdb_type) order by column_id) as columns "
        "from parquet_schema(?) where duckdb_type is not null group by file_name) group by columns",
        [paths],
    ).fetchall()
    declared = [f"{column.name} {normalised(column.type)}" for column in spec.columns]
    for columns, path, count in per_file:
        if columns != declared:
            raise SchemaError(f"{spec.name}: {count} files such as {path} hold {columns}, declared {declared}")


def read_back(con: "duckdb.DuckDBPyConnection", spec: TableSpec, written: list[tuple[str, int]]) -> list[DataFile]:
    """The files with the places and row counts that stand in them; refuses a file with rows of two places."""
    sizes = dict(written)
    least = ", ".join(f"min({quoted(name)}), max({quoted(name)})" for name in spec.place_columns)
    rows = con.execute(
        f"select filename, count(*){', ' + least if least else ''} "
        "from read_parquet(?, filename=true, hive_partitioning=false) group by filename",
        [list(sizes)],
    ).fetchall()
    files = []
    for path, count, *bounds in rows:
        if bounds[::2] != bounds[1::2]:
            raise StagingError(f"{spec.name}: file {path} holds rows of two places: {bounds}")
        place = Place(*(str(value) for value in bounds[::2]))
        files.append(DataFile(path=path, market=place.market, month=place.month, rows=count, size=sizes[path]))
    return sorted(files, key=lambda file: (file.market, file.month, file.path))
