"""The demo: sample files in at one end, published tables, a forecast and a picture out at the other.

    make demo

Belongs here: the order of the jobs and what is printed. Does not: anything that a user's own files do not go through.
"""

import sys
import time
import warnings
from collections.abc import Sequence

import dagster as dg

from orchestration.arrivals.shelves import fingerprint
from orchestration.platform import Platform
from orchestration.settings import PROJECT_ROOT, Settings

_BALANCE = """
    pivot (
        select feed, market, state, sum(row_count)::bigint as row_count
        from (select * from row_balance union all by name select * from reference_row_balance)
        group by all
    )
    on state in ('accepted', 'repaired', 'superseded', 'quarantined', 'pending')
    using coalesce(sum(row_count), 0)::bigint
    group by feed, market
    order by feed, market
"""
_QUARANTINE = """
    select rule_id, reason, count(*) as row_count
    from (select * from quarantine union all by name select * from reference_quarantine)
    group by all order by row_count desc, rule_id
"""


def main() -> int:
    """Run the demo; returns the exit code."""
    began = time.monotonic()
    settings = Settings()
    platform = Platform(settings)
    _fill_inbox(platform)
    # Dagster announces with a warning for each asset that backfill policies are new.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        from orchestration.definitions import defs
        from orchestration.partitions import covering_tags

    with dg.DagsterInstance.get() as instance:
        print("arrivals: files of the inbox into raw, exchange rates ...", flush=True)
        arrived = _run(defs, "arrivals_job", instance, {})
        if not arrived.success:
            print("the arrivals failed; the log above says why", file=sys.stderr)
            return 1
        print("markets: staging, gates, ledger and marts, publication, forecasts ...", flush=True)
        markets = _run(defs, "market_job", instance, covering_tags(platform.waiting_markets()))
    _print_balance(platform)
    _print_gates([*arrived.get_asset_check_evaluations(), *markets.get_asset_check_evaluations()])
    print(f"\n{time.monotonic() - began:.0f} s. Tables are in {_shown(settings)}; look at them:")
    print('  .venv/bin/python -m orchestration.sql "select * from fct_orders limit 5"')
    print("  make dev     opens the Dagster UI on http://127.0.0.1:3000")
    return 0 if markets.success else 1


def _fill_inbox(platform: Platform) -> None:
    """Write the sample into the inbox, without the files that were taken before."""
    from orchestration.simulation.sample import write_sample

    settings = platform.settings
    settings.inbox.mkdir(parents=True, exist_ok=True)
    for path in write_sample(settings.inbox):
        known = platform.lake.has_file(fingerprint(path))
        if known is not None and known.status == "loaded":
            path.unlink()


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

    with connect(platform.lake) as con:
        print("\nRows by feed and market:")
        con.sql(_BALANCE).show(max_rows=400)
        print("Why rows are in quarantine:")
        con.sql(_QUARANTINE).show(max_rows=100, max_width=160)
        unbalanced = con.execute("select count(*) from file_balance where pending <> 0").fetchone()
    print(f"Files whose rows do not add up to what was read: {unbalanced[0] if unbalanced else 0}")


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
    sys.exit(main())
