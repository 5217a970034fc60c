"""The demand forecast as a whole: its tables, bad series beside good ones, and what must not change it."""

import subprocess
import sys
from datetime import date, timedelta

import duckdb
import numpy as np
import pandas as pd
import pytest

from orchestration.forecasting.weekly_demand import (
    BACKTEST_COLUMNS,
    BACKTEST_KEY,
    FORECAST_COLUMNS,
    FORECAST_KEY,
    DemandPlan,
    DemandResult,
    forecast_demand,
)

MONDAY = date(2023, 1, 2)
WEEKS = 30


def sales(market: str, product: str, units: list[float], *, first: date = MONDAY) -> pd.DataFrame:
    """One sale a week, on its Sunday, so that the last week is complete."""
    days = [first + timedelta(days=7 * week + 6) for week in range(len(units))]
    frame = pd.DataFrame({"market": market, "product_key": product, "sold_on": days, "units": units})
    return frame[frame["units"] != 0]


def noise(seed: int) -> list[float]:
    return np.random.default_rng(seed).poisson(20, WEEKS).astype(float).tolist()


GOOD = pd.concat([sales("GB", "g1", noise(1)), sales("GB", "g2", noise(2)), sales("FR", "f1", noise(3))])
# A series of its own market each, so that its market's last day is the series' own business.
BAD = {
    "single_point": [8.0],
    "all_zeros": [0.0] * WEEKS,
    "constant": [5.0] * WEEKS,
    "gaps": [12.0, 0, 0, 0, 0, 0, 0, 0, 0, 12.0] * 3,
    "negative": [-4.0] * WEEKS,
    "outlier": [10.0] * (WEEKS - 1) + [10_000.0],
}


@pytest.fixture(scope="module")
def result() -> DemandResult:
    bad = [sales(name, "p", units) for name, units in BAD.items()]
    # An unfinished week only: no history yet.
    young = pd.DataFrame({"market": ["young"], "product_key": ["p"], "sold_on": [MONDAY], "units": [3.0]})
    return forecast_demand(pd.concat([GOOD, *bad, young], ignore_index=True))


def forecast_of(result: DemandResult, market: str, node: str = "product") -> pd.DataFrame:
    rows = result.forecast[(result.forecast["market"] == market) & (result.forecast["node"] == node)]
    return rows.reset_index(drop=True)


def test_bad_series_stop_no_other(result: DemandResult):
    alone = forecast_demand(GOOD)
    is_good = result.forecast["market"].isin(["GB", "FR"])
    pd.testing.assert_frame_equal(result.forecast[is_good].reset_index(drop=True), alone.forecast)
    assert set(result.forecast["market"]) == {"GB", "FR", "single_point", "constant", "gaps", "outlier"}
    assert np.isfinite(result.forecast.filter(like="_qty").to_numpy(float)).all()


def test_a_single_point_is_forecast_by_the_four_week_mean_and_says_so(result: DemandResult):
    rows = forecast_of(result, "single_point")
    assert rows["forecast_qty"].tolist() == [2.0] * 4
    assert rows["is_fallback"].all()
    assert rows["fallback_reason"].unique().tolist() == ["short_history: fewer than 2 weeks"]
    assert rows["made_on"].unique().tolist() == [date(2023, 1, 9)]
    # One week says nothing of the spread: its own level stands in, and the band reaches from zero to many times it.
    assert rows["lower_95_qty"].tolist() == [0.0] * 4
    assert rows["upper_95_qty"].tolist() == pytest.approx([(2**0.5 + 1.959964 * 8**0.5) ** 2] * 4, abs=1e-3)


@pytest.mark.parametrize("market", ["all_zeros", "negative", "young"])
def test_a_market_without_a_week_of_sales_has_no_rows(result: DemandResult, market: str):
    assert forecast_of(result, market).empty
    named = {"negative", "young"}  # zeros leave no row in the mart, so that market is not even known here
    assert (market in result.markets_without_history) == (market in named)


def test_a_constant_is_forecast_as_itself_with_a_band_of_counts(result: DemandResult):
    for node in ("market", "product"):
        rows = forecast_of(result, "constant", node)
        assert rows["forecast_qty"].tolist() == [5.0] * 4
        assert not rows["is_fallback"].any()
    # Its back-test never erred, so neither band leaves the point.
    assert rows["upper_95_qty"].tolist() == [5.0] * 4


def test_gaps_are_weeks_without_sales(result: DemandResult):
    rows = forecast_of(result, "gaps")
    assert not rows["is_fallback"].any()
    assert 0 < rows["forecast_qty"].iloc[0] < 6
    assert rows["lower_80_qty"].tolist() == [0.0] * 4


def test_a_thousandfold_outlier_is_not_forecast_for_weeks(result: DemandResult):
    rows = forecast_of(result, "outlier")
    assert rows["forecast_qty"].tolist() == pytest.approx([38.4] * 4, abs=0.1)
    naive = result.backtest.query("market == 'outlier'")
    assert naive["actual_qty"].max() == 10_000


