"""The side tables: what stands beside PyIceberg's own tables in the catalog database, and how rows get into them.

Belongs here: their columns and the statements that every dialect needs. Does not: what the rows mean (see the ledgers).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeDecorator

Item = TypeVar("Item")
Value = str | int | bool | datetime | None

# SQLite takes 32,766 parameters in one statement.
IDS_PER_STATEMENT = 5_000


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: UTC without zone in the database (SQLite drops zones), UTC with zone in Python."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        """The moment as stored."""
        return None if value is None else naive_utc(value)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        """The moment as Python code gets it."""
        return None if value is None else value.replace(tzinfo=UTC)


def naive_utc(value: datetime) -> datetime:
    """The moment in UTC without zone; a value without zone is taken as UTC."""
    return value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)


METADATA = sa.MetaData()
BIG_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")

BATCH = sa.Table(
    "batch",
    METADATA,
    sa.Column("batch_id", BIG_ID, primary_key=True, autoincrement=False),
    sa.Column("loaded_at", UtcDateTime, nullable=False),
    sa.Column("committed_at", UtcDateTime, nullable=False),
)
BATCH_SNAPSHOT = sa.Table(
    "batch_snapshot",
    METADATA,
    sa.Column("table_name", sa.String(255), primary_key=True),
    sa.Column("batch_id", BIG_ID, primary_key=True, autoincrement=False),
    sa.Column("snapshot_id", sa.BigInteger),
    sa.Column("is_expired", sa.Boolean, nullable=False, default=False),
)
ARRIVAL_FILE = sa.Table(
    "arrival_file",
    METADATA,
    sa.Column("arrival_file_id", BIG_ID, primary_key=True),
    sa.Column("batch_id", BIG_ID, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False, index=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("source_id", sa.String(255), nullable=False),
    sa.Column("rows_by_feed", sa.Text, nullable=False),
)
TOUCH = sa.Table(
    "touch",
    METADATA,
    sa.Column("touch_id", BIG_ID, primary_key=True),
    sa.Column("batch_id", BIG_ID, nullable=False),
    sa.Column("layer", sa.String(16), nullable=False),
    sa.Column("feed", sa.String(255), nullable=False),
    sa.Column("market", sa.String(64), nullable=False),
    sa.Column("month", sa.String(7), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("cleared_by", BIG_ID),
    sa.Index("touch_pending", "cleared_by", "market"),
)
# A table of its own: catalogs that were made before it existed get it without a change of the others.
TOUCH_DUE = sa.Table(
    "touch_due",
    METADATA,
    sa.Column("touch_id", BIG_ID, primary_key=True, autoincrement=False),
    sa.Column("due_at", UtcDateTime, nullable=False),
)
PUBLICATION = sa.Table(
    "publication",
    METADATA,
    sa.Column("namespace", sa.String(255), primary_key=True),
    sa.Column("table_name", sa.String(255), primary_key=True),
    sa.Column("publication_id", BIG_ID, primary_key=True, autoincrement=False),
    sa.Column("snapshot_id", sa.BigInteger),
    sa.Column("run_id", sa.String(255), nullable=False),
    sa.Column("raw_seq", BIG_ID, nullable=False),
    sa.Column("git_commit", sa.String(255), nullable=False),
    sa.Column("lock_hash", sa.String(255), nullable=False),
    sa.Column("seeds_hash", sa.String(255), nullable=False),
    sa.Column("known_at", UtcDateTime),
    sa.Column("published_at", UtcDateTime, nullable=False),
    sa.Column("is_expired", sa.Boolean, nullable=False, default=False),
)
PUBLICATION_PLACE = sa.Table(
    "publication_place",
    METADATA,
    sa.Column("namespace", sa.String(255), primary_key=True),
    sa.Column("table_name", sa.String(255), primary_key=True),
    sa.Column("market", sa.String(64), primary_key=True),
    sa.Column("month", sa.String(7), primary_key=True),
    sa.Column("publication_id", BIG_ID, nullable=False),
    sa.Column("raw_seq", BIG_ID, nullable=False),
    sa.Column("run_id", sa.String(255), nullable=False),
    sa.Column("published_at", UtcDateTime, nullable=False),
)
HELD_BACK = sa.Table(
    "held_back",
    METADATA,
    sa.Column("namespace", sa.String(255), primary_key=True),
    sa.Column("market", sa.String(64), primary_key=True),
    sa.Column("run_id", sa.String(255), nullable=False),
    sa.Column("since", UtcDateTime, nullable=False),
    sa.Column("reasons", sa.Text, nullable=False),
)


def chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    """The items in lists that fit one statement."""
    iterator = iter(items)
    while chunk := list(islice(iterator, IDS_PER_STATEMENT)):
        yield chunk


def insert_rows(connection: sa.Connection, table: sa.Table, rows: Iterable[Mapping[str, Value]]) -> None:
    """Insert all rows; none is no statement."""
    for chunk in chunks(rows):
        connection.execute(sa.insert(table), [dict(row) for row in chunk])


def upsert_rows(
    connection: sa.Connection, table: sa.Table, rows: Iterable[Mapping[str, Value]], updated: Sequence[str]
) -> None:
    """Insert the rows; where the primary key exists, overwrite the columns `updated`."""
    key = [column.name for column in table.primary_key]
    if connection.dialect.name == "postgresql":
        on_postgresql = postgresql.insert(table)
        statement: sa.Insert = on_postgresql.on_conflict_do_update(
            index_elements=key, set_={name: on_postgresql.excluded[name] for name in updated}
        )
    else:
        on_sqlite = sqlite.insert(table)
        statement = on_sqlite.on_conflict_do_update(
            index_elements=key, set_={name: on_sqlite.excluded[name] for name in updated}
        )
    for chunk in chunks(rows):
        connection.execute(statement, [dict(row) for row in chunk])
