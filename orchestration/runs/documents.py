"""Which order each document belongs to, and so which market-month its ledger row stands in.

Belongs here: edges and placements of raw, closed over documents that reach their order through another document.
Does not: how edges come about (see arrivals/placing.py).
"""

from collections.abc import Collection, Mapping
from types import TracebackType
from typing import Self

import duckdb

from orchestration.lake import EDGES, PLACEMENTS, Lake, Place, TableSpec
from orchestration.runs.feeds import market_feeds, raw_table


class DocumentIndex:
    """The links between documents and orders as of one raw state, in a database of its own.

    Tables: `order_places` (order_key, market, month), `document_orders` (feed, document_key, order_key, market, month,
    since_at: the document's own place and first arrival), `placed` (feed, document_key, market, month).
    """

    def __init__(self, lake: Lake, snapshots: Mapping[str, int | None], raw_seq: int) -> None:
        self._lake = lake
        self._raw_seq = raw_seq
        self._snapshots = snapshots
        self.con = duckdb.connect()
        self.con.execute("set TimeZone = 'UTC'")
        self._load_placements()
        self._load_orders()
        self._load_documents()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.con.close()

    def _raw(self, spec: TableSpec) -> str:
        files = self._lake.data_files(spec.name, self._snapshots.get(spec.name.removeprefix("raw.")))
        return f"(select * from {self._lake.relation_sql(spec, files)} where _batch_id <= {self._raw_seq})"

    def _load_placements(self) -> None:
        self.con.execute(
            f"""
            create table placed as
            select feed, document_key, market, month from {self._raw(PLACEMENTS)}
            qualify row_number() over (partition by feed, document_key order by _batch_id desc) = 1
            """
        )

    def _load_orders(self) -> None:
        self.con.execute(
            f"""
            create table edges as select * from {self._raw(EDGES)};
            create table order_places as
            with latest as (
                select from_key, from_market, from_month from edges
                where from_feed = 'orders' and to_feed = 'orders'
                qualify row_number() over (partition by from_key order by _batch_id desc) = 1
            )
            select latest.from_key as order_key, coalesce(placed.market, latest.from_market) as market,
                coalesce(placed.month, latest.from_month) as month
            from latest
            left join placed on placed.feed = 'orders' and placed.document_key = latest.from_key
            """
        )

    def _load_documents(self) -> None:
        # A document may reach its order through others (an event through its shipment): the closure follows them.
        self.con.execute(
            """
            create table document_orders as
            with recursive
            links as (select distinct from_feed, from_key, to_feed, to_key from edges where from_feed <> 'orders'),
            reached as (
                select from_feed, from_key, to_feed, to_key from links
                union
                select reached.from_feed, reached.from_key, links.to_feed, links.to_key
                from reached
                inner join links on reached.to_feed = links.from_feed and reached.to_key = links.from_key
            ),
            own as (
                select from_feed, from_key, from_market, from_month,
                    min(_loaded_at) over (partition by from_feed, from_key) as since_at
                from edges
                where from_feed <> 'orders'
                qualify row_number() over (partition by from_feed, from_key order by _batch_id desc) = 1
            )
            select reached.from_feed as feed, reached.from_key as document_key, reached.to_key as order_key,
                coalesce(placed.market, own.from_market) as market, coalesce(placed.month, own.from_month) as month,
                own.since_at
            from reached
            inner join own on reached.from_feed = own.from_feed and reached.from_key = own.from_key
            left join placed on placed.feed = reached.from_feed and placed.document_key = reached.from_key
            where reached.to_feed = 'orders'
            """
        )

    def raw_places(self, markets: Collection[str]) -> set[Place]:
        """Every market-month of these markets that holds raw rows, after placements."""
        found: set[Place] = set()
        for feed in market_feeds():
            rows = self.con.execute(
                f"""
                select distinct coalesce(placed.market, raw._market), coalesce(placed.month, raw._month)
                from {self._raw(raw_table(feed))} as raw
                left join placed on placed.feed = '{feed}' and placed.document_key = raw._document_key
                """
            ).fetchall()
            found |= {Place(market, month) for market, month in rows if market in markets}
        return found

    def order_places(self, markets: Collection[str]) -> set[Place]:
        """Every market-month of these markets in which an order stands."""
        rows = self.con.execute("select distinct market, month from order_places").fetchall()
        return {Place(market, month) for market, month in rows if market in markets}

    def own_places_of_documents_at(self, homes: Collection[Place]) -> set[Place]:
        """The own market-months of the documents whose orders stand in `homes`."""
        self._keep("wanted", homes)
        rows = self.con.execute(
            """
            select distinct document.market, document.month
            from document_orders as document
            inner join order_places as home using (order_key)
            inner join wanted on home.market = wanted.market and home.month = wanted.month
            """
        ).fetchall()
        return {Place(market, month) for market, month in rows}

    def write_homes(self, target: duckdb.DuckDBPyConnection, schema: str) -> None:
        """Write the tables `document_homes`, `waiting_documents` and `placed` into a schema of another database."""
        homes = self.con.sql(
            """
            select distinct document.feed, document.document_key, document.order_key, home.market, home.month
            from document_orders as document
            inner join order_places as home using (order_key)
            """
        ).to_arrow_table()
        waiting = self.con.sql(
            """
            select document.feed, document.document_key, document.order_key, document.market, document.month,
                min(document.since_at) as waiting_since_at
            from document_orders as document
            anti join order_places using (order_key)
            group by all
            """
        ).to_arrow_table()
        placed = self.con.sql("select * from placed").to_arrow_table()
        for name, rows in (("document_homes", homes), ("waiting_documents", waiting), ("placed", placed)):
            target.register("incoming", rows)
            target.execute(f"create or replace table {schema}.{name} as select * from incoming")
            target.unregister("incoming")

    def _keep(self, name: str, places: Collection[Place]) -> None:
        self.con.execute(f"create or replace table {name} (market varchar, month varchar)")
        if places:
            self.con.executemany(f"insert into {name} values (?, ?)", [(place.market, place.month) for place in places])
