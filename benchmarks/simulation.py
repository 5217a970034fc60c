"""How fast the world is made and taken in, and how well what is wrong with it is found.

    python -m benchmarks.simulation [--only NAME] [--json] [--scale medium|small]

Belongs here: sizes, seeds and promises. Does not: the work (see `simulation_steps.py`).
The seeds of the cleaning were chosen before it was judged, and no rule was written or changed by what they show.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import BenchmarkError, CommandRun, Measured, Metric, Suite, Value, run_command
from benchmarks.simulation_cleaning import CleaningRun, pooled_recall, write_misses, write_statistical
from orchestration.settings import PROJECT_ROOT

SUITE = Suite("simulation")
CLEANING_SEEDS = (777001, 777002)
CLEANING_MULTIPLIERS = (2.0, 0.1)
# Clean worlds have no defects to draw, so that their seed is the default one's.
SEED = 20260301
DEFAULT_ORDERS, DEFAULT_MONTHS = 200_000, 42
FEW_MARKETS = ("US", "GB", "DE", "CN")
MISSES = PROJECT_ROOT / "var" / "benchmarks"


@dataclass(frozen=True)
class Sizes:
    """How much is measured; orders are those of the whole world."""

    parquet_orders: int = 720_000  # 12 markets, 3 months: market-months as large as those of a world of ten million
    parquet_months: int = 3
    default_orders: int = DEFAULT_ORDERS
    rowwise_orders: int = 4_000
    real_orders: int = 36_000
    real_months: int = 3
    memory_largest_month: int = 40_000
    memory_months: tuple[int, int, int] = (2, 8, 32)
    messages_orders: int = 40_000
    cleaning_orders: int = 20_000
    cleaning_months: int = 6
    cleaning_real_months: int = 2
    staging_orders: int = 1_000_000
    staging_months: int = DEFAULT_MONTHS


SIZES = {
    "full": Sizes(),
    # A tenth of the orders where rows are counted: in a quarter of an hour instead of an hour.
    "medium": Sizes(cleaning_orders=8_000, cleaning_months=4, cleaning_real_months=1, staging_orders=100_000),
    # To try the benchmark itself, in a minute or two: the figures say nothing.
    "small": Sizes(
        parquet_orders=36_000,
        default_orders=20_000,
        rowwise_orders=500,
        real_orders=2_000,
        memory_largest_month=500,
        memory_months=(1, 2, 4),
        messages_orders=2_000,
        cleaning_orders=1_200,
        cleaning_months=2,
        cleaning_real_months=1,
        staging_orders=2_000,
        staging_months=2,
    ),
}
sizes = SIZES["full"]


@dataclass(frozen=True)
class Step:
    """A finished step: what it printed, and its process as seen from outside."""

    figures: Mapping[str, float]
    run: CommandRun

    def __getitem__(self, name: str) -> float:
        return float(self.figures[name])


@contextmanager
def folder() -> Iterator[Path]:
    """A folder for one measurement, removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        yield Path(name)


def step(*words: object, home: Path | None = None) -> Step:
    """Run a step in a process of its own; raises BenchmarkError when it fails or says nothing."""
    environment = {"DAGSTER_DISABLE_TELEMETRY": "1", "GX_ANALYTICS_ENABLED": "false", "PYTHONWARNINGS": "ignore"}
    if home is not None:
        environment["TRADEWIND_HOME"] = str(home)
    command = [sys.executable, "-m", "benchmarks.simulation_steps", *map(str, words)]
    run = run_command(command, cwd=PROJECT_ROOT, environment=environment, timeout_s=3600)
    lines = run.output.strip().splitlines()
    if not lines:
        raise BenchmarkError(f"{' '.join(command)}: it printed nothing")
    return Step(json.loads(lines[-1]), run)


def made(
    place: Path,
    *,
    orders: int,
    months: int,
    real_months: int = 0,
    markets: Sequence[str] = (),
    seed: int = SEED,
    multiplier: float = 0.0,
) -> Step:
    """Make a world in a folder; by default clean and as Parquet."""
    return step("make", orders, months, ",".join(markets) or "all", real_months, seed, multiplier, place)


