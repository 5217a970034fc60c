"""Versions of the scorecard: which one makes today's scores, and who said so.

Belongs here: status of versions from persons' decisions, when a new one is trained. Does not: training itself.

A version is a candidate, or qualified once its measures hold. Only a person approves: the version in use is the one
that was approved last, by an approval or a roll-back. As long as there is none, the newest version is used and its
scores say that nobody has approved it.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd

# Without an approval the candidate in use is trained anew so often; beside an approved one a challenger.
RETRAIN_DAYS, CHALLENGE_DAYS = 30, 91
MODEL_DECISIONS = ("approve_model", "rollback_model")
STATUS_COLUMNS = ("status", "is_in_use", "decided_by", "decided_at", "decision_id")


@dataclass(frozen=True, eq=False)
class Standing:
    """`models` with STATUS_COLUMNS anew; `refused`: place of a decision in the log → why it changes nothing."""

    models: pd.DataFrame
    refused: dict[int, str]


def standing(models: pd.DataFrame, log: pd.DataFrame) -> Standing:
    """Status of each version after every decision on models, in the order of the log.

    models: version, trained_on, does_qualify. log: LOG_COLUMNS of decisions.
    """
    rows = models.sort_values(["trained_on", "version"], kind="stable", ignore_index=True)
    rows["status"] = rows["does_qualify"].astype(bool).map({True: "qualified", False: "candidate"})
    rows["is_in_use"] = False
    for name in ("decided_by", "decided_at", "decision_id"):
        rows[name] = pd.Series([None] * len(rows), dtype=object)
    place = {str(version): number for number, version in enumerate(rows["version"])}
    refused: dict[int, str] = {}
    approved: int | None = None
    was_approved: set[int] = set()
    for number, word in enumerate(log.itertuples()):
        if word.decision not in MODEL_DECISIONS or word.state != "done":
            continue
        found = place.get(str(word.model_version))
        if found is None:
            refused[number] = f"there is no version {word.model_version}"
        elif word.decision == "approve_model" and not rows.loc[found, "does_qualify"]:
            refused[number] = f"version {word.model_version} does not qualify"
        elif word.decision == "rollback_model" and found not in was_approved:
            refused[number] = f"version {word.model_version} was never approved: approve it instead"
        else:
            if approved is not None and approved != found:
                rows.loc[approved, "status"] = "retired"
            rows.loc[found, "status"] = "approved"
            for name in ("decided_by", "decided_at", "decision_id"):
                rows.at[found, name] = getattr(word, name)
            approved = found
            was_approved.add(found)
    used = approved if approved is not None else (len(rows) - 1 if len(rows) else None)
    if used is not None:
        rows.loc[used, "is_in_use"] = True
    return Standing(rows, refused)


def is_training_due(models: pd.DataFrame, today: date) -> bool:
    """Whether a version is to be trained: there is none, the unapproved one is old, or no challenger is young."""
    if models.empty:
        return True
    newest = max(pd.Timestamp(str(day)).date() for day in models["trained_on"])
    has_approved = bool((models["status"] == "approved").any())
    return today - newest >= timedelta(days=CHALLENGE_DAYS if has_approved else RETRAIN_DAYS)
