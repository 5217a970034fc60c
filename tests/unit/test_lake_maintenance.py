"""Maintenance: what readers may still ask for stays, everything else goes."""

import os
import time
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration.lake import Lake, LakeError, PublishRequest
from tests.lake_helpers import (
    LEFT,
    RIGHT,
    append_orders,
    assert_whole,
    lake_at,
    publish_version,
    published_rows,
    rows_sql,
)

NOW = timedelta(0)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return lake_at(tmp_path)


def parquet(home: Path) -> set[Path]:
    """Every data file on disk."""
    return set(home.rglob("*.parquet"))


def test_kept_publications_stay_readable_and_older_ones_go(lake: Lake, tmp_path: Path) -> None:
    for version in (1, 2, 3, 4):
        publish_version(lake, "GB", version, specs=[LEFT] if version == 4 else [LEFT, RIGHT])
    swept = lake.expire(keep_publications=2, orphan_older_than=NOW)
    assert swept.snapshots_expired == 4, "the first two of both tables"
    assert len(parquet(tmp_path)) == 3 * 3, "left: 3 and 4, right: 3"
    assert [row[2] for row in published_rows(lake, LEFT)] == [4, 4, 4]
    assert [row[2] for row in published_rows(lake, RIGHT)] == [3, 3, 3]
    old = lake.pins(publication_id=3)[LEFT.name]
    with duckdb.connect() as con:
        files = lake.data_files(old.table, old.snapshot_id)
        assert con.execute(f"select distinct version from {lake.relation_sql(LEFT, files)}").fetchall() == [(3,)]
    with pytest.raises(LakeError, match=r"^marts.(left|right)_side: publication 2 has expired$"):
        lake.pins(publication_id=2)
    assert [one.is_expired for one in lake.publications() if one.table == LEFT.name] == [True, True, False, False]
    assert lake.expire(keep_publications=2, orphan_older_than=NOW).snapshots_expired == 0


def test_what_a_running_run_may_still_read_stays(lake: Lake, tmp_path: Path) -> None:
    for version in (1, 2):
        publish_version(lake, "GB", version)
        append_orders(lake, str(version), [{"order_no": str(version)}])
    before = parquet(tmp_path)
    swept = lake.expire(keep_publications=1, orphan_older_than=timedelta(hours=1))
    assert (swept.snapshots_expired, swept.files_deleted) == (0, 0)
    assert parquet(tmp_path) == before
    assert lake.pins(publication_id=1).keys() == {LEFT.name, RIGHT.name}


def test_files_that_nobody_published_are_swept_when_old_enough(lake: Lake) -> None:
    publish_version(lake, "GB", 1)
    with duckdb.connect() as con:
        old, young = (lake.stage(con, rows_sql("DE", 1), LEFT, run) for run in ("old", "young"))
    hour_ago = time.time() - 3600
    for file in old.files:
        os.utime(file.path, (hour_ago, hour_ago))
    swept = lake.expire(keep_publications=1, orphan_older_than=timedelta(minutes=30))
    assert (swept.files_deleted, swept.bytes_deleted) == (3, sum(file.size for file in old.files))
    assert not any(Path(file.path).exists() for file in old.files)
    lake.publish(PublishRequest("young", 0, [(young, young.places)]))
    assert len(published_rows(lake, LEFT)) == 6


def test_raw_keeps_every_row_and_forgets_old_snapshots(lake: Lake) -> None:
    for number in (1, 2, 3):
        append_orders(lake, str(number), [{"order_no": str(number)}])
    assert lake.expire(keep_publications=1, orphan_older_than=NOW).snapshots_expired == 2
    files = lake.data_files("raw.orders", lake.raw_snapshots(["orders"])["orders"])
    assert sum(file.rows for file in files) == 3
    with pytest.raises(LakeError, match=r"^raw.orders: the snapshot of batch 2 has expired$"):
        lake.raw_snapshots(["orders"], 2)
    assert append_orders(lake, "4", [{"order_no": "4"}]) == 4


def test_a_pin_below_a_dirty_head_survives(lake: Lake) -> None:
    publish_version(lake, "GB", 1)
    table = lake._database.catalog.load_table(LEFT.name)
    table.append(table.scan().to_arrow())
    lake.expire(keep_publications=1, orphan_older_than=NOW)
    assert assert_whole(lake) == {"GB": 1}
    publish_version(lake, "GB", 2)
    assert lake.expire(keep_publications=1, orphan_older_than=NOW).snapshots_expired == 3
    assert assert_whole(lake) == {"GB": 2}


def test_rebuilds_and_their_files_are_kept(lake: Lake) -> None:
    with duckdb.connect() as con:
        one = lake.stage(con, rows_sql("GB", 1), LEFT, "then")
    lake.publish(PublishRequest("then", 0, [(one, one.places)], namespace="known_at_x"))
    for version in (2, 3):
        publish_version(lake, "GB", version)
    lake.expire(keep_publications=1, orphan_older_than=NOW)
    assert [row[2] for row in published_rows(lake, LEFT, "known_at_x")] == [1, 1, 1]
    assert assert_whole(lake) == {"GB": 3}


@pytest.mark.parametrize(("keep", "age"), [(0, NOW), (1, timedelta(seconds=-1))])
def test_nonsense_is_refused(lake: Lake, keep: int, age: timedelta) -> None:
    with pytest.raises(LakeError, match=r"keep_publications is 0|orphan_older_than is -1 day"):
        lake.expire(keep_publications=keep, orphan_older_than=age)
