"""Gates as Dagster checks: one step between two layers, a verdict per market.

Belongs here: which measures guard which layer, and verdicts as check results and events. Does not: judging itself.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from orchestration.gates import measures
from orchestration.gates.gate import run_gate
from orchestration.gates.verdict import BrokenPromise, Verdict
from orchestration.lake import Place
from orchestration.modeling.manifest import PublishedModel, published_models
from orchestration.platform import Platform
from orchestration.runs import RunDatabase, RunPlan
from orchestration.runs.database import KEPT_WHEN_HELD, HeldMarket
from orchestration.runs.feeds import market_feeds, reference_feeds
from orchestration.runs.publishing import publish_models
from orchestration.runs.unpartitioned import UnpartitionedRun

if TYPE_CHECKING:
    import duckdb

CHECK_NAME = "promises"
STAGING_GATE = "staging_gate"
LEDGER_GATE = "ledger_gate"
REFERENCE_GATE = "reference_gate"

STAGING_MEASURES = tuple(measures.staged_batch(market_feeds()))
LEDGER_MEASURES = tuple(measures.ledger())
REFERENCE_MEASURES = tuple(measures.reference(reference_feeds()))


def guarded(rules: Sequence[measures.Measure]) -> list[dg.AssetKey]:
    """The assets that these measures speak of, once each."""
    tables = dict.fromkeys(table for measure in rules for table in measure.speaks_of)
    return [dg.AssetKey(table.split(".")) for table in tables]


def _specs(rules: Sequence[measures.Measure], words: str) -> list[dg.AssetCheckSpec]:
    return [dg.AssetCheckSpec(CHECK_NAME, asset=key, blocking=True, description=words) for key in guarded(rules)]


def _judge_markets(
    context: dg.AssetCheckExecutionContext,
    platform: Platform,
    gate: str,
    rules: Sequence[measures.Measure],
    expected: "Callable[[duckdb.DuckDBPyConnection], set[str]]",
) -> Iterator[dg.AssetCheckResult]:
    """Judge the run's tables, hold back the markets that fail, and say so; `expected` names those to be judged."""
    run = platform.run_of(context)
    plan = run.plan()
    with run.connect() as con:
        verdict = run_gate(con, gate, rules, expected(con), platform.judges)
    _hold_back(platform, run, plan, verdict)
    if verdict.blocks:
        _publish_quality(platform, run, plan)
    yield from results(context, verdict, guarded(rules))


@dg.multi_asset_check(
    name=STAGING_GATE,
    specs=_specs(STAGING_MEASURES, "What a market's batch must satisfy before ledger and marts are built from it."),
    can_subset=True,
)
def staging_gate(
    context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
) -> Iterator[dg.AssetCheckResult]:
    """Holds back each market whose batch breaks a critical promise; blocks when none is left."""
    yield from _judge_markets(context, platform, STAGING_GATE, STAGING_MEASURES, _markets_with_raw_rows)


@dg.multi_asset_check(
    name=LEDGER_GATE,
    specs=_specs(LEDGER_MEASURES, "What ledger and marts must satisfy before they are published."),
    can_subset=True,
)
def ledger_gate(
    context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
) -> Iterator[dg.AssetCheckResult]:
    """Holds back each market whose ledger or marts break a critical promise; blocks when none is left."""
    yield from _judge_markets(context, platform, LEDGER_GATE, LEDGER_MEASURES, _markets_with_staged_rows)


@dg.multi_asset_check(
    name=REFERENCE_GATE,
    specs=_specs(REFERENCE_MEASURES, "What reference data must satisfy before it is published."),
)
def reference_gate(
    context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
) -> Iterator[dg.AssetCheckResult]:
    """Blocks the table when its batch breaks a critical promise: it belongs to no market that could be held back."""
    run = platform.run_of(context)
    with run.connect() as con:
        verdict = run_gate(con, REFERENCE_GATE, REFERENCE_MEASURES, {measures.WITHOUT_MARKET}, platform.judges)
    yield from results(context, verdict, guarded(REFERENCE_MEASURES))


def judge_market_models(
    context: dg.AssetCheckExecutionContext,
    platform: Platform,
    gate: str,
    rules: Sequence[measures.Measure],
    models: Sequence[PublishedModel],
    *,
    keys: Sequence[dg.AssetKey],
    markets: str,
    failed: str = "",
) -> Iterator[dg.AssetCheckResult]:
    """Judge what a run has made of these models of a market, and hold back the markets that fail.

    markets: query of the markets that must have been judged. failed: query of market and reason where the models could
    not be made. keys: the assets that carry a check.
    """
    run = platform.run_of(context)
    with run.connect() as con:
        expected = {str(row[0]) for row in con.execute(markets).fetchall()}
        verdict = run_gate(con, gate, rules, expected, platform.judges)
        not_made = con.execute(failed).fetchall() if failed else []
    held = [HeldMarket(str(market), gate, str(reason)) for market, reason in not_made]
    run.hold_back([*held, *_held_markets(verdict)], models, {})
    yield from results(context, verdict, keys)


def whole_specs(rules: Sequence[measures.Measure], words: str) -> list[dg.AssetCheckSpec]:
    """The checks of a gate over tables that have no market."""
    keys = (dg.AssetKey(table.split(".")) for table in dict.fromkeys(rule.table for rule in rules))
    return [dg.AssetCheckSpec(CHECK_NAME, asset=key, blocking=True, description=words) for key in keys]


