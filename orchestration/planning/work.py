"""What one planning run has computed and not yet published, in a file of its own.

Belongs here: the run's DuckDB file, fixed publications, staging and publishing. Does not: the figures themselves.
A retry of the same root run finds the file; when the run is over it is removed, and the sweep of old runs finds what is
left.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from orchestration.lake import WHOLE_TABLE, Lake, PublishRequest
from orchestration.modeling.manifest import PublishedModel, seeds_hash
from orchestration.planning.outlook_tables import LAYER
from orchestration.planning.tables import PLANNING_MODELS
from orchestration.runs.publishing import git_commit, lock_hash
from orchestration.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

# Tables that no plan reads: their publication says nothing of what is known.
DERIVED_LAYERS = (f"{LAYER}.", "quality.", "customers.")


def newest_publication(lake: Lake) -> int:
    """The newest publication of anything that a plan reads; 0 before the first."""
    pins = lake.pins().items()
    return max((pin.publication_id for name, pin in pins if not name.startswith(DERIVED_LAYERS)), default=0)


class PlanningRun:
    """The file of one run of the planning job."""

    def __init__(self, settings: Settings, lake: Lake, root_run_id: str) -> None:
        self.path: Path = settings.runs / f"{root_run_id}.duckdb"
        self.run_id = root_run_id
        self._settings = settings
        self._lake = lake

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The run's tables, in the schema `planning`."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(self.path) as con:
            con.execute(f"set memory_limit = '{self._settings.duckdb_memory}'")
            con.execute(f"set threads = {self._settings.duckdb_threads}")
            con.execute("set TimeZone = 'UTC'")
            con.execute(f"create schema if not exists {LAYER}")
            yield con

    @contextmanager
    def published(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Views of every published table; all steps of the run see the same publications."""
        from orchestration.sql import connect

        with self.connect() as con:
            con.execute("create table if not exists reads (publication_id bigint)")
            found = con.execute("select publication_id from reads").fetchall()
            if not found:
                found = [(newest_publication(self._lake),)]
                con.execute("insert into reads values (?)", [found[0][0]])
        with connect(self._lake, publication_id=int(found[0][0]) or None) as views:
            views.execute(f"set memory_limit = '{self._settings.duckdb_memory}'")
            views.execute(f"set threads = {self._settings.duckdb_threads}")
            yield views

    def keep(self, model: PublishedModel, frame: "pd.DataFrame") -> int:
        """Keep the rows of a table until they are published; returns how many. Types become the declared ones."""
        columns = ", ".join(f'"{column.name}"::{column.type} as "{column.name}"' for column in model.spec.columns)
        with self.connect() as con:
            con.register("incoming", frame)
            con.execute(f"create or replace table {LAYER}.{model.name} as select {columns} from incoming")
            con.unregister("incoming")
        return len(frame)

    def read(self, name: str) -> "pd.DataFrame":
        """A table that an earlier step of the run has kept."""
        with self.connect() as con:
            return con.execute(f"select * from {LAYER}.{name}").df()

    def publish(self, models: Sequence[PublishedModel] = PLANNING_MODELS) -> int:
        """Make every table that the run has kept visible at once; returns the number of the publication."""
        with self.connect() as con:
            rows = con.execute("select table_name from duckdb_tables() where schema_name = ?", [LAYER]).fetchall()
            kept = {str(row[0]) for row in rows}
            staged = [
                (self._lake.stage(con, f"{LAYER}.{model.name}", model.spec, self.run_id), {WHOLE_TABLE})
                for model in models
                if model.name in kept
            ]
        if not staged:
            raise ValueError(f"run {self.run_id}: it kept no plan, so there is nothing to publish")
        result = self._lake.publish(
            PublishRequest(
                run_id=self.run_id,
                raw_seq=self._lake.raw_seq(),
                staged=staged,
                git_commit=git_commit(),
                lock_hash=lock_hash(),
                seeds_hash=seeds_hash(),
            )
        )
        return result.publication_id or 0

    def remove(self) -> None:
        """Delete the file: the run is over."""
        self.path.unlink(missing_ok=True)
        self.path.with_name(self.path.name + ".wal").unlink(missing_ok=True)
