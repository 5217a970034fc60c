"""Readers: a plain file of any format becomes the rows of `source_rows`.

Belongs here: which reader takes which file. Does not: the readers.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import duckdb

from orchestration.arrivals import binary_files, csv_files, json_files, xml_files
from orchestration.arrivals.frames import Frame, drop
from orchestration.arrivals.mapping import Format, FormatType
from orchestration.arrivals.refusal import Refusal
from orchestration.arrivals.unpacking import Limits, Member, to_utf8

ENDINGS: Mapping[str, FormatType] = MappingProxyType(
    {
        ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet",
        ".xlsx": "xlsx", ".xml": "xml",
    }
)  # fmt: skip


def kind_of(name: str, form: Format) -> FormatType | None:
    """The format of a file of this name; None when it should tell by its ending and does not."""
    return ENDINGS.get(Path(name).suffix.casefold()) if form.type == "auto" else form.type


def read(
    con: duckdb.DuckDBPyConnection, member: Member, form: Format, folder: Path, limits: Limits, workers: int = 1
) -> Frame:
    """Read a plain file, or the messages of an archive, into `source_rows`, which replaces earlier ones.

    workers: how many processes may parse. Raises Refusal.
    """
    drop(con)
    kind = kind_of(member.name, form)
    if kind is None:
        endings = ", ".join(sorted(ENDINGS))
        raise Refusal("file.unreadable", f"{member.label}: its ending tells no format; known endings are {endings}")
    if kind == "parquet":
        return binary_files.read_parquet(con, member, limits)
    if kind == "xlsx":
        return binary_files.read_spreadsheet(con, member, form, limits)
    if kind == "xml":
        return xml_files.read(con, member, form, folder, limits, workers)
    path = to_utf8(member.path, form.encoding, folder, member.label)
    if kind == "csv":
        return csv_files.read(con, member.label, path, form)
    return json_files.read(con, member.label, path)
