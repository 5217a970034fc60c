"""Which files a published snapshot consists of, kept beside the catalog so that a trace need not ask PyIceberg.

Belongs here: the lists, who writes them and who removes them. Does not: reading the files (see shelf.py).
A snapshot never changes, so a list is never wrong; without one, the first trace that needs it writes it.
"""

import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.trace.installation import Home

if TYPE_CHECKING:
    from orchestration.lake import Lake

# A market and a month; a table by market has no month, a table without places has neither.
Where = tuple[str, str]


@dataclass(frozen=True)
class Files:
    """The files of one table's snapshot, by place."""

    by_place: Mapping[Where, Sequence[str]]

    def at(self, places: Collection[Where] | None) -> list[str]:
        """The files that may hold rows of these places (None: all files)."""
        if places is None:
            return [path for paths in self.by_place.values() for path in paths]
        # A table by market, or without places, says so itself: its files stand under a shorter place.
        wanted = dict.fromkeys(known for place in places for known in (place, (place[0], ""), ("", "")))
        return [path for place in wanted for path in self.by_place.get(place, ())]

    def of_markets(self, markets: Collection[str]) -> list[str]:
        """The files that may hold rows of these markets, of any month."""
        wanted = {*markets, ""}
        return [path for (market, _), paths in self.by_place.items() if market in wanted for path in paths]


def read_list(home: Home, namespace: str, table: str, snapshot_id: int) -> Files | None:
    """The kept list of a snapshot; None when nobody has written it yet."""
    try:
        text = _path(home, namespace, table, snapshot_id).read_text()
    except FileNotFoundError:
        return None
    stored: dict[str, dict[str, list[str]]] = json.loads(text)
    return Files(
        {
            (market, month): [str(home.warehouse / path) for path in paths]
            for market, months in stored.items()
            for month, paths in months.items()
        }
    )


def write_list(home: Home, lake: "Lake", namespace: str, table: str, snapshot_id: int) -> Files:
    """The files of a snapshot as the lake tells them, kept for the next reader."""
    from orchestration.lake import table_name

    stored: dict[str, dict[str, list[str]]] = {}
    for file in lake.data_files(table_name(namespace, table), snapshot_id):
        path = Path(file.path)
        kept = path.relative_to(home.warehouse) if path.is_relative_to(home.warehouse) else path
        stored.setdefault(file.market, {}).setdefault(file.month, []).append(str(kept))
    target = _path(home, namespace, table, snapshot_id)
    draft = target.with_suffix(f".{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(stored))
        draft.replace(target)
    except OSError:
        pass  # a folder that may only be read costs time, not answers
    return Files(
        {
            (market, month): [str(home.warehouse / path) for path in paths]
            for market, months in stored.items()
            for month, paths in months.items()
        }
    )


def keep_lists(home: Home, lake: "Lake", namespace: str, tables: Collection[str]) -> int:
    """Write the lists of these tables' published snapshots, remove those that expired; how many are new.

    A publication calls this, so that the first trace of the morning is as fast as the next.
    """
    live = {
        (publication.table, publication.snapshot_id)
        for publication in lake.publications(namespace)
        if not publication.is_expired
    }
    known = {_path(home, namespace, table, snapshot) for table, snapshot in live if snapshot is not None}
    for path in home.lists.glob(f"{namespace}@*.json"):
        if path not in known:
            path.unlink(missing_ok=True)
    written = 0
    for table, pin in lake.pins(namespace).items():
        if pin.snapshot_id is None or table not in tables:
            continue
        if not _path(home, namespace, table, pin.snapshot_id).exists():
            write_list(home, lake, namespace, table, pin.snapshot_id)
            written += 1
    return written


def _path(home: Home, namespace: str, table: str, snapshot_id: int) -> Path:
    return home.lists / f"{namespace}@{table}@{snapshot_id}.json"
