"""Readers: every format gives the same texts with the same row numbers, and refuses what is broken, naming the row."""

import csv
import gzip
import io
import json
import random
import stat
import zipfile
from datetime import date, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook

from orchestration.arrivals import csv_files, csv_shape
from orchestration.arrivals.mapping import Format
from orchestration.arrivals.refusal import Refusal, shape
from tests.arrivals_helpers import Bench

ROWS = [("1", "Ünal", "2.55"), ("2", None, "0.1"), ("3", "上海", "-7")]
AT = datetime(2011, 1, 31, 8, 26)  # noqa: DTZ001 (as files hold it: without a zone)
CSV = 'no,name,price\n1,Ünal,2.55\n2,,0.1\n3,"上海",-7\n'


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return Bench(tmp_path_factory.mktemp("bench"))


def parquet(**columns):
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def xlsx(*rows, title="Sheet"):
    book, buffer = Workbook(), io.BytesIO()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    book.save(buffer)
    return buffer.getvalue()


def zipped(*members, method=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


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


LONG = "".join(f"{n},x,{n}.5\n" for n in range(5000))
GOOD_PARQUET = parquet(no=list(range(1000)), name=["x"] * 1000)
GOOD_XLSX = xlsx(("a", "b"), (1, 2))
DAMAGED_PARQUET = GOOD_PARQUET[:40] + b"\x00" * 40 + GOOD_PARQUET[80:]


BROKEN = [
    ("short.csv", "no,name,price\n1,x,2\n4,y\n7,z,9\n", Format(),
     "file.truncated: short.csv: row 2 (line 3) has 2 values, the header has 3 columns"),
    ("long.csv", "no,name,price\n1,x,2\n4,y,5,6\n", Format(),
     "file.truncated: long.csv: row 2 (line 3) has 4 values, the header has 3 columns"),
    ("cut.csv", "no,name,price\n" + LONG + "5000,x", Format(),
     "file.truncated: cut.csv: row 5001 (line 5002) has 2 values, the header has 3 columns"),
    ("open.csv", 'no,name,price\n1,"a\nb",2\n2,"never closed,3\n4,y,5\n', Format(),
     "file.truncated: open.csv: row 2: a quote is opened and never closed"),
    ("open_last.csv", 'no,name\n1,x\n2,"never', Format(),
     "file.truncated: open_last.csv: row 2: a quote is opened and never closed"),
    ("open_header.csv", 'no,"name\n1,x\n', Format(),
     "file.truncated: open_header.csv: the header: a quote is opened and never closed"),
    ("junk.csv", 'no,name\n1,"x"y\n', Format(), "file.unreadable: junk.csv: row 1: no CSV"),
    ("break.csv", "no,name\n1,x", Format(has_final_newline=True),
     "file.truncated: break.csv: the last line does not end with a line break, which its mapping wants"),
    ("nothing.csv", b"", Format(), "file.empty: nothing.csv has 0 bytes"),
    ("blank.csv", "\n\n", Format(), "file.empty: blank.csv: there is no header"),
    ("lost.csv", "n\ufffdme,b\n1,2\n", Format(), "file.wrongly_encoded: lost.csv: the header holds U+FFFD"),
    ("latin.csv", "no,name\n1,x\n2,M\xfcller\n".encode("latin-1"), Format(),
     "file.wrongly_encoded: latin.csv: line 3 is no utf-8 text (byte 0xfc)"),
    ("chinese.csv", "no,name\n1,上海\n".encode("gb18030"), Format(),
     "file.wrongly_encoded: chinese.csv: line 2 is no utf-8 text (byte 0xc9)"),
    ("cut_letter.csv", "no,name\n1,上".encode()[:-1], Format(),
     "file.wrongly_encoded: cut_letter.csv: line 2 is no utf-8 text (byte 0xe4)"),
    ("not_chinese.csv", b"no,name\n1,\xff\xff\n", Format(encoding="gb18030"),
     "file.wrongly_encoded: not_chinese.csv: line 2 is no gb18030 text (byte 0xff)"),
    ("wide.csv", "no,name\n1,x\n".encode("utf-16-le"), Format(),
     "file.wrongly_encoded: wide.csv: line 1 holds a NUL, which utf-8 text has not"),
    ("cut.jsonl", '{"a": 1}\n{"a": 2', Format(), "file.truncated: cut.jsonl: row 2 is no JSON"),
    ("bad.jsonl", '{"a": 1}\n\n{"a": }\n{"a": 3}\n', Format(), "file.unreadable: bad.jsonl: row 2 is no JSON"),
    ("two.jsonl", '{"a": 1} {"a": 2}\n', Format(), "file.unreadable: two.jsonl: row 1 is no JSON (Extra data)"),
    ("list.jsonl", '{"a": 1}\n[1, 2]\n', Format(), "file.unreadable: list.jsonl: row 2 is no JSON object"),
    ("blank.jsonl", "\n\n", Format(), "file.empty: blank.jsonl: there is no row"),
    ("digits.jsonl", '{"s": "n, 123456789012345678901"}\n{"waybill": 123456789012345678901}\n', Format(),
     "file.unreadable: digits.jsonl: row 2 holds a number of more than 17 digits, of which the last would be lost"),
    ("cut.parquet", GOOD_PARQUET[:-20], Format(), "file.truncated: cut.parquet: the Parquet file has no footer"),
    ("text.parquet", CSV, Format(), "file.unreadable: text.parquet: no Parquet file, or its pages are damaged"),
    ("damaged.parquet", DAMAGED_PARQUET, Format(), "file.unreadable: damaged.parquet: no Parquet file, or its pages"),
    ("cut.xlsx", GOOD_XLSX[:-50], Format(), "file.truncated: cut.xlsx: the archive has no readable directory"),
    ("text.xlsx", CSV, Format(), "file.unreadable: text.xlsx: the archive has no readable directory"),
    ("other.xlsx", zipped(("a.txt", "x")), Format(), "file.unreadable: other.xlsx: no XLSX workbook (KeyError)"),
    ("more.xlsx", xlsx(("a", "b"), (1, 2), (1, 2, 3)), Format(),
     "file.unreadable: more.xlsx: row 2 has more values than the header has columns"),
    ("empty.xlsx", xlsx(), Format(), "file.empty: empty.xlsx: there is no header"),
    ("what.dat", CSV, Format(), "file.unreadable: what.dat: its ending tells no format; known endings are .csv"),
    ("cut.csv.gz", gzip.compress(LONG.encode())[:-20], Format(), "file.truncated: cut.csv.gz: the gzip stream ends"),
    ("text.csv.gz", CSV, Format(), "file.unreadable: text.csv.gz: no gzip stream"),
    ("void.csv.gz", gzip.compress(b""), Format(), "file.empty: void.csv.gz expands to 0 bytes"),
    ("cut.zip", zipped(("a.csv", LONG))[:-60], Format(), "file.truncated: cut.zip: the archive has no"),
    ("text.zip", CSV, Format(), "file.unreadable: text.zip: the archive has no readable directory"),
    ("void.zip", zipped(), Format(), "file.empty: void.zip: the archive has no file"),
    ("void_member.zip", zipped(("a.csv", "")), Format(), "file.empty: void_member.zip!a.csv has 0 bytes"),
    ("up.zip", zipped(("../a.csv", CSV)), Format(),
     "file.unsafe_path: up.zip: the member '../a.csv' points outside of the archive"),
    ("deep.zip", zipped(("a/../../b.csv", CSV)), Format(), "file.unsafe_path: deep.zip: the member 'a/../../b.csv'"),
    ("root.zip", zipped(("/etc/a.csv", CSV)), Format(), "file.unsafe_path: root.zip: the member '/etc/a.csv'"),
    ("drive.zip", zipped(("C:/a.csv", CSV)), Format(), "file.unsafe_path: drive.zip: the member 'C:/a.csv'"),
    ("back.zip", zipped(("..\\a.csv", CSV)), Format(), "file.unsafe_path: back.zip: the member"),
    ("nested.zip", zipped(("a.zip", zipped(("b.csv", CSV)))), Format(),
     "file.nested_archive: nested.zip!a.zip: a.zip is an archive inside an archive"),
    ("hidden.zip", zipped(("a.csv", zipped(("b.csv", CSV)))), Format(),
     "file.nested_archive: hidden.zip!a.csv: the bytes of a.csv are an archive inside an archive"),
    ("twice.csv.gz", gzip.compress(gzip.compress(CSV.encode())), Format(),
     "file.nested_archive: twice.csv.gz: the bytes of twice.csv are an archive inside an archive"),
    ("twice.csv.gz.gz", gzip.compress(CSV.encode()), Format(), "file.nested_archive: twice.csv.gz.gz: twice.csv.gz is"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "form", "message"), BROKEN, ids=[case[0] for case in BROKEN])
def test_a_broken_file_is_refused_by_rule_and_place(bench, name, content, form, message):
    with pytest.raises(Refusal) as caught:
        bench.read(name, content, form)
    assert str(caught.value).startswith(message)


def test_a_symbolic_link_in_an_archive_is_refused(bench):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("orders.csv")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(Refusal, match=r"file.unsafe_path: link.zip: the member 'orders.csv' is a symbolic link"):
        bench.read("link.zip", buffer.getvalue())


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused(bench):
    with pytest.raises(Refusal, match=r"file.unreadable: same.zip: the member a.csv stands twice"):
        bench.read("same.zip", zipped(("a.csv", CSV), ("a.csv", CSV)))


def test_a_damaged_member_is_refused(bench):
    data = bytearray(zipped(("a.csv", LONG), method=zipfile.ZIP_STORED))
    data[200] ^= 0xFF
    with pytest.raises(Refusal, match=r"file.unreadable: bits.zip!a.csv: the member cannot be expanded \(Bad CRC"):
        bench.read("bits.zip", bytes(data))


def bomb(size=8 << 20):
    return b"0" * size


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("bomb.csv.gz", gzip.compress(bomb())),
        ("bomb.zip", zipped(("a.csv", bomb()))),
        ("many.zip", zipped(*((f"{n}.csv", bomb(1 << 20)) for n in range(8)))),
        ("bomb.xlsx", zipped(("xl/worksheets/sheet1.xml", bomb()))),
    ],
    ids=["gzip", "zip", "many members", "spreadsheet"],
)
def test_a_bomb_is_refused_while_it_expands(tmp_path, name, content):
    with pytest.raises(Refusal, match=rf"file.bomb: {name} expands to more than 200 times its [0-9,]+ bytes"):
        Bench(tmp_path).read(name, content)
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.plain") if not path.is_symlink()) < 4 << 20


