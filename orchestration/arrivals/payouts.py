"""Payouts: the marts that an arrival changes because a credit and the payout that it pays find each other, or part.

A payout stands where its report was written; it and the orders in it change when a credit comes that names it.

Belongs here: which credits are in question, touches of reports and of the orders in payouts. Does not: collections
(see `collected.py`), nor touches of what an arrival itself brings (see `touching.py`).
"""

from collections.abc import Mapping

import duckdb

from orchestration.arrivals import collected
from orchestration.arrivals.contracts import Contract
from orchestration.arrivals.feed_rows import CREDITED, FeedRows
from orchestration.arrivals.known import Known

# A rate serves its own day and up to seven days after it.
RATE_DAYS = 7
SETTLED = "_source_id, settlement_no, payout_ref, seller_id, settled_at, _order_key, _document_key, _market, _month"


def touch_payouts(
    con: duckdb.DuckDBPyConnection,
    feeds: Mapping[str, Contract],
    known: Known,
    contracts: Mapping[str, Contract],
) -> None:
    """Touch the marts of the payouts, and of the orders in them, that this arrival can change; `feeds`: those in it."""
    if not feeds.keys() & {"settlements", "payments", "orders", "bank_receipts", "fx_rates"}:
        return
    read = FeedRows(con, feeds, known, contracts)
    collected.prepare(con)
    for table, columns in {
        "touched_orders": "order_key varchar",
        "restless_credits": "_record_key varchar, seller_id varchar, value_on date, payout_ref varchar, "
        "receipt_kind varchar, currency_code varchar, credited double",
        "changed_collections": "seller_id varchar, payout_month varchar, close_days integer, latest_days integer",
    }.items():
        con.execute(f"create or replace temp table {table} ({columns})")
    _collect_changed_credits(con, feeds, read)
    _touch_rated_documents(con, feeds, read)
    collected.touch_joined(con, feeds, read)
    _touch_reports(con, feeds, read)
    collected.touch_offered(con, read)
    _touch_orders(con)


def _collect_changed_credits(con: duckdb.DuckDBPyConnection, feeds: Mapping[str, Contract], read: FeedRows) -> None:
    if "bank_receipts" not in feeds:
        return
    con.execute(
        f"""
        create or replace temp table arrived_credits as
        select {CREDITED} from arriving_bank_receipts as r
        anti join (
            {read.before("bank_receipts", "_record_key, _content_hash", "true")}
        ) as k on k._record_key = r._record_key and k._content_hash = r._content_hash
        """
    )
    earlier = read.before(
        "bank_receipts",
        CREDITED,
        "_record_key in (select _record_key from arrived_credits where _record_key is not null)",
    )
    con.execute(
        f"insert into restless_credits by name select * exclude (_content_hash) from arrived_credits "
        f"union select * exclude (_content_hash) from ({earlier})"
    )


def _touch_rated_documents(con: duckdb.DuckDBPyConnection, feeds: Mapping[str, Contract], read: FeedRows) -> None:
    """What earlier arrivals brought and a new or changed rate of this one values: credits, and money of orders."""
    if "fx_rates" not in feeds:
        return
    con.execute(
        f"""
        create or replace temp table late_days as
        select distinct cast(unnest(range(0, {RATE_DAYS} + 1)) as integer) + try_cast(r.rate_on as date) as day
        from arriving_fx_rates as r
        anti join ({read.before("fx_rates", "_record_key, _content_hash", "true")}) as k
            on k._record_key = r._record_key and k._content_hash = r._content_hash
        where try_cast(r.rate_on as date) is not null
        """
    )
    con.execute(
        f"insert into restless_credits by name select * exclude (_content_hash) from "
        f"({read.before('bank_receipts', CREDITED, 'true')}) where value_on in (select day from late_days)"
    )
    # A market's day begins and ends up to a day beside UTC's.
    for feed, moment in (("payments", "paid_at"), ("settlements", "settled_at")):
        con.execute(
            "insert into touched_orders "
            + read.before(
                feed,
                "distinct _order_key",
                f"try_cast({moment} as timestamp)::date in "
                "(select unnest([day - 1, day, day + 1])::date from late_days) and _order_key is not null",
            )
        )


