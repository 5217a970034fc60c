"""What a making keeps open while it goes on: the truth's files, and the rows that need a file of texts.

Belongs here: cutting a table by rows, and the Parquet files of the truth. Does not: the files of the inbox (see
`formats/`).
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.simulation.defects.overrides import FeedTables, TextOverrides, as_text
from orchestration.simulation.world.batches import TruthTables

# A value that is none of its type can only stand in a column of texts. Rows that have one come in a file of their own,
# beside so many others of the same month that the column still is of its type for the most part, as in real files.
COMPANIONS = 20


def cut(tables: FeedTables, overrides: TextOverrides) -> tuple[FeedTables, FeedTables]:
    """The tables without and with odd texts: typed rows, and rows whose columns are all texts."""
    typed, texts = dict(tables), {}
    for (source, feed), table in tables.items():
        odd = overrides.of(source, feed)
        if not odd:
            continue
        chosen = np.zeros(len(table), dtype=bool)
        for field in odd.values():
            chosen[field.rows] = True
        others = np.flatnonzero(~chosen)
        chosen[others[: COMPANIONS * int(chosen.sum())]] = True
        shown = overrides.over(source, feed, table).filter(pa.array(chosen))
        columns = [as_text(plain(column)) for column in shown.columns]
        texts[source, feed] = pa.table(columns, names=shown.column_names)
        typed[source, feed] = table.filter(pa.array(~chosen))
    return typed, texts


class TruthFiles:
    """The open files of the truth: one per table and worker, with the batch of each row."""

    def __init__(self, folder: Path, label: str) -> None:
        self._folder, self._label = folder, label
        self._writers: dict[str, pq.ParquetWriter] = {}

    def add(self, batch: str, tables: TruthTables) -> None:
        """Write the truth of one batch."""
        for name, table in tables.items():
            if not len(table):
                continue
            whole = pa.table([plain(column) for column in table.columns], names=table.column_names)
            if "batch" not in whole.column_names:
                whole = whole.append_column("batch", pa.array([batch]).take(pa.array([0] * len(whole), pa.int32())))
            if name not in self._writers:
                self._folder.mkdir(parents=True, exist_ok=True)
                path = self._folder / f"{name}__{self._label}.parquet"
                self._writers[name] = pq.ParquetWriter(path, whole.schema, compression="lz4")
            self._writers[name].write_table(_fitted(whole, self._writers[name].schema))

    def close(self) -> None:
        """Finish all files."""
        for writer in self._writers.values():
            writer.close()


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column with its values in place of dictionary codes."""
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


def _fitted(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table in the order and types of the file's columns."""
    if table.schema.equals(schema):
        return table
    return pa.table([table.column(field.name).cast(field.type) for field in schema], schema=schema)
