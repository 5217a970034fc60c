"""What assortment, transfers and the proof of the stock policy read.

Belongs here: SQL over views of the published tables. Does not: figures that are made from it.
"""

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from orchestration.planning.past_lines import PastLines

if TYPE_CHECKING:
    import duckdb

_SALES = """
    with lines as (
        select market, product_id, line_key, quantity, line_amount_usd, ordered_on
        from fct_order_lines
        where product_kind = 'product' and leg_type = 'sale' and ordered_on < $made_on
            and ordered_on >= $made_on - 546
    ),
    costs as (
        select line_key, sum(amount_usd) filter (where term not in ('goods', 'import_tax'))::double as other_usd
        from fct_landed_cost group by line_key
    ),
    products as (select product_id, any_value(unit_cost_usd) as unit_cost_usd from product_costs group by product_id)
    select market, lines.product_id,
        sum(line_amount_usd) filter (where ordered_on >= $made_on - 364)::double as revenue_usd,
        sum(quantity * unit_cost_usd + coalesce(other_usd, 0))
            filter (where ordered_on >= $made_on - 364)::double as landed_cost_usd,
        sum(quantity * unit_cost_usd) filter (where ordered_on >= $made_on - 364)::double as goods_usd,
        sum(quantity) filter (where ordered_on >= $made_on - 364)::double as sold_qty,
        sum(quantity) filter (where ordered_on >= $made_on - 182)::double as recent_qty,
        sum(quantity) filter (where ordered_on < $made_on - 364)::double as earlier_qty,
        sum(quantity) filter (where ordered_on >= $made_on - 91)::double as quarter_qty
    from lines
    left join costs using (line_key)
    left join products on lines.product_id = products.product_id
    group by all
    order by all
"""
_VALUES = """
    select market, product_id, coalesce(sum(sales_amount_usd), 0)::double as sales_usd
    from fct_daily_demand where sold_on < $before and sold_on >= $before - 364
    group by all
"""
_LAST_LINES = """
    select market, product_id, quantity::double as pieces, ordered_on
    from fct_order_lines
    where leg_type = 'sale' and product_kind = 'product' and quantity > 0 and ordered_on < $made_on
    order by ordered_on, line_key
"""


def read_sales(con: "duckdb.DuckDBPyConnection", made_on: date, products: pd.DataFrame) -> pd.DataFrame:
    """By market and product: what it brought and cost in a year (see `assortment.assess`).

    products: product_id, unit_cost_usd; the goods of a landed cost are their price to the buyer, so that the cost of
    the goods is the seller's. Import tax is left out: a line's amount is without it, and the buyer pays it on top.
    """
    con.register("product_costs", products[["product_id", "unit_cost_usd"]])
    try:
        return con.execute(_SALES, {"made_on": made_on}).df()
    finally:
        con.unregister("product_costs")


def read_values(con: "duckdb.DuckDBPyConnection", before: date) -> pd.DataFrame:
    """By market and product the sales of the year before a day: market, product_id, sales_usd."""
    return con.execute(_VALUES, {"before": before}).df()


def read_past_lines(
    con: "duckdb.DuckDBPyConnection", made_on: date, *, chosen_before: date, items: int
) -> tuple[PastLines, pd.DataFrame]:
    """Every line that was sold, and the items: market and product with most lines in the year before `chosen_before`.

    Frame: market, product_id, by item.
    """
    rows = con.execute(_LAST_LINES, {"made_on": made_on}).df()
    on = pd.to_datetime(rows["ordered_on"])
    day = (on - on.min()).dt.days.to_numpy(np.int64)
    cut = pd.Timestamp(chosen_before)
    known = rows[(on < cut) & (on >= cut - pd.Timedelta(days=364))]
    best = known.groupby(["market", "product_id"]).size().sort_values(ascending=False, kind="stable").head(items)
    chosen = best.index.to_frame(index=False)
    place = {key: number for number, key in enumerate(zip(chosen["market"], chosen["product_id"], strict=True))}
    item = [place.get(key, -1) for key in zip(rows["market"], rows["product_id"], strict=True)]
    codes, markets = pd.factorize(rows["market"], sort=True)
    lines = PastLines(
        day.astype(np.int64),
        codes.astype(np.int64),
        np.array(item, dtype=np.int64),
        rows["pieces"].to_numpy(float),
        len(chosen),
        len(markets),
        np.asarray(rows.groupby(["market", "product_id"], sort=False).ngroup(), dtype=np.int64),
    )
    return lines, chosen
