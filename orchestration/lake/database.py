"""The catalog database: its engine, its two locks, and PyIceberg's catalog bound to a transaction of ours.

Belongs here: SQLite and PostgreSQL, locks, first-time creation. Does not: what is committed.

There are two locks. The *commit lock* is the catalog transaction itself: everything that becomes visible together is
written between its begin and its commit, seconds at most. The *arrivals lock* spans one whole arrival: a batch's id
stands in its Parquet files, so it must be known before they are written, and readers take the highest committed id as
"everything up to here", so ids must be committed in their order. A sequence would hand out ids that commit late.
"""

import copy
import fcntl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from orchestration.lake.durability import make_durable
from orchestration.lake.side_tables import METADATA
from orchestration.lake.vocabulary import LakeError
from orchestration.settings import Settings

if TYPE_CHECKING:
    from pyiceberg.catalog.sql import SqlCatalog

# Spark and Trino name the catalog too; rows of PyIceberg's tables carry this name.
CATALOG_NAME = "lake"

# A full publication holds the lock for seconds; a queue of them must not turn into errors.
LOCK_WAIT_SECONDS = 300

# Keys of PostgreSQL's advisory locks: "trade" as letters, then which lock.
COMMIT_LOCK = 0x7472616465_01
ARRIVALS_LOCK = 0x7472616465_02
CREATION_LOCK = 0x7472616465_03


@dataclass(frozen=True)
class Commit:
    """One catalog transaction: its connection, a catalog whose commits belong to it, and what it wrote to disk."""

    connection: sa.Connection
    catalog: "SqlCatalog"
    written: list[str] = field(default_factory=list)


class CatalogDatabase:
    """The database that says which snapshots exist; created on first use, never at import."""

    def __init__(self, settings: Settings) -> None:
        self._home = settings.home.resolve()
        self._uri = settings.catalog
        self._warehouse = settings.warehouse.resolve()
        if forbidden := sorted(set("?#*[]") & set(str(self._warehouse))):
            # URLs end at ? and #; DuckDB takes the others for patterns.
            raise LakeError(f"the lake's folder {self._warehouse} must not contain {' '.join(forbidden)}")
        self.is_sqlite = sa.make_url(self._uri).get_backend_name() == "sqlite"
        self._guard = threading.RLock()
        self._engine: sa.Engine | None = None
        self._catalog: SqlCatalog | None = None
        self._arrivals_guard = threading.RLock()
        self._arrivals_depth = 0

    @property
    def engine(self) -> sa.Engine:
        """The engine, with every table in place."""
        with self._guard:
            if self._engine is None:
                engine = self._new_engine()
                self._create_tables(engine)
                self._engine = engine
            return self._engine

    def _new_engine(self) -> sa.Engine:
        # No pool: connections do not survive a fork, and idle ones would hold PostgreSQL's slots.
        if not self.is_sqlite:
            # A snapshot taken while waiting for the lock would not see what its last holder committed.
            return sa.create_engine(self._uri, poolclass=NullPool, isolation_level="READ COMMITTED")
        self._home.mkdir(parents=True, exist_ok=True)
        engine = sa.create_engine(self._uri, poolclass=NullPool)

        @sa.event.listens_for(engine, "connect")
        def prepare(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
            # The driver must not begin transactions by itself: ours begin with `begin immediate`.
            connection.isolation_level = None
            cursor = connection.cursor()
            cursor.execute(f"pragma busy_timeout = {LOCK_WAIT_SECONDS * 1000}")
            cursor.close()

        return engine

    def _create_tables(self, engine: sa.Engine) -> None:
        from pyiceberg.catalog.sql import SqlCatalogBaseTable

        groups = (SqlCatalogBaseTable.metadata, METADATA)
        needed = {name for group in groups for name in group.tables}
        with engine.connect() as connection:
            if needed <= set(sa.inspect(connection).get_table_names()):
                return
        # `create table` after a look is a race, and SQLite's switch to WAL does not wait for a lock.
        with self._creation_lock(engine), engine.connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("pragma journal_mode = wal")
                connection.rollback()
            for group in groups:
                group.create_all(connection)
            connection.commit()

    @contextmanager
    def _creation_lock(self, engine: sa.Engine) -> Iterator[None]:
        lock = self._file_lock("creation") if self.is_sqlite else self._advisory_lock(engine, CREATION_LOCK)
        with lock:
            yield

    @property
    def catalog(self) -> "SqlCatalog":
        """PyIceberg's catalog, for reading; its commits outside `commit` are not publications."""
        with self._guard:
            if self._catalog is None:
                from pyiceberg.catalog.sql import SqlCatalog

                engine = self.engine
                catalog = SqlCatalog(
                    CATALOG_NAME, uri=self._uri, warehouse=f"file://{self._warehouse}", init_catalog_tables="false"
                )
                catalog.engine.dispose()
                catalog.engine = engine
                self._catalog = catalog
            return self._catalog

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection for questions; each statement sees the newest commit."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def commit(self) -> Iterator[Commit]:
        """The commit lock: all that is done inside becomes visible together, or not at all."""
        import pyiceberg.io.pyarrow  # noqa: F401  half a second, better spent before the lock than inside it

        catalog = copy.copy(self.catalog)
        with self.engine.connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("begin immediate")
            else:
                connection.exec_driver_sql(f"set local lock_timeout = '{LOCK_WAIT_SECONDS}s'")
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(COMMIT_LOCK)))
            # Sessions that PyIceberg opens on a connection with a transaction join it; they cannot commit it.
            catalog.engine = connection  # type: ignore[assignment]
            try:
                commit = Commit(connection, catalog)
                yield commit
                make_durable(commit.written)
                connection.commit()
            except BaseException:
                connection.rollback()
                raise

    @contextmanager
    def arrivals_lock(self) -> Iterator[None]:
        """The arrivals lock; a thread that holds it may take it again."""
        with self._arrivals_guard:
            if self._arrivals_depth:
                yield
                return
            engine = self.engine
            lock = self._file_lock("arrivals") if self.is_sqlite else self._advisory_lock(engine, ARRIVALS_LOCK)
            with lock:
                self._arrivals_depth += 1
                try:
                    yield
                finally:
                    self._arrivals_depth -= 1

    @contextmanager
    def _file_lock(self, name: str) -> Iterator[None]:
        # SQLite serves one machine, so a lock of the file system does; the kernel frees it when its holder is killed.
        path = Path(self._home) / f".{name}.lock"
        with path.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _advisory_lock(self, engine: sa.Engine, key: int) -> Iterator[None]:
        # A lock of the session, on a connection of its own: closing it, or losing it, frees the lock.
        with engine.connect() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_lock(key)))
            connection.commit()
            yield
