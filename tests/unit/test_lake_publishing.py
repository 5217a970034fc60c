"""Publishing: what is replaced, what is left alone, what is refused, and that all of it is one transaction."""

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from orchestration.lake import (
    Column,
    DataFile,
    HeldBack,
    Lake,
    LakeError,
    Place,
    PublishRequest,
    SchemaError,
    StagedTable,
    TableSpec,
    Touch,
)
from orchestration.lake.snapshots import MOST_MANIFESTS
from orchestration.lake.tables import open_table
from tests.lake_helpers import (
    LEFT,
    MONTHS,
    RIGHT,
    append_orders,
    assert_whole,
    lake_at,
    publish_version,
    published_rows,
    rows_sql,
    spec_of,
)

GB, DE = Place("GB", "2026-01"), Place("DE", "2026-01")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return lake_at(tmp_path)


def staged(lake: Lake, spec: TableSpec, relation: str, run_id: str = "run") -> StagedTable:
    """The relation staged by a connection of its own."""
    with duckdb.connect() as con:
        return lake.stage(con, relation, spec, run_id)


def files_of(lake: Lake, spec: TableSpec) -> list[DataFile]:
    """The files that readers see."""
    pin = lake.pins()[spec.name]
    return lake.data_files(pin.table, pin.snapshot_id)


# ---------------------------------------------------------------- one transaction


def test_pyiceberg_commits_inside_our_transaction(lake: Lake, tmp_path: Path) -> None:
    """The design leans on `SqlCatalog.engine` being honoured: a release that opens its own connection fails here."""
    publish_version(lake, "GB", 1, specs=[LEFT])
    stranger = lake_at(tmp_path)

    def fail_after_two_commits() -> None:
        with lake._database.commit() as commit:
            open_table(commit.catalog, RIGHT.name, RIGHT)
            with commit.catalog.load_table(LEFT.name).transaction() as change:
                change.set_properties({"seen": "inside"})
            assert commit.catalog.load_table(LEFT.name).properties["seen"] == "inside"
            assert commit.catalog.table_exists(RIGHT.name)
            # Committed for PyIceberg, and still not for anybody else.
            assert "seen" not in stranger._database.catalog.load_table(LEFT.name).properties
            assert not stranger._database.catalog.table_exists(RIGHT.name)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_two_commits()
    assert "seen" not in lake._database.catalog.load_table(LEFT.name).properties
    assert not lake._database.catalog.table_exists(RIGHT.name)


def test_a_publication_that_fails_at_its_second_table_changes_nothing(lake: Lake) -> None:
    publish_version(lake, "GB", 1)
    retyped = TableSpec(RIGHT.name, (*RIGHT.columns[:2], Column("version", "varchar")), "market_month")
    request = PublishRequest(
        "run",
        0,
        [
            (staged(lake, LEFT, rows_sql("GB", 2)), {Place("GB", month) for month in MONTHS}),
            (staged(lake, retyped, "(select 'GB' as market, '2026-01' as month, '2' as version)"), {GB}),
        ],
    )
    before = lake.pins()
    head = lake._database.catalog.load_table(LEFT.name).metadata_location
    with pytest.raises(SchemaError, match=r"^marts.right_side: column version is stored as bigint"):
        lake.publish(request)
    assert lake.pins() == before
    assert assert_whole(lake) == {"GB": 1}
    assert lake._database.catalog.load_table(LEFT.name).metadata_location == head, "nor for readers without pins"


def test_a_commit_made_outside_of_publish_is_never_seen(lake: Lake) -> None:
    publish_version(lake, "GB", 1)
    head = lake._database.catalog.load_table(LEFT.name)
    head.append(pa.table({"market": ["FR"], "month": ["2026-01"], "version": [666]}))
    assert head.metadata.current_snapshot_id != lake.pins()[LEFT.name].snapshot_id
    assert assert_whole(lake) == {"GB": 1}

    # Nor does the next publication build on it.
    publish_version(lake, "DE", 2)
    assert assert_whole(lake) == {"DE": 2, "GB": 1}
    assert {row[0] for row in published_rows(lake, LEFT)} == {"DE", "GB"}
    assert len(lake._database.catalog.load_table(LEFT.name).scan().to_arrow()) == 6


# ---------------------------------------------------------------- what is replaced


def test_a_run_of_one_market_leaves_the_files_of_others_as_they_are(lake: Lake) -> None:
    publish_version(lake, "GB", 1)
    publish_version(lake, "DE", 1)
    before = {(file.path, Path(file.path).read_bytes()) for file in files_of(lake, LEFT) if file.market == "DE"}
    publish_version(lake, "GB", 2)
    after = {(file.path, Path(file.path).read_bytes()) for file in files_of(lake, LEFT) if file.market == "DE"}
    assert before == after
    assert len(before) == len(MONTHS)


