"""Scores of sellers with their parts, from features and a scorecard.

Belongs here: rows of score and parts, what changed between two days. Does not: features, the scorecard's maths, what
is kept and what is stale (see `history.py`).
"""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from orchestration.credit.scorecard.card import Scorecard

BASE, THIN = "base_points", "thin_file_points"
# What belongs to no characteristic, in words.
_OTHER_LABELS = {
    BASE: ("Base points", "基础分"),
    THIN: ("Pull towards the portfolio, as little is known", "信息较少，向整体平均靠拢"),
}
SCORE_COLUMNS = (
    "seller_id", "as_of_on", "version", "model_status", "score", "probability", "grade", "is_thin", "scored_on",
    "basis", "reasons_en", "reasons_zh", "note",
)  # fmt: skip
PART_COLUMNS = (
    "seller_id", "as_of_on", "version", "name", "label_en", "label_zh", "value", "value_text", "bin", "points",
    "most_points", "shortfall_points", "shortfall_rank", "reason_en", "reason_zh",
)  # fmt: skip
CHANGE_COLUMNS = (
    "seller_id", "as_of_on", "previous_on", "version", "previous_version", "name", "label_en", "label_zh", "bin",
    "previous_bin", "points", "previous_points", "change_points",
)  # fmt: skip
REASONS = 4


@dataclass(frozen=True, eq=False)
class Scored:
    """`scores` with SCORE_COLUMNS and `parts` with PART_COLUMNS; the parts of a seller sum to his score."""

    scores: pd.DataFrame
    parts: pd.DataFrame


def score_sellers(
    card: "Scorecard", features: pd.DataFrame, as_of: date, *, version: str, status: str, basis: str = "published"
) -> Scored:
    """The score of every seller of the frame with its parts.

    features: seller_id and the columns that the card asks; any index.
    """
    rows = features.reset_index(drop=True)
    scored = card.score(rows)
    parts = _parts(card, rows, as_of, version)
    ranked = parts[(parts["shortfall_points"] > 0) & (parts["shortfall_rank"] <= REASONS)].sort_values("shortfall_rank")
    said = ranked.groupby("seller_id")[["reason_en", "reason_zh"]].agg("; ".join)
    scores = pd.DataFrame(
        {
            "seller_id": rows["seller_id"],
            "as_of_on": as_of,
            "version": version,
            "model_status": status,
            "score": scored["score"].astype("Int32"),
            "probability": scored["probability"].astype(float),
            "grade": scored["grade"].astype(object),
            "is_thin": scored["is_thin"].astype(bool),
            "scored_on": as_of,
            "basis": basis,
            "reasons_en": rows["seller_id"].map(said["reason_en"]).fillna(""),
            "reasons_zh": rows["seller_id"].map(said["reason_zh"]).fillna(""),
            "note": _notes(scored["is_thin"].astype(bool), status, basis),
        }
    )
    return Scored(scores[list(SCORE_COLUMNS)], parts)


def unscored(features: pd.DataFrame, as_of: date, why: str) -> Scored:
    """The same without a scorecard: every seller without a score, and why."""
    scores = pd.DataFrame({"seller_id": features["seller_id"].reset_index(drop=True)})
    given = {
        "as_of_on": as_of,
        "scored_on": as_of,
        "basis": "published",
        "note": why,
        "reasons_en": "",
        "reasons_zh": "",
    }
    for name in SCORE_COLUMNS[1:]:
        scores[name] = pd.Series([given.get(name)] * len(scores), dtype=object)
    return Scored(scores[list(SCORE_COLUMNS)], pd.DataFrame({name: pd.Series(dtype="object") for name in PART_COLUMNS}))


