"""Both styles of every feed through the shipped mappings: the same records, whatever the format of their files."""

from pathlib import Path

import pyarrow as pa
import pytest

from orchestration.arrivals import frames, readers
from orchestration.arrivals.columns import new_columns
from orchestration.arrivals.contracts import contracts
from orchestration.arrivals.mapping import SourceMapping
from orchestration.arrivals.mapping_reader import SHIPPED, load_mappings
from orchestration.arrivals.translation import SourceFile
from orchestration.arrivals.unpacking import unpack
from orchestration.simulation.formats.writing import Style, write_tables
from tests.arrivals_helpers import Bench
from tests.unit.simulation.format_fixtures import SOURCES, every_feed

BESIDE = ("_content_hash", "_record_key", "_document_key", "_order_key", "_repairs", "_own_market", "_own_month")


def mapping_of(name: str) -> SourceMapping:
    """The one mapping that takes a file of this name, with the emits of this name."""
    (mapping,) = (mapping for mapping in load_mappings(SHIPPED) if mapping.takes(name))
    return mapping.of(name)


def kind_of(name: str) -> str | None:
    """Messages of one kind are read together, as intake reads them."""
    return name.split("_")[1] if name.endswith(".xml") else None


def collected(home: Path, tables: dict[tuple[str, str], pa.Table], style: Style) -> Bench:
    """A bench that holds the records of all files; no file is refused, and nothing in it is new to its mapping."""
    bench = Bench(home)
    for path in write_tables(tables, home / "files", style=style, tag="US_2026-03"):
        folder = home / f"unpacked_{path.name}"
        folder.mkdir()
        for member in unpack(path, folder, bench.limits, together=kind_of):
            bench.number += 1
            mapping = mapping_of(member.name)
            frame = readers.read(bench.con, member, mapping.format, folder, bench.limits)
            assert (path.name, new_columns(frame, mapping)) == (path.name, ())
            if mapping.unpivot is not None:
                frame = frames.unpivot(bench.con, frame, mapping.unpivot, member.label, mapping.nulls)
            bench.translator.translate(SourceFile(member.label, bench.number, frame), mapping)
    return bench


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The same tables of every feed in each style."""
    tables = every_feed()
    return [collected(tmp_path_factory.mktemp(style), tables, style) for style in ("parquet", "real")]


@pytest.mark.parametrize("feed", sorted({feed for feeds in SOURCES.values() for feed in feeds}))
def test_real_formats_give_the_records_that_parquet_gives(both, feed):
    names = ("_source_id", *contracts()[feed].field_names, *BESIDE)
    query = f"select {', '.join(names)} from collected_{feed} order by all"
    parquet, real = (bench.con.execute(query).fetchall() for bench in both)
    differences = [
        (name, left[position], right[position])
        for left, right in zip(parquet, real, strict=False)
        for position, name in enumerate(names)
        if left[position] != right[position]
    ]
    assert differences[:5] == []
    assert len(parquet) == len(real) >= 24


def test_text_is_folded_and_currencies_are_named_by_one_code(both):
    for bench in both:
        rows = bench.con.execute("select distinct currency_code from collected_orders").fetchall()
        assert {code for (code,) in rows} == {"CNY", "USD", "EUR", "JPY", "SAR", "¥"}
        rows = bench.con.execute(
            "select order_no, note, _repairs from collected_orders where _source_id = 'hub' and order_no like 'ORD%'"
        ).fetchall()
        assert rows[0][0] == "ORDMA-4"
        assert "order_no:text.full_width" in rows[0][2].split(";")
        rows = bench.con.execute(
            "select distinct payer_name from collected_bank_receipts where payer_name like 'zero%'"
        )
        assert all(name.startswith("zerowidth bank") for (name,) in rows.fetchall())


def test_lines_without_their_order_arrive_and_make_no_order(both):
    for bench in both:
        for source, order_no in (("hub", "OS-999"), ("port", "PT-999")):
            where = f"where _source_id = '{source}' and order_no = '{order_no}'"
            assert bench.con.execute(f"select count(*) from collected_orders {where}").fetchall() == [(0,)]
            assert bench.con.execute(f"select count(*) from collected_order_lines {where}").fetchall() == [(1,)]
