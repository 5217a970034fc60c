"""One Iceberg snapshot that replaces places: the only way in which published and raw tables change.

Belongs here: manifests. Does not: which places, whose turn (see lake.py), and Parquet (see staging.py).

PyIceberg's own ways do not fit inside the lock: a delete by predicate is O(files x predicates), and `add_files` reads
every footer again. This producer reads each manifest of the base snapshot once and compares partition tuples.
"""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from pyiceberg.io import FileIO
from pyiceberg.manifest import (
    DataFile as IcebergFile,
)
from pyiceberg.manifest import (
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestFile,
)
from pyiceberg.table import Transaction
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Operation, Summary, UpdateMetrics, update_snapshot_summaries
from pyiceberg.table.update import TableUpdate
from pyiceberg.table.update.snapshot import _SnapshotProducer
from pyiceberg.typedef import EMPTY_DICT, Record

from orchestration.lake.database import Commit
from orchestration.lake.vocabulary import DataFile, LakeError, Place

if TYPE_CHECKING:
    from pyiceberg.table import Table

# More manifests than this are rewritten as one: every publication adds one, and readers open them all.
MOST_MANIFESTS = 16


def replace_places(
    commit: Commit,
    table: "Table",
    base: int | None,
    replaced: Collection[Place],
    files: Sequence[DataFile],
    properties: dict[str, str],
) -> int | None:
    """The id of the new snapshot: the base without the files of the replaced places, with the new files.

    base: the snapshot to build on, None for none. It is the last one published, not the table's head: what somebody
    else committed on top is left out. The base itself is given back when there is nothing to change.
    """
    name = ".".join(table.name())
    if base is not None and table.snapshot_by_id(base) is None:
        raise LakeError(f"{name}: snapshot {base} to build on does not exist")
    if len(table.specs()) > 1:
        raise LakeError(f"{name}: its partitions were changed by another tool")
    with _Change(table) as change:
        producer = _ReplacePlaces(change, table.io, base, properties)
        producer.replace(frozenset(replaced), files)
        if not producer.changes_something:
            return base
        producer.commit()
    commit.written.extend([*producer.written, table.metadata_location])
    return producer.snapshot_id


class _Change(Transaction):
    """PyIceberg's transaction, which copies the whole metadata, with every snapshot, twenty times per commit."""

    _known: tuple[tuple[TableUpdate, ...], TableMetadata] | None = None

    @property
    def table_metadata(self) -> TableMetadata:
        if self._known is None or self._known[0] is not self._updates:
            self._known = (self._updates, super().table_metadata)
        return self._known[1]


