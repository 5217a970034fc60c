"""Touching: which market-months must be rebuilt because of an arrival, and why.

Staging is touched where rows are written and where moved documents were; marts where the orders of these documents
stand (an order's documents are shown in the order's month), or, without a known order, the documents themselves.

Belongs here: touches of what an arrival brings and moves. Does not: places (see `placing.py`), which must be decided
before, and rows of earlier arrivals that are judged by it (see `dependents.py`).
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

import duckdb

from orchestration.arrivals import dependents, payouts
from orchestration.arrivals.contracts import Contract
from orchestration.arrivals.known import Known
from orchestration.arrivals.placing import MOVED
from orchestration.arrivals.raw_rows import collected
from orchestration.arrivals.sql_text import literals
from orchestration.lake import Place, Touch

# A cancellation looks for its sale in the six months before it.
REVERSAL_WINDOW_MONTHS = 6
# A rate serves its own day and up to seven days after it.
RATE_DAYS = 7
IS_REVERSAL = "leg_type in ('cancellation', 'return') and reverses_order_no is null"


def touches(
    con: duckdb.DuckDBPyConnection,
    feeds: Sequence[Contract],
    known: Known,
    inferred: Collection[str],
    contracts: Mapping[str, Contract],
    loaded_at: datetime,
) -> tuple[Touch, ...]:
    """The touches of one arrival, each once; `inferred` are the sources whose reversals name no sale."""
    con.execute(
        "create or replace temp table found_touches "
        "(layer varchar, feed varchar, market varchar, month varchar, reason varchar)"
    )
    _touch_staging(con, feeds)
    _find_orders(con)
    _touch_orders(con)
    _touch_own_places(con)
    dependents.touch_awaited(con, contracts.values(), loaded_at)
    dependents.touch_judged_beside_order(con)
    by_feed = {contract.feed: contract for contract in feeds}
    if "fx_rates" in by_feed:
        _touch_rated(con, by_feed["fx_rates"], known)
    if "order_lines" in by_feed and inferred:
        _touch_reversals(con, by_feed["order_lines"], known, inferred)
    if "products" in by_feed:
        dependents.touch_judged_beside_product(con, by_feed["products"], known, contracts)
    if "shipments" in by_feed:
        dependents.touch_reused_waybills(con, by_feed["shipments"], known)
    payouts.touch_payouts(con, by_feed, known, contracts)
    rows = con.execute(
        "select distinct *, null as due_at from found_touches union select * from due_touches order by all"
    ).fetchall()
    return tuple(Touch(*row, due_at=due_at and due_at.replace(tzinfo=UTC)) for *row, due_at in rows)


def reversal_places(
    con: duckdb.DuckDBPyConnection, feeds: Sequence[Contract], inferred: Collection[str]
) -> tuple[Place, ...]:
    """The market-months of this arrival with reversals whose sale must be looked for."""
    if not inferred or not any(contract.feed == "order_lines" for contract in feeds):
        return ()
    rows = con.execute(
        f"select distinct _market, _month from arriving_order_lines "
        f"where {IS_REVERSAL} and _source_id in ({literals(sorted(inferred))}) order by all"
    ).fetchall()
    return tuple(Place(*row) for row in rows)


def _touch_staging(con: duckdb.DuckDBPyConnection, feeds: Sequence[Contract]) -> None:
    for contract in feeds:
        # A table without markets is one place: its staging is rebuilt whole.
        month = "_month" if contract.has_market else "''"
        con.execute(
            f"insert into found_touches select distinct 'staging', '{contract.feed}', _market, {month}, 'arrived' "
            f"from arriving_{contract.feed}"
        )
    con.execute(
        f"""
        insert into found_touches
        select 'staging', feed, unnest([market, was_market]), unnest([month, was_month]), 'moved'
        from documents where {MOVED}
        """
    )


def _find_orders(con: duckdb.DuckDBPyConnection) -> None:
    """Fill `leads` (document, order, whether known before) and `order_places` (order, place now, place before)."""
    con.execute(
        """
        create or replace temp table leads as
        select d.feed, d.document_key, o.order_key, o.is_known
        from documents as d
        join (
            select from_key as document_key, to_key as order_key, true as is_known
            from near_edges where to_feed = 'orders'
            union
            select document_key, order_key, false from links
        ) as o on o.document_key = d.document_key
        """
    )
    con.execute(
        """
        create or replace temp table order_places as
        select document_key as order_key, market, month, was_market, was_month
        from documents where feed = 'orders'
        union all
        select document_key, market, month, market, month
        from near_places
        where feed = 'orders' and document_key not in (select document_key from documents where feed = 'orders')
        """
    )


def _touch_orders(con: duckdb.DuckDBPyConnection) -> None:
    """Touch the marts where the orders of the arrival's documents are and were."""
    con.execute(
        f"""
        insert into found_touches
        select 'marts', '', o.market, o.month, 'arrived'
        from (select distinct order_key from leads) as l
        join order_places as o using (order_key)
        union
        select 'marts', '', o.was_market, o.was_month, 'moved'
        from (select distinct order_key from leads) as l
        join order_places as o using (order_key)
        where {MOVED}
        """
    )


