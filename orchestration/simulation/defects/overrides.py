"""Texts that a written file shows in place of a typed value: `NULL`, `31/02/2024`, `RMB`.

Belongs here: the type that injectors return and writers apply, last of all, after they have formatted a table.
Does not: choosing the texts (see `values.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

FeedKey = tuple[str, str]  # source, feed
FeedTables = Mapping[FeedKey, pa.Table]


@dataclass(frozen=True)
class FieldTexts:
    """The rows of one table, ascending and from 0, in which one field shows another text than its value."""

    rows: np.ndarray[tuple[int], np.dtype[np.int64]]
    texts: pa.StringArray

    def over(self, column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
        """The formatted column (strings, one per row of the table) with these texts in their places."""
        mask = np.zeros(len(column), dtype=bool)
        mask[self.rows] = True
        return pc.replace_with_mask(as_text(column), pa.array(mask), self.texts)


@dataclass(frozen=True)
class TextOverrides:
    """By source and feed, and by field, the texts that stand in place of values; rows count in the table returned."""

    texts: Mapping[FeedKey, Mapping[str, FieldTexts]] = field(default_factory=lambda: MappingProxyType({}))

    def of(self, source: str, feed: str) -> Mapping[str, FieldTexts]:
        """The texts of one table by field; empty when it has none."""
        return self.texts.get((source, feed), MappingProxyType({}))

    def over(self, source: str, feed: str, table: pa.Table) -> pa.Table:
        """The table with these texts in their places; a column that has one becomes text, its values as `as_text`."""
        for name, found in self.of(source, feed).items():
            position = table.schema.get_field_index(name)
            if position >= 0:
                table = table.set_column(position, name, found.over(table.column(position)))
        return table

    @property
    def is_empty(self) -> bool:
        """Whether no value is replaced."""
        return not self.texts


def as_text(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """A column as canonical text: dates 2024-03-05, timestamps 2024-03-05T08:26:00Z, numbers plain, true or false."""
    kind = column.type
    if pa.types.is_string(kind):
        return column
    if pa.types.is_timestamp(kind):
        # The fraction of a second is left out where there is none, as everywhere else.
        whole = pc.strftime(pc.cast(column, pa.timestamp("s", "UTC"), safe=False), format="%Y-%m-%dT%H:%M:%SZ")
        fraction = pc.cast(column, pa.timestamp("us", "UTC"), safe=False)
        is_whole = pc.equal(fraction, pc.cast(pc.cast(fraction, pa.timestamp("s", "UTC"), safe=False), fraction.type))
        return pc.if_else(is_whole, whole, pc.strftime(fraction, format="%Y-%m-%dT%H:%M:%SZ"))
    return pc.cast(column, pa.string())
