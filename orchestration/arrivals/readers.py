"""Readers: a plain file of any format becomes the rows of `source_rows`.

Belongs here: which reader takes which file. Does not: the readers.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import duckdb

from orchestration.arrivals import binary_files, csv_files, json_files
from orchestration.arrivals.frames import Frame, drop
from orchestration.arrivals.mapping import Format, FormatType
from orchestration.arrivals.refusal import Refusal
from orchestration.arrivals.unpacking import Limits, Member, to_utf8

ENDINGS: Mapping[str, FormatType] = MappingProxyType(
    {
        ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet",
        ".xlsx": "xlsx",
    }
)  # fmt: skip


def read(con: duckdb.DuckDBPyConnection, member: Member, form: Format, folder: Path, limits: Limits) -> Frame:
    """Read a plain file into `source_rows`, which replaces an earlier one; raises Refusal."""
    drop(con)
    kind = ENDINGS.get(Path(member.name).suffix.casefold()) if form.type == "auto" else form.type
    if kind is None:
        endings = ", ".join(sorted(ENDINGS))
        raise Refusal("file.unreadable", f"{member.label}: its ending tells no format; known endings are {endings}")
    if kind == "parquet":
        return binary_files.read_parquet(con, member, limits)
    if kind == "xlsx":
        return binary_files.read_spreadsheet(con, member, form, limits)
    path = to_utf8(member.path, form.encoding, folder, member.label)
    if kind == "csv":
        return csv_files.read(con, member.label, path, form)
    return json_files.read(con, member.label, path)
