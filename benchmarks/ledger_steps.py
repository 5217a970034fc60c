"""The parts of the ledger's benchmark that run in processes of their own; each prints one JSON object at its end.

    make ORDERS MONTHS SEED MULTIPLIER HOME WHOLE|UNTIL|DAY   a world, or a part of it, into the inbox of a home
    take HOME                                                 the inbox into raw, and all tables of it published
    scale HOME FOLDER COPIES MARKETS                          copies of a home's staging
    ledger FOLDER GROUPS ALL|STATES                           the ledger built over them, in so many runs
    pandas HOME ORDERS MONTHS SEED                            the states of the same lines in pandas

Belongs here: the work, and its seconds without imports. Does not: sizes and goals (see `ledger.py`). Peak memory is
measured from outside.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

from orchestration.settings import Settings

Figures = Mapping[str, object]
# What the ledger is: beneath it staging, beside it figures and gates.
LEDGER = (
    "fct_trade_ledger",
    "fct_trade_event",
    "fct_match_result",
    "fct_import_orders",
    "fct_import_allowance",
    "fct_payouts",
    "fct_money_legs",
    "fct_declaration_coverage",
    "fct_rebate_claims",
    "fct_landed_cost",
    "fct_trade_tie",
)
# The states of all lines and the events beneath them, without matching, money, cost and ties.
STATES = ("fct_trade_ledger", "fct_trade_event")


def ledger_models() -> list[str]:
    """The published tables of the ledger."""
    from orchestration.modeling.manifest import published_models

    return [name for name in LEDGER if name in published_models()]


def make(orders: int, months: int, seed: int, multiplier: float, home: Path, part: str) -> Figures:
    """The files of a world, of all of it but its last day, or of this day."""
    from orchestration.simulation.defects.inject import DefectConfig
    from orchestration.simulation.making import WorldPlan, make_world
    from orchestration.simulation.parts import WHOLE, Part
    from orchestration.simulation.world.config import WorldConfig

    config = WorldConfig(seed=seed, orders=orders, months=months)
    last = last_day(config.month_list[-1])
    parts = {"WHOLE": WHOLE, "UNTIL": Part.up_to(last - timedelta(days=1)), "DAY": Part.of_day(last, last=last)}
    settings = Settings(home=home, catalog_uri="")
    defects = DefectConfig(seed, multiplier) if multiplier else None
    plan = WorldPlan(config, settings.inbox, settings.world_truth, 1, defects, parts[part])
    plan.inbox.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    made = make_world(plan)
    return {"orders": made.orders, "rows": made.rows, "wall_s": time.perf_counter() - began, "day": last.isoformat()}


def last_day(month: str) -> date:
    """The last day of a month `YYYY-MM`."""
    year, number = (int(text) for text in month.split("-"))
    return date(year + number // 12, number % 12 + 1, 1) - timedelta(days=1)


def take(home: Path) -> Figures:
    """All published tables of what lies in the inbox, without gates: a gate would hold back what is to be measured."""
    import dbt.cli.main  # noqa: F401  # its import is no part of the figure: a run pays for it once

    from orchestration.arrivals.intake import arrive
    from orchestration.lake import Lake
    from orchestration.markets import load_markets
    from orchestration.modeling.build import BuildError, build_models
    from orchestration.modeling.manifest import prepared_manifest, published_models
    from orchestration.runs import MonthSelection, RunDatabase, make_plan
    from orchestration.runs.plan import make_reference_plan
    from orchestration.runs.publishing import publish_models
    from orchestration.simulation.judging import with_unpublished_parents

    settings = Settings(home=home, catalog_uri="")
    prepared_manifest()
    lake, markets = Lake(settings), load_markets(settings.markets_file)
    began = time.perf_counter()
    arrive(settings, lake)
    arrived = time.perf_counter()
    slowest: dict[str, float] = {}
    for is_reference in (True, False):
        names = [
            model.name for model in published_models().values() if (model.spec.partition == "none") == is_reference
        ]
        if is_reference:
            plan, index = make_reference_plan(lake, run_id="reference"), None
        else:
            plan, index = make_plan(lake, run_id="markets", markets=markets.codes, months=MonthSelection.parse("all"))
        run = RunDatabase(settings, plan.run_id)
        run.remove()
        run.prepare(lake, plan, markets, published_models(), names, index)
        if index is not None:
            index.con.close()
        results = build_models(run.path, with_unpublished_parents(names), with_tests=False)
        if failed := [f"{result.unique_id}: {result.message}" for result in results if result.has_failed]:
            raise BuildError("; ".join(failed))
        slowest |= {result.unique_id: result.seconds for result in results}
        publish_models(lake, run, plan, [published_models()[name] for name in names])
        run.remove()
    return {
        "arrivals_s": arrived - began,
        "markets_s": time.perf_counter() - arrived,
        "slowest": _slowest(slowest),
    }


def scale(home: Path, folder: Path, copies: int, markets: Sequence[str]) -> Figures:
    """How many orders the copies have."""
    from benchmarks.ledger_scale import write_copies

    scaled = write_copies(home, folder, copies=copies, models=ledger_models(), markets=markets)
    return {"orders": scaled.orders}


def ledger(folder: Path, groups: int, part: str) -> Figures:
    """Seconds of dbt's calls for the ledger over the copies, in runs over some of the markets each; slowest models."""
    import dbt.cli.main  # noqa: F401  # its import is no part of the figure: a run pays for it once

    from benchmarks.ledger_scale import Scaled, prepare_run
    from orchestration.modeling.build import build_models
    from orchestration.modeling.manifest import prepared_manifest
    from orchestration.simulation.judging import with_unpublished_parents

    prepared_manifest()
    scaled, models = Scaled.read(folder), list(STATES) if part == "STATES" else ledger_models()
    settings = Settings(home=folder / "built", catalog_uri="")
    shares = [scaled.markets[number::groups] for number in range(min(groups, len(scaled.markets)))]
    seconds: dict[str, float] = {}
    failed: list[str] = []
    build_s = prepare_s = cpu_s = 0.0
    rows = 0
    for share in shares:
        began = time.perf_counter()
        path = prepare_run(scaled, settings, "ledger", ledger_models(), share)
        prepared, worked = time.perf_counter(), time.process_time()
        results = build_models(path, with_unpublished_parents(models), with_tests=False)
        build_s += time.perf_counter() - prepared
        cpu_s += time.process_time() - worked
        prepare_s += prepared - began
        for result in results:
            seconds[result.unique_id] = seconds.get(result.unique_id, 0.0) + result.seconds
        failed += [f"{result.unique_id}: {result.message}" for result in results if result.has_failed]
        rows += _built_rows(path, models)
        path.unlink()
    return {
        "orders": scaled.orders,
        "build_s": build_s,
        "cpu_s": cpu_s,
        "prepare_s": prepare_s,
        "rows": rows,
        "failed": failed,
        "slowest": _slowest(seconds),
    }


