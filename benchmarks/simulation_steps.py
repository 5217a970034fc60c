"""The parts of the simulation's benchmark that run in processes of their own; each prints one JSON object at its end.

    make ORDERS MONTHS MARKETS REAL_MONTHS SEED MULTIPLIER FOLDER    a world
    fit LARGEST MONTHS MARKETS                                       orders of a world by its largest market-month
    rowwise ORDERS FOLDER                                            the same tables, row by row
    clean HOME TRUTH                                                 a world's files judged, and the scorecard
    arrive HOME                                                      the inbox into raw
    stage HOME                                                       all of raw through staging
    messages INBOX WORKERS                                           the XML messages of a folder parsed

Belongs here: the work, and its seconds without imports. Does not: sizes and goals (see `simulation.py`). Peak memory is
measured from outside.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

# Only what is light: the processes that parse messages begin with the imports of this module.
from orchestration.settings import Settings

Figures = Mapping[str, object]
# The largest market alone has the mix of channels of all but China, whose orders are imports.
ROWWISE_MARKET = "US"


def make(
    orders: int, months: int, markets: Sequence[str], real_months: int, seed: int, multiplier: float, folder: Path
) -> Figures:
    """Seconds of this process (cpu_s: all its threads) and of the wall; clean where the multiplier is 0."""
    from orchestration.simulation.defects.inject import DefectConfig
    from orchestration.simulation.making import WorldPlan, make_world
    from orchestration.simulation.world.config import MARKETS, WorldConfig

    config = WorldConfig(seed=seed, orders=orders, months=months, markets=tuple(markets) or MARKETS)
    defects = DefectConfig(seed, multiplier) if multiplier else None
    plan = WorldPlan(config, folder / "inbox", folder / "truth", real_months, defects)
    plan.inbox.mkdir(parents=True)
    cpu, wall = time.process_time(), time.perf_counter()
    made = make_world(plan)
    cpu_s, wall_s = time.process_time() - cpu, time.perf_counter() - wall
    size = sum(path.stat().st_size for path in made.files)
    return {"orders": made.orders, "rows": made.rows, "bytes": size, "cpu_s": cpu_s, "wall_s": wall_s}


def fit(largest: int, months: int, markets: Sequence[str]) -> Figures:
    """How many orders a world needs so that its largest market-month is expected to have so many."""
    import numpy as np

    from orchestration.simulation.world.building import build_world
    from orchestration.simulation.world.config import WorldConfig

    orders = largest * months * len(markets)
    demand = build_world(WorldConfig(orders=orders, months=months, markets=tuple(markets))).demand
    by_month = np.add.reduceat(demand.mean_orders, demand.month_offset[:-1], axis=1)
    return {"orders": int(orders * largest / by_month.max())}


def rowwise(orders: int, folder: Path) -> Figures:
    """The same for one market-month of about so many orders, of which only the shape is taken from the world."""
    from benchmarks.simulation_rowwise import write_by_rows
    from orchestration.simulation.documents.generate import generate_documents
    from orchestration.simulation.world.building import build_world
    from orchestration.simulation.world.config import WorldConfig
    from orchestration.simulation.world.generate import generate_commerce

    config = WorldConfig(orders=orders, months=1, markets=(ROWWISE_MARKET,))
    commerce = generate_commerce(build_world(config), ROWWISE_MARKET, config.first_month)
    tables = {**commerce.tables, **generate_documents(build_world(config), commerce.batch).tables}
    cpu = time.process_time()
    rows = write_by_rows(tables, folder, config.seed)
    return {"orders": len(commerce.batch.order_no), "rows": rows, "cpu_s": time.process_time() - cpu}


def clean(home: Path, truth_folder: Path) -> Figures:
    """The measures of the scorecard, every miss, and the files whose rows do not add up."""
    from orchestration.lake import Lake
    from orchestration.simulation.defects.scoring import score
    from orchestration.simulation.judging import judge
    from orchestration.simulation.outcomes import keyed_truth, read_outcomes, read_truth
    from orchestration.sql import connect

    settings = Settings(home=home, catalog_uri="")
    judge(settings)
    lake = Lake(settings)
    truth = keyed_truth(read_truth(truth_folder))
    card = score(truth, read_outcomes(lake, truth))
    with connect(lake) as con:
        errors = con.execute("select file, feed, pending from file_balance where pending <> 0 order by all").fetchall()
        rows = con.execute("select coalesce(sum(rows_read), 0)::bigint from file_balance").fetchall()[0][0]
    return {
        "metrics": dict(card.metrics),
        "by_defect": card.by_defect.to_pylist(),
        "statistical": card.statistical.to_pylist(),
        "missed": card.missed.to_pylist(),
        "unbalanced": [list(map(str, error)) for error in errors],
        "rows": int(rows),
    }


def arrive_all(home: Path) -> Figures:
    """Rows by feed that the inbox gave, and the seconds that they took."""
    from orchestration.arrivals.intake import arrive
    from orchestration.lake import Lake
    from orchestration.runs.feeds import market_feeds

    settings = Settings(home=home, catalog_uri="")
    report = arrive(settings, Lake(settings))
    refused = [f"{outcome.name}: {outcome.reason}" for outcome in report.rejected]
    staged = {feed: rows for feed, rows in report.rows_by_feed.items() if feed in market_feeds()}
    rows = sum(report.rows_by_feed.values())
    return {"rows": rows, "staged_rows": sum(staged.values()), "wall_s": report.seconds, "refused": refused}


def stage(home: Path) -> Figures:
    """Seconds of the plan with its views, and of dbt's call for staging as a run makes it, tests included.

    models_s and tests_s add up what each node took; two run at a time, so their sum is more than the call's.
    """
    import dbt.cli.main  # noqa: F401  # its import is no part of the figure: a run pays for it once

    from orchestration.lake import Lake
    from orchestration.markets import load_markets
    from orchestration.modeling.build import build_models
    from orchestration.modeling.manifest import prepared_manifest, published_models
    from orchestration.runs import MonthSelection, RunDatabase, make_plan
    from orchestration.simulation.judging import judged_models, with_unpublished_parents

    settings = Settings(home=home, catalog_uri="")
    prepared_manifest()
    lake, markets = Lake(settings), load_markets(settings.markets_file)
    names = judged_models(is_reference=False)
    run = RunDatabase(settings, "benchmark")
    began = time.perf_counter()
    plan, index = make_plan(lake, run_id="benchmark", markets=markets.codes, months=MonthSelection.parse("all"))
    with index:
        run.prepare(lake, plan, markets, published_models(), names, index)
    planned = time.perf_counter()
    results = build_models(run.path, with_unpublished_parents(names))
    built = time.perf_counter()
    failed = [f"{result.unique_id}: {result.message}" for result in results if result.has_failed]
    slowest = sorted(results, key=lambda result: -result.seconds)[:8]
    return {
        "plan_s": planned - began,
        "build_s": built - planned,
        "models_s": sum(result.seconds for result in results if result.unique_id.startswith("model.")),
        "tests_s": sum(result.seconds for result in results if result.unique_id.startswith("test.")),
        "failed": failed,
        "slowest": {result.unique_id: result.seconds for result in slowest},
    }


def messages(inbox: Path, workers: int) -> Figures:
    """Messages and seconds of parsing all archives of XML in a folder into rows."""
    import duckdb

    from orchestration.arrivals import readers
    from orchestration.arrivals.mapping_reader import SHIPPED, load_mappings
    from orchestration.arrivals.unpacking import Limits, unpack

    mappings = [mapping for mapping in load_mappings(SHIPPED) if mapping.format.type in ("xml", "auto")]
    limits, count, seconds = Limits.of(Settings()), 0, 0.0
    with duckdb.connect() as con, tempfile.TemporaryDirectory() as folder:
        for path in sorted(inbox.glob("*.zip")):
            began = time.perf_counter()
            for member in unpack(path, Path(folder), limits, together=lambda _: "all"):
                form = next(mapping for mapping in mappings if mapping.takes(member.name)).of(member.name).format
                readers.read(con, member, form, Path(folder), limits, workers)
                count += len(member.entries)
            seconds += time.perf_counter() - began
    return {"messages": count, "wall_s": seconds}


STEPS: Mapping[str, Callable[[Sequence[str]], Figures]] = {
    "make": lambda words: make(
        int(words[0]),
        int(words[1]),
        () if words[2] == "all" else words[2].split(","),
        int(words[3]),
        int(words[4]),
        float(words[5]),
        Path(words[6]),
    ),
    "fit": lambda words: fit(int(words[0]), int(words[1]), words[2].split(",")),
    "rowwise": lambda words: rowwise(int(words[0]), Path(words[1])),
    "clean": lambda words: clean(Path(words[0]), Path(words[1])),
    "arrive": lambda words: arrive_all(Path(words[0])),
    "stage": lambda words: stage(Path(words[0])),
    "messages": lambda words: messages(Path(words[0]), int(words[1])),
}


def main(arguments: Sequence[str]) -> int:
    """Run one step and print what it found."""
    print(json.dumps(STEPS[arguments[0]](arguments[1:]), default=str))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
