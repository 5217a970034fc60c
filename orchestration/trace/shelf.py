"""Rows of published tables by key, read from as few files as the places of the rows allow.

Belongs here: pins, and SELECTs over lists of files. Does not: what the tables mean (see feeds.py and uses.py).
"""

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.trace.installation import Home
from orchestration.trace.listing import Files, Where, read_list, write_list

if TYPE_CHECKING:
    import duckdb

    from orchestration.lake import Lake

Value = str | int | float | bool | Decimal | datetime | date | None
Row = Mapping[str, Value]
Condition = Mapping[str, Collection[Value]]

_NEWEST = """
    select publication.table_name, snapshot_id, publication.publication_id, is_expired
    from publication
    inner join (
        select table_name, max(publication_id) as publication_id from publication
        where namespace = :namespace and publication_id <= :publication_id group by table_name
    ) as newest
    on publication.table_name = newest.table_name and publication.publication_id = newest.publication_id
    where namespace = :namespace
"""
_KEPT = """
    select publication_id from publication where namespace = :namespace and table_name = :table and not is_expired
"""
_HELD_BACK = "select since, reasons from held_back where namespace = :namespace and market = :market"
_NO_LIMIT = 2**62


class TraceError(RuntimeError):
    """The trace cannot be read; the message says what is missing."""


