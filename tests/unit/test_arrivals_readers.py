"""Readers: every format gives the same texts with the same row numbers, and refuses what is broken, naming the row."""

import csv
import gzip
import io
import json
import random
from datetime import date, datetime, timedelta

import pyarrow as pa
import pytest

from orchestration.arrivals import csv_files, csv_shape
from orchestration.arrivals.mapping import Format
from orchestration.arrivals.refusal import Refusal
from tests.arrivals_helpers import Bench, parquet, xlsx, zipped

ROWS = [("1", "Ünal", "2.55"), ("2", None, "0.1"), ("3", "上海", "-7")]
AT = datetime(2011, 1, 31, 8, 26)  # noqa: DTZ001 (as files hold it: without a zone)
CSV = 'no,name,price\n1,Ünal,2.55\n2,,0.1\n3,"上海",-7\n'


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return Bench(tmp_path_factory.mktemp("bench"))


def contents():
    yield "plain.csv", CSV, Format()
    yield "mark.csv", "\ufeff" + CSV, Format()
    yield "semicolon.csv", CSV.replace(",", ";"), Format(delimiter=";")
    yield "tab.tsv", CSV.replace(",", "\t"), Format(delimiter="\t")
    yield "single.csv", CSV.replace('"', "'"), Format(quote="'")
    yield "dos.csv", CSV.replace("\n", "\r\n"), Format()
    yield "mixed.csv", CSV.replace("\n", "\r\n", 1), Format()
    yield "blank_lines.csv", CSV.replace("\n2", "\n\n2") + "\n\n", Format()
    yield "no_last_break.csv", CSV.rstrip("\n"), Format()
    yield "chinese.csv", CSV.replace("Ünal", "Ünal").encode("gb18030"), Format(encoding="gb18030")
    yield "wide.csv", CSV.encode("utf-16"), Format(encoding="utf-16")
    yield "titled.csv", "Report, of\nMarch\n" + CSV, Format(header_row=3)
    yield "brackets[1]*.csv", CSV, Format()
    yield (
        "table.parquet",
        parquet(no=[r[0] for r in ROWS], name=[r[1] for r in ROWS], price=[r[2] for r in ROWS]),
        Format(),
    )
    yield (
        "typed.parquet",
        parquet(no=[1, 2, 3], name=[r[1] for r in ROWS], price=pa.array([2.55, 0.1, -7], pa.float32())),
        Format(),
    )
    yield "book.xlsx", xlsx(("no", "name", "price"), (1, "Ünal", 2.55), (2, None, 0.1), (3, "上海", -7)), Format()


PLAIN = list(contents())


def normal(rows):
    """Without the `.0` of whole floats, which is canonical text's business."""
    return [tuple(value.removesuffix(".0") if isinstance(value, str) else value for value in row) for row in rows]


@pytest.mark.parametrize(("name", "content", "form"), PLAIN, ids=[name for name, _, _ in PLAIN])
def test_every_format_and_compression_gives_the_same_rows(bench, name, content, form):
    raw = content.encode() if isinstance(content, str) else content
    expected = [(number, *row) for number, row in enumerate(ROWS, start=1)]
    for delivered, data in (
        (name, raw),
        (f"{name}.gz", gzip.compress(raw)),
        (f"{name}.zip", zipped((f"folder/{name}", raw))),
    ):
        (frame,) = bench.read(delivered, data, form)
        assert frame.columns == ("no", "name", "price")
        assert frame.rows == 3
        assert normal(bench.rows[0]) == expected
    assert bench.labels == [f"{name}.zip!folder/{name}"]


def test_each_member_of_a_zip_is_a_file_and_what_systems_add_is_none(bench):
    data = zipped(("a.csv", CSV), ("__MACOSX/._a.csv", b"\x00"), ("sub/.DS_Store", b"\x00"), ("sub/b.csv", CSV))
    assert [frame.rows for frame in bench.read("two.zip", data)] == [3, 3]
    assert bench.labels == ["two.zip!a.csv", "two.zip!sub/b.csv"]


def test_typed_values_become_the_text_that_a_person_writes(bench):
    data = parquet(
        at=[AT, AT + timedelta(seconds=1.12), None],
        zoned=pa.array([AT] * 3, pa.timestamp("ns", tz="Asia/Seoul")),
        day=[date(2011, 1, 31)] * 3,
        price=[2.55, 7045682000.0, float("nan")],
        single=pa.array([2.55, 0.1, 3], pa.float32()),
        flag=[True, False, None],
        nested=[{"a": [1, 2]}, None, None],
    )
    bench.read("typed.parquet", data)
    assert [row[1:] for row in bench.rows[0]] == [
        ("2011-01-31T08:26:00", "2011-01-31T08:26:00Z", "2011-01-31", "2.55", "2.55", "true", '{"a":[1,2]}'),
        ("2011-01-31T08:26:01.12", "2011-01-31T08:26:00Z", "2011-01-31", "7045682000.0", "0.1", "false", None),
        (None, "2011-01-31T08:26:00Z", "2011-01-31", "nan", "3.0", None, None),
    ]
    bench.read(
        "cells.xlsx",
        xlsx(("at", "day", "n", "x", "b"), (AT, date(2011, 1, 31), 7, 0.1, True)),
    )
    assert bench.rows[0] == [(1, "2011-01-31T08:26:00", "2011-01-31T00:00:00", "7", "0.1", "true")]


