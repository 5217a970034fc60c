"""Maintenance: old snapshots expire, and files that nothing refers to are swept.

Belongs here: what may be forgotten and when. Does not: erasing a person's rows (that rewrites raw).

What is kept. Of each namespace the newest `keep_publications`; and every snapshot that was still the newest one
`orphan_older_than` ago, because a run that began then may read it until it ends: choose it longer than the longest run.
Iceberg's own `older_than` knows neither rule, and deletes no file.
"""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from orchestration.lake.database import CATALOG_NAME, CatalogDatabase, Commit
from orchestration.lake.reading import ManifestCache
from orchestration.lake.side_tables import BATCH, BATCH_SNAPSHOT, PUBLICATION, UtcDateTime
from orchestration.lake.vocabulary import LakeError, Sweep, table_name

if TYPE_CHECKING:
    from pyiceberg.table import Table


def expire(database: CatalogDatabase, folder: Path, *, keep_publications: int, orphan_older_than: timedelta) -> Sweep:
    """What was removed; see the module's text for what is kept. Safe beside running publications and arrivals."""
    if keep_publications < 1:
        raise LakeError(f"keep_publications is {keep_publications}: at least the newest publication must stay")
    if orphan_older_than < timedelta(0):
        raise LakeError(f"orphan_older_than is {orphan_older_than}: it must not be negative")
    now = datetime.now(UTC)
    # List first, ask what is live afterwards: a file that is published in between is then seen as live.
    old_files = dict(files_older_than(folder, time.time() - orphan_older_than.total_seconds()))
    with database.commit() as commit:
        keep_raw(commit.connection, now - orphan_older_than)
        keep_published(commit.connection, keep_publications, now - orphan_older_than)
        expired = sum(expire_table(commit, name, now - orphan_older_than) for name in stored_tables(commit.connection))
    live = live_files(database)
    orphans = {path: size for path, size in old_files.items() if path not in live}
    for path in orphans:
        # Folders stay: a writer may be about to create a file in an empty one.
        Path(path).unlink(missing_ok=True)
    return Sweep(expired, len(orphans), sum(orphans.values()))


def files_older_than(folder: Path, moment: float) -> Iterator[tuple[str, int]]:
    """Path and size of every file last written before `moment` (seconds since 1970)."""
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            try:
                status = path.stat()
            except FileNotFoundError:
                continue  # another sweep was faster
            if status.st_mtime <= moment:
                yield str(path), status.st_size


def keep_published(connection: sa.Connection, keep: int, read_since: datetime) -> None:
    """Mark the publications that no reader may ask for any more."""
    publication = PUBLICATION.c
    key = (publication.namespace, publication.table_name)
    order = publication.publication_id
    later = sa.func.lead(publication.published_at, type_=UtcDateTime).over(partition_by=key, order_by=order)
    later_id = sa.func.lead(publication.publication_id, type_=sa.BigInteger).over(partition_by=key, order_by=order)
    rank = sa.func.dense_rank().over(partition_by=publication.namespace, order_by=publication.publication_id.desc())
    ranked = sa.select(publication.namespace, publication.publication_id, rank.label("rank")).subquery()
    oldest_kept = {
        row.namespace: row.publication_id
        for row in connection.execute(
            sa.select(ranked.c.namespace, sa.func.min(ranked.c.publication_id).label("publication_id"))
            .where(ranked.c.rank <= keep)
            .group_by(ranked.c.namespace)
        )
    }
    rows = connection.execute(
        sa.select(
            *key, publication.publication_id, publication.is_expired, later.label("later"), later_id.label("later_id")
        )
    ).all()
    for row in rows:
        # Still shown by the oldest kept publication, or by a run that began before its successor came.
        if (
            row.is_expired
            or row.later_id is None
            or row.later_id > oldest_kept[row.namespace]
            or row.later > read_since
        ):
            continue
        connection.execute(
            sa.update(PUBLICATION)
            .where(
                publication.namespace == row.namespace,
                publication.table_name == row.table_name,
                publication.publication_id == row.publication_id,
            )
            .values(is_expired=True)
        )


