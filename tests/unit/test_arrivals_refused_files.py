"""Broken files are refused by rule and place, and neither a bomb nor an escape gets through."""

import gzip
import io
import stat
import zipfile

import pyarrow as pa
import pytest

from orchestration.arrivals.mapping import Format
from orchestration.arrivals.refusal import Refusal, shape
from tests.arrivals_helpers import Bench, parquet, xlsx, zipped

CSV = "no,name,price\n1,Ünal,2.55\n2,,0.1\n"


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return Bench(tmp_path_factory.mktemp("bench"))


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


@pytest.mark.parametrize(
    ("text", "shown"),
    [("Jane Smith, 12 High St", "xxxx xxxxx, 99 xxxx xx"), ("王小明 7", "xxx 9"), ("9" * 50, "9" * 40 + "...")],
)
def test_messages_show_the_form_of_a_value_and_not_the_value(text, shown):
    assert shape(text) == shown