def test_only_the_named_months_are_replaced(lake: Lake) -> None:
    publish_version(lake, "GB", 1, specs=[LEFT])
    publish_version(lake, "GB", 2, specs=[LEFT], months=MONTHS[1:2])
    assert [row[1:] for row in published_rows(lake, LEFT)] == [("2026-01", 1), ("2026-02", 2), ("2026-03", 1)]


def test_a_place_without_rows_is_emptied(lake: Lake) -> None:
    publish_version(lake, "GB", 1, specs=[LEFT])
    nothing = staged(lake, LEFT, f"(from {rows_sql('GB', 2)} where false)")
    result = lake.publish(PublishRequest("run", 0, [(nothing, {GB})]))
    assert result.snapshots[LEFT.name] == lake.pins()[LEFT.name].snapshot_id
    assert [row[1] for row in published_rows(lake, LEFT)] == ["2026-02", "2026-03"]


def test_a_table_may_be_published_without_rows_and_filled_later(lake: Lake) -> None:
    nothing = staged(lake, LEFT, f"(from {rows_sql('GB', 2)} where false)")
    result = lake.publish(PublishRequest("run", 0, [(nothing, {GB})]))
    assert (result.publication_id, result.snapshots) == (1, {LEFT.name: None})
    assert published_rows(lake, LEFT) == []
    assert [state.place for state in lake.place_states()] == [GB]
    publish_version(lake, "GB", 1, specs=[LEFT])
    assert len(published_rows(lake, LEFT)) == 3


def test_tables_by_market_and_whole_tables_are_replaced_as_such(lake: Lake) -> None:
    columns = (Column("market", "varchar"), Column("value", "bigint"))
    by_market = TableSpec("marts.dim_market", columns, "market")
    whole = TableSpec("staging.stg_fx_rates", columns, "none")
    first = "(select * from (values ('GB', 1::bigint), ('DE', 1::bigint)) as t(market, value))"
    second = "(select 'GB' as market, 2::bigint as value)"
    for relation, markets in ((first, ("GB", "DE")), (second, ("GB",))):
        by_markets = (staged(lake, by_market, relation), {Place(market) for market in markets})
        lake.publish(PublishRequest("run", 0, [by_markets, (staged(lake, whole, relation), {Place()})]))
    assert published_rows(lake, by_market) == [("DE", 1), ("GB", 2)]
    assert published_rows(lake, whole) == [("GB", 2)]


def test_publishing_the_same_files_again_changes_nothing(lake: Lake) -> None:
    """A run that is killed after the commit and before it learns of it publishes once more."""
    one = staged(lake, LEFT, rows_sql("GB", 1))
    request = PublishRequest("run", 0, [(one, one.places)])
    lake.publish(request)
    before = files_of(lake, LEFT)
    lake.publish(request)
    assert files_of(lake, LEFT) == before
    assert len(published_rows(lake, LEFT)) == 3


def test_many_publications_do_not_pile_up_manifests(lake: Lake) -> None:
    any_file = staged(lake, LEFT, rows_sql("GB", 1)).files[0]
    places = [Place("GB", f"20{year:02}-{month:02}") for year in (24, 25) for month in range(1, 13)]
    for place in places:
        file = DataFile(any_file.path, place.market, place.month, 1, any_file.size)
        lake.publish(PublishRequest("run", 0, [(StagedTable(LEFT, "run", (file,)), [place])]))
    table = lake._database.catalog.load_table(LEFT.name)
    snapshot = table.current_snapshot()
    assert snapshot is not None
    assert len(snapshot.manifests(table.io)) <= MOST_MANIFESTS + 1
    assert [file.place for file in files_of(lake, LEFT)] == places


def test_2500_places_hold_the_lock_for_less_than_four_seconds(lake: Lake) -> None:
    """Files that are never read stand for real ones: inside the lock only manifests are written."""
    any_file = staged(lake, LEFT, rows_sql("GB", 1)).files[0]
    months = [f"20{year:02}-{month:02}" for year in range(10) for month in range(1, 11)]
    places = [Place(f"M{market:02}", month) for market in range(25) for month in months]
    files = tuple(DataFile(any_file.path, place.market, place.month, 1, 1) for place in places)
    for turn in range(2):
        result = lake.publish(PublishRequest(f"run-{turn}", turn, [(StagedTable(LEFT, "run", files), places)]))
        assert result.lock_seconds < 4
    assert len(files_of(lake, LEFT)) == len(lake.place_states()) == 2500


# ---------------------------------------------------------------- columns


