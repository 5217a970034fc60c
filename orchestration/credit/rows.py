"""Rows of the credit tables as frames: what was kept, of a day, in the declared columns.

Belongs here: the form of frames. Does not: figures.
"""

from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    import duckdb

    from orchestration.modeling.manifest import PublishedModel

Tables = dict[str, pd.DataFrame]


def of_day(rows: pd.DataFrame, day: date) -> pd.DataFrame:
    """The rows of one day."""
    return rows[pd.to_datetime(rows["as_of_on"]) == pd.Timestamp(day)].reset_index(drop=True)


def read_kept(con: "duckdb.DuckDBPyConnection", model: "PublishedModel") -> pd.DataFrame:
    """What the job has published of a table before, in its columns."""
    columns = ", ".join(f'"{column.name}"' for column in model.spec.columns)
    return con.execute(f"select {columns} from {model.name}").df()


def in_columns(frame: pd.DataFrame, model: "PublishedModel") -> pd.DataFrame:
    """The frame in the declared columns; those that it lacks are null."""
    found = frame.reindex(columns=[column.name for column in model.spec.columns]).reset_index(drop=True)
    # Days come as dates and as timestamps, which do not compare.
    for column in model.spec.columns:
        if column.type in ("date", "timestamp"):
            found[column.name] = pd.to_datetime(found[column.name])
    return found


def empty(model: "PublishedModel") -> pd.DataFrame:
    """No rows, in the declared columns."""
    return pd.DataFrame({column.name: pd.Series(dtype="object") for column in model.spec.columns})


def together(kept: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Both frames below each other; an empty one says nothing of types."""
    frames = [frame for frame in (kept, new) if len(frame)]
    return pd.concat(frames, ignore_index=True) if frames else new


def day_of(value: object) -> date:
    """A day as the tables or DuckDB give it."""
    return pd.Timestamp(str(value)).date()
