"""Files for planners to fill in: the newest order suggestions, and a market's forecast.

    python -m orchestration.planning suggestions planners__order_decisions_2026-11-02.csv --site GBLHR1
    python -m orchestration.planning overrides GB planners__forecast_overrides_GB_2026-11-02.csv --level product

Belongs here: the command line. Does not: the sheets (see `sheets.py`). The filled-in file goes into the inbox.
"""

import argparse
import sys
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from orchestration.lake import Lake
from orchestration.planning.sheets import READS, SheetError, override_sheet, suggestion_sheet, write_sheet
from orchestration.settings import Settings
from orchestration.sql import connect

FEEDS = {"suggestions": "order_decisions", "overrides": "forecast_overrides"}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m orchestration.planning", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    suggestions = commands.add_parser("suggestions", help="the newest order suggestions that nobody has decided")
    suggestions.add_argument("file", type=Path, help="CSV file to write; it must not exist")
    suggestions.add_argument("--site", action="append", default=[], help="only this warehouse (may be repeated)")
    overrides = commands.add_parser("overrides", help="the newest weekly forecast of a market")
    overrides.add_argument("market", help="market, such as GB")
    overrides.add_argument("file", type=Path, help="CSV file to write; it must not exist")
    overrides.add_argument(
        "--level", action="append", default=[], help="only market, category, subdivision or product (may be repeated)"
    )
    options = parser.parse_args(arguments)
    try:
        with connect(Lake(Settings()), tables=READS) as con:
            if options.command == "suggestions":
                columns, rows = suggestion_sheet(con, options.site)
            else:
                columns, rows = override_sheet(con, options.market, options.level)
        write_sheet(options.file, columns, rows)
    except SheetError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{options.file}: {len(rows)} rows. Rows that stay blank change nothing.")
    name = f"planners__{FEEDS[options.command]}"
    if not fnmatch(options.file.name, f"{name}*.csv"):
        print(f"In the inbox it must be named {name}_….csv, so that the mapping takes it.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
