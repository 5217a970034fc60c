"""Columns of feed tables from whole numbers.

Belongs here: money, times, days and texts as Arrow arrays. Does not: which table has which column.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Column: TypeAlias = pa.Array
TIMESTAMP = pa.timestamp("us", "UTC")


def plain(values: NDArray[Any], kind: pa.DataType) -> Column:
    """The values as they lie in memory, without a copy: their width must be that of the type."""
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])


def money(cents: NDArray[np.int64]) -> Column:
    """Amounts in units of the currency, with two decimals."""
    return plain(cents / 100, pa.float64())


def moments(seconds: NDArray[np.int64]) -> Column:
    """Times in UTC."""
    return plain(seconds.astype(np.int64, copy=False) * 1_000_000, TIMESTAMP)


def dates(days: NDArray[Any], is_given: NDArray[np.bool_] | None = None) -> Column:
    """Days; null where not given."""
    numbers = days.astype(np.int32, copy=False)
    return plain(numbers, pa.date32()) if is_given is None else pa.array(numbers, pa.date32(), mask=~is_given)


def integers(values: NDArray[Any], is_given: NDArray[np.bool_] | None = None) -> Column:
    """Whole numbers; null where not given."""
    numbers = values.astype(np.int64, copy=False)
    return plain(numbers, pa.int64()) if is_given is None else pa.array(numbers, mask=~is_given)


def pieces(values: NDArray[Any]) -> Column:
    """Quantities as decimals."""
    return plain(values.astype(np.float64, copy=False), pa.float64())


def picked(texts: pa.Array, indices: NDArray[Any]) -> Column:
    """The text of each index."""
    return texts.take(pa.array(indices))


def ones(rows: int) -> Column:
    """The number one in each row: the first version."""
    return plain(np.ones(rows, dtype=np.int64), pa.int64())


def table(columns: Mapping[str, Column]) -> pa.Table:
    """A table of these columns."""
    return pa.table(dict(columns))
