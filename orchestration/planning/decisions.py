"""Decisions on order suggestions: what planners have accepted counts as on order until a purchase order shows it.

Belongs here: the state of each decision and the units that it stands for. Does not: suggestions (see the order
suggestions of this package) and reading tables.

A purchase line is the answer to a decision that it names by its number, or else to the oldest open decision on the same
site and product (and supplier, where both name one) that was taken before it. It closes that decision whatever its
quantity, since suppliers round; and further ones as long as it covers them wholly. So nothing is counted twice, and
nothing stays on order for ever: a decision that no purchase order has followed for VALID_DAYS counts no more.
"""

import pandas as pd

# Purchasing orders within days; who has not ordered for a month will not, and its units would keep others from coming.
VALID_DAYS = 30
ITEM = ["site_code", "product_id"]
STATES = ("open", "ordered", "rejected", "expired", "mismatched")
DECISION_COLUMNS = (
    "suggestion_id", "site_code", "product_id", "supplier_id", "decision", "decided_qty", "on_order_qty", "state",
    "expected_on", "reason", "decided_by", "decided_at",
)  # fmt: skip


def decided_orders(
    decisions: pd.DataFrame, purchase_lines: pd.DataFrame, suggestions: pd.DataFrame, *, as_of: pd.Timestamp
) -> pd.DataFrame:
    """One row per decision with DECISION_COLUMNS: its units, and how many of them still count as on order.

    decisions: the columns of stg_order_decisions. purchase_lines: po_no, site_code, product_id, supplier_id,
        ordered_at, quantity of stg_purchase_orders. suggestions: suggestion_id, site_code, product_id, suggested_qty of
        the published suggestions; a suggestion that is there no more has the quantity that the decision brought back.
    as_of: the moment at which it is asked; later decisions and purchase lines do not count yet.
    States: `open` (counts as on order), `ordered`, `rejected`, `expired`, and `mismatched`: the decision names another
    site or product than its suggestion, so that a row of a file has slipped.
    """
    known = decisions[pd.to_datetime(decisions["decided_at"]) <= as_of]
    # Decisions are compared with suggestions of the same number, and those of other numbers stay as they came.
    asked = suggestions[["suggestion_id", *ITEM, "suggested_qty"]].drop_duplicates("suggestion_id")
    rows = known.merge(asked, on="suggestion_id", how="left", suffixes=("", "_asked"))
    is_known = rows["product_id_asked"].notna()
    has_slipped = is_known & (
        (rows["site_code"] != rows["site_code_asked"]) | (rows["product_id"] != rows["product_id_asked"])
    )
    suggested = rows["suggested_qty_asked"].astype(float).fillna(rows["suggested_qty"].astype(float))
    wanted = suggested.where(rows["decision"] == "accepted", rows["quantity"].astype(float)).fillna(0.0)
    is_rejected = (rows["decision"] == "rejected") | (wanted <= 0)
    rows = rows.assign(decided_qty=wanted.where(~is_rejected, 0.0), state="open")
    rows.loc[is_rejected, "state"] = "rejected"
    rows.loc[has_slipped, "state"] = "mismatched"
    rows = rows.sort_values(["decided_at", "suggestion_id"], kind="stable", ignore_index=True)
    ordered = _ordered(
        rows[rows["state"] == "open"], purchase_lines[pd.to_datetime(purchase_lines["ordered_at"]) <= as_of]
    )
    rows.loc[rows["suggestion_id"].isin(ordered), "state"] = "ordered"
    is_old = pd.to_datetime(rows["decided_at"]) < as_of - pd.Timedelta(days=VALID_DAYS)
    rows.loc[is_old & (rows["state"] == "open"), "state"] = "expired"
    rows["on_order_qty"] = rows["decided_qty"].where(rows["state"] == "open", 0.0)
    return rows[list(DECISION_COLUMNS)]


def accepted_quantities(decided: pd.DataFrame) -> pd.DataFrame:
    """Units on order by planners' decisions alone: site_code, product_id, accepted_qty; only where there are any."""
    still = decided[decided["on_order_qty"] > 0]
    return still.groupby(ITEM, as_index=False).agg(accepted_qty=("on_order_qty", "sum"))


def _ordered(open_decisions: pd.DataFrame, lines: pd.DataFrame) -> set[str]:
    """The suggestions whose decision a purchase line has followed."""
    found: set[str] = set()
    named = set(zip(lines["po_no"], lines["product_id"], strict=True))
    by_number = open_decisions["po_no"].notna()
    for row in open_decisions[by_number].itertuples():
        if (row.po_no, row.product_id) in named:
            found.add(str(row.suggestion_id))
    taken = set(open_decisions.loc[by_number, "po_no"])
    waiting = {str(product): rows for product, rows in open_decisions[~by_number].groupby("product_id")}
    free = lines[~lines["po_no"].isin(taken)].sort_values(["ordered_at", "po_no"], kind="stable")
    for site, product, supplier, ordered_at, quantity in zip(
        *(free[column] for column in (*ITEM, "supplier_id", "ordered_at", "quantity")), strict=True
    ):
        left, is_first = float(quantity), True
        rows = waiting.get(str(product))
        if rows is None:
            continue
        for suggestion, at_site, asked, decided_at, of_supplier in zip(
            *(rows[name] for name in ("suggestion_id", "site_code", "decided_qty", "decided_at", "supplier_id")),
            strict=True,
        ):
            # A line that names no site or no supplier may be for any.
            is_other = _differ(site, at_site) or _differ(supplier, of_supplier)
            # A decision dated to its day only may be followed on that day.
            is_later = pd.Timestamp(decided_at).normalize() > pd.Timestamp(ordered_at)
            if str(suggestion) in found or is_other or is_later:
                continue
            if not is_first and asked > left:
                break
            found.add(str(suggestion))
            left, is_first = left - float(asked), False
    return found


def _differ(one: object, other: object) -> bool:
    return isinstance(one, str) and isinstance(other, str) and one != other
