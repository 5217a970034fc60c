"""Transfers: what one warehouse has too much of and another lacks, before more is bought.

Belongs here: pairs of warehouses of one product, quantities, reasons. Does not: orders (see `stock_plan.py`).
Only what lies beyond the giver's own level, and what it would sell meanwhile, is given away.
"""

import numpy as np
import pandas as pd

from orchestration.planning.lead_times import SEA, SHARES, LeadTime, LeadTimes
from orchestration.planning.stock_plan import StockPlan, suggestion_id
from orchestration.planning.words import pieces

LEAST_QTY = 1.0
# A transfer must avoid at least this much shortage for each piece that is moved.
LEAST_GAIN = 0.02
COLUMNS = (
    "suggestion_id", "product_id", "from_site_code", "to_site_code", "made_on", "transport_mode",
    "lead_time_p50_days", "lead_time_p90_days", "suggested_qty", "from_days_of_cover", "to_days_of_cover",
    "short_qty_avoided", "reason",
)  # fmt: skip
# Where nothing is known of a lane: days from door to door by sea, and by road within a country.
BY_SEA = LeadTime(np.interp(SHARES, [0, 0.5, 1], [24.0, 35.0, 60.0]), "no shipments on the lane: usual days by sea", 0)
BY_ROAD = LeadTime(np.interp(SHARES, [0, 0.5, 1], [1.0, 2.0, 5.0]), "usual days by road", 0)


def suggest_transfers(plan: StockPlan, lanes: LeadTimes) -> pd.DataFrame:
    """One row per transfer, those that avoid most shortage first.

    lanes: days by sea from country to country, where shipments have shown them.
    """
    rows = plan.rows
    position = (rows["on_hand_qty"] + rows["on_order_qty"] + rows["accepted_qty"]).to_numpy(float).copy()
    level = rows["order_up_to_qty"].to_numpy(float)
    spare = np.minimum(np.floor(position - level), rows["on_hand_qty"].to_numpy(float)).clip(min=0.0)
    lack = np.ceil(level - position).clip(min=0.0)
    found = []
    several = rows.groupby("product_id").filter(lambda part: len(part) > 1).index
    for places in rows.loc[several].groupby("product_id").groups.values():
        givers = [place for place in places if spare[place] >= LEAST_QTY]
        takers = sorted((place for place in places if lack[place] >= LEAST_QTY), key=lambda place: -lack[place])
        for taker in takers:
            for giver in sorted(givers, key=lambda place: -spare[place]):
                quantity = float(min(spare[giver], lack[taker]))
                curve = plan.curves[taker]
                gain = curve.at(position[taker]) - curve.at(position[taker] + quantity)
                if quantity < LEAST_QTY or gain < LEAST_GAIN * quantity:
                    continue
                spare[giver] -= quantity
                lack[taker] -= quantity
                position[taker] += quantity
                found.append(_row(rows.loc[giver], rows.loc[taker], quantity, gain, lanes))
    frame = pd.DataFrame(found, columns=list(COLUMNS))
    return frame.sort_values("short_qty_avoided", ascending=False, kind="stable", ignore_index=True)


def _row(giver: pd.Series, taker: pd.Series, quantity: float, gain: float, lanes: LeadTimes) -> dict[str, object]:
    origin, destination = str(giver["site_country"]), str(taker["site_country"])
    is_near = origin == destination
    lead = BY_ROAD if is_near else lanes.sea(origin, destination) or BY_SEA
    reason = (
        f"{giver['site_code']} has {pieces(quantity)} beyond its level of {pieces(giver['order_up_to_qty'])};"
        f" {taker['site_code']} lacks {pieces(taker['wanted_qty'])} to its level of {pieces(taker['order_up_to_qty'])}."
        f" {'By road' if is_near else 'By sea'} in {pieces(lead.quantile(0.5))} days, nine of ten in"
        f" {pieces(lead.quantile(0.9))} ({lead.basis}), against {pieces(taker['lead_time_p50_days'])} days for a new"
        f" order. Avoids {gain:.2f} units short in a review period."
    )
    return {
        "suggestion_id": suggestion_id(
            giver["site_code"], taker["site_code"], giver["product_id"], giver["made_on"]
        ),
        "product_id": giver["product_id"],
        "from_site_code": giver["site_code"],
        "to_site_code": taker["site_code"],
        "made_on": giver["made_on"],
        "transport_mode": "road" if is_near else SEA,
        "lead_time_p50_days": lead.quantile(0.5),
        "lead_time_p90_days": lead.quantile(0.9),
        "suggested_qty": quantity,
        "from_days_of_cover": giver["days_of_cover"],
        "to_days_of_cover": taker["days_of_cover"],
        "short_qty_avoided": gain,
        "reason": reason,
    }  # fmt: skip
