"""Placing: which market and month each document of an arrival belongs to, whatever came first.

The place of a document is the place that its surviving version tells; lines stand where their document stands. So
published tables do not depend on the order in which files came: a late old version goes where the newer one is, a
newer one moves the whole document (a row in `placements`), and lines that came before their document follow it.

Belongs here: the places of documents, the edges and placements to append. Does not: what must be rebuilt
(see `touching.py`).
"""

from collections.abc import Collection, Mapping, Sequence

import duckdb

from orchestration.arrivals.contracts import Contract
from orchestration.arrivals.known import Known
from orchestration.arrivals.raw_rows import collected
from orchestration.arrivals.sql_text import literal, name
from orchestration.lake import RawFeed
from orchestration.markets import PSEUDO_MARKET

ROW_COLUMNS = (
    "_source_id", "_file", "_row", "_content_hash", "_raw", "_repairs", "_document_key", "_record_key", "_order_key",
    "_version", "_event_at",
)  # fmt: skip
# Which of several versions of a document survives: never the one that only came later. Among equals one whose country
# is a market, because staging refuses the others: so a document leaves ZZ when its country becomes a market and the
# same record comes again.
RANK = "{{'version': _version, 'event_at': _event_at, 'is_at_home': {at_home}, 'content_hash': _content_hash}}"
RANK_OF_COLLECTED = RANK.format(at_home=f"_own_market <> {literal(PSEUDO_MARKET)}")
MOVED = "was_market is not null and (market, month) is distinct from (was_market, was_month)"


def place(
    con: duckdb.DuckDBPyConnection, feeds: Sequence[Contract], known: Known, contracts: Mapping[str, Contract]
) -> None:
    """Fill `documents` with the arrival's documents, and the known lines that follow one of them.

    Columns: feed, key, place now, place before (null for a new document), whether it is in this arrival, and whether
    several versions are known, of which any may be the one that says which orders the document belongs to.
    """
    _want_keys(con, feeds)
    known.look_near()
    con.execute(
        "create or replace temp table documents (feed varchar, document_key varchar, market varchar, month varchar, "
        "was_market varchar, was_month varchar, is_arrived boolean, has_versions boolean)"
    )
    for contract in feeds:
        if contract.is_header:
            _place_headers(con, contract, known)
    for contract in contracts.values():
        if contract.follows is not None:
            _place_lines(con, contract, has_arrived=contract in feeds)


def raw_feeds(con: duckdb.DuckDBPyConnection, feeds: Sequence[Contract]) -> Mapping[str, RawFeed]:
    """Per feed a view of its records at the places of their documents, as the lake wants them."""
    found = {}
    for contract in feeds:
        fields = ", ".join(f"r.{name(field)}" for field in contract.field_names)
        # The places are looked up once, and the view finds them by number: it is read several times, and in parts.
        con.execute(
            f"""
            create or replace temp table places_{contract.feed} as
            select r.rowid as number, coalesce(d.market, r._own_market) as _market,
                coalesce(d.month, r._own_month) as _month
            from {collected(contract.feed)} as r
            left join documents as d on d.feed = {literal(contract.feed)} and d.document_key = r._document_key
            """
        )
        con.execute(
            f"""
            create or replace temp view arriving_{contract.feed} as
            select {fields}, {", ".join(f"r.{column}" for column in ROW_COLUMNS)}, p._market, p._month,
                p.number as _number
            from {collected(contract.feed)} as r
            join places_{contract.feed} as p on p.number = r.rowid
            """
        )
        found[contract.feed] = RawFeed(f"arriving_{contract.feed}", contract.field_names, "_number")
    return found


def new_edges(con: duckdb.DuckDBPyConnection, contracts: Mapping[str, Contract]) -> str | None:
    """The table of edges to append, None without any: each document to itself or what it follows, and to its orders.

    A header's edge to itself is what tells its place to records that come later. Known edges do not repeat.
    """
    marketed = [contract for contract in contracts.values() if contract.has_market]
    parents = ", ".join(f"({literal(c.feed)}, {literal(c.follows or c.feed)})" for c in marketed)
    con.execute(
        f"""
        create or replace temp table arriving_edges as
        select e.*
        from (
            select d.feed as from_feed, d.document_key as from_key, p.parent as to_feed, d.document_key as to_key,
                d.market as from_market, d.month as from_month
            from documents as d
            join (values {parents}) as p(feed, parent) on p.feed = d.feed
            where d.is_arrived
            union
            select d.feed, d.document_key, 'orders', l.order_key, d.market, d.month
            from documents as d
            join links as l on l.feed = d.feed and l.document_key = d.document_key
            where d.is_arrived
        ) as e
        anti join near_edges as n
            on n.from_feed = e.from_feed and n.from_key = e.from_key
            and n.to_feed = e.to_feed and n.to_key = e.to_key
            and n.from_market = e.from_market and n.from_month = e.from_month
        """
    )
    return _if_any(con, "arriving_edges")


