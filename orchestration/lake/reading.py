"""Reading: a pinned snapshot's files, and the SQL that reads them in DuckDB without an extension.

Belongs here: manifests to file lists, file lists to SQL. Does not: which snapshot to read (pins, see lake.py).
"""

import threading
from collections import OrderedDict
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from orchestration.lake.tables import normalised
from orchestration.lake.vocabulary import DataFile, LakeError, Place, TableSpec

if TYPE_CHECKING:
    from pyiceberg.io import FileIO
    from pyiceberg.manifest import ManifestFile
    from pyiceberg.table import Table


class ManifestCache:
    """Files by manifest. A manifest never changes, so an entry is never wrong; the oldest go when there are many."""

    def __init__(self, most_files: int = 500_000) -> None:
        self._most_files = most_files
        self._files = 0
        self._entries: OrderedDict[str, tuple[DataFile, ...]] = OrderedDict()
        self._guard = threading.Lock()

    def files(self, manifest: "ManifestFile", io: "FileIO") -> tuple[DataFile, ...]:
        """The live files of a manifest."""
        path = manifest.manifest_path
        with self._guard:
            if path in self._entries:
                self._entries.move_to_end(path)
                return self._entries[path]
        files = read_manifest(manifest, io)
        with self._guard:
            if path not in self._entries:
                self._entries[path] = files
                self._files += len(files)
            while self._files > self._most_files and len(self._entries) > 1:
                _, dropped = self._entries.popitem(last=False)
                self._files -= len(dropped)
        return files


def read_manifest(manifest: "ManifestFile", io: "FileIO") -> tuple[DataFile, ...]:
    """The live files of a manifest, read from storage."""
    from orchestration.lake.snapshots import place_of

    files = []
    for entry in manifest.fetch_manifest_entry(io, discard_deleted=True):
        stored = entry.data_file
        place = place_of(stored)
        files.append(
            DataFile(
                path=stored.file_path.removeprefix("file://"),
                market=place.market,
                month=place.month,
                rows=stored.record_count,
                size=stored.file_size_in_bytes,
            )
        )
    return tuple(files)


def snapshot_files(table: "Table", snapshot_id: int, cache: ManifestCache) -> list[DataFile]:
    """All live files of a snapshot, in order of place and path."""
    snapshot = table.snapshot_by_id(snapshot_id)
    if snapshot is None:
        raise LakeError(f"{'.'.join(table.name())}: snapshot {snapshot_id} does not exist (any more)")
    files = [
        file
        for manifest in snapshot.manifests(table.io)
        if manifest.has_added_files() or manifest.has_existing_files()
        for file in cache.files(manifest, table.io)
    ]
    return sorted(files, key=lambda file: (file.market, file.month, file.path))


def chosen(
    files: Sequence[DataFile], markets: Collection[str] | None, places: Collection[Place] | None, partitions: int
) -> list[DataFile]:
    """The files of these markets and places; an unpartitioned table (partitions = 0) is always read whole."""
    if partitions == 0:
        return list(files)
    wanted_markets = None if markets is None else frozenset(markets)
    wanted_places = None if places is None else frozenset(places)
    return [
        file
        for file in files
        if (wanted_markets is None or file.market in wanted_markets)
        and (wanted_places is None or file.place in wanted_places)
    ]


def quoted(name: str) -> str:
    """The name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """The text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def empty_sql(spec: TableSpec) -> str:
    """A select without rows, with the declared columns and types."""
    columns = ", ".join(f"null::{normalised(column.type)} as {quoted(column.name)}" for column in spec.columns)
    return f"select {columns} where false"


def casts(spec: TableSpec) -> str:
    """The declared columns, each cast to its declared type, as a select list."""
    return ", ".join(
        f"{quoted(column.name)}::{normalised(column.type)} as {quoted(column.name)}" for column in spec.columns
    )


def relation_sql(spec: TableSpec, files: Sequence[DataFile]) -> str:
    """A select in parentheses that gives the declared columns and types from these files.

    A column that was added after a file was written reads as null. No file gives an empty, typed result.
    """
    if not files:
        return f"({empty_sql(spec)})"
    columns = casts(spec)
    paths = ", ".join(literal(file.path) for file in files)
    # The empty side declares the columns that none of the files has.
    return (
        f"(select {columns} from ({empty_sql(spec)} union all by name "
        f"select * from read_parquet([{paths}], union_by_name=true, hive_partitioning=false)))"
    )
