"""JSON Lines: one object per line becomes one row; a line that is none refuses the file.

Belongs here: reading lines, and finding the first bad one. Does not: paths and arrays (see `columns.py`).
"""

import json
from pathlib import Path

import duckdb

from orchestration.arrivals.frames import RELATION, Frame, count
from orchestration.arrivals.refusal import Refusal
from orchestration.arrivals.sql_text import literal

MAX_OBJECT_BYTES = 16 << 20
# DuckDB keeps numbers of JSON as doubles: longer ones (waybills written without quotes) would lose their last digits.
SAFE_DIGITS = 17


def read(con: duckdb.DuckDBPyConnection, label: str, path: Path) -> Frame:
    """The rows of a UTF-8 file; raises Refusal."""
    try:
        con.execute(
            f"create temp table {RELATION} as select row_number() over () as _row, json as j "
            f"from read_ndjson_objects({literal(str(path))}, maximum_object_size={MAX_OBJECT_BYTES})"
        )
    except duckdb.InvalidInputException:
        raise _refusal(path, label) from None
    odd = con.execute(f"select min(_row) from {RELATION} where json_type(j) is distinct from 'OBJECT'").fetchone()
    if odd is not None and odd[0] is not None:
        raise Refusal("file.unreadable", f"{label}: row {odd[0]} is no JSON object")
    rows = count(con)
    if rows == 0:
        raise Refusal("file.empty", f"{label}: there is no row")
    _refuse_long_numbers(con, label)
    keys = con.execute(f"select distinct unnest(json_keys(j)) as k from {RELATION} order by k").fetchall()
    return Frame("json", tuple(str(key[0]) for key in keys), rows)


def _refuse_long_numbers(con: duckdb.DuckDBPyConnection, label: str) -> None:
    # The pattern also finds digits inside of texts, so what it finds is parsed; that is rare, and one row at a time.
    digits = f"[:\\[,]\\s*-?[0-9][0-9.]{{{SAFE_DIGITS},}}"
    suspects = con.execute(f"select _row, j from {RELATION} where regexp_matches(j, {literal(digits)}) order by _row")
    while found := suspects.fetchone():
        if _longest_number(found[1]) > SAFE_DIGITS:
            problem = f"a number of more than {SAFE_DIGITS} digits, of which the last would be lost: write it in quotes"
            raise Refusal("file.unreadable", f"{label}: row {found[0]} holds {problem}")


def _longest_number(text: str) -> int:
    lengths = [0]

    def measure(token: str) -> float:
        digits = token.lower().split("e")[0].lstrip("-0.").replace(".", "")
        lengths.append(len(digits))
        return 0.0

    json.loads(text, parse_int=measure, parse_float=measure)
    return max(lengths)


def _refusal(path: Path, label: str) -> Refusal:
    """Why a file cannot be read, found with a reader that keeps nothing."""
    row = 0
    with path.open(encoding="utf-8") as file:
        for line in file:
            if not line.strip():
                continue
            row += 1
            try:
                json.loads(line, parse_constant=_no_constant)
            except ValueError as error:
                is_cut = not line.endswith("\n")
                problem = str(error).split(":")[0]
                rule = "file.truncated" if is_cut else "file.unreadable"
                return Refusal(rule, f"{label}: row {row} is no JSON ({problem})")
            if len(line) > MAX_OBJECT_BYTES:
                break
    return Refusal("file.unreadable", f"{label}: row {row} is longer than the {MAX_OBJECT_BYTES:,} bytes of one object")


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is no JSON number")
