"""Reports: what became of each file of an arrival.

Belongs here: the frozen records that `arrive` gives back. Does not: printing them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from orchestration.lake import Place


@dataclass(frozen=True)
class FileOutcome:
    """One delivered file: taken or refused, why, and what was found in it.

    rule: the rule of a refused file (`file.truncated`); reason: the same with what is wrong and where.
    unknown_markets: rows by the text that names no market; unused_rows: rows that satisfy no condition of the mapping.
    """

    name: str
    sha256: str
    size: int
    status: Literal["loaded", "rejected"]
    rule: str = ""
    reason: str = ""
    source_id: str = ""
    rows_by_feed: Mapping[str, int] = field(default_factory=dict)
    new_columns: tuple[str, ...] = ()
    unknown_markets: Mapping[str, int] = field(default_factory=dict)
    unused_rows: int = 0


@dataclass(frozen=True)
class ArrivalReport:
    """One arrival: its files in the order in which they were read, and what it touched.

    batch_id is None when there was no file. still_written: files that changed while they were read and wait for the
    next arrival. reversal_places: market-months with reversals that name no sale.
    """

    batch_id: int | None
    files: tuple[FileOutcome, ...]
    still_written: tuple[str, ...] = ()
    markets_touched: tuple[str, ...] = ()
    touches: int = 0
    reversal_places: tuple[Place, ...] = ()
    seconds: float = 0.0

    @property
    def rows_by_feed(self) -> Mapping[str, int]:
        """Rows taken, by feed, over all files."""
        totals: dict[str, int] = {}
        for outcome in self.files:
            for feed, rows in outcome.rows_by_feed.items():
                totals[feed] = totals.get(feed, 0) + rows
        return totals

    @property
    def rejected(self) -> tuple[FileOutcome, ...]:
        """The files that were refused."""
        return tuple(outcome for outcome in self.files if outcome.status == "rejected")
