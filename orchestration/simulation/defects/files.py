"""Damage to files: small copies of written files that break off, are wrongly encoded, or have other columns.

Belongs here: bytes. Does not: records (see `inject.py`). A copy holds the first records of a file that is delivered
as well, so nothing is lost when it is refused, and what is taken of it are duplicates.
"""

import json
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from types import MappingProxyType

import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.simulation.defects.bench import TruthRow, stream
from orchestration.simulation.defects.catalogue import defects
from orchestration.simulation.defects.inject import DefectConfig, truth_table

RECORDS = 40
WORDS = "see remark"
NEW_COLUMN, NEW_VALUE = "handling_remark", "fragile"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
DELIMITERS = (",", ";", "\t", "|")
# What is surely read as a moment or a day, whatever the column is called.
MOMENT = re.compile(r"\d{4}[-/]\d{2}[-/]\d{2}.*|\d{2}[./]\d{2}[./]\d{4}.*|1[67]\d{11}|20\d{12}")

# What a damage gives for a file: other bytes, or nothing where the file cannot have it.
Damage = Callable[[Path], bytes | None]


def damage_files(paths: Sequence[Path], *, config: DefectConfig, tag: str) -> tuple[list[Path], pa.Table]:
    """The damaged copies written beside a batch's files, and their truth (`inject.TRUTH_SCHEMA`).

    A copy is named as its file with the defect's id at the end of the stem, so that the same mapping takes it; in the
    truth `key_before` is the file's name and `key_after` and `scored_key` are the copy's.
    """
    written: list[Path] = []
    rows: list[TruthRow] = []
    for found in defects().values():
        if found.level != "file" or not config.has(found):
            continue
        rng = stream(config.seed, found.id, tag)
        if rng.random() >= found.rate * config.multiplier:
            continue
        candidates = sorted(path for path in paths if path.suffix in READABLE)
        for position in rng.permutation(len(candidates)).tolist():
            path = candidates[position]
            copy = path.with_name(f"{path.stem}_{found.id}{path.suffix}")
            damaged = None if copy.exists() else DAMAGES[found.id](path)
            if damaged is None:
                continue
            copy.write_bytes(damaged)
            written.append(copy)
            source = path.name.split("__")[0]
            key, name = (source, ""), copy.name
            rows.append(TruthRow(found, "main", key, path.name, name, "", None, None, "", name))
            break
    return written, truth_table(rows, tag)


def _first_lines(path: Path) -> list[bytes] | None:
    """The header and the first records of a text file in UTF-8; None for other files and for records of many lines."""
    if path.suffix not in (".csv", ".tsv", ".txt", ".jsonl"):
        return None
    with path.open("rb") as file:
        lines = [line for _, line in zip(range(RECORDS + 1), file, strict=False)]
    text = b"".join(lines)
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return None
    # A quote may hide a line end or a delimiter.
    return lines if len(lines) > 2 and (path.suffix == ".jsonl" or b'"' not in text) else None


def _first_records(path: Path) -> pa.Table | None:
    return next(iter(_batches(path)), None) if path.suffix == ".parquet" else None


def _batches(path: Path) -> Sequence[pa.Table]:
    with pq.ParquetFile(path) as file:
        batch = next(file.iter_batches(batch_size=RECORDS), None)
        return () if batch is None else (pa.Table.from_batches([batch]),)


def _parquet_bytes(table: pa.Table) -> bytes:
    sink = BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def truncated(path: Path) -> bytes | None:
    """The file's beginning, cut in the middle of its last record."""
    table = _first_records(path)
    if table is not None:
        return _parquet_bytes(table)[:-24]
    if path.suffix == ".zip":
        return _truncated_message(path)
    lines = _first_lines(path)
    if lines is None:
        return None
    cut = len(lines[-1]) // 2 if path.suffix == ".jsonl" else _cut(lines[-1])
    return None if cut is None else b"".join(lines[:-1]) + lines[-1][:cut]


def _cut(line: bytes) -> int | None:
    """Where to cut a row so that it has fewer values than its header; None for a row of one value."""
    places = [line.rfind(sign.encode()) for sign in DELIMITERS]
    return max(places) if max(places) > 0 else None


