"""Replay: quarantined rows are read again with the mappings and markets of today, and nothing else is."""

from datetime import UTC, datetime

import duckdb
import pytest

from orchestration.arrivals.replay import replay
from orchestration.arrivals.replay_rows import Selection
from orchestration.lake import Place, PublishRequest
from orchestration.markets import load_markets
from orchestration.modeling.manifest import published_models
from orchestration.runs import MonthSelection, make_plan
from orchestration.runs.database import RunDatabase
from orchestration.sql import connect
from tests.arrivals_helpers import LINES, ORDERS, Room, zipped
from tests.staging_helpers import publish_staging

LATER = datetime(2026, 4, 1, tzinfo=UTC)
LUXEMBOURG = """
- code: LU
  name: Luxembourg
  currency: EUR
  time_zone: Europe/Luxembourg
  region: Western Europe
  holiday_calendar: LU
"""
HEAD = "order_no,ordered_at,country,version\n"
IN_ORDERS = "A1,2026-01-10,Luxembourg,1\nA2,2026-01-11,DE,1\nA3,2026-01-12,Atlantis,1\n"
MARKET_UNKNOWN = Selection(rule_ids=("orders.market_unknown",))


@pytest.fixture
def room(tmp_path):
    room = Room(tmp_path)
    room.mapping(ORDERS, "0.yaml")
    room.mapping(LINES, "1.yaml")
    return room


def add_luxembourg(room):
    with room.settings.markets_file.open("a", encoding="utf-8") as markets:
        markets.write(LUXEMBOURG)


def quarantine(room, rule, rows):
    """Publish a quarantine of these rows: what the platform's staging would have said of them."""
    spec = published_models()["quarantine"].spec
    values = {"rule_id": f"'{rule}'", "rule_ids": f"'{rule}'", "quarantine_key": "feed || _file || _row"}
    names = ("feed", "market", "month", "_file", "_row", "_batch_id")
    columns = ", ".join(
        f"cast({column.name if column.name in names else values.get(column.name, 'null')} as {column.type}) "
        f"as {column.name}"
        for column in spec.columns
    )
    with duckdb.connect() as con:
        con.execute(
            f"create table rows as select {columns} from (values {', '.join(map(str, rows))}) as t({', '.join(names)})"
        )
        staged = room.lake.stage(con, "rows", spec, "judging")
    pending = room.lake.pending_touches(load_markets(room.settings.markets_file).codes)
    place = (lambda one: Place(one.market)) if spec.partition == "market" else (lambda one: one)
    room.lake.publish(
        PublishRequest(
            run_id="judging",
            raw_seq=room.lake.raw_seq(),
            staged=[(staged, {place(one) for one in staged.places})],
            touch_ids=[touch.id for touch in pending],
        )
    )


def judged(room):
    """The raw orders as a run sees them: number, file, place, as what they are told anew, how often they were tried."""
    markets = load_markets(room.settings.markets_file)
    plan, index = make_plan(room.lake, run_id="look", markets=markets.codes, months=MonthSelection.parse("all"))
    run = RunDatabase(room.settings, "look")
    run.remove()
    with index:
        run.prepare(room.lake, plan, markets, {}, (), index)
    with run.connect() as con:
        return con.execute(
            "select order_no, _file, _market || ' ' || _month, _replayed_by, _replay_count "
            "from raw.orders order by order_no, _batch_id"
        ).fetchall()


