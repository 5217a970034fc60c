"""Intake: each file is taken once, wholly or not at all, and a bad one never holds up the others."""

import gzip
import json
from pathlib import Path

import pytest

from orchestration.arrivals.located import ConfigurationError
from orchestration.arrivals.rates import default_rates_file
from tests.arrivals_helpers import LINES, ORDERS, Room, zipped

HEAD = "order_no,ordered_at,country\n"
A1, A2 = HEAD + "A1,2026-01-10,DE\n", HEAD + "A2,2026-01-11,FR\n"


@pytest.fixture
def room(tmp_path):
    room = Room(tmp_path)
    room.mapping(ORDERS)
    return room


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


# Its first member is good, and leaves with the second.
HALF = zipped(("orders_1.csv", HEAD + "A9,2026-01-10,DE\n"), ("orders_2.csv", "x\n1\n"))
BAD = {
    "orders_cut.csv": (HEAD + "A8,2026-01-10", "file.truncated"),
    "orders_empty.csv": ("", "file.empty"),
    "orders_latin.csv": ((HEAD + "A8,2026-01-10,Österreich\n").encode("latin-1"), "file.wrongly_encoded"),
    "orders_lost.csv": ("order_no,ordered_at\nA8,2026-01-10\n", "schema.lost_column"),
    "orders_typed.csv": (HEAD + "A8,10.1.2026,DE\n", "schema.retyped_column"),
    "orders_up.zip": (zipped(("../orders.csv", A1)), "file.unsafe_path"),
    "orders_bomb.csv.gz": (gzip.compress(b"0" * (8 << 20)), "file.bomb"),
    "orders_what.pdf": ("%PDF", "file.unreadable"),
    "customers.csv": ("name\nJane Smith\n", "file.unknown"),
    "orders_half.zip": (HALF, "schema.lost_column"),
}  # fmt: skip


ORDER_MESSAGES = """
source: gateway
version: 1
files: ["CEB303*.xml"]
format: {type: xml, record: Order}
emits:
  - feed: orders
    fields:
      order_no: {path: Head.orderNo}
      ordered_at: {path: Head.appTime}
      ship_to_country: {constant: DE}
      currency_code: {constant: EUR}
      customer_id: {path: "@guid"}
"""


def order_message(*numbers):
    orders = "".join(
        f"<Order><Head><orderNo>{number}</orderNo><appTime>2026-01-10</appTime></Head></Order>" for number in numbers
    )
    return f'<c:CEB303Message xmlns:c="urn:c" guid="G{numbers[0]}">{orders}</c:CEB303Message>'


def test_messages_of_an_archive_are_one_file_beside_its_other_members(room):
    room.mapping(ORDER_MESSAGES)
    room.drop(
        "day.zip",
        zipped(
            ("CEB303_2.xml", order_message("M1", "M2")), ("orders_a.csv", A1), ("x/CEB303_1.xml", order_message("M3"))
        ),
    )
    room.drop("half.zip", zipped(("CEB303_3.xml", order_message("M4")), ("CEB303_4.xml", order_message("M5")[:-30])))
    taken, refused = room.arrive().files
    assert (taken.status, taken.source_id, taken.rows_by_feed, taken.new_columns) == (
        "loaded", "gateway;shop", {"orders": 4}, ()
    )  # fmt: skip
    assert (refused.rule, refused.reason[:23]) == ("file.truncated", "half.zip!CEB303_4.xml: ")
    assert room.query("select order_no, _file, _row from orders order by 1") == [
        ("A1", "day.zip!orders_a.csv", 1),
        ("M1", "day.zip", 1),
        ("M2", "day.zip", 2),
        ("M3", "day.zip", 3),
    ]


def test_bad_files_are_put_aside_with_their_reason_and_the_others_go_through(room):
    for name, (content, _) in BAD.items():
        room.drop(name, content)
    room.drop("orders_a.csv", A1)
    room.drop("orders_z.csv.gz", gzip.compress(A2.encode()))
    report = room.arrive()
    outcomes = {outcome.name: outcome for outcome in report.files}
    assert {name: outcome.rule for name, outcome in outcomes.items() if outcome.rule} == {
        name: rule for name, (_, rule) in BAD.items()
    }
    assert room.query("select order_no, _file, _row from orders order by 1") == [
        ("A1", "orders_a.csv", 1),
        ("A2", "orders_z.csv.gz", 1),
    ]
    assert report.rows_by_feed == {"orders": 2}
    assert {outcome.name for outcome in report.rejected} == set(BAD)
    assert names(room.settings.inbox) == []
    assert names(room.settings.landing) == ["orders_a.csv", "orders_z.csv.gz"]
    assert names(room.settings.rejected) == sorted([*BAD, *(f"{name}.reason.txt" for name in BAD)])
    note = (room.settings.rejected / "orders_lost.csv.reason.txt").read_text().splitlines()
    assert note[0] == "orders_lost.csv was refused as a whole."
    assert note[2:4] == [
        "A column that the mapping reads is missing.",
        "orders_lost.csv: none of the 2 columns is named 'country'",
    ]
    assert json.loads(note[-1]) == {
        "file": "orders_lost.csv",
        "rule": "schema.lost_column",
        "reason": "orders_lost.csv: none of the 2 columns is named 'country'",
        "source": "",
        "sha256": outcomes["orders_lost.csv"].sha256,
        "size": 34,
        "at": "2026-03-15T12:00:00+00:00",
    }
    assert "orders_half.zip!orders_2.csv" in outcomes["orders_half.zip"].reason, "the member that is bad"
    # The ledger knows all of them, with the same words.
    ledger = {record.name: record for _, record in room.lake.arrived_files()}
    assert ledger["orders_typed.csv"].reason.startswith("schema.retyped_column: orders_typed.csv: column 'ordered_at'")
    assert (ledger["orders_a.csv"].status, ledger["orders_a.csv"].rows_by_feed) == ("loaded", {"orders": 1})


