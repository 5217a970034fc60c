"""Small tables, publishers and readers for the lake's tests; publishers run as real processes.

Belongs here: what more than one of the lake's test files needs. Does not: assertions about one rule.
"""

import functools
import multiprocessing
import multiprocessing.process
import random
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyiceberg.io.pyarrow  # noqa: F401  loaded once by the fork server, not by every process

from orchestration.lake import (
    Column,
    FileRecord,
    Lake,
    Place,
    PublishRequest,
    PublishResult,
    RawFeed,
    TableSpec,
    Touch,
    publishing,  # noqa: F401  the same
)
from orchestration.settings import Settings

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
# As a timestamp column gives it back: UTC without a zone.
STORED_MOMENT = MOMENT.replace(tzinfo=None)
MONTHS = ("2026-01", "2026-02", "2026-03")


def spec_of(name: str, *extra: Column) -> TableSpec:
    """A small table by market and month."""
    columns = (Column("market", "varchar"), Column("month", "varchar"), Column("version", "bigint"), *extra)
    return TableSpec(name, columns, "market_month")


LEFT, RIGHT = spec_of("marts.left_side"), spec_of("marts.right_side")


def lake_at(home: Path, catalog_uri: str = "") -> Lake:
    """A lake in this folder, on SQLite unless an address is given."""
    return Lake(Settings(home=home, catalog_uri=catalog_uri))


def rows_sql(market: str, version: int, months: Iterable[str] = MONTHS) -> str:
    """A relation with one row per month, each saying this version."""
    values = ", ".join(f"('{market}', '{month}', {version}::bigint)" for month in months)
    return f"(select * from (values {values}) as t(market, month, version))"


def publish_version(
    lake: Lake,
    market: str,
    version: int,
    *,
    raw_seq: int = 0,
    specs: Iterable[TableSpec] = (LEFT, RIGHT),
    months: Iterable[str] = MONTHS,
    touch_ids: Iterable[int] = (),
) -> PublishResult:
    """Publish the same version number into every table, for all months of one market."""
    months = tuple(months)
    with duckdb.connect() as con:
        staged = [lake.stage(con, rows_sql(market, version, months), spec, f"{market}-{version}") for spec in specs]
    places = {Place(market, month) for month in months}
    return lake.publish(
        PublishRequest(
            run_id=f"{market}-{version}",
            raw_seq=raw_seq,
            staged=[(one, places) for one in staged],
            touch_ids=list(touch_ids),
        )
    )


def published_rows(lake: Lake, spec: TableSpec, namespace: str = "published") -> list[tuple[object, ...]]:
    """All rows that readers see of a table, sorted."""
    pin = lake.pins(namespace).get(spec.name)
    files = [] if pin is None else lake.data_files(pin.table, pin.snapshot_id)
    with duckdb.connect() as con:
        return sorted(con.execute(f"select * from {lake.relation_sql(spec, files)}").fetchall())


def versions(lake: Lake, specs: Iterable[TableSpec] = (LEFT, RIGHT)) -> dict[str, dict[str, int]]:
    """Per table and market the one version that all its months show, all tables read by one set of pins."""
    pins = lake.pins()
    found: dict[str, dict[str, int]] = {}
    with duckdb.connect() as con:
        for spec in specs:
            pin = pins.get(spec.name)
            files = [] if pin is None else lake.data_files(pin.table, pin.snapshot_id)
            rows = con.execute(
                "select market, min(version), max(version), count(*), count(distinct month) "
                f"from {lake.relation_sql(spec, files)} group by market"
            ).fetchall()
            for market, least, most, count, months in rows:
                assert least == most, f"{spec.name}: {market} shows the versions {least} and {most} at once"
                assert count == months == len(MONTHS), f"{spec.name}: {market} has {count} rows in {months} months"
            found[spec.name] = {market: least for market, least, *_ in rows}
    return found


def assert_whole(lake: Lake) -> dict[str, int]:
    """The version per market, after asserting that both tables show the same."""
    found = versions(lake)
    assert found[LEFT.name] == found[RIGHT.name], f"torn: {found}"
    return found[LEFT.name]


