"""Documents: headers that carry their lines inside, as webhooks and customs messages do.

Belongs here: which lines belong to which header, routes, and the order in which messages arrive. Does not: how a
document is written (see `json_files.py`, `ceb_files.py`).
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from orchestration.simulation.formats.texts import column, joined, texts

# So many messages may overtake one.
OVERTAKEN = 64
_MIX = 2654435761


def keys(table: pa.Table, names: Sequence[str]) -> pa.StringArray:
    """One text per row that tells its document and version; a column that the table lacks counts as empty."""
    parts: list[pa.StringArray | str] = []
    for name in names:
        parts += [texts(column(table, name)) if name in table.column_names else "", "\x1f"]
    return joined(pa.array([""] * len(table), pa.string()), *parts)


def owners(lines: pa.StringArray, headers: pa.StringArray) -> NDArray[np.int64]:
    """The row of each line's header, the first one of its key; -1 for a line whose header is not there."""
    found = pc.index_in(lines, value_set=headers)
    return np.asarray(found.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)


def membership(values: pa.StringArray, chosen: Sequence[str]) -> NDArray[np.bool_]:
    """Which of the texts are among the chosen ones."""
    found = pc.is_in(values, value_set=pa.array(list(chosen), pa.string()))
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.bool_)


def arrival_order(rows: int) -> NDArray[np.int64]:
    """An order in which messages overtake each other a little, the same one every time."""
    places = np.arange(rows, dtype=np.int64)
    return np.argsort(places + places * _MIX % OVERTAKEN, kind="stable")


def where(table: pa.Table, chosen: NDArray[np.bool_]) -> pa.Table:
    """The chosen rows."""
    return table if chosen.all() else table.filter(pa.array(chosen))
