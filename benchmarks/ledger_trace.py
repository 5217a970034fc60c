"""How long a trace takes: numbers of every kind, in one process and as whole commands.

    python -m benchmarks.ledger_trace [--home FOLDER] [--count 200] [--seed 7] [--json]

Belongs here: drawing numbers and measuring. Does not: worlds and ledgers (see benchmarks/ledger.py).
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.trace.answer import trace
from orchestration.trace.finding import LINES, NUMBERS, TIES
from orchestration.trace.installation import Home
from orchestration.trace.shelf import Shelf


@dataclass(frozen=True)
class TraceTimes:
    """Seconds of a trace: as a command from start to end, and in a process that is up (with fresh pins each time).

    orders_found: how many of the numbers led to one order; several_found: to several; the rest is unknown on purpose.
    """

    count: int
    command_median_s: float
    command_p95_s: float
    process_median_s: float
    process_p95_s: float
    first_s: float
    orders_found: int
    several_found: int


def measure(home: Path, count: int = 200, seed: int = 7) -> TraceTimes:
    """Times of `count` numbers drawn from the published ledger of `home`: every kind of number as often as the others.

    Files are warm, as they are after a publication; `first_s` is the first command of all, which may have to write
    the lists of files.
    """
    installation = Home.from_settings(Settings(home=home, catalog_uri=""))
    numbers = drawn_numbers(installation, count, seed)
    first = _command_seconds(home, numbers[0])
    commands = [_command_seconds(home, number) for number in numbers]
    process, one, several = [], 0, 0
    for number in numbers:
        began = time.perf_counter()
        answer = trace(Shelf(installation), number)
        process.append(time.perf_counter() - began)
        one += answer.chain is not None
        several += bool(answer.candidates)
    return TraceTimes(
        count=len(numbers),
        command_median_s=_quantile(commands, 0.5),
        command_p95_s=_quantile(commands, 0.95),
        process_median_s=_quantile(process, 0.5),
        process_p95_s=_quantile(process, 0.95),
        first_s=round(first, 3),
        orders_found=one,
        several_found=several,
    )


def drawn_numbers(home: Home, count: int, seed: int) -> list[str]:
    """Numbers of all kinds (document numbers by feed and field, keys of documents and lines), in random order."""
    shelf = Shelf(home)
    draw = random.Random(seed)
    by_kind: dict[str, list[str]] = {}
    for table, columns in (
        (NUMBERS, ("feed", "number_kind", "document_number")),
        (TIES, ("feed", "document_no")),
        (TIES, ("feed", "document_key")),
        (LINES, ("line_key",)),
    ):
        paths = shelf.files(table).at(None)
        for path in draw.sample(paths, min(12, len(paths))):
            for row in shelf.sample(path, columns, 400, draw.randrange(2**31)):
                *kind, number = (str(row[column]) for column in columns)
                by_kind.setdefault(" ".join((table, *columns, *kind)), []).append(number)
    kinds = sorted(by_kind)
    return [draw.choice(by_kind[kinds[turn % len(kinds)]]) for turn in range(count)]


def _command_seconds(home: Path, number: str) -> float:
    environment = {**os.environ, "TRADEWIND_HOME": str(home)}
    began = time.perf_counter()
    answer = subprocess.run(
        [sys.executable, "-m", "orchestration.trace", number],
        cwd=PROJECT_ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        check=False,
    )
    if answer.returncode > 1:
        raise RuntimeError(f"trace {number}: exit code {answer.returncode}")
    return time.perf_counter() - began


def _quantile(seconds: Sequence[float], share: float) -> float:
    ranked = sorted(seconds)
    return round(ranked[min(len(ranked) - 1, int(share * len(ranked)))], 3)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ledger_trace", description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, default=None, help="folder of the installation (default: the settings')")
    parser.add_argument("--count", type=int, default=200, help="how many numbers")
    parser.add_argument("--seed", type=int, default=7, help="which numbers")
    parser.add_argument("--json", action="store_true", help="as JSON")
    options = parser.parse_args(arguments)
    times = measure(options.home or Settings().home, options.count, options.seed)
    if options.json:
        print(json.dumps(asdict(times)))
    else:
        print("\n".join(f"{name:>18}  {value}" for name, value in asdict(times).items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
