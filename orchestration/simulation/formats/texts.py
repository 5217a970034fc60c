"""Columns as texts, whole columns at a time: a moment, a number or a code as one source writes it.

Belongs here: what a value looks like in a file. Does not: where it stands in the file (see `csv_files.py`,
`json_files.py`, `ceb_files.py`). A column that holds texts where numbers or moments are due holds what a source wrote
wrong: it stays.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

EPOCH = date(1970, 1, 1)
DAY_SECONDS = 86_400
# Beyond so many days a table of all days would be larger than the column.
MOST_DAYS = 40_000
DAY_BLOCK = 2_048


@dataclass(frozen=True)
class Moments:
    """How a source writes moments and days: strftime patterns, and its clock's distance from UTC in hours.

    An empty `time` means milliseconds since 1970. The clock never changes, so no hour stands twice.
    """

    day: str = "%Y-%m-%d"
    between: str = "T"
    time: str = "%H:%M:%S"
    after: str = "Z"
    hours: int = 0


ISO = Moments()


def column(table: pa.Table, name: str) -> pa.Array:
    """One column without chunks."""
    values = table.column(name)
    return values.chunk(0) if values.num_chunks == 1 else values.combine_chunks()


def texts(values: pa.Array, moments: Moments = ISO) -> pa.StringArray:
    """The column as a source of these moments writes it; null stays null."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        return texts(values.dictionary, moments).take(values.indices)
    if pa.types.is_string(kind):
        return values
    if pa.types.is_timestamp(kind):
        return _moment_texts(values, moments)
    if pa.types.is_date(kind):
        return _fixed_width(values, values.cast(pa.int32()), moments.day)
    if pa.types.is_floating(kind):
        # What no number is cannot be written by any source; its absence can.
        is_odd = pc.invert(pc.is_finite(values))
        if pc.any(is_odd).as_py():
            values = pc.if_else(is_odd, None, values)
    return values.cast(pa.string())


def field_texts(values: pa.Array, kind: str, moments: Moments = ISO) -> pa.StringArray:
    """The column of a field of this type; of a column of texts those that are canonical as its source writes them."""
    if kind not in ("timestamp", "date") or not pa.types.is_string(values.type):
        return texts(values, moments)
    pattern = "%Y-%m-%dT%H:%M:%SZ" if kind == "timestamp" else "%Y-%m-%d"
    moment = pc.strptime(values, format=pattern, unit="s", error_is_null=True).cast(pa.timestamp("us", "UTC"))
    read = moment if kind == "timestamp" else moment.cast(pa.timestamp("us")).cast(pa.date32())
    # A day that no calendar has is read as another one, so what does not come back as it was stays as it was.
    is_canonical = pc.fill_null(pc.equal(texts(read), values), False)
    return pc.if_else(is_canonical, texts(read, moments), values)


def mapped(values: pa.StringArray, codes: Mapping[str, str]) -> pa.StringArray:
    """The texts with each listed one replaced by its code; others stay."""
    encoded = values.dictionary_encode()
    known = encoded.dictionary.to_pylist()
    if not any(text in codes for text in known):
        return values
    return pa.array([codes.get(text, text) for text in known], pa.string()).take(encoded.indices)


def with_separators(values: pa.Array, point: str, thousands: str) -> pa.StringArray:
    """Numbers with a source's signs for the decimal point and between groups of three digits."""
    written = texts(values)
    if thousands:
        written = _grouped(written, thousands if point != "," else "\x00")
    if point != ".":
        written = pc.replace_substring(written, ".", point)
    return pc.replace_substring(written, "\x00", thousands) if thousands and point == "," else written


def joined(*parts: pa.Array | str) -> pa.StringArray:
    """The parts side by side, row by row; a missing value gives nothing."""
    return pc.binary_join_element_wise(*parts, "", null_handling="replace", null_replacement="")


def gathered(values: pa.StringArray, owner: NDArray[np.int64], owners: int, between: str = "") -> pa.StringArray:
    """Per owner the texts that belong to it, one after the other in their order; owner -1 belongs to nobody."""
    order = np.argsort(owner, kind="stable")
    order = order[np.searchsorted(owner[order], 0) :]
    counts = np.bincount(owner[order], minlength=owners)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    lists = pa.ListArray.from_arrays(pa.array(offsets), values.take(pa.array(order)))
    return pc.binary_join(lists, between)


def content(rows: pa.StringArray) -> memoryview:
    """The bytes of all texts, one after the other: Arrow keeps them so, and nothing is copied."""
    if len(rows) == 0:
        return memoryview(b"")
    ends = offsets_of(rows)
    return memoryview(rows.buffers()[2])[ends[0] : ends[-1]]


