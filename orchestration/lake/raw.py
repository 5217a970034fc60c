"""Raw tables: the columns that every raw row carries beside its contract's fields.

Belongs here: declarations of `raw.*`. Does not: contracts and mappings (see orchestration/arrivals).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from orchestration.lake.reading import literal, quoted
from orchestration.lake.side_tables import naive_utc
from orchestration.lake.staging import Layout
from orchestration.lake.vocabulary import Column, RawFeed, TableSpec

if TYPE_CHECKING:
    import duckdb

RAW_COLUMNS = (
    Column("_source_id", "varchar"),
    Column("_file", "varchar"),
    Column("_row", "bigint"),
    Column("_batch_id", "bigint"),
    Column("_loaded_at", "timestamp"),
    Column("_content_hash", "varchar"),
    Column("_raw", "varchar"),
    Column("_repairs", "varchar"),
    Column("_document_key", "varchar"),
    Column("_record_key", "varchar"),
    Column("_order_key", "varchar"),
    Column("_version", "bigint"),
    Column("_event_at", "varchar"),
    Column("_market", "varchar"),
    Column("_month", "varchar"),
)

BATCH_COLUMNS = (Column("_batch_id", "bigint"), Column("_loaded_at", "timestamp"))

EDGES = TableSpec(
    "raw.edges",
    (
        *(
            Column(name, "varchar")
            for name in ("from_feed", "from_key", "to_feed", "to_key", "from_market", "from_month")
        ),
        *BATCH_COLUMNS,
    ),
    partition="none",
)

PLACEMENTS = TableSpec(
    "raw.placements",
    (*(Column(name, "varchar") for name in ("feed", "document_key", "market", "month")), *BATCH_COLUMNS),
    partition="none",
)

# Which raw rows were read again after a fix (`is_replaced`: and are told anew as `replayed_as`), and why; the unit is
# the source's row, with all records that it gave to a feed.
REPLAYS = TableSpec(
    "raw.replays",
    (
        Column("feed", "varchar"),
        Column("_file", "varchar"),
        Column("_row", "bigint"),
        Column("of_batch_id", "bigint"),
        Column("is_replaced", "boolean"),
        Column("replayed_as", "varchar"),
        Column("reason", "varchar"),
        *BATCH_COLUMNS,
    ),
    partition="none",
)

# A run reads a market's raw files for a few months: sorted rows in small groups let DuckDB skip the others.
# Each part of a large feed is sorted by itself: so many rows with their raw rows fit into an arrival's memory, and a
# sort that does not fit takes twice as long.
PART_ROWS = 300_000
RAW_LAYOUT = Layout(order_by=("_market", "_month", "_document_key"), row_group_rows=30_720)


def raw_spec(feed: str, fields: Sequence[str]) -> TableSpec:
    """The declared table of a feed's raw rows: its contract fields as text, then the columns of every raw row."""
    return TableSpec(
        f"raw.{feed}",
        (*(Column(name, "varchar") for name in fields), *RAW_COLUMNS),
        partition="market",
        market_column="_market",
        month_column="_month",
    )


def with_batch(relation: str, batch_id: int, loaded_at: datetime, number_column: str = "", where: str = "true") -> str:
    """The relation with its batch's id and time and without its row numbers, as a select in parentheses."""
    moment = literal(naive_utc(loaded_at).isoformat(sep=" ", timespec="microseconds"))
    kept = f"* exclude ({quoted(number_column)})" if number_column else "*"
    batch = f"{batch_id}::bigint as _batch_id, {moment}::timestamp as _loaded_at"
    return f"(select {kept}, {batch} from {relation} where {where})"


def parts(con: "duckdb.DuckDBPyConnection", feed: RawFeed, batch_id: int, loaded_at: datetime) -> tuple[str, ...]:
    """The rows of a feed with their batch in selects of at most `PART_ROWS` row numbers; one for a feed without any."""
    if not feed.number_column:
        return (with_batch(feed.relation, batch_id, loaded_at),)
    number = quoted(feed.number_column)
    (bounds,) = con.execute(f"select min({number}), max({number}) from {feed.relation}").fetchall()
    if bounds[0] is None:
        return (with_batch(feed.relation, batch_id, loaded_at, feed.number_column),)
    return tuple(
        with_batch(
            feed.relation, batch_id, loaded_at, feed.number_column, f"{number} between {at} and {at + PART_ROWS - 1}"
        )
        for at in range(int(bounds[0]), int(bounds[1]) + 1, PART_ROWS)
    )
