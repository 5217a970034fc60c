"""How right the ledger is, what a day costs, and how it grows.

    python -m benchmarks.ledger [--json] [--only NAME] [--scale small|medium|large] [--seed N] [--home FOLDER]

Belongs here: sizes, seeds and promises. Does not: the work (see `ledger_steps.py`), the comparison with the truth (see
`ledger_accuracy.py`) and copies of staging (see `ledger_scale.py`).

--home: an installation whose published staging is copied for the figures of size; without it one is made. The seed is
not the default one: no rule of the ledger was written by looking at this world.
"""

import argparse
import json
import math
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.harness import BenchmarkError, CommandRun, Measured, Metric, Suite, Value, run_command
from orchestration.settings import PROJECT_ROOT

SUITE = Suite("ledger")
SEED = 424_242
# Spilling begins here; the rest of the 4 GB is what DuckDB does not count, dbt and Python.
MEMORY = "2500MB"


@dataclass(frozen=True)
class Sizes:
    """How much is measured. copies: orders of the three sizes, of which a size of 0 is left out."""

    truth_orders: int
    truth_months: int
    multiplier: float
    day_orders: int
    day_months: int
    copied_orders: tuple[int, int, int]
    # Runs that share the markets, by size: what a run of a million orders works on does not fit into its memory.
    groups: tuple[int, int, int] = (1, 3, 12)


SIZES = {
    "large": Sizes(60_000, 42, 1.0, 200_000, 42, (100_000, 1_000_000, 10_000_000)),
    "medium": Sizes(20_000, 18, 1.0, 20_000, 18, (100_000, 1_000_000, 0)),
    # To try the benchmark itself, in a few minutes: the figures say nothing.
    "small": Sizes(4_000, 6, 1.0, 2_000, 4, (4_000, 20_000, 0)),
}


@dataclass
class Chosen:
    """What the command line chose."""

    sizes: Sizes
    seed: int
    home: Path | None
    folder: Path


chosen = Chosen(SIZES["large"], SEED, None, Path())


@dataclass(frozen=True)
class Step:
    """A finished step: what it printed, and its process as seen from outside."""

    figures: Mapping[str, object]
    run: CommandRun

    def number(self, name: str) -> float:
        """A figure that is a number."""
        return float(str(self.figures[name]))


def step(*words: object) -> Step:
    """Run a step in a process of its own, with two threads; raises BenchmarkError when it fails or says nothing."""
    environment = {
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "GX_ANALYTICS_ENABLED": "false",
        "PYTHONWARNINGS": "ignore",
        "TRADEWIND_DUCKDB_MEMORY": os.environ.get("TRADEWIND_DUCKDB_MEMORY", MEMORY),
        "TRADEWIND_DUCKDB_THREADS": "2",
        # A folder of the benchmark's own: nothing here may touch the installation of whoever runs it.
        "TRADEWIND_HOME": str(chosen.folder / "steps"),
    }
    command = [sys.executable, "-m", "benchmarks.ledger_steps", *map(str, words)]
    run = run_command(command, cwd=PROJECT_ROOT, environment=environment, timeout_s=7200)
    lines = run.output.strip().splitlines()
    if not lines:
        raise BenchmarkError(f"{' '.join(command)}: it printed nothing")
    return Step(json.loads(lines[-1]), run)


def say(words: str) -> None:
    """Print beside the figures."""
    print(words, file=sys.stderr, flush=True)


@cache
def truth_home() -> Path:
    """An installation that has taken in a world with defects, all tables of it published."""
    home, sizes = chosen.folder / "truth", chosen.sizes
    step("make", sizes.truth_orders, sizes.truth_months, chosen.seed, sizes.multiplier, home, "WHOLE")
    taken = step("take", home)
    say(f"published, s: {taken.figures['markets_s']}; slowest {taken.figures['slowest']}")
    return home


@SUITE.measures(
    Metric("match_precision", unit="share", goal=0.995, better="higher"),
    Metric("match_recall", unit="share", goal=0.995, better="higher"),
    Metric("state_accuracy", unit="share", goal=0.999, better="higher"),
    Metric("unexplained_error_amount", unit="money", goal=0.005),
)
def accuracy() -> Measured:
    """Verdicts, ties, payouts and states of a world with defects, the worst of each; naive rules beside them."""
    from benchmarks.ledger_accuracy import accuracy as measured
    from orchestration.simulation.world.config import WorldConfig

    sizes = chosen.sizes
    found = measured(truth_home(), WorldConfig(seed=chosen.seed, orders=sizes.truth_orders, months=sizes.truth_months))
    for name, share in found.shares.items():
        say(f"{name:36} {share.given:>9,} given, precision {share.precision:.5f}, recall {share.recall:.5f}")
    for day, (right, naive, real) in found.states.items():
        say(f"state as of {day}: {right:.5f} as delivered, {naive:.5f} by the last event, {real:.5f} as it really is")
    for words in found.differences:
        say(f"  {words}")
    worst = {name: share for name, share in found.naive.items() if share.wanted}
    right, naive, real = (min(column) for column in zip(*found.states.values(), strict=True))
    return {
        "match_precision": Value(
            min(share.precision for share in found.shares.values()),
            {"by order number, first document": min(share.precision for share in worst.values())},
        ),
        "match_recall": Value(
            min(share.recall for share in found.shares.values()),
            {"by order number, first document": min(share.recall for share in worst.values())},
        ),
        "state_accuracy": Value(
            min(right, found.end_state),
            {"the last event": naive, "of the real state": real, "at the end": found.end_state},
        ),
        "unexplained_error_amount": Value(
            found.unexplained_error,
            {
                "of the total, %": found.unexplained_total_pct,
                "credit less net, no rates": found.naive_unexplained_error,
            },
        ),
    }