def score_changes(parts: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """What changed between two days, by characteristic: CHANGE_COLUMNS, only where points differ.

    The changes of a seller sum to the difference of his scores; where another version of the scorecard made the score
    before, a characteristic that only one of them asks counts with 0 points in the other.
    """
    kept = ["seller_id", "name", "label_en", "label_zh", "bin", "points", "as_of_on", "version"]
    of_both = parts["seller_id"].drop_duplicates()
    of_both = of_both[of_both.isin(before["seller_id"])]
    now, then = (frame.loc[frame["seller_id"].isin(of_both), kept] for frame in (parts, before))
    both = now.merge(then, on=["seller_id", "name"], how="outer", suffixes=("", "_before"))
    for name in ("label_en", "label_zh"):
        both[name] = both[name].fillna(both[f"{name}_before"])
    for name in ("as_of_on", "version"):
        for side, frame in ((name, parts), (f"{name}_before", before)):
            known = frame.drop_duplicates("seller_id").set_index("seller_id")[name].astype(object)
            both[side] = known.reindex(both["seller_id"]).to_numpy()
    both["points"] = both["points"].fillna(0).astype(int)
    both["previous_points"] = both["points_before"].fillna(0).astype(int)
    both["change_points"] = both["points"] - both["previous_points"]
    both = both.rename(
        columns={"as_of_on_before": "previous_on", "version_before": "previous_version", "bin_before": "previous_bin"}
    )
    changed = both[both["change_points"] != 0]
    size = changed["change_points"].abs()
    order = changed.assign(size=size).sort_values(["seller_id", "size", "name"], ascending=[True, False, True])
    return order[list(CHANGE_COLUMNS)].reset_index(drop=True)


def _parts(card: "Scorecard", rows: pd.DataFrame, as_of: date, version: str) -> pd.DataFrame:
    """One row per seller and characteristic, and two for what belongs to none."""
    placed = card.placed(rows)
    labels = {part.characteristic.name: part.characteristic for part in card.parts}
    seller = rows["seller_id"]
    columns = rows[card.names]
    is_text = {name: not pd.api.types.is_numeric_dtype(columns[name]) for name in card.names}
    numbers = columns.assign(**{name: float("nan") for name, text in is_text.items() if text}).astype(float)
    texts = columns.assign(**{name: None for name, text in is_text.items() if not text}).astype(object)
    found = pd.DataFrame(
        {
            "seller_id": seller.loc[placed["row"]].to_numpy(),
            "name": placed["name"].astype(object),
            "label_en": placed["name"].map({name: one.english for name, one in labels.items()}),
            "label_zh": placed["name"].map({name: one.chinese for name, one in labels.items()}),
            "value": numbers.to_numpy().ravel(),
            "value_text": texts.to_numpy().ravel(),
            "bin": placed["bin"].astype(object),
            "points": placed["points"].astype(int),
            "most_points": placed["most_points"].astype(int),
            "shortfall_points": placed["shortfall_points"].astype(int),
            "shortfall_rank": placed["shortfall_rank"].astype("Int32"),
            "reason_en": placed["reason_en"].astype(object),
            "reason_zh": placed["reason_zh"].astype(object),
        }
    )
    found["value_text"] = found["value_text"].where(found["value_text"].notna(), None)
    points = card.points(rows)
    others = [
        pd.DataFrame(
            {
                "seller_id": seller, "name": name, "label_en": english, "label_zh": chinese, "bin": "",
                "points": points[name].astype(int), "most_points": points[name].astype(int), "shortfall_points": 0,
                "reason_en": "", "reason_zh": "",
            }
        )
        for name, (english, chinese) in _OTHER_LABELS.items()
        if name == BASE or (points[name] != 0).any()
    ]  # fmt: skip
    whole = pd.concat([found, *others], ignore_index=True).assign(as_of_on=as_of, version=version)
    return whole[list(PART_COLUMNS)]


def _notes(is_thin: pd.Series, status: str, basis: str) -> list[str]:
    whole = []
    if status != "approved":
        whole.append(f"the scorecard is a {status} version that nobody has approved")
    if basis == "recomputed":
        whole.append("reckoned later, from what was known on the day, with a scorecard that knows later outcomes")
    return ["; ".join([*whole, "little is known of the seller"] if thin else whole) for thin in is_thin]
