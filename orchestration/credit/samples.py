"""Rows to learn from: what was known of sellers on some days, and what became of them.

Belongs here: joining features and outcomes, what is left out and how much it is, the split by time. Does not: either of
the two (see `features/`, `targets.py`), nor models.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pandas as pd

from orchestration.credit.features import features_at
from orchestration.credit.targets import OUTCOMES, TargetDefinition, outcomes

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Samples:
    """frame: features, is_bad, weight, snapshots (of the same seller); good and bad rows only.

    weight: 1 for a bad row, the exposure for a good one, so that the weighted rate is one per horizon. A seller stands
    in several rows: errors of a fit that takes them for independent are too small where windows overlap, and folds
    should keep a seller together (`seller_key`). counts: rows per day and outcome, with those that are left out.
    """

    frame: pd.DataFrame
    counts: pd.DataFrame
    definition: TargetDefinition

    def before(self, day: date) -> pd.DataFrame:
        """Rows whose outcome was final by a day: what a model could have learnt from then."""
        final = timedelta(days=self.definition.performance_days + self.definition.maturity_days)
        return self.frame[self.frame["as_of_on"].map(lambda as_of: as_of + final <= day)].reset_index(drop=True)

    def since(self, day: date) -> pd.DataFrame:
        """Rows of snapshots on a day or later: unseen by what was learnt before it."""
        return self.frame[self.frame["as_of_on"] >= day].reset_index(drop=True)


def samples(
    con: "duckdb.DuckDBPyConnection",
    definition: TargetDefinition,
    dates: Sequence[date],
    *,
    known_on: date | None = None,
) -> Samples:
    """Snapshots of all sellers on the given days with their outcomes as known on `known_on` (default: all is known)."""
    judged = outcomes(con, dates, definition, known_on=known_on)
    counts = (
        judged.groupby(["as_of_on", "outcome"])
        .size()
        .unstack(fill_value=0)
        .reindex(columns=list(OUTCOMES), fill_value=0)
    )
    known = judged[judged["outcome"].isin(["good", "bad"])]
    frame = features_at(con, dates).merge(
        known[["as_of_on", "seller_key", "outcome", "first_bad_on", "reasons", "exposure"]],
        on=["as_of_on", "seller_key"],
    )
    frame["is_bad"] = frame["outcome"] == "bad"
    frame["weight"] = frame.pop("exposure")
    frame["snapshots"] = frame.groupby("seller_key")["seller_key"].transform("size")
    return Samples(frame.drop(columns="outcome"), counts.reset_index(), definition)


def snapshot_dates(first: date, last: date, *, months: int = 3) -> list[date]:
    """The first days of months from `first` on, `months` apart, none after `last`."""
    found, number = [], first.year * 12 + first.month - 1 + (first.day > 1)
    while (day := date(number // 12, number % 12 + 1, 1)) <= last:
        found.append(day)
        number += months
    return found
