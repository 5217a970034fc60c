"""What the staging gate measures: the share of a market's value that is unresolved, whatever the size of a feed."""

from collections.abc import Iterator

import duckdb
import pytest

from orchestration.gates.measures import WITHOUT_MARKET, Measure, reference, staged_batch

FEEDS = ("order_lines", "disputes", "sessions", "forecast_overrides")


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """A run's database with raw and judged tables of a few feeds, all empty."""
    with duckdb.connect() as connection:
        connection.execute("create schema raw")
        connection.execute("create schema staging")
        for feed in FEEDS:
            connection.execute(f"create table raw.{feed} (_market varchar)")
            connection.execute(
                f"create table staging.stg_{feed}_judged"
                " (_market varchar, state varchar, rules varchar, value_amount decimal(19, 4), _file varchar, _row int,"
                " _record_key varchar, _version bigint, _event_at timestamp)"
            )
        yield connection


def add(con: duckdb.DuckDBPyConnection, feed: str, state: str, rows: int, value: float | None, market: str) -> None:
    con.execute(f"insert into raw.{feed} select ? from range({rows})", [market])
    con.execute(
        f"insert into staging.stg_{feed}_judged"
        f" select ?, ?, '{feed}.rule', ?, 'a.csv', range, null, null, null from range({rows})",
        [market, state, value],
    )


def measured(con: duckdb.DuckDBPyConnection, measure: Measure) -> dict[tuple[str, str], tuple[object, ...]]:
    rows = con.execute(measure.query).fetchall()
    return {(market, subject): (table, *figures) for market, table, subject, *figures in rows}


def test_value_is_held_against_the_trade_of_the_market(con: duckdb.DuckDBPyConnection) -> None:
    add(con, "order_lines", "accepted", 99, 10, "DE")
    add(con, "order_lines", "quarantined", 5, 2, "DE")
    add(con, "order_lines", "superseded", 50, 10, "DE")
    # Half of the disputes are a hundredth of the market.
    add(con, "disputes", "accepted", 1, 10, "DE")
    add(con, "disputes", "quarantined", 5, 2, "DE")
    # Without any trade beside it a feed is held against itself.
    add(con, "disputes", "accepted", 3, 10, "FR")
    add(con, "disputes", "quarantined", 1, 10, "FR")
    add(con, "disputes", "quarantined", 1, 10, "ZZ")
    # One order of a small month is above half a percent, and says nothing of the source.
    add(con, "order_lines", "accepted", 99, 10, "IT")
    add(con, "order_lines", "quarantined", 1, 10, "IT")
    (measure,) = staged_batch(FEEDS)
    assert measured(con, measure) == {
        ("DE", "order_lines"): ("staging.stg_order_lines", 0, 1.0, 0.0),
        ("DE", "disputes"): ("staging.stg_disputes", 0, 1.0, 0.0),
        ("FR", "disputes"): ("staging.stg_disputes", 0, 25.0, 0.0),
        ("IT", "order_lines"): ("staging.stg_order_lines", 0, 0.0, 0.0),
    }
    assert measure.speaks_of == tuple(f"staging.stg_{feed}" for feed in FEEDS)


def test_rows_are_judged_from_ten_bad_ones_on_and_missing_ones_at_once(con: duckdb.DuckDBPyConnection) -> None:
    add(con, "sessions", "accepted", 1, None, "DE")
    add(con, "sessions", "quarantined", 9, None, "DE")
    add(con, "sessions", "accepted", 90, None, "FR")
    add(con, "sessions", "quarantined", 10, None, "FR")
    con.execute("insert into raw.sessions values ('FR'), ('IT')")
    add(con, "forecast_overrides", "quarantined", 30, None, "DE")
    (measure,) = staged_batch(FEEDS)
    found = measured(con, measure)
    # A planner's file of many mistakes holds no market back.
    assert found["DE", "forecast_overrides"][1:] == (0, None, 0.0)
    assert found["DE", "sessions"][1:] == (0, None, 0.0)
    assert found["FR", "sessions"][1:] == (1, None, 10.0)
    assert found["IT", "sessions"][1] == 1


def test_what_a_newer_version_has_mended_is_resolved_and_an_older_one_mends_nothing(
    con: duckdb.DuckDBPyConnection,
) -> None:
    con.execute("insert into raw.disputes select 'DE' from range(6)")
    con.execute(
        """
        insert into staging.stg_disputes_judged values
            ('DE', 'quarantined', 'r', 1000, 'a', 1, 'mended by version', 1, '2026-03-01'),
            ('DE', 'accepted', '', 10, 'b', 1, 'mended by version', 2, '2026-03-01'),
            ('DE', 'quarantined', 'r', 1000, 'a', 2, 'mended later', null, '2026-03-01'),
            ('DE', 'repaired', '', 10, 'b', 2, 'mended later', null, '2026-03-02'),
            ('DE', 'quarantined', 'r', 10, 'b', 3, 'broken later', 2, '2026-03-01'),
            ('DE', 'accepted', '', 10, 'a', 3, 'broken later', 1, '2026-03-02')
        """
    )
    (measure,) = staged_batch(FEEDS)
    assert measured(con, measure)["DE", "disputes"] == ("staging.stg_disputes", 0, 25.0, 0.0)


def test_reference_data_are_judged_feed_by_feed_even_when_there_are_none(con: duckdb.DuckDBPyConnection) -> None:
    add(con, "disputes", "quarantined", 10, 1, "")
    add(con, "disputes", "accepted", 30, 1, "")
    (measure,) = reference(FEEDS)
    assert measured(con, measure) == {
        (WITHOUT_MARKET, "disputes"): ("staging.stg_disputes", 0, None, 25.0),
        (WITHOUT_MARKET, "forecast_overrides"): ("staging.stg_forecast_overrides", 0, None, 0.0),
        (WITHOUT_MARKET, "order_lines"): ("staging.stg_order_lines", 0, None, 0.0),
        (WITHOUT_MARKET, "sessions"): ("staging.stg_sessions", 0, None, 0.0),
    }
    examples = con.execute(measure.examples.format(table="staging.stg_disputes"), [WITHOUT_MARKET]).fetchall()
    assert examples[0] == ("disputes.rule", "a.csv", 0, "disputes")