def test_the_size_that_an_archive_states_is_not_believed(tmp_path):
    data = bytearray(zipped(("a.csv", bomb())))
    stated = (8 << 20).to_bytes(4, "little")
    assert data.count(stated) == 2
    small = bytes(data).replace(stated, (100).to_bytes(4, "little"))
    with pytest.raises(Refusal) as caught:
        Bench(tmp_path).read("liar.zip", small)
    assert caught.value.rule in ("file.unreadable", "file.bomb")


def test_sizes_are_limited_as_delivered_and_expanded(tmp_path):
    bench = Bench(tmp_path, file_bytes=1000, expanded_bytes=50_000, ratio=1e9)
    with pytest.raises(Refusal, match=r"file.oversized: big.csv has 1,001 bytes, the limit is 1,000"):
        bench.read("big.csv", b"x" * 1001)
    for name, content in (("big.csv.gz", gzip.compress(bomb(60_000))), ("big.zip", zipped(("a.csv", bomb(60_000))))):
        with pytest.raises(Refusal, match=rf"file.oversized: {name} expands to more than 50,000 bytes"):
            bench.read(name, content)
    runs = parquet(a=pa.array([0] * 60_000).dictionary_encode())
    bench = Bench(tmp_path / "second" if (tmp_path / "second").mkdir() is None else tmp_path, expanded_bytes=50_000)
    with pytest.raises(Refusal, match=r"file.oversized: runs.parquet expands to 60,000 rows of 1 columns"):
        bench.read("runs.parquet", runs)


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


@pytest.mark.parametrize(
    ("text", "shown"),
    [("Jane Smith, 12 High St", "xxxx xxxxx, 99 xxxx xx"), ("王小明 7", "xxx 9"), ("9" * 50, "9" * 40 + "...")],
)
def test_messages_show_the_form_of_a_value_and_not_the_value(text, shown):
    assert shape(text) == shown
