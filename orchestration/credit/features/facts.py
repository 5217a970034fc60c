"""Facts of sellers with the moments at which they happened, as temporary tables of one connection.

Belongs here: one pass over each published table, and windows before each day that is asked about. Does not: figures.

Every table carries moments, and every reader compares them with its own day (`asked.as_of_on`): what happened on the
day itself or later does not count. Times are UTC; a day begins at midnight UTC.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

# How far back a seller's record goes: five years, as in registers of credit. Sales are those of the last year.
OBSERVATION_DAYS = 1826
# An order whose money or goods are still to come after so long has an open trail.
TRAIL_DAYS = 75

# Whole orders: a milestone is reached when all lines have reached it (infinity: one has not), a side track when one has
# taken it.
_ORDERS = """
    create or replace temp table credit_order_line as
    with
    -- Goods made to order wait for their making; what a product was first sold as needs no later version.
    made_to_order as (
        select product_key
        from stg_products
        group by product_key
        having coalesce(min_by(is_made_to_order, valid_from), false)
    )
    select
        ledger.order_key,
        any_value(ledger.seller_key) as seller_key,
        any_value(ledger.market) as market,
        min(ledger.ordered_at) as ordered_at,
        case when count(ledger.line_amount_usd) = count(*) then sum(ledger.line_amount_usd)::double end as usd,
        case when min(ledger.currency_code) = max(ledger.currency_code) then min(ledger.currency_code) end
            as currency_code,
        sum(ledger.line_amount)::double as amount,
        max(coalesce(ledger.paid_at, 'infinity')) as paid_at,
        max(coalesce(ledger.declared_at, 'infinity')) as declared_at,
        max(coalesce(ledger.released_at, 'infinity')) as released_at,
        max(coalesce(ledger.shipped_at, 'infinity')) as shipped_at,
        max(coalesce(ledger.delivered_at, 'infinity')) as delivered_at,
        max(coalesce(ledger.received_at, 'infinity')) as received_at,
        min(ledger.cancelled_at) as cancelled_at,
        min(ledger.stopped_at) as stopped_at,
        min(least(ledger.lost_at, ledger.returned_to_sender_at)) as undelivered_at,
        min(ledger.returned_at) as returned_at,
        min(ledger.promised_on) as promised_on,
        min(ledger.declaration_key) as declaration_key,
        bool_or(made_to_order.product_key is not null) as is_made_to_order
    from fct_trade_ledger as ledger
    left join made_to_order on ledger.product_key = made_to_order.product_key
    where ledger.seller_key is not null and ledger.ordered_at < $last
        and ledger.ordered_at >= $first::date - interval ({observation}) day
    group by ledger.order_key
"""

# Beside each order, once for all days: its buyer, what its documents say of each other, customs' answers.
_BESIDE = """
    create or replace temp table credit_order as
    with
    judged as (
        select order_key, bool_or(match_status in ('mismatch', 'rejected')) as is_broken
        from fct_match_result
        where match_status <> 'waiting_document' and order_key in (select order_key from credit_order_line)
        group by order_key
    ),
    declared as (
        select order_key, sum(declared_amount)::double as declared_amount, max(declared_at) as value_declared_at,
            min(currency_code) as declared_currency
        from fct_declaration_coverage
        where order_key in (select order_key from credit_order_line)
        group by order_key
        having min(currency_code) = max(currency_code)
    ),
    answers as (
        select declaration_key,
            min(received_at) filter (where status_code = '100') as rejected_at,
            min(received_at) filter (where status_code <> '100') as inspected_at
        from stg_declaration_receipts
        where status_code in ('100', '500', '501', '502', '503', '599')
        group by declaration_key
    )
    select orders.*, buyers.customer_key, judged.is_broken, answers.rejected_at, answers.inspected_at,
        case
            when orders.amount > 0 and orders.currency_code = declared.declared_currency then value_declared_at
        end as value_declared_at,
        abs(declared.declared_amount / nullif(orders.amount, 0) - 1) > 0.05 as is_misdeclared
    from credit_order_line as orders
    left join fct_orders as buyers on orders.order_key = buyers.order_key
    left join judged on orders.order_key = judged.order_key
    left join declared on orders.order_key = declared.order_key
    left join answers on orders.declaration_key = answers.declaration_key
