"""What the gate of the plans judges: columns that the suites of expectations/planning.py name.

Belongs here: SQL over the run's tables. Does not: thresholds.
"""

from orchestration.gates.measures import WITHOUT_MARKET, Measure
from orchestration.planning.tables import OURS

PLANNING_GATE = "planning_gate"
# Stock is planned by lead times: a gate of their own judges them before.
ARRIVAL_GATE = "arrival_gate"
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
_SHIPMENTS = f"""
    select '{WITHOUT_MARKET}' as market, shipment_key as subject,
        coalesce(late_probability between 0 and 1, true) as is_sane,
        coalesce(arrives_p10_at <= arrives_p50_at and arrives_p50_at <= arrives_p90_at, true)
            and coalesce(clears_p10_hours <= clears_p50_hours and clears_p50_hours <= clears_p90_hours, true)
            as is_ordered
    from planning.shipment_outlook
"""
_LEAD_TIMES = f"""
    select '{WITHOUT_MARKET}' as market,
        concat_ws(' ', origin_country, market, transport_mode, supplier_id, site_code, part) as subject,
        isfinite(mean_days) and p100_days >= 0 as is_sane,
        p100_days <= p500_days and p500_days <= p900_days and p900_days <= p990_days as is_ordered
    from planning.lead_time
"""
_CAPACITY = f"""
    select '{WITHOUT_MARKET}' as market, site_code || ' ' || capacity_kind || ' ' || target_on as subject,
        isfinite(p99_qty) and p50_qty >= 0 as is_sane,
        p50_qty <= p90_qty and p90_qty <= p99_qty as is_ordered
    from planning.capacity_outlook
"""
_OVERRIDES = f"""
    select '{WITHOUT_MARKET}' as market,
        override_id || ' of ' || market || ' ' || node_type || ' ' || node_id as subject,
        override_state <> 'unused' as is_used
    from planning.override_state
"""
_PROOF = f"""
    select '{WITHOUT_MARKET}' as market, 'class ' || abc_class || ', promised ' || target_fill_pct as subject,
        error_points
    from planning.stock_policy_simulation where policy = '{OURS}' and ordered_qty > 0
"""
PLANNING_MEASURES: tuple[Measure, ...] = (
    Measure("planning.reorder", "planning.reorder", _REORDER),
    Measure("planning.transfers", "planning.transfer_suggestion", _TRANSFERS),
    Measure("planning.capacity_outlook", "planning.capacity_outlook", _CAPACITY),
    Measure("planning.override_state", "planning.override_state", _OVERRIDES),
    Measure("planning.stock_policy_simulation", "planning.stock_policy_simulation", _PROOF),
)
ARRIVAL_MEASURES: tuple[Measure, ...] = (
    Measure("planning.shipment_outlook", "planning.shipment_outlook", _SHIPMENTS),
    Measure("planning.lead_time", "planning.lead_time", _LEAD_TIMES),
)
