"""Judging: one suite over one frame, each broken promise attributed to its market.

Belongs here: the use of Great Expectations. Does not: where the frame comes from (see measures.py).
Judged once for all markets and attributed by row: a validation for each market would cost a tenth of a second each.
"""

import logging
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import great_expectations as gx
import pandas as pd

from orchestration.gates.verdict import MOST_EXAMPLES, BrokenPromise, Example, Severity, Verdict

if TYPE_CHECKING:
    from great_expectations.core import ExpectationValidationResult

MOST_AMOUNTS = 3

Suite = Callable[[], gx.ExpectationSuite]


class JudgingFailed(RuntimeError):
    """A promise could not be judged: a missing column or a broken expectation is an error, never a verdict."""


def judge(suite: gx.ExpectationSuite, frame: pd.DataFrame, *, table: str, gate: str) -> Verdict:
    """What the suite says of the frame, market by market.

    frame: the columns that the suite names, besides `market`, and where rows have an origin `_file` and `_row`;
        `subject` says in words what a row is; `table`, where the rows speak of several tables, which one;
        `amount_in_words` what it is off by, with its unit. Any index is ignored.
    Raises JudgingFailed when an expectation could not be evaluated.
    """
    rows = frame.reset_index(drop=True)
    counted = rows["market"].value_counts()
    judged = {str(market): int(count) for market, count in counted.items()}
    if rows.empty:
        return Verdict(gate, frozenset(), judged, ())
    promises = {expectation.expectation_type: expectation for expectation in suite.expectations}
    broken: list[BrokenPromise] = []
    for result in _validate(suite, rows):
        configuration = result.expectation_config
        if configuration is None or (result.exception_info or {}).get("raised_exception"):
            message = (result.exception_info or {}).get("exception_message")
            raise JudgingFailed(f"gate {gate}, table {table}: {configuration}: {message}")
        if result.success:
            continue
        promise = promises[configuration.type]
        column = str(getattr(promise, "column", ""))
        positions = cast(list[int], result.result.get("unexpected_index_list"))
        if not positions:
            raise JudgingFailed(f"gate {gate}, table {table}: {configuration.type} failed and names no row")
        severity: Severity = "warning" if str(promise.severity.value) == "warning" else "critical"
        for of_table, failing in _by_table(rows.loc[positions], table):
            broken += _by_market(failing, column, type(promise), severity, suite.name, of_table)
    return Verdict(gate, frozenset(judged), judged, tuple(broken))


def _validate(suite: gx.ExpectationSuite, rows: pd.DataFrame) -> list["ExpectationValidationResult"]:
    # Its progress bars and notes would fill the run's log.
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("run").add_dataframe_asset("rows")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": rows})
    return list(batch.validate(suite, result_format={"result_format": "COMPLETE"}).results)


def _by_table(failing: pd.DataFrame, table: str) -> list[tuple[str, pd.DataFrame]]:
    if "table" not in failing:
        return [(table, failing)]
    return [(str(name), rows) for name, rows in failing.groupby("table", sort=False)]


def _by_market(
    failing: pd.DataFrame,
    column: str,
    promise: type,
    severity: Severity,
    suite: str,
    table: str,
) -> list[BrokenPromise]:
    counts = Counter(str(market) for market in failing["market"])
    found = []
    for market, count in sorted(counts.items()):
        of_market = failing[failing["market"] == market].head(MOST_EXAMPLES)
        found.append(
            BrokenPromise(
                promise=promise.__name__,
                sentence=(promise.__doc__ or "").strip(),
                severity=severity,
                suite=suite,
                table=table,
                market=market,
                count=count,
                examples=tuple(_example(row, column) for _, row in of_market.iterrows()),
                amounts=_amounts(of_market),
            )
        )
    return found


def _amounts(of_market: pd.DataFrame) -> str:
    if "amount_in_words" not in of_market:
        return ""
    amounts = [str(amount) for amount in of_market["amount_in_words"]]
    return ", ".join(amounts[:MOST_AMOUNTS]) + (", …" if len(amounts) > MOST_AMOUNTS else "")


def _example(row: "pd.Series[str]", column: str) -> Example:
    position = row.get("_row")
    return Example(
        file=str(row.get("_file") or ""),
        row=None if position is None or pd.isna(position) else int(position),
        subject=str(row.get("subject") or ""),
        value=str(row.get(column)),
    )
