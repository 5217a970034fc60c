"""What a stock plan reads: the newest state of stock, orders, prices and forecasts, as frames.

Belongs here: SQL over views of the published tables. Does not: figures that are made from it.
"""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, cast

import pandas as pd

if TYPE_CHECKING:
    import duckdb

DEMAND_DAYS = 364
LINE_DAYS = 728
# A purchase order that is this late will not come any more, and its units would keep others from being ordered.
LOST_AFTER_DAYS = 90

_MADE_ON = """
    select greatest(
        (select max(sold_on) from fct_daily_demand), (select max(counted_on) from stg_stock_snapshots)
    ) + 1
"""
_STOCK = """
    select site_code, product_id, on_hand_qty::double as on_hand_qty, reserved_qty::double as reserved_qty,
        in_transit_qty::double as in_transit_qty, counted_on, served_countries, market as site_country
    from stg_stock_snapshots
    where counted_on < $made_on
    qualify row_number() over (partition by site_code, product_id order by counted_on desc, changed_at desc) = 1
    order by site_code, product_id
"""
_SHIPPED = """
    select site_code, product_id, sum(shipped_qty)::double as shipped_qty
    from stg_stock_snapshots where counted_on >= $made_on - $days and counted_on < $made_on
    group by all having sum(shipped_qty) > 0 order by all
"""
_SOLD = """
    select market, product_id, sum(sold_qty)::double as sold_qty,
        coalesce(sum(sales_amount_usd), 0)::double as sales_usd
    from fct_daily_demand where sold_on >= $made_on - $days and sold_on < $made_on
    group by all order by all
"""
_FOUR_WEEKS = """
    select product_id, (($made_on - sold_on - 1) // 28)::integer as period, sum(sold_qty)::double as sold_qty
    from fct_daily_demand where sold_on >= $made_on - $days and sold_on < $made_on
    group by all order by all
"""
_LINES = """
    select market, product_id, quantity::double as pieces, ordered_on
    from fct_order_lines
    where leg_type = 'sale' and product_kind = 'product' and quantity > 0
        and ordered_on >= $made_on - $days and ordered_on < $made_on
    order by ordered_on, line_key
"""
_OPEN = """
    select site_code, product_id,
        sum(greatest(quantity - coalesce(received_qty, 0), 0))::double as ordered_qty
    from stg_purchase_orders
    where received_on is null and ordered_at::date < $made_on
        and coalesce(promised_on, ordered_at::date + 60) >= $made_on - $lost
    group by all order by all
"""
_PRODUCTS = """
    with newest as (
        select * from stg_products where coalesce(valid_from, date '1900-01-01') < $made_on
        qualify row_number() over (
            partition by product_id order by coalesce(valid_from, date '1900-01-01') desc, changed_at desc nulls last
        ) = 1
    ),
    suppliers as (
        select * from stg_suppliers where valid_from < $made_on
        qualify row_number() over (partition by supplier_id order by valid_from desc) = 1
    ),
    rates as (
        select currency_code, max_by(rate_per_eur, rate_on)::double as rate
        from stg_fx_rates where rate_on < $made_on and rate_on >= $made_on - 30 group by all
    )
    select newest.product_id, newest.product_name, newest.seller_id, newest.supplier_id, newest.category_code,
        coalesce(newest.is_made_to_order, false) as is_made_to_order,
        newest.unit_weight_kg::double as unit_weight_kg, newest.unit_cost_amount::double as unit_cost_amount,
        newest.cost_currency_code as currency_code,
        newest.unit_cost_amount::double / nullif(rates.rate, 0) * usd.rate as unit_cost_usd,
        suppliers.capacity_per_week_qty::double as capacity_per_week_qty,
        suppliers.lead_time_days::double as lead_time_days,
        suppliers.minimum_order_qty::double as minimum_order_qty,
        suppliers.flexible_share_pct::double as flexible_share_pct
    from newest
    left join suppliers using (supplier_id)
    left join rates on newest.cost_currency_code = rates.currency_code
    left join rates as usd on usd.currency_code = 'USD'
    order by product_id
"""
_FORECAST = """
    with model as (
        select * from demand_forecast
        where step = 'week' and node_type in ('product', 'rest')
        qualify made_on = max(made_on) over (partition by market)
    )
    -- The planner's figures where there are some; without a word of theirs the plan is the model's.
    select model.market, model.node_type, coalesce(model.product_id, '') as product_id,
        coalesce(model.category, '') as category, model.made_on, model.target_on,
        coalesce(demand_plan.plan_qty, model.forecast_qty) as forecast_qty, model.p100_qty, model.p900_qty,
        model.level_cv
    from model
    left join demand_plan using (market, node_type, node_id, step, made_on, target_on)
    order by all
"""


@dataclass(frozen=True)
class StockInputs:
    """Frames of one moment. Quantities are pieces; the columns are those of the queries above."""

    made_on: date
    stock: pd.DataFrame
    shipped: pd.DataFrame
    sold: pd.DataFrame
    four_weeks: pd.DataFrame
    lines: pd.DataFrame
    open_orders: pd.DataFrame
    products: pd.DataFrame
    forecast: pd.DataFrame
    accepted: pd.DataFrame


def made_on_of(con: "duckdb.DuckDBPyConnection") -> date | None:
    """The first day that nothing is known of; None where nothing is published."""
    (row,) = con.execute(_MADE_ON).fetchall()
    return cast("date | None", row[0])


def read_stock_inputs(con: "duckdb.DuckDBPyConnection", made_on: date) -> StockInputs:
    """Everything that a stock plan needs, from views of the published tables."""

    def frame(query: str, **values: object) -> pd.DataFrame:
        return con.execute(query, {"made_on": made_on, **values}).df()

    return StockInputs(
        made_on=made_on,
        stock=frame(_STOCK),
        shipped=frame(_SHIPPED, days=DEMAND_DAYS),
        sold=frame(_SOLD, days=DEMAND_DAYS),
        four_weeks=frame(_FOUR_WEEKS, days=DEMAND_DAYS),
        lines=frame(_LINES, days=LINE_DAYS),
        open_orders=frame(_OPEN, lost=LOST_AFTER_DAYS),
        products=frame(_PRODUCTS),
        forecast=con.execute(_FORECAST).df(),
        accepted=_accepted(con, made_on),
    )


def _accepted(con: "duckdb.DuckDBPyConnection", made_on: date) -> pd.DataFrame:
    """Units of accepted suggestions that no purchase order shows yet: site_code, product_id, accepted_qty."""
    from orchestration.planning.decisions import accepted_quantities, decided_orders
    from orchestration.planning.planner import reading

    decided = reading.decisions(con)
    if decided.empty:
        return pd.DataFrame({"site_code": [], "product_id": [], "accepted_qty": []})
    return accepted_quantities(
        decided_orders(
            decided, reading.purchase_lines(con), reading.suggestions(con), as_of=reading.moment(made_on, decided)
        )
    )
