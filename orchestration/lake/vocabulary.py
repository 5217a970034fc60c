"""The words of the lake: tables, places, touches, pins and what a publication asks for and gives back.

Belongs here: frozen records that cross the lake's border, and its errors. Does not: anything that reads or writes.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Partition = Literal["market_month", "market", "none"]

PUBLISHED = "published"
RAW = "raw"


class LakeError(RuntimeError):
    """The lake refuses to do this; the message names the table, the place or the file, and the rule."""


class SchemaError(LakeError):
    """A relation or a stored table does not have the declared columns."""


class StagingError(LakeError):
    """Rows or files are not what the declared table may hold."""


@dataclass(frozen=True)
class Column:
    """A column of a declared table; `type` in DuckDB's words, for example `decimal(19,4)`."""

    name: str
    type: str


@dataclass(frozen=True, order=True)
class Place:
    """What a publication replaces as one: a market's month.

    A table partitioned by market has an empty month; an unpartitioned table has one place, empty twice.
    """

    market: str = ""
    month: str = ""

    def __str__(self) -> str:
        return f"{self.market}/{self.month}" if self.month else self.market or "(whole table)"


WHOLE_TABLE = Place()


@dataclass(frozen=True)
class TableSpec:
    """A declared table, named as `staging.stg_orders`. Files hold exactly these columns, in this order."""

    name: str
    columns: tuple[Column, ...]
    partition: Partition
    market_column: str = "market"
    month_column: str = "month"

    def __post_init__(self) -> None:
        if self.name.count(".") != 1:
            raise SchemaError(f"table name {self.name!r}: must be <schema>.<table>")
        names = [column.name for column in self.columns]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise SchemaError(f"{self.name}: column declared twice: {', '.join(repeated)}")
        types = {column.name: column.type.lower() for column in self.columns}
        for name in self.place_columns:
            if types.get(name) != "varchar":
                raise SchemaError(f"{self.name}: partition column {name} must be declared as varchar")

    @property
    def place_columns(self) -> tuple[str, ...]:
        """The columns whose values tell a row's place."""
        if self.partition == "market_month":
            return (self.market_column, self.month_column)
        return (self.market_column,) if self.partition == "market" else ()


@dataclass(frozen=True)
class Touch:
    """A market's month that must be rebuilt, and why; `feed` is empty for the layer marts.

    due_at: the moment from which it counts, when something changes by time alone; None: at once.
    """

    layer: Literal["staging", "marts"]
    feed: str
    market: str
    month: str
    reason: str
    due_at: datetime | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class PendingTouch(Touch):
    """A touch that no publication has cleared."""

    id: int
    batch_id: int


@dataclass(frozen=True)
class DataFile:
    """One Parquet file of a table: the rows of one place. `path` is absolute."""

    path: str
    market: str
    month: str
    rows: int
    size: int = 0

    @property
    def place(self) -> Place:
        """The place whose rows the file holds."""
        return Place(self.market, self.month)


def table_name(namespace: str, table: str) -> str:
    """The Iceberg identifier of a declared table in a namespace, as text.

    A namespace that is a rebuild of its own holds all its tables side by side: `known_at_x.staging__stg_orders`.
    """
    return table if namespace in (PUBLISHED, RAW) else f"{namespace}.{table.replace('.', '__')}"


@dataclass(frozen=True)
class Pin:
    """What readers see of a table: a snapshot of the Iceberg table named `table`; None: published without rows."""

    table: str
    snapshot_id: int | None
    publication_id: int


@dataclass(frozen=True)
class RawFeed:
    """A relation of new raw rows and the contract fields that it holds, in contract order.

    number_column: a column of row numbers, which is not stored: a large relation is written in parts along it.
    """

    relation: str
    fields: tuple[str, ...]
    number_column: str = ""


@dataclass(frozen=True)
class FileRecord:
    """What became of one delivered file; `rows_by_feed` counts the raw rows that it gave."""

    name: str
    sha256: str
    size: int
    status: Literal["loaded", "rejected"]
    reason: str = ""
    source_id: str = ""
    rows_by_feed: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class RawState:
    """The raw tables as of one batch: what a run reads is fixed by this alone."""

    raw_seq: int
    snapshots: Mapping[str, int | None]


@dataclass(frozen=True)
class StagedTable:
    """Rows written to Parquet and checked, which no reader sees before they are published."""

    spec: TableSpec
    run_id: str
    files: tuple[DataFile, ...]

    @property
    def places(self) -> frozenset[Place]:
        """The places that have rows."""
        return frozenset(file.place for file in self.files)

    @property
    def rows(self) -> int:
        """All rows of all files."""
        return sum(file.rows for file in self.files)


@dataclass(frozen=True)
class HeldBack:
    """A market that a gate kept out of a run's publication; `since` is when it was first held back."""

    market: str
    reasons: tuple[str, ...]
    run_id: str = ""
    since: datetime | None = None


@dataclass(frozen=True)
class PublishRequest:
    """One run's publication: per table the files, and the places that they replace (empty ones too).

    known_at: set when only what was known then was read; the namespace is then not "published".
    """

    run_id: str
    raw_seq: int
    staged: Sequence[tuple[StagedTable, Collection[Place]]]
    namespace: str = PUBLISHED
    touch_ids: Collection[int] = ()
    held_back: Sequence[HeldBack] = ()
    git_commit: str = ""
    lock_hash: str = ""
    seeds_hash: str = ""
    known_at: datetime | None = None


@dataclass(frozen=True)
class PublishResult:
    """What a publication changed. `publication_id` is None when every market was left alone."""

    publication_id: int | None
    snapshots: Mapping[str, int | None]
    markets_left_alone: tuple[str, ...]
    touches_cleared: int
    lock_seconds: float


@dataclass(frozen=True)
class Publication:
    """A publication of one table, as recorded."""

    publication_id: int
    namespace: str
    table: str
    snapshot_id: int | None
    run_id: str
    raw_seq: int
    git_commit: str
    lock_hash: str
    seeds_hash: str
    known_at: datetime | None
    published_at: datetime
    is_expired: bool


@dataclass(frozen=True)
class PlaceState:
    """Which publication a place of a table shows."""

    table: str
    place: Place
    publication_id: int
    raw_seq: int
    run_id: str
    published_at: datetime


@dataclass(frozen=True)
class Sweep:
    """What maintenance removed."""

    snapshots_expired: int
    files_deleted: int
    bytes_deleted: int
