"""The lake: append a batch, stage and publish a run's tables, read by pins.

Belongs here: the verbs that other rooms use, and what happens in which order under which lock. Does not: how a table,
a snapshot or a file is made (see tables.py, snapshots.py, staging.py).
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import sqlalchemy as sa

from orchestration.lake import arrivals_ledger, publication_ledger, reading, staging
from orchestration.lake.database import CatalogDatabase
from orchestration.lake.raw import EDGES, PLACEMENTS, RAW_LAYOUT, REPLAYS, parts, raw_spec, with_batch
from orchestration.lake.vocabulary import (
    PUBLISHED,
    DataFile,
    FileRecord,
    HeldBack,
    LakeError,
    PendingTouch,
    Pin,
    Place,
    PlaceState,
    Publication,
    PublishRequest,
    PublishResult,
    RawFeed,
    RawState,
    StagedTable,
    Sweep,
    TableSpec,
    Touch,
)
from orchestration.settings import Settings

if TYPE_CHECKING:
    import duckdb

Answer = TypeVar("Answer")


class Lake:
    """The only way to the tables of one installation. Cheap to make; connects on first use; safe across processes."""

    def __init__(self, settings: Settings) -> None:
        self._database = CatalogDatabase(settings)
        self._folder = settings.warehouse.resolve()
        self._manifests = reading.ManifestCache()

    # ---------------------------------------------------------------- arrivals

    @contextmanager
    def arrivals_lock(self) -> Iterator[None]:
        """Hold this while you read raw in order to append to it; `append_batch` takes it by itself, and may inside."""
        with self._database.arrivals_lock():
            yield

    def append_batch(
        self,
        con: "duckdb.DuckDBPyConnection",
        *,
        feeds: Mapping[str, RawFeed],
        files: Sequence[FileRecord],
        edges: str | None,
        placements: str | None,
        touches: Sequence[Touch],
        loaded_at: datetime,
        replays: str | None = None,
    ) -> int:
        """The id of the new batch: its rows, files, edges, placements, replays and touches become visible together.

        The relations hold rows without `_batch_id` and `_loaded_at`; both are added here.
        Raises LakeError when a loaded file's content is loaded already; SchemaError or StagingError for its rows.
        """
        with self._database.arrivals_lock():
            batch_id = self.raw_seq() + 1
            relations = [(raw_spec(name, feed.fields), feed) for name, feed in feeds.items()]
            relations += [
                (spec, RawFeed(relation, ()))
                for spec, relation in ((EDGES, edges), (PLACEMENTS, placements), (REPLAYS, replays))
                if relation is not None
            ]
            staged = [
                staging.stage(
                    con,
                    with_batch(feed.relation, batch_id, loaded_at, feed.number_column),
                    spec,
                    f"batch-{batch_id}",
                    self._data_folder(spec),
                    RAW_LAYOUT if spec.partition == "market" else staging.Layout(),
                    named=feed.relation,
                    parts=parts(con, feed, batch_id, loaded_at),
                )
                for spec, feed in relations
            ]
            self._commit_batch(batch_id, staged, files, touches, loaded_at)
        return batch_id

    def _commit_batch(
        self,
        batch_id: int,
        staged: Sequence[StagedTable],
        files: Sequence[FileRecord],
        touches: Sequence[Touch],
        loaded_at: datetime,
    ) -> None:
        from orchestration.lake.snapshots import replace_places
        from orchestration.lake.tables import open_table

        with self._database.commit() as commit:
            names = [one.spec.name for one in staged]
            bases = arrivals_ledger.raw_snapshots(commit.connection, names, batch_id - 1)
            snapshots = {}
            for one in staged:
                table = open_table(commit.catalog, one.spec.name, one.spec)
                snapshots[one.spec.name] = replace_places(
                    commit, table, bases[one.spec.name], (), one.files, {"batch_id": str(batch_id)}
                )
            arrivals_ledger.record_batch(
                commit.connection,
                batch_id,
                loaded_at=loaded_at,
                files=files,
                touches=touches,
                snapshots=snapshots,
                now=datetime.now(UTC),
            )

    def has_file(self, sha256: str) -> FileRecord | None:
        """The delivered file with this content: the loaded one, else the last refused one, else None."""
        return self._ask(lambda connection: arrivals_ledger.find_file(connection, sha256))

    def arrived_files(self) -> list[tuple[int, FileRecord]]:
        """Every delivered file with its batch, in order of arrival."""
        return self._ask(arrivals_ledger.arrived_files)

    # ---------------------------------------------------------------- a run's plan

    def raw_seq(self) -> int:
        """The highest committed batch id; 0 before the first."""
        return self._ask(arrivals_ledger.highest_batch)

    def raw_seq_at(self, moment: datetime) -> int:
        """The highest batch id that had been loaded by a moment; 0 when there was none."""
        return self._ask(lambda connection: arrivals_ledger.highest_batch_at(connection, moment))

    def raw_snapshots(self, feeds: Collection[str], raw_seq: int | None = None) -> dict[str, int | None]:
        """Per feed (or `edges`, `placements`) the snapshot as of batch `raw_seq` (default: the newest).

        A plan asks for `raw_seq()` first and passes it here, so that both speak of the same batch.
        """
        tables = {feed: f"raw.{feed}" for feed in feeds}

        def ask(connection: sa.Connection) -> dict[str, int | None]:
            at = arrivals_ledger.highest_batch(connection) if raw_seq is None else raw_seq
            found = arrivals_ledger.raw_snapshots(connection, tables.values(), at)
            return {feed: found[table] for feed, table in tables.items()}

        return self._ask(ask)

    def raw_state(self, feeds: Collection[str]) -> RawState:
        """The newest batch and the raw snapshots as of it."""
        raw_seq = self.raw_seq()
        return RawState(raw_seq, self.raw_snapshots(feeds, raw_seq))

    def pending_touches(
        self, markets: Collection[str], raw_seq: int | None = None, due_by: datetime | None = None
    ) -> list[PendingTouch]:
        """The uncleared touches of these markets, left by batches up to `raw_seq` (default: all), due by then (now)."""
        moment = datetime.now(UTC) if due_by is None else due_by
        return self._ask(lambda connection: arrivals_ledger.pending_touches(connection, markets, raw_seq, moment))

    # ---------------------------------------------------------------- reading

    def pins(self, namespace: str = PUBLISHED, publication_id: int | None = None) -> dict[str, Pin]:
        """Per declared table name the snapshot that readers see, now or as of an older publication; in one SELECT."""
        return self._ask(lambda connection: publication_ledger.pins(connection, namespace, publication_id))

    def data_files(
        self,
        table: str,
        snapshot_id: int | None,
        markets: Collection[str] | None = None,
        places: Collection[Place] | None = None,
    ) -> list[DataFile]:
        """The files of a pinned snapshot, of these markets and places only (None: all; empty: none).

        table: the Iceberg name, as `Pin.table` or `raw.<feed>` has it. An unpartitioned table is always read whole.
        """
        from pyiceberg.exceptions import NoSuchTableError

        if snapshot_id is None:
            return []
        try:
            stored = self._database.catalog.load_table(table)
        except NoSuchTableError:
            raise LakeError(f"{table}: no such table in the lake") from None
        files = reading.snapshot_files(stored, snapshot_id, self._manifests)
        return reading.chosen(files, markets, places, partitions=len(stored.spec().fields))

    def relation_sql(self, spec: TableSpec, files: Sequence[DataFile]) -> str:
        """A select in parentheses that gives the declared columns and types from these files."""
        return reading.relation_sql(spec, files)

    def publications(self, namespace: str = PUBLISHED, run_id: str | None = None) -> list[Publication]:
        """Every publication of every table, or of one run, oldest first."""
        return self._ask(lambda connection: publication_ledger.publications(connection, namespace, run_id))

    def place_states(
        self, namespace: str = PUBLISHED, table: str | None = None, markets: Collection[str] | None = None
    ) -> list[PlaceState]:
        """Per table and place the publication that it shows: raw_seq, run, time."""
        return self._ask(lambda connection: publication_ledger.place_states(connection, namespace, table, markets))

    def held_back(self, namespace: str = PUBLISHED) -> list[HeldBack]:
        """The markets that are held back now, with reasons and since when."""
        return self._ask(lambda connection: publication_ledger.held_back(connection, namespace))

    # ---------------------------------------------------------------- publishing

    def stage(self, con: "duckdb.DuckDBPyConnection", relation: str, spec: TableSpec, run_id: str) -> StagedTable:
        """The relation's rows as Parquet files, one per place, checked; no reader sees them yet, nothing is locked.

        Raises SchemaError when names or types are not the declared ones, StagingError for rows without a place.
        """
        return staging.stage(con, relation, spec, run_id, self._data_folder(spec))

    def publish(self, request: PublishRequest) -> PublishResult:
        """Make all tables of a run visible at once: the one shared write of a run.

        A market that some table of the namespace shows as of a newer batch is left alone, touches and all.
        Raises LakeError for a request that would duplicate rows or lose touches, SchemaError for a changed schema.
        """
        from orchestration.lake.publishing import check_request, publish

        check_request(request)
        with self._database.commit() as commit:
            began = time.monotonic()
            outcome = publish(commit, request, now=datetime.now(UTC))
        return outcome.result(lock_seconds=time.monotonic() - began)

    # ---------------------------------------------------------------- maintenance

    def expire(self, *, keep_publications: int, orphan_older_than: timedelta) -> Sweep:
        """Remove old snapshots and the files that nothing refers to; see maintenance.py for what is kept."""
        from orchestration.lake.maintenance import expire

        return expire(
            self._database,
            self._folder,
            keep_publications=keep_publications,
            orphan_older_than=orphan_older_than,
        )

    # ---------------------------------------------------------------- inside

    def _data_folder(self, spec: TableSpec) -> Path:
        schema, name = spec.name.split(".")
        return self._folder / schema / name / "data"

    def _ask(self, question: Callable[[sa.Connection], Answer]) -> Answer:
        with self._database.reading() as connection:
            return question(connection)
