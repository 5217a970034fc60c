"""What the credit job has to take as it is: markets that are held back or behind, and the sellers whom that concerns.

Belongs here: which, why and since when, in words. Does not: what becomes of their scores (see `history.py`).
"""

from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    import duckdb

# A market is behind when it is silent for so long, and for so many times its usual pause between days with orders.
SILENT_DAYS = 14
USUAL_PAUSES = 6

_STALE = f"""
    with days as (
        select market, max(ordered_on) as data_until_on, count(distinct ordered_on) as day_count,
            min(ordered_on) as first_on
        from fct_orders where ordered_on >= $as_of - 365 and ordered_on < $as_of group by market
    ),
    held as (
        select market, any_value(reasons) as reasons, min(since) as since from held_back group by market
    )
    select coalesce(days.market, held.market) as market,
        case
            when held.market is not null then 'held back since ' || strftime(held.since, '%Y-%m-%d') || ': '
                || held.reasons
            else format('its orders end on {{}}, those of others go on to {{}}', data_until_on, $as_of - 1)
        end as reason,
        -- Its rows are as they were at the last publication: what it knows ends with its data.
        coalesce(data_until_on + 1, $as_of) as stale_since_on, data_until_on, held.market is not null as is_held_back,
        $as_of as as_of_on
    from days
    full join held using (market)
    where held.market is not null
        or $as_of - data_until_on
            > greatest({SILENT_DAYS}, {USUAL_PAUSES} * (data_until_on - first_on + 1) / nullif(day_count, 0))
    order by market
"""
STALE_COLUMNS = ("market", "as_of_on", "reason", "is_held_back", "stale_since_on", "data_until_on", "seller_count")


def find_stale_markets(con: "duckdb.DuckDBPyConnection", as_of: date, sales: pd.DataFrame) -> pd.DataFrame:
    """One row per stale market with STALE_COLUMNS.

    con: views of the published tables. sales: seller_id and market of whoever sold there within a year.
    """
    found = con.execute(_STALE, {"as_of": as_of}).df()
    sellers = sales.groupby("market")["seller_id"].nunique()
    found["seller_count"] = found["market"].map(sellers).fillna(0).astype(int)
    return found[list(STALE_COLUMNS)]


def stale_sellers(stale: pd.DataFrame, sales: pd.DataFrame) -> pd.DataFrame:
    """By seller_id, for whoever sold in a stale market within a year: stale_reason, stale_since_on, stale_markets."""
    rows = sales[["seller_id", "market"]].drop_duplicates().merge(stale, on="market")
    rows = rows.sort_values(["seller_id", "market"], kind="stable")
    rows["words"] = rows["market"] + " " + rows["reason"]
    return rows.groupby("seller_id", as_index=False).agg(
        stale_reason=("words", "; ".join),
        stale_since_on=("stale_since_on", "min"),
        stale_markets=("market", ", ".join),
    )
