"""Which order each document belongs to, so which market-month its ledger row stands in, and which order never came.

Belongs here: edges and placements of raw, closed over documents that reach their order through another document.
Does not: how edges come about (see arrivals/placing.py).
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from types import TracebackType
from typing import Self

import duckdb

from orchestration.arrivals.contracts import JUDGED_BESIDE_ORDER, contracts
from orchestration.arrivals.sql_text import literal, literals
from orchestration.lake import EDGES, PLACEMENTS, Lake, Place, TableSpec
from orchestration.lake.side_tables import naive_utc
from orchestration.runs.feeds import market_feeds, raw_table


class DocumentIndex:
    """The links between documents and orders as of one raw state and moment, in a database of its own.

    Tables: `order_places` (order_key, market, month), `document_orders` (feed, document_key, order_key, market, month,
    since_at: the document's own place and first arrival), `placed` (feed, document_key, market, month),
    `waiting` (feed, document_key, market, month, waiting_since_at, is_overdue: documents without any of their orders).
    """

    def __init__(self, lake: Lake, snapshots: Mapping[str, int | None], raw_seq: int, moment: datetime) -> None:
        self._lake = lake
        self._raw_seq = raw_seq
        self._snapshots = snapshots
        self.con = duckdb.connect()
        self.con.execute("set TimeZone = 'UTC'")
        self._load_placements()
        self._load_orders()
        self._load_documents()
        self._load_waiting(moment)

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
        # A document may reach its order through others (an event through its shipment). Most name it themselves: the
        # few links between documents are followed from the orders on, until none leads to a new one.
        self.con.execute(
            """
            create table links as
            select distinct from_feed, from_key, to_feed, to_key from edges where from_feed <> 'orders';
            create table reached as
            select from_feed as feed, from_key as document_key, to_key as order_key from links where to_feed = 'orders';
            """
        )
        while self.con.execute(
            """
            insert into reached
            select distinct links.from_feed, links.from_key, reached.order_key
            from links
            inner join reached on links.to_feed = reached.feed and links.to_key = reached.document_key
            anti join reached as known
                on known.feed = links.from_feed and known.document_key = links.from_key
                and known.order_key = reached.order_key
            where links.to_feed <> 'orders'
            """
        ).fetchall()[0][0]:
            pass
        self.con.execute(
            """
            create table document_orders as
            with own as (
                select from_feed, from_key, arg_max(from_market, _batch_id) as from_market,
                    arg_max(from_month, _batch_id) as from_month, min(_loaded_at) as since_at
                from edges
                where from_feed <> 'orders'
                group by from_feed, from_key
            )
            select reached.feed, reached.document_key, reached.order_key,
                coalesce(placed.market, own.from_market) as market, coalesce(placed.month, own.from_month) as month,
                own.since_at
            from reached
            inner join own on reached.feed = own.from_feed and reached.document_key = own.from_key
            left join placed on placed.feed = reached.feed and placed.document_key = reached.document_key
            """
        )

    def _load_waiting(self, moment: datetime) -> None:
        limits = ", ".join(
            f"({literal(contract.feed)}, {contract.link_limit_days})"
            for contract in contracts().values()
            if contract.waits
        )
        # Arrivals reckon with the same limits when they say from when on such a document touches its place.
        self.con.execute(
            f"""
            create table waiting as
            with limits as (select * from (values {limits}) as l(feed, days))
            select document.feed, document.document_key, document.market, document.month,
                min(document.since_at) as waiting_since_at,
                coalesce(
                    min(document.since_at) + to_days(any_value(limits.days))
                    <= timestamp '{naive_utc(moment).isoformat(sep=" ")}',
                    false
                ) as is_overdue
            from document_orders as document
            left join order_places as home using (order_key)
            left join limits on document.feed = limits.feed
            group by document.feed, document.document_key, document.market, document.month
            having count(home.order_key) = 0
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

    def places_of_overdue_documents(self) -> set[Place]:
        """The own market-months of the documents that have waited too long for their order."""
        rows = self.con.execute("select distinct market, month from waiting where is_overdue").fetchall()
        return {Place(market, month) for market, month in rows}

    def places_of_orders_beside(self, places: Collection[Place]) -> set[Place]:
        """The market-months of the orders beside whose lines the documents in `places` are judged."""
        self._keep("wanted", places)
        rows = self.con.execute(
            f"""
            select distinct home.market, home.month
            from document_orders as document
            inner join wanted on document.market = wanted.market and document.month = wanted.month
            inner join order_places as home using (order_key)
            where document.feed in ({literals(JUDGED_BESIDE_ORDER)})
            """
        ).fetchall()
        return {Place(market, month) for market, month in rows}

    def readers_of(self, places: Collection[Place]) -> tuple[set[Place], set[Place]]:
        """Whose rows are made from the staging of `places`: staging of rows judged beside orders there, and marts."""
        self._keep("wanted", places)
        beside = self.con.execute(
            f"""
            select distinct document.market, document.month
            from document_orders as document
            inner join order_places as home using (order_key)
            inner join wanted on home.market = wanted.market and home.month = wanted.month
            where document.feed in ({literals(JUDGED_BESIDE_ORDER)})
            """
        ).fetchall()
        marts = self.con.execute(
            """
            select distinct home.market, home.month
            from document_orders as document
            inner join wanted on document.market = wanted.market and document.month = wanted.month
            inner join order_places as home using (order_key)
            """
        ).fetchall()
        return {Place(*row) for row in beside}, {Place(*row) for row in marts}

    def write_homes(self, target: duckdb.DuckDBPyConnection, schema: str, places: Collection[Place]) -> None:
        """Write `document_homes`, `awaited_orders`, `waiting_documents` and `placed` into another database's schema.

        Homes are those of the documents that stand in `places` or have an order there: all their homes, since a
        document of several orders stands with the first of them.
        """
        self._keep("wanted", places)
        homes = self.con.sql(
            """
            with homes as (
                select document.feed, document.document_key, document.order_key, home.market, home.month,
                    document.market as own_market, document.month as own_month
                from document_orders as document
                inner join order_places as home using (order_key)
            )
            select distinct homes.feed, homes.document_key, homes.order_key, homes.market, homes.month
            from homes
            semi join (
                select feed, document_key from homes semi join wanted using (market, month)
                union all
                select feed, document_key from homes
                semi join wanted on homes.own_market = wanted.market and homes.own_month = wanted.month
            ) as here on homes.feed = here.feed and homes.document_key = here.document_key
            """
        ).to_arrow_table()
        awaited = self.con.sql(
            """
            select document.feed, document.document_key, document.order_key, document.market, document.month,
                min(document.since_at) as waiting_since_at
            from document_orders as document
            anti join order_places using (order_key)
            group by all
            """
        ).to_arrow_table()
        tables = {
            "document_homes": homes,
            "awaited_orders": awaited,
            "waiting_documents": self.con.sql("select * from waiting").to_arrow_table(),
            "placed": self.con.sql("select * from placed").to_arrow_table(),
        }
        for name, rows in tables.items():
            target.register("incoming", rows)
            target.execute(f"create or replace table {schema}.{name} as select * from incoming")
            target.unregister("incoming")

    def _keep(self, name: str, places: Collection[Place]) -> None:
        self.con.execute(f"create or replace table {name} (market varchar, month varchar)")
        if places:
            self.con.executemany(f"insert into {name} values (?, ?)", [(place.market, place.month) for place in places])
