"""Verdicts: what a gate found, market by market, as plain records.

Belongs here: the pure side of a gate. Does not: Great Expectations (see judge.py), Dagster (see checks.py).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Severity = Literal["critical", "warning"]
MOST_EXAMPLES = 20


@dataclass(frozen=True)
class Example:
    """One row that breaks a promise: where it stands and the measured value. Never a personal value."""

    file: str
    row: int | None
    subject: str
    value: str


@dataclass(frozen=True)
class BrokenPromise:
    """A promise that one market breaks: its name and sentence, how many rows break it, and up to twenty of them.

    amounts: what the rows are off by, in words with their unit, where the measure adds it up.
    """

    promise: str
    sentence: str
    severity: Severity
    suite: str
    table: str
    market: str
    count: int
    examples: tuple[Example, ...]
    amounts: str = ""


@dataclass(frozen=True)
class Verdict:
    """What one gate found.

    judged: rows judged per market. expected: the markets that should have been judged.
    """

    gate: str
    expected: frozenset[str]
    judged: Mapping[str, int]
    broken: tuple[BrokenPromise, ...]

    @property
    def unjudged(self) -> frozenset[str]:
        """Markets that should have been judged and were not: they have not passed."""
        return frozenset(market for market in self.expected if not self.judged.get(market))

    @property
    def failed(self) -> frozenset[str]:
        """Markets that may not go on."""
        critical = {entry.market for entry in self.broken if entry.severity == "critical"}
        return frozenset(critical) | self.unjudged

    @property
    def passed(self) -> frozenset[str]:
        """Markets that may go on."""
        return self.expected - self.failed

    @property
    def blocks(self) -> bool:
        """True when there was something to judge and no market is left."""
        return bool(self.expected) and not self.passed

    def reasons(self, market: str) -> tuple[str, ...]:
        """Why this market failed, one sentence for each promise."""
        found = [
            f"{entry.promise} ({entry.table}): {entry.count} rows" + (f", {entry.amounts}" if entry.amounts else "")
            for entry in self.broken
            if entry.market == market and entry.severity == "critical"
        ]
        if market in self.unjudged:
            found.append("nothing was judged")
        return tuple(found)


def merged(gate: str, expected: Collection[str], verdicts: Sequence[Verdict]) -> Verdict:
    """One verdict of several suites: a market must have been judged by at least one of them."""
    judged: dict[str, int] = {}
    for verdict in verdicts:
        for market, rows in verdict.judged.items():
            judged[market] = judged.get(market, 0) + rows
    broken = tuple(entry for verdict in verdicts for entry in verdict.broken)
    return Verdict(gate, frozenset(expected), judged, broken)
