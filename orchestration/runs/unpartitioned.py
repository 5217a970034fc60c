"""What one run of a job over all markets has computed and not yet published, in a file of its own.

Belongs here: the run's DuckDB file, fixed publications, staging and publishing, for plans and for credit alike.
Does not: the figures themselves. A retry of the same root run finds the file; when the run is over it is removed, and
the sweep of old runs finds what is left.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from orchestration.lake import WHOLE_TABLE, Lake, PublishRequest
from orchestration.modeling.manifest import PublishedModel, seeds_hash
from orchestration.runs.publishing import git_commit, lock_hash
from orchestration.settings import Settings

if TYPE_CHECKING:
    import pandas as pd


def newest_publication(lake: Lake, layers: Sequence[str]) -> int:
    """The newest publication of a table of these layers; 0 before the first.

    layers: those that the job reads. What it and its like publish themselves is no reason to run again.
    """
    pins = lake.pins().items()
    wanted = tuple(f"{layer}." for layer in layers)
    return max((pin.publication_id for name, pin in pins if name.startswith(wanted)), default=0)


class UnpartitionedRun:
    """The file of one run of a job that reads published rows of `layers` and publishes `models` of one layer."""

    def __init__(
        self,
        settings: Settings,
        lake: Lake,
        root_run_id: str,
        *,
        layer: str,
        layers: Sequence[str],
        models: Sequence[PublishedModel],
    ) -> None:
        self.path: Path = settings.runs / f"{root_run_id}.duckdb"
        self.run_id = root_run_id
        self.layer = layer
        self._layers = layers
        self._models = models
        self._settings = settings
        self._lake = lake

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The run's tables, in the schema of its layer."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(self.path) as con:
            con.execute(f"set memory_limit = '{self._settings.duckdb_memory}'")
            con.execute(f"set threads = {self._settings.duckdb_threads}")
            con.execute("set TimeZone = 'UTC'")
            con.execute(f"create schema if not exists {self.layer}")
            yield con

    @contextmanager
    def published(self, tables: Collection[str]) -> Iterator[duckdb.DuckDBPyConnection]:
        """Views of these published tables; all steps of the run see the same publications."""
        from orchestration.sql import connect

        with self.connect() as con:
            con.execute("create table if not exists reads (publication_id bigint, own_publication_id bigint)")
            found = con.execute("select publication_id from reads").fetchall()
            if not found:
                # Its own earlier rows are read too: a run that comes after another must not take them for none.
                found = [(newest_publication(self._lake, (*self._layers, self.layer)),)]
                own = newest_publication(self._lake, (self.layer,))
                con.execute("insert into reads values (?, ?)", [found[0][0], own])
        with connect(self._lake, publication_id=int(found[0][0]) or None, tables=tables) as views:
            views.execute(f"set memory_limit = '{self._settings.duckdb_memory}'")
            views.execute(f"set threads = {self._settings.duckdb_threads}")
            yield views

    def keep(self, model: PublishedModel, frame: "pd.DataFrame") -> int:
        """Keep the rows of a table until they are published; returns how many. Types become the declared ones."""
        columns = ", ".join(f'"{column.name}"::{column.type} as "{column.name}"' for column in model.spec.columns)
        with self.connect() as con:
            con.register("incoming", frame)
            con.execute(f"create or replace table {self.layer}.{model.name} as select {columns} from incoming")
            con.unregister("incoming")
        return len(frame)

    def read(self, name: str) -> "pd.DataFrame":
        """A table that an earlier step of the run has kept."""
        with self.connect() as con:
            return con.execute(f"select * from {self.layer}.{name}").df()

    def publish(self, models: Sequence[PublishedModel] | None = None) -> int:
        """Make every table that the run has kept visible at once; returns the number of the publication.

        Raises ValueError when there is nothing to publish, or when another run of the job has published since this one
        began to read: its rows would be lost where tables are kept from run to run.
        """
        with self.connect() as con:
            if con.execute("select 1 from duckdb_tables() where table_name = 'reads'").fetchall():
                ((own,),) = con.execute("select own_publication_id from reads").fetchall()
                if newest_publication(self._lake, (self.layer,)) != own:
                    raise ValueError(f"run {self.run_id}: another run has published {self.layer} since; run it again")
            rows = con.execute("select table_name from duckdb_tables() where schema_name = ?", [self.layer]).fetchall()
            kept = {str(row[0]) for row in rows}
            staged = [
                (self._lake.stage(con, f"{self.layer}.{model.name}", model.spec, self.run_id), {WHOLE_TABLE})
                for model in models or self._models
                if model.name in kept
            ]
        if not staged:
            raise ValueError(f"run {self.run_id}: it kept no table of {self.layer}, so there is nothing to publish")
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
