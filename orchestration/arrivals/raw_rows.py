"""Raw rows: the tables in which one arrival collects its records before they are placed and appended.

Belongs here: their columns, the known spellings of countries, and the SQL functions that mappings need.
Does not: how a record is computed (see `translation.py`) or placed (see `placing.py`).
"""

from collections.abc import Sequence

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from duckdb.func import PythonUDFType

from orchestration.arrivals.contracts import Contract
from orchestration.arrivals.sql_text import name
from orchestration.markets import PSEUDO_MARKET, Markets

# Columns of a collected record beside the contract's fields; _file_no counts the files of this arrival.
RECORD_COLUMNS = (
    ("_source_id", "varchar"),
    ("_file", "varchar"),
    ("_row", "bigint"),
    ("_content_hash", "varchar"),
    ("_raw", "varchar"),
    ("_repairs", "varchar"),
    ("_document_key", "varchar"),
    ("_record_key", "varchar"),
    ("_order_key", "varchar"),
    ("_version", "bigint"),
    ("_event_at", "varchar"),
    ("_own_market", "varchar"),
    ("_own_month", "varchar"),
    ("_file_no", "integer"),
)

WITHOUT_WIDTH = r"[\x{200b}\x{2060}\x{feff}]"


def collected(feed: str) -> str:
    """The table that collects a feed's records."""
    return f"collected_{feed}"


def prepare(con: duckdb.DuckDBPyConnection, feeds: Sequence[Contract], markets: Markets) -> None:
    """Create the tables of one arrival, and the functions and lists that translations use."""
    con.create_function("nfkc", _nfkc, ["VARCHAR"], "VARCHAR", type=PythonUDFType.ARROW)
    con.execute("create temp table spellings (spelling varchar, code varchar, rule varchar)")
    con.execute("create temp table market_zones (code varchar, zone varchar)")
    for row in markets.rows():
        if row.market != PSEUDO_MARKET:
            con.execute("insert into market_zones values (?, ?)", [row.market, row.time_zone])
    con.execute("create temp table links (feed varchar, document_key varchar, order_key varchar, _file_no integer)")
    for contract in feeds:
        fields = "".join(f"{name(field)} varchar, " for field in contract.field_names)
        columns = ", ".join(f"{column} {kind}" for column, kind in RECORD_COLUMNS)
        con.execute(f"create temp table {collected(contract.feed)} ({fields}{columns})")


def learn_spellings(con: duckdb.DuckDBPyConnection, query: str, markets: Markets) -> None:
    """Add the spellings of countries among a query's distinct texts to the table `spellings`."""
    unseen = con.execute(
        f"select distinct v from ({query}) where v is not null and v not in (select spelling from spellings)"
    )
    found: list[tuple[str, str, str]] = []
    while texts := unseen.fetchmany(10_000):
        for (text,) in texts:
            resolved = markets.resolve(text)
            if resolved is not None:
                found.append((text, *resolved))
    if found:
        con.executemany("insert into spellings values (?, ?, ?)", found)


def _nfkc(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    folded = pc.utf8_normalize(texts, form="NFKC")
    # NFKC keeps what has no width. The joiners U+200C and U+200D stay: they belong to words of Persian and Hindi.
    if pc.any(pc.match_substring_regex(folded, WITHOUT_WIDTH)).as_py():
        return pc.replace_substring_regex(folded, WITHOUT_WIDTH, "")
    return folded
