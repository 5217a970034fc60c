"""The file of an audience: CSV that no spreadsheet runs, or Parquet.

Belongs here: bytes. Does not: who is in it.
"""

import csv
import hashlib
import io
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.marketing.audiences.audience import Audience, AudienceError
from orchestration.planning.sheets import safe_cell

if TYPE_CHECKING:
    import pyarrow as pa

FORMATS = ("csv", "parquet")


def content(audience: Audience, form: str) -> bytes:
    """The file's bytes in one of FORMATS."""
    return _csv(audience.rows) if form == "csv" else _parquet(audience.rows)


def digest(data: bytes) -> str:
    """What the log knows the file by."""
    return hashlib.sha256(data).hexdigest()


def write_new(path: Path, data: bytes) -> None:
    """Write a file that must not exist yet. Raises AudienceError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("xb") as file:
            file.write(data)
    except FileExistsError:
        raise AudienceError(f"{path} exists already: name another file") from None


def _csv(rows: "pa.Table") -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(rows.column_names)
    for row in rows.to_pylist():
        writer.writerow([safe_cell(row[name]) for name in rows.column_names])
    return text.getvalue().encode("utf-8-sig")


def _parquet(rows: "pa.Table") -> bytes:
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(rows, sink, compression="zstd")
    return sink.getvalue()
