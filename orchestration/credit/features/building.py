"""One row per seller and day: the facts of all parts side by side, rates shrunk, ready for a scorecard.

Belongs here: which figure becomes which column. Does not: SQL (see `trade.py`, `money.py`), words and directions (see
`credit/characteristics.py`).
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestration.credit.features import money, trade
from orchestration.credit.features.facts import OBSERVATION_DAYS, orders_until, window
from orchestration.credit.features.likeness import mean_among_alike, share_among_alike
from orchestration.credit.features.shrinking import ratio_to_expected, share

if TYPE_CHECKING:
    import duckdb

Floats = npt.NDArray[np.float64]
KEYS = ["as_of_on", "seller_key"]
_PARTS = (
    trade.SERVICE,
    trade.SALES,
    trade.CONCENTRATION,
    trade.CUSTOMS,
    trade.PAPERS,
    money.RECEIPTS,
    money.REBATES,
    money.REPAYMENTS,
    money.ADVANCES,
    money.CASES,
)
# Figures that are columns as they stand.
_PLAIN = (
    "tenure_months", "firm_years", "tax_grade", "tax_grade_mean", "tax_grade_change", "customs_grade", "fx_grade",
    "orders_12m", "sales_12m_usd", "active_periods", "market_count", "market_concentration", "buyer_concentration",
    "receipt_days_late", "receipt_coverage", "rebate_days", "instalments_paid", "worst_days_late", "days_past_due",
    "months_since_late", "advance_count",
)  # fmt: skip
# From the worst; as numbers, for the likeness of sellers.
_GRADES = {"fx_grade": ("C", "B", "A"), "customs_grade": ("discredited", "general", "aeo")}
# The course of the tax grade, for the likeness alone.
_GRADE_TRAITS = ("tax_grade_first", "tax_grade_last", "tax_grade_raised", "tax_grade_lowered")
_SERVICE_TRAITS = (
    "tax_grade_mean", "late_ratio", "cancelled_ratio", "returned_ratio", "dispute_ratio", "inspected_ratio",
    "rejected_ratio", "undelivered_ratio", "stopped_ratio", "tenure_months",
)  # fmt: skip
_PAYING_TRAITS = (
    "tax_grade_mean", "receipt_late_ratio", "receipt_absent_ratio",
    "guarantee_claim_ratio", "unrecovered_share", "late_ratio", "cancelled_ratio", "returned_ratio",
    "dispute_ratio", "inspected_ratio", "rejected_ratio", "sales_trend", "tenure_months",
)  # fmt: skip
# Sales below this much in four weeks, and orders below this many in twelve, say little about a change.
_QUIET_USD, _QUIET_ORDERS = 500.0, 3.0
_PERIODS = 13


def seller_features(con: "duckdb.DuckDBPyConnection", as_of_on: date) -> pd.DataFrame:
    """What is known of each seller at the beginning of a day; see `features_at`."""
    return features_at(con, [as_of_on])


def features_at(con: "duckdb.DuckDBPyConnection", dates: Sequence[date]) -> pd.DataFrame:
    """One row per day and seller of whom anything is known: keys, seller_id, what the row rests on, characteristics.

    con: a connection in which the published tables are readable by their names (`orchestration.sql.connect`); temporary
    tables are made in it and dropped. `evidence_orders` and `evidence_instalments` count what the row rests on.
    Values are NaN (None for grades) where nothing is known; rows are in the order of day and key.
    """
    found = []
    with orders_until(con, dates):
        for day in sorted(set(dates)):
            with window(con, day):
                facts = con.execute(money.REGISTER).df()
                for query in _PARTS:
                    part = con.execute(query.format(observation=OBSERVATION_DAYS)).df()
                    facts = facts.merge(part[part["seller_key"].notna()], on=KEYS, how="outer")
            found.append(_columns(facts.sort_values("seller_key", kind="stable", ignore_index=True)))
    return pd.concat(found, ignore_index=True)


def _columns(facts_of_day: pd.DataFrame) -> pd.DataFrame:
    """Characteristics of one day: rates are held against all sellers of the same day."""

    def number(name: str) -> Floats:
        return facts_of_day[name].to_numpy(dtype=np.float64, na_value=np.nan)

    def zero(name: str) -> Floats:
        return np.nan_to_num(number(name))

    orders = zero("cancelled_n")
    made: dict[str, pd.Series | Floats] = {
        "as_of_on": pd.to_datetime(facts_of_day["as_of_on"]).dt.date,
        "seller_key": facts_of_day["seller_key"],
        "seller_id": facts_of_day["seller_id"],
        "evidence_orders": orders,
        "evidence_instalments": zero("instalment_late_n"),
    }
    made |= {name: facts_of_day[name] for name in _PLAIN}
    for name in (*trade.EVENTS, "rejected", "inspected", "receipt_late", "receipt_absent"):
        made[f"{name}_ratio"] = ratio_to_expected(number(f"{name}_k"), number(f"{name}_e"))
    for name in ("mismatch", "misdeclared", "rebate_slow", "instalment_late"):
        made[f"{name}_share"] = share(number(f"{name}_k"), number(f"{name}_n"))
    # No case is a fact of whoever sells: it counts as none, not as unknown.
    per_order = np.where(orders > 0, orders, np.nan)
    for name in ("dispute", "guarantee_claim"):
        cases = zero(f"{name}_k")
        made[f"{name}_ratio"] = ratio_to_expected(cases, per_order * (cases.sum() / max(float(orders.sum()), 1.0)))
    made["dispute_lost_share"] = share(number("dispute_lost_k"), number("dispute_lost_n"))
    made["unrecovered_share"] = share(number("unrecovered_k"), number("unrecovered_n"))
    made["sales_trend"] = np.log(
        (number("recent_orders") + _QUIET_ORDERS) / (number("expected_recent_orders") + _QUIET_ORDERS)
    )
    made["last_period_trend"] = np.log(
        (np.maximum(number("last_usd"), 0) + _QUIET_USD) / (np.maximum(number("expected_last_usd"), 0) + _QUIET_USD)
    )
    year = number("orders_12m")
    beyond_chance = np.maximum(number("order_deviance") / _PERIODS - 1, 0)
    made["sales_unsteadiness"] = np.sqrt(beyond_chance / (year / _PERIODS + _QUIET_ORDERS))
    # What service costs time shows in every order, what else goes wrong in few: the pace says most of the service.
    graded = np.column_stack([number(name) for name in _GRADE_TRAITS])
    pace = mean_among_alike(
        number("pace_sum"), number("pace_squares"), number("pace_n"),
        np.column_stack([graded, _traits(made, _SERVICE_TRAITS)]),
    )  # fmt: skip
    made["dispatch_pace"] = np.where(number("pace_n") > 0, np.exp(pace), np.nan)
    traits = np.column_stack([pace, graded, _traits(made, _PAYING_TRAITS)])
    made["expected_late_share"] = share_among_alike(number("instalment_late_k"), number("instalment_late_n"), traits)
    made["expected_price"] = mean_among_alike(
        number("excess_sum"), number("excess_squares"), number("excess_n"),
        np.column_stack([traits, np.asarray(made["expected_late_share"])]),
    )  # fmt: skip
    return pd.DataFrame(made)


def _traits(made: Mapping[str, "pd.Series | Floats"], names: Sequence[str]) -> Floats:
    """Grades and the named figures: seller x trait."""
    grades = [
        pd.Series(made[name]).map({grade: place for place, grade in enumerate(order)})
        for name, order in _GRADES.items()
    ]
    own = [np.asarray(made[name], dtype=np.float64) for name in names]
    return np.column_stack([*(np.asarray(values, dtype=np.float64) for values in grades), *own])
