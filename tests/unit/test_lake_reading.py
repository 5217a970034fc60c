"""Reading: files by market and place, and SQL that gives the declared columns whatever the files are like."""

from pathlib import Path

import duckdb
import pytest

from orchestration.lake import Column, Lake, LakeError, Place, PublishRequest, TableSpec
from orchestration.lake.reading import ManifestCache
from tests.lake_helpers import LEFT, MONTHS, lake_at, publish_version, published_rows, rows_sql, spec_of


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = lake_at(tmp_path / "it's a home")
    for version, market in enumerate(("DE", "GB"), start=1):
        publish_version(lake, market, version, specs=[LEFT])
    return lake


def test_the_files_of_markets_and_places(lake: Lake) -> None:
    pin = lake.pins()[LEFT.name]

    def places(**filters: object) -> list[str]:
        return [str(file.place) for file in lake.data_files(pin.table, pin.snapshot_id, **filters)]  # type: ignore[arg-type]

    assert places() == [f"{market}/{month}" for market in ("DE", "GB") for month in MONTHS]
    assert places(markets=["GB"]) == [f"GB/{month}" for month in MONTHS]
    assert places(places={Place("GB", "2026-02"), Place("FR", "2026-02")}) == ["GB/2026-02"]
    assert places(markets={"DE"}, places={Place("GB", "2026-02")}) == []
    assert places(markets=()) == [], "no market is never no filter"
    assert places(places=set()) == []


def test_an_unpartitioned_table_is_read_whole(lake: Lake) -> None:
    rates = TableSpec("staging.stg_fx_rates", (Column("rate", "bigint"),), "none")
    with duckdb.connect() as con:
        staged = lake.stage(con, "(select range as rate from range(3))", rates, "run")
    lake.publish(PublishRequest("run", 0, [(staged, {Place()})]))
    pin = lake.pins()[rates.name]
    assert [file.rows for file in lake.data_files(pin.table, pin.snapshot_id, markets=["GB"])] == [3]
    assert published_rows(lake, rates) == [(0,), (1,), (2,)]


def test_no_file_reads_as_empty_with_the_declared_types(lake: Lake) -> None:
    spec = spec_of("marts.typed", Column("amount", "decimal(19,4)"), Column("sold_on", "date"))
    with duckdb.connect() as con:
        described = con.execute(f"describe select * from {lake.relation_sql(spec, [])}").fetchall()
    assert [(name, kind) for name, kind, *_ in described] == [
        ("market", "VARCHAR"),
        ("month", "VARCHAR"),
        ("version", "BIGINT"),
        ("amount", "DECIMAL(19,4)"),
        ("sold_on", "DATE"),
    ]


def test_a_column_that_no_file_has_yet_reads_as_null(lake: Lake) -> None:
    wider = spec_of(LEFT.name, Column("added", "double"))
    assert published_rows(lake, wider)[0] == ("DE", "2026-01", 1, None)


def test_the_snapshot_of_a_table_without_rows(lake: Lake) -> None:
    assert lake.data_files(LEFT.name, None) == []
    with pytest.raises(LakeError, match=r"^marts.nothing: no such table"):
        lake.data_files("marts.nothing", 1)
    with pytest.raises(LakeError, match=r"^marts.left_side: snapshot 1 does not exist"):
        lake.data_files(LEFT.name, 1)


def test_other_iceberg_readers_see_the_same_rows(lake: Lake) -> None:
    """DuckDB's files carry no field ids: without the name mapping PyIceberg and Spark would read nulls."""
    table = lake._database.catalog.load_table(LEFT.name)
    rows = table.scan(row_filter="market = 'GB' and month > '2026-01'").to_arrow().to_pylist()
    assert sorted(tuple(row.values()) for row in rows) == [("GB", "2026-02", 2), ("GB", "2026-03", 2)]
    snapshot = table.current_snapshot()
    assert snapshot is not None
    summary = snapshot.summary
    assert summary is not None
    assert (summary["total-data-files"], summary["total-records"], summary["run_id"]) == ("6", "6", "GB-2")


def test_the_manifest_cache_forgets_the_oldest(lake: Lake) -> None:
    cache = ManifestCache(most_files=4)
    table = lake._database.catalog.load_table(LEFT.name)
    snapshot = table.current_snapshot()
    assert snapshot is not None
    manifests = snapshot.manifests(table.io)
    assert [len(cache.files(manifest, table.io)) for manifest in manifests] == [3, 3]
    assert list(cache._entries) == [manifests[-1].manifest_path]


def test_rows_are_read_with_the_months_they_were_staged_for(lake: Lake) -> None:
    with duckdb.connect() as con:
        staged = lake.stage(con, rows_sql("GB", 7, ["2026-02"]), LEFT, "run")
    lake.publish(PublishRequest("run", 0, [(staged, staged.places)]))
    assert [row[2] for row in published_rows(lake, LEFT)] == [1, 1, 1, 2, 7, 2]
