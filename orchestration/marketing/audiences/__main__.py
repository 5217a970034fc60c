"""Exports of audiences, and the log of them.

    python -m orchestration.marketing.audiences export GB --segment champions --out gb.csv --by ana --purpose mail
    python -m orchestration.marketing.audiences export GB --recommendations --format parquet --out gb.parquet --by …
    python -m orchestration.marketing.audiences log

Belongs here: the command line. Does not: who may be exported (see `audience.py`).
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from orchestration.lake import Lake
from orchestration.marketing.audiences.audience import READS, AudienceError, read_audience, spoken
from orchestration.marketing.audiences.files import FORMATS, content, digest, write_new
from orchestration.marketing.audiences.log import LogError, append, log_path, read_log
from orchestration.settings import Settings
from orchestration.sql import connect


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    words = __doc__.splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m orchestration.marketing.audiences", description=words)
    commands = parser.add_subparsers(dest="command", required=True)
    export = commands.add_parser("export", help="write an audience to a file")
    export.add_argument("market", help="market, such as GB")
    what = export.add_mutually_exclusive_group(required=True)
    what.add_argument("--segment", help="name of a segment, as in customer_segment")
    what.add_argument("--recommendations", action="store_true", help="each customer's list")
    export.add_argument("--format", choices=FORMATS, default="csv")
    export.add_argument("--out", type=Path, required=True, help="file to write; it must not exist")
    export.add_argument("--by", required=True, help="who exports")
    export.add_argument("--purpose", required=True, help="what for")
    commands.add_parser("log", help="who was exported when, by whom, for what")
    options = parser.parse_args(arguments)
    settings = Settings()
    try:
        if options.command == "log":
            return _show(log_path(settings))
        if not options.by.strip() or not options.purpose.strip():
            raise AudienceError("say who exports (--by) and what for (--purpose)")
        with connect(Lake(settings), tables=READS) as con:
            audience = read_audience(con, options.market, options.segment)
        data = content(audience, options.format)
        if options.out.exists():
            raise AudienceError(f"{options.out} exists already: name another file")
        # First the log, then the file: an export that nobody wrote down cannot happen.
        entry = append(
            log_path(settings), audience, by=options.by, purpose=options.purpose, form=options.format,
            file=options.out.absolute(), sha256=digest(data),
        )  # fmt: skip
        write_new(options.out, data)
    except (AudienceError, LogError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{options.out}: {entry.people_count} people, {entry.row_count} rows; {spoken(audience.left_out)}")
    print(f"log {entry.hash}")
    return 0


def _show(path: Path) -> int:
    entries = read_log(path)
    for entry in entries:
        left = sum(entry.left_out.values())
        print(
            f"{entry.exported_at:%Y-%m-%d %H:%M} UTC  {entry.market} {entry.audience}: {entry.people_count} people"
            f" ({left} left out), by {_plain(entry.by)}, for {_plain(entry.purpose)}, {_plain(entry.file)}"
        )
    print(f"{len(entries)} exports; the chain holds" + (f", last {entries[-1].hash}" if entries else ""))
    return 0


def _plain(text: str) -> str:
    """What somebody typed, on one line and without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


if __name__ == "__main__":
    sys.exit(main())
