"""A small dirty world through arrivals and staging: every certain defect is found, and what is published says so."""

import warnings
from pathlib import Path

import dagster as dg
import pytest

from orchestration.platform import Platform
from orchestration.settings import Settings
from orchestration.simulation.defects.inject import DefectConfig
from orchestration.simulation.judging import judge
from orchestration.simulation.making import WorldPlan, make_world
from orchestration.simulation.one_defect import MARKETS, lines
from orchestration.simulation.world.config import WorldConfig
from orchestration.sql import connect

WORLD = WorldConfig(seed=11, markets=MARKETS, months=2, sellers=100, orders=700)
# What is put into a world of this size at least once, one for each treatment and of each kind of key.
EXPECTED = {"exact_duplicate", "hs_leading_zero", "full_width", "merged_parcel", "gtin_check_digit"}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """The world judged; whatever the tests only read."""
    settings = Settings(home=tmp_path_factory.mktemp("world"), catalog_uri="")
    make_world(WorldPlan(WORLD, settings.inbox, settings.world_truth, 1, DefectConfig(11, 8.0)))
    judge(settings)
    return Platform(settings)


def scored(platform: Platform) -> dg.ExecuteInProcessResult:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        from orchestration.simulation.assets import cleaning_scorecard
    return dg.materialize([cleaning_scorecard], resources={"platform": platform})


def test_the_scorecard_of_a_dirty_world(platform: Platform) -> None:
    metadata = scored(platform).asset_materializations_for_node("quality__cleaning_scorecard")[0].metadata
    assert metadata["misses"].value == "none"
    assert metadata["certain_recall"].value == metadata["worst_certain_recall"].value == 1.0
    assert metadata["false_alarms_per_10k"].value == 0.0
    assert str(metadata["scorecard"].value).startswith("![scorecard of the cleaning](data:image/png;base64,")
    with connect(platform.lake) as con:
        rows = con.sql("select defect_id, injected, caught, treated_right from cleaning_scorecard").fetchall()
        put_in = {row[0]: row for row in rows if row[1]}
        assert set(put_in) >= EXPECTED
        assert len(put_in) > 40
        assert put_in["full_width"][1] == put_in["full_width"][2] == put_in["full_width"][3]
        assert con.sql("select count(*) from cleaning_missed").fetchall() == [(0,)]
        # Each raw row has one state and is scored, but for tombstones, which are accepted and stand nowhere.
        assert con.sql("select count(*) from file_balance where pending <> 0").fetchall() == [(0,)]
        ((read,),) = con.sql("select sum(rows_read) from file_balance where feed <> 'declarations'").fetchall()
        ((judged,),) = con.sql("select sum(records) from cleaning_by_feed where feed <> 'declarations'").fetchall()
        assert judged == read


def test_what_is_said_of_a_record(platform: Platform) -> None:
    from orchestration.simulation.defects.scoring import score
    from orchestration.simulation.outcomes import keyed_truth, read_outcomes, read_truth

    truth = keyed_truth(read_truth(platform.settings.world_truth))
    truth = truth.filter([row == "hs_leading_zero" for row in truth.column("defect_id").to_pylist()])
    outcomes = read_outcomes(platform.lake, truth)
    said = "\n".join(lines(truth, outcomes, score(truth, outcomes), most=1))
    assert "  state: repaired" in said
    assert (
        "hs_code:declaration_lines.hs_leading_zero: The leading zero that a spreadsheet dropped was put back." in said
    )
    assert "verdict: caught, treated right" in said


def test_without_a_world_there_is_no_scorecard(tmp_path: Path) -> None:
    result = scored(Platform(Settings(home=tmp_path, catalog_uri="")))
    metadata = result.asset_materializations_for_node("quality__cleaning_scorecard")[0].metadata
    assert metadata["truth"].value == "none: this installation holds no simulated world"
