"""How like real trade the simulated world is: its distributions beside those of real sets.

    python -m benchmarks.realism [--orders N] [--out FOLDER]

Belongs here: which samples are compared, and the table of numbers. Does not: goals; the sets differ from the world in
their trade (see README.md), so likeness is looked at and not counted.
The data are beside the project (TRADEWIND_SHARED_DATA, by default ../shared/data); a set that is absent is left out.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.harness import SHARED
from benchmarks.realism_plots import draw
from benchmarks.realism_samples import Sample, cdnow, online_retail, scms, simulated, year_of
from benchmarks.realism_statistics import QUANTILES, distance, tail_index
from orchestration.settings import PROJECT_ROOT
from orchestration.simulation.world.config import WorldConfig

REAL_SETS: tuple[tuple[str, Callable[[Path], Sample]], ...] = (
    ("online_retail/online_retail_2010_2011.parquet", online_retail),
    ("scms/scms_delivery_history.parquet", scms),
    ("cdnow/cdnow_sample_1of10.parquet", cdnow),
)
# The markets to which Online Retail sells most.
MARKETS = ("GB", "DE", "FR", "ES")
# The world's shops open in 2023-03: by then most buyers are no newcomers any more.
FIRST_MONTH = "2024-12"
ORDERS = 1_000_000


def real_samples(shared: Path) -> tuple[list[Sample], list[str]]:
    """The real sets that are there, and the paths of those that are not."""
    found = [read(shared / path) for path, read in REAL_SETS if (shared / path).exists()]
    return found, [path for path, _ in REAL_SETS if not (shared / path).exists()]


def summary(world: Sample, others: Sequence[Sample]) -> list[str]:
    """Lines of a table: per measure and sample the count, quantiles, tail index, and distance from the world."""
    quantiles = "".join(f"{f'p{share * 100:g}':>9}" for share in QUANTILES)
    lines = [f"{'measure':<30}{'sample':<16}{'n':>9}{quantiles}{'mean':>9}{'tail':>7}{'KS':>7}"]
    for measure, values in world.measures.items():
        for sample in (world, *others):
            if measure not in sample.measures:
                continue
            given = sample.measures[measure]
            found = "".join(f"{value:>9.2f}" for value in np.quantile(given, QUANTILES))
            apart = "" if sample is world else f"{distance(values, given):>7.2f}"
            tail = f"{tail_index(given):>7.2f}" if given.min() >= 0 else f"{'':>7}"
            lines.append(f"{measure:<30}{sample.name:<16}{len(given):>9}{found}{given.mean():>9.2f}{tail}{apart}")
    for name in sorted({name for sample in (world, *others) for name in sample.shares}):
        values_by_name = [f"{one.name} {one.shares[name]:.1f}" for one in (world, *others) if name in one.shares]
        lines.append(f"{name:<30}{'  '.join(values_by_name)}")
    return lines


def main(arguments: Sequence[str]) -> int:
    """Print the table and draw the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.realism", description="Compare the world with reality.")
    parser.add_argument("--orders", type=int, default=ORDERS, help="orders of the whole world, of which a part is read")
    parser.add_argument("--out", type=Path, default=PROJECT_ROOT / "var" / "realism", help="folder of the plots")
    options = parser.parse_args(arguments)
    others, absent = real_samples(SHARED)
    for path in absent:
        print(f"left out: {path} is not in {SHARED}", file=sys.stderr)
    if not others:
        print("nothing to compare with: no real set is there", file=sys.stderr)
        return 0
    config = WorldConfig(orders=options.orders)
    world = simulated(config, MARKETS, year_of(config, FIRST_MONTH))
    print("\n".join(summary(world, others)))
    picture = options.out / "realism.png"
    draw([*others, world], picture)
    print(f"plots: {picture}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
