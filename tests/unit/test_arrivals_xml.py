"""XML messages: what a row of one is, that nothing unsafe or broken is read, and that an archive is one file."""

import gzip
import json
import zipfile

import pytest

from orchestration.arrivals import check, readers, xml_files, xml_messages
from orchestration.arrivals.located import ConfigurationError
from orchestration.arrivals.mapping import Format
from orchestration.arrivals.mapping_reader import load_mapping
from orchestration.arrivals.refusal import Refusal
from orchestration.arrivals.unpacking import unpack
from tests.arrivals_helpers import Bench, zipped

LISTS = Format(type="xml", records=("Inventory",), arrays=("InventoryList",))
NAMESPACE = 'xmlns:ceb="http://www.chinaport.gov.cn/ceb"'
TRANSFER = "<ceb:BaseTransfer><ceb:copCode>4401</ceb:copCode><ceb:note/></ceb:BaseTransfer>"
GUID = "4CDE1CFD-EDED-46B1-946C-B8022E42FC94"
MAPPING = """
source: broker
version: 1
files: ["CEB603*.xml"]
format: {type: xml, record: Inventory, arrays: [InventoryList]}
ignored_columns: [BaseTransfer]
emits:
  - feed: declarations
    fields:
      declaration_no: {path: InventoryHead.invtNo}
      declared_at: {path: InventoryHead.appTime, formats: ["%Y%m%d%H%M%S"], zone: Asia/Shanghai}
      flow: {constant: export}
      declaring_country: {constant: CN}
      market_country: {path: InventoryHead.country}
  - feed: declaration_lines
    explode: InventoryList
    fields:
      declaration_no: {path: InventoryHead.invtNo}
      line_no: {path: InventoryList.gnum}
      hs_code: {path: InventoryList.gcode}
"""


def record(number, *goods, name="陶瓷"):
    head = f"<ceb:invtNo>E{number}</ceb:invtNo><ceb:appTime>20260201070000</ceb:appTime><ceb:country>DE</ceb:country>"
    lines = "".join(
        f"<ceb:InventoryList><ceb:gnum>{gnum}</ceb:gnum><ceb:gcode>{code}</ceb:gcode></ceb:InventoryList>"
        for gnum, code in enumerate(goods, start=1)
    )
    return (
        f"<ceb:Inventory><ceb:InventoryHead>{head}<ceb:ebcName>{name}</ceb:ebcName><ceb:note> </ceb:note>"
        f"</ceb:InventoryHead>{lines}</ceb:Inventory>"
    )


def message(*records, prolog='<?xml version="1.0" encoding="UTF-8"?>\n', beside=TRANSFER):
    root = f'ceb:CEB603Message guid="{GUID}" version="1.0" {NAMESPACE}'
    return f"{prolog}<{root}>{''.join(records)}{beside}</ceb:CEB603Message>\n"


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return Bench(tmp_path_factory.mktemp("bench"))


def rows_of(bench, content, form=LISTS, name="a.xml"):
    bench.read(name, content, form)
    return [json.loads(row[1]) for row in bench.rows[0]]


def archive_rows(bench, data, name, workers=1, form=LISTS):
    """The frame and the rows of an archive whose messages are read as one file."""
    delivered, folder = bench.folder / name, bench.folder / f"{name}{workers}"
    folder.mkdir()
    delivered.write_bytes(data)
    (member,) = unpack(delivered, folder, bench.limits, together=lambda _: "lists")
    try:
        frame = readers.read(bench.con, member, form, folder, bench.limits, workers)
    finally:
        # Thousands of small files would take longer than the messages: the archive is never laid out on disk.
        assert {path.name for path in folder.iterdir()} <= {"messages.ndjson"}
    return frame, bench.con.execute("select * from source_rows order by _row").fetchall()


