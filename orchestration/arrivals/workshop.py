"""The workshop: a DuckDB and a folder for the time of one arrival.

Belongs here: where an arrival computes, and how much memory it may hold. Does not: what it computes.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from orchestration.settings import Settings

# With Python, Arrow and the lake's own libraries an arrival stays below 1.3 GB. With 600 MB sorts of wide rows spill.
MEMORY = "900MB"
ARRIVAL = "arrival"


@contextmanager
def workshop(settings: Settings, purpose: str = ARRIVAL) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """A DuckDB on disk and a folder for expanded files, both gone afterwards."""
    settings.runs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{purpose}-", dir=settings.runs) as name:
        folder = Path(name)
        # A file, not memory: the tables of a large arrival are written out instead of held.
        con = duckdb.connect(
            folder / "arrival.duckdb",
            config={
                "memory_limit": _smaller(settings.duckdb_memory, MEMORY),
                "threads": settings.duckdb_threads,
                "temp_directory": str(folder / "spill"),
            },
        )
        con.execute("set TimeZone = 'UTC'")
        # The lake writes a file per market. Half a million rows with their raw rows, per thread and market, which is
        # DuckDB's default, do not fit: 10.8 million lines ran out of memory.
        con.execute("set partitioned_write_flush_threshold = 20000")
        try:
            yield con, folder
        finally:
            con.close()


def sweep(settings: Settings) -> None:
    """Remove what killed arrivals left; hold the arrivals lock, so that none is at work."""
    for folder in settings.runs.glob(f"{ARRIVAL}-*"):
        shutil.rmtree(folder, ignore_errors=True)


def _smaller(one: str, other: str) -> str:
    """The smaller of two sizes in DuckDB's words."""
    with duckdb.connect() as con:
        query = "select parse_formatted_bytes(?) < parse_formatted_bytes(?)"
        row = con.execute(query, [one, other]).fetchone()
    return one if row is not None and row[0] else other