def test_nothing_personal_is_told(room):
    room.drop("orders_1.csv", "Jane Smith,jane@example.org,1 High St\nJohn Doe,john@example.org,2 High St\n")
    room.drop("orders_2.csv", HEAD + "A1,born 7 May 1980,DE\n")
    room.drop("orders_3.csv", HEAD + 'A1,2026-01-01,"Jane Smith\n')
    room.drop("orders_4.csv", HEAD + "A1,2026-01-01,DE,Jane Smith\n")
    room.drop("orders_5.jsonl", '{"order_no": "Jane Smith"\n')
    told = " ".join(outcome.reason for outcome in room.arrive().files)
    told += " ".join(path.read_text() for path in room.settings.rejected.glob("*.reason.txt"))
    assert len(list(room.settings.rejected.glob("*.reason.txt"))) == 5
    for word in ("Jane", "Smith", "example.org", "High St", "1980"):
        assert word not in told


def test_a_file_is_taken_once(room):
    assert room.take("orders_1.csv", A1).status == "loaded"
    again = room.take("orders_renamed.csv", A1)
    assert (again.rule, again.reason) == (
        "file.duplicate", "orders_renamed.csv has the content of orders_1.csv, taken in batch 1"
    )  # fmt: skip
    for name in ("orders_2.csv", "orders_3.csv"):
        room.drop(name, A2)
    first, second = room.arrive().files
    assert (first.status, second.rule) == ("loaded", "file.duplicate")
    assert second.reason == "orders_3.csv has the content of orders_2.csv, which arrives with it"
    assert room.query("select count(*) from orders") == [(2,)]


def test_a_refused_file_may_come_again_once_its_mapping_is_there(room):
    content = "order_no,line_no,product_id,quantity,price\nA1,1,p,1,2\n"
    assert room.take("lines_1.csv", content).rule == "file.unknown"
    room.mapping(LINES)
    assert room.take("lines_1.csv", content).status == "loaded"


def test_a_header_without_rows_is_a_file_of_no_rows(room):
    outcome = room.take("orders_none.csv", HEAD)
    assert (outcome.status, outcome.rows_by_feed) == ("loaded", {"orders": 0})
    assert names(room.settings.landing) == ["orders_none.csv"]
    assert room.lake.raw_snapshots(["orders"]) == {"orders": None}


def test_new_columns_are_accepted_and_reported_and_unknown_markets_counted(room):
    outcome = room.take(
        "orders_1.csv", "order_no,coupon,ordered_at,country\nA1,x,2026-01-10,Atlantis\nA2,,2026-01-10,Atlantis\n"
    )
    assert outcome.new_columns == ("coupon",)
    assert outcome.unknown_markets == {"Atlantis": 2}
    ((raw,),) = room.query("select _raw from orders where order_no = 'A1'")
    assert json.loads(raw)["coupon"] == "x"


def test_unfinished_hidden_and_linked_files_are_left_alone(room):
    for name in ("orders_1.csv.part", "orders_2.csv.tmp", ".orders_3.csv", ".hidden/orders_4.csv"):
        room.drop(name, A1)
    secret = room.settings.home / "secret.csv"
    secret.write_text(A1)
    (room.settings.inbox / "orders_5.csv").symlink_to(secret)
    report = room.arrive()
    assert (report.batch_id, report.files) == (None, ())
    assert len(names(room.settings.inbox)) == 5


def test_files_of_one_name_are_all_kept(room):
    for content in (A1, A2):
        room.take("orders.csv", content)
    assert sorted(path.read_text() for path in room.settings.landing.iterdir()) == [A1, A2]
    for content in ("x\n1\n", "y\n1\n"):
        room.take("orders.csv", content)
    assert len(names(room.settings.rejected)) == 4


def test_files_from_elsewhere_stay_where_they_are(room, tmp_path):
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    good, bad = outside / "orders_1.csv", outside / "orders_2.csv"
    good.write_text(A1)
    bad.write_text("x\n1\n")
    report = room.arrive(files=[good, bad])
    assert [outcome.status for outcome in report.files] == ["loaded", "rejected"]
    assert names(outside) == ["orders_1.csv", "orders_2.csv"]
    assert names(room.settings.landing) == ["orders_1.csv"]
    assert names(room.settings.rejected) == ["orders_2.csv.reason.txt"]


