"""Published tables by hand, for readers of many tables at once: every table is there, and holds the few rows given.

Belongs here: empty tables of the declared columns, and rows for them. Does not: a lake.
"""

from collections.abc import Mapping, Sequence

import duckdb

from orchestration.lake.reading import empty_sql
from orchestration.sql import all_models

Row = Mapping[str, object]


def published(rows: Mapping[str, Sequence[Row]]) -> duckdb.DuckDBPyConnection:
    """A database with every published table; a column that a row does not name is null."""
    con = duckdb.connect()
    con.execute("set TimeZone = 'UTC'")
    con.execute("begin")
    for model in all_models():
        con.execute(f"create table {model.name} as {empty_sql(model.spec)}")
    for table, given in rows.items():
        for row in given:
            columns = ", ".join(f'"{name}"' for name in row)
            con.execute(f"insert into {table} ({columns}) values ({', '.join('?' * len(row))})", list(row.values()))
    con.execute("commit")
    return con
