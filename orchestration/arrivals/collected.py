"""Collected: the marts of collections, the payouts that no report tells, and of the orders in them.

A collection stands in the month after its payments. A credit without a report's reference may pay any collection of
its seller in the weeks before: where it is the sum of one to the cent, that one is touched and what is nearly the same;
otherwise all of them.

Belongs here: touches of collections. Does not: those of reports (see `payouts.py`), and how a credit is matched (see
the model `int_payout_ties`, whose practices this reads).
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import duckdb

from orchestration.arrivals.contracts import Contract
from orchestration.arrivals.feed_rows import CREDITED, FeedRows
from orchestration.arrivals.sql_text import literal, literals
from orchestration.settings import PROJECT_ROOT

PRACTICES = PROJECT_ROOT / "dbt_project" / "seeds" / "payout_practice.csv"
# A credit's day may have no rate of its own: one of the seven days before serves it.
RATE_DAYS = 7
# What a sum may lack to be the same one, and, as a share, to be nearly the same.
CENTS, NEARLY = 0.02, 0.02
PAID = (
    "_source_id, _record_key, _version, _event_at, _document_key, _order_key, _market, paid_at, amount, currency_code"
)


@dataclass(frozen=True)
class Practice:
    """How the payments of one source are collected."""

    source_id: str
    time_zone: str
    close_days: int
    latest_days: int


@cache
def collectors() -> tuple[Practice, ...]:
    """The sources whose payments are paid out as collections, from the seed of practices."""
    with PRACTICES.open(encoding="utf-8", newline="") as file:
        return tuple(
            Practice(row["source_id"], row["collection_time_zone"], int(row["close_days"]), int(row["latest_days"]))
            for row in csv.DictReader(file)
            if row["payout_kind"] == "collection"
        )


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Create the table `collectors`: the practices of sources whose payments are collected."""
    practices = ", ".join(
        f"({literal(p.source_id)}, {literal(p.time_zone)}, {p.close_days}, {p.latest_days})" for p in collectors()
    )
    con.execute(
        "create or replace temp table collectors as select * "
        f"from (values {practices}) as c(_source_id, time_zone, close_days, latest_days)"
    )


def touch_joined(con: duckdb.DuckDBPyConnection, feeds: Mapping[str, Contract], read: FeedRows) -> None:
    """Touch the collections that payments of this arrival join, and those of known payments whose order is in it."""
    if not feeds.keys() & {"payments", "orders"}:
        return
    con.execute(
        """
        create or replace temp table changed_payments as
        select document_key, was_market is not null as is_known from documents where feed = 'payments'
        union
        select e.from_key, true
        from near_edges as e
        join documents as d on d.feed = 'orders' and d.document_key = e.to_key
        where e.from_feed = 'payments'
        """
    )
    condition = "_document_key in (select document_key from changed_payments)"
    rows = f"select {PAID} from arriving_payments where {condition}" if "payments" in feeds else ""
    if con.execute("select 1 from changed_payments where is_known limit 1").fetchall():
        known = "_document_key in (select document_key from changed_payments where is_known)"
        rows = " union all ".join(filter(None, (rows, read.before("payments", PAID, known))))
    if not rows:
        return
    con.execute(
        f"""
        create or replace temp table joined_collections as
        select distinct p._order_key as order_key, p._market as market, {_payout_month("p")} as payout_month,
            c.close_days, c.latest_days
        from ({rows}) as p
        join collectors as c using (_source_id)
        where try_cast(p.paid_at as timestamp) is not null
        """
    )
    con.execute(
        "insert into found_touches select distinct 'marts', '', market, payout_month, 'payout_changed' "
        "from joined_collections"
    )
    if read.is_empty("joined_collections") or not read.has_known("bank_receipts"):
        return
    # A credit that is there already may now fit, or fit no more.
    orders = read.all(
        "orders", "_document_key, seller_id", "_document_key in (select order_key from joined_collections)"
    )
    con.execute(
        f"""
        insert into changed_collections
        select distinct o.seller_id, j.payout_month, j.close_days, j.latest_days
        from joined_collections as j join ({orders}) as o on o._document_key = j.order_key
        where o.seller_id is not null
        """
    )
    con.execute(
        f"""
        create or replace temp table credits_beside as
        select distinct r.* exclude (_content_hash)
        from ({read.before("bank_receipts", CREDITED, "seller_id in (select seller_id from changed_collections)")}) as r
        join changed_collections as c on c.seller_id = r.seller_id and {_in_window("c", "r")}
        where r.receipt_kind is distinct from 'platform_payout'
        """
    )
    con.execute("insert into restless_credits by name select * from credits_beside")
    con.execute(
        f"""
        insert into touched_orders
        select distinct j.order_key
        from joined_collections as j
        join ({orders}) as o on o._document_key = j.order_key
        join credits_beside as r on r.seller_id = o.seller_id and {_in_window("j", "r")}
        """
    )


