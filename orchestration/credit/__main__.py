"""A seller's page, a version's model card, a market's tables, and the sheet on which officers decide.

    python -m orchestration.credit report S000123 --out seller.html
    python -m orchestration.credit card 20260901-1a2b3c4d
    python -m orchestration.credit export GB --out exports/2026-09
    python -m orchestration.credit sheet officers__credit_decisions_2026-09-01.csv --seller S000123

Belongs here: the command line. Does not: what is shown (see `page/`, `model_card/`, `export.py`,
`sheet.py`).
"""

import argparse
import sys
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.credit.export import ExportError, export_market
from orchestration.credit.model_card.content import NoVersion, read_model_card
from orchestration.credit.page.content import NoSeller, read_page
from orchestration.credit.page.html import render
from orchestration.credit.places import seller_place
from orchestration.credit.sheet import decision_sheet
from orchestration.lake import Lake
from orchestration.planning.sheets import SheetError, write_sheet
from orchestration.reporting.market_report.writing import write_page
from orchestration.settings import Settings
from orchestration.sql import connect

if TYPE_CHECKING:
    import duckdb

SHEETS = "officers__credit_decisions"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m orchestration.credit", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    report = commands.add_parser("report", help="the page of a seller, as one HTML file")
    report.add_argument("seller", help="the seller's number, such as S000123")
    report.add_argument("--out", type=Path, help="file to write (default: reports/seller_<number>.html in the home)")
    card = commands.add_parser("card", help="the model card of a version of the scorecard, as one HTML file")
    card.add_argument("version", nargs="?", help="the version, such as 20260901-1a2b3c4d (default: the one in use)")
    card.add_argument("--out", type=Path, help="file to write (default: reports/scorecard_<version>.html in the home)")
    export = commands.add_parser("export", help="scores, limits and guarantees of a market's sellers, as Parquet")
    export.add_argument("market", help="market, such as GB; all for every market")
    export.add_argument("--out", type=Path, required=True, help="folder to write into")
    sheet = commands.add_parser("sheet", help="a sheet of limits to decide on")
    sheet.add_argument("file", type=Path, help="CSV file to write; it must not exist")
    sheet.add_argument("--seller", action="append", default=[], help="only this seller (may be repeated)")
    options = parser.parse_args(arguments)
    settings = Settings()
    try:
        with connect(Lake(settings)) as con:
            if options.command == "report":
                return _report(con, settings, options.seller, options.out)
            if options.command == "card":
                return _card(con, settings, options.version, options.out)
            if options.command == "export":
                for path, count in export_market(con, options.market, options.out):
                    print(f"{path}: {count} rows")
                return 0
            columns, rows = decision_sheet(con, options.seller)
            write_sheet(options.file, columns, rows)
    except (ExportError, NoSeller, NoVersion, SheetError, LookupError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{options.file}: {len(rows)} rows. Rows that stay blank change nothing.")
    if not fnmatch(options.file.name, f"{SHEETS}*.csv"):
        print(f"In the inbox it must be named {SHEETS}_….csv, so that the mapping takes it.")
    return 0


def _report(con: "duckdb.DuckDBPyConnection", settings: Settings, seller: str, out: Path | None) -> int:
    from orchestration.trace.installation import Home
    from orchestration.trace.shelf import Shelf

    page = read_page(con, seller, Shelf(Home.from_settings(settings)))
    path = out or seller_place(settings, seller)
    write_page(path, render(page))
    print(path)
    return 0


def _card(con: "duckdb.DuckDBPyConnection", settings: Settings, version: str | None, out: Path | None) -> int:
    from orchestration.credit.model_card.writing import write_model_card

    print(write_model_card(read_model_card(con, version), settings, out).path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