class _ReplacePlaces(_SnapshotProducer["_ReplacePlaces"]):
    def __init__(self, transaction: Transaction, io: FileIO, base: int | None, properties: dict[str, str]) -> None:
        super().__init__(Operation.APPEND, transaction, io, snapshot_properties=properties)
        self._parent_snapshot_id = base
        self._kept: list[ManifestFile] = []
        self._kept_entries: list[ManifestEntry] = []
        self._removed_entries: list[ManifestEntry] = []

    @property
    def changes_something(self) -> bool:
        return bool(self._added_data_files or self._removed_entries)

    @property
    def written(self) -> list[str]:
        return [*self._written_manifests, *self._written_manifest_lists]

    def replace(self, places: frozenset[Place], files: Sequence[DataFile]) -> None:
        spec = self._transaction.table_metadata.spec()
        for file in files:
            self.append_data_file(iceberg_file(file, spec.spec_id, len(spec.fields)))
        manifests = self._live_manifests()
        merge = len(manifests) > MOST_MANIFESTS
        for manifest in manifests:
            if not merge and not places:
                self._kept.append(manifest)
                continue
            kept: list[ManifestEntry] = []
            removed: list[ManifestEntry] = []
            for entry in self.fetch_manifest_entry(manifest):
                (removed if place_of(entry.data_file) in places else kept).append(entry)
            if removed or merge:
                self._removed_entries += removed
                self._kept_entries += kept
                self._deleted_data_files.update(entry.data_file for entry in removed)
            else:
                self._kept.append(manifest)
        if self._removed_entries:
            self._operation = Operation.OVERWRITE

    def _live_manifests(self) -> list[ManifestFile]:
        base = self._parent_snapshot_id
        snapshot = None if base is None else self._transaction.table_metadata.snapshot_by_id(base)
        manifests = [] if snapshot is None else snapshot.manifests(self._io)
        if any(manifest.content != ManifestContent.DATA for manifest in manifests):
            raise LakeError(f"snapshot {base}: another tool wrote delete files to it")
        return [manifest for manifest in manifests if manifest.has_added_files() or manifest.has_existing_files()]

    def _manifests(self) -> list[ManifestFile]:
        added = [
            ManifestEntry.from_args(
                status=ManifestEntryStatus.ADDED,
                snapshot_id=self._snapshot_id,
                sequence_number=None,
                file_sequence_number=None,
                data_file=file,
            )
            for file in self._added_data_files
        ]
        written = [
            self._write(added),
            self._write([self._again(entry, ManifestEntryStatus.DELETED) for entry in self._removed_entries]),
            self._write([self._again(entry, ManifestEntryStatus.EXISTING) for entry in self._kept_entries]),
        ]
        return [manifest for manifest in written if manifest is not None] + self._kept

    def _write(self, entries: Sequence[ManifestEntry]) -> ManifestFile | None:
        if not entries:
            return None
        with self.new_manifest_writer(self._transaction.table_metadata.spec()) as writer:
            for entry in entries:
                writer.add_entry(entry)
        return writer.to_manifest_file()

    def _again(self, entry: ManifestEntry, status: ManifestEntryStatus) -> ManifestEntry:
        return ManifestEntry.from_args(
            status=status,
            # The format asks for the snapshot that deleted the file, or else the one that added it.
            snapshot_id=self._snapshot_id if status == ManifestEntryStatus.DELETED else entry.snapshot_id,
            sequence_number=entry.sequence_number,
            file_sequence_number=entry.file_sequence_number,
            data_file=entry.data_file,
        )

    def _summary(self, snapshot_properties: dict[str, str] = EMPTY_DICT) -> Summary:
        # PyIceberg's own also names every changed partition, which is a third of the time inside the lock.
        metrics = UpdateMetrics()
        for file in self._added_data_files:
            metrics.add_file(file)
        for file in self._deleted_data_files:
            metrics.remove_file(file)
        base = self._parent_snapshot_id
        snapshot = None if base is None else self._transaction.table_metadata.snapshot_by_id(base)
        return update_snapshot_summaries(
            summary=Summary(operation=self._operation, **metrics.to_dict(), **snapshot_properties),
            previous_summary=None if snapshot is None else snapshot.summary,
        )

    def _existing_manifests(self) -> list[ManifestFile]:
        return self._kept

    def _deleted_entries(self) -> list[ManifestEntry]:
        return self._removed_entries


def place_of(file: IcebergFile) -> Place:
    """The place of a stored file, from its partition."""
    return Place(*(str(file.partition[position]) for position in range(len(file.partition))))


def iceberg_file(file: DataFile, spec_id: int, fields: int) -> IcebergFile:
    """The manifest's record of a file.

    It carries no column statistics: places prune by partition, and DuckDB reads the statistics in the Parquet footers;
    2,500 files with bounds for thirty columns would make each manifest fifty times larger, inside the lock.
    """
    stored = IcebergFile.from_args(
        content=DataFileContent.DATA,
        file_path=f"file://{file.path}",
        file_format=FileFormat.PARQUET,
        partition=Record(*(file.market, file.month)[:fields]),
        record_count=file.rows,
        file_size_in_bytes=file.size,
        sort_order_id=None,
        equality_ids=None,
        key_metadata=None,
    )
    stored.spec_id = spec_id
    return stored
