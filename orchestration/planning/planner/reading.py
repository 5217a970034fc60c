"""What the published tables know of planners' decisions.

Belongs here: SQL over views of the published tables. Does not: figures that are made from it.
"""

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from orchestration.planning.decisions import DECISION_COLUMNS, decided_orders
from orchestration.planning.hand import OVERRULED, PRODUCT, UNKNOWN_NODE, WITHDRAWN, unused_overrides, with_node_keys
from orchestration.planning.planner.tables import OVERRIDE_TYPES

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
_OVERRIDES = "select * from stg_forecast_overrides order by market, override_id"
_NEWEST = """
    select market, node_type, node_id, product_id, made_on, target_on, forecast_qty
    from demand_forecast
    where step = 'week' and market in (select market from stg_forecast_overrides)
    qualify made_on = max(made_on) over (partition by market)
    order by all
"""
_PLANNED = """
    with newest as (
        select market, override_id from demand_plan where planner_qty is not null
        qualify made_on = max(made_on) over (partition by market)
    )
    select distinct market, override_id from newest where override_id is not null
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


def moment(known_until: date, decided: pd.DataFrame) -> pd.Timestamp:
    """The moment at which decisions are judged: that of the other data, or of the newest decision if that is later.

    Planners decide today, and data may be of the month before: what is published is known.
    """
    moments: list[pd.Timestamp] = [pd.Timestamp(known_until), *pd.to_datetime(decided["decided_at"])]
    return max(moments)


def decision_states(con: "duckdb.DuckDBPyConnection") -> pd.DataFrame:
    """Every decision that stands, with its state and the units that it keeps on order (see `decided_orders`)."""
    stands, lines = decisions(con), purchase_lines(con)
    if stands.empty:
        return pd.DataFrame(columns=list(DECISION_COLUMNS))
    newest = lines["ordered_at"].max() if len(lines) else stands["decided_at"].max()
    return decided_orders(stands, lines, suggestions(con), as_of=moment(newest, stands))


def override_states(con: "duckdb.DuckDBPyConnection") -> pd.DataFrame:
    """Every override with what the newest forecast of its market makes of it: OVERRIDE_TYPES.

    planned: the newest plan holds it. waiting: it counts from the next forecast on. over: its last day has passed.
    withdrawn, overruled: as the planner wants it. unused: no node of the forecast has its name: it never counts.
    """
    said, newest = con.execute(_OVERRIDES).df(), con.execute(_NEWEST).df()
    if said.empty:
        return pd.DataFrame(columns=list(OVERRIDE_TYPES))
    products = newest.loc[newest["node_type"] == PRODUCT, ["market", "node_id", "product_id"]]
    keyed = with_node_keys(said, products.rename(columns={"node_id": "product_key"}))
    unused = [
        unused_overrides(newest[newest["market"] == market], keyed[keyed["market"] == market])
        for market in keyed["market"].unique()
    ]
    why = pd.concat(unused).set_index("override_id")["reason"]
    made_on = said["market"].map(newest.groupby("market")["made_on"].max())
    planned = con.execute(_PLANNED).df()
    is_planned = pd.MultiIndex.from_frame(said[["market", "override_id"]]).isin(
        pd.MultiIndex.from_frame(planned[["market", "override_id"]])
    )
    reason = said["override_id"].map(why).fillna("")
    is_over = pd.to_datetime(said["to_on"]) < pd.to_datetime(made_on)
    state = np.select(
        [reason == WITHDRAWN, is_over, reason == OVERRULED, reason == UNKNOWN_NODE, is_planned & (reason == "")],
        ["withdrawn", "over", "overruled", "unused", "planned"],
        default="waiting",
    )
    return said.assign(made_on=made_on, override_state=state, unused_reason=reason)[list(OVERRIDE_TYPES)]
