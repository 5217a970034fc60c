"""Claims on the guarantee: what the terms of the day pay of each, and what became of it.

Belongs here: cover, caps, waiting period, contradictory currencies. Does not: reading tables, offers.

States come from the platform: opened, accepted, refused, paid, recovered. The verdict is ours, and beside it: a claim
that was paid beyond its cover shows as such.
"""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from orchestration.credit.policy import GradeTerms

CLAIM_COLUMNS = (
    "claim_no", "market", "seller_id", "order_no", "case_no", "claimed_at", "claim_state", "verdict", "claimed_usd",
    "order_usd", "covered_usd", "refused_usd", "paid_usd", "recovered_usd", "net_loss_usd", "terms_grade", "days_open",
    "reason",
)  # fmt: skip
_STATES = {"submitted": "opened"}
_CLOSED = ("refused", "paid", "recovered")
_YEAR = pd.Timedelta(days=365)
_CENT = 0.01


def judged_claims(
    claims: pd.DataFrame,
    grades: pd.DataFrame,
    policy: Mapping[str, GradeTerms],
    usd_rates: Mapping[str, float],
    as_of: pd.Timestamp,
) -> pd.DataFrame:
    """One row per claim with CLAIM_COLUMNS.

    claims: as the reading module gives them. grades: seller_id, as_of_on, grade of every score that was published; a
    claim is judged by the last one before it. Before a seller's first offer the whole order is covered, up to its
    value: no terms of that time are kept.
    """
    rows = claims[pd.to_datetime(claims["claimed_at"]) < as_of].sort_values(["claimed_at", "claim_no"], kind="stable")
    known = grades.dropna(subset=["grade"]).sort_values("as_of_on", kind="stable")
    by_seller = {str(seller): mine for seller, mine in known.groupby("seller_id")}
    claimed_before: set[str] = set()
    paid_before: dict[tuple[str, str], list[tuple[pd.Timestamp, float]]] = {}
    found = []
    for row in rows.to_dict("records"):
        at = pd.Timestamp(str(row["claimed_at"]))
        seller, market = str(row["seller_id"]), str(row["market"])
        grade = _grade_at(by_seller.get(seller), at)
        terms = policy.get(grade) if grade is not None else None
        claimed, order, remarks = _amounts(row, usd_rates)
        covered, reasons = 0.0, list(remarks)
        if claimed is None or order is None:
            pass
        elif str(row["order_key"]) in claimed_before:
            reasons.append("the order was claimed for before")
        elif terms is not None and (wait := _waits(row, at, terms)):
            reasons.append(wait)
        else:
            used = sum(usd for when, usd in paid_before.get((seller, market), []) if when > at - _YEAR)
            covered, why = _cover(claimed, order, terms, used)
            reasons += why
            paid_before.setdefault((seller, market), []).append((at, covered))
        if isinstance(row["order_key"], str):
            claimed_before.add(str(row["order_key"]))
        found.append(_judged(row, grade, claimed, order, covered, reasons, as_of, usd_rates))
    return pd.DataFrame(found, columns=list(CLAIM_COLUMNS))


def _amounts(
    row: Mapping[Hashable, Any], usd_rates: Mapping[str, float]
) -> tuple[float | None, float | None, list[str]]:
    """Claim and order in dollars, and what contradicts; None where it cannot be told, so that nothing is paid."""
    order = row["order_usd"]
    if pd.isna(order):
        return None, None, ["the order is in no published ledger"]
    order, claimed = float(order), float(row["claimed_amount"])
    own, stated = row["order_currency_code"], row["currency_code"]
    payable = row["payable_amount"]
    if stated == own and pd.notna(payable) and float(payable) > 0:
        # At the order's own rate. What is paid for is goods, freight and tax; the ledger's value is that of the goods.
        usd_rate = usd_rates.get(str(own))
        order = max(order, float(payable) * usd_rate) if usd_rate else order
        return claimed / float(payable) * order, order, []
    rate = usd_rates.get(str(stated))
    if rate is None:
        return None, order, [f"claimed in {stated}, ordered in {own}, and there is no rate for {stated}"]
    return claimed * rate, order, [f"claimed in {stated}, ordered in {own}: converted at today's rate"]


def _waits(row: Mapping[Hashable, Any], at: pd.Timestamp, terms: GradeTerms) -> str:
    promised = row["promised_on"]
    due = pd.Timestamp(str(promised)) if pd.notna(promised) else pd.Timestamp(str(row["ordered_at"]))
    begins = due.normalize() + pd.Timedelta(days=terms.waiting_days)
    return f"claimed on {at:%Y-%m-%d}, cover begins on {begins:%Y-%m-%d}" if at < begins else ""


def _cover(claimed: float, order: float, terms: GradeTerms | None, used: float) -> tuple[float, list[str]]:
    """What is paid of a claim, and why not more."""
    if terms is None:
        paid = min(claimed, order)
        return paid, [] if paid >= claimed - _CENT else [f"above the order's value of USD {order:,.2f}"]
    bounds = {
        f"cover is {terms.cover_pct:g} % of the order's USD {order:,.2f}": terms.cover_pct / 100.0 * order,
        f"the cap of an order is USD {terms.order_cap_usd:,.0f}": terms.order_cap_usd,
        f"USD {used:,.0f} of USD {terms.year_cap_usd:,.0f} a year are used": max(terms.year_cap_usd - used, 0.0),
    }
    words, bound = min(bounds.items(), key=lambda one: one[1])
    return (claimed, []) if claimed <= bound + _CENT else (bound, [f"beyond cover: {words}"])


def _judged(
    row: Mapping[Hashable, Any],
    grade: str | None,
    claimed: float | None,
    order: float | None,
    covered: float,
    reasons: list[str],
    as_of: pd.Timestamp,
    usd_rates: Mapping[str, float],
) -> list[object]:
    status = str(row["claim_status"])
    state = _STATES.get(status, status)
    amount = float(row["claimed_amount"])
    share = (claimed or 0.0) / amount if amount else 0.0
    if not share:
        share = usd_rates.get(str(row["currency_code"]), 0.0)
    paid, back = (_number(row[name]) * share for name in ("paid_amount", "recovered_amount"))
    verdict = "within_cover"
    if claimed is None or covered <= 0:
        verdict = "refused"
    elif covered < claimed - _CENT:
        verdict = "beyond_cover"
    if paid > covered + 0.05:
        reasons = [*reasons, f"USD {paid:,.2f} were paid, USD {covered:,.2f} were covered"]
    if back > paid + _CENT:
        reasons = [*reasons, "more was paid back than was paid"]
    return [
        row['claim_no'], row['market'], row['seller_id'], row['order_no'],
        row['case_no'], row['claimed_at'], state, verdict,
        None if claimed is None else round(claimed, 2), None if order is None else round(order, 2), round(covered, 2),
        None if claimed is None else round(max(claimed - covered, 0.0), 2), round(paid, 2), round(back, 2),
        round(paid - back, 2), grade or "none",
        None if state in _CLOSED else (as_of - pd.Timestamp(str(row['claimed_at']))).days, "; ".join(reasons),
    ]  # fmt: skip


def _grade_at(scores: pd.DataFrame | None, at: pd.Timestamp) -> str | None:
    if scores is None:
        return None
    before = scores[pd.to_datetime(scores["as_of_on"]) <= at]
    return None if before.empty else str(before["grade"].iloc[-1])


def _number(value: object) -> float:
    return 0.0 if value is None or value != value else float(str(value))
