"""The officer's hand: a log of decisions that nothing rewrites, and what of it counts on a day.

Belongs here: the log, the second pair of eyes, which decision of a seller is in force. Does not: limits (see
`limits.py`), what an approval means for a model (see `versions.py`), reading and keeping tables.

A word that was once published stays as it was: a later word of the same number stands beside it. A seller's freeze
counts before his override, whatever came first, and only a release ends either. A decision that raises what may be lent
above the threshold is pending until a second person, who is another one, stands in its row.
"""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

SIGNED_COLUMNS = (
    "decision_key", "decision_id", "decision", "seller_id", "model_version", "limit_amount", "currency_code",
    "valid_until", "reason", "decided_by", "second_by", "decided_at", "content_hash", "source_file", "source_row",
)  # fmt: skip
LOG_COLUMNS = (
    *SIGNED_COLUMNS, "limit_usd", "word_no", "recorded_on", "needs_second", "state", "state_reason",
)  # fmt: skip
LIMIT_DECISIONS = ("override", "freeze", "release")
STATES = ("in_force", "pending", "replaced", "released", "expired", "done", "refused")


@dataclass(frozen=True)
class Hand:
    """What officers say of one seller's limit now: the decisions in force, None where there is none."""

    freeze_id: str | None = None
    freeze_reason: str | None = None
    override_id: str | None = None
    override_usd: float | None = None
    override_reason: str | None = None
    pending: tuple[str, ...] = field(default=())


def decision_log(
    kept: pd.DataFrame,
    arrived: pd.DataFrame,
    *,
    recorded_on: pd.Timestamp,
    threshold_usd: float,
    usd_rates: Mapping[str, float],
    model_limits_usd: Mapping[str, float],
) -> pd.DataFrame:
    """The whole log with LOG_COLUMNS, by moment of decision: what was published before, as it was, and what is new.

    kept: the published log. arrived: SIGNED_COLUMNS of stg_credit_decisions.
    recorded_on: the day of this run, which new words carry. usd_rates: dollars for one unit of a currency.
    model_limits_usd: by seller the limit that a release would bring back.
    """
    signed = [name for name in (*SIGNED_COLUMNS, "recorded_on") if name in kept.columns]
    known = set(zip(kept["decision_key"], kept["content_hash"], strict=True)) if len(kept) else set()
    is_new = [pair not in known for pair in zip(arrived["decision_key"], arrived["content_hash"], strict=True)]
    fresh = arrived.loc[is_new, list(SIGNED_COLUMNS)].assign(recorded_on=recorded_on)
    rows = pd.concat([frame for frame in (kept[signed], fresh) if len(frame)] or [fresh], ignore_index=True)
    # What was recorded first stands before what tries to take its place.
    rows = rows.sort_values(["decided_at", "decision_id", "recorded_on", "source_file", "source_row"], kind="stable")
    rows = rows.reset_index(drop=True)
    rows["word_no"] = rows.groupby("decision_id").cumcount() + 1
    amount = pd.to_numeric(rows["limit_amount"]).astype(float)
    rows["limit_usd"] = amount * rows["currency_code"].map(usd_rates).astype(float)
    now = max([recorded_on, *pd.to_datetime(rows["decided_at"])])
    told = list(_states(rows, now, threshold_usd, model_limits_usd))
    rows["needs_second"] = [needs for needs, _, _ in told]
    rows["state"] = [state for _, state, _ in told]
    rows["state_reason"] = [reason for _, _, reason in told]
    return rows[list(LOG_COLUMNS)]


def hands(log: pd.DataFrame) -> dict[str, Hand]:
    """By seller what officers say of his limit now; sellers of whom nothing counts or waits are left out."""
    found: dict[str, Hand] = {}
    rows = log[log["decision"].isin(LIMIT_DECISIONS) & log["state"].isin(["in_force", "pending"])]
    for seller, mine in rows.groupby("seller_id"):
        held = mine[mine["state"] == "in_force"]
        freeze, override = (held[held["decision"] == kind].tail(1) for kind in ("freeze", "override"))
        usd = None if override.empty or pd.isna(override["limit_usd"].iloc[0]) else float(override["limit_usd"].iloc[0])
        found[str(seller)] = Hand(
            freeze_id=_first(freeze, "decision_id"),
            freeze_reason=_signed_reason(freeze),
            override_id=_first(override, "decision_id"),
            override_usd=usd,
            override_reason=_signed_reason(override),
            pending=tuple(str(one) for one in mine.loc[mine["state"] == "pending", "decision_id"]),
        )
    return found


