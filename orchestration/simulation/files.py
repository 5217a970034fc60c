"""Bytes of CSV, gzip, zip and XLSX files that are the same on every machine and at every time.

Belongs here: formats. Does not: what the files say.
Nothing is compressed: what deflate makes of a text differs between versions of zlib.
"""

import csv
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from datetime import date, datetime

Cell = str | int | float | datetime | date | None

# The earliest moment that a zip archive can name.
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
STORED_BLOCK = 65_535


def csv_bytes(rows: Iterable[Sequence[str]], *, encoding: str, delimiter: str = ",") -> bytes:
    """The rows as CSV with CRLF line ends."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode(encoding)


def gzip_bytes(data: bytes) -> bytes:
    """The data as a gzip file of stored blocks, without name and time (RFC 1952, RFC 1951 section 3.2.4)."""
    blocks = [data[start : start + STORED_BLOCK] for start in range(0, len(data), STORED_BLOCK)] or [b""]
    body = b"".join(
        struct.pack("<BHH", position == len(blocks) - 1, len(block), len(block) ^ 0xFFFF) + block
        for position, block in enumerate(blocks)
    )
    header = b"\x1f\x8b\x08\x00" + bytes(4) + b"\x00\xff"
    return header + body + struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)


def zip_bytes(members: Sequence[tuple[str, bytes]]) -> bytes:
    """The members as a zip archive of stored entries with a fixed time."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members:
            entry = zipfile.ZipInfo(name, ZIP_EPOCH)
            # Else the archive says on which operating system it was made.
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return target.getvalue()


def xlsx_bytes(sheet_name: str, rows: Iterable[Sequence[Cell]]) -> bytes:
    """The rows as a workbook of one sheet, its times of creation and change fixed."""
    # Imported here: only whoever writes a workbook pays for it.
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(sheet_name)
    for row in rows:
        sheet.append(list(row))
    written = io.BytesIO()
    book.save(written)
    with zipfile.ZipFile(written) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    # openpyxl stamps the properties with the time of saving, whatever they were set to.
    stamp = re.compile(rb"(<dcterms:(created|modified)[^>]*>)[^<]*")
    return zip_bytes([(name, stamp.sub(rb"\g<1>1980-01-01T00:00:00Z", data)) for name, data in members])
