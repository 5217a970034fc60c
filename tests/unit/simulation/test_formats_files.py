"""What stands in the files of each format, byte by byte where it matters, and what no format can say."""

import json
import zipfile
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration.simulation.formats.parquet_files import ParquetFiles
from orchestration.simulation.formats.texts import Moments, field_texts, texts, with_separators
from orchestration.simulation.formats.writing import write_tables

NOON = datetime(2026, 3, 1, 4, 0, 5, tzinfo=UTC)


def moments(*values):
    return pa.array(values, pa.timestamp("us", "UTC"))


def only(folder, tables, style="real"):
    (path,) = write_tables(tables, folder, style=style, tag="t")
    return path


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (Moments(), "2026-03-01T04:00:05Z"),
        (Moments("%Y/%m/%d", " ", "%H:%M:%S", "", 8), "2026/03/01 12:00:05"),
        (Moments("%Y%m%d", "", "%H%M%S", "", 8), "20260301120005"),
        (Moments(after="-07:00", hours=-7), "2026-02-28T21:00:05-07:00"),
        (Moments(time=""), "1772337605000"),
    ],
)
def test_a_moment_is_written_on_the_clock_of_its_source(form, expected):
    assert texts(moments(NOON, None), form).to_pylist() == [expected, None]


def test_columns_that_a_source_got_wrong_stay_as_it_wrote_them():
    assert texts(pa.array(["2026-02-30", None]), Moments("%d.%m.%Y")).to_pylist() == ["2026-02-30", None]
    assert texts(pa.array([date(2026, 2, 3), None]), Moments("%d.%m.%Y")).to_pylist() == ["03.02.2026", None]
    assert texts(moments(NOON.replace(microsecond=250_000)), Moments("%Y%m%d", "", "%H%M%S", "", 8)).to_pylist() == [
        "2026-03-01T04:00:05.250000Z"
    ]
    assert texts(pa.array([1.5, float("nan"), None])).to_pylist() == ["1.5", None, None]
    written = pa.array(["2026-03-01T04:00:05Z", "26/3/1", "2026-02-30T04:00:05Z", None])
    compact = Moments("%Y%m%d", "", "%H%M%S", "", 8)
    assert field_texts(written, "timestamp", compact).to_pylist() == [
        "20260301120005", "26/3/1", "2026-02-30T04:00:05Z", None,
    ]  # fmt: skip
    assert field_texts(pa.array(["2026-02-03", "2026-02-30"]), "date", Moments("%d.%m.%Y")).to_pylist() == [
        "03.02.2026", "2026-02-30",
    ]  # fmt: skip
    assert field_texts(pa.array(["2026-02-03"]), "text", Moments("%d.%m.%Y")).to_pylist() == ["2026-02-03"]


def test_numbers_get_the_signs_of_their_source():
    numbers = pa.array([1234567.5, -12.25, 1e6, None])
    assert with_separators(numbers, ".", ",").to_pylist() == ["1,234,567.5", "-12.25", "1,000,000", None]
    assert with_separators(numbers, ",", ".").to_pylist() == ["1.234.567,5", "-12,25", "1.000.000", None]


def test_a_webhook_holds_its_lines_and_they_overtake_each_other(tmp_path):
    count = 200
    names = [f"OS-{n}" for n in range(count)]
    orders = pa.table({"order_no": names, "channel": ["own_shop"] * count, "version": [1] * count})
    lines = pa.table({"order_no": [*names, "OS-0"], "line_no": [*["1"] * count, "2"], "version": [1] * (count + 1)})
    path = only(tmp_path, {("hub", "orders"): orders, ("hub", "order_lines"): lines})
    events = [json.loads(line) for line in path.read_text().splitlines()]
    first = next(event for event in events if event["number"] == "OS-0")
    assert first["event_id"] == "OS-0-1"
    assert [line["no"] for line in first["lines"]] == ["1", "2"]
    arrived = [event["number"] for event in events]
    assert sorted(arrived) == sorted(names)
    assert arrived != names