def new_placements(con: duckdb.DuckDBPyConnection) -> str | None:
    """The view of placements to append, None without any: a row per known document whose place has changed."""
    con.execute(
        f"""
        create or replace temp view arriving_placements as
        select feed, document_key, market, month from documents where {MOVED}
        """
    )
    return _if_any(con, "arriving_placements")


def _if_any(con: duckdb.DuckDBPyConnection, view: str) -> str | None:
    return view if con.execute(f"select 1 from {view} limit 1").fetchone() is not None else None


def _want_keys(con: duckdb.DuckDBPyConnection, feeds: Collection[Contract]) -> None:
    con.execute("create or replace temp table wanted_keys as select distinct order_key as key from links")
    for contract in feeds:
        if contract.has_market:
            con.execute(
                f"insert into wanted_keys select distinct _document_key from {collected(contract.feed)} "
                f"where _document_key is not null"
            )


def _place_headers(con: duckdb.DuckDBPyConnection, contract: Contract, known: Known) -> None:
    feed = literal(contract.feed)
    con.execute(
        f"""
        create or replace temp table candidates as
        select n.document_key, n.rank, n.own.market as market, n.own.month as month,
            k.market as was_market, k.month as was_month, true as wins, n.versions
        from (
            select _document_key as document_key, max({RANK_OF_COLLECTED}) as rank,
                count(distinct _content_hash) as versions,
                arg_max({{'market': _own_market, 'month': _own_month}}, {RANK_OF_COLLECTED}) as own
            from {collected(contract.feed)}
            where _document_key is not null
            group by _document_key
        ) as n
        left join near_places as k on k.feed = {feed} and k.document_key = n.document_key
        """
    )
    moving = f"select document_key from candidates where {MOVED}"
    # A document's rows lie where it has ever been placed.
    markets = con.execute(
        f"select from_market from near_edges where from_feed = {feed} and from_key in ({moving}) "
        f"union select was_market from candidates where {MOVED}"
    ).fetchall()
    if markets:
        rank = RANK.format(at_home="z.code is not null")
        # Only documents that would move are looked up in raw: does the newcomer outrank the version that is there?
        con.execute(
            f"""
            update candidates
            set wins = candidates.rank > there.rank
                or (candidates.rank = there.rank and was_market = {literal(PSEUDO_MARKET)})
            from (
                select r._document_key, max({rank}) as rank
                from {known.raw(contract, {str(market) for (market,) in markets})} as r
                left join market_zones as z on z.code = r.{name(contract.market_field or "")}
                where r._document_key in ({moving})
                group by r._document_key
            ) as there
            where there._document_key = candidates.document_key
            """
        )
    con.execute(
        f"""
        insert into documents
        select {feed}, document_key,
            case when was_market is null or wins then market else was_market end,
            case when was_market is null or wins then month else was_month end,
            was_market, was_month, true, was_market is not null or versions > 1
        from candidates
        """
    )


def _place_lines(con: duckdb.DuckDBPyConnection, contract: Contract, has_arrived: bool) -> None:
    """Place the lines that arrived, and the known ones whose document arrived."""
    feed, parent = literal(contract.feed), literal(contract.follows or "")
    con.execute(
        f"""
        create or replace temp table line_documents as
        select _document_key as document_key, min(_own_market) as own_market, min(_own_month) as own_month,
            true as is_arrived
        from {collected(contract.feed)}
        where {has_arrived} and _document_key is not null
        group by _document_key
        """
    )
    con.execute(
        f"""
        insert into line_documents
        select document_key, null, null, false
        from near_places
        where feed = {feed}
            and document_key in (select document_key from documents where feed = {parent})
            and document_key not in (select document_key from line_documents)
        """
    )
    con.execute(
        f"""
        insert into documents
        select {feed}, l.document_key,
            coalesce(p.market, k.market, w.market, l.own_market),
            coalesce(p.month, k.month, w.month, l.own_month),
            w.market, w.month, l.is_arrived, k.document_key is not null or coalesce(p.has_versions, false)
        from line_documents as l
        left join documents as p on p.feed = {parent} and p.document_key = l.document_key
        left join near_places as k on k.feed = {parent} and k.document_key = l.document_key
        left join near_places as w on w.feed = {feed} and w.document_key = l.document_key
        """
    )
