"""The planning job on its own lake: nothing published gives empty plans; what breaks a promise is not published."""

import warnings
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from orchestration.planning.tables import REORDER, STALE_MARKET
from orchestration.planning.work import PlanningRun, newest_publication
from orchestration.platform import Platform
from orchestration.settings import Settings
from orchestration.sql import connect


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    return Platform(Settings(home=tmp_path, catalog_uri=""))


def planned(platform: Platform) -> dg.ExecuteInProcessResult:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        from orchestration.planning.arrival.assets import arrival_times
        from orchestration.planning.assets import arrival_gate, planning_gate, plans, stale_markets
        from orchestration.planning.capacity.assets import site_capacity
        from orchestration.planning.planner.assets import planners_hand
        from orchestration.planning.stock.assets import stock_plan, stock_proof
    job = dg.Definitions(
        assets=[stale_markets, arrival_times, site_capacity, planners_hand, stock_plan, stock_proof, plans],
        asset_checks=[arrival_gate, planning_gate],
        resources={"platform": platform},
        executor=dg.in_process_executor,
    ).resolve_implicit_global_asset_job_def()
    return job.execute_in_process(raise_on_error=False)


def test_nothing_published_gives_empty_plans(platform: Platform) -> None:
    result = planned(platform)
    assert result.success
    with connect(platform.lake, tables={"reorder", "publications"}) as con:
        assert con.execute("select count(*) from reorder").fetchall() == [(0,)]
        assert con.execute("select count(*) from publications where table_name like 'planning.%'").fetchall()[0][0] >= 8
    # The plans' own publication is no reason to plan again.
    assert newest_publication(platform.lake) == 0


def test_a_run_keeps_its_tables_until_they_are_published_at_once(platform: Platform) -> None:
    run = PlanningRun(platform.settings, platform.lake, "run-1")
    row = {column.name: None for column in REORDER.spec.columns}
    run.keep(REORDER, pd.DataFrame([{**row, "site_code": "X", "product_id": "P", "suggested_qty": 3, "reason": "why"}]))
    run.keep(STALE_MARKET, pd.DataFrame({column.name: [] for column in STALE_MARKET.spec.columns}))
    assert run.read("reorder")["suggested_qty"].tolist() == [3.0]
    with connect(platform.lake, tables={"reorder"}) as con:
        assert con.execute("select count(*) from reorder").fetchall() == [(0,)]
    assert run.publish() > 0
    run.remove()
    assert not run.path.exists()
    with connect(platform.lake, tables={"reorder"}) as con:
        assert con.execute("select site_code, suggested_qty from reorder").fetchall() == [("X", 3.0)]
    with pytest.raises(ValueError, match="it kept no table"):
        PlanningRun(platform.settings, platform.lake, "run-2").publish()


def test_the_gate_names_a_suggestion_that_breaks_its_promise(platform: Platform) -> None:
    from orchestration.gates.gate import run_gate
    from orchestration.gates.measures import WITHOUT_MARKET
    from orchestration.planning.measures import PLANNING_GATE, PLANNING_MEASURES
    from orchestration.planning.tables import TRANSFER_SUGGESTION

    run = PlanningRun(platform.settings, platform.lake, "run-1")
    row = {column.name: None for column in REORDER.spec.columns}
    good = {**row, "site_code": "X", "suggested_qty": 1, "order_up_to_qty": 5, "reorder_point_qty": 4, "reason": "why"}
    broken = [
        {**good, "product_id": "negative", "suggested_qty": -1},
        {**good, "product_id": "silent", "reason": " "},
        {**good, "product_id": "upside down", "reorder_point_qty": 9},
    ]
    run.keep(REORDER, pd.DataFrame([{**good, "product_id": "fine"}, *broken]))
    run.keep(TRANSFER_SUGGESTION, pd.DataFrame({column.name: [] for column in TRANSFER_SUGGESTION.spec.columns}))
    with run.connect() as con:
        measures = [
            one for one in PLANNING_MEASURES if one.table in ("planning.reorder", "planning.transfer_suggestion")
        ]
        verdict = run_gate(con, PLANNING_GATE, measures, {WITHOUT_MARKET}, platform.judges)
    platform.judges.stop()
    assert verdict.blocks
    found = {entry.promise: [example.subject for example in entry.examples] for entry in verdict.broken}
    assert found == {
        "SuggestionIsNeverNegative": ["X negative"],
        "SuggestionHasAReason": ["X silent"],
        "LevelIsAboveReorderPoint": ["X upside down"],
    }
