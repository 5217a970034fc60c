"""Publications beside each other: two publishers, a reader that never stops, kills at random moments, a late finisher.

Belongs here: what only several processes can break. Does not: the rules of one publication (tests/unit/test_lake_*).
Everything runs on SQLite and on PostgreSQL.
"""

import itertools
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from orchestration.lake import Lake, Touch
from tests.lake_helpers import (
    LEFT,
    RIGHT,
    append_many,
    append_orders,
    assert_whole,
    finish,
    in_process,
    kill_at_random,
    lake_at,
    publish_many,
    publish_version,
    published_rows,
)
from tests.postgres import postgres_uri  # noqa: F401  a fixture


@pytest.fixture(params=["sqlite", "postgresql"])
def catalog_uri(request: pytest.FixtureRequest) -> str:
    """Each test runs on both catalogs."""
    return "" if request.param == "sqlite" else request.getfixturevalue("postgres_uri")


@contextmanager
def reading_all_the_time(lake: Lake) -> Iterator[list[dict[str, int]]]:
    """What a reader that never stops saw; its first failure is raised at the end."""
    seen: list[dict[str, int]] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.append(assert_whole(lake))
            time.sleep(0.01)  # leaves the two publishers a processor

    with ThreadPoolExecutor(1) as executor:
        reader = executor.submit(read)
        try:
            yield seen
        finally:
            stop.set()
        reader.result()


def test_two_publishers_and_a_reader_do_not_disturb_each_other(tmp_path: Path, catalog_uri: str) -> None:
    lake = lake_at(tmp_path, catalog_uri)
    with reading_all_the_time(lake) as seen:
        finish(
            in_process(publish_many, tmp_path, catalog_uri, "GB", 1, 6),
            in_process(publish_many, tmp_path, catalog_uri, "DE", 1, 6),
        )
    assert assert_whole(lake) == {"DE": 6, "GB": 6}
    for earlier, later in itertools.pairwise(seen):
        assert all(later[market] >= version for market, version in earlier.items()), f"went back: {earlier} -> {later}"
    assert len({tuple(sorted(one.items())) for one in seen}) > 1, "the reader saw too little to prove anything"
    assert len(lake.publications()) == 24
    assert {one.publication_id for one in lake.publications()} == set(range(1, 13))


def test_killed_publishers_leave_nothing_half_done(tmp_path: Path, catalog_uri: str) -> None:
    lake = lake_at(tmp_path, catalog_uri)
    publish_version(lake, "GB", 1)
    kills = 12 if not catalog_uri else 4
    with reading_all_the_time(lake) as seen:
        kill_at_random(tmp_path, catalog_uri, ("GB", "DE"), kills, random.Random(20260102))
    assert len(seen) > 1
    last = assert_whole(lake)

    tables_by_publication: dict[int, set[str]] = {}
    for one in lake.publications():
        tables_by_publication.setdefault(one.publication_id, set()).add(one.table)
    assert len(tables_by_publication) > kills, "each publisher published before it was killed"
    assert set(map(frozenset, tables_by_publication.values())) == {frozenset({LEFT.name, RIGHT.name})}
    for spec in (LEFT, RIGHT):
        pin = lake.pins()[spec.name]
        for file in lake.data_files(pin.table, pin.snapshot_id):
            assert Path(file.path).stat().st_size == file.size
        states = {state.place.market: state.run_id for state in lake.place_states(table=spec.name)}
        assert states == {market: f"{market}-{version}" for market, version in last.items()}

    # Nobody holds a lock, the next publication builds on whole ones, and the rubbish can be swept.
    publish_version(lake, "GB", 99_999)
    swept = lake.expire(keep_publications=1, orphan_older_than=timedelta(0))
    assert swept.files_deleted > 0
    assert assert_whole(lake) == last | {"GB": 99_999}


def test_a_late_finisher_never_sets_a_market_back(tmp_path: Path, catalog_uri: str) -> None:
    lake = lake_at(tmp_path, catalog_uri)
    touched = [Touch("marts", "", market, "2026-01", "new") for market in ("GB", "DE")]
    append_orders(lake, "first", [{}], touched)
    append_orders(lake, "second", [{}], touched[:1])
    slow = [touch.id for touch in lake.pending_touches(["GB", "DE"], raw_seq=1)]
    fast = [touch.id for touch in lake.pending_touches(["GB"], raw_seq=2)]
    assert (slow, fast) == ([1, 2], [1, 3])

    # The fast run saw batch 2 and only cleared its second touch; the slow one saw batch 1, and ends later.
    newer = publish_version(lake, "GB", 2, raw_seq=2, touch_ids=fast[1:])
    late = publish_version(lake, "GB", 1, raw_seq=1, touch_ids=slow)
    assert (newer.markets_left_alone, newer.touches_cleared) == ((), 1)
    assert (late.publication_id, late.snapshots, late.markets_left_alone) == (None, {}, ("GB",))
    assert late.touches_cleared == 1, "only DE's touch, which nobody else covers"
    assert assert_whole(lake) == {"GB": 2}
    assert [touch.id for touch in lake.pending_touches(["GB", "DE"])] == [1]

    # A market that only the slow run has is published all the same.
    assert publish_version(lake, "DE", 1, raw_seq=1).markets_left_alone == ()
    assert assert_whole(lake) == {"DE": 1, "GB": 2}


def test_arrivals_side_by_side_commit_their_ids_in_order(tmp_path: Path, catalog_uri: str) -> None:
    count = 4
    finish(*(in_process(append_many, tmp_path, catalog_uri, source, count) for source in ("one", "two")))
    lake = lake_at(tmp_path, catalog_uri)
    assert lake.raw_seq() == 2 * count
    assert [batch for batch, _ in lake.arrived_files()] == list(range(1, 2 * count + 1))
    for raw_seq in range(2 * count + 1):
        files = lake.data_files("raw.orders", lake.raw_snapshots(["orders"], raw_seq)["orders"])
        assert sum(file.rows for file in files) == raw_seq, "a snapshot holds exactly the batches up to its own"


def test_publishing_does_not_wait_for_an_arrival(tmp_path: Path, catalog_uri: str) -> None:
    lake = lake_at(tmp_path, catalog_uri)
    with lake.arrivals_lock():
        finish(in_process(publish_many, tmp_path, catalog_uri, "GB", 1, 1))
    assert [row[2] for row in published_rows(lake, LEFT)] == [1, 1, 1]


def test_processes_that_create_the_lake_at_once_agree(tmp_path: Path, catalog_uri: str) -> None:
    markets = ("GB", "DE", "FR", "ES")
    finish(*(in_process(publish_many, tmp_path, catalog_uri, market, 1, 1) for market in markets))
    assert assert_whole(lake_at(tmp_path, catalog_uri)) == dict.fromkeys(sorted(markets), 1)
