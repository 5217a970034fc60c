"""Archives of customs messages: one XML message per document, some thousands in a zip.

Belongs here: templates over columns, escaping, message ids and archives. Does not: which element says what
(see `ceb_layouts.py`).
"""

import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from orchestration.arrivals.contracts import Contract, contracts
from orchestration.simulation.formats import documents
from orchestration.simulation.formats.ceb_layouts import CODES, Ceb
from orchestration.simulation.formats.layouts import SHANGHAI
from orchestration.simulation.formats.texts import (
    Moments,
    column,
    content,
    escaped,
    field_texts,
    gathered,
    joined,
    mapped,
    offsets_of,
)
from orchestration.simulation.formats.zips import write_zip

CLOCK = Moments("%Y%m%d", "", "%H%M%S", "", SHANGHAI)
SIGNS = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
ARCHIVE_MESSAGES = 5_000
NAMESPACE = "http://www.chinaport.gov.cn/ceb"
PROLOG = '<?xml version="1.0" encoding="UTF-8"?>'
SENDER = (
    "<ceb:BaseTransfer><ceb:copCode>4403960TW1</ceb:copCode><ceb:copName>TradeWorld</ceb:copName>"
    "<ceb:dxpMode>DXP</ceb:dxpMode><ceb:dxpId>DXPENTTRADEWORLD01</ceb:dxpId></ceb:BaseTransfer>"
)


def write_messages(
    message: Ceb, heads: pa.Table, lines: pa.Table | None, folder: Path, source: str, tag: str
) -> list[Path]:
    """Write a message per head with its lines, and one per line that has no head; the archives, in their order."""
    found: list[tuple[pa.StringArray, pa.StringArray]] = []
    owner = np.zeros(0, np.int64)
    listed = pa.array([], pa.string())
    if lines is not None and len(lines):
        key = (*message.document, "version")
        owner = documents.owners(documents.keys(lines, key), documents.keys(heads, key))
        listed = _lines(message, lines)
    if len(heads):
        guids = _guids(len(heads), f"{message.code}|{tag}")
        inner: Sequence[pa.StringArray | str] = [gathered(listed, owner, len(heads))] if lines is not None else []
        found.append((guids, _rows(message, heads, guids, inner)))
    if lines is not None and (owner < 0).any():
        alone = lines.filter(pa.array(owner < 0))
        guids = _guids(len(alone), f"{message.code}|{tag}|lines")
        key_only = alone.select(list(message.document))
        found.append((guids, _rows(message, key_only, guids, [listed.filter(pa.array(owner < 0))], has_head=False)))
    if not found:
        return []
    guids, rows = (pa.concat_arrays([pair[n] for pair in found]) for n in (0, 1))
    order = pa.array(documents.arrival_order(len(rows)))
    names, rows = guids.take(order).to_pylist(), rows.take(order)
    paths = []
    for part, start in enumerate(range(0, len(rows), ARCHIVE_MESSAGES), start=1):
        paths.append(folder / f"{source}__CEB{message.code}__{tag}__{part:03d}.zip")
        write_zip(paths[-1], _members(message, names, rows, start, start + ARCHIVE_MESSAGES))
    return paths


def _members(
    message: Ceb, names: Sequence[str], rows: pa.StringArray, start: int, end: int
) -> Iterator[tuple[str, memoryview]]:
    chosen = rows.slice(start, end - start)
    data, ends = content(chosen), offsets_of(chosen)
    base = int(ends[0])
    for number, (first, last) in enumerate(zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)):
        yield f"world_CEB{message.code}_{names[start + number]}.xml", data[first - base : last - base]


def _rows(
    message: Ceb,
    heads: pa.Table,
    guids: pa.StringArray,
    inner: Sequence[pa.StringArray | str],
    *,
    has_head: bool = True,
) -> pa.StringArray:
    root, record, head = message.root, message.record, message.head_element
    parts: list[pa.StringArray | str] = [f'{PROLOG}<ceb:{root} xmlns:ceb="{NAMESPACE}" guid="', guids]
    parts.append(f'" version="1.0"><ceb:{record}>' + (f"<ceb:{head}>" if head else ""))
    # A head without an envelope only names the document that the lines belong to.
    parts += _elements(heads, contracts()[message.feed], message.head_elements, guids if has_head else None)
    parts += [f"</ceb:{head}>" if head else "", *inner, f"</ceb:{record}>"]
    extended = _elements(heads, contracts()[message.feed], message.extended, None)
    if extended:
        opening = "<ceb:ExtendMessage><ceb:name>TradeWorld</ceb:name><ceb:version>1.0</ceb:version><ceb:Message>"
        parts += [opening, *extended, "</ceb:Message></ceb:ExtendMessage>"]
    return joined(*_merged([*parts, f"{SENDER}</ceb:{root}>"]))


def _lines(message: Ceb, lines: pa.Table) -> pa.StringArray:
    name = message.list_element
    return joined(
        *_merged(
            [
                f"<ceb:{name}>",
                *_elements(lines, contracts()[message.list_feed], message.line_elements, None),
                f"</ceb:{name}>",
            ]
        )
    )


def _elements(
    table: pa.Table, contract: Contract, elements: Sequence[tuple[str, str]], guids: pa.StringArray | None
) -> list[pa.StringArray | str]:
    """The elements of the columns that the table has, constants between them where there is an envelope."""
    parts: list[pa.StringArray | str] = []
    for element, field in elements:
        value: pa.StringArray | str
        if field.startswith("="):
            if guids is None:
                continue
            value = field[1:]
        elif field == "@guid":
            if guids is None:
                continue
            value = guids
        elif field in table.column_names and table.column(field).null_count < len(table):
            written = field_texts(column(table, field), contract.field(field).type, CLOCK)
            value = escaped(mapped(written, CODES[field]) if field in CODES else written, SIGNS)
        else:
            continue
        parts += [f"<ceb:{element}>", value, f"</ceb:{element}>"]
    return parts


def _merged(parts: Sequence[pa.StringArray | str]) -> list[pa.StringArray | str]:
    """The parts with neighbouring constants put together: each part costs a pass over the rows."""
    found: list[pa.StringArray | str] = []
    for part in parts:
        if isinstance(part, str) and found and isinstance(found[-1], str):
            found[-1] += part
        else:
            found.append(part)
    return found


def _guids(rows: int, salt: str) -> pa.StringArray:
    """Ids of messages as the port wants them, 36 capitals and digits, the same ones every time."""
    generator = np.random.Generator(np.random.Philox(key=zlib.crc32(salt.encode())))
    digits = np.frombuffer(b"0123456789ABCDEF", np.uint8)[generator.integers(0, 16, (rows, 36))]
    digits[:, [8, 13, 18, 23]] = ord("-")
    ends = np.arange(rows + 1, dtype=np.int32) * 36
    return pa.StringArray.from_buffers(rows, pa.py_buffer(ends), pa.py_buffer(np.ascontiguousarray(digits)))
