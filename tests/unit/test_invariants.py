"""The daily invariants as promises: what the seed tolerates, what holds a market back, and with which amount."""

import csv
from collections.abc import Iterator

import duckdb
import pytest

from expectations.ledger import invariants
from orchestration.gates.judge import judge
from orchestration.gates.measures import INVARIANT_TABLES, INVARIANTS, ledger
from orchestration.gates.verdict import Verdict, merged
from orchestration.settings import PROJECT_ROOT

SEED = PROJECT_ROOT / "dbt_project" / "seeds" / "invariant.csv"


def seed() -> list[dict[str, str]]:
    with SEED.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """A run's database with the seed and three tables of invariants, all empty."""
    with duckdb.connect() as connection:
        connection.execute("create schema marts; create schema seeds")
        connection.execute(f"create table seeds.invariant as select * from read_csv('{SEED}')")
        for table in INVARIANT_TABLES:
            connection.execute(
                f"create table {table} (market varchar, month varchar, day date, invariant_id varchar, unit varchar,"
                " left_amount decimal(19, 4), right_amount decimal(19, 4), broken_amount decimal(19, 4),"
                " checked_count bigint, broken_count bigint, is_broken boolean, examples varchar)"
            )
        yield connection


def add(
    con: duckdb.DuckDBPyConnection,
    invariant: str,
    market: str,
    *,
    broken: int,
    amount: float,
    whole: float = 10_000,
    day: str = "2026-03-05",
    table: str = INVARIANT_TABLES[0],
) -> None:
    examples = "A1;A2" if broken else ""
    con.execute(
        f"insert into {table} values (?, ?, ?, ?, 'EUR', ?, ?, ?, 100, ?, ?, ?)",
        [market, day[:7], day, invariant, whole - amount, whole, amount, broken, broken > 0, examples],
    )


def verdict_on(con: duckdb.DuckDBPyConnection) -> Verdict:
    (measure,) = [measure for measure in ledger() if measure.suite == "ledger.invariants"]
    frame = con.execute(measure.query).df()
    found = judge(invariants(), frame, table=measure.table, gate="ledger_gate")
    return merged("ledger_gate", set(frame["market"]), [found])


def test_the_suite_the_measure_and_the_seed_speak_of_the_same_nine() -> None:
    severities = {"blocking": "critical", "warning": "warning"}
    promised = {promise.column: str(promise.severity.value) for promise in invariants().expectations}
    assert promised == {row["invariant_id"]: severities[row["severity"]] for row in seed()}
    assert tuple(promised) == INVARIANTS
    assert [int(row["position"]) for row in seed()] == list(range(1, 10))


def test_every_tolerance_has_its_reason_and_source() -> None:
    assert all(row["tolerance_reason"] and row["source"].startswith("domain.md") for row in seed())


def test_a_broken_month_holds_back_its_market_with_the_amount_and_an_order_to_trace(
    con: duckdb.DuckDBPyConnection,
) -> None:
    add(con, "payments_match_orders", "DE", broken=4, amount=100)
    add(con, "payments_match_orders", "DE", broken=2, amount=50, day="2026-03-06")
    # Four orders are too few to judge; six that make three tenths of a percent are what the seed tolerates.
    add(con, "payments_match_orders", "FR", broken=4, amount=900)
    add(con, "payments_match_orders", "IT", broken=6, amount=30)
    verdict = verdict_on(con)
    assert verdict.failed == {"DE"}
    (broken,) = verdict.broken
    assert (broken.promise, broken.table, broken.amounts) == (
        "PaymentsMatchOrders",
        "marts.fct_daily_invariant",
        "150.00 EUR",
    )
    assert verdict.reasons("DE") == ("PaymentsMatchOrders (marts.fct_daily_invariant): 1 rows, 150.00 EUR",)
    assert "2026-03: 150.00 EUR off, in 6 of 200" in broken.examples[0].subject
    assert 'python -m orchestration.trace "A1"' in broken.examples[0].subject


def test_a_warning_lets_the_market_go_and_each_invariant_is_judged_by_itself(con: duckdb.DuckDBPyConnection) -> None:
    add(con, "declared_value_is_explained", "DE", broken=9, amount=500)
    add(con, "allowance_of_a_person", "CN", broken=5, amount=1500, table=INVARIANT_TABLES[1])
    add(con, "rows_are_in_one_state", "FR", broken=1, amount=1, table=INVARIANT_TABLES[2])
    verdict = verdict_on(con)
    assert verdict.failed == {"FR"}
    assert {(entry.promise, entry.market, entry.table, entry.amounts) for entry in verdict.broken} == {
        ("DeclaredValueIsExplained", "DE", "marts.fct_daily_invariant", "500.00 EUR"),
        ("PersonStaysWithinAllowance", "CN", "marts.fct_market_invariant", "1500.00 EUR"),
        ("RowsAreInOneState", "FR", "marts.fct_row_invariant", "1.00 EUR"),
    }