def test_a_message_has_the_envelope_and_names_of_the_standard(tmp_path):
    orders = pa.table(
        {
            "order_no": ["PI-1"], "ship_to_country": ["CN"], "currency_code": ["CNY"], "payable_amount": [12.5],
            "consignee_name": ["<王> & co"], "subdivision_code": ["CN-GD"], "change_type": ["delete"],
            "updated_at": moments(NOON), "version": [3],
        }
    )  # fmt: skip
    lines = pa.table({"order_no": ["PI-1", "PI-1"], "line_no": ["1", "2"], "version": [3, 3]})
    path = only(tmp_path, {("port", "orders"): orders, ("port", "order_lines"): lines})
    assert path.name == "port__CEB311__t__001.zip"
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        (name,) = archive.namelist()
        text = archive.read(name).decode()
    guid = name.removeprefix("world_CEB311_").removesuffix(".xml")
    assert len(guid) == 36
    assert guid == guid.upper()
    head = (
        f"<ceb:guid>{guid}</ceb:guid><ceb:appType>3</ceb:appType><ceb:appTime>20260301120005</ceb:appTime>"
        "<ceb:appStatus>2</ceb:appStatus><ceb:orderType>I</ceb:orderType><ceb:orderNo>PI-1</ceb:orderNo>"
    )
    assert f"<ceb:Order><ceb:OrderHead>{head}" in text
    assert "<ceb:acturalPaid>12.5</ceb:acturalPaid><ceb:currency>142</ceb:currency>" in text
    assert "<ceb:consignee>&lt;王&gt; &amp; co</ceb:consignee>" in text
    assert "<ceb:consigneeDitrict>440000</ceb:consigneeDitrict></ceb:OrderHead>" in text
    assert text.count("<ceb:OrderList>") == 2


def test_equal_tables_give_equal_bytes_and_archives_hold_so_many_messages(tmp_path):
    numbers = [f"44032026E{n:09d}" for n in range(5_001)]
    tables = {("port", "declaration_receipts"): pa.table({"declaration_no": numbers, "status_code": ["800"] * 5_001})}
    once, twice = (write_tables(tables, tmp_path / name, style="real", tag="t") for name in ("a", "b"))
    assert [path.name for path in once] == ["port__CEB604__t__001.zip", "port__CEB604__t__002.zip"]
    assert [path.read_bytes() for path in once] == [path.read_bytes() for path in twice]
    assert [len(zipfile.ZipFile(path).namelist()) for path in once] == [5_000, 1]


def test_a_column_and_a_letter_that_a_format_cannot_say_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"ads__media_spend__t\.csv: the layout has no column for colour"):
        only(tmp_path, {("ads", "media_spend"): pa.table({"medium": ["social"], "colour": ["red"]})})
    with pytest.raises(ValueError, match=r"wms__capacity__t\.csv: cp1252 has no sign for U\+4ED3"):
        only(tmp_path, {("wms", "capacity"): pa.table({"site_code": ["仓"]})})
    with pytest.raises(ValueError, match="the port has no message for returns"):
        only(tmp_path, {("port", "returns"): pa.table({"return_no": ["1"]})})


def test_files_grow_batch_by_batch_until_they_are_full(tmp_path):
    batch = pa.table({"order_no": ["A", "B"], "quantity": [1.0, 2.0]})
    wrong = pa.table({"order_no": pa.array(["C"]).dictionary_encode(), "quantity": ["1.0E+09"]})
    with ParquetFiles(tmp_path, "2026", most_rows=5) as files:
        for tables in (batch, wrong, batch.select(["order_no"]), batch):
            files.add({("hub", "order_lines"): tables, ("ads", "media_spend"): batch.slice(0, 0)})
        assert {path.suffix for path in tmp_path.iterdir()} == {".part"}
    names = [f"hub__order_lines__2026__00{n}.parquet" for n in (1, 2, 3)]
    assert [path.name for path in files.paths] == sorted(path.name for path in tmp_path.iterdir()) == names
    found = [pq.read_table(path, columns=["order_no", "quantity"]).to_pydict() for path in files.paths]
    assert found == [
        {"order_no": ["A", "B", "A", "B"], "quantity": [1.0, 2.0, None, None]},
        {"order_no": ["C"], "quantity": ["1.0E+09"]},
        {"order_no": ["A", "B"], "quantity": [1.0, 2.0]},
    ]


def test_an_interrupted_batch_leaves_no_file_that_arrivals_would_take(tmp_path):
    batch = pa.table({"order_no": ["A"]})

    def interrupted():
        with ParquetFiles(tmp_path, "2026") as files:
            files.add({("hub", "orders"): batch})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [path.name for path in tmp_path.iterdir()] == ["hub__orders__2026__001.parquet.part"]
