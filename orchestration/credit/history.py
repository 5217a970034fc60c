"""Scores over time: what is kept, what an old score stands for when a market is stale, and what is kept of parts.

Belongs here: putting a day's scores beside those of before. Does not: scores themselves (see `scoring.py`).
"""

from collections.abc import Sequence
from datetime import date

import pandas as pd

# Parts are kept of the newest days and of the first day of each month, so that "since last month" can be told.
NEWEST_DAYS, KEPT_MONTHS = 10, 24
STALE = ["is_stale", "stale_reason", "stale_since_on", "stale_markets"]
# What a stale score keeps of the one before.
_OF_SCORE = [
    "version", "model_status", "score", "probability", "grade", "is_thin", "scored_on", "reasons_en", "reasons_zh",
]  # fmt: skip


def mark_stale(scores: pd.DataFrame, stale: pd.DataFrame, kept: pd.DataFrame) -> pd.DataFrame:
    """The day's scores, those of sellers in stale markets replaced by their last score and marked.

    stale: seller_id, stale_reason, stale_since_on, stale_markets. kept: the published scores. A seller without a score
    before keeps that of the day, which rests on what is published, and is marked all the same.
    """
    rows = scores.merge(stale, on="seller_id", how="left")
    rows["is_stale"] = rows["stale_reason"].notna()
    if kept.empty or not rows["is_stale"].any():
        return rows
    day = pd.Timestamp(str(scores["as_of_on"].iloc[0]))
    earlier = kept[(pd.to_datetime(kept["as_of_on"]) <= day) & kept["score"].notna()]
    last = earlier.sort_values("as_of_on", kind="stable").drop_duplicates("seller_id", keep="last")
    last = last.set_index("seller_id")
    is_kept = rows["is_stale"] & rows["seller_id"].isin(last.index)
    sellers = rows.loc[is_kept, "seller_id"]
    for name in _OF_SCORE:
        values = rows[name].astype(object)
        values[is_kept] = last[name].astype(object).reindex(sellers).to_numpy()
        rows[name] = values
    words = "the score of " + pd.to_datetime(rows["scored_on"]).dt.strftime("%Y-%m-%d") + " is kept"
    rows["note"] = (rows["note"].where(~is_kept, words + ": " + rows["stale_reason"].fillna(""))).astype(object)
    return rows


def with_change(scores: pd.DataFrame, kept: pd.DataFrame) -> pd.DataFrame:
    """The day's scores with change_points: less the seller's last score of an earlier day; null without one."""
    if kept.empty or scores.empty:
        return scores.assign(change_points=None)
    day = pd.Timestamp(str(scores["as_of_on"].iloc[0]))
    earlier = kept[pd.to_datetime(kept["as_of_on"]) < day].sort_values("as_of_on", kind="stable")
    last = earlier.drop_duplicates("seller_id", keep="last").set_index("seller_id")["score"]
    before = scores["seller_id"].map(last).astype(float)
    return scores.assign(change_points=(scores["score"].astype(float) - before).astype("Int32"))


def replace_day(kept: pd.DataFrame, rows: pd.DataFrame, day: date) -> pd.DataFrame:
    """The kept rows of other days with those of the day."""
    if kept.empty:
        return rows
    others = kept[pd.to_datetime(kept["as_of_on"]) != pd.Timestamp(day)]
    frames = [frame for frame in (others, rows) if len(frame)]
    return pd.concat(frames, ignore_index=True) if frames else rows


def kept_days(days: Sequence[date], newest: date) -> list[date]:
    """Those days of which parts are kept: the newest ones, and the first of each month of two years."""
    ordered = sorted(set(days))
    firsts: dict[str, date] = {}
    for day in ordered:
        firsts.setdefault(f"{day:%Y-%m}", day)
    months = sorted(firsts)[-KEPT_MONTHS:]
    return sorted({*ordered[-NEWEST_DAYS:], *(firsts[month] for month in months), newest})


def month_firsts(day: date, count: int) -> list[date]:
    """The first days of the `count` months before a day, oldest first; the day itself is not among them."""
    found: list[date] = []
    year, month = day.year, day.month
    if day.day > 1:
        found.append(day.replace(day=1))
    while len(found) < count:
        month -= 1
        if month == 0:
            year, month = year - 1, 12
        found.append(date(year, month, 1))
    return sorted(found[:count])
