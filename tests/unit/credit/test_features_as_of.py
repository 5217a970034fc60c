"""What happened on a day or later is not seen by the features of that day: the clock is moved over a world."""

from datetime import date

import duckdb
import pandas as pd
import pytest

from benchmarks.credit_world_tables import credit_world
from orchestration.credit.characteristics import CHARACTERISTICS
from orchestration.credit.features import features_at, seller_features
from orchestration.credit.targets import HARD, outcomes
from orchestration.simulation.world.config import WorldConfig

T = date(2024, 6, 15)
EARLIER = date(2024, 2, 1)
MILESTONES = (
    "paid_at", "declared_at", "released_at", "shipped_at", "delivered_at", "received_at", "cancelled_at", "stopped_at",
    "lost_at", "returned_to_sender_at", "returned_at", "refunded_at",
)  # fmt: skip
# Rows that begin on a day or later, and moments of earlier rows that come then, with what is known only by them.
BEGINNINGS = {
    "fct_trade_ledger": "ordered_at", "fct_payouts": "settled_at", "stg_disputes": "opened_at",
    "stg_guarantee_claims": "claimed_at", "stg_advances": "paid_out_at", "stg_repayments": "due_on",
    "stg_sellers": "valid_from", "stg_declaration_receipts": "received_at",
}  # fmt: skip
LATER = (
    *(("fct_trade_ledger", name, ()) for name in MILESTONES),
    ("fct_payouts", "received_on", ()),
    ("stg_repayments", "paid_at", ("paid_amount",)),
    ("stg_disputes", "closed_at", ("outcome_code",)),
    ("stg_guarantee_claims", "paid_on", ("paid_amount",)),
)


@pytest.fixture(scope="module")
def world() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    credit_world(WorldConfig(seed=11, sellers=120, orders=9000, months=24, markets=("GB", "JP", "CN")), con)
    return con


def copied(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    found = duckdb.connect()
    found.execute("set TimeZone = 'UTC'")
    names = [name for (name,) in con.execute("select table_name from duckdb_tables()").fetchall()]
    for name in names:
        found.register("incoming", con.sql(f"select * from {name}").to_arrow_table())
        found.execute(f"create table {name} as from incoming")
        found.unregister("incoming")
    for (sql,) in con.execute("select sql from duckdb_views() where not internal").fetchall():
        found.execute(sql)
    return found


def test_a_lake_that_knows_the_future_tells_the_same_as_one_that_ends(world: duckdb.DuckDBPyConnection) -> None:
    """Removed, or false: it makes no difference to the day, and it would to a later one."""
    expected = seller_features(world, T)
    assert len(expected) > 80
    ended, corrupted = copied(world), copied(world)
    for table, column in BEGINNINGS.items():
        ended.execute(f"delete from {table} where {column} >= ?", [T])
    for table, column, beside in LATER:
        gone = ", ".join(f"{name} = null" for name in (column, *beside))
        ended.execute(f"update {table} set {gone} where {column} >= ?", [T])
        corrupted.execute(f"update {table} set {column} = {column} + interval 400 day where {column} >= ?", [T])
    ended.execute("update stg_guarantee_claims set claim_status = 'accepted' where changed_at >= ?", [T])
    corrupted.execute("update stg_guarantee_claims set claim_status = 'recovered' where changed_at >= ?", [T])
    corrupted.execute("update stg_disputes set outcome_code = 'buyer_won' where closed_at >= ?", [T])
    corrupted.execute("update stg_sellers set tax_grade = 'D', fx_grade = 'C' where valid_from >= ?", [T])
    corrupted.execute("update stg_advances set annual_rate_pct = 59 where paid_out_at >= ?", [T])
    corrupted.execute("update fct_trade_ledger set line_amount_usd = 1e6 where ordered_at >= ?", [T])
    corrupted.execute("update fct_payouts set net_amount = -1 where settled_at >= ?", [T])
    for lake in (ended, corrupted):
        pd.testing.assert_frame_equal(seller_features(lake, T), expected, check_dtype=False, rtol=1e-9)
    later = date(2025, 2, 1)
    assert not seller_features(corrupted, later).equals(seller_features(world, later))


def test_several_days_in_one_call_are_each_day_alone(world: duckdb.DuckDBPyConnection) -> None:
    both = features_at(world, [T, EARLIER, T])
    for day in (EARLIER, T):
        alone = both[both["as_of_on"] == day].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone, seller_features(world, day), check_dtype=False, rtol=1e-9)
    assert {item.name for item in CHARACTERISTICS} <= set(both.columns)


def test_outcomes_do_not_see_beyond_the_day_from_which_they_are_told(world: duckdb.DuckDBPyConnection) -> None:
    known_on = date(2025, 1, 1)
    expected = outcomes(world, [EARLIER], HARD, known_on=known_on)
    ended = copied(world)
    ended.execute("delete from stg_repayments where due_on >= ?", [known_on])
    ended.execute("update stg_repayments set paid_at = null where paid_at >= ?", [known_on])
    pd.testing.assert_frame_equal(outcomes(ended, [EARLIER], HARD, known_on=known_on), expected)
    assert "bad" not in set(expected.loc[expected["first_bad_on"].isna(), "outcome"])
