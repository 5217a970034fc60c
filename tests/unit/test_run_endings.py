"""Publications that follow the tables: none binds another, and the last one removes the run's database."""

from pathlib import Path

from orchestration.lake import Column, TableSpec
from orchestration.modeling.manifest import PublishedModel
from orchestration.runs import RunDatabase
from orchestration.runs.database import HeldMarket
from orchestration.settings import Settings


def own_model(layer: str) -> PublishedModel:
    spec = TableSpec(f"{layer}.figures", (Column("market", "varchar"),), partition="market")
    return PublishedModel("figures", layer, spec)


def opened(home: Path) -> RunDatabase:
    """A run of three markets with a table of forecasts and one of customers."""
    run = RunDatabase(Settings(home=home), "root-run")
    run.path.parent.mkdir(parents=True)
    with run.connect() as con:
        con.execute("create schema plan")
        con.execute(
            "create table plan.held_back (market varchar, gate varchar, reason varchar,"
            " primary key (market, gate, reason))"
        )
        con.execute("create table plan.mart_places (market varchar, month varchar)")
        for layer in ("forecasting", "customers"):
            con.execute(f"create schema {layer}")
            con.execute(f"create table {layer}.figures as select unnest(['DE', 'FR', 'GB']) as market")
    return run


def markets_of(run: RunDatabase, layer: str) -> list[str]:
    with run.connect() as con:
        return [str(row[0]) for row in con.execute(f"select market from {layer}.figures order by all").fetchall()]


def test_what_one_gate_holds_back_another_publishes(tmp_path: Path) -> None:
    run = opened(tmp_path)
    run.hold_back([HeldMarket("DE", "staging_gate", "half of it is unread")], [], {})
    run.hold_back([HeldMarket("FR", "forecast_gate", "no number")], [own_model("forecasting")], {})
    run.hold_back([HeldMarket("GB", "customer_gate", "an amount is lost")], [own_model("customers")], {})
    assert markets_of(run, "forecasting") == ["GB"]
    assert markets_of(run, "customers") == ["FR"]
    assert {one.market for one in run.held_back("forecast_gate")} == {"DE", "FR"}
    assert {one.market for one in run.held_back("customer_gate")} == {"DE", "GB"}
    assert {one.market for one in run.held_back()} == {"DE", "FR", "GB"}


def test_the_last_publication_removes_the_database(tmp_path: Path) -> None:
    run = opened(tmp_path)
    steps = ("publication/forecasts", "publication/customers")
    assert not run.end("publication/customers", steps)
    # A retry ends the same step again.
    assert not run.end("publication/customers", steps)
    assert run.exists
    assert run.end("publication/forecasts", steps)
    assert not run.exists