"""

# Orders of each window, with what had become of them by the day. `pace` is the logarithm of the hours from payment to
# the export papers; goods from a warehouse abroad were declared before, and count to the carrier's hand-over.
_SEEN = """
    create or replace temp table credit_seen as
    with
    windowed as (
        select asked.as_of_on, orders.*, asked.as_of_on::timestamp as until,
            (date_diff('day', orders.ordered_at::date, asked.as_of_on) - 1) // 91 as quarter,
            case
                when orders.declared_at > orders.paid_at and orders.declared_at < asked.as_of_on then orders.declared_at
                else orders.shipped_at
            end as handled_at
        from credit_order as orders
        inner join credit_asked as asked
            on orders.ordered_at < asked.as_of_on
            and orders.ordered_at >= asked.as_of_on - interval ({observation}) day
    )
    select
        as_of_on, order_key, seller_key, market, quarter, ordered_at, usd, customer_key,
        case
            when handled_at < until and handled_at > paid_at and not is_made_to_order
                then ln(greatest(date_diff('minute', paid_at, handled_at), 10) / 60.0)
        end as pace,
        -- Goods that were declared before they were ordered are sold from a warehouse abroad.
        coalesce(declared_at < least(ordered_at, until), false) as is_stocked,
        coalesce(cancelled_at < until, false) as is_cancelled,
        -- A day of grace: the promise is a day of the market, and midnight there is not midnight UTC.
        case
            when promised_on + 2 <= as_of_on and not coalesce(cancelled_at < until, false)
                then not coalesce(delivered_at < least(until, (promised_on + 2)::timestamp), false)
        end as is_late,
        case when delivered_at < until - interval 30 day then coalesce(returned_at < until, false) end as is_returned,
        case
            when shipped_at < until - interval 60 day then coalesce(undelivered_at < until, false)
        end as is_undelivered,
        case
            when ordered_at < until - interval ({trail}) day and not coalesce(cancelled_at < until, false)
                then not (
                    coalesce(paid_at < until, false) and coalesce(released_at < until, false)
                    and coalesce(delivered_at < until, false) and coalesce(received_at < until, false)
                )
        end as is_open_trail,
        case when declared_at < until then declaration_key end as declaration_key,
        coalesce(rejected_at < until, false) as is_rejected,
        coalesce(inspected_at < until, false) as is_inspected,
        is_broken,
        case when value_declared_at < until then is_misdeclared end as is_misdeclared,
        coalesce(stopped_at < until, false) as is_stopped
    from windowed
"""


@contextmanager
def orders_until(con: "duckdb.DuckDBPyConnection", dates: Sequence[date]) -> Iterator[None]:
    """The temporary table `credit_order`: what the windows of all the days hold; gone when the block ends.

    con: a connection in which the published tables are readable by their names (`orchestration.sql.connect`).
    Raises ValueError without a day.
    """
    if not dates:
        raise ValueError("features need at least one day to be asked about")
    try:
        con.execute(_ORDERS.format(observation=OBSERVATION_DAYS), {"first": min(dates), "last": max(dates)})
        con.execute(_BESIDE)
        con.execute("drop table temp.credit_order_line")
        yield
    finally:
        for name in ("credit_order", "credit_order_line"):
            con.execute(f"drop table if exists temp.{name}")


@contextmanager
def window(con: "duckdb.DuckDBPyConnection", day: date) -> Iterator[None]:
    """The temporary tables `credit_asked` (the day) and `credit_seen` (its orders); gone when the block ends.

    One day after the other: all windows at once would hold every order as often as there are days.
    """
    try:
        con.execute("create or replace temp table credit_asked as select $day::date as as_of_on", {"day": day})
        con.execute(_SEEN.format(observation=OBSERVATION_DAYS, trail=TRAIL_DAYS))
        yield
    finally:
        for name in ("credit_seen", "credit_asked"):
            con.execute(f"drop table if exists temp.{name}")