def test_a_message_becomes_a_row_with_its_envelope(bench):
    (frame,) = bench.read("one.xml", message(record(1, "6912001000")), LISTS)
    assert frame.kind == "json"
    assert {"InventoryHead", "InventoryList", "BaseTransfer", "@guid", "@member"} <= set(frame.columns)
    ((number, row),) = bench.rows[0]
    assert number == 1
    assert json.loads(row) == {
        "InventoryHead": {
            "invtNo": "E1",
            "appTime": "20260201070000",
            "country": "DE",
            "ebcName": "陶瓷",
            "note": None,
        },
        "InventoryList": [{"gnum": "1", "gcode": "6912001000"}],
        "BaseTransfer": {"copCode": "4401", "note": None},
        "@root": "CEB603Message",
        "@guid": GUID,
        "@version": "1.0",
        "@member": "one.xml",
        "@record": "Inventory",
    }


def test_each_record_of_a_message_is_a_row_with_all_that_stands_beside(bench):
    rows = rows_of(bench, message(record(1), record(2, "1", "2")))
    assert [row["InventoryHead"]["invtNo"] for row in rows] == ["E1", "E2"]
    assert [[line["gcode"] for line in row["InventoryList"]] for row in rows] == [[], ["1", "2"]]
    assert [row["BaseTransfer"]["copCode"] for row in rows] == ["4401", "4401"]


def test_records_of_several_names_say_theirs_and_the_root_may_be_the_record(bench):
    text = "<m:Tax xmlns:m='urn:m'><m:Head><m:no>1</m:no></m:Head><m:Part><m:no>2</m:no></m:Part></m:Tax>"
    rows = rows_of(bench, text, Format(type="xml", records=("Head", "Part")))
    assert [(row["@record"], row["no"]) for row in rows] == [("Head", "1"), ("Part", "2")]
    (whole,) = rows_of(bench, text, Format(type="xml", records=("Tax",)))
    assert (whole["Head"], whole["Part"]) == ({"no": "1"}, {"no": "2"})


def test_arrays_are_paths_and_comments_and_sections_are_text(bench):
    text = "<o><order><items><item><v>1<!-- c -->2</v></item></items><n><![CDATA[<!DOCTYPE a> & b]]></n></order></o>"
    (row,) = rows_of(bench, text, Format(type="xml", records=("order",), arrays=("items.item",)))
    assert row["items"] == {"item": [{"v": "12"}]}
    assert row["n"] == "<!DOCTYPE a> & b"


@pytest.mark.parametrize(
    ("encoding", "codec"), [("GB18030", "gb18030"), ("gbk", "gbk"), ("UTF-8", "utf-8"), ("UTF-8", "utf-8-sig")]
)
def test_the_prolog_says_the_encoding(bench, encoding, codec):
    name = "𠮷野" if codec == "gb18030" else "吉野"
    data = message(record(1, name=name), prolog=f'<?xml version="1.0" encoding="{encoding}"?>').encode(codec)
    for delivered, content in (("e.xml", data), ("e.xml.gz", gzip.compress(data))):
        (row,) = rows_of(bench, content, Format(records=("Inventory",)), delivered)
        assert row["InventoryHead"]["ebcName"] == name


