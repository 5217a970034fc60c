"""Limits: what may be lent to a seller now, with every term that leads to it.

Belongs here: the formula of `domain.md` d, stops, the officer's hand on it. Does not: grades, sums, decisions.

    limit = max(0, min(cap, α · verified receipts of 180 days, β · unpaid rebates) × grade factor − outstanding)

An override is the whole line instead of the first part: what is outstanding is taken off it, too. A frozen limit is 0.
The model's figure stands beside either.
"""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from orchestration.credit.decisions import Hand
from orchestration.credit.policy import GradeTerms

STOP_DAYS_PAST_DUE = 30
LIMIT_COLUMNS = (
    "seller_id", "grade", "policy_from", "cap_usd", "alpha", "verified_receipts_usd", "receipts_term_usd", "beta",
    "unpaid_rebate_usd", "rebate_term_usd", "base_usd", "limited_by", "grade_factor", "line_usd", "outstanding_usd",
    "overdue_usd", "days_past_due", "stop_reason", "model_limit_usd", "override_usd", "decision_id",
    "pending_decisions", "limit_basis", "limit_usd", "reason",
)  # fmt: skip
_TERMS = {"cap": "cap_usd", "receipts": "receipts_term_usd", "rebates": "rebate_term_usd"}
_IN_WORDS = {
    "cap": "the cap of the grade",
    "receipts": "verified receipts",
    "rebates": "unpaid rebates",
}


def limits(sellers: pd.DataFrame, policy: Mapping[str, GradeTerms], hands: Mapping[str, Hand]) -> pd.DataFrame:
    """One row per seller with LIMIT_COLUMNS; all amounts in US dollars.

    sellers: seller_id, grade (None without a score), verified_receipts_usd, unpaid_rebate_usd, has_claimed (a rebate
        within a year), outstanding_usd, overdue_usd, days_past_due, unknown_advance_count.
    """
    rows = sellers.reset_index(drop=True)
    money = ["verified_receipts_usd", "unpaid_rebate_usd", "outstanding_usd", "overdue_usd"]
    rows = rows.assign(**{name: rows[name].astype(float).fillna(0.0) for name in money})
    grade = [None if pd.isna(one) else str(one) for one in rows["grade"]]
    terms = [policy.get(one) if one is not None else None for one in grade]

    def of_terms(name: str, otherwise: float = 0.0) -> pd.Series:
        return pd.Series([getattr(one, name) if one else otherwise for one in terms], index=rows.index, dtype=float)

    rows["grade"] = grade
    rows["policy_from"] = [one.valid_from if one else None for one in terms]
    rows["cap_usd"], rows["alpha"], rows["beta"] = of_terms("cap_usd"), of_terms("alpha"), of_terms("beta")
    rows["grade_factor"] = of_terms("factor")
    rows["receipts_term_usd"] = (rows["alpha"] * rows["verified_receipts_usd"]).round(2)
    always = np.array([one is None or one.rebate_rule == "required" for one in terms], dtype=bool)
    binds = rows["has_claimed"].astype(bool) | always
    rows["rebate_term_usd"] = (rows["beta"] * rows["unpaid_rebate_usd"]).round(2).where(binds)
    three = rows[list(_TERMS.values())]
    rows["base_usd"] = three.min(axis=1)
    rows["limited_by"] = np.array(list(_TERMS))[np.nan_to_num(three.to_numpy(float), nan=np.inf).argmin(axis=1)]
    rows["line_usd"] = (rows["base_usd"] * rows["grade_factor"]).round(2)
    rows["stop_reason"] = [_stop(row) for row in rows.to_dict("records")]
    left = (rows["line_usd"] - rows["outstanding_usd"]).clip(lower=0.0).round(2)
    rows["model_limit_usd"] = left.where(rows["stop_reason"] == "", 0.0)
    mine = [hands.get(str(one)) or Hand() for one in rows["seller_id"]]
    rows["override_usd"] = pd.Series([one.override_usd for one in mine], index=rows.index, dtype=float)
    rows["pending_decisions"] = [", ".join(one.pending) for one in mine]
    has_override, is_frozen = rows["override_usd"].notna(), pd.Series([one.freeze_id is not None for one in mine])
    rows["limit_basis"] = np.where(is_frozen, "frozen", np.where(has_override, "override", "model"))
    rows["decision_id"] = [one.freeze_id or one.override_id for one in mine]
    by_hand = (rows["override_usd"] - rows["outstanding_usd"]).clip(lower=0.0).round(2)
    rows["limit_usd"] = rows["model_limit_usd"].where(~has_override, by_hand).where(~is_frozen, 0.0)
    rows["reason"] = [_reason(row, one) for row, one in zip(rows.to_dict("records"), mine, strict=True)]
    return rows[list(LIMIT_COLUMNS)]


def _stop(row: Mapping[Hashable, Any]) -> str:
    """Why nothing is lent whatever the terms say; empty where nothing stops."""
    if pd.isna(row["grade"]):
        return "no score"
    if row["days_past_due"] > STOP_DAYS_PAST_DUE:
        return f"an instalment is {row['days_past_due']} days past due"
    if count := int(row["unknown_advance_count"]):
        return f"{count} advance(s) are owed in a currency without a rate"
    return ""


def _reason(row: Mapping[Hashable, Any], hand: Hand) -> str:
    values = {name: row[name] for name in LIMIT_COLUMNS[:-1]}
    model = _model_reason(values)
    if hand.freeze_id is not None:
        words = f"Frozen by {hand.freeze_id}: {hand.freeze_reason}. Without it: {model}"
    elif hand.override_id is not None:
        words = (
            f"Override {hand.override_id}: a line of {_usd(values['override_usd'])}, {_usd(values['outstanding_usd'])}"
            f" outstanding; {hand.override_reason}. Without it: {model}"
        )
    else:
        words = model
    if hand.pending:
        words += f" Waits for a second person: {', '.join(hand.pending)}."
    return words


def _model_reason(values: Mapping[str, object]) -> str:
    if values["stop_reason"] == "no score":
        return "No score, so no limit."
    line = (
        f"Grade {values['grade']}: the smallest of the cap {_usd(values['cap_usd'])}, {values['alpha']:g} of verified"
        f" receipts {_usd(values['verified_receipts_usd'])}"
    )
    line += (
        ", and no rebates are claimed"
        if values["rebate_term_usd"] is None or values["rebate_term_usd"] != values["rebate_term_usd"]
        else f", and {values['beta']:g} times unpaid rebates {_usd(values['unpaid_rebate_usd'])}"
    )
    words = (
        f"{line}; {_IN_WORDS[str(values['limited_by'])]} decide: {_usd(values['base_usd'])} times"
        f" {values['grade_factor']:g} is {_usd(values['line_usd'])}, less {_usd(values['outstanding_usd'])} owed,"
        f" leaves {_usd(values['model_limit_usd'])}."
    )
    if values["stop_reason"]:
        words += f" Nothing is lent: {values['stop_reason']}."
    return words


def _usd(amount: object) -> str:
    return f"USD {float(str(amount)):,.0f}"
