"""The arrivals' ledger: batches, delivered files and touches.

Belongs here: what arrivals write and what a run asks of it. Does not: publications (see publication_ledger.py).
Every function takes a connection: whoever opened it decides which transaction it belongs to.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from orchestration.lake.side_tables import ARRIVAL_FILE, BATCH, BATCH_SNAPSHOT, TOUCH, TOUCH_DUE, chunks, insert_rows
from orchestration.lake.vocabulary import FileRecord, LakeError, PendingTouch, Touch


def highest_batch(connection: sa.Connection) -> int:
    """The id of the newest committed batch; 0 before the first."""
    return int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(BATCH.c.batch_id), 0))).scalar_one())


def highest_batch_at(connection: sa.Connection, moment: datetime) -> int:
    """The id of the newest batch that had been loaded by then; 0 when there was none."""
    newest = sa.select(sa.func.coalesce(sa.func.max(BATCH.c.batch_id), 0)).where(BATCH.c.loaded_at <= moment)
    return int(connection.execute(newest).scalar_one())


def raw_snapshots(connection: sa.Connection, tables: Iterable[str], at: int) -> dict[str, int | None]:
    """Per raw table the snapshot that batch `at` left; None where nothing had arrived.

    Raises LakeError when maintenance has removed that snapshot.
    """
    wanted = sorted(set(tables))
    latest = (
        sa.select(BATCH_SNAPSHOT.c.table_name, sa.func.max(BATCH_SNAPSHOT.c.batch_id).label("batch_id"))
        .where(BATCH_SNAPSHOT.c.table_name.in_(wanted), BATCH_SNAPSHOT.c.batch_id <= at)
        .group_by(BATCH_SNAPSHOT.c.table_name)
        .subquery()
    )
    rows = connection.execute(
        sa.select(BATCH_SNAPSHOT).join(
            latest,
            sa.and_(BATCH_SNAPSHOT.c.table_name == latest.c.table_name, BATCH_SNAPSHOT.c.batch_id == latest.c.batch_id),
        )
    )
    found: dict[str, int | None] = dict.fromkeys(wanted)
    for row in rows:
        if row.is_expired:
            raise LakeError(f"{row.table_name}: the snapshot of batch {row.batch_id} has expired")
        found[row.table_name] = row.snapshot_id
    return found


def record_batch(
    connection: sa.Connection,
    batch_id: int,
    *,
    loaded_at: datetime,
    files: Sequence[FileRecord],
    touches: Iterable[Touch],
    snapshots: Mapping[str, int | None],
    now: datetime,
) -> None:
    """Write what one arrivals transaction did.

    Raises LakeError when a file with the same content is loaded already, or another batch took this id.
    """
    if (newest := highest_batch(connection)) != batch_id - 1:
        raise LakeError(f"batch {batch_id}: batch {newest} was committed meanwhile; the arrivals lock was lost")
    loaded = [file for file in files if file.status == "loaded"]
    by_hash = {file.sha256: file.name for file in loaded}
    if len(by_hash) < len(loaded):
        raise LakeError(f"batch {batch_id}: two of its files have the same content")
    for hashes in chunks(by_hash):
        for row in connection.execute(
            sa.select(ARRIVAL_FILE).where(ARRIVAL_FILE.c.status == "loaded", ARRIVAL_FILE.c.sha256.in_(hashes))
        ):
            raise LakeError(
                f"file {by_hash[row.sha256]}: the same content was loaded as {row.name} in batch {row.batch_id}"
            )
    connection.execute(sa.insert(BATCH), {"batch_id": batch_id, "loaded_at": loaded_at, "committed_at": now})
    insert_rows(
        connection,
        ARRIVAL_FILE,
        (
            {
                "batch_id": batch_id,
                "name": file.name,
                "sha256": file.sha256,
                "size": file.size,
                "status": file.status,
                "reason": file.reason,
                "source_id": file.source_id,
                "rows_by_feed": json.dumps(dict(file.rows_by_feed), sort_keys=True),
            }
            for file in files
        ),
    )
    distinct = list(dict.fromkeys(touches))
    insert_rows(connection, TOUCH, (_touch_row(batch_id, touch) for touch in distinct if touch.due_at is None))
    for later in chunks(touch for touch in distinct if touch.due_at is not None):
        written = sa.insert(TOUCH).returning(TOUCH.c.touch_id, sort_by_parameter_order=True)
        ids = connection.execute(written, [dict(_touch_row(batch_id, touch)) for touch in later]).scalars()
        due = zip(ids, later, strict=True)
        insert_rows(connection, TOUCH_DUE, ({"touch_id": id_, "due_at": touch.due_at} for id_, touch in due))
    insert_rows(
        connection,
        BATCH_SNAPSHOT,
        (
            {"table_name": name, "batch_id": batch_id, "snapshot_id": snapshot, "is_expired": False}
            for name, snapshot in snapshots.items()
        ),
    )


def _touch_row(batch_id: int, touch: Touch) -> Mapping[str, str | int]:
    return {
        "batch_id": batch_id,
        "layer": touch.layer,
        "feed": touch.feed,
        "market": touch.market,
        "month": touch.month,
        "reason": touch.reason,
    }


def file_record(row: sa.Row[tuple[object, ...]]) -> FileRecord:
    """A delivered file from its row."""
    return FileRecord(
        name=row.name,
        sha256=row.sha256,
        size=row.size,
        status=row.status,
        reason=row.reason,
        source_id=row.source_id,
        rows_by_feed=json.loads(row.rows_by_feed),
    )


def find_file(connection: sa.Connection, sha256: str) -> FileRecord | None:
    """The delivered file with this content, the loaded one before a refused one."""
    row = connection.execute(
        sa.select(ARRIVAL_FILE)
        .where(ARRIVAL_FILE.c.sha256 == sha256)
        .order_by(sa.case((ARRIVAL_FILE.c.status == "loaded", 0), else_=1), ARRIVAL_FILE.c.arrival_file_id.desc())
        .limit(1)
    ).first()
    return None if row is None else file_record(row)


def arrived_files(connection: sa.Connection) -> list[tuple[int, FileRecord]]:
    """Every delivered file with its batch, in order of arrival."""
    rows = connection.execute(sa.select(ARRIVAL_FILE).order_by(ARRIVAL_FILE.c.arrival_file_id))
    return [(row.batch_id, file_record(row)) for row in rows]


def pending_touches(
    connection: sa.Connection, markets: Collection[str], up_to: int | None, due_by: datetime
) -> list[PendingTouch]:
    """The touches of these markets that no publication has cleared and that are due, of batches up to `up_to`."""
    query = (
        sa.select(TOUCH, TOUCH_DUE.c.due_at)
        .outerjoin(TOUCH_DUE, TOUCH.c.touch_id == TOUCH_DUE.c.touch_id)
        .where(TOUCH.c.cleared_by.is_(None), TOUCH.c.market.in_(sorted(set(markets))))
        .where(sa.or_(TOUCH_DUE.c.due_at.is_(None), TOUCH_DUE.c.due_at <= due_by))
    )
    if up_to is not None:
        query = query.where(TOUCH.c.batch_id <= up_to)
    rows = connection.execute(query.order_by(TOUCH.c.touch_id))
    return [
        PendingTouch(
            row.layer,
            row.feed,
            row.market,
            row.month,
            row.reason,
            id=row.touch_id,
            batch_id=row.batch_id,
            due_at=row.due_at,
        )
        for row in rows
    ]


def clear_touches(
    connection: sa.Connection, touch_ids: Collection[int], except_markets: Collection[str], publication_id: int
) -> int:
    """The number of touches cleared; those of `except_markets` stay."""
    cleared = 0
    for ids in chunks(sorted(set(touch_ids))):
        cleared += connection.execute(
            sa.update(TOUCH)
            .where(TOUCH.c.touch_id.in_(ids), TOUCH.c.cleared_by.is_(None))
            .where(TOUCH.c.market.not_in(sorted(set(except_markets))))
            .values(cleared_by=publication_id)
        ).rowcount
    return cleared