BROKEN = [
    (message(record(1)).encode("gb18030"), "file.wrongly_encoded", "line 2 is no UTF-8 text (byte 0xcc)"),
    (
        message(record(1), prolog='<?xml version="1.0" encoding="utf-7"?>'),
        "file.unreadable",
        "the prolog names the encoding utf-7; known are utf-8, ",
    ),
    (message(record(1)).replace("陶瓷", "&note;"), "file.unreadable", "line 2: not well-formed XML (undeclared_"),
    (message(record(1)).replace("ceb:note> <", "ceb:n> <"), "file.unreadable", "line 2: not well-formed XML"),
    ("no XML", "file.unreadable", "line 1: not well-formed XML (document_empty)"),
    (message(record(1))[:-40], "file.truncated", "line 2: the message breaks off, its root is never closed"),
    (message(record(1))[:300], "file.truncated", "line 2: the message breaks off"),
    (message(record(1))[:50], "file.truncated", "line 2: the message breaks off"),
    (message(), "file.unreadable", "the message CEB603Message has no element Inventory"),
    (
        message(record(1)).replace("<ceb:note> ", "<ceb:invtNo>E2</ceb:invtNo><ceb:note> "),
        "file.unreadable",
        "line 2: invtNo stands twice in InventoryHead; if it may, name its path in `arrays`",
    ),
    (message(record(1), beside=TRANSFER * 2), "file.unreadable", "line 2: BaseTransfer stands twice in CEB603Message"),
    (
        message(record(1), beside="<InventoryHead/>"),
        "file.unreadable",
        "line 2: InventoryHead stands in the record and beside it",
    ),
    (
        message(record(1)).replace("<ceb:InventoryHead>", "<ceb:InventoryHead>12 High St"),
        "file.unreadable",
        "line 2: InventoryHead holds both text and elements",
    ),
    (
        message(record(1, name="<a>" * 40 + "</a>" * 40)),
        "file.unsafe_xml",
        "line 2: elements lie more than 32 deep",
    ),
    (
        message(record(1, name="<a>" * 5000 + "</a>" * 5000)),
        "file.unsafe_xml",
        "line 2: elements lie deeper, or a text is longer",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("content", "rule", "detail"), BROKEN, ids=[f"{rule}: {text}" for _, rule, text in BROKEN])
def test_a_broken_message_is_named_with_its_line(bench, content, rule, detail):
    with pytest.raises(Refusal) as caught:
        bench.read("CEB603.xml", content, LISTS)
    assert str(caught.value).startswith(f"{rule}: CEB603.xml: {detail}")


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
DOCUMENT_TYPES = {
    "entity bomb": f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]>',
    "external entity": '<!DOCTYPE x [<!ENTITY l11 SYSTEM "file:///etc/hostname">]>',
    "from the network": '<!-- a --><?p i?>\n<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">',
    "parameter entity": '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p;]>',
    "page of a server": "<!doctype html>",
}


@pytest.mark.parametrize("declared", DOCUMENT_TYPES.values(), ids=DOCUMENT_TYPES.keys())
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_a_document_type_is_refused_before_it_is_read(bench, declared, encoding):
    prolog = f'<?xml version="1.0" encoding="{encoding}"?>\n{declared}'
    with pytest.raises(Refusal, match=r"file.unsafe_xml: a.xml: line [23]: a document type is declared"):
        bench.read("a.xml", message(record(1, name="&l11;"), prolog=prolog).encode(encoding), LISTS)


def test_sizes_of_messages_and_rows_are_limited(bench, monkeypatch):
    packed = zipped(("a.xml", message(record(1))), ("b.xml", message(record(2, name="x" * 3000))))
    monkeypatch.setattr(xml_files, "MAX_MESSAGE_BYTES", 2000)
    with pytest.raises(Refusal, match=r"file.oversized: big.xml is a message of 3,\d+ bytes, the limit is 2,000"):
        bench.read("big.xml", message(record(2, name="x" * 3000)), LISTS)
    with pytest.raises(Refusal, match=r"file.oversized: big.zip!b.xml has more than 2,000 bytes, the limit of a mess"):
        archive_rows(bench, packed, "big.zip")
    monkeypatch.undo()
    monkeypatch.setattr(xml_messages, "MAX_ROWS_BYTES", 100_000)
    many = message(*[record(n) for n in range(200)], beside=f"<s>{'x' * 500}</s>")
    with pytest.raises(Refusal, match=r"file.bomb: many.xml: its records, each with what stands beside them"):
        bench.read("many.xml", many, Format(type="xml", records=("Inventory",)))


def test_an_archive_that_expands_too_far_is_a_bomb_message_by_message(tmp_path):
    data = zipped(*((f"{n}.xml", message(record(n, name=" " * 400_000))) for n in range(8)))
    with pytest.raises(Refusal, match=r"file.bomb: bomb.zip expands to more than 200 times its"):
        archive_rows(Bench(tmp_path), data, "bomb.zip")
    with pytest.raises(Refusal, match=r"file.oversized: small.zip expands to more than 1,000 bytes"):
        archive_rows(
            Bench(tmp_path, expanded_bytes=1000),
            zipped(*((f"{n}.xml", message(record(n))) for n in range(3))),
            "small.zip",
        )


def thousands(count, broken=None):
    members = [(f"day/CEB603_{n:05d}.xml", message(record(n, "1", "2"))) for n in range(count)]
    for number, content in (broken or {}).items():
        members[number] = (members[number][0], content)
    # Stored, so that the test does not spend its time on packing.
    return zipped(*members, method=zipfile.ZIP_STORED)