def test_a_new_market_takes_its_orders_out_of_zz_and_the_others_stay(room):
    room.take("orders.csv", HEAD + IN_ORDERS)
    room.take("lines.csv", "order_no,line_no,product_id,quantity,price\nA1,1,p,1,2\n")
    quarantine(
        room,
        "orders.market_unknown",
        [("orders", "ZZ", "2026-01", "orders.csv", 1, 1), ("orders", "ZZ", "2026-01", "orders.csv", 3, 1)],
    )
    trial = replay(room.settings, room.lake, MARKET_UNKNOWN, is_trial=True, loaded_at=LATER)
    assert (trial.batch_id, trial.chosen, dict(trial.told_anew), trial.unchanged) == (None, 2, {}, 2)
    assert room.lake.raw_seq() == 2
    add_luxembourg(room)
    report = replay(room.settings, room.lake, MARKET_UNKNOWN, reason="LU was added", loaded_at=LATER)
    assert (report.chosen, dict(report.told_anew), report.unchanged) == (2, {"orders": 1}, 1)
    assert report.markets_touched == ("LU", "ZZ")
    assert judged(room) == [
        # The misreading moves with its document, so that the balance of its file counts it once, as superseded.
        ("A1", "orders.csv", "LU 2026-01", "orders.csv@replay3#1", 1),
        ("A1", "orders.csv@replay3", "LU 2026-01", None, 0),
        ("A2", "orders.csv", "DE 2026-01", None, 0),
        ("A3", "orders.csv", "ZZ 2026-01", None, 1),
    ]
    assert room.query("select ship_to_country from orders where _batch_id = 3") == [("LU",)]
    (_, record) = room.lake.arrived_files()[-1]
    assert (record.name, record.reason, dict(record.rows_by_feed)) == (
        "orders.csv@replay3",
        "replay: LU was added",
        {"orders": 1},
    )
    touched = {(touch.layer, touch.feed, touch.market, touch.reason) for touch in room.touches(3)}
    assert touched >= {
        ("staging", "orders", "LU", "arrived"), ("staging", "orders", "ZZ", "moved"),
        ("staging", "order_lines", "LU", "moved"), ("staging", "order_lines", "ZZ", "moved"),
        ("staging", "orders", "ZZ", "replayed"), ("marts", "", "LU", "arrived"),
    }  # fmt: skip
    # Nobody has published since: the row that was told anew is not chosen a second time.
    again = replay(room.settings, room.lake, MARKET_UNKNOWN, loaded_at=LATER)
    assert (again.chosen, dict(again.told_anew), again.unchanged) == (1, {}, 1)
    assert judged(room)[-1] == ("A3", "orders.csv", "ZZ 2026-01", None, 2)


def test_a_misread_version_no_longer_outranks_the_right_reading(room):
    """A mapping took the wrong column for the version: the old reading was the higher one, and of another month."""
    wrong = ORDERS.replace("version: {column: version, optional: true}", "version: serial").replace(
        "ordered_at: ordered_at", "ordered_at: changed_at"
    )
    room.mapping(wrong, "0.yaml")
    head = "order_no,ordered_at,changed_at,country,version,serial\n"
    archive = zipped(("orders_a.csv", head + "A1,2026-01-10,2026-02-20,DE,1,900\n"))
    room.take("delivery_orders.zip", archive)
    room.mapping(ORDERS, "0.yaml")
    label = "delivery_orders.zip!orders_a.csv"
    quarantine(room, "orders.ordered_at_implausible", [("orders", "DE", "2026-02", label, 1, 1)])
    report = replay(room.settings, room.lake, Selection(files=("delivery_orders.zip",)), loaded_at=LATER)
    assert dict(report.told_anew) == {"orders": 1}
    new = "delivery_orders.zip@replay2!orders_a.csv"
    assert judged(room) == [
        ("A1", label, "DE 2026-01", f"{new}#1", 1),
        ("A1", new, "DE 2026-01", None, 0),
    ]
    # A part that was told anew can be told anew again, from the same landed file.
    room.mapping(ORDERS.replace("ordered_at: ordered_at", "ordered_at: changed_at"), "0.yaml")
    quarantine(room, "orders.some_rule", [("orders", "DE", "2026-01", new, 1, 2)])
    report = replay(room.settings, room.lake, Selection(rule_ids=("orders.some_rule",)), loaded_at=LATER)
    assert (dict(report.told_anew), report.lost) == ({"orders": 1}, {})
    assert judged(room)[-1] == ("A1", "delivery_orders.zip@replay3!orders_a.csv", "DE 2026-02", None, 0)