def _touch_reports(con: duckdb.DuckDBPyConnection, feeds: Mapping[str, Contract], read: FeedRows) -> None:
    """Touch the reports that restless credits name, those whose lines arrive, and what shares a credit with them."""
    arriving = "arriving_settlements" if "settlements" in feeds else "(select null as payout_ref limit 0)"
    shared = read.before("bank_receipts", "payout_ref", "contains(payout_ref, ';')")
    con.execute(
        f"""
        create or replace temp table named_reports as
        with named as (
            select distinct trim(unnest(string_split(payout_ref, ';'))) as payout_ref from restless_credits
            union
            select distinct payout_ref from {arriving} where payout_ref is not null
        ),
        lists as (select string_split(payout_ref, ';') as refs from ({shared}))
        select payout_ref from named
        union
        select trim(unnest(refs)) from lists
        where list_has_any(list_transform(refs, lambda ref: trim(ref)), (select list(payout_ref) from named))
        """
    )
    con.execute("create or replace temp table settled_references (payout_ref varchar)")
    if read.is_empty("named_reports") and "settlements" not in feeds:
        return
    lines = read.all("settlements", SETTLED, "payout_ref in (select payout_ref from named_reports)")
    if "settlements" in feeds:
        # A corrected line may have had another reference.
        moved = "select document_key from documents where feed = 'settlements' and was_market is not null"
        lines += " union all " + read.before("settlements", SETTLED, f"_document_key in ({moved})")
        # A line may name no reference; its report is the same by its number.
        lines += " union all " + read.all(
            "settlements",
            SETTLED,
            "payout_ref is null and settlement_no in "
            "(select settlement_no from arriving_settlements where payout_ref is null)",
        )
    # Without a reference of their own, reports are matched by seller and amount.
    credited = (
        "select seller_id from restless_credits where receipt_kind is distinct from 'direct' and seller_id is not null"
    )
    if not read.is_empty("restless_credits"):
        lines += " union all " + read.all("settlements", SETTLED, f"payout_ref is null and seller_id in ({credited})")
    con.execute(
        f"""
        create or replace temp table report_lines as
        with latest as (
            select document_key, arg_max(market, _batch_id) as market, arg_max(month, _batch_id) as month
            from known_placements where feed = 'settlements' group by document_key
        )
        select l.payout_ref, l._order_key, coalesce(p.market, l._market) as market, coalesce(p.month, l._month) as month
        from ({lines}) as l
        left join latest as p on p.document_key = l._document_key
        """
    )
    con.execute("insert into settled_references select distinct payout_ref from report_lines")
    con.execute("insert into touched_orders select distinct _order_key from report_lines where _order_key is not null")
    con.execute(
        "insert into found_touches select distinct 'marts', '', market, month, 'payout_changed' from report_lines"
    )


def _touch_orders(con: duckdb.DuckDBPyConnection) -> None:
    """Touch the marts where the known orders of changed payouts stand; those of this arrival are touched by it."""
    con.execute(
        """
        insert into found_touches
        with placed as (
            select document_key, arg_max(market, _batch_id) as market, arg_max(month, _batch_id) as month
            from known_placements where feed = 'orders' group by document_key
        ),
        homes as (
            select from_key as order_key, arg_max(from_market, _batch_id) as market,
                arg_max(from_month, _batch_id) as month
            from known_edges
            where from_feed = 'orders' and to_feed = 'orders' and from_key in (select order_key from touched_orders)
            group by from_key
        )
        select distinct 'marts', '', coalesce(p.market, h.market), coalesce(p.month, h.month), 'payout_changed'
        from homes as h
        left join placed as p on p.document_key = h.order_key
        """
    )