def test_every_week_of_every_horizon_is_there_once_and_in_order(result: DemandResult):
    assert tuple(result.forecast.columns) == FORECAST_COLUMNS
    assert tuple(result.backtest.columns) == BACKTEST_COLUMNS
    for table, key in ((result.forecast, FORECAST_KEY), (result.backtest, BACKTEST_KEY)):
        assert not table.duplicated(list(key)).any()
        pd.testing.assert_frame_equal(table, table.sort_values(list(key)).reset_index(drop=True))
    rows = forecast_of(result, "GB", "market")
    assert rows["made_on"].unique().tolist() == [MONDAY + timedelta(weeks=WEEKS)]
    assert rows["target_on"].tolist() == [MONDAY + timedelta(weeks=WEEKS + ahead) for ahead in range(4)]
    assert rows["horizon_weeks"].tolist() == [1, 2, 3, 4]
    assert rows["product_key"].unique().tolist() == [""]


def test_bands_lie_around_the_point_and_in_each_other(result: DemandResult):
    table = result.forecast
    columns = ["lower_95_qty", "lower_80_qty", "forecast_qty", "upper_80_qty", "upper_95_qty"]
    ordered = table[columns].to_numpy(float)
    assert (np.diff(ordered, axis=1) >= 0).all()
    assert (ordered >= 0).all()


def test_the_back_test_holds_the_model_and_both_baselines(result: DemandResult):
    rows = result.backtest.query("market == 'GB' and node == 'product'")
    counts = rows.groupby("model_code").size().to_dict()
    assert counts == {"four_week_mean": 32, "last_value": 32, "level_smoothing": 32}  # 2 products, 4 origins, 4 weeks


def test_the_first_origin_does_not_know_the_parameters_of_later_weeks():
    calm = noise(1)
    ramp = calm[:20] + [100.0 * week for week in range(1, WEEKS - 19)]
    first_origin = MONDAY + timedelta(weeks=20)
    told = []
    for units in (calm, ramp):
        table = forecast_demand(sales("GB", "p", units)).backtest
        told.append(table[table["origin_on"] == first_origin]["forecast_qty"].tolist())
    assert told[0] == told[1]
    assert len(told[0]) == 2 * 3 * 4  # nodes, models, weeks


def test_neither_the_order_of_rows_nor_other_markets_change_a_forecast():
    whole = forecast_demand(GOOD)
    shuffled = forecast_demand(GOOD.sample(frac=1, random_state=5))
    pd.testing.assert_frame_equal(whole.forecast, shuffled.forecast)
    pd.testing.assert_frame_equal(whole.backtest, shuffled.backtest)
    alone = forecast_demand(GOOD[GOOD["market"] == "GB"])
    of_market = whole.forecast[whole.forecast["market"] == "GB"].reset_index(drop=True)
    pd.testing.assert_frame_equal(of_market, alone.forecast)


def test_fallbacks_are_counted_by_market_node_and_reason(result: DemandResult):
    reason = "short_history: fewer than 2 weeks"
    assert result.fallbacks().to_numpy().tolist() == [
        ["single_point", "market", reason, 1],
        ["single_point", "product", reason, 1],
    ]


def test_the_plan_rules_how_far_and_how_many():
    short = forecast_demand(GOOD, DemandPlan(horizon_weeks=2, best_sellers=1))
    assert len(short.forecast) == 2 * 2 * 2  # markets, nodes, weeks
    assert forecast_of(short, "GB")["product_key"].nunique() == 1


def test_a_closing_day_lets_a_silent_market_fade():
    closed = forecast_demand(sales("GB", "p", [20.0] * 12), DemandPlan(closed_on=date(2023, 12, 31)))
    rows = forecast_of(closed, "GB", "market")
    assert rows["made_on"].unique().tolist() == [date(2024, 1, 1)]
    assert rows["forecast_qty"].max() < 0.5


def test_nothing_sold_anywhere_gives_empty_tables_with_their_columns():
    empty = forecast_demand(GOOD.iloc[:0])
    assert tuple(empty.forecast.columns) == FORECAST_COLUMNS
    assert tuple(empty.backtest.columns) == BACKTEST_COLUMNS
    assert empty.fallbacks().empty


def test_duckdb_reads_days_as_dates_and_figures_as_numbers(result: DemandResult):
    forecast = result.forecast  # noqa: F841  # DuckDB finds it by name
    described = dict(duckdb.sql("select column_name, column_type from (describe select * from forecast)").fetchall())
    assert (described["made_on"], described["target_on"]) == ("DATE", "DATE")
    assert (described["horizon_weeks"], described["is_fallback"]) == ("BIGINT", "BOOLEAN")
    assert {described[name] for name in FORECAST_COLUMNS if name.endswith("_qty")} == {"DOUBLE"}


def test_importing_the_maths_loads_no_orchestrator_and_nothing_slow():
    code = (
        "import sys, orchestration.forecasting.weekly_demand, orchestration.forecasting.plots, "
        "orchestration.forecasting.verdicts; "
        "print(*({'dagster', 'statsmodels', 'scipy', 'matplotlib', 'PIL'} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == ""
