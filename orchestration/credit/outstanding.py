"""What sellers still owe on their advances, in the advance's currency and in dollars.

Belongs here: instalments against principal, contradictory currencies, days past due. Does not: limits, reading tables.

An instalment is principal and interest in one; what is paid takes its share of the principal, so that the last one
ends the debt. What nobody can convert counts as not paid: an error must not raise a limit.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

ADVANCE_COLUMNS = (
    "advance_no", "seller_id", "paid_out_at", "principal_amount", "currency_code", "pledged_declaration_no",
    "pledged_line_no", "outstanding_amount", "outstanding_usd", "overdue_usd", "days_past_due", "problem",
)  # fmt: skip


def outstanding_advances(
    advances: pd.DataFrame, repayments: pd.DataFrame, usd_rates: Mapping[str, float], as_of: pd.Timestamp
) -> pd.DataFrame:
    """One row per advance with ADVANCE_COLUMNS, as known at the first moment of the day `as_of`.

    advances: advance_no, seller_id, paid_out_at, principal_amount, currency_code, annual_rate_pct, due_on,
        instalment_count, pledged_declaration_no, pledged_line_no.
    repayments: advance_no, due_on, due_amount, paid_at, paid_amount, currency_code.
    usd_rates: dollars for one unit of a currency. `problem` says in words what could not be reckoned as it should.
    """
    rows = advances[pd.to_datetime(advances["paid_out_at"]) < as_of].reset_index(drop=True)
    paid = repayments[repayments["advance_no"].isin(set(rows["advance_no"]))].copy()
    currency = dict(zip(rows["advance_no"], rows["currency_code"], strict=True))
    paid["advance_currency"] = paid["advance_no"].map(currency)
    is_other = paid["currency_code"] != paid["advance_currency"]
    rate = pd.Series(1.0, index=paid.index)
    cross = paid["currency_code"].map(usd_rates).astype(float) / paid["advance_currency"].map(usd_rates).astype(float)
    rate[is_other] = cross[is_other]
    is_paid = paid["paid_at"].notna() & (pd.to_datetime(paid["paid_at"]) < as_of)
    amount = paid["paid_amount"].astype(float).fillna(paid["due_amount"].astype(float))
    paid["paid_in_advance"] = (amount * rate).where(is_paid, 0.0).fillna(0.0)
    paid["due_in_advance"] = paid["due_amount"].astype(float) * rate
    is_due = pd.to_datetime(paid["due_on"]) < as_of
    late = is_due & (paid["paid_in_advance"] < 0.995 * paid["due_in_advance"].fillna(np.inf))
    paid["overdue"] = (paid["due_in_advance"].fillna(0.0) - paid["paid_in_advance"]).clip(lower=0.0).where(late, 0.0)
    paid["days_late"] = (as_of - pd.to_datetime(paid["due_on"])).dt.days.where(late, 0)
    by_advance = paid.groupby("advance_no").agg(
        paid=("paid_in_advance", "sum"), instalment=("due_in_advance", "mean"), overdue=("overdue", "sum"),
        days_past_due=("days_late", "max"), other=("advance_no", "size"),
    )  # fmt: skip
    others = paid[is_other].groupby("advance_no")["currency_code"].agg(lambda codes: ", ".join(sorted(set(codes))))
    known = rows[["advance_no"]].join(by_advance, on="advance_no")
    principal = rows["principal_amount"].astype(float)
    count = rows["instalment_count"].astype(float).fillna(1.0).clip(lower=1.0)
    # Where no instalment is announced yet, what is owed in all is principal and the interest that the advance states.
    months = count.where(rows["instalment_count"].notna(), 12.0)
    whole = (known["instalment"] * count).fillna(
        principal * (1.0 + rows["annual_rate_pct"].astype(float).fillna(0.0) / 1200.0 * months)
    )
    share = (known["paid"].fillna(0.0) / whole.clip(lower=1e-9)).clip(upper=1.0)
    left = (principal * (1.0 - share)).round(2)
    left = left.where(left >= 0.01 * principal, 0.0)
    usd = rows["currency_code"].map(usd_rates).astype(float)
    problem = pd.Series("", index=rows.index, dtype=object)
    mixed = rows["advance_no"].map(others)
    problem[mixed.notna()] = (
        "instalments in " + mixed.astype(str) + ", the advance in " + rows["currency_code"].astype(str)
    )[mixed.notna()]
    no_rate = usd.isna() & (left > 0)
    words = [
        "; ".join(
            part for part in (said, f"no rate for {code}: owed, and in no sum of dollars" if is_unknown else "") if part
        )
        for said, code, is_unknown in zip(problem, rows["currency_code"], no_rate, strict=True)
    ]
    found = rows.assign(
        principal_amount=principal,
        outstanding_amount=left,
        outstanding_usd=(left * usd).round(2),
        overdue_usd=(known["overdue"].fillna(0.0) * usd).round(2),
        days_past_due=known["days_past_due"].fillna(0).astype(int),
        problem=words,
    )
    return found[list(ADVANCE_COLUMNS)]


def outstanding_by_seller(advances: pd.DataFrame) -> pd.DataFrame:
    """By seller_id: outstanding_usd, overdue_usd, days_past_due, open_advance_count, unknown_advance_count, problem."""
    is_open = advances["outstanding_amount"] > 0
    rows = advances.assign(
        is_open=is_open, is_unknown=is_open & advances["outstanding_usd"].isna(),
        days_past_due=advances["days_past_due"].where(is_open, 0),
    )  # fmt: skip
    return rows.groupby("seller_id", as_index=False).agg(
        outstanding_usd=("outstanding_usd", "sum"),
        overdue_usd=("overdue_usd", "sum"),
        days_past_due=("days_past_due", "max"),
        open_advance_count=("is_open", "sum"),
        unknown_advance_count=("is_unknown", "sum"),
        problem=("problem", lambda words: "; ".join(dict.fromkeys(word for word in words if word))),
    )
