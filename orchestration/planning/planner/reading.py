"""What the published tables know of planners' decisions.

Belongs here: SQL over views of the published tables. Does not: figures that are made from it.
"""

from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    import duckdb

_PLANS = "select * from demand_plan where step = 'week' and planner_qty is not null and made_on <= target_on"
# Where a market's data end is told by its last sale: a week counts once every day of it is known.
_ACTUALS = f"""
    with nodes as (select distinct market, node_type, node_id, target_on from ({_PLANS})),
    known as (select market, max(sold_on) as last_on from fct_daily_demand group by market),
    weeks as (
        select nodes.* from nodes inner join known using (market) where nodes.target_on + 6 <= known.last_on
    ),
    catalogue as (
        select product_key, max_by(category_code, coalesce(valid_from, date '1900-01-01')) as category
        from stg_products where category_code is not null group by all
    ),
    sold as (
        select market, sold_on, 'market' as node_type, market as node_id, sold_qty as units from fct_daily_demand
        union all
        select market, sold_on, 'product', product_key, sold_qty from fct_daily_demand
        union all
        select market, sold_on, 'category', coalesce(nullif(category, ''), 'unknown'), sold_qty
        from fct_daily_demand left join catalogue using (product_key)
        union all
        select lines.market, lines.ordered_on, 'subdivision', orders.subdivision_code, lines.quantity
        from fct_order_lines as lines
        inner join stg_orders as orders on lines.order_key = orders.order_key and orders.market = lines.market
        where lines.product_kind = 'product' and lines.leg_type = 'sale' and orders.subdivision_code is not null
    )
    select weeks.market, weeks.node_type, weeks.node_id, weeks.target_on,
        coalesce(sum(sold.units), 0)::double as actual_qty
    from weeks
    left join sold
        on sold.market = weeks.market and sold.node_type = weeks.node_type and sold.node_id = weeks.node_id
        and sold.sold_on between weeks.target_on and weeks.target_on + 6
    group by all
    order by all
"""


def overridden_plans(con: "duckdb.DuckDBPyConnection") -> pd.DataFrame:
    """The weeks of nodes for which a planner gave a figure, in every plan that was made before they began."""
    return con.execute(f"{_PLANS} order by market, node_type, node_id, target_on, made_on").df()


def overridden_actuals(con: "duckdb.DuckDBPyConnection") -> pd.DataFrame:
    """Units sold in those of these weeks that are over: market, node_type, node_id, target_on, actual_qty."""
    return con.execute(_ACTUALS).df()


def decisions(con: "duckdb.DuckDBPyConnection") -> pd.DataFrame:
    """The decisions that stand, as stg_order_decisions has them."""
    return con.execute("select * from stg_order_decisions order by decided_at, suggestion_id").df()


def purchase_lines(con: "duckdb.DuckDBPyConnection") -> pd.DataFrame:
    """Lines of purchase orders: po_no, site_code, product_id, supplier_id, ordered_at, quantity.

    Only those of products on which somebody has decided: there may be millions of others.
    """
    return con.execute(
        """
        select po_no, site_code, product_id, supplier_id, ordered_at, quantity::double as quantity
        from stg_purchase_orders
        where product_id in (select product_id from stg_order_decisions)
        order by ordered_at, po_no, line_no
        """
    ).df()


def suggestions(con: "duckdb.DuckDBPyConnection") -> pd.DataFrame:
    """The published order suggestions: suggestion_id, site_code, product_id, suggested_qty."""
    return con.execute("select suggestion_id, site_code, product_id, suggested_qty from reorder").df()


def moment(made_on: date, decided: pd.DataFrame) -> pd.Timestamp:
    """The moment at which decisions are judged: that of the plan, or of the newest decision if that is later.

    Planners decide today, and data may be of the month before: what is published is known.
    """
    newest = pd.to_datetime(decided["decided_at"]).max()
    return pd.Timestamp(made_on) if pd.isna(newest) else max(pd.Timestamp(made_on), newest)