def touch_offered(con: duckdb.DuckDBPyConnection, read: FeedRows) -> None:
    """Touch the collections that a credit without a report's reference may pay, and the orders in them."""
    con.execute(
        """
        create or replace temp table free_credits as
        select distinct * from restless_credits
        where value_on is not null and seller_id is not null
            and coalesce(receipt_kind, '') not in ('platform_payout', 'advance_payment')
            and (payout_ref is null or not list_has_any(
                list_transform(string_split(payout_ref, ';'), lambda ref: trim(ref)),
                (select coalesce(list(payout_ref), []) from settled_references)
            ))
        """
    )
    if read.is_empty("free_credits"):
        return
    orders = read.all("orders", "_document_key, seller_id", "seller_id in (select seller_id from free_credits)")
    sources = literals(sorted(practice.source_id for practice in collectors()))
    con.execute(f"create or replace temp table orders_of_sellers as select distinct * from ({orders})")
    payments = read.all(
        "payments",
        PAID,
        f"_source_id in ({sources}) and _order_key in (select _document_key from orders_of_sellers) "
        "and try_cast(paid_at as timestamp) is not null",
    )
    con.execute(
        f"""
        create or replace temp table payments_of_sellers as
        with rows as (
            select p.*, {_payout_month("p")} as payout_month, c.close_days, c.latest_days,
                row_number() over (partition by p._record_key order by p._version desc, p._event_at desc) as rank
            from ({payments}) as p join collectors as c using (_source_id)
        )
        select r.*, o.seller_id from rows as r join orders_of_sellers as o on o._document_key = r._order_key
        """
    )
    con.execute(
        f"""
        create or replace temp table offered_collections as
        with nets as (
            select _source_id, seller_id, _market as market, payout_month, currency_code,
                any_value(close_days) as close_days, any_value(latest_days) as latest_days,
                coalesce(sum(try_cast(amount as double)) filter (where rank = 1), 0) as net
            from payments_of_sellers
            group by all
        ),
        rates as (
            select distinct provider, try_cast(rate_on as date) as rate_on, currency_code,
                try_cast(rate_per_eur as double) as per_eur
            from ({read.all("fx_rates", "provider, rate_on, currency_code, rate_per_eur", "currency_code <> 'EUR'")})
            union all
            select distinct provider, try_cast(rate_on as date), 'EUR', 1
            from ({read.all("fx_rates", "provider, rate_on", "true")})
        ),
        offers as (
            select r.*, n.market, n.payout_month, n.currency_code as net_currency_code, n.net
            from free_credits as r
            join nets as n on n.seller_id = r.seller_id and {_in_window("n", "r")}
        ),
        distances as (
            select o._record_key, o.seller_id, o.market, o.payout_month, any_value(o.credited) as credited,
                min(abs(o.credited - o.net * case
                    when o.currency_code = o.net_currency_code then 1 else got.per_eur / paid.per_eur
                end)) as distance
            from offers as o
            left join rates as paid on paid.currency_code = o.net_currency_code
                and paid.rate_on between o.value_on - {RATE_DAYS} and o.value_on
            left join rates as got on got.currency_code = o.currency_code and got.provider = paid.provider
                and got.rate_on = paid.rate_on
            group by all
        )
        select distinct seller_id, market, payout_month
        from distances
        -- Another market knows nothing of the collection that it pays, and may take what is nearly its own for it.
        qualify coalesce(distance, 0) < greatest({CENTS}, {NEARLY} * credited)
            or min(coalesce(distance, 1)) over (partition by _record_key) >= {CENTS}
        """
    )
    con.execute(
        "insert into found_touches select distinct 'marts', '', market, payout_month, 'payout_changed' "
        "from offered_collections"
    )
    con.execute(
        """
        insert into touched_orders
        select distinct p._order_key
        from payments_of_sellers as p
        join offered_collections as o
            on o.seller_id = p.seller_id and o.market = p._market and o.payout_month = p.payout_month
        """
    )


def _payout_month(payments: str) -> str:
    """SQL of the month in which a payment's collection stands: the one after its own in the collector's zone."""
    local = f"timezone(c.time_zone, timezone('UTC', try_cast({payments}.paid_at as timestamp)))"
    return f"strftime({local} + interval 1 month, '%Y-%m')"


def _in_window(collection: str, credit: str) -> str:
    """SQL that is true when a credit's value date lies where the collection may be paid."""
    first = f"cast({collection}.payout_month || '-01' as date)"
    return f"{credit}.value_on between {first} and {first} + {collection}.close_days + {collection}.latest_days"
