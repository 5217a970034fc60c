"""The Iceberg lake: the only code that knows where tables live.

Belongs here: reading, appending, publishing, pins, maintenance. Does not: what the tables mean.
"""

from orchestration.lake.lake import Lake
from orchestration.lake.raw import EDGES, PLACEMENTS, RAW_COLUMNS, raw_spec
from orchestration.lake.vocabulary import (
    PUBLISHED,
    WHOLE_TABLE,
    Column,
    DataFile,
    FileRecord,
    HeldBack,
    LakeError,
    PendingTouch,
    Pin,
    Place,
    PlaceState,
    Publication,
    PublishRequest,
    PublishResult,
    RawFeed,
    RawState,
    SchemaError,
    StagedTable,
    StagingError,
    Sweep,
    TableSpec,
    Touch,
    table_name,
)

__all__ = [
    "EDGES",
    "PLACEMENTS",
    "PUBLISHED",
    "RAW_COLUMNS",
    "WHOLE_TABLE",
    "Column",
    "DataFile",
    "FileRecord",
    "HeldBack",
    "Lake",
    "LakeError",
    "PendingTouch",
    "Pin",
    "Place",
    "PlaceState",
    "Publication",
    "PublishRequest",
    "PublishResult",
    "RawFeed",
    "RawState",
    "SchemaError",
    "StagedTable",
    "StagingError",
    "Sweep",
    "TableSpec",
    "Touch",
    "raw_spec",
    "table_name",
]