def judge_whole(
    context: dg.AssetCheckExecutionContext,
    platform: Platform,
    run: UnpartitionedRun,
    gate: str,
    rules: Sequence[measures.Measure],
) -> Iterator[dg.AssetCheckResult]:
    """Judge the tables of a run that has no market; where all of them are empty there is nothing to judge."""
    with run.connect() as con:
        has_rows = any(con.execute(f"select 1 from {rule.table} limit 1").fetchall() for rule in rules)
        expected = {measures.WITHOUT_MARKET} if has_rows else set()
        verdict = run_gate(con, gate, rules, expected, platform.judges)
    yield from results(context, verdict, [spec.asset_key for spec in whole_specs(rules, "")])


def results(
    context: dg.AssetCheckExecutionContext, verdict: Verdict, keys: Sequence[dg.AssetKey]
) -> Iterator[dg.AssetCheckResult]:
    """A check result for each guarded asset, and an event of its own for each market that failed on it.

    Dagster stores the results of a range without a partition, and marks every market of the range as materialized:
    only the events say which market did not pass.
    """
    for key in keys:
        if dg.AssetCheckKey(key, CHECK_NAME) not in context.selected_asset_check_keys:
            continue
        table = ".".join(key.path)
        broken = [entry for entry in verdict.broken if entry.table == table]
        critical = sorted({entry.market for entry in broken if entry.severity == "critical"})
        # What has no market is no partition either: its verdict is the check itself.
        for market in (one for one in critical if one != measures.WITHOUT_MARKET):
            # An observation and not a check evaluation: Dagster keeps one evaluation without a run for each check and
            # partition, and refuses the second time that a market fails.
            context.instance.report_runless_asset_event(
                dg.AssetObservation(
                    asset_key=key,
                    partition=market,
                    description=f"held back at {verdict.gate}: {'; '.join(verdict.reasons(market))}",
                    metadata={
                        "verdict": "held back",
                        "run": context.run.run_id,
                        **as_metadata(verdict, [entry for entry in broken if entry.market == market]),
                    },
                )
            )
        stops = verdict.blocks and (bool(critical) or not any(entry.severity == "critical" for entry in verdict.broken))
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name=CHECK_NAME,
            passed=not broken and not stops,
            severity=dg.AssetCheckSeverity.ERROR if stops else dg.AssetCheckSeverity.WARN,
            metadata=as_metadata(verdict, broken),
        )


def as_metadata(verdict: Verdict, broken: Sequence[BrokenPromise]) -> dict[str, dg.MetadataValue]:
    """Which promise, which market, which rows: as a table and as figures."""
    found: dict[str, dg.MetadataValue] = {
        "markets_judged": dg.MetadataValue.int(len(verdict.judged)),
        "markets_held_back": dg.MetadataValue.text(", ".join(sorted(verdict.failed)) or "none"),
    }
    if verdict.unjudged:
        found["markets_not_judged"] = dg.MetadataValue.text(", ".join(sorted(verdict.unjudged)))
    if broken:
        rows = [
            f"| {entry.promise} | {entry.market} | {entry.severity} | {entry.count} | {entry.amounts}"
            f" | {entry.sentence} |"
            for entry in broken
        ]
        found["broken_promises"] = dg.MetadataValue.md(
            "\n".join(
                ["| promise | market | severity | rows | off by | in words |", "|---|---|---|---|---|---|", *rows]
            )
        )
        examples = [
            f"| {entry.market} | {entry.promise} | {example.file} | {'' if example.row is None else example.row}"
            f" | {example.subject} | {example.value} |"
            for entry in broken
            for example in entry.examples
        ]
        found["examples"] = dg.MetadataValue.md(
            "\n".join(["| market | promise | file | row | what | value |", "|---|---|---|---|---|---|", *examples])
        )
    return found


def _held_markets(verdict: Verdict) -> list[HeldMarket]:
    return [
        HeldMarket(market, verdict.gate, reason)
        for market in sorted(verdict.failed)
        for reason in verdict.reasons(market)
    ]


def _hold_back(platform: Platform, run: RunDatabase, plan: RunPlan, verdict: Verdict) -> None:
    seq = _published_seq(platform, plan, verdict.failed)
    run.hold_back(_held_markets(verdict), published_models().values(), seq)


def _published_seq(platform: Platform, plan: RunPlan, markets: Collection[str]) -> dict[Place, int]:
    states = platform.lake.place_states(plan.namespace, "staging.stg_orders", markets)
    return {state.place: state.raw_seq for state in states}


def _publish_quality(platform: Platform, run: RunDatabase, plan: RunPlan) -> None:
    built: list[PublishedModel] = [published_models()[name] for name in sorted(KEPT_WHEN_HELD)]
    publish_models(platform.lake, run, plan, built, only_quality=True)


def _markets_with_raw_rows(con: "duckdb.DuckDBPyConnection") -> set[str]:
    selects = " union ".join(f"select _market from raw.{feed}" for feed in market_feeds())
    return {str(row[0]) for row in con.execute(f"select * from ({selects}) where _market <> 'ZZ'").fetchall()}


def _markets_with_staged_rows(con: "duckdb.DuckDBPyConnection") -> set[str]:
    """Markets from which something must reach the marts: headers were accepted at a place that is rebuilt."""
    rows = con.execute(
        """
        select market, month from staging.stg_order_lines
        union select market, month from staging.stg_shipments
        union select market, month from staging.stg_declaration_lines
        """
    ).fetchall()
    places = {tuple(row) for row in con.execute("select market, month from plan.mart_places").fetchall()}
    return {str(market) for market, month in rows if (market, month) in places}
