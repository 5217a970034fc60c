"""CSV files: text with a delimiter becomes rows; a row that does not fit its header refuses the file.

Belongs here: the fast reader, and the slow one that says exactly what is wrong. Does not: encodings (`unpacking.py`)
and telling which of the two is safe (`csv_shape.py`).
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import duckdb

from orchestration.arrivals.csv_shape import regular_rows
from orchestration.arrivals.frames import RELATION, Frame, column_names, count, drop, fill
from orchestration.arrivals.mapping import Format
from orchestration.arrivals.refusal import Refusal
from orchestration.arrivals.sql_text import literal

MAX_VALUE_CHARACTERS = 16 << 20


def read(con: duckdb.DuckDBPyConnection, label: str, path: Path, form: Format) -> Frame:
    """The rows of a UTF-8 file; raises Refusal."""
    header = next(_rows(path, form, label), (0, []))[1]
    columns = column_names(header, label)
    if form.has_final_newline and not _ends_with_newline(path):
        raise Refusal(
            "file.truncated", f"{label}: the last line does not end with a line break, which its mapping wants"
        )
    rows = regular_rows(
        path, delimiter=form.delimiter, quote=form.quote, width=len(columns), header_row=form.header_row
    )
    if rows is None or not _read_fast(con, path, form, len(columns), rows):
        drop(con)
        # Slow, and exact both in what it takes and in what it says.
        fill(con, len(columns), _checked(path, form, label, len(columns)))
    return _without_unnamed(con, Frame("table", columns, count(con)), header)


def _read_fast(con: duckdb.DuckDBPyConnection, path: Path, form: Format, width: int, rows: int) -> bool:
    """Whether DuckDB reads the file, and finds the rows that its shape has."""
    types = ", ".join(f"'c{n}': 'VARCHAR'" for n in range(width))
    try:
        con.execute(
            f"create temp table {RELATION} as select row_number() over () as _row, * from read_csv("
            f"{literal(str(path))}, auto_detect=false, header=true, skip={form.header_row - 1}, "
            f"delim={literal(form.delimiter)}, quote={literal(form.quote)}, escape={literal(form.quote)}, "
            f"columns={{{types}}}, strict_mode=true, null_padding=false, nullstr='')"
        )
    except duckdb.InvalidInputException:
        return False
    return count(con) == rows


def _checked(path: Path, form: Format, label: str, width: int) -> Iterator[Sequence[str | None]]:
    for row, (line, values) in enumerate(islice(_rows(path, form, label), 1, None), start=1):
        if len(values) != width:
            found = f"has {len(values)} values, the header has {width} columns"
            raise Refusal("file.truncated", f"{label}: row {row} (line {line}) {found}")
        yield [value or None for value in values]


def _rows(path: Path, form: Format, label: str) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not blank, header first, with the line on which it ends; raises Refusal at the first bad one."""
    previous_limit = csv.field_size_limit(MAX_VALUE_CHARACTERS)
    row = -1
    try:
        with path.open(encoding="utf-8", newline="") as file:
            skipped = sum(1 for _ in islice(file, form.header_row - 1))
            if form.quote:
                reader = csv.reader(file, delimiter=form.delimiter, quotechar=form.quote, strict=True)
            else:
                reader = csv.reader(file, delimiter=form.delimiter, quoting=csv.QUOTE_NONE, strict=True)
            for values in reader:
                if values:
                    row += 1
                    yield skipped + reader.line_num, values
    except csv.Error as error:
        is_open = "unexpected end of data" in str(error)
        problem = "a quote is opened and never closed" if is_open else f"no CSV ({error})"
        place = "the header" if row < 0 else f"row {row + 1}"
        raise Refusal("file.truncated" if is_open else "file.unreadable", f"{label}: {place}: {problem}") from None
    finally:
        csv.field_size_limit(previous_limit)


def _without_unnamed(con: duckdb.DuckDBPyConnection, frame: Frame, header: Sequence[str]) -> Frame:
    """The frame without a last column that has neither name nor value: a comma at the end of each line."""
    if header[-1].strip():
        return frame
    last = f"c{len(header) - 1}"
    filled = con.execute(f"select count({last}) from {RELATION}").fetchone()
    if filled is not None and filled[0]:
        return frame
    con.execute(f"alter table {RELATION} drop column {last}")
    return replace(frame, columns=frame.columns[:-1])


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) in (b"\n", b"\r")
