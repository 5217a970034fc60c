"""Arrivals: a batch's rows, files, edges and touches appear together, with ids in the order of their commits."""

from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration.lake import EDGES, PLACEMENTS, FileRecord, Lake, LakeError, RawFeed, SchemaError, Touch, raw_spec
from tests.lake_helpers import MOMENT, STORED_MOMENT, append_orders, lake_at, raw_rows

ORDERS = raw_spec("orders", ("order_no", "currency_code"))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return lake_at(tmp_path)


def read(lake: Lake, columns: str, raw_seq: int | None = None, feed: str = "orders") -> list[tuple[object, ...]]:
    """These columns of all raw rows as of a batch, sorted."""
    spec = {"orders": ORDERS, "edges": EDGES, "placements": PLACEMENTS}[feed]
    files = lake.data_files(spec.name, lake.raw_snapshots([feed], raw_seq)[feed])
    with duckdb.connect() as con:
        return sorted(con.execute(f"select {columns} from {lake.relation_sql(spec, files)}").fetchall())


def test_before_the_first_batch_there_is_nothing(lake: Lake) -> None:
    assert lake.raw_seq() == 0
    assert lake.raw_snapshots(["orders", "edges"]) == {"orders": None, "edges": None}
    assert (lake.pins(), lake.pending_touches(["GB"]), lake.arrived_files()) == ({}, [], [])


def test_rows_get_their_batch_and_time(lake: Lake) -> None:
    assert append_orders(lake, "a", [{"order_no": "1"}, {"order_no": "2", "_market": "DE"}]) == 1
    assert append_orders(lake, "b", [{"order_no": "3"}]) == 2
    assert read(lake, "order_no, _batch_id, _loaded_at, _market") == [
        ("1", 1, STORED_MOMENT, "GB"),
        ("2", 1, STORED_MOMENT, "DE"),
        ("3", 2, STORED_MOMENT, "GB"),
    ]


def test_a_snapshot_as_of_a_batch_holds_the_batches_up_to_it(lake: Lake) -> None:
    for number in (1, 2, 3):
        append_orders(lake, str(number), [{"order_no": str(number)}])
    assert [read(lake, "order_no", raw_seq) for raw_seq in (0, 1, 2)] == [[], [("1",)], [("1",), ("2",)]]
    state = lake.raw_state(["orders"])
    assert (state.raw_seq, state.snapshots) == (3, lake.raw_snapshots(["orders"], 3))


def test_raw_files_are_by_market_and_sorted_for_pruning(lake: Lake) -> None:
    rows = [
        {"order_no": str(number), "_month": f"2026-{1 + number % 12:02}", "_market": ("GB", "DE")[number % 2]}
        for number in range(48)
    ]
    append_orders(lake, "a", rows)
    files = lake.data_files("raw.orders", lake.raw_snapshots(["orders"])["orders"], markets=["DE"])
    assert [(file.market, file.month, file.rows) for file in files] == [("DE", "", 24)]
    with duckdb.connect() as con:
        months = con.execute("select _month from read_parquet(?)", [files[0].path]).fetchall()
    assert months == sorted(months)


def test_rates_arrive_without_a_market(lake: Lake) -> None:
    append_orders(lake, "a", [{"order_no": "1", "_market": ""}])
    files = lake.data_files("raw.orders", lake.raw_snapshots(["orders"])["orders"])
    assert [(file.market, file.rows) for file in files] == [("", 1)]


def test_edges_and_placements_come_with_the_batch(lake: Lake) -> None:
    with duckdb.connect() as con:
        con.execute(
            "create table edges as select 'orders' as from_feed, 'k' as from_key, 'orders' as to_feed, 'k' as to_key, "
            "'GB' as from_market, '2026-01' as from_month"
        )
        con.execute(
            "create table places as select 'orders' as feed, 'k' as document_key, 'DE' as market, '2026-02' as month"
        )
        lake.append_batch(
            con,
            feeds={"orders": raw_rows(con, "new_orders", [])},
            files=[],
            edges="edges",
            placements="places",
            touches=[],
            loaded_at=MOMENT,
        )
    assert read(lake, "from_feed, to_key, from_market, _batch_id", feed="edges") == [("orders", "k", "GB", 1)]
    assert read(lake, "document_key, market, month, _batch_id", feed="placements") == [("k", "DE", "2026-02", 1)]
    assert read(lake, "order_no") == []


