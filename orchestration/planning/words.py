"""Suggestions in words: each with the figures that led to it.

Belongs here: sentences. Does not: the figures.
"""

from collections.abc import Mapping

_LIMITS = {
    "minimum": "the supplier's minimum order",
    "capacity": "the supplier's capacity until the next review",
    "made to order": "what the supplier can make to order",
    "budget": "the budget",
    "container": "whole containers",
}


def pieces(value: object) -> str:
    """A quantity in words."""
    number = float(str(value))
    return f"{number:,.0f}" if abs(number) >= 10 or number == round(number) else f"{number:.1f}"


def order_reason(row: Mapping[str, object]) -> str:
    """Why so much is suggested, or nothing."""
    position = float(str(row["on_hand_qty"])) + float(str(row["on_order_qty"])) + float(str(row["accepted_qty"]))
    if row["forecast_basis"] == "none":
        return f"No demand is forecast for it here; {pieces(row['on_hand_qty'])} on hand, nothing to order."
    where = (
        f"{pieces(row['on_hand_qty'])} on hand, {pieces(row['on_order_qty'])} on order"
        + (f", {pieces(row['accepted_qty'])} accepted" if float(str(row["accepted_qty"])) else "")
    )  # fmt: skip
    until = float(str(row["order_up_to_qty"])) - float(str(row["safety_stock_qty"]))
    goal = (
        f"The level is {pieces(row['order_up_to_qty'])}: {pieces(until)} wanted in the mean until an order of the next"
        f" review arrives (lead time {pieces(row['lead_time_p50_days'])} days, nine of ten"
        f" {pieces(row['lead_time_p90_days'])}; {row['lead_time_basis']}), and {pieces(row['safety_stock_qty'])}"
        f" so that {float(str(row['target_fill_pct'])):g} % come from stock"
    )
    if row["is_made_to_order"] is True:
        goal += "; it is made to order, so no more than the mean is kept"
    if float(str(row["bulk_pct"])) >= 0.5:
        goal += f"; lines of {pieces(row['bulk_from_qty'])} and more, {row['bulk_pct']:.0f} % of units, are ordered for"
    wanted, suggested = float(str(row["wanted_qty"])), float(str(row["suggested_qty"]))
    if wanted <= 0:
        return f"{where} reach the level. {goal}."
    limits = [_LIMITS.get(name, name) for name in str(row["limited_by"]).split(", ") if name]
    if suggested <= 0:
        return f"{where}, {pieces(wanted)} below the level, but {' and '.join(limits)} leaves no order. {goal}."
    result = (
        f"{where}: {pieces(position)} of {pieces(row['order_up_to_qty'])}. Ordering {pieces(suggested)} avoids"
        f" {float(str(row['short_qty_avoided'])):.2f} units short in a review period. {goal}"
    )
    if limits:
        result += f"; {' and '.join(limits)} set the quantity instead of {pieces(wanted)}"
    if row["stale_markets"]:
        result += f"; old data of {row['stale_markets']}"
    return result + "."
