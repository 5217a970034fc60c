"""The planner's hand on a night's forecast: published overrides, applied beside the model's figures.

Belongs here: reading overrides. Does not: how they count (see `planning/hand.py`).
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from orchestration.forecasting.tables import PLAN_COLUMNS
from orchestration.planning.hand import apply_overrides, with_node_keys

if TYPE_CHECKING:
    import duckdb


def planned(con: "duckdb.DuckDBPyConnection", weekly: pd.DataFrame) -> pd.DataFrame:
    """The rows of `demand_plan` of a market's weekly forecast."""
    market = str(weekly["market"].iloc[0])
    overrides = con.execute("select * from stg_forecast_overrides where market = ?", [market]).df()
    if overrides.empty:
        return models_plan(weekly)
    is_product = weekly["node_type"] == "product"
    products = weekly.loc[is_product, ["market", "node_id", "product_id"]].rename(columns={"node_id": "product_key"})
    keyed = with_node_keys(overrides, products)
    members = weekly.loc[is_product, ["market", "node_id", "category"]].drop_duplicates()
    rows = apply_overrides(weekly, keyed, members).rows
    return rows[list(PLAN_COLUMNS)]


def models_plan(weekly: pd.DataFrame) -> pd.DataFrame:
    """The plan that nobody has changed: the model's figures."""
    plan = weekly.rename(columns={"forecast_qty": "model_qty"})
    plan = plan.assign(planner_qty=np.nan, plan_qty=plan["model_qty"], plan_basis="model")
    return plan.assign(override_id=None, reason=None, decided_by=None)[list(PLAN_COLUMNS)]