def test_a_later_declaration_may_add_columns(lake: Lake) -> None:
    publish_version(lake, "DE", 1, specs=[LEFT])
    wider = spec_of(LEFT.name, Column("added", "decimal(19,4)"))
    new = staged(lake, wider, f"(select *, 1.5::decimal(19,4) as added from {rows_sql('GB', 2, ['2026-01'])})")
    lake.publish(PublishRequest("run", 0, [(new, {GB})]))
    assert [(row[0], str(row[3])) for row in published_rows(lake, wider)] == [("DE", "None")] * 3 + [("GB", "1.5000")]
    table = lake._database.catalog.load_table(LEFT.name)
    assert [row["added"] is None for row in table.scan().to_arrow().to_pylist()].count(True) == 3


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ((), r"stored column version \(bigint\) is not declared any more; columns are added, never removed or renamed"),
        ((Column("edition", "bigint"),), r"stored column version \(bigint\) is not declared any more"),
        ((Column("version", "integer"),), "column version is stored as bigint and declared as integer"),
    ],
)
def test_other_changes_of_columns_are_refused(lake: Lake, columns: tuple[Column, ...], message: str) -> None:
    publish_version(lake, "GB", 1, specs=[LEFT])
    changed = TableSpec(LEFT.name, (*LEFT.columns[:2], *columns), "market_month")
    with pytest.raises(SchemaError, match=f"^marts.left_side: {message}"):
        lake.publish(PublishRequest("run", 0, [(StagedTable(changed, "run", ()), {GB})]))


def test_another_partition_is_refused(lake: Lake) -> None:
    publish_version(lake, "GB", 1, specs=[LEFT])
    changed = TableSpec(LEFT.name, LEFT.columns, "market")
    with pytest.raises(SchemaError, match=r"stored by \('market', 'month'\), declared by \('market',\)"):
        lake.publish(PublishRequest("run", 0, [(StagedTable(changed, "run", ()), {Place("GB")})]))


# ---------------------------------------------------------------- touches, late finishers, held back


def test_a_touch_is_cleared_only_by_the_publication_that_names_it(lake: Lake) -> None:
    touches = [Touch("staging", "orders", market, "2026-01", "new") for market in ("GB", "DE", "FR")]
    append_orders(lake, "first", [{}], [*touches, touches[0]])
    gb, de, fr = lake.pending_touches(["GB", "DE", "FR"])
    assert (gb.layer, gb.feed, gb.month, gb.reason, gb.batch_id) == ("staging", "orders", "2026-01", "new", 1)
    assert publish_version(lake, "GB", 1, raw_seq=1, touch_ids=[gb.id]).touches_cleared == 1
    assert lake.pending_touches(["GB", "DE", "FR"]) == [de, fr]
    assert lake.pending_touches(["FR"]) == [fr]
    assert lake.pending_touches([]) == []
    assert publish_version(lake, "GB", 1, raw_seq=1, touch_ids=[gb.id]).touches_cleared == 0, "cleared once"


def test_a_touch_that_came_after_the_plan_is_not_in_it(lake: Lake) -> None:
    append_orders(lake, "first", [{}], [Touch("marts", "", "GB", "2026-01", "new")])
    append_orders(lake, "second", [{}], [Touch("marts", "", "GB", "2026-02", "new")])
    assert [touch.month for touch in lake.pending_touches(["GB"], raw_seq=1)] == ["2026-01"]
    assert [touch.month for touch in lake.pending_touches(["GB"])] == ["2026-01", "2026-02"]


def test_a_late_finisher_publishes_its_other_markets(lake: Lake) -> None:
    publish_version(lake, "GB", 2, raw_seq=2)
    both = f"(from {rows_sql('GB', 1)} union all from {rows_sql('DE', 1)})"
    places = {Place(market, month) for market in ("GB", "DE") for month in MONTHS}
    result = lake.publish(PublishRequest("late", 1, [(staged(lake, spec, both), places) for spec in (LEFT, RIGHT)]))
    assert result.markets_left_alone == ("GB",)
    assert assert_whole(lake) == {"DE": 1, "GB": 2}
    assert {(state.place.market, state.raw_seq) for state in lake.place_states()} == {("DE", 1), ("GB", 2)}


def test_a_run_of_the_same_batch_may_publish_again(lake: Lake) -> None:
    for version in (1, 2):
        assert publish_version(lake, "GB", version, raw_seq=1).markets_left_alone == ()
    assert assert_whole(lake) == {"GB": 2}


