"""Exposure: what is lent, promised and guaranteed, by market and grade.

Belongs here: dividing what belongs to a seller among his markets. Does not: the figures that are divided.

Money owed and limits belong to the seller as a whole; they are divided by where he sells (verified receipts, else
orders of a year). Whoever sells nowhere stands under no market.
"""

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from orchestration.credit import reading
from orchestration.credit.rows import Tables, empty, in_columns, of_day
from orchestration.credit.tables import CREDIT_EXPOSURE, GUARANTEE_OFFER, SELLER_LIMIT, SELLER_SCORE

if TYPE_CHECKING:
    import duckdb

NO_MARKET, NO_GRADE = "", "none"
_DIVIDED = ("outstanding_usd", "overdue_usd", "limit_usd", "model_limit_usd", "expected_loss_usd")
EXPOSURE_COLUMNS = (
    "market", "grade", "as_of_on", "seller_count", "stale_seller_count", "sales_usd", "verified_receipts_usd",
    *_DIVIDED, "guaranteed_usd",
)  # fmt: skip


def exposure_rows(con: "duckdb.DuckDBPyConnection", kept: Tables) -> pd.DataFrame:
    """The rows of credit_exposure, from those of seller_limit, seller_score and guarantee_offer."""
    as_of = reading.as_of_on(con)
    if as_of is None or kept[SELLER_LIMIT.name].empty:
        return empty(CREDIT_EXPOSURE)
    limits, scores = (of_day(kept[model.name], as_of) for model in (SELLER_LIMIT, SELLER_SCORE))
    found = exposure(
        limits, scores, reading.receipts(con, as_of), reading.sales(con, as_of), kept[GUARANTEE_OFFER.name], as_of
    )
    return in_columns(found, CREDIT_EXPOSURE)


def exposure(
    limits: pd.DataFrame,
    scores: pd.DataFrame,
    receipts: pd.DataFrame,
    sales: pd.DataFrame,
    offers: pd.DataFrame,
    as_of: date,
) -> pd.DataFrame:
    """One row per market and grade with EXPOSURE_COLUMNS; the sums over all of them are those of the sellers.

    limits, scores, offers: the day's rows of their tables. receipts, sales: by seller_id and market, as read.
    """
    where = receipts[["seller_id", "market", "verified_receipts_usd"]].merge(
        sales[["seller_id", "market", "sales_usd", "order_count"]], on=["seller_id", "market"], how="outer"
    )
    where = where.fillna({"verified_receipts_usd": 0.0, "sales_usd": 0.0, "order_count": 0})
    sellers = limits[["seller_id", "grade", *(name for name in _DIVIDED if name in limits)]].merge(
        scores[["seller_id", "probability", "is_stale"]], on="seller_id", how="left"
    )
    probability = sellers["probability"].astype(float).fillna(1.0)
    sellers["expected_loss_usd"] = probability * sellers["outstanding_usd"].astype(float).fillna(0.0)
    rows = sellers.merge(where, on="seller_id", how="left")
    rows["market"] = rows["market"].fillna(NO_MARKET)
    by_seller = rows.groupby("seller_id")
    # Negative receipts (payouts that took money back) divide nothing.
    money, orders = rows["verified_receipts_usd"].clip(lower=0.0).fillna(0.0), rows["order_count"].fillna(0)
    weight = np.where(by_seller["verified_receipts_usd"].transform("max").fillna(0.0) > 0, money, orders)
    rows["weight"] = weight
    whole = rows.groupby("seller_id")["weight"].transform("sum")
    count = by_seller["market"].transform("size")
    share = np.where(whole > 0, rows["weight"] / whole.where(whole > 0, 1.0), 1.0 / count)
    for name in _DIVIDED:
        rows[name] = rows[name].astype(float).fillna(0.0) * share
    rows["grade"] = rows["grade"].fillna(NO_GRADE)
    rows["is_stale"] = rows["is_stale"].astype("boolean").fillna(False).astype(bool)
    sums = ["sales_usd", "verified_receipts_usd", *_DIVIDED]
    found = rows.groupby(["market", "grade"], as_index=False).agg(
        seller_count=("seller_id", "nunique"), stale_seller_count=("is_stale", "sum"),
        **{name: (name, "sum") for name in sums},
    )  # fmt: skip
    standing = offers[offers["is_offered"].astype(bool)]
    whole_year = (standing["orders_of_a_year"] * standing["mean_covered_usd"]).astype(float)
    capped = standing.assign(guaranteed_usd=whole_year.clip(upper=standing["year_cap_usd"].astype(float)))
    guaranteed = capped.groupby(["market", "grade"])["guaranteed_usd"].sum()
    found = found.join(guaranteed, on=["market", "grade"]).fillna({"guaranteed_usd": 0.0}).assign(as_of_on=as_of)
    columns = [*sums, "guaranteed_usd"]
    return found.round(dict.fromkeys(columns, 2))[list(EXPOSURE_COLUMNS)]
