"""What is read of a market's customers: its order lines, what became of them, and the categories of its products.

Belongs here: views over the lake, and the SQL that makes purchases. Does not: any maths.
"""

from collections.abc import Collection
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import duckdb
import numpy as np

from orchestration.customers.purchases import Guests, Purchases, Rows, Tastes
from orchestration.lake import Lake
from orchestration.marketing.recommending.tables import RECOMMENDATION
from orchestration.modeling.manifest import published_models
from orchestration.runs.market_models import published_views
from orchestration.runs.plan import RunPlan
from orchestration.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

READ = (
    "fct_order_lines", "fct_trade_ledger", "stg_products", "stg_customers", "stg_orders", "stg_order_lines",
    "dim_market",
)  # fmt: skip
# Tastes are compared over the categories that are bought most; a shop of hundreds has most of them for one customer.
MOST_CATEGORIES = 40

_CUSTOMERS = """
    create or replace temp table customers as
    select source_id, customer_key, (row_number() over (order by source_id, customer_key) - 1)::integer as customer
    from (select distinct source_id, customer_key from fct_order_lines where market = $market)
    where customer_key is not null
"""
_CATEGORIES = """
    create or replace temp table product_category as
    select product_key, max_by(category_code, coalesce(valid_from, date '1900-01-01')) as category_code
    from stg_products where category_code is not null group by all
"""
# What went back, of each sale: cancelled or returned by a document of the ledger, or by a leg that was tied to the sale
# without one. A leg that is tied is not counted again as an amount of its own.
_TAKEN_BACK = """
    create or replace temp table taken_back as
    select line_key, sum(quantity) as quantity
    from (
        select line_key, cancelled_qty + returned_qty as quantity
        from fct_trade_ledger where market = $market and cancelled_qty + returned_qty > 0
        union all
        select reverses_line_key, -quantity from fct_order_lines
        where market = $market and reverses_line_key is not null and reversal_basis = 'inferred'
    )
    group by all
"""
_KEPT = """
    create or replace temp view kept_lines as
    select lines.source_id, lines.customer_key, lines.order_key, lines.product_key, lines.ordered_on,
        lines.leg_type = 'sale' and lines.product_kind = 'product' and not lines.is_zero_price
            and coalesce(taken_back.quantity, 0) < lines.quantity as is_purchase,
        lines.line_amount_usd is null and lines.line_amount is not null as is_without_rate,
        case
            when lines.reverses_line_key is not null then 0
            when lines.leg_type = 'sale' and lines.quantity > 0
                then lines.line_amount_usd::double
                    * greatest(0, 1 - coalesce(taken_back.quantity, 0)::double / lines.quantity::double)
            else lines.line_amount_usd::double
        end as amount_usd
    from fct_order_lines as lines
    left join taken_back using (line_key)
    where lines.market = getvariable('market')
"""
_PARTS = """
    create or replace temp table parts as
    select customers.customer, kept_lines.ordered_on as day, product_category.category_code,
        bool_or(is_purchase) as is_purchase, coalesce(sum(amount_usd), 0) as amount_usd
    from kept_lines
    inner join customers using (source_id, customer_key)
    left join product_category using (product_key)
    group by all
"""
_DAYS = """
    select customer, (day - date '1970-01-01')::integer as day, bool_or(is_purchase) as is_purchase,
        sum(amount_usd) as amount_usd
    from parts group by all order by customer, day
"""
_TASTES = f"""
    with bought as (
        select customer, category_code, count(*) as purchases
        from parts where is_purchase and category_code is not null group by all
    ),
    largest as (
        select category_code, row_number() over (order by sum(purchases) desc, category_code) as place
        from bought group by category_code
    )
    select customer, largest.place - 1 as category, purchases, category_code
    from bought inner join largest using (category_code)
    where largest.place <= {MOST_CATEGORIES}
    order by all
"""
_GUESTS = """
    select count(distinct order_key) filter (where customer_key is null),
        coalesce(sum(amount_usd) filter (where customer_key is null), 0), count(*) filter (where is_without_rate),
        coalesce(sum(amount_usd), 0)
    from kept_lines
"""


def published(
    lake: Lake, plan: RunPlan, markets: Collection[str], settings: Settings
) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
    """A connection with a view of each table that is read, of these markets."""
    models = [*(published_models()[name] for name in READ), RECOMMENDATION]
    return published_views(lake, plan, models, markets, settings)


def read_purchases(con: duckdb.DuckDBPyConnection, market: str) -> Purchases | None:
    """The purchases of a market; None where it has no order line at all."""
    con.execute("set variable market = $market", {"market": market})
    ends = con.execute(
        "select (max(ordered_on) - date '1970-01-01')::integer from fct_order_lines where market = $market",
        {"market": market},
    ).fetchall()[0][0]
    if ends is None:
        return None
    for statement in (_CUSTOMERS, _CATEGORIES, _TAKEN_BACK, _KEPT, _PARTS):
        con.execute(statement, {"market": market} if "$market" in statement else {})
    keys = con.sql("select source_id, customer_key from customers order by customer").to_arrow_table()
    days, tastes = con.sql(_DAYS).to_arrow_table(), con.sql(_TASTES).to_arrow_table()
    guests, guest_usd, without_rate, total = con.execute(_GUESTS).fetchall()[0]
    customer, day = _numbers(days, "customer"), _numbers(days, "day")
    is_purchase = np.asarray(days.column("is_purchase").to_numpy(), dtype=np.bool_)
    amount = np.asarray(days.column("amount_usd").to_numpy(), dtype=np.float64)
    codes = dict(zip(tastes.column("category").to_pylist(), tastes.column("category_code").to_pylist(), strict=True))
    other = np.bincount(customer[~is_purchase], amount[~is_purchase], minlength=len(keys))
    return Purchases(
        market=market,
        end=int(ends),
        source_id=_one(keys, "source_id"),
        customer_key=_one(keys, "customer_key"),
        customer=customer[is_purchase],
        day=day[is_purchase],
        amount=amount[is_purchase],
        other_usd=np.asarray(other, dtype=np.float64),
        guests=Guests(int(guests), float(guest_usd)),
        tastes=Tastes(
            tuple(str(codes[place]) for place in range(len(codes))),
            _numbers(tastes, "customer"),
            _numbers(tastes, "category"),
            _numbers(tastes, "purchases"),
        ),
        lines_without_rate=int(without_rate),
        total_usd=float(total),
    )


def _numbers(table: "pa.Table", column: str) -> Rows:
    return np.asarray(table.column(column).to_numpy(), dtype=np.int64)


def _one(table: "pa.Table", column: str) -> "pa.Array":
    return table.column(column).combine_chunks()