@SUITE.measures(Metric("incremental_vs_full_ratio", unit="ratio", goal=0.35))
def incremental() -> Measured:
    """The world's last day on top of all before it, against all at once; the start-up of a run taken off both."""
    from benchmarks.ledger_day import next_day

    sizes = chosen.sizes
    found = next_day(chosen.folder / "day", sizes.day_orders, sizes.day_months, chosen.seed, MEMORY)
    say(f"touched by {found.day}: {found.touched_words}")
    for words in found.differences:
        say(f"  differs: {words}")
    if found.differences:
        raise BenchmarkError(f"{len(found.differences)} tables differ from those of the full build")
    return {
        "incremental_vs_full_ratio": Value(
            found.ratio,
            {
                "day, s": found.day_s,
                "full, s": found.full_s,
                "start-up, s": found.start_s,
                "market-months touched": float(found.touched),
                "of all market-months": float(found.places),
                "tables compared": float(found.tables),
            },
        )
    }


@cache
def scaled(number: int) -> Step:
    """The ledger over copies of staging of one of the sizes; None of it is kept but the figures."""
    from benchmarks.ledger_scale import orders_by_market, subset_of

    home = chosen.home or truth_home()
    wanted = chosen.sizes.copied_orders[number]
    by_market = orders_by_market(home)
    whole = sum(by_market.values())
    # A size below that of the installation is a part of its markets.
    markets = sorted(by_market) if wanted >= 0.9 * whole else subset_of(by_market, wanted)
    copies = max(1, round(wanted / sum(by_market[market] for market in markets)))
    with tempfile.TemporaryDirectory(prefix="ledger-", dir=chosen.folder) as name:
        folder = Path(name) / "copies"
        step("scale", home, folder, copies, ",".join(markets))
        built = step("ledger", folder, chosen.sizes.groups[number], "ALL")
        if number == 1:
            of_states = step("ledger", folder, chosen.sizes.groups[number], "STATES")
            built = Step({**built.figures, "states_s": of_states.number("build_s")}, built.run)
    if built.figures["failed"]:
        raise BenchmarkError(f"the ledger over {wanted:,} orders: {built.figures['failed']}")
    say(
        f"{built.number('orders'):>12,.0f} orders: {built.number('build_s'):.1f} s, {built.run.peak_gb:.2f} GB,"
        f" {built.number('rows'):,.0f} rows; slowest {built.figures['slowest']}"
    )
    return built


@SUITE.measures(
    Metric("full_1m_orders_wall_s", unit="s", goal=60.0),
    Metric("full_1m_orders_peak_gb", unit="GB", goal=4.0),
)
def million() -> Measured:
    """All tables of the ledger over the full history of a million orders; beside it the states alone, in pandas."""
    built = scaled(1)
    per_million = 1e6 / built.number("orders")
    beside = {
        "orders": built.number("orders"),
        "run's database, s": built.number("prepare_s"),
        "of all threads, s": built.number("cpu_s"),
        "events and states alone, s": built.number("states_s"),
    }
    pandas_s = step("pandas", truth_home(), chosen.sizes.truth_orders, chosen.sizes.truth_months, chosen.seed)
    beside["states alone in pandas, s for as many"] = (
        pandas_s.number("wall_s") / pandas_s.number("orders") * built.number("orders")
    )
    return {
        "full_1m_orders_wall_s": Value(
            built.number("build_s"), {**beside, "for a million, s": built.number("build_s") * per_million}
        ),
        "full_1m_orders_peak_gb": Value(built.run.peak_gb, {"memory of DuckDB, GB": 2.5}),
    }


@SUITE.measures(Metric("growth_exponent", unit="power", goal=1.15))
def growth() -> Measured:
    """The slope of seconds over orders on logarithmic scales, from the first to the last size; 1 is linear."""
    numbers = [number for number, orders in enumerate(chosen.sizes.copied_orders) if orders]
    built = [scaled(number) for number in numbers]
    first, last = built[0], built[-1]
    slope = math.log(last.number("build_s") / first.number("build_s")) / math.log(
        last.number("orders") / first.number("orders")
    )
    beside = {f"{one.number('orders'):,.0f} orders, s": one.number("build_s") for one in built}
    return {"growth_exponent": Value(slope, beside)}


@SUITE.measures(Metric("trace_p95_s", unit="s", goal=1.0))
def trace() -> Measured:
    """The command that follows a number through everything, from its start to its end, imports included."""
    from benchmarks.ledger_trace import measure

    times = measure(chosen.home or truth_home(), seed=chosen.seed)
    if not times.orders_found:
        raise BenchmarkError("of the numbers that were traced none led to an order")
    beside = {
        "median": times.command_median_s,
        "in a process that is up": times.process_p95_s,
        "first command": times.first_s,
        "numbers": float(times.count),
    }
    return {"trace_p95_s": Value(times.command_p95_s, beside)}


def main(arguments: Sequence[str]) -> int:
    """Measure at the large scale, or at another one to try."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--scale", choices=list(SIZES), default="large")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--home", type=Path)
    options, others = parser.parse_known_args(arguments)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        chosen.sizes, chosen.seed, chosen.home = SIZES[options.scale], options.seed, options.home
        chosen.folder = Path(folder)
        return SUITE.main(others)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