def per_core_second(world: Step) -> float:
    """Orders by second of processor time over all threads: what one core alone would need."""
    return world["orders"] / world["cpu_s"]


@SUITE.measures(Metric("orders_per_core_second_parquet", unit="1/s", goal=50_000, better="higher"))
def generation() -> Measured:
    """Market-months of 20,000 orders with all documents; beside it the small default world, and rows one by one."""
    with folder() as place:
        large = made(place, orders=sizes.parquet_orders, months=sizes.parquet_months)
    with folder() as place:
        usual = made(place, orders=sizes.default_orders, months=DEFAULT_MONTHS)
    with folder() as place:
        by_rows = step("rowwise", sizes.rowwise_orders, place)
    return {
        "orders_per_core_second_parquet": Value(
            per_core_second(large),
            {
                "row by row in Python": per_core_second(by_rows),
                "default world": per_core_second(usual),
                "per second of the wall": large["orders"] / large["wall_s"],
                "records per core second": large["rows"] / large["cpu_s"],
            },
        )
    }


@SUITE.measures(Metric("orders_per_core_second_real_formats", unit="1/s", goal=1_000, better="higher"))
def real_formats() -> Measured:
    """CSV dialects, JSON lines and messages of XML in archives."""
    with folder() as place:
        world = made(place, orders=sizes.real_orders, months=sizes.real_months, real_months=sizes.real_months)
    beside = {
        "per second of the wall": world["orders"] / world["wall_s"],
        "MB per core second": world["bytes"] / 1e6 / world["cpu_s"],
    }
    return {"orders_per_core_second_real_formats": Value(per_core_second(world), beside)}


@SUITE.measures(Metric("generation_peak_ratio", unit="ratio", goal=1.25))
def memory() -> Measured:
    """Peak memory of a world of sixteen times the months over that of one; then market-months four times as large.

    Seasons make months differ, and the peak is that of the largest: it has as many orders in each of the worlds.
    """
    peaks: dict[str, float] = {}
    markets = ",".join(FEW_MARKETS)
    few, largest = sizes.memory_months[0], sizes.memory_largest_month
    plans = [(f"{months} months", largest, months) for months in sizes.memory_months]
    plans.append((f"{few} months of 4 x the orders", 4 * largest, few))
    for label, most, months in plans:
        orders = int(step("fit", most, months, markets)["orders"])
        with folder() as place:
            world = made(place, orders=orders, months=months, markets=FEW_MARKETS)
        peaks[f"{label} ({world['orders']:,.0f} orders), GB"] = world.run.peak_gb
    first, _, third, _ = peaks.values()
    return {"generation_peak_ratio": Value(third / first, peaks)}


@SUITE.measures(
    Metric("certain_recall", unit="share", goal=0.99, better="higher"),
    Metric("worst_certain_recall", unit="share", goal=0.97, better="higher"),
    Metric("false_alarms_per_10k", unit="rows", goal=1.0),
    Metric("statistical_recall_at_1_in_1000", unit="share", better="higher"),
    Metric("statistical_naive_recall", unit="share", better="higher"),
    Metric("row_balance_errors", unit="files", goal=0.0),
)
def cleaning() -> Measured:
    """Four dirty worlds judged: each figure is that of the worst of them, the statistical ones are over all."""
    runs = [_cleaned(seed, multiplier) for multiplier in CLEANING_MULTIPLIERS for seed in CLEANING_SEEDS]
    misses = write_misses(runs, MISSES / "simulation_misses.csv")
    recalls = write_statistical(runs, MISSES / "simulation_statistical.csv")
    print(f"misses: {misses}\nstatistical defects one by one: {recalls}", file=sys.stderr)

    def each(name: str) -> dict[str, float]:
        return {run.label: run.metrics[name] for run in runs if name in run.metrics}

    def worst(name: str, *, is_lowest: bool) -> Value:
        found = each(name)
        if not found:
            raise BenchmarkError(f"{name}: no run has any row to score")
        return Value(min(found.values()) if is_lowest else max(found.values()), found)

    return {
        "certain_recall": worst("certain_recall", is_lowest=True),
        "worst_certain_recall": worst("worst_certain_recall", is_lowest=True),
        "false_alarms_per_10k": worst("false_alarms_per_10k", is_lowest=False),
        "statistical_recall_at_1_in_1000": Value(
            pooled_recall(runs, "recall"), each("statistical_recall_at_1_in_1000")
        ),
        "statistical_naive_recall": Value(pooled_recall(runs, "naive_recall"), each("statistical_naive_recall")),
        "row_balance_errors": Value(
            float(sum(len(run.unbalanced) for run in runs)), {"rows balanced": float(sum(run.rows for run in runs))}
        ),
    }


