"""Publishing: what happens between the commit lock's begin and its end.

Belongs here: whose turn it is, one snapshot per table, the publication's rows. Does not: the lock itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from orchestration.lake import arrivals_ledger, publication_ledger
from orchestration.lake.database import Commit
from orchestration.lake.snapshots import replace_places
from orchestration.lake.tables import open_table
from orchestration.lake.vocabulary import PUBLISHED, RAW, LakeError, PublishRequest, PublishResult, table_name


@dataclass(frozen=True)
class Outcome:
    """What a publication did, while the lock is still held."""

    publication_id: int | None
    snapshots: Mapping[str, int | None]
    markets_left_alone: tuple[str, ...]
    touches_cleared: int

    def result(self, *, lock_seconds: float) -> PublishResult:
        """The same for the caller, with the time that others had to wait."""
        return PublishResult(
            self.publication_id, self.snapshots, self.markets_left_alone, self.touches_cleared, lock_seconds
        )


def check_request(request: PublishRequest) -> None:
    """Refuse, before anything is locked, what would duplicate rows, lose touches or publish missing files."""
    names = [staged.spec.name for staged, _ in request.staged]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise LakeError(f"run {request.run_id}: table staged twice: {', '.join(repeated)}")
    if request.namespace == RAW or "." in request.namespace or not request.namespace:
        raise LakeError(f"run {request.run_id}: {request.namespace!r} is not a namespace to publish to")
    if request.namespace != PUBLISHED and request.touch_ids:
        raise LakeError(
            f"run {request.run_id}: only the namespace {PUBLISHED!r} clears touches; {request.namespace!r} is a rebuild"
        )
    for staged, replaced in request.staged:
        table = staged.spec.name
        depth = len(staged.spec.place_columns)
        for place in replaced:
            if (bool(place.market) and depth == 0) or (bool(place.month) != (depth == 2)):
                raise LakeError(f"{table}: {place} is not a place of a table partitioned by {staged.spec.partition}")
        if outside := sorted(staged.places - set(replaced)):
            shown = ", ".join(map(str, outside[:5]))
            raise LakeError(f"{table}: {len(outside)} places have files but are not replaced, such as {shown}")
        # A run that slept longer than the longest run may find its files swept.
        if missing := [file.path for file in staged.files if not Path(file.path).exists()]:
            raise LakeError(f"{table}: {len(missing)} staged files are gone, such as {missing[0]}; stage again")


def publish(commit: Commit, request: PublishRequest, *, now: datetime) -> Outcome:
    """Commit the request inside the lock that the caller holds."""
    newer = publication_ledger.markets_published_later(commit.connection, request.namespace, request.raw_seq)
    asked = {place.market for _, replaced in request.staged for place in replaced}
    held = [one for one in request.held_back if one.market not in newer]
    publication_id = publication_ledger.next_publication_id(commit.connection)
    pinned = publication_ledger.pins(commit.connection, request.namespace)
    snapshots: dict[str, int | None] = {}
    places = []
    for staged, replaced in request.staged:
        mine = {place for place in replaced if place.market not in newer}
        if replaced and not mine:
            continue
        name = staged.spec.name
        table = open_table(commit.catalog, table_name(request.namespace, name), staged.spec)
        snapshots[name] = replace_places(
            commit,
            table,
            pinned[name].snapshot_id if name in pinned else None,
            mine,
            [file for file in staged.files if file.market not in newer],
            {"run_id": request.run_id, "publication_id": str(publication_id), "raw_seq": str(request.raw_seq)},
        )
        places += [(name, place) for place in sorted(mine)]
    publication_ledger.record_publication(
        commit.connection, publication_id, request, snapshots=snapshots, places=places, now=now
    )
    released = {place.market for _, place in places} - {one.market for one in held}
    publication_ledger.record_held_back(
        commit.connection, request.namespace, request.run_id, held_back=held, released=released, now=now
    )
    cleared = arrivals_ledger.clear_touches(
        commit.connection, request.touch_ids, newer | {one.market for one in held}, publication_id
    )
    return Outcome(
        publication_id=publication_id if snapshots else None,
        snapshots=snapshots,
        markets_left_alone=tuple(sorted(newer & (asked | {one.market for one in request.held_back}))),
        touches_cleared=cleared,
    )
