"""Raw tables: the columns that every raw row carries beside its contract's fields.

Belongs here: declarations of `raw.*`. Does not: contracts and mappings (see orchestration/arrivals).
"""

from collections.abc import Sequence
from datetime import datetime

from orchestration.lake.reading import literal
from orchestration.lake.side_tables import naive_utc
from orchestration.lake.staging import Layout
from orchestration.lake.vocabulary import Column, TableSpec

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

# A run reads a market's raw files for a few months: sorted rows in small groups let DuckDB skip the others.
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


def with_batch(relation: str, batch_id: int, loaded_at: datetime) -> str:
    """The relation with its batch's id and time, as a select in parentheses."""
    moment = literal(naive_utc(loaded_at).isoformat(sep=" ", timespec="microseconds"))
    return f"(select *, {batch_id}::bigint as _batch_id, {moment}::timestamp as _loaded_at from {relation})"