def test_a_delivered_file_is_known_by_its_content(lake: Lake) -> None:
    refused = FileRecord("bad.csv", "beef", 3, "rejected", "no mapping fits")
    with duckdb.connect() as con:
        lake.append_batch(con, feeds={}, files=[refused], edges=None, placements=None, touches=[], loaded_at=MOMENT)
    append_orders(lake, "cafe", [{}, {"order_no": "2"}])
    assert lake.has_file("beef") == refused
    assert lake.has_file("cafe") == FileRecord("orders.csv", "cafe", 10, "loaded", "", "shop", {"orders": 2})
    assert lake.has_file("dead") is None
    append_orders(lake, "beef", [{"order_no": "3"}])
    found = lake.has_file("beef")
    assert found is not None
    assert found.status == "loaded", "a mapping was added since, and the file came again"
    arrived = [(batch, file.status) for batch, file in lake.arrived_files()]
    assert arrived == [(1, "rejected"), (2, "loaded"), (3, "loaded")]


def test_the_same_content_is_not_loaded_twice_and_leaves_nothing(lake: Lake) -> None:
    append_orders(lake, "a", [{"order_no": "1"}])
    with pytest.raises(LakeError, match=r"^file orders.csv: the same content was loaded as orders.csv in batch 1$"):
        append_orders(lake, "a", [{"order_no": "1"}], [Touch("marts", "", "GB", "2026-01", "new")])
    assert (lake.raw_seq(), read(lake, "order_no"), lake.pending_touches(["GB"])) == (1, [("1",)], [])
    assert append_orders(lake, "b", [{"order_no": "2"}]) == 2


def test_rows_that_are_not_the_contract_are_refused(lake: Lake) -> None:
    with duckdb.connect() as con:
        raw_rows(con, "new", [{}])
        feeds = {"orders": RawFeed("new", ("order_no", "currency_code", "channel"))}
        with pytest.raises(SchemaError, match=r"^raw.orders: relation new: lacks channel$"):
            lake.append_batch(con, feeds=feeds, files=[], edges=None, placements=None, touches=[], loaded_at=MOMENT)
    assert lake.raw_seq() == 0


def test_a_contract_may_gain_a_field(lake: Lake) -> None:
    append_orders(lake, "a", [{"order_no": "1"}])
    with duckdb.connect() as con:
        raw_rows(con, "new", [{"order_no": "2"}])
        con.execute("create view wider as select *, 'web' as channel from new")
        lake.append_batch(
            con,
            feeds={"orders": RawFeed("wider", ("order_no", "currency_code", "channel"))},
            files=[],
            edges=None,
            placements=None,
            touches=[],
            loaded_at=MOMENT,
        )
        spec = raw_spec("orders", ("order_no", "currency_code", "channel"))
        files = lake.data_files("raw.orders", lake.raw_snapshots(["orders"])["orders"])
        rows = con.execute(f"select order_no, channel from {lake.relation_sql(spec, files)}").fetchall()
    assert sorted(rows) == [("1", None), ("2", "web")]


def test_a_large_feed_is_written_in_parts_along_its_row_numbers(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestration.lake.raw.PART_ROWS", 2)
    with duckdb.connect() as con:
        feed = raw_rows(con, "new", [{"order_no": str(number)} for number in range(5)])
        # A number that is missing: the row of a file that was refused.
        con.execute("create view numbered as select *, rowid as number from new where rowid <> 2")
        feeds = {"orders": RawFeed("numbered", feed.fields, "number")}
        lake.append_batch(con, feeds=feeds, files=[], edges=None, placements=None, touches=[], loaded_at=MOMENT)
    assert sorted(read(lake, "order_no")) == [("0",), ("1",), ("3",), ("4",)]
    files = lake.data_files("raw.orders", lake.raw_snapshots(["orders"])["orders"])
    assert sorted(file.rows for file in files) == [1, 1, 2]


def test_the_arrivals_lock_may_be_held_around_an_append(lake: Lake) -> None:
    with lake.arrivals_lock():
        assert lake.has_file("a") is None
        assert append_orders(lake, "a", [{}]) == 1
    assert append_orders(lake, "b", [{}]) == 2


def test_what_was_known_at_a_moment(lake: Lake) -> None:
    """A rebuild as of an earlier time reads the batches loaded by then."""
    for number, days in enumerate((0, 1, 1, 5), start=1):
        with duckdb.connect() as con:
            lake.append_batch(
                con,
                feeds={"orders": raw_rows(con, "new_orders", [{"order_no": str(number)}])},
                files=[],
                edges=None,
                placements=None,
                touches=[],
                loaded_at=MOMENT + timedelta(days=days),
            )
    assert [lake.raw_seq_at(MOMENT + timedelta(days=days)) for days in (-1, 0, 1, 2, 5)] == [0, 1, 3, 3, 4]