def offsets_of(rows: pa.StringArray) -> NDArray[np.int32]:
    """Where each text begins in Arrow's bytes, and where the last one ends."""
    return np.frombuffer(rows.buffers()[1], np.int32)[rows.offset : rows.offset + len(rows) + 1]


def escaped(values: pa.StringArray, signs: Mapping[str, str]) -> pa.StringArray:
    """The texts with each sign replaced, in the order of the signs; most columns have none."""
    for sign, replacement in signs.items():
        if pc.any(pc.match_substring(values, sign)).as_py():
            values = pc.replace_substring(values, sign, replacement)
    return values


def _moment_texts(values: pa.Array, form: Moments) -> pa.StringArray:
    micros = values.cast(pa.timestamp("us", "UTC")).cast(pa.int64())
    filled = micros.fill_null(0).to_numpy(zero_copy_only=False)
    seconds = filled // 1_000_000
    if (seconds * 1_000_000 != filled).any():
        # No format here writes parts of a second but ISO, which every mapping reads beside the source's own.
        return pc.strftime(values.cast(pa.timestamp("us", "UTC")), format="%Y-%m-%dT%H:%M:%SZ")
    if not form.time:
        return pc.if_else(values.is_valid(), pa.array(seconds * 1000).cast(pa.string()), None)
    seconds = seconds + form.hours * 3600
    return _fixed_width(
        values, pa.array(seconds // DAY_SECONDS), form.day, form.between, (seconds % DAY_SECONDS, form.time), form.after
    )


def _fixed_width(
    values: pa.Array,
    days: pa.Array,
    day_pattern: str,
    between: str = "",
    time: tuple[NDArray[np.int64], str] | None = None,
    after: str = "",
) -> pa.StringArray:
    """Texts that are all of one length, made from tables of all days and all seconds of a day."""
    if len(values) == 0:
        return pa.array([], pa.string())
    day = days.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    first, last = int(day.min()), int(day.max())
    if last - first > MOST_DAYS:
        unique, inverse = np.unique(day, return_inverse=True)
        parts = [_day_table(day_pattern, tuple(unique.tolist()))[inverse]]
    else:
        # Whole blocks of days, so that the next column finds the table made.
        first, last = first // DAY_BLOCK * DAY_BLOCK, last // DAY_BLOCK * DAY_BLOCK + DAY_BLOCK - 1
        parts = [_day_range(day_pattern, first, last)[day - first]]
    if time is not None:
        parts += [_constant(between, len(day)), _second_table(time[1])[time[0]]]
    parts.append(_constant(after, len(day)))
    data = np.concatenate(parts, axis=1)
    width = data.shape[1]
    ends = np.arange(len(day) + 1, dtype=np.int64) * width
    buffers = [None, pa.py_buffer(ends.astype(np.int32)), pa.py_buffer(np.ascontiguousarray(data))]
    written = pa.StringArray.from_buffers(len(day), buffers[1], buffers[2])
    return written if values.null_count == 0 else pc.if_else(values.is_valid(), written, None)


@lru_cache(maxsize=64)
def _day_range(pattern: str, first: int, last: int) -> NDArray[np.uint8]:
    return _day_table(pattern, tuple(range(first, last + 1)))


def _day_table(pattern: str, days: tuple[int, ...]) -> NDArray[np.uint8]:
    return _bytes([(EPOCH + timedelta(days=day)).strftime(pattern) for day in days])


@lru_cache(maxsize=8)
def _second_table(pattern: str) -> NDArray[np.uint8]:
    def text(second: int) -> str:
        parts = {"%H": second // 3600, "%M": second // 60 % 60, "%S": second % 60}
        written = pattern
        for sign, number in parts.items():
            written = written.replace(sign, f"{number:02d}")
        return written

    return _bytes([text(second) for second in range(DAY_SECONDS)])


def _bytes(written: list[str]) -> NDArray[np.uint8]:
    """A row of bytes per text, all of the first one's length."""
    data = "".join(written).encode()
    return np.frombuffer(data, np.uint8).reshape(len(written), -1)


def _constant(text: str, rows: int) -> NDArray[np.uint8]:
    data = np.frombuffer(text.encode(), np.uint8)
    return np.broadcast_to(data, (rows, len(data)))


def _grouped(written: pa.StringArray, between: str) -> pa.StringArray:
    """Digits before the point in groups of three, from the right; what is no plain number stays."""
    pattern = r"^(-?[0-9]+)([0-9]{3})"
    while pc.any(pc.match_substring_regex(written, pattern)).as_py():
        # Each round parts the group that stands before the first sign there is.
        written = pc.replace_substring_regex(written, pattern, rf"\1{between}\2")
    return written