def test_the_packaged_rates_are_taken_like_any_file(room):
    report = room.arrive(files=[default_rates_file()])
    (outcome,) = report.files
    assert (outcome.status, outcome.source_id) == ("loaded", "ecb")
    assert outcome.rows_by_feed["fx_rates"] > 220_000
    assert default_rates_file().exists()
    assert room.query("select rate_per_eur from fx_rates where rate_on = '2011-01-31' and currency_code = 'GBP'") == [
        ("0.8609",)
    ]


def test_a_zip_is_one_file_with_a_label_for_each_member(room):
    room.mapping(LINES)
    lines = "order_no,line_no,product_id,quantity,price\nA1,1,p,1,2\n"
    outcome = room.take("export.zip", zipped(("orders_1.csv", A1), ("more/orders_2.csv", A2), ("lines.csv", lines)))
    assert (outcome.source_id, outcome.rows_by_feed) == ("shop", {"orders": 2, "order_lines": 1})
    found = room.query("select _file from orders union all select _file from order_lines order by 1")
    assert found == [("export.zip!lines.csv",), ("export.zip!more/orders_2.csv",), ("export.zip!orders_1.csv",)]
    assert room.query("select _market, _month from order_lines") == [("DE", "2026-01")]


def test_two_mappings_for_one_file_are_an_error_of_that_file(room):
    room.mapping(ORDERS.replace("source: shop", "source: other").replace('"orders*"', '"orders_b*"'), "other.yaml")
    room.drop("orders_a.csv", A1)
    room.drop("orders_b.csv", A2)
    first, second = room.arrive().files
    assert first.status == "loaded"
    assert second.reason == "orders_b.csv: taken by 0.yaml, other.yaml; make their file patterns differ"


def test_a_broken_mapping_takes_nothing(room):
    room.drop("orders_a.csv", A1)
    room.mapping("source: x\n", "broken.yaml")
    with pytest.raises(ConfigurationError, match=r"broken.yaml:1: the key 'version' is missing"):
        room.arrive()
    assert names(room.settings.inbox) == ["orders_a.csv"]


def test_a_new_source_needs_no_python(room):
    """GB18030, semicolons, pounds, a lost leading zero, dates and codes of its own: all in the mapping."""
    room.mapping(
        """
source: port_gz
version: 1
description: Export lists of a made-up port.
files: ["清单_*.csv"]
format: {type: csv, delimiter: ";", encoding: gb18030}
time_zone: Asia/Shanghai
emits:
  - feed: declarations
    distinct: true
    fields:
      declaration_no: 清单编号
      declared_at: {column: 申报时间, formats: ["%Y%m%d%H%M%S"]}
      flow: {constant: export}
      declaring_country: {constant: CN}
      market_country: 运抵国
      order_no: {column: 订单编号, optional: true}
  - feed: declaration_lines
    fields:
      declaration_no: 清单编号
      line_no: 序号
      hs_code: {column: 商品编码, steps: [nfkc, {zero_pad: 10}]}
      gross_mass_kg: {column: 毛重磅, multiply: 0.45359237, from_unit: lb}
      line_value_amount: {column: 总价, thousands: ","}
      currency_code: {column: 币制, steps: [{codes: {values: {"142": CNY, "502": USD}, default: keep}}]}
""",
        "port_gz.yaml",
    )
    text = (
        "清单编号;申报时间;运抵国;序号;商品编码;毛重磅;总价;币制\n"
        "B1;20260131235959;德国;1;950300000;10;1,234.50;502\n"
        "B1;20260131235959;德国;2;９５０３００００００;2;10;142\n"
    )
    assert room.take("清单_20260131.csv", text.encode("gb18030")).rows_by_feed == {
        "declarations": 1,
        "declaration_lines": 2,
    }
    assert room.query("select declared_at, market_country, _market, _month from declarations") == [
        ("2026-01-31T15:59:59Z", "DE", "DE", "2026-01")
    ]
    fields = "line_no, hs_code, gross_mass_kg, line_value_amount, currency_code, _repairs, _market"
    assert room.query(f"select {fields} from declaration_lines order by 1") == [
        ("1", "0950300000", "4.535924", "1234.5", "USD", "hs_code:text.zero_padded", "DE"),
        ("2", "9503000000", "0.907185", "10", "CNY", "hs_code:text.full_width", "DE"),
    ]


def test_files_of_folders_in_the_inbox_keep_their_folders_in_their_name(room):
    room.drop("north/orders.csv", A1)
    room.drop("south/orders.csv", A2)
    assert [outcome.name for outcome in room.arrive().files] == ["north/orders.csv", "south/orders.csv"]
    assert room.query("select _file, order_no from orders order by 1") == [
        ("north/orders.csv", "A1"), ("south/orders.csv", "A2")
    ]  # fmt: skip
    assert len(names(room.settings.landing)) == 2