def _cleaned(seed: int, multiplier: float) -> CleaningRun:
    with folder() as place:
        made(
            place / "world",
            orders=sizes.cleaning_orders,
            months=sizes.cleaning_months,
            real_months=sizes.cleaning_real_months,
            seed=seed,
            multiplier=multiplier,
        )
        home = place / "home"
        home.mkdir()
        (place / "world" / "inbox").rename(home / "inbox")
        judged = step("clean", home, place / "world" / "truth", home=home)
    return CleaningRun.read(f"seed {seed} x {multiplier:g}", judged.figures)


@SUITE.measures(
    Metric("arrivals_rows_per_second", unit="1/s", better="higher"),
    Metric("staging_rows_per_second", unit="1/s", goal=200_000, better="higher"),
    Metric("staging_peak_gb", unit="GB", goal=4.0),
)
def staging() -> Measured:
    """The world with its usual defects through arrivals, then staging with its tests, less that of an empty lake."""
    with folder() as place:
        empty = place / "empty"
        (empty / "inbox").mkdir(parents=True)
        start = _staged(empty)
        home = place / "home"
        made(place, orders=sizes.staging_orders, months=sizes.staging_months, multiplier=1.0)
        home.mkdir()
        (place / "inbox").rename(home / "inbox")
        arrived = step("arrive", home, home=home)
        # What has been read is no part of staging; a disk need not hold it beside the lake and the run.
        shutil.rmtree(home / "landing", ignore_errors=True)
        whole = _staged(home)
    rows = arrived["staged_rows"]
    seconds = whole["build_s"] - start["build_s"]
    return {
        "arrivals_rows_per_second": Value(
            arrived["rows"] / arrived["wall_s"],
            {"rows": arrived["rows"], "s": arrived["wall_s"], "peak, GB": arrived.run.peak_gb},
        ),
        "staging_rows_per_second": Value(
            rows / seconds,
            {
                "with the run's plan": rows / (seconds + whole["plan_s"] - start["plan_s"]),
                "with the start-up": rows / whole["build_s"],
                "rows": rows,
                "s": whole["build_s"],
                "start-up, s": start["build_s"],
                "in tests, s": whole["tests_s"],
                "in models, s": whole["models_s"],
                "plan, s": whole["plan_s"],
            },
        ),
        "staging_peak_gb": Value(whole.run.peak_gb, {"with an empty lake": start.run.peak_gb}),
    }


def _staged(home: Path) -> Step:
    found = step("stage", home, home=home)
    if found.figures["failed"]:
        raise BenchmarkError(f"staging: {found.figures['failed']}")
    print(f"slowest models, s: {found.figures['slowest']}", file=sys.stderr)
    return found


@SUITE.measures(Metric("xml_messages_per_second", unit="1/s", better="higher"))
def messages() -> Measured:
    """The electronic port's messages, from archive to rows, in two processes; beside it in one."""
    with folder() as place:
        made(place, orders=sizes.messages_orders, months=1, real_months=1, markets=("US", "CN"))
        alone, parallel = (step("messages", place / "inbox", workers) for workers in (1, 2))
    beside = {"in one process": alone["messages"] / alone["wall_s"], "messages": alone["messages"]}
    return {"xml_messages_per_second": Value(parallel["messages"] / parallel["wall_s"], beside)}


def main(arguments: Sequence[str]) -> int:
    """Measure at the full scale, or at the small one to try the benchmark itself."""
    global sizes  # noqa: PLW0603  # the measurements take no arguments
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--scale", choices=list(SIZES), default="full")
    options, others = parser.parse_known_args(arguments)
    sizes = SIZES[options.scale]
    return SUITE.main(others)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
