"""Models of a market within a run: views of what they read, and their tables until they are published.

Belongs here: the lake's published tables as views, the run's tables of such models. Does not: what a model reads or
makes of it (see the rooms), steps (see `assets.py`).
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from orchestration.lake import PUBLISHED, Lake
from orchestration.modeling.manifest import PublishedModel
from orchestration.runs.plan import RunPlan
from orchestration.settings import Settings

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

# A warehouse counts its stock under the country where it stands, and serves others.
OF_ALL_MARKETS = frozenset({"stg_stock_snapshots"})


@contextmanager
def published_views(
    lake: Lake,
    plan: RunPlan,
    models: Iterable[PublishedModel],
    markets: Collection[str],
    settings: Settings | None = None,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with a view of each table; but for stock counts, what has a market shows the rows of `markets`.

    A model needs more than the months that a run has touched. A rebuild as known at a moment reads its own tables, and
    reference data as published. settings: memory and threads; without them DuckDB's own.
    """
    with duckdb.connect() as con:
        if settings is not None:
            con.execute(f"set memory_limit = '{settings.duckdb_memory}'")
            con.execute(f"set threads = {settings.duckdb_threads}")
        con.execute("set TimeZone = 'UTC'")
        pins = lake.pins(plan.namespace)
        reference = lake.pins(PUBLISHED) if plan.known_at is not None else pins
        for model in models:
            pin = (reference if model.spec.partition == "none" else pins).get(model.spec.name)
            of = None if model.name in OF_ALL_MARKETS else markets
            files = lake.data_files(pin.table, pin.snapshot_id, markets=of) if pin else []
            con.execute(f"create view {model.name} as select * from {lake.relation_sql(model.spec, files)}")
        yield con


def create_tables(run: duckdb.DuckDBPyConnection, layer: str, models: Iterable[PublishedModel]) -> None:
    """Empty tables of these models in the run's database, in the place of views of the published ones."""
    run.execute(f"create schema if not exists {layer}")
    for model in models:
        columns = ", ".join(f"{column.name} {column.type}" for column in model.spec.columns)
        run.execute(f"create or replace table {model.relation} ({columns})")


def keep_rows(run: duckdb.DuckDBPyConnection, model: PublishedModel, rows: "pd.DataFrame | pa.Table") -> None:
    """Add rows to a model's table of the run, in its declared columns and types."""
    columns = ", ".join(f"{column.name}::{column.type}" for column in model.spec.columns)
    run.register("incoming", rows)
    run.execute(f"insert into {model.relation} select {columns} from incoming")
    run.unregister("incoming")