def _truncated_message(path: Path) -> bytes | None:
    """An archive of its own with one message that breaks off."""
    with zipfile.ZipFile(path) as archive:
        name = archive.namelist()[0]
        content = archive.read(name)
    sink = BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        # A date of its own keeps the copy the same on every day.
        archive.writestr(zipfile.ZipInfo(name, date_time=(2024, 1, 1, 0, 0, 0)), content[: len(content) * 2 // 3])
    return sink.getvalue()


def wrong_encoding(path: Path) -> bytes | None:
    """The file's beginning in GB18030, where that is no UTF-8."""
    lines = _first_lines(path)
    if lines is None or lines[0].startswith(BYTE_ORDER_MARK):
        return None
    encoded = b"".join(lines).decode("utf-8").encode("gb18030")
    try:
        encoded.decode("utf-8")
    except UnicodeDecodeError:
        return encoded
    return None


def byte_order_mark(path: Path) -> bytes | None:
    """The file's beginning with a byte-order mark before it."""
    lines = _first_lines(path)
    return None if lines is None or lines[0].startswith(BYTE_ORDER_MARK) else BYTE_ORDER_MARK + b"".join(lines)


def new_column(path: Path) -> bytes | None:
    """The file's beginning with a column that no mapping knows."""
    table = _first_records(path)
    if table is not None:
        return _parquet_bytes(table.append_column(NEW_COLUMN, pa.array([NEW_VALUE] * len(table))))
    return _with_cells(path, lambda header, cells: [*cells, NEW_COLUMN if cells is header else NEW_VALUE])


def retyped_column(path: Path) -> bytes | None:
    """The file's beginning with words in a column of moments."""
    table = _first_records(path)
    if table is not None:
        temporal = [field.name for field in table.schema if pa.types.is_temporal(field.type)]
        dated = [name for name in temporal if table.column(name).null_count == 0]
        if not dated:
            return None
        position = table.schema.get_field_index(dated[0])
        return _parquet_bytes(table.set_column(position, dated[0], pa.array([WORDS] * len(table))))
    lines = _first_lines(path)
    if lines is None:
        return None
    if path.suffix == ".jsonl":
        return _retyped_objects(lines)
    rows = _rows(lines)
    columns = list(zip(*rows[1:], strict=True)) if rows is not None else []
    dated_at = next((n for n, column in enumerate(columns) if all(MOMENT.fullmatch(text) for text in column)), None)
    if dated_at is None:
        return None
    return _with_cells(
        path, lambda header, cells: cells if cells is header else [*cells[:dated_at], WORDS, *cells[dated_at + 1 :]]
    )


def _retyped_objects(lines: Sequence[bytes]) -> bytes | None:
    objects = [json.loads(line) for line in lines]
    names = [
        name
        for name in objects[0]
        if all(isinstance(one.get(name), str) and MOMENT.fullmatch(one[name]) for one in objects)
    ]
    if not names:
        return None
    return _lines_of([one | {names[0]: WORDS} for one in objects])


def _lines_of(objects: Sequence[Mapping[str, object]]) -> bytes:
    return "".join(json.dumps(one, ensure_ascii=False, separators=(",", ":")) + "\n" for one in objects).encode()


def _rows(lines: Sequence[bytes]) -> list[list[str]] | None:
    """The cells of each line; None when lines have different numbers of them."""
    texts = [line.decode("utf-8").rstrip("\r\n") for line in lines]
    delimiter = max(DELIMITERS, key=texts[0].count)
    rows = [text.split(delimiter) for text in texts]
    return rows if len({len(row) for row in rows}) == 1 and len(rows[0]) > 1 else None


def _with_cells(path: Path, change: Callable[[list[str], list[str]], list[str]]) -> bytes | None:
    """The file's beginning with the cells of each line changed; `change` gets the header's cells and the line's."""
    lines = _first_lines(path)
    if lines is None:
        return None
    if path.suffix == ".jsonl":
        return _lines_of([json.loads(line) | {NEW_COLUMN: NEW_VALUE} for line in lines])
    rows = _rows(lines)
    if rows is None:
        return None
    delimiter = max(DELIMITERS, key=lines[0].decode("utf-8").count)
    end = "\r\n" if lines[0].endswith(b"\r\n") else "\n"
    return "".join(delimiter.join(change(rows[0], cells)) + end for cells in rows).encode()


DAMAGES: Mapping[str, Damage] = MappingProxyType(
    {
        "wrong_encoding": wrong_encoding,
        "byte_order_mark": byte_order_mark,
        "new_column": new_column,
        "retyped_column": retyped_column,
        "truncated_file": truncated,
    }
)
READABLE = (".csv", ".tsv", ".txt", ".jsonl", ".parquet", ".zip")