def test_a_spreadsheet_counts_its_empty_rows_and_gives_none_for_them(bench):
    data = xlsx(("a", "b"), (1, 2), (None, None), (3, None), title="Orders")
    bench.read("gap.xlsx", data, Format(sheet="Orders"))
    assert bench.rows[0] == [(1, "1", "2"), (3, "3", None)]
    with pytest.raises(Refusal, match=r"file.unreadable: gap.xlsx: there is no sheet 'Lines'"):
        bench.read("gap.xlsx", data, Format(sheet="Lines"))


def test_json_lines_are_numbered_and_keep_what_is_nested(bench):
    text = '{"no": "1", "buyer": {"country": "DE"}}\n\n{"no": 2, "lines": [1, 2]}\n'
    (frame,) = bench.read("rows.jsonl", text)
    assert (frame.kind, frame.columns, frame.rows) == ("json", ("buyer", "lines", "no"), 2)
    assert [row[0] for row in bench.rows[0]] == [1, 2]
    assert bench.read("rows.ndjson.gz", gzip.compress(text.encode()))[0].rows == 2
    assert bench.read("marked.jsonl", "\ufeff" + text)[0].rows == 2


def test_row_numbers_hold_in_large_files_with_breaks_inside_of_values(bench):
    draw = random.Random(1)
    lines, expected = ["no,text"], []
    for number in range(60_000):
        text = "x" * draw.randrange(60) + ("\n" * (number % 7 == 0))
        lines.append(f'{number},"{text}y"')
        expected.append((number + 1, str(number)))
    bench.read("large.csv", "\n".join(lines))
    assert [row[:2] for row in bench.rows[0]] == expected
    bench.read("large.jsonl", "\n".join(json.dumps({"no": n}) for n in range(60_000)))
    assert [(row[0], json.loads(row[1])["no"]) for row in bench.rows[0]] == [(n + 1, n) for n in range(60_000)]


def test_equal_rows_of_a_small_file_are_no_bomb(bench):
    text = "no,name\n" + "1,x\n" * 100_000
    assert bench.read("equal.csv.gz", gzip.compress(text.encode()))[0].rows == 100_000


def made_csv(draw):
    """A CSV text with all that quoting allows, whole or broken in one of the ways in which files break."""
    width, ending, quoting = draw.choice([1, 2, 3, 5]), draw.choice(["\n", "\r\n"]), draw.random()

    def value():
        text = draw.choice(
            ["", "x", "12.5", "long " * draw.randrange(9), 'a"b', "a\nb", "a,b", '"', "  ", "上海", "\r\n"]
        )
        is_quoted = draw.random() < quoting or any(sign in text for sign in ',"\n\r')
        return '"' + text.replace('"', '""') + '"' if is_quoted else text

    rows = [",".join(f"h{n}" for n in range(width))]
    rows += [",".join(value() for _ in range(width)) for _ in range(draw.choice([0, 1, 2, 5, 50]))]
    text = ending.join(rows) + draw.choice([ending, ""])
    place = draw.randrange(len(text))
    return draw.choice(
        [
            text,
            text[: max(1, place)],
            text[:place] + draw.choice(['"', ",", "\n", "\r", ending]) + text[place:],
            text[:place] + text[place + 1 :],
            text.replace(ending, ending * 2, 2),
        ]
    )


def told_by_python(text):
    """The rows as Python's strict reader finds them; None for a file that is to be refused."""
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error:
        return None
    if not rows or not any(name.strip() for name in rows[0]) or any(len(row) != len(rows[0]) for row in rows):
        return None
    return rows


@pytest.mark.parametrize("chunk", [7, 8 << 20])
def test_no_broken_csv_is_taken_and_no_good_one_refused(bench, monkeypatch, chunk):
    """DuckDB alone loses a last row with an open quote, and takes rows with one empty value too many."""
    monkeypatch.setattr(csv_shape, "CHUNK", chunk)
    draw = random.Random(chunk)
    refused = fast = 0
    for number in range(150):
        text = made_csv(draw)
        path = bench.folder / f"{chunk}-{number}.csv"
        path.write_bytes(text.encode())
        bench.con.execute("drop table if exists source_rows")
        expected = told_by_python(text)
        if expected is None:
            with pytest.raises(Refusal):
                csv_files.read(bench.con, "made.csv", path, Format())
            refused += 1
            continue
        fast += csv_shape.regular_rows(path, delimiter=",", quote='"', width=len(expected[0])) is not None
        frame = csv_files.read(bench.con, "made.csv", path, Format())
        found = bench.con.execute("select * from source_rows order by _row").fetchall()
        width = len(frame.columns)
        assert found == [(n, *(v or None for v in row[:width])) for n, row in enumerate(expected[1:], start=1)], text
    assert refused > 30
    assert fast > 30


def test_a_comma_at_the_end_of_each_line_is_no_column(bench):
    assert bench.read("comma.csv", "a,b,\n1,2,\n")[0].columns == ("a", "b")
    assert bench.read("unnamed.csv", "a,b,\n1,2,x\n")[0].columns == ("a", "b", "column_3")


def test_two_columns_of_one_name_keep_their_values_apart(bench):
    assert bench.read("twice.csv", "a,b,a\n1,2,3\n")[0].columns == ("a", "b", "a (3)")


def test_values_longer_than_duckdb_reads_take_the_slow_reader(bench):
    long = "x" * (5 << 20)
    bench.read("long.csv", f"a,b\n1,{long}\n2,y\n")
    assert [(row[0], len(row[2])) for row in bench.rows[0]] == [(1, 5 << 20), (2, 1)]