def test_touch_only_reads_nothing_and_has_the_rows_judged_again(room):
    room.take("orders.csv", HEAD + IN_ORDERS)
    quarantine(room, "orders.some_rule", [("orders", "DE", "2026-01", "orders.csv", 2, 1)])
    (room.settings.landing / "orders.csv").unlink()
    key = Selection(quarantine_keys=("ordersorders.csv2",))
    lost = replay(room.settings, room.lake, key, loaded_at=LATER)
    assert (lost.batch_id, dict(lost.lost)) == (
        None,
        {"orders.csv": "file.unreadable: orders.csv is no longer among the landed files"},
    )
    report = replay(room.settings, room.lake, key, touch_only=True, loaded_at=LATER)
    assert (report.batch_id, report.unchanged, report.markets_touched) == (2, 1, ("DE",))
    assert {(touch.layer, str(Place(touch.market, touch.month))) for touch in room.touches(2)} == {
        ("staging", "DE/2026-01"), ("marts", "DE/2026-01")
    }  # fmt: skip
    assert ("A2", "orders.csv", "DE 2026-01", None, 1) in judged(room)


def test_a_replay_must_be_told_what(room):
    with pytest.raises(ValueError, match="name rules, quarantine keys or files"):
        replay(room.settings, room.lake, Selection(feeds=("orders",)))
    with pytest.raises(ValueError, match="there is no feed order"):
        replay(room.settings, room.lake, Selection(rule_ids=("x",), feeds=("order",)))


def test_the_same_record_again_leaves_zz_once_its_country_is_a_market(room):
    """Its content is that of the first time, letter for letter: only the list of markets has changed."""
    room.take("orders_1.csv", HEAD + "A1,2026-01-10,LU,1\n")
    assert judged(room) == [("A1", "orders_1.csv", "ZZ 2026-01", None, 0)]
    add_luxembourg(room)
    room.take("orders_2.csv", HEAD + "A1,2026-01-10,LU,1\nA9,2026-01-10,DE,1\n")
    assert {place for _, _, place, _, _ in judged(room)[:2]} == {"LU 2026-01"}


@pytest.mark.parametrize("first", ["Atlantis", "DE"])
def test_among_equal_versions_a_market_beats_zz_whichever_came_first(room, first):
    second = {"Atlantis": "DE", "DE": "Atlantis"}[first]
    room.take("orders_1.csv", HEAD + f"A1,2026-01-10,{first},1\n")
    room.take("orders_2.csv", HEAD + f"A1,2026-01-10,{second},1\n")
    assert {place for _, _, place, _, _ in judged(room)} == {"DE 2026-01"}


def test_the_balance_of_both_files_is_exact_after_a_replay(room):
    """Judged and published by the platform's own staging, before and after."""
    names = ("stg_orders", "stg_order_lines", "quarantine", "row_balance")
    room.take("orders.csv", HEAD + IN_ORDERS)
    room.take("lines.csv", "order_no,line_no,product_id,quantity,price,leg_type\nA1,1,p,1,2,sale\nA3,1,p,1,2,sale\n")
    publish_staging(room, "before", names)
    add_luxembourg(room)
    assert dict(replay(room.settings, room.lake, MARKET_UNKNOWN, reason="LU was added").told_anew) == {"orders": 1}
    publish_staging(room, "after", names)
    with connect(room.lake) as con:
        balance = con.execute(
            "select file, feed, rows_read, accepted + repaired, superseded, quarantined, pending "
            "from file_balance order by all"
        ).fetchall()
        orders = con.execute("select order_no, market, _file from stg_orders order by all").fetchall()
        lines = con.execute("select order_no, market from stg_order_lines").fetchall()
        waiting = con.execute("select feed, market, replay_count from quarantine order by all").fetchall()
    assert balance == [
        ("lines.csv", "order_lines", 2, 1, 0, 1, 0),
        ("orders.csv", "orders", 3, 1, 1, 1, 0),
        ("orders.csv@replay3", "orders", 1, 1, 0, 0, 0),
    ]
    assert orders == [("A1", "LU", "orders.csv@replay3"), ("A2", "DE", "orders.csv")]
    assert lines == [("A1", "LU")]
    assert waiting == [("order_lines", "ZZ", 0), ("orders", "ZZ", 1)]