def pandas(home: Path, orders: int, months: int, seed: int) -> Figures:
    """Seconds for events and states of all lines in pandas, with all records in memory already."""
    from orchestration.simulation.ledger_truth.delivered import delivered_world, read_defects
    from orchestration.simulation.ledger_truth.lines import ledger_lines
    from orchestration.simulation.world.config import WorldConfig

    config = WorldConfig(seed=seed, orders=orders, months=months)
    delivered = delivered_world(config, read_defects(Settings(home=home, catalog_uri="").world_truth))
    began = time.perf_counter()
    lines = ledger_lines(delivered)
    lines.states(int(time.time()))
    return {"wall_s": time.perf_counter() - began, "orders": len(delivered.of("orders"))}


def touch(orders: int, months: int, seed: int, home: Path) -> None:
    """One file with one record that touches one place: a count of one day of a market's advertising, corrected."""
    import pyarrow as pa

    from orchestration.simulation.formats.writing import write_tables
    from orchestration.simulation.world.building import build_world
    from orchestration.simulation.world.config import WorldConfig
    from orchestration.simulation.world.generate import generate_commerce

    config = WorldConfig(seed=seed, orders=orders, months=months)
    world = build_world(config)
    key = ("ads", "media_spend")
    spend = next(
        tables[key]
        for market in reversed(config.markets)
        if key in (tables := generate_commerce(world, market, config.first_month).tables)
    )
    row = spend.slice(0, 1)
    row = row.set_column(row.schema.get_field_index("version"), "version", pa.array([2], pa.int64()))
    write_tables({key: row}, Settings(home=home, catalog_uri="").inbox, style="parquet", tag="correction")


def _built_rows(path: Path, models: Sequence[str]) -> int:
    import duckdb

    with duckdb.connect(str(path), read_only=True) as con:
        built = con.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where table_name in (select unnest(?))",
            [list(models)],
        ).fetchall()
        return sum(int(con.execute(f"select count(*) from {name}").fetchall()[0][0]) for (name,) in built)


def _slowest(seconds: Mapping[str, float]) -> Mapping[str, float]:
    most = sorted(seconds, key=lambda name: -seconds[name])[:12]
    return {name.rsplit(".", maxsplit=1)[-1]: round(seconds[name], 2) for name in most}


STEPS: Mapping[str, Callable[[Sequence[str]], Figures]] = {
    "make": lambda words: make(int(words[0]), int(words[1]), int(words[2]), float(words[3]), Path(words[4]), words[5]),
    "take": lambda words: take(Path(words[0])),
    "scale": lambda words: scale(
        Path(words[0]), Path(words[1]), int(words[2]), () if words[3] == "all" else words[3].split(",")
    ),
    "pandas": lambda words: pandas(Path(words[0]), int(words[1]), int(words[2]), int(words[3])),
    "ledger": lambda words: ledger(Path(words[0]), int(words[1]), words[2]),
}


def main(arguments: Sequence[str]) -> int:
    """Run one step and print what it found."""
    print(json.dumps(STEPS[arguments[0]](arguments[1:]), default=str))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
