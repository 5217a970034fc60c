"""The publications' ledger: which snapshot each table shows, since when, from which run, and who is held back.

Belongs here: what a publication records and what readers ask of it. Does not: batches and touches
(see arrivals_ledger.py).
Every function takes a connection: whoever opened it decides which transaction it belongs to.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

import sqlalchemy as sa

from orchestration.lake.side_tables import HELD_BACK, PUBLICATION, PUBLICATION_PLACE, insert_rows, upsert_rows
from orchestration.lake.vocabulary import (
    HeldBack,
    LakeError,
    Pin,
    Place,
    PlaceState,
    Publication,
    PublishRequest,
    table_name,
)


def next_publication_id(connection: sa.Connection) -> int:
    """The id of the publication about to be made."""
    newest = sa.select(sa.func.coalesce(sa.func.max(PUBLICATION.c.publication_id), 0))
    return int(connection.execute(newest).scalar_one()) + 1


def markets_published_later(connection: sa.Connection, namespace: str, raw_seq: int) -> frozenset[str]:
    """The markets that some table of the namespace shows as of a newer batch than `raw_seq`."""
    places = PUBLICATION_PLACE.c
    query = sa.select(places.market).where(places.namespace == namespace, places.raw_seq > raw_seq).distinct()
    return frozenset(connection.execute(query).scalars())


def pins(connection: sa.Connection, namespace: str, publication_id: int | None = None) -> dict[str, Pin]:
    """Per table its newest publication (or the newest up to `publication_id`), in one SELECT so that none is torn.

    Raises LakeError when maintenance has removed one of these snapshots.
    """
    newest = sa.select(PUBLICATION.c.table_name, sa.func.max(PUBLICATION.c.publication_id).label("publication_id"))
    newest = newest.where(PUBLICATION.c.namespace == namespace).group_by(PUBLICATION.c.table_name)
    if publication_id is not None:
        newest = newest.where(PUBLICATION.c.publication_id <= publication_id)
    latest = newest.subquery()
    rows = connection.execute(
        sa.select(
            PUBLICATION.c.table_name,
            PUBLICATION.c.snapshot_id,
            PUBLICATION.c.publication_id,
            PUBLICATION.c.is_expired,
        )
        .join(
            latest,
            sa.and_(
                PUBLICATION.c.table_name == latest.c.table_name,
                PUBLICATION.c.publication_id == latest.c.publication_id,
            ),
        )
        .where(PUBLICATION.c.namespace == namespace)
    ).all()
    for row in rows:
        if row.is_expired:
            raise LakeError(f"{row.table_name}: publication {row.publication_id} has expired")
    return {
        row.table_name: Pin(table_name(namespace, row.table_name), row.snapshot_id, row.publication_id) for row in rows
    }


def record_publication(
    connection: sa.Connection,
    publication_id: int,
    request: PublishRequest,
    *,
    snapshots: Mapping[str, int | None],
    places: Iterable[tuple[str, Place]],
    now: datetime,
) -> None:
    """Write a publication's rows, one per table and one per place that it replaced."""
    insert_rows(
        connection,
        PUBLICATION,
        (
            {
                "namespace": request.namespace,
                "table_name": table,
                "publication_id": publication_id,
                "snapshot_id": snapshot,
                "run_id": request.run_id,
                "raw_seq": request.raw_seq,
                "git_commit": request.git_commit,
                "lock_hash": request.lock_hash,
                "seeds_hash": request.seeds_hash,
                "known_at": request.known_at,
                "published_at": now,
                "is_expired": False,
            }
            for table, snapshot in snapshots.items()
        ),
    )
    upsert_rows(
        connection,
        PUBLICATION_PLACE,
        (
            {
                "namespace": request.namespace,
                "table_name": table,
                "market": place.market,
                "month": place.month,
                "publication_id": publication_id,
                "raw_seq": request.raw_seq,
                "run_id": request.run_id,
                "published_at": now,
            }
            for table, place in places
        ),
        updated=("publication_id", "raw_seq", "run_id", "published_at"),
    )


def record_held_back(
    connection: sa.Connection,
    namespace: str,
    run_id: str,
    *,
    held_back: Iterable[HeldBack],
    released: Collection[str],
    now: datetime,
) -> None:
    """Note who is held back from now on (`since` stays from the first time) and who no longer is."""
    connection.execute(
        sa.delete(HELD_BACK).where(HELD_BACK.c.namespace == namespace, HELD_BACK.c.market.in_(sorted(set(released))))
    )
    upsert_rows(
        connection,
        HELD_BACK,
        (
            {
                "namespace": namespace,
                "market": held.market,
                "run_id": run_id,
                "since": held.since or now,
                "reasons": json.dumps(list(held.reasons)),
            }
            for held in held_back
        ),
        updated=("run_id", "reasons"),
    )


def held_back(connection: sa.Connection, namespace: str) -> list[HeldBack]:
    """The markets that are held back now, in order of name."""
    rows = connection.execute(
        sa.select(HELD_BACK).where(HELD_BACK.c.namespace == namespace).order_by(HELD_BACK.c.market)
    )
    return [HeldBack(row.market, tuple(json.loads(row.reasons)), row.run_id, row.since) for row in rows]


def publications(connection: sa.Connection, namespace: str, run_id: str | None = None) -> list[Publication]:
    """Every publication of every table in the namespace (or those of one run), oldest first."""
    query = sa.select(PUBLICATION).where(PUBLICATION.c.namespace == namespace)
    if run_id is not None:
        query = query.where(PUBLICATION.c.run_id == run_id)
    rows = connection.execute(query.order_by(PUBLICATION.c.publication_id, PUBLICATION.c.table_name))
    return [
        Publication(
            publication_id=row.publication_id,
            namespace=row.namespace,
            table=row.table_name,
            snapshot_id=row.snapshot_id,
            run_id=row.run_id,
            raw_seq=row.raw_seq,
            git_commit=row.git_commit,
            lock_hash=row.lock_hash,
            seeds_hash=row.seeds_hash,
            known_at=row.known_at,
            published_at=row.published_at,
            is_expired=row.is_expired,
        )
        for row in rows
    ]


def place_states(
    connection: sa.Connection, namespace: str, table: str | None, markets: Collection[str] | None
) -> list[PlaceState]:
    """Which publication each place shows, of one table or all, of these markets or all."""
    query = sa.select(PUBLICATION_PLACE).where(PUBLICATION_PLACE.c.namespace == namespace)
    if table is not None:
        query = query.where(PUBLICATION_PLACE.c.table_name == table)
    if markets is not None:
        query = query.where(PUBLICATION_PLACE.c.market.in_(sorted(set(markets))))
    places = PUBLICATION_PLACE.c
    return [
        PlaceState(
            table=row.table_name,
            place=Place(row.market, row.month),
            publication_id=row.publication_id,
            raw_seq=row.raw_seq,
            run_id=row.run_id,
            published_at=row.published_at,
        )
        for row in connection.execute(query.order_by(places.table_name, places.market, places.month))
    ]
