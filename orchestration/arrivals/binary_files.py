"""Parquet and XLSX: typed values become the text that a person would write, 2.55 and not 2.5499999.

Belongs here: reading both, and telling a file that broke off from one that never was of the format.
Does not: text formats (see `csv_files.py`, `json_files.py`).
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from itertools import islice

import duckdb

from orchestration.arrivals.frames import RELATION, Frame, column_names, count, fill
from orchestration.arrivals.mapping import Format
from orchestration.arrivals.refusal import Refusal
from orchestration.arrivals.sql_text import literal, name
from orchestration.arrivals.unpacking import Limits, Member, check_spreadsheet

PARQUET_MAGIC = b"PAR1"
ROW_NUMBER = "file_row_number"


def read_parquet(con: duckdb.DuckDBPyConnection, member: Member, limits: Limits) -> Frame:
    """The rows of a Parquet file; raises Refusal."""
    path = literal(str(member.path))
    source = f"read_parquet({path}, {ROW_NUMBER}=true, hive_partitioning=false)"
    try:
        described = con.execute(f"describe select * from {source}").fetchall()
        counted = con.execute(f"select num_rows from parquet_file_metadata({path})").fetchone()
    except duckdb.Error as error:
        raise _parquet_refusal(member, error) from None
    columns = [(str(row[0]), str(row[1])) for row in described if row[0] != ROW_NUMBER]
    rows = int(counted[0]) if counted is not None else 0
    # Runs of equal values cost a Parquet file nothing, so its size says little about what it expands to.
    if rows * len(columns) > limits.max_expanded_bytes:
        size = f"{rows:,} rows of {len(columns)} columns, which are more than {limits.max_expanded_bytes:,} bytes"
        raise Refusal("file.oversized", f"{member.label} expands to {size}")
    texts = "".join(f", {_parquet_text(name(column), kind)} as c{n}" for n, (column, kind) in enumerate(columns))
    names = column_names([column for column, _ in columns], member.label)
    try:
        con.execute(f"create temp table {RELATION} as select {ROW_NUMBER} + 1 as _row{texts} from {source}")
    except duckdb.Error as error:
        raise _parquet_refusal(member, error) from None
    return Frame("table", names, rows)


def read_spreadsheet(con: duckdb.DuckDBPyConnection, member: Member, form: Format, limits: Limits) -> Frame:
    """The rows of one sheet of an XLSX workbook; raises Refusal."""
    # Imported here: openpyxl costs a quarter of a second, and few sources send spreadsheets.
    from openpyxl import load_workbook

    check_spreadsheet(member.path, member.label, limits)
    try:
        with member.path.open("rb") as file:
            book = load_workbook(file, read_only=True, data_only=True)
            if form.sheet is not None and form.sheet not in book.sheetnames:
                raise Refusal("file.unreadable", f"{member.label}: there is no sheet {form.sheet!r}")
            sheet = book[form.sheet] if form.sheet is not None else book.worksheets[0]
            rows: Iterator[tuple[object, ...]] = sheet.iter_rows(values_only=True)
            header = [_cell_text(value) or "" for value in next(islice(rows, form.header_row - 1, None), ())]
            while header and not header[-1].strip():
                header.pop()
            columns = column_names(header, member.label)
            fill(con, len(columns), _sheet_rows(rows, len(columns), member.label))
            book.close()
    except (Refusal, duckdb.Error):
        raise
    except Exception as error:  # noqa: BLE001 (openpyxl lets through whatever its parsers of zip and XML raise)
        raise Refusal("file.unreadable", f"{member.label}: no XLSX workbook ({type(error).__name__})") from None
    return Frame("table", columns, count(con))


def _parquet_refusal(member: Member, error: duckdb.Error) -> Exception:
    """Why a Parquet file is refused; the error itself when it is about memory, or about another file than this one."""
    if isinstance(error, duckdb.OutOfMemoryException | duckdb.FatalException):
        return error
    if isinstance(error, duckdb.IOException) and str(member.path) not in str(error):
        return error
    with member.path.open("rb") as file:
        starts = file.read(4)
        file.seek(-min(4, member.path.stat().st_size), 2)
        ends = file.read(4)
    if starts == PARQUET_MAGIC != ends:
        return Refusal("file.truncated", f"{member.label}: the Parquet file has no footer")
    return Refusal("file.unreadable", f"{member.label}: no Parquet file, or its pages are damaged")


def _parquet_text(column: str, kind: str) -> str:
    if kind == "VARCHAR":
        return column
    if kind.startswith("TIMESTAMP"):
        has_zone = kind == "TIMESTAMP WITH TIME ZONE" or kind.startswith("TIMESTAMPTZ")
        moment = f"timezone('UTC', cast({column} as timestamptz))" if has_zone else f"cast({column} as timestamp)"
        micros = f"microsecond({moment}) % 1000000"
        fraction = f"case when {micros} = 0 then '' else rtrim(strftime({moment}, '.%f'), '0') end"
        return f"strftime({moment}, '%Y-%m-%dT%H:%M:%S') || {fraction}" + (" || 'Z'" if has_zone else "")
    if kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION")):
        return f"cast(to_json({column}) as varchar)"
    return f"cast({column} as varchar)"


def _sheet_rows(rows: Iterator[tuple[object, ...]], width: int, label: str) -> Iterator[Sequence[str | None] | None]:
    for number, row in enumerate(rows, start=1):
        texts = [_cell_text(value) for value in row]
        if any(text is not None for text in texts[width:]):
            raise Refusal("file.unreadable", f"{label}: row {number} has more values than the header has columns")
        # An empty row keeps its number, so that rows can be found in the sheet, but is no record.
        yield [*texts, *[None] * (width - len(texts))][:width] if any(texts) else None


def _cell_text(value: object) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds" if value.microsecond else "seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    return repr(value) if isinstance(value, float) else str(value)