def raw_rows(con: duckdb.DuckDBPyConnection, name: str, rows: Iterable[Mapping[str, object]]) -> RawFeed:
    """A table `name` of raw orders; each row gives what differs from the defaults."""
    defaults: dict[str, object] = {
        "order_no": "1",
        "currency_code": "GBP",
        "_source_id": "shop",
        "_file": "orders.csv",
        "_row": 1,
        "_content_hash": "c" * 32,
        "_raw": "{}",
        "_repairs": "",
        "_document_key": "d" * 32,
        "_record_key": "d" * 32,
        "_order_key": None,
        "_version": 0,
        "_event_at": "",
        "_market": "GB",
        "_month": "2026-01",
    }
    whole = ("_row", "_version")
    columns = ", ".join(f'"{key}" {"bigint" if key in whole else "varchar"}' for key in defaults)
    con.execute(f"create or replace table {name} ({columns})")
    for row in rows:
        con.execute(f"insert into {name} values ({', '.join('?' * len(defaults))})", list({**defaults, **row}.values()))
    return RawFeed(name, ("order_no", "currency_code"))


def append_orders(lake: Lake, sha256: str, rows: Iterable[Mapping[str, object]], touches: Iterable[Touch] = ()) -> int:
    """One batch of raw orders from one file."""
    rows = list(rows)
    with duckdb.connect() as con:
        return lake.append_batch(
            con,
            feeds={"orders": raw_rows(con, "new_orders", rows)},
            files=[FileRecord("orders.csv", sha256, 10, "loaded", "", "shop", {"orders": len(rows)})],
            edges=None,
            placements=None,
            touches=list(touches),
            loaded_at=MOMENT,
        )


# ---------------------------------------------------------------- processes


def in_process(task: Callable[..., None], *arguments: object) -> multiprocessing.process.BaseProcess:
    """A started process that runs the task; the fork server spares each one the imports."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.lake_helpers"])
    process = context.Process(target=task, args=arguments, daemon=True)
    process.start()
    return process


def finish(*processes: multiprocessing.process.BaseProcess, within: float = 60) -> None:
    """Wait for processes and assert that each ended well."""
    deadline = time.monotonic() + within
    for process in processes:
        process.join(max(0.1, deadline - time.monotonic()))
        assert process.exitcode == 0, f"{process.name} ended with {process.exitcode}"


def publish_many(home: Path, catalog_uri: str, market: str, first: int, count: int) -> None:
    """Publish `count` versions of a market, one after the other."""
    lake = lake_at(home, catalog_uri)
    for version in range(first, first + count):
        publish_version(lake, market, version)


def publish_forever(home: Path, catalog_uri: str, market: str, first: int) -> None:
    """Publish until killed."""
    publish_many(home, catalog_uri, market, first, 10**9)


def append_many(home: Path, catalog_uri: str, source: str, count: int) -> None:
    """Append `count` batches, each with a row of its own."""
    lake = lake_at(home, catalog_uri)
    for number in range(count):
        append_orders(lake, f"{source}-{number}", [{"order_no": f"{source}-{number}", "_source_id": source}])


def kill_at_random(home: Path, catalog_uri: str, markets: Iterable[str], kills: int, chance: random.Random) -> None:
    """Start a publisher per market and kill it with signal 9 at a random moment, until `kills` have died.

    Each is let to publish once, so that it dies at work and not at its start, however busy the machine is.
    """
    lake = lake_at(home, catalog_uri)
    markets = tuple(markets)
    for turn in range(1, 1 + kills // len(markets)):
        first = 1000 * turn
        running = {market: in_process(publish_forever, home, catalog_uri, market, first) for market in markets}
        for market, process in running.items():
            wait_until(functools.partial(has_published, lake, market, first))
            time.sleep(chance.uniform(0, 0.4))
            assert process.is_alive()
            process.kill()
            process.join()


def has_published(lake: Lake, market: str, version: int) -> bool:
    """Whether the market shows this version or a later one."""
    runs = [state.run_id for state in lake.place_states(table=LEFT.name, markets=[market])]
    return any(int(run.split("-")[1]) >= version for run in runs)


def wait_until(is_done: Callable[[], bool], within: float = 60) -> None:
    """Return as soon as `is_done`; fail when that takes too long."""
    deadline = time.monotonic() + within
    while not is_done():
        assert time.monotonic() < deadline, f"not done within {within} s"
        time.sleep(0.01)
