"""Offers of the guarantee: cover, caps, waiting period and price for each seller in each market.

Belongs here: rates, severity, price. Does not: reserve (see `reserve.py`), reading tables.

    expected loss = events per order × share of the value × how often the seller does not pay × (1 − recovered)
                    + what a seller who fails leaves open
    price = expected loss + margin
All in percent of the covered value (the share of the order's value that is covered, at most the cap).
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from orchestration.credit.guarantee.rates import shrunken_rates
from orchestration.credit.guarantee.reading import MATURE_DAYS
from orchestration.credit.policy import GradeTerms

KINDS = {"dispute": "dispute_rate_pct", "non_delivery": "non_delivery_rate_pct", "return": "return_rate_pct"}
OFFER_COLUMNS = (
    "seller_id", "market", "grade", "is_offered", "cover_pct", "order_cap_usd", "year_cap_usd", "waiting_days",
    "order_count", "orders_of_a_year", "mean_order_usd", "mean_covered_usd", *KINDS.values(), "market_event_rate_pct",
    "credibility_pct", "severity_pct", "call_pct", "recovery_pct", "default_loss_pct", "expected_loss_pct",
    "margin_pct", "price_pct", "price_per_order_usd", "reason",
)  # fmt: skip


@dataclass(frozen=True)
class PriceRules:
    """What a price is made of besides what was seen.

    margin_share: of the expected loss, for cost and capital. least_margin_pct: of the covered value.
    open_months: orders that are under way when a seller fails, in months of sales; default_claim_share: how many of
    them are then claimed (both unsourced). prior_cases: cases of the whole portfolio's rate that a call or recovery
    rate of few cases is mixed with.
    """

    margin_share: float = 0.30
    least_margin_pct: float = 0.05
    open_months: float = 1.5
    default_claim_share: float = 0.5
    prior_cases: float = 10.0


def make_offers(
    months: pd.DataFrame,
    events: pd.DataFrame,
    claims: pd.DataFrame,
    sellers: pd.DataFrame,
    policy: Mapping[str, GradeTerms],
    as_of: date,
    rules: PriceRules | None = None,
) -> pd.DataFrame:
    """One row per seller and market with OFFER_COLUMNS.

    months, events: as the reading module gives them. claims: columns of `judged_claims`.
    sellers: seller_id, grade, probability, is_stale. Rates come from the mature orders of two years; volumes from the
    last year.
    """
    rules = rules or PriceRules()
    cells = _cells(months, as_of)
    if cells.empty:
        return pd.DataFrame({name: pd.Series(dtype="object") for name in OFFER_COLUMNS})
    cells = cells.merge(sellers, on="seller_id", how="left")
    grade = [None if pd.isna(one) else str(one) for one in cells["grade"]]
    terms = [policy.get(one) if one is not None else None for one in grade]
    cells["grade"] = grade
    for name in ("cover_pct", "order_cap_usd", "year_cap_usd", "waiting_days"):
        cells[name] = [getattr(one, name) if one else 0 for one in terms]
    is_stale = cells["is_stale"].astype("boolean").fillna(False).astype(bool)
    cells["is_offered"] = (cells["cover_pct"] > 0) & ~is_stale & (cells["orders_of_a_year"] > 0)
    recent = mature(events, as_of)
    all_rates = pd.Series(0.0, index=cells.index)
    for kind, column in KINDS.items():
        rates = _rates_of(cells, recent[recent["kind"] == kind])
        cells[column] = 100.0 * rates["rate"]
        all_rates = all_rates + rates["rate"]
    together = _rates_of(cells, recent)
    cells["market_event_rate_pct"] = 100.0 * together["market_rate"]
    cells["credibility_pct"] = 100.0 * together["credibility"]
    cells["severity_pct"] = 100.0 * cells["market"].map(_by_market(recent["loss_share"], recent, rules)).fillna(1.0)
    cells["call_pct"] = 100.0 * cells["market"].map(_by_market(recent["is_called"], recent, rules)).fillna(
        float(recent["is_called"].mean()) if len(recent) else 1.0
    )
    paid = claims[claims["paid_usd"] > 0]
    share = (paid["recovered_usd"].fillna(0.0) / paid["paid_usd"]).clip(0.0, 1.0)
    recovered = float((share.sum()) / (len(paid) + rules.prior_cases)) if len(paid) else 0.0
    cells["recovery_pct"] = 100.0 * recovered
    probability = cells["probability"].astype(float).fillna(1.0).clip(0.0, 1.0)
    cells["default_loss_pct"] = 100.0 * probability * rules.open_months / 12.0 * rules.default_claim_share
    by_events = all_rates * cells["severity_pct"] * cells["call_pct"] / 100.0 * (1.0 - recovered)
    cells["expected_loss_pct"] = by_events + cells["default_loss_pct"]
    cells["margin_pct"] = (rules.margin_share * cells["expected_loss_pct"]).clip(lower=rules.least_margin_pct)
    cells["price_pct"] = cells["expected_loss_pct"] + cells["margin_pct"]
    cells["price_per_order_usd"] = cells["price_pct"] / 100.0 * cells["mean_covered_usd"]
    cells["reason"] = [_reason(row) for row in cells.to_dict("records")]
    columns = [name for name in OFFER_COLUMNS if name.endswith(("_pct", "_usd"))]
    return cells[list(OFFER_COLUMNS)].round(dict.fromkeys(columns, 4))


def mature(rows: pd.DataFrame, as_of: date, on: str = "ordered_on") -> pd.DataFrame:
    """The rows of orders that have said what they will say, of two years."""
    until = pd.Timestamp(as_of - timedelta(days=MATURE_DAYS))
    day = pd.to_datetime(rows[on])
    return rows[(day < until) & (day >= until - pd.Timedelta(days=730))]


def _cells(months: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """By seller and market: mature orders of two years, volumes of the last twelve whole months."""
    key = ["seller_id", "market"]
    month = pd.to_datetime(months["month"])
    year = months[month >= (pd.Timestamp(as_of) - pd.Timedelta(days=366)).to_period("M").to_timestamp()]
    whole = mature(months, as_of, "month").groupby(key)["order_count"].sum()
    sums = year.groupby(key)[["order_count", "order_usd", "covered_usd"]].sum()
    sums = sums.rename(columns={"order_count": "order_count_year"})
    cells = pd.DataFrame({"order_count": whole}).join(sums, how="outer").fillna(0.0).reset_index()
    per_order = cells["order_count_year"].clip(lower=1.0)
    return cells.assign(
        orders_of_a_year=cells["order_count_year"],
        mean_order_usd=cells["order_usd"] / per_order,
        mean_covered_usd=cells["covered_usd"] / per_order,
        order_count=cells["order_count"].astype(int),
    )


def _rates_of(cells: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    count = events.groupby(["seller_id", "market"]).size().rename("event_count")
    known = cells[["seller_id", "market", "order_count"]].join(count, on=["seller_id", "market"])
    return shrunken_rates(known.fillna({"event_count": 0.0}))


def _by_market(values: pd.Series, events: pd.DataFrame, rules: PriceRules) -> pd.Series:
    """The mean by market, mixed with some cases of the mean of all."""
    if values.empty:
        return pd.Series(dtype=float)
    whole = float(values.mean())
    groups = values.astype(float).groupby(events["market"])
    return (groups.sum() + rules.prior_cases * whole) / (groups.size() + rules.prior_cases)


def _reason(row: Mapping[Hashable, Any]) -> str:
    values = {name: row[name] for name in OFFER_COLUMNS[:-1]}
    if pd.isna(values["grade"]):
        return "No score, so no guarantee."
    if not values["is_offered"]:
        if row["is_stale"] is True:
            return "The score is stale: nothing new is guaranteed until it can be made again."
        if not values["cover_pct"]:
            return f"Grade {values['grade']} is not covered."
        return "No order within a year."
    rate = sum(float(values[name]) for name in KINDS.values())
    return (
        f"{rate:.2f} of a hundred orders cost their buyer {values['severity_pct']:.0f} % of the value (market"
        f" {values['market_event_rate_pct']:.2f}; own orders count {values['credibility_pct']:.0f} %); in"
        f" {values['call_pct']:.0f} % the seller does not pay, {values['recovery_pct']:.0f} % of that is paid back;"
        f" {values['default_loss_pct']:.2f} % for a seller who fails with orders under way"
    )


def expected_counts(offers: pd.DataFrame) -> np.ndarray:
    """Claims a year of each offer that are not paid back, without those of sellers who fail."""
    rate = sum(offers[name].to_numpy(float) for name in KINDS.values()) / 100.0
    called = offers["call_pct"].to_numpy(float) / 100.0 * (1.0 - offers["recovery_pct"].to_numpy(float) / 100.0)
    return np.asarray(offers["orders_of_a_year"].to_numpy(float) * rate * called)
