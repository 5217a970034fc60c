"""Columns and times of documents from NumPy arrays, without a Python object per row.

Belongs here: dictionary columns, times that may never come, the calendar by look-up, and the unrolling of states. Does
not: any rule of trade, and plain columns (see `world/columns.py`). A text that many rows repeat is a dictionary column:
each distinct text is built once per batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Reals = NDArray[np.float64]
Flags = NDArray[np.bool_]
# Rows of an entity: their indices are int32 in the world's tables.
Rows = NDArray[np.int32] | NDArray[np.int64]

# Stands for "does not happen": later than every horizon, and far enough from the end of int64 to add durations to it.
NEVER = np.int64(2**61)
HOUR = 3600
DAY = 86400
CHINA_OFFSET = 8 * HOUR


def named(dictionary: pa.Array, index: NDArray[np.integer]) -> pa.DictionaryArray:
    """The texts of `dictionary` at `index`, as a dictionary column; one far longer than the rows is cut down."""
    if len(index) * 2 < len(dictionary):
        is_used = np.zeros(len(dictionary), bool)
        is_used[index] = True
        used = np.flatnonzero(is_used)
        dictionary, index = dictionary.take(_codes(used)), (np.cumsum(is_used) - 1)[index]
    return pa.DictionaryArray.from_arrays(_codes(index), dictionary, safe=False)


@cache
def _vocabulary(values: tuple[str, ...]) -> pa.Array:
    return pa.array(values, pa.string())


def labels(values: tuple[str, ...], index: NDArray[np.integer]) -> pa.DictionaryArray:
    """The texts of a short list at `index`."""
    return pa.DictionaryArray.from_arrays(_codes(index), _vocabulary(values), safe=False)


def ordinals(numbers: NDArray[np.integer]) -> pa.DictionaryArray:
    """Small whole numbers as text, such as line numbers; a negative one is null."""
    highest = int(numbers.max(initial=0))
    return optional(_vocabulary(tuple(str(number) for number in range(highest + 1))), numbers)


def taken(dictionary: pa.Array, index: NDArray[np.integer]) -> pa.Array:
    """The texts of `dictionary` at `index` as plain strings; for texts that no two rows share."""
    return dictionary.take(_codes(index))


def optional(dictionary: pa.Array, index: NDArray[np.integer]) -> pa.DictionaryArray:
    """Like `named`; a negative index is null."""
    is_null = index < 0
    column = named(dictionary, np.where(is_null, 0, index))
    if not is_null.any():
        return column
    codes = pa.array(column.indices.to_numpy(), mask=is_null)
    return pa.DictionaryArray.from_arrays(codes, column.dictionary, safe=False)


def constant(value: str, count: int) -> pa.DictionaryArray:
    """One text for all rows."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), _vocabulary((value,)), safe=False)


def optional_money(cents: Integers, is_known: Flags) -> pa.Array:
    """Hundredths as amounts, null where they are not known."""
    return pa.array(cents / 100.0, mask=~is_known)


def kilograms(grams: NDArray[np.integer]) -> pa.Array:
    """Grams as kilograms."""
    return pa.array(grams / 1000.0)


def times(seconds: Integers) -> pa.Array:
    """Seconds since 1970 as UTC timestamps; `NEVER` is null."""
    never = seconds >= NEVER
    if never.any():
        known = np.where(never, 0, seconds) * 1_000_000
        return pa.array(known, mask=never).view(pa.timestamp("us", tz="UTC"))
    return pa.array(seconds * 1_000_000).view(pa.timestamp("us", tz="UTC"))


def _codes(index: NDArray[np.integer]) -> pa.Array:
    return pa.array(np.ascontiguousarray(index, dtype=np.int32))


@dataclass(frozen=True)
class Unrolled:
    """One row per state that has come, by document: which document, which state, when."""

    row: Integers
    slot: Integers
    at: Integers

    @cached_property
    def version(self) -> Integers:
        """The how-manieth state of its document each row is, from 1."""
        place = np.arange(len(self.row))
        is_first = np.ones(len(self.row), bool)
        np.not_equal(self.row[1:], self.row[:-1], out=is_first[1:])
        return place - np.maximum.accumulate(np.where(is_first, place, 0)) + 1


def unrolled(moments: Sequence[Integers], end: int) -> Unrolled:
    """The states of documents as rows, by document and then in the order of `moments`.

    `moments` holds one array of times per state, all of one length; a time after `end` has not come yet.
    """
    matrix = np.stack(list(moments), axis=1)
    flat = np.flatnonzero(matrix <= end)
    row = flat // matrix.shape[1]
    return Unrolled(row=row, slot=flat - row * matrix.shape[1], at=matrix.ravel()[flat])


_FIRST_DAY = 10957  # 2000-01-01
_CALENDAR = np.arange(_FIRST_DAY, _FIRST_DAY + 60 * 366)
_MONTH_OF_DAY = _CALENDAR.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
_FIRST_MONTH, _LAST_MONTH = int(_MONTH_OF_DAY[0]), int(_MONTH_OF_DAY[-1])
_MONTH_NAMES = pa.array([str(month) for month in np.arange(_FIRST_MONTH, _LAST_MONTH + 1).astype("datetime64[M]")])
_DAY_IN_MONTH = _CALENDAR - _CALENDAR[np.searchsorted(_MONTH_OF_DAY, _MONTH_OF_DAY)] + 1


def month_number(seconds: Integers) -> Integers:
    """Months since 1970 of times; times that never come give the last month that is known."""
    return _MONTH_OF_DAY[_position(seconds)]


def month_names(months: Integers) -> pa.DictionaryArray:
    """Months since 1970 as `YYYY-MM`."""
    first, last = int(months.min(initial=_LAST_MONTH)), int(months.max(initial=_FIRST_MONTH))
    return named(_MONTH_NAMES.slice(first - _FIRST_MONTH, max(0, last - first + 1)), months - first)


def year_of(seconds: Integers) -> Integers:
    """Calendar years of times."""
    return month_number(seconds) // 12 + 1970


def date_digits(seconds: Integers) -> Integers:
    """Days of times as numbers YYYYMMDD."""
    position = _position(seconds)
    month = _MONTH_OF_DAY[position]
    return (month // 12 + 1970) * 10000 + (month % 12 + 1) * 100 + _DAY_IN_MONTH[position]


def month_index(month: str) -> int:
    """Months since 1970 of `YYYY-MM`."""
    return int(np.datetime64(month, "M").astype(np.int64))


def horizon_end(months: Sequence[str]) -> int:
    """The last second of the horizon."""
    return int((np.datetime64(months[-1], "M") + 1).astype("datetime64[s]").astype(np.int64)) - 1


def banking_days_after(day: Integers, count: NDArray[np.integer]) -> Integers:
    """The day `count` weekdays later."""
    weekday = (day + 3) % 7  # 1970-01-01 was a Thursday; Monday is 0
    start = day - np.maximum(weekday - 4, 0)  # a Saturday and a Sunday count from their Friday
    weekday = np.minimum(weekday, 4)
    day_after: Integers = start + count + 2 * ((weekday + count) // 5)
    return day_after


def _position(seconds: Integers) -> Integers:
    return np.clip(seconds // DAY - _FIRST_DAY, 0, len(_CALENDAR) - 1)
