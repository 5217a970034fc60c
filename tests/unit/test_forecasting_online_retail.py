"""The forecast on real records: UCI Online Retail, 53 weeks, 38 countries; what it is worth, and where it loses."""

import os
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from orchestration.forecasting.backtest import pooled_scores, scores
from orchestration.forecasting.verdicts import loses
from orchestration.forecasting.weekly_demand import DemandResult, forecast_demand

SHARED = Path(os.environ.get("TRADEWIND_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
ONLINE_RETAIL = SHARED / "online_retail" / "online_retail_2010_2011.parquet"
# What the mart holds, in short: sales of products at a price, identical rows once.
DAILY = r"""
    select "Country" as market, "StockCode" as product_key, "InvoiceDate"::date as sold_on,
        sum("Quantity")::bigint as units
    from (select distinct * from read_parquet(?))
    where "Quantity" > 0 and "UnitPrice" > 0 and regexp_matches("StockCode", '^[0-9]{5}')
    group by all
"""
LARGEST = ("United Kingdom", "Netherlands", "EIRE", "Germany", "France", "Australia", "Sweden", "Switzerland", "Spain")


@pytest.fixture(scope="module")
def result() -> DemandResult:
    if not ONLINE_RETAIL.exists():
        pytest.skip(f"no shared data: {ONLINE_RETAIL.name} is not under {SHARED}")
    with duckdb.connect() as con:
        return forecast_demand(con.execute(DAILY, [str(ONLINE_RETAIL)]).df())


def wapes(scored: pd.DataFrame, node: str) -> dict[str, float]:
    rows = scored[scored["node"] == node]
    return dict(zip(rows["model_code"], rows["wape"], strict=True))


def test_every_market_with_a_complete_week_is_forecast(result: DemandResult):
    assert result.markets_without_history == ("Brazil", "Lebanon", "RSA", "Saudi Arabia")
    assert result.forecast["market"].nunique() == 34
    assert result.rows_left_out == 0
    assert np.isfinite(result.forecast.filter(like="_qty").to_numpy(float)).all()


def test_all_markets_together_the_model_is_better_than_both_baselines(result: DemandResult):
    pooled = pooled_scores(scores(result.backtest))
    assert wapes(pooled, "market") == pytest.approx(
        {"damped_trend_smoothing": 0.263, "last_value": 0.388, "four_week_mean": 0.292}, abs=0.003
    )
    assert wapes(pooled, "product") == pytest.approx(
        {"level_smoothing": 0.819, "last_value": 1.161, "four_week_mean": 0.943}, abs=0.005
    )


def test_before_christmas_it_forecasts_too_little_as_every_flat_forecast_does(result: DemandResult):
    pooled = pooled_scores(scores(result.backtest)).set_index(["node", "model_code"])["bias"]
    assert pooled["market", "damped_trend_smoothing"] == pytest.approx(-0.142, abs=0.003)
    assert pooled["product", "level_smoothing"] == pytest.approx(-0.126, abs=0.005)


def test_in_the_largest_markets_it_loses_two_totals_by_about_a_percent(result: DemandResult):
    lost = [loss for loss in loses(scores(result.backtest)) if loss.market in LARGEST]
    assert [loss.sentence for loss in lost] == [
        "Netherlands, total: WAPE 0.952 against 0.942 of the four-week mean, 1.1 % worse",
        "EIRE, total: WAPE 0.587 against 0.582 of the four-week mean, 1.0 % worse",
    ]


def test_only_series_of_one_week_fall_back(result: DemandResult):
    fallbacks = result.fallbacks()
    assert fallbacks["fallback_reason"].unique().tolist() == ["short_history: fewer than 2 weeks"]
    assert fallbacks.groupby("node")["series_count"].sum().to_dict() == {"market": 1, "product": 61}
