"""Dagster's own history in SQLite, with a disk sync per checkpoint and a transaction per batch of events.

Belongs here: how the SQLite files under DAGSTER_HOME are opened and written; `deploy/dagster.local.yaml` names it.
Does not: the lake's catalog (see lake/), PostgreSQL (see deploy/dagster.yaml).

Dagster opens and closes two databases for each event. With SQLite's defaults each commit waits for the disk, and each
close, being the last connection's, folds the log back into the file and waits again. Measured with 80 partitions and
five assets (800 events): 34 to 56 ms an event where a sync takes 3.5 ms, 9 ms with this class; 11 and 6.5 ms where it
takes 0.2 ms. An event survives the death of its process in both cases; only a power failure may take the last ones.

A run over a range of markets has two events for each of its assets and markets, fifteen thousand over all 77. Dagster
hands them over in batches where it is told to, and its SQLite storage takes a batch apart again. Here the events of a
batch are written at once: 40 assets in 80 partitions (6,449 events) take 2.7 s instead of 31.7.
"""

import os
import sqlite3
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import ClassVar, Self

import dagster as dg
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage, SqliteStorageConfig
from dagster._serdes import ConfigurableClassData
from sqlalchemy import event
from sqlalchemy.engine import Engine

# One index, one database per run that is being watched: a page of the UI's runs, not all there ever were.
_HELD_AT_MOST = 24
# Dagster reads from the environment how many events it hands over together at most; unless told, one.
_BATCH_SIZE, _BATCHED_AT_MOST = "DAGSTER_EVENT_BATCH_SIZE", "1000"
_WRITTEN_TOGETHER = (
    dg.DagsterEventType.ASSET_MATERIALIZATION,
    dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    dg.DagsterEventType.ASSET_OBSERVATION,
)


class _QuickConnections:
    """Makes each new connection to a database in `folder` quick, and holds one more of its own to the same file."""

    _folders: ClassVar[dict[Path, "_QuickConnections"]] = {}
    _lock: ClassVar[Lock] = Lock()

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: OrderedDict[str, sqlite3.Connection] = OrderedDict()
        self._inherited: list[OrderedDict[str, sqlite3.Connection]] = []

    @classmethod
    def watch(cls, folder: Path) -> None:
        """Listen to the connections of this process, once for each folder."""
        with cls._lock:
            if folder not in cls._folders:
                cls._folders[folder] = watcher = cls(folder)
                event.listen(Engine, "connect", watcher.connected)
                os.register_at_fork(after_in_child=watcher.forked)

    def connected(self, connection: object, _record: object) -> None:
        """Set the new connection to sync at checkpoints only."""
        if not isinstance(connection, sqlite3.Connection):
            return
        path = connection.execute("pragma database_list").fetchone()[2]
        if not path or not Path(path).is_relative_to(self._folder):
            return
        try:
            connection.execute("pragma synchronous = normal")
            with self._lock:
                self._hold(path)
        except sqlite3.OperationalError:
            # Somebody has the file for himself at this moment. What is lost is speed, and only until the next event.
            return

    def forked(self) -> None:
        """Start without held connections in a child; those of the parent must be neither used nor closed there."""
        self._inherited.append(self._held)
        self._held = OrderedDict()

    def _hold(self, path: str) -> None:
        if path not in self._held:
            self._held[path] = sqlite3.connect(path, check_same_thread=False, timeout=0)
        self._held.move_to_end(path)
        while len(self._held) > _HELD_AT_MOST:
            self._held.popitem(last=False)[1].close()
        # Only a connection that has read the file since it became a write-ahead one counts as open on it.
        self._held[path].execute("pragma schema_version").fetchone()


class BatchedEvents(SqliteEventLogStorage):
    """Dagster's event log in SQLite, in which a batch of events of assets is one transaction for each file."""

    def store_event_batch(self, events: Sequence[dg.EventLogEntry]) -> None:
        """Store events as `store_event` would, one after the other; of an asset the last one is its newest."""
        together: dict[str, list[dg.EventLogEntry]] = {}
        for entry in events:
            if entry.dagster_event_type in _WRITTEN_TOGETHER:
                together.setdefault(entry.run_id, []).append(entry)
            else:
                self.store_event(entry)
        for run_id, entries in together.items():
            rows = [self._event_to_row(entry) for entry in entries]
            with self.run_connection(run_id) as connection:
                connection.execute(SqlEventLogStorageTable.insert(), rows)
            # The copy that is read across runs.
            with self.index_transaction() as connection:
                insert = SqlEventLogStorageTable.insert()
                insert = insert.returning(SqlEventLogStorageTable.c.id, sort_by_parameter_order=True)
                ids = [int(found) for found in connection.execute(insert, rows).scalars()]
                self._store_asset_event_tags(connection, entries, ids)
                newest = {
                    (entry.dagster_event_type, entry.get_dagster_event().asset_key): (entry, event_id)
                    for entry, event_id in zip(entries, ids, strict=True)
                }
                for entry, event_id in newest.values():
                    self._store_asset_event(connection, entry, event_id)


class LocalHistory(DagsterSqliteStorage):
    """Dagster's SQLite storage: the same files, opened and written so that an event costs a tenth."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        _QuickConnections.watch(Path(base_dir).resolve())
        os.environ.setdefault(_BATCH_SIZE, _BATCHED_AT_MOST)
        super().__init__(base_dir, inst_data=inst_data)
        # The folder of the class that it extends, whose storage this one replaces.
        self._event_log_storage = BatchedEvents(str(Path(base_dir, "history", "runs")))

    @classmethod
    def from_config_value(  # type: ignore[override]  # as narrow as in the class that it extends
        cls, inst_data: ConfigurableClassData, config_value: SqliteStorageConfig
    ) -> Self:
        """The storage that dagster.yaml describes."""
        return cls.from_local(inst_data=inst_data, **config_value)
