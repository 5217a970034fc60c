"""One gate from end to end: measure, judge, merge.

Belongs here: the order of work and the helper process that judges. Does not: Dagster (see checks.py).
"""

import multiprocessing
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING

from orchestration.gates.measures import Measure
from orchestration.gates.verdict import Example, Verdict, merged

if TYPE_CHECKING:
    import duckdb
    import pandas as pd


class Judges:
    """A helper process that has Great Expectations loaded.

    Importing it takes as long as building a market: the helper does it on another core while dbt builds, and keeps it
    out of the memory of the process that holds the data.
    """

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    def start(self) -> None:
        """Begin to load, without waiting."""
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(max_workers=1, mp_context=context)
            self._pool.submit(_load)

    def judge(self, measure: Measure, frame: "pd.DataFrame", gate: str) -> "Future[Verdict]":
        """The verdict of the measure's suite over the frame, as a future."""
        self.start()
        assert self._pool is not None
        return self._pool.submit(judge_by_name, measure.suite, frame, measure.table, gate)

    def stop(self) -> None:
        """End the helper."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


@contextmanager
def judges() -> Iterator[Judges]:
    """A helper process for the time of a block."""
    helper = Judges()
    try:
        yield helper
    finally:
        helper.stop()


def _load() -> None:
    import_module("orchestration.gates.judge")
    import_module("expectations.staging")


def judge_by_name(suite: str, frame: "pd.DataFrame", table: str, gate: str) -> Verdict:
    """Judge a frame by the suite `module.function` of expectations/."""
    from orchestration.gates.judge import judge

    module, function = suite.split(".")
    return judge(getattr(import_module(f"expectations.{module}"), function)(), frame, table=table, gate=gate)


def run_gate(
    con: "duckdb.DuckDBPyConnection",
    gate: str,
    measures: Sequence[Measure],
    expected: Collection[str],
    helper: Judges,
) -> Verdict:
    """Measure the run's tables and judge them; a market in `expected` that no measure saw has not passed."""
    pending = [(measure, helper.judge(measure, con.execute(measure.query).df(), gate)) for measure in measures]
    verdicts = [_with_examples(con, measure, verdict.result()) for measure, verdict in pending]
    return merged(gate, expected, verdicts)


def _with_examples(con: "duckdb.DuckDBPyConnection", measure: Measure, verdict: Verdict) -> Verdict:
    """A failed summary names the rows behind it, where the measure knows how to find them."""
    if not measure.examples:
        return verdict
    broken = []
    for entry in verdict.broken:
        rows = con.execute(measure.examples.format(table=entry.table), [entry.market]).fetchall()
        behind = tuple(Example(str(file), int(row), str(subject), str(value)) for subject, file, row, value in rows)
        summary = entry.examples[:1]
        broken.append(replace(entry, examples=summary + behind))
    return replace(verdict, broken=tuple(broken))