def test_thousands_of_messages_are_one_frame_in_parallel_as_in_series(bench, monkeypatch):
    monkeypatch.setattr(xml_files, "PARALLEL_MESSAGES", 1000)
    data = thousands(3000)
    frame, rows = archive_rows(bench, data, "many.zip")
    assert (frame.kind, frame.rows, len(rows)) == ("json", 3000, 3000)
    assert [row[0] for row in rows] == list(range(1, 3001))
    assert json.loads(rows[2499][1])["InventoryHead"]["invtNo"] == "E2499"
    assert json.loads(rows[2499][1])["@member"] == "day/CEB603_02499.xml"
    assert archive_rows(bench, data, "many.zip", workers=2) == (frame, rows)
    # The first broken message in the archive's order refuses it, whichever process meets its own first; a member that
    # cannot be expanded comes after the messages before it.
    damaged = bytearray(thousands(1500, {600: message(record(600))[:200], 900: "no XML"}))
    place = damaged.index(b"CEB603_00700.xml") + 300
    damaged[place] ^= 0xFF
    found = []
    for workers in (1, 2):
        with pytest.raises(Refusal) as caught:
            archive_rows(bench, bytes(damaged), "broken.zip", workers)
        found.append(str(caught.value))
    reason = "line 2: the message breaks off, its root is never closed"
    assert found == [f"file.truncated: broken.zip!day/CEB603_00600.xml: {reason}"] * 2


def test_a_member_that_is_no_message_refuses_the_archive(bench):
    inner = zipped(("x.xml", message(record(1))))
    for number, (content, rule) in enumerate(
        [("", "file.empty: odd0.zip!b.xml has 0 bytes"), (inner, "file.nested_archive: odd1.zip!b.xml: the bytes of")]
    ):
        with pytest.raises(Refusal, match=rule):
            archive_rows(bench, zipped(("a.xml", message(record(1))), ("b.xml", content)), f"odd{number}.zip")


def test_paths_and_arrays_of_a_mapping_find_their_text(bench):
    bench.translate(MAPPING, message(record(1, "6912", "6913"), record(2)), "CEB603.xml")
    assert bench.records("declarations", "declaration_no, declared_at, market_country, _row") == [
        ("E1", "2026-01-31T23:00:00Z", "DE", 1),
        ("E2", "2026-01-31T23:00:00Z", "DE", 2),
    ]
    lines = bench.records("declaration_lines", "declaration_no, line_no, hs_code, _row", "_row, line_no")
    assert lines == [("E1", "1", "6912", 1), ("E1", "2", "6913", 1)]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("record: Inventory, ", "", "m.yaml:5: format: the key 'record' is missing: the name of the element that is"),
        ("type: xml", "type: jsonl", "m.yaml:5: format.record: record is for format type xml"),
        ("type: xml", "type: xml, encoding: gbk", "m.yaml:5: format.encoding: XML has no encoding; its encoding"),
        ("record: Inventory", "record: ceb:Inventory", "m.yaml:5: format.record: 'ceb:Inventory' is no name of an"),
        ("record: Inventory", "record: []", "m.yaml:5: format.record: the list is empty"),
        ("type: xml, record: Inventory", "type: auto", "m.yaml:5: format.arrays: stands beside record"),
    ],
)
def test_a_mapping_of_xml_names_its_records(tmp_path, old, new, message):
    path = tmp_path / "m.yaml"
    path.write_text(MAPPING.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_mapping(path)
    assert str(caught.value).startswith(message)


def test_a_dry_run_reads_an_archive_as_one_file(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TRADEWIND_HOME", str(tmp_path / "home"))
    mapping, file = tmp_path / "broker.yaml", tmp_path / "batch.zip"
    mapping.write_text(MAPPING, encoding="utf-8")
    file.write_bytes(zipped(*((f"CEB603_{n}.xml", message(record(n, "6912001000"))) for n in range(3))))
    assert check.main([str(mapping), str(file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:3] == ["batch.zip: 3 rows, 0 of them unused", "  declarations: 3 records"]