def test_a_held_back_market_keeps_its_touches_and_is_named_until_it_is_released(lake: Lake) -> None:
    append_orders(lake, "first", [{}], [Touch("marts", "", "GB", "2026-01", "new")])
    (touch,) = lake.pending_touches(["GB"])
    balance = TableSpec("marts.row_balance", (Column("market", "varchar"), Column("rows", "bigint")), "market")
    counted = staged(lake, balance, "(select 'GB' as market, 1::bigint as rows)")
    for run, reason in (("first", "duties are negative"), ("second", "duties are still negative")):
        held = HeldBack("GB", (reason,))
        result = lake.publish(
            PublishRequest(run, 1, [(counted, {Place("GB")})], touch_ids=[touch.id], held_back=[held])
        )
        assert result.touches_cleared == 0
    (now,) = lake.held_back()
    assert (now.market, now.run_id, now.reasons) == ("GB", "second", ("duties are still negative",))
    assert now.since == lake.publications(run_id="first")[0].published_at
    assert published_rows(lake, balance) == [("GB", 1)], "what explains the reason is published all the same"

    publish_version(lake, "DE", 1, raw_seq=1)
    assert [held.market for held in lake.held_back()] == ["GB"]
    publish_version(lake, "GB", 1, raw_seq=1)
    assert lake.held_back() == []


# ---------------------------------------------------------------- records and namespaces


def test_a_publication_says_what_made_it(lake: Lake) -> None:
    known_at = datetime(2026, 2, 1, tzinfo=UTC)
    one = staged(lake, LEFT, rows_sql("GB", 1))
    lake.publish(
        PublishRequest(
            "run", 3, [(one, one.places)], git_commit="abc", lock_hash="l", seeds_hash="s", known_at=known_at
        )
    )
    (publication,) = lake.publications()
    pin = lake.pins()[LEFT.name]
    assert (publication.table, publication.snapshot_id, publication.raw_seq) == (LEFT.name, pin.snapshot_id, 3)
    assert (publication.git_commit, publication.lock_hash, publication.seeds_hash) == ("abc", "l", "s")
    assert publication.known_at == known_at
    assert abs((datetime.now(UTC) - publication.published_at).total_seconds()) < 60


def test_older_pins_stay_readable(lake: Lake) -> None:
    publish_version(lake, "GB", 1)
    publish_version(lake, "GB", 2, specs=[LEFT])
    old = lake.pins(publication_id=1)[LEFT.name]
    files = lake.data_files(old.table, old.snapshot_id)
    with duckdb.connect() as con:
        assert con.execute(f"select distinct version from {lake.relation_sql(LEFT, files)}").fetchall() == [(1,)]
    assert lake.pins(publication_id=2)[RIGHT.name] == lake.pins(publication_id=1)[RIGHT.name]


def test_a_rebuild_has_a_namespace_of_its_own(lake: Lake) -> None:
    publish_version(lake, "GB", 2, raw_seq=2)
    one = staged(lake, LEFT, rows_sql("GB", 1))
    result = lake.publish(PublishRequest("then", 1, [(one, one.places)], namespace="known_at_20260101"))
    assert result.markets_left_alone == (), "a rebuild competes with nobody"
    assert lake.pins("known_at_20260101")[LEFT.name].table == "known_at_20260101.marts__left_side"
    assert [row[2] for row in published_rows(lake, LEFT, "known_at_20260101")] == [1, 1, 1]
    assert assert_whole(lake) == {"GB": 2}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"staged": [(0, {GB}), (0, {GB})]}, "run run: table staged twice: marts.left_side"),
        ({"namespace": "raw"}, "'raw' is not a namespace to publish to"),
        ({"namespace": "then", "touch_ids": [1]}, "only the namespace 'published' clears touches"),
        ({"staged": [(0, {DE})]}, "marts.left_side: 1 places have files but are not replaced, such as GB/2026-01"),
        ({"staged": [(0, {GB, Place("GB")})]}, "GB is not a place of a table partitioned by market_month"),
    ],
)
def test_requests_that_would_do_harm_are_refused(lake: Lake, changes: dict[str, object], message: str) -> None:
    one = staged(lake, LEFT, rows_sql("GB", 1, ["2026-01"]))
    if "staged" in changes:
        changes = changes | {"staged": [(one, places) for _, places in changes["staged"]]}  # type: ignore[attr-defined]
    with pytest.raises(LakeError, match=message):
        lake.publish(PublishRequest(**({"run_id": "run", "raw_seq": 0, "staged": [(one, {GB})]} | changes)))  # type: ignore[arg-type]
    assert lake.pins() == {}


def test_files_that_were_swept_before_they_were_published_are_refused(lake: Lake) -> None:
    one = staged(lake, LEFT, rows_sql("GB", 1, ["2026-01"]))
    Path(one.files[0].path).unlink()
    with pytest.raises(LakeError, match=r"^marts.left_side: 1 staged files are gone, such as .*; stage again$"):
        lake.publish(PublishRequest("run", 0, [(one, {GB})]))
