"""Scorecards of several worlds: one figure over all of them, and a list of what was missed.

Belongs here: reading what the `clean` step printed. Does not: scoring (see `orchestration/simulation/defects/`).
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

Row = Mapping[str, str | int | float | None]


@dataclass(frozen=True)
class CleaningRun:
    """The scorecard of one world: its measures, each miss, recalls of statistical defects, files that do not add up."""

    label: str
    metrics: Mapping[str, float]
    missed: Sequence[Row]
    statistical: Sequence[Row]
    unbalanced: Sequence[Sequence[str]]
    rows: int

    @classmethod
    def read(cls, label: str, printed: Mapping[str, object]) -> "CleaningRun":
        """The run that a step printed."""
        return cls(
            label=label,
            metrics=cast(Mapping[str, float], printed["metrics"]),
            missed=cast(Sequence[Row], printed["missed"]),
            statistical=cast(Sequence[Row], printed["statistical"]),
            unbalanced=cast(Sequence[Sequence[str]], printed["unbalanced"]),
            rows=cast(int, printed["rows"]),
        )


def pooled_recall(runs: Sequence[CleaningRun], column: Literal["recall", "naive_recall"]) -> float:
    """Found statistical defects over all that were put in, over all runs; 0 where there are none."""
    rows = [row for run in runs for row in run.statistical]
    positives = sum(_number(row, "positives") for row in rows)
    return sum(_number(row, column) * _number(row, "positives") for row in rows) / max(1.0, positives)


def _number(row: Row, name: str) -> float:
    return float(row[name] or 0)


def write_misses(runs: Sequence[CleaningRun], path: Path) -> Path:
    """A line per miss with its reason, and per file whose rows do not add up."""
    lines = [
        [run.label, *(row[name] for name in ("defect_id", "source_id", "feed", "key", "reason"))]
        for run in runs
        for row in run.missed
    ]
    lines += [
        [run.label, "row_balance", "", feed, file, f"{pending} rows are in no state"]
        for run in runs
        for file, feed, pending in run.unbalanced
    ]
    return _written(path, ["run", "defect_id", "source_id", "feed", "key", "reason"], lines)


def write_statistical(runs: Sequence[CleaningRun], path: Path) -> Path:
    """A line per run and statistical defect: how many there were, how many were found, and by the naive rule."""
    names = ("defect_id", "positives", "scored", "negatives", "recall", "naive_recall")
    lines = [[run.label, *(row[name] for name in names)] for run in runs for row in run.statistical]
    return _written(path, ["run", *names], lines)


def _written(path: Path, header: Sequence[str], lines: Sequence[Sequence[object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(lines)
    return path
