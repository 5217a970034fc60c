"""What the guarantee reads of the published tables: orders by month, events that cost money, claims.

Belongs here: SQL over views of the published tables. Does not: figures that are made from it.
"""

from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    import duckdb

# An order says what it will say of itself after so many days: disputes come within ten weeks and take eight (demo).
MATURE_DAYS = 120
# What was paid for and has not come so long after the promised day will not come; a refund takes a month at most.
LOST_AFTER_DAYS = 60
REFUND_DAYS = 30
HISTORY_DAYS = 1460

_ORDERS = f"""
    create or replace temp table guaranteed_orders as
    with orders as (
        select order_key, any_value(seller_id) as seller_id, any_value(market) as market,
            min(ordered_at)::date as ordered_on, sum(line_amount_usd)::double as order_usd,
            sum(line_amount_usd) filter (
                where paid_at is not null and delivered_at is null and cancelled_at is null and refunded_at is null
                    and stopped_at is null
                    and coalesce(promised_on, ordered_at::date + {LOST_AFTER_DAYS}) < $as_of - {LOST_AFTER_DAYS}
            )::double as lost_usd,
            sum(line_amount_usd) filter (
                where returned_at < $as_of - {REFUND_DAYS} and refunded_at is null
            )::double as unrefunded_usd
        from fct_trade_ledger
        where seller_id is not null and ordered_at < $as_of and ordered_at >= $as_of - {HISTORY_DAYS}
        group by order_key
    )
    select orders.*, least(order_usd * coalesce(terms.cover_pct, 90) / 100, coalesce(terms.order_cap_usd, 5000))
        as covered_usd
    from orders
    left join terms using (seller_id)
    where order_usd > 0
"""
_MONTHS = """
    select seller_id, market, date_trunc('month', ordered_on)::date as month, count(*) as order_count,
        sum(order_usd) as order_usd, sum(covered_usd) as covered_usd
    from guaranteed_orders group by all order by all
"""
# One event for an order: the dispute says most, then what never came, then what was not refunded.
_EVENTS = """
    with cases as (
        select order_key, arg_max(outcome_code, closed_at) as outcome_code,
            max(case when outcome_code = 'settled' and disputed_amount > 0
                then coalesce(refunded_amount, disputed_amount) / disputed_amount else 1 end)::double as loss_share
        from stg_disputes
        where closed_at < $as_of and outcome_code in ('buyer_won', 'settled')
        group by all
    ),
    claimed as (select distinct order_key from stg_guarantee_claims where claimed_at < $as_of)
    select seller_id, market, ordered_on, order_usd, covered_usd,
        case when cases.order_key is not null or claimed.order_key is not null then 'dispute'
            when lost_usd > 0 then 'non_delivery' else 'return' end as kind,
        least(1, case when cases.order_key is not null or claimed.order_key is not null
            then greatest(coalesce(cases.loss_share, 1), 0.01)
            when lost_usd > 0 then lost_usd / order_usd else unrefunded_usd / order_usd end) as loss_share,
        claimed.order_key is not null as is_called
    from guaranteed_orders
    left join cases using (order_key)
    left join claimed using (order_key)
    where cases.order_key is not null or claimed.order_key is not null or lost_usd > 0 or unrefunded_usd > 0
    order by ordered_on, order_key
"""
_CLAIMS = """
    with orders as (
        select order_key, sum(line_amount_usd)::double as order_usd, min(ordered_at) as ordered_at,
            max(promised_on) as promised_on
        from fct_trade_ledger
        where order_key in (select order_key from stg_guarantee_claims)
        group by all
    )
    select claims.claim_no, claims.market, coalesce(claims.seller_id, '') as seller_id, claims.order_no, claims.case_no,
        claims.claimed_at, claims.claim_status, claims.claimed_amount::double as claimed_amount,
        claims.paid_amount::double as paid_amount, claims.recovered_amount::double as recovered_amount,
        claims.currency_code, claims.paid_on, claims.order_key, own.currency_code as order_currency_code,
        own.payable_amount::double as payable_amount, orders.order_usd, orders.ordered_at, orders.promised_on
    from stg_guarantee_claims as claims
    left join orders using (order_key)
    left join stg_orders as own on claims.order_key = own.order_key and claims.market = own.market
    order by claims.claimed_at, claims.claim_no
"""


def prepare_orders(con: "duckdb.DuckDBPyConnection", as_of: date, terms: pd.DataFrame) -> None:
    """Bring every order of four years with what it lost into the connection, for `months` and `events`.

    terms: seller_id, cover_pct, order_cap_usd of the sellers' grades.
    """
    con.register("terms", terms)
    con.execute(_ORDERS, {"as_of": as_of})
    con.unregister("terms")


def months(con: "duckdb.DuckDBPyConnection") -> pd.DataFrame:
    """By seller_id, market and month: order_count, order_usd, covered_usd."""
    return con.execute(_MONTHS).df()


def events(con: "duckdb.DuckDBPyConnection", as_of: date) -> pd.DataFrame:
    """One row per order that cost its buyer money: kind, loss_share of its value, is_called on the guarantee."""
    return con.execute(_EVENTS, {"as_of": as_of}).df()


def claims(con: "duckdb.DuckDBPyConnection") -> pd.DataFrame:
    """One row per claim with its order's value, currency and promised day."""
    return con.execute(_CLAIMS).df()
