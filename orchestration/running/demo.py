"""The demo: a trade world in at one end; published tables, forecasts and the scorecard of the cleaning at the other.

    make demo            12 markets, 42 months, 2,000 sellers, about 200,000 orders
    make demo SCALE=5    five times as many orders

Belongs here: the order of the jobs and what is printed. Does not: anything that a user's own files do not go through.
"""

import os
import sys
import time
import warnings
from collections.abc import Sequence

import dagster as dg

from orchestration.platform import Platform
from orchestration.reporting.market_report.writing import write_pages
from orchestration.settings import PROJECT_ROOT, Settings

_BALANCE = """
    pivot (
        select feed, state, sum(row_count)::bigint as row_count
        from (select * from row_balance union all by name select * from reference_row_balance)
        group by all
    )
    on state in ('accepted', 'repaired', 'superseded', 'quarantined', 'pending')
    using coalesce(sum(row_count), 0)::bigint
    group by feed
    order by feed
"""
_QUARANTINE = """
    select rule_id, reason, count(*) as row_count
    from (select * from quarantine union all by name select * from reference_quarantine)
    group by all order by row_count desc, rule_id
"""

_BALANCE_READS = frozenset({"file_balance", "quarantine", "reference_quarantine"})


def main(arguments: Sequence[str] = ()) -> int:
    """Run the demo; returns the exit code."""
    scale = float(arguments[0]) if arguments else 1.0
    began = time.monotonic()
    settings = Settings()
    platform = Platform(settings)
    _make_world(platform, scale)
    # Dagster announces with a warning for each asset that backfill policies are new.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        from orchestration.definitions import defs
        from orchestration.partitions import covering_tags

    with dg.DagsterInstance.get() as instance:
        _say(began, "arrivals: files of the inbox into raw, reference data ...")
        arrived = _run(defs, "arrivals_job", instance, {})
        if not arrived.success:
            print("the arrivals failed; the log above says why", file=sys.stderr)
            return 1
        _say(began, "markets: staging, gates, ledger and marts, publication, forecasts ...")
        markets = _run(defs, "market_job", instance, covering_tags(platform.waiting_markets()))
        _say(began, "plans: stock, supply, assortment over all markets ...")
        plans = _run(defs, "planning_job", instance, {})
        _say(began, "credit: scores, limits and guarantees of the sellers ...")
        credit = _run(defs, "credit_job", instance, {})
        # The market job drew the pages before there were plans and scores; later nights find those of the last.
        _say(began, "pages: the report of each market, now with plans and scores ...")
        write_pages(settings, platform.lake, tuple(sorted(platform.markets.codes)))
        _say(began, "scorecard: what was found of the defects that were put in ...")
        scored = _run(defs, "scorecard_job", instance, {})
    _print_balance(platform)
    _print_gates([*arrived.get_asset_check_evaluations(), *markets.get_asset_check_evaluations()])
    _print_scorecard(platform)
    print(f"\n{time.monotonic() - began:.0f} s. Tables are in {_shown(settings)}; look at them:")
    print('  .venv/bin/python -m orchestration.sql "select * from fct_orders limit 5"')
    print("  .venv/bin/python -m orchestration.credit report S000001     the page of a seller")
    print(f"  {_shown(settings)}/reports/US.html     the report of a market, one page for each")
    print("  make dev     opens the Dagster UI on http://127.0.0.1:3000")
    return 0 if markets.success and plans.success and credit.success and scored.success else 1


def _say(began: float, words: str) -> None:
    print(f"{time.monotonic() - began:4.0f} s  {words}", flush=True)


def _make_world(platform: Platform, scale: float) -> None:
    """Write the world's files into the inbox, unless this installation has taken them already."""
    from tqdm import tqdm

    from orchestration.simulation.defects.inject import DefectConfig
    from orchestration.simulation.making import WorldPlan, make_world
    from orchestration.simulation.world.config import WorldConfig

    settings = platform.settings
    config = WorldConfig(orders=round(WorldConfig.orders * scale))
    made = settings.world_truth.parent / "made"
    if made.exists():
        if made.read_text(encoding="utf-8") != repr(config):
            sys.exit(f"{_shown(settings)} holds another world ({made.read_text(encoding='utf-8')}); empty it first")
        return
    plan = WorldPlan(config, settings.inbox, settings.world_truth, defects=DefectConfig(config.seed))
    with tqdm(total=config.orders, unit=" orders", desc="making the world") as bar:
        world = make_world(plan, workers=settings.duckdb_threads, progress=bar.update)
    made.write_text(repr(config), encoding="utf-8")
    print(f"{world.orders:,} orders, {world.rows:,} records, {len(world.files)} files in {_shown(settings)}/inbox")


def _run(
    defs: dg.Definitions, name: str, instance: dg.DagsterInstance, tags: dict[str, str]
) -> dg.ExecuteInProcessResult:
    # The events are in the UI; the terminal shows what went wrong and the tables below.
    quiet = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}
    return defs.resolve_job_def(name).execute_in_process(
        instance=instance, tags=tags, run_config=quiet, raise_on_error=False
    )


def _print_balance(platform: Platform) -> None:
    from orchestration.sql import connect

    with connect(platform.lake, tables=_BALANCE_READS) as con:
        print("\nRows by feed:")
        con.sql(_BALANCE).show(max_rows=400)
        print("Why rows are in quarantine:")
        con.sql(_QUARANTINE).show(max_rows=100, max_width=160)
        unbalanced = con.execute("select count(*) from file_balance where pending <> 0").fetchone()
    print(f"Files whose rows do not add up to what was read: {unbalanced[0] if unbalanced else 0}")


def _print_scorecard(platform: Platform) -> None:
    from orchestration.sql import connect

    with connect(platform.lake, tables={"cleaning_scorecard"}) as con:
        print("\nScorecard of the cleaning:")
        con.sql("select * from cleaning_scorecard order by number, defect_id").show(max_rows=200, max_width=200)


def _print_gates(evaluations: Sequence[dg.AssetCheckEvaluation]) -> None:
    promises = [entry for entry in evaluations if entry.check_name == "promises"]
    keys = [entry for entry in evaluations if entry.check_name != "promises"]
    print("\nGates:")
    for entry in promises:
        held = entry.metadata.get("markets_held_back")
        words = "kept" if entry.passed else f"broken ({entry.severity.value}), held back: {held.value if held else '?'}"
        print(f"  {entry.asset_key.to_user_string():32} {words}")
    print(f"  {'keys of models':32} {sum(entry.passed for entry in keys)} of {len(keys)} unique and not null")


def _shown(settings: Settings) -> str:
    home = settings.home.resolve()
    return str(home.relative_to(PROJECT_ROOT)) if home.is_relative_to(PROJECT_ROOT) else str(home)


if __name__ == "__main__":
    status = main(sys.argv[1:])
    # dbt keeps a cursor of DuckDB to the process's end, and DuckDB's binding then prints a page about what it did not
    # free. The demo's last words should be where to look next.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