def _states(
    rows: pd.DataFrame, now: pd.Timestamp, threshold_usd: float, limits_usd: Mapping[str, float]
) -> Iterator[tuple[bool, str, str]]:
    """For each row of the log: whether it needs a second person, its state, and why it has it."""
    last_word = rows.groupby("decision_id")["word_no"].transform("max") == rows["word_no"]
    signed_before: dict[str, str] = {}
    answers: list[list[object]] = []
    # By seller and kind the row whose decision is in force.
    held: dict[tuple[str, str], int] = {}
    for place, (row, is_last) in enumerate(zip(rows.to_dict("records"), last_word, strict=True)):
        key, content = str(row["decision_key"]), str(row["content_hash"])
        needs, why = _needs_second(row, threshold_usd, limits_usd)
        answer: list[object] = [needs, "in_force", ""]
        answers.append(answer)
        if signed_before.setdefault(key, content) != content:
            answer[1:] = ["refused", "it says something else under the same signature; what was recorded first stands"]
            continue
        if needs and (missing := _second_missing(row)):
            answer[1:] = [
                "pending" if is_last else "replaced",
                f"{why}; {missing}" if is_last else "a later word stands",
            ]
            continue
        if row["decision"] not in LIMIT_DECISIONS:
            answer[1:] = ["done", ""]
            continue
        seller, kind = str(row["seller_id"]), str(row["decision"])
        ended = ("freeze", "override") if kind == "release" else (kind,)
        for one in ended:
            earlier = held.pop((seller, one), None)
            if earlier is not None:
                answers[earlier][1:] = [
                    "released" if kind == "release" else "replaced",
                    f"{row['decision_id']} of {row['decided_by']}, {pd.Timestamp(str(row['decided_at'])):%Y-%m-%d}",
                ]
        if kind == "release":
            answer[1:] = ["done", ""]
        elif _is_given(row["valid_until"]) and pd.Timestamp(str(row["valid_until"])) < now.normalize():
            answer[1:] = ["expired", f"it counted until {pd.Timestamp(str(row['valid_until'])):%Y-%m-%d}"]
        elif kind == "override" and not _is_given(row["limit_usd"]):
            answer[1:] = [
                "refused",
                f"no rate is known for {row['currency_code']}, so the limit is no amount in dollars",
            ]
        else:
            held[seller, kind] = place
    for needs_, state, reason in answers:
        yield bool(needs_), str(state), str(reason)


def _needs_second(
    row: Mapping[Hashable, Any], threshold_usd: float, limits_usd: Mapping[str, float]
) -> tuple[bool, str]:
    kind, seller = row["decision"], str(row["seller_id"])
    if kind == "override":
        usd = row["limit_usd"]
        return bool(
            pd.notna(usd) and usd > threshold_usd
        ), f"a limit above USD {threshold_usd:,.0f} needs a second person"
    if kind == "release":
        usd = limits_usd.get(seller, 0.0)
        return usd > threshold_usd, f"it brings back USD {usd:,.0f}, which needs a second person"
    return False, ""


def _second_missing(row: Mapping[Hashable, Any]) -> str:
    first, second = row["decided_by"], row["second_by"]
    if pd.isna(second) or not str(second).strip():
        return "nobody has agreed yet"
    if str(second).strip().casefold() == str(first).strip().casefold():
        return f"{first} cannot be the second person too"
    return ""


def _is_given(value: object) -> bool:
    return value is not None and value is not pd.NaT and value == value


def _first(rows: pd.DataFrame, column: str) -> str | None:
    return None if rows.empty else str(rows[column].iloc[0])


def _signed_reason(rows: pd.DataFrame) -> str | None:
    if rows.empty:
        return None
    row = rows.iloc[0]
    return f"{row['reason']} ({row['decided_by']}, {pd.Timestamp(row['decided_at']):%Y-%m-%d})"
