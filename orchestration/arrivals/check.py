"""Check a mapping, and see what it makes of a file, without taking the file.

    python -m orchestration.arrivals.check var/sources/my_shop.yaml export.csv

Belongs here: the dry run for people who write mappings. Does not: anything that an arrival would not do.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from orchestration.arrivals import frames, parsing, raw_rows, readers
from orchestration.arrivals.columns import new_columns
from orchestration.arrivals.contracts import Contract, contracts
from orchestration.arrivals.located import ConfigurationError
from orchestration.arrivals.mapping import SourceMapping
from orchestration.arrivals.mapping_reader import load_mapping
from orchestration.arrivals.refusal import Refusal
from orchestration.arrivals.sql_text import literal, name
from orchestration.arrivals.translation import SourceFile, Translator
from orchestration.arrivals.unpacking import Limits, unpack
from orchestration.arrivals.workshop import workshop
from orchestration.markets import load_markets
from orchestration.settings import Settings

EXAMPLES = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what the mapping makes of the file: 0 taken, 1 refused, 2 the mapping breaks a rule."""
    parser = argparse.ArgumentParser(prog="python -m orchestration.arrivals.check", description=__doc__.splitlines()[0])
    parser.add_argument("mapping", type=Path, help="the mapping, a YAML file")
    parser.add_argument("file", type=Path, nargs="?", help="a file of the source; it stays where it is")
    chosen = parser.parse_args(arguments)
    try:
        mapping = load_mapping(chosen.mapping)
        print(f"{chosen.mapping.name}: source {mapping.source_id}, feeds {', '.join(e.feed for e in mapping.emits)}")
        if chosen.file is not None:
            for line in describe(mapping, chosen.file, Settings()):
                print(line)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    except Refusal as refusal:
        print(f"refused: {refusal}", file=sys.stderr)
        return 1
    return 0


def describe(mapping: SourceMapping, path: Path, settings: Settings) -> Iterator[str]:
    """Lines that tell what each file of a delivery becomes; raises Refusal."""
    with workshop(settings, "check") as (con, folder):
        markets = load_markets(settings.markets_file)
        raw_rows.prepare(con, tuple(contracts().values()), markets)
        translator = Translator(con, contracts(), markets, "(month of arrival)")
        limits = Limits.of(settings)

        def together(name: str) -> str | None:
            if readers.kind_of(name, mapping.format) != "xml":
                return None
            return " ".join([str(mapping.takes(name)), *(str(emit.line) for emit in mapping.of(name).emits)])

        for number, member in enumerate(unpack(path, folder, limits, together=together), start=1):
            if not mapping.takes(member.name):
                yield f"{member.label}: the patterns of `files` do not take this name: {', '.join(mapping.patterns)}"
            kind = mapping.of(member.name)
            if not kind.emits:
                raise Refusal("file.unknown", f"{member.label}: no emit of {mapping.path} takes this name")
            frame = readers.read(con, member, mapping.format, folder, limits, settings.duckdb_threads)
            new = new_columns(frame, kind)
            if mapping.unpivot is not None:
                frame = frames.unpivot(con, frame, mapping.unpivot, member.label, mapping.nulls)
            source = SourceFile(member.label, number, frame)
            counts = translator.translate(source, kind)
            yield f"{member.label}: {frame.rows:,} rows, {translator.unused_rows(source, kind):,} of them unused"
            if new:
                yield f"  columns that the mapping does not know: {', '.join(new)}"
            for text, rows in translator.unknown_markets(source, counts).items():
                yield f"  no market is called {text!r}: {rows:,} records go to ZZ"
            for feed, count in counts.items():
                yield f"  {feed}: {count:,} records"
                yield from _unread(con, contracts()[feed], number)
                yield from _examples(con, contracts()[feed], number)


def _unread(con: duckdb.DuckDBPyConnection, contract: Contract, number: int) -> Iterator[str]:
    """A line per field with values that are not of its type, and one per required field that is empty."""
    table = f"{raw_rows.collected(contract.feed)} where _file_no = {number}"
    for field in contract.fields:
        pattern = parsing.CANONICAL.get(field.type)
        is_odd = f"not regexp_full_match({name(field.name)}, {literal(pattern)})" if pattern else "false"
        row = con.execute(
            f"select count(*) filter (where {is_odd}), min(_row) filter (where {is_odd}), "
            f"count(*) filter (where {name(field.name)} is null), "
            f"min(_row) filter (where {name(field.name)} is null) from {table}"
        ).fetchone()
        odd, first_odd, empty, first_empty = row or (0, 0, 0, 0)
        if odd:
            yield f"    {field.name}: {odd:,} values are no {field.type}, the first in row {first_odd}"
        if empty and field.is_required:
            yield f"    {field.name}: is required, and empty in {empty:,} records, the first in row {first_empty}"


def _examples(con: duckdb.DuckDBPyConnection, contract: Contract, number: int) -> Iterator[str]:
    columns = ", ".join(name(field.name) for field in contract.fields)
    table = raw_rows.collected(contract.feed)
    rows = con.execute(
        f"select _row, _own_market, _own_month, {columns} from {table} where _file_no = {number} "
        f"order by _row limit {EXAMPLES}"
    ).fetchall()
    for row, market, month, *values in rows:
        place = f", {market} {month}" if contract.is_header else ""
        shown = [
            f"{field.name}={'(personal)' if field.is_personal else value}"
            for field, value in zip(contract.fields, values, strict=True)
            if value is not None
        ]
        yield f"    row {row}{place}: {' '.join(shown)}"


if __name__ == "__main__":
    raise SystemExit(main())