def _touch_own_places(con: duckdb.DuckDBPyConnection) -> None:
    """Touch the marts that show documents at their own place, now or until now, for want of a known order.

    Of a document with several versions an old one may be all that names an order: it is touched in any case. Orders
    and their lines need no naming.
    """
    con.execute(
        """
        create or replace temp table named as
        select l.feed, l.document_key, bool_or(l.is_known and o.was_market is not null) as was_named
        from leads as l
        join order_places as o using (order_key)
        join documents as d on d.feed = l.feed and d.document_key = l.document_key
        where not d.has_versions or d.feed in ('orders', 'order_lines')
        group by l.feed, l.document_key
        """
    )
    con.execute(
        """
        insert into found_touches
        select distinct 'marts', '', d.market, d.month, 'arrived'
        from documents as d
        anti join named as n on n.feed = d.feed and n.document_key = d.document_key
        """
    )
    con.execute(
        """
        insert into found_touches
        select distinct 'marts', '', d.was_market, d.was_month, 'moved'
        from documents as d
        anti join named as n on n.was_named and n.feed = d.feed and n.document_key = d.document_key
        where d.was_market is not null and (d.market, d.month) is distinct from (d.was_market, d.was_month)
        """
    )
    # Documents of earlier arrivals that waited for an order which is here now leave their own place.
    con.execute(
        """
        insert into found_touches
        select distinct 'marts', '', p.market, p.month, 'order_arrived'
        from documents as d
        join near_edges as e on e.to_feed = 'orders' and e.to_key = d.document_key and e.from_feed <> 'orders'
        join near_places as p on p.feed = e.from_feed and p.document_key = e.from_key
        where d.feed = 'orders' and d.was_market is null
        """
    )


def _touch_rated(con: duckdb.DuckDBPyConnection, contract: Contract, known: Known) -> None:
    """Touch the marts of known market-months that a new or changed rate can serve."""
    con.execute(
        f"""
        insert into found_touches
        with dates as (
            select distinct try_cast(r.rate_on as date) as rate_on
            from {collected(contract.feed)} as r
            anti join (select _record_key, _content_hash from {known.raw(contract)}) as k
                on k._record_key = r._record_key and k._content_hash = r._content_hash
        ),
        months as (
            select distinct strftime(unnest([rate_on, rate_on + {RATE_DAYS}]), '%Y-%m') as month
            from dates where rate_on is not null
        ),
        places as (
            select from_market as market, from_month as month from known_edges
            union
            select market, month from known_placements
            union
            select market, month from documents
        )
        select distinct 'marts', '', market, month, 'late_rate' from places join months using (month)
        """
    )


def _touch_reversals(
    con: duckdb.DuckDBPyConnection, contract: Contract, known: Known, inferred: Collection[str]
) -> None:
    """Touch the later months in which a known reversal may now find its sale among the new lines."""
    con.execute(
        f"""
        create or replace temp table sale_places as
        select distinct _market as market, _month as month
        from arriving_order_lines where _source_id in ({literals(sorted(inferred))})
        """
    )
    markets = {str(row[0]) for row in con.execute("select distinct market from sale_places").fetchall()}
    con.execute(
        f"""
        insert into found_touches
        with legs as (
            select distinct coalesce(p.market, r._market) as market, coalesce(p.month, r._month) as month
            from {known.raw(contract, markets)} as r
            left join near_places as p on p.feed = 'order_lines' and p.document_key = r._document_key
            where {IS_REVERSAL}
        ),
        windows as (
            select market, strftime(
                strptime(month, '%Y-%m') + to_months(unnest(range(1, {REVERSAL_WINDOW_MONTHS} + 1))::int), '%Y-%m'
            ) as month
            from sale_places
        )
        select distinct 'marts', '', market, month, 'reversal_window' from legs join windows using (market, month)
        """
    )