def keep_raw(connection: sa.Connection, read_since: datetime) -> None:
    """Mark the raw snapshots that no run may read any more; the rows themselves are in every later snapshot."""
    snapshot = BATCH_SNAPSHOT.c
    later = sa.func.lead(BATCH.c.committed_at, type_=UtcDateTime).over(
        partition_by=snapshot.table_name, order_by=snapshot.batch_id
    )
    rows = connection.execute(
        sa.select(snapshot.table_name, snapshot.batch_id, snapshot.is_expired, later.label("later")).join(
            BATCH, BATCH.c.batch_id == snapshot.batch_id
        )
    ).all()
    for row in rows:
        if row.is_expired or row.later is None or row.later > read_since:
            continue
        connection.execute(
            sa.update(BATCH_SNAPSHOT)
            .where(snapshot.table_name == row.table_name, snapshot.batch_id == row.batch_id)
            .values(is_expired=True)
        )


def stored_tables(connection: sa.Connection) -> list[str]:
    """Every Iceberg table of the catalog, also those of rebuilds."""
    from pyiceberg.catalog.sql import IcebergTables

    rows = connection.execute(
        sa.select(IcebergTables.table_namespace, IcebergTables.table_name)
        .where(IcebergTables.catalog_name == CATALOG_NAME)
        .order_by(IcebergTables.table_namespace, IcebergTables.table_name)
    )
    return [f"{row.table_namespace}.{row.table_name}" for row in rows]


def kept_snapshots(connection: sa.Connection, identifier: str) -> set[int]:
    """The snapshots of an Iceberg table that readers may ask for."""
    published = connection.execute(
        sa.select(PUBLICATION.c.namespace, PUBLICATION.c.table_name, PUBLICATION.c.snapshot_id).where(
            PUBLICATION.c.is_expired.is_(False), PUBLICATION.c.snapshot_id.is_not(None)
        )
    )
    arrived = connection.execute(
        sa.select(BATCH_SNAPSHOT.c.snapshot_id).where(
            BATCH_SNAPSHOT.c.table_name == identifier,
            BATCH_SNAPSHOT.c.is_expired.is_(False),
            BATCH_SNAPSHOT.c.snapshot_id.is_not(None),
        )
    )
    kept = {row.snapshot_id for row in published if table_name(row.namespace, row.table_name) == identifier}
    return kept | {row.snapshot_id for row in arrived}


def expire_table(commit: Commit, identifier: str, read_since: datetime) -> int:
    """How many snapshots of the table were dropped: neither kept, nor a branch's head, nor recent."""
    table = commit.catalog.load_table(identifier)
    kept = kept_snapshots(commit.connection, identifier)
    heads = {reference.snapshot_id for reference in table.refs().values()}
    # A recent snapshot that no publication names is a stranger's: it may still be at work.
    recent = int(read_since.timestamp() * 1000)
    dropped = [
        snapshot.snapshot_id
        for snapshot in table.snapshots()
        if snapshot.snapshot_id not in kept | heads and snapshot.timestamp_ms <= recent
    ]
    if dropped:
        table.maintenance.expire_snapshots().by_ids(dropped).commit()
    return len(dropped)


def live_files(database: CatalogDatabase) -> set[str]:
    """Every file that some table's metadata refers to, data and metadata alike."""
    from pyiceberg.catalog.sql import IcebergTables

    cache = ManifestCache()
    live: set[str] = set()
    with database.reading() as connection:
        previous = connection.execute(
            sa.select(IcebergTables.previous_metadata_location).where(IcebergTables.catalog_name == CATALOG_NAME)
        ).scalars()
        live |= {location for location in previous if location}
        tables = [database.catalog.load_table(name) for name in stored_tables(connection)]
    for table in tables:
        live.add(table.metadata_location)
        live |= live_in(table, cache)
    return {location.removeprefix("file://") for location in live}


def live_in(table: "Table", cache: ManifestCache) -> set[str]:
    """The files that one table's snapshots refer to."""
    live: set[str] = set()
    seen: set[str] = set()
    for snapshot in table.snapshots():
        live.add(snapshot.manifest_list)
        for manifest in snapshot.manifests(table.io):
            if manifest.manifest_path not in seen:
                seen.add(manifest.manifest_path)
                live.update(file.path for file in cache.files(manifest, table.io))
    return live | seen
