"""The trade world from the command line.

    python -m orchestration.simulation make --scale 0.1 --months 6     files into the inbox, the truth beside them
    python -m orchestration.simulation make --until 2026-08-30          all that was sent by then, and on the day after:
    python -m orchestration.simulation make --day 2026-08-31            the messages of this day alone
    python -m orchestration.simulation defects                          every defect in words
    python -m orchestration.simulation defect hs_leading_zero           one defect alone: what the platform says of it

Belongs here: options and what is printed. Does not: making (see `making.py`) and judging (see `judging.py`).
"""

import argparse
import sys
from calendar import monthrange
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from orchestration.settings import Settings
from orchestration.simulation.defects.catalogue import defect, defects, describe
from orchestration.simulation.defects.inject import DefectConfig
from orchestration.simulation.making import WorldPlan, make_world
from orchestration.simulation.parts import WHOLE, Part
from orchestration.simulation.world.config import WorldConfig


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    if options.command == "make":
        return _make(options)
    if options.command == "defects":
        for found in defects().values():
            print(describe(found))
        return 0
    try:
        defect(options.id)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    from orchestration.simulation.one_defect import show

    return show(options.id, seed=options.seed, orders=options.orders, most=options.show)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m orchestration.simulation", description="The trade world.")
    commands = parser.add_subparsers(dest="command", required=True)
    default = WorldConfig()
    make = commands.add_parser("make", help="write a world's files into the inbox, and its truth beside them")
    make.add_argument("--scale", type=float, default=1.0, help=f"how many times {default.orders:,} orders")
    make.add_argument("--orders", type=int, help="how many orders; in place of --scale")
    make.add_argument("--months", type=int, default=default.months, help="how many months, from 2023-03")
    make.add_argument("--real-months", type=int, default=1, help="how many of the last months come in real formats")
    make.add_argument("--seed", type=int, default=default.seed, help="another seed is another world")
    make.add_argument("--defects", type=float, default=1.0, help="factor on the rates of all defects; 0: a clean world")
    make.add_argument("--only", action="append", metavar="DEFECT", help="only this defect; may be given several times")
    make.add_argument("--workers", type=int, default=2, help="processes that make markets side by side")
    make.add_argument("--inbox", type=Path, help="where files go; by default the inbox of this installation")
    make.add_argument("--truth", type=Path, help="where the truth goes; by default where the scorecard looks for it")
    part = make.add_mutually_exclusive_group()
    part.add_argument("--until", type=date.fromisoformat, help="only what was sent by the end of this day (UTC)")
    part.add_argument("--day", type=date.fromisoformat, help="only what was sent on this day (UTC), in real formats")
    commands.add_parser("defects", help="list every defect in words")
    one = commands.add_parser("defect", help="switch one defect on alone, and see what the platform says about it")
    one.add_argument("id", help="the defect, as in the list of `defects`")
    one.add_argument("--seed", type=int, default=1, help="another seed puts it into other records")
    one.add_argument("--orders", type=int, default=1500, help="orders of the small world")
    one.add_argument("--show", type=int, default=10, help="how many records are shown")
    return parser


def _make(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    settings = Settings()
    orders = options.orders or round(WorldConfig().orders * options.scale)
    try:
        dirty = DefectConfig(options.seed, options.defects, frozenset(options.only) if options.only else None)
        config = WorldConfig(seed=options.seed, orders=orders, months=options.months)
        plan = WorldPlan(
            config,
            options.inbox or settings.inbox,
            options.truth or settings.world_truth,
            options.real_months,
            dirty if options.defects else None,
            _part(options, config),
        )
        with tqdm(total=orders, unit=" orders", desc="making the world", disable=None) as bar:
            made = make_world(plan, workers=options.workers, progress=bar.update)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{made.orders:,} orders, {made.rows:,} records in {len(made.files)} files: {plan.inbox}")
    return 0


def _part(options: argparse.Namespace, config: WorldConfig) -> Part:
    """The part of the world that the options name."""
    if options.until is not None:
        return Part.up_to(options.until)
    if options.day is None:
        return WHOLE
    year, month = (int(text) for text in config.month_list[-1].split("-"))
    return Part.of_day(options.day, last=date(year, month, monthrange(year, month)[1]))


if __name__ == "__main__":
    sys.exit(main())
