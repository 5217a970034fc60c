"""What one planning run has computed and not yet published, in a file of its own.

Belongs here: what a planning run reads and publishes. Does not: how (see `runs/unpartitioned.py`), the figures.
"""

from orchestration.lake import Lake
from orchestration.planning.outlook_tables import LAYER
from orchestration.planning.tables import PLANNING_MODELS
from orchestration.runs import unpartitioned
from orchestration.runs.unpartitioned import UnpartitionedRun
from orchestration.settings import Settings

READ_LAYERS = ("staging", "marts", "forecasts")
# The published tables that each step reads: a view of any other would cost time and be looked at by nobody.
STALE_READS = frozenset({"demand_forecast", "fct_daily_demand", "held_back"})
ARRIVAL_READS = frozenset({"fct_trade_ledger", "stg_purchase_orders", "stg_shipments", "stg_tracking_events"})
CAPACITY_READS = frozenset({"stg_capacity", "stg_shipments"})
HAND_READS = frozenset(
    {
        *("demand_forecast", "demand_plan", "fct_daily_demand", "fct_order_lines", "reorder", "stg_orders"),
        *("stg_forecast_overrides", "stg_order_decisions", "stg_products", "stg_purchase_orders"),
    }
)
STOCK_READS = frozenset(
    {
        *("demand_forecast", "demand_plan", "fct_daily_demand", "fct_landed_cost", "fct_order_lines", "stg_fx_rates"),
        *("reorder", "stg_order_decisions", "stg_products", "stg_purchase_orders", "stg_stock_snapshots"),
        "stg_suppliers",
    }
)


def newest_publication(lake: Lake) -> int:
    """The newest publication of anything that a plan reads; 0 before the first."""
    return unpartitioned.newest_publication(lake, READ_LAYERS)


class PlanningRun(UnpartitionedRun):
    """The file of one run of the planning job."""

    def __init__(self, settings: Settings, lake: Lake, root_run_id: str) -> None:
        super().__init__(settings, lake, root_run_id, layer=LAYER, layers=READ_LAYERS, models=PLANNING_MODELS)
