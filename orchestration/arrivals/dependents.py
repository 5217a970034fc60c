"""Dependents: rows of earlier arrivals that are judged anew because something else has come, or has not come in time.

Belongs here: touches of documents that wait for their order, of rows that staging judges beside their order's lines or
beside the catalogue. Does not: touches of what an arrival itself brings (see `touching.py`, whose tables these use).
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import duckdb

from orchestration.arrivals.contracts import JUDGED_BESIDE_ORDER, JUDGED_BESIDE_PRODUCT, Contract
from orchestration.arrivals.known import Known
from orchestration.arrivals.raw_rows import collected
from orchestration.arrivals.sql_text import literal, literals
from orchestration.lake.side_tables import naive_utc


def touch_awaited(con: duckdb.DuckDBPyConnection, contracts: Iterable[Contract], loaded_at: datetime) -> None:
    """Touch the places of documents whose order has not come, due when they have waited too long; and when it comes."""
    limits = [(contract.feed, contract.link_limit_days) for contract in contracts if contract.waits]
    moment = f"timestamp '{naive_utc(loaded_at).isoformat(sep=' ')}'"
    # An arrival may be dated back; runs go by the clock.
    clock = f"timestamp '{naive_utc(max(loaded_at, datetime.now(UTC))).isoformat(sep=' ')}'"
    con.execute(
        f"create or replace temp table waiting_limits as select feed, days "
        f"from (values {', '.join(f'({literal(feed)}, {days})' for feed, days in limits)}) as l(feed, days)"
    )
    con.execute(
        f"""
        create or replace temp table due_touches as
        with waiting as (
            select d.feed, d.document_key, d.market, d.month,
                coalesce(any_value(p.since_at), {moment}) + to_days(any_value(w.days)) as due_at
            from documents as d
            join waiting_limits as w on w.feed = d.feed
            join leads as l on l.feed = d.feed and l.document_key = d.document_key
            left join order_places as o using (order_key)
            left join near_places as p on p.feed = d.feed and p.document_key = d.document_key
            group by d.feed, d.document_key, d.market, d.month
            having count(o.order_key) = 0
        )
        select distinct unnest(['staging', 'marts']) as layer, unnest([feed, '']) as feed, market, month,
            'order_overdue' as reason, due_at
        from waiting
        """
    )
    # Whoever was given up is taken back; a day more, for a run that was planned while this arrival was under way.
    con.execute(
        f"""
        insert into found_touches
        select distinct 'staging', p.feed, p.market, p.month, 'order_arrived'
        from documents as d
        join near_edges as e on e.to_feed = 'orders' and e.to_key = d.document_key
        join near_places as p on p.feed = e.from_feed and p.document_key = e.from_key
        join waiting_limits as w on w.feed = p.feed
        where d.feed = 'orders' and d.was_market is null and p.since_at + to_days(w.days) <= {clock} + to_days(1)
        """
    )


def touch_judged_beside_order(con: duckdb.DuckDBPyConnection) -> None:
    """Touch the staging of the known documents that are judged beside an order whose lines are new or changed."""
    con.execute(
        f"""
        insert into found_touches
        select distinct 'staging', p.feed, p.market, p.month, 'order_changed'
        from documents as d
        join near_edges as e on e.to_feed = 'orders' and e.to_key = d.document_key
        join near_places as p on p.feed = e.from_feed and p.document_key = e.from_key
        where d.feed in ('orders', 'order_lines') and e.from_feed in ({literals(JUDGED_BESIDE_ORDER)})
        """
    )


def touch_judged_beside_product(
    con: duckdb.DuckDBPyConnection, products: Contract, known: Known, contracts: Mapping[str, Contract]
) -> None:
    """Touch the places of the known lines of products whose catalogue entry is new or changed.

    Only the product's number is compared: a port's lines name the numbers of the shop that it serves.
    """
    con.execute(
        f"""
        create or replace temp table changed_products as
        select distinct r.product_id
        from {collected(products.feed)} as r
        anti join (select _record_key, _content_hash from {known.raw(products)}) as k
            on k._record_key = r._record_key and k._content_hash = r._content_hash
        where r.product_id is not null
        """
    )
    if con.execute("select 1 from changed_products limit 1").fetchall() == []:
        return
    for contract in (contracts[feed] for feed in JUDGED_BESIDE_PRODUCT):
        if not known.has_rows(contract):
            continue
        feed = literal(contract.feed)
        con.execute(
            f"""
            insert into found_touches
            with lines as (
                select distinct _document_key, _market, _month
                from {known.raw(contract)}
                where product_id in (select product_id from changed_products)
            ),
            latest as (
                select document_key, arg_max(market, _batch_id) as market, arg_max(month, _batch_id) as month
                from known_placements where feed = {feed} group by document_key
            ),
            places as (
                select distinct coalesce(p.market, l._market) as market, coalesce(p.month, l._month) as month
                from lines as l
                left join latest as p on p.document_key = l._document_key
            )
            select unnest(['staging', 'marts']), unnest([{feed}, '']), market, month, 'product_changed'
            from places
            """
        )


def touch_reused_waybills(con: duckdb.DuckDBPyConnection, shipments: Contract, known: Known) -> None:
    """Touch the staging of known shipments whose number an arriving one has too: either may be the reused one."""
    if not known.has_rows(shipments):
        return
    con.execute(
        f"""
        insert into found_touches
        with numbers as (
            select distinct _source_id, carrier_code, waybill_no, _document_key
            from {collected(shipments.feed)} where waybill_no is not null
        ),
        others as (
            select distinct k._document_key, k._market, k._month
            from {known.raw(shipments)} as k
            join numbers as n
                on n._source_id = k._source_id and n.carrier_code = k.carrier_code and n.waybill_no = k.waybill_no
                and n._document_key <> k._document_key
        ),
        latest as (
            select document_key, arg_max(market, _batch_id) as market, arg_max(month, _batch_id) as month
            from known_placements where feed = '{shipments.feed}' group by document_key
        )
        select distinct 'staging', '{shipments.feed}', coalesce(p.market, o._market), coalesce(p.month, o._month),
            'number_reused'
        from others as o
        left join latest as p on p.document_key = o._document_key
        """
    )