class Shelf:
    """The published tables of one namespace, now or as of an older publication; all read as of one moment.

    `unpublished`: the tables that were asked for and that nobody has published.
    """

    def __init__(self, home: Home, namespace: str = "published", publication_id: int | None = None) -> None:
        self.home = home
        self.namespace = namespace
        self.publication_id = publication_id
        self.unpublished: set[str] = set()
        self._files: dict[str, Files] = {}

    @cached_property
    def snapshots(self) -> Mapping[str, tuple[int | None, int]]:
        """Per table the snapshot that readers see, and its publication.

        Raises TraceError when there is no catalog, or when maintenance has removed one of the snapshots.
        """
        if not self.home.catalog_uri.startswith("sqlite:///"):
            return self._snapshots_of_lake()
        limit = _NO_LIMIT if self.publication_id is None else self.publication_id
        rows = self._ask_catalog(_NEWEST, {"namespace": self.namespace, "publication_id": limit})
        if expired := sorted(table for table, _, _, is_expired in rows if is_expired):
            raise TraceError(f"{expired[0]}: publication {self.publication_id} has expired")
        return {table: (snapshot, publication) for table, snapshot, publication, _ in rows}

    def _snapshots_of_lake(self) -> Mapping[str, tuple[int | None, int]]:
        from orchestration.lake import LakeError

        try:
            pins = self._lake.pins(self.namespace, self.publication_id)
        except LakeError as error:
            raise TraceError(str(error)) from None
        return {table: (pin.snapshot_id, pin.publication_id) for table, pin in pins.items()}

    def _ask_catalog(self, query: str, parameters: Mapping[str, str | int]) -> list[tuple[Any, ...]]:
        path = Path(self.home.catalog_uri.removeprefix("sqlite:///"))
        if not path.exists():
            raise TraceError(f"{path}: there is no catalog; run `make demo`, or set TRADEWIND_HOME")
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
            return connection.execute(query, parameters).fetchall()

    def publications_before(self, table: str) -> list[int]:
        """The kept publications of a table before the one that is shown, newest first."""
        shown = self.snapshots[table][1]
        if self.home.catalog_uri.startswith("sqlite:///"):
            kept = [int(row[0]) for row in self._ask_catalog(_KEPT, {"namespace": self.namespace, "table": table})]
        else:
            every = self._lake.publications(self.namespace)
            kept = [one.publication_id for one in every if one.table == table and not one.is_expired]
        return sorted((one for one in kept if one < shown), reverse=True)

    def held_back(self, market: str) -> str | None:
        """Since when and why a gate holds the market back now, if it does; its newer records are not shown then."""
        if not self.home.catalog_uri.startswith("sqlite:///"):
            held = [one for one in self._lake.held_back(self.namespace) if one.market == market]
            return f"since {held[0].since:%Y-%m-%d %H:%M}: {'; '.join(held[0].reasons)}" if held else None
        rows = self._ask_catalog(_HELD_BACK, {"namespace": self.namespace, "market": market})
        return f"since {str(rows[0][0])[:16]}: {'; '.join(json.loads(rows[0][1]))}" if rows else None

    @property
    def newest_publication(self) -> int | None:
        """The newest publication that some table shows."""
        return max((publication for _, publication in self.snapshots.values()), default=None)

    @cached_property
    def _con(self) -> "duckdb.DuckDBPyConnection":
        import duckdb

        con = duckdb.connect()
        con.execute("set TimeZone = 'UTC'")
        return con

    @cached_property
    def _lake(self) -> "Lake":
        from orchestration.lake import Lake
        from orchestration.settings import Settings

        return Lake(Settings(home=self.home.folder, catalog_uri=self.home.catalog_uri))

    def files(self, table: str) -> Files:
        """The files of a table; none when nobody has published it."""
        if table not in self._files:
            snapshot_id = self.snapshots.get(table, (None, 0))[0]
            if table not in self.snapshots:
                self.unpublished.add(table)
            if snapshot_id is None:
                self._files[table] = Files({})
            else:
                kept = read_list(self.home, self.namespace, table, snapshot_id)
                self._files[table] = kept or write_list(self.home, self._lake, self.namespace, table, snapshot_id)
        return self._files[table]

    def rows(
        self,
        table: str,
        columns: Sequence[str],
        where: Condition,
        *,
        places: Collection[Where] | None = None,
        markets: Collection[str] | None = None,
    ) -> list[Row]:
        """The rows in which each named column has one of its values, from the files of these places or markets.

        A column that the table did not have yet is None. Without a value there is nothing to look for.
        """
        if any(not values for values in where.values()):
            return []
        files = self.files(table)
        paths = files.at(places) if markets is None else files.of_markets(markets)
        if not paths:
            return []
        conditions = [f'"{column}" in ({", ".join("?" * len(values))})' for column, values in where.items()]
        given = [value for values in where.values() for value in values]
        return self._select(paths, columns, " and ".join(conditions), given)

    def search(self, table: str, columns: Sequence[str], text: str, inside: Sequence[str]) -> list[Row]:
        """The rows in which one of the columns `inside` holds the text, of all files; slow, for what is not found."""
        paths = self.files(table).at(None)
        condition = " or ".join(f'contains(upper("{column}"), ?)' for column in inside)
        return self._select(paths, columns, condition, [text.upper()] * len(inside)) if paths else []

    def sample(self, path: str, columns: Sequence[str], count: int, seed: int) -> list[Row]:
        """Some rows of one file, the same ones for the same seed."""
        select = ", ".join(f'"{column}"' for column in columns)
        found = self._con.execute(
            f"select {select} from read_parquet(?) using sample reservoir({int(count)} rows) repeatable ({int(seed)})",
            [path],
        ).fetchall()
        return [dict(zip(columns, row, strict=True)) for row in found]

    def _select(
        self, paths: Sequence[str], columns: Sequence[str], condition: str, given: Sequence[Value]
    ) -> list[Row]:
        import duckdb

        select = ", ".join(f'"{column}"' for column in columns)
        try:
            # One schema for all files: reading that of each would double the time.
            found = (
                self._con.cursor()
                .execute(
                    f"select {select} from read_parquet(?, hive_partitioning=false) where {condition}", [paths, *given]
                )
                .fetchall()
            )
        except duckdb.IOException as error:
            raise TraceError(f"a file of the publication is gone; trace again ({error})") from None
        except (duckdb.BinderException, duckdb.InvalidInputException):
            found = self._select_widened(paths, columns, condition, given)
        return [dict(zip(columns, row, strict=True)) for row in found]

    def _select_widened(
        self, paths: Sequence[str], columns: Sequence[str], condition: str, given: Sequence[Value]
    ) -> list[tuple[Value, ...]]:
        """The same where some file is older than a column; a condition on a column that none has finds nothing."""
        import duckdb

        source = "read_parquet(?, hive_partitioning=false, union_by_name=true)"
        described = self._con.cursor().execute(f"describe select * from {source}", [paths]).fetchall()
        known = {str(name) for name, *_ in described}
        select = ", ".join(f'"{column}"' if column in known else f'null as "{column}"' for column in columns)
        try:
            return (
                self._con.cursor()
                .execute(f"select {select} from {source} where {condition}", [paths, *given])
                .fetchall()
            )
        except duckdb.BinderException:
            return []
