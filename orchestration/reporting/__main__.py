"""The report of a market, as one HTML file.

    python -m orchestration.reporting GB --out gb.html

Belongs here: the command line. Does not: what is shown (see `market_report/`).
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from orchestration.lake import Lake
from orchestration.reporting.market_report.page import render
from orchestration.reporting.market_report.reading import NoMarket, read_markets
from orchestration.reporting.market_report.writing import place_of, write_page
from orchestration.settings import Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m orchestration.reporting", description=__doc__.splitlines()[0])
    parser.add_argument("market", help="market, such as GB")
    parser.add_argument("--out", type=Path, help="file to write (default: reports/<market>.html in the home)")
    options = parser.parse_args(arguments)
    settings = Settings()
    try:
        (facts,) = read_markets(Lake(settings), [options.market])
    except NoMarket as error:
        print(error, file=sys.stderr)
        return 1
    path = options.out or place_of(settings, facts.market)
    write_page(path, render(facts))
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
