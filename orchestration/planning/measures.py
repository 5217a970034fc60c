"""What the gate of the plans judges: columns that the suites of expectations/planning.py name.

Belongs here: SQL over the run's tables. Does not: thresholds.
"""

from orchestration.gates.measures import WITHOUT_MARKET, Measure

PLANNING_GATE = "planning_gate"
_REORDER = f"""
    select '{WITHOUT_MARKET}' as market, site_code || ' ' || product_id as subject,
        suggested_qty, order_up_to_qty - reorder_point_qty as level_above_point_qty,
        coalesce(length(trim(reason)), 0) as reason_length
    from planning.reorder
"""
_TRANSFERS = f"""
    select '{WITHOUT_MARKET}' as market, from_site_code || ' ' || to_site_code || ' ' || product_id as subject,
        suggested_qty, coalesce(length(trim(reason)), 0) as reason_length
    from planning.transfer_suggestion
"""
PLANNING_MEASURES: tuple[Measure, ...] = (
    Measure("planning.reorder", "planning.reorder", _REORDER),
    Measure("planning.transfers", "planning.transfer_suggestion", _TRANSFERS),
)
