"""One market from series to rows: coherent, ordered, complete, whatever its models do; and the scores of its past."""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from orchestration.forecasting.candidates import Candidate, MeanOfFourWeeks, NodeForecast
from orchestration.forecasting.engine import QUANTILES
from orchestration.forecasting.market import ForecastPlan, MarketForecast, forecast_market, moved_quantiles
from orchestration.forecasting.nodes import MarketSeries, Nodes, market_series, nodes_of
from orchestration.forecasting.scoring import score
from orchestration.forecasting.selection import Origins
from orchestration.forecasting.tables import FORECAST_COLUMNS, QUANTILE_COLUMNS, SCORE_COLUMNS

FIRST = date(2024, 1, 1)


def shop(days: int, seed: int = 1, products: int = 30) -> MarketSeries:
    """A market with a weekday rhythm, three categories, two subdivisions and orders without one."""
    draw = np.random.default_rng(seed)
    level = draw.gamma(0.6, 2.0, products)
    rhythm = 1 + 0.4 * np.sin(2 * np.pi * np.arange(days) / 7)
    units = draw.poisson(level[:, None] * rhythm)
    row, day = units.nonzero()
    sales = pd.DataFrame(
        {
            "product_key": [f"key{one:02d}" for one in row],
            "product_id": [f"sku{one:02d}" for one in row],
            "category": [("toys", "home", None)[one % 3] for one in row],
            "day": np.datetime64(FIRST, "D") + day,
            "units": units[row, day].astype(float),
        }
    )
    regions = pd.DataFrame(
        {"code": np.where(day % 3 == 0, "GB-ENG", "GB-SCT"), "day": sales["day"], "units": sales["units"]}
    )
    return market_series("GB", sales, regions[day % 5 > 0])


class Fixed:
    """A candidate that says what a test wants."""

    name = "fixed"

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def forecast(self, series: MarketSeries, nodes: Nodes, weeks: int) -> NodeForecast:
        one = MeanOfFourWeeks().forecast(series, nodes, weeks)
        names = np.full(len(one.weekly), self.name, dtype=object)
        return replace(one, weekly=one.weekly * self.factor, model_codes=names)


class Broken:
    name = "broken"

    def forecast(self, series: MarketSeries, nodes: Nodes, weeks: int) -> NodeForecast:
        raise ValueError("singular matrix")


def made(series: MarketSeries, *candidates: Candidate, best_sellers: int = 12) -> MarketForecast:
    plan = ForecastPlan(candidates=candidates or (Fixed(1.0),), best_sellers=best_sellers, origins=Origins((8, 4)))
    return forecast_market(series, plan)


@pytest.fixture(scope="module")
def gb() -> MarketForecast:
    return made(shop(200))


def total(rows: pd.DataFrame, *kinds: str) -> pd.Series:
    return rows[rows["node_type"].isin(kinds)].groupby(["step", "horizon"])["forecast_qty"].sum()


def test_every_grouping_adds_up_to_the_market_and_days_to_weeks(gb: MarketForecast) -> None:
    rows = gb.forecast
    assert list(rows.columns) == list(FORECAST_COLUMNS)
    whole = total(rows, "market")
    assert total(rows, "category").to_numpy() == pytest.approx(whole.to_numpy(), abs=0.01)
    assert total(rows, "subdivision").to_numpy() == pytest.approx(whole.to_numpy(), abs=0.01)
    assert total(rows, "product", "rest").to_numpy() == pytest.approx(whole["week"].to_numpy(), abs=0.01)
    days = rows[(rows["step"] == "day") & (rows["node_type"] == "category")]
    by_week = days.groupby(["node_id", (days["horizon"] - 1) // 7 + 1])["forecast_qty"].sum()
    weeks = rows[(rows["step"] == "week") & (rows["node_type"] == "category")].set_index(["node_id", "horizon"])
    assert by_week.to_numpy() == pytest.approx(weeks["forecast_qty"].sort_index().to_numpy(), abs=0.01)


def test_rows_are_complete_ordered_and_dated(gb: MarketForecast) -> None:
    rows = gb.forecast
    # Three categories (one unknown), two subdivisions and the unknown one.
    assert rows.groupby(["step", "node_type"])["node_id"].nunique().to_dict() == {
        ("day", "market"): 1, ("day", "category"): 3, ("day", "subdivision"): 3,
        ("week", "market"): 1, ("week", "category"): 3, ("week", "subdivision"): 3,
        ("week", "product"): 12, ("week", "rest"): 3,
    }  # fmt: skip
    assert set(rows.loc[rows["step"] == "day", "horizon"]) == set(range(1, 92))
    assert set(rows.loc[rows["step"] == "week", "horizon"]) == set(range(1, 14))
    first = rows[rows["horizon"] == 1]
    made_on = np.datetime64(FIRST, "D") + 200
    assert (first["target_on"].to_numpy() == made_on).all()
    assert set(rows["month"]) == {"2024-07"}
    quantiles = rows[list(QUANTILE_COLUMNS)].to_numpy()
    assert (np.diff(quantiles, axis=1) >= 0).all()
    assert quantiles.min() >= 0


def test_the_better_candidate_is_chosen_and_a_broken_one_is_named() -> None:
    found = made(shop(200), Fixed(3.0), Broken(), Fixed(1.0))
    assert set(found.choices["candidate"]) <= {"fixed", "four_week_mean", "mean_of_models"}
    assert found.failures == (("broken", "ValueError: singular matrix"),)
    market = found.levels[(found.levels["node_type"] == "market") & (found.levels["step"] == "week")].iloc[0]
    assert market["wape"] <= market["mean_wape"] + 1e-9
    assert market["wape"] < 0.3


@pytest.mark.parametrize(("factor", "reason"), [(np.nan, "not_finite"), (-1.0, "negative"), (1e6, "exploding")])
def test_a_mad_model_is_replaced_and_counted(factor: float, reason: str) -> None:
    # Too short for a back-test that would have kept the model out.
    found = made(shop(60), Fixed(factor)).forecast
    products = found[found["node_type"] == "product"]
    assert products["fallback_reason"].str.startswith(reason).all()
    assert products["is_fallback"].all()
    assert set(products["model_code"]) == {"four_week_mean"}
    assert np.isfinite(found["forecast_qty"]).all()


@pytest.mark.parametrize("days", [1, 6, 8, 40])
def test_a_new_market_has_a_forecast_from_its_first_day_on(days: int) -> None:
    found = made(shop(days))
    assert len(found.forecast) > 0
    assert np.isfinite(found.forecast["forecast_qty"]).all()
    assert found.backtest.empty


def test_quantiles_move_with_the_mean_and_stretch_about_the_median() -> None:
    quantiles = np.array([[[2.0, 4, 6, 10, 14, 16, 18, 20]]])
    stretch = np.where(np.asarray(QUANTILES) == 0.975, 2.0, 1.0)
    moved = moved_quantiles(quantiles, np.array([[10.0]]), np.array([[20.0]]), stretch)
    assert moved[0, 0].tolist() == [4, 8, 12, 20, 28, 32, 52, 52]
    none = moved_quantiles(np.zeros((1, 1, 8)), np.zeros((1, 1)), np.array([[2.0]]), stretch)
    assert none[0, 0].tolist() == [0, 0, 1, 2, 3, 4, 5, 6]


@dataclass(frozen=True)
class Night:
    made_on: np.datetime64
    rows: pd.DataFrame


def forecast_of(made_on: np.datetime64, step: str, target: int, kind: str, node: str, qty: float) -> dict[str, object]:
    row = dict.fromkeys(QUANTILE_COLUMNS, qty) | {"p025_qty": 0.0, "p975_qty": 100.0, "p990_qty": 100.0}
    return row | {
        "market": "GB", "month": "2024-01", "node_type": kind, "node_id": node, "step": step, "made_on": made_on,
        "target_on": made_on + target, "horizon": (target if step == "day" else target // 7) + 1,
        "model_code": "m", "forecast_qty": qty,
    }  # fmt: skip


def test_scores_hold_old_forecasts_against_what_is_known_now() -> None:
    # Product a sells 1 a day, b 2 a day and from day 28 on 3 a day; both are in one category.
    days = np.datetime64(FIRST, "D") + np.arange(42)
    sales = pd.DataFrame(
        {
            "product_key": ["a"] * 42 + ["b"] * 42, "product_id": "x", "category": "toys",
            "day": np.tile(days, 2), "units": [1.0] * 42 + [2.0] * 28 + [3.0] * 14,
        }
    )  # fmt: skip
    series = market_series("GB", sales, pd.DataFrame({"code": [], "day": days[:0], "units": []}))
    made_on = days[28]
    kept = pd.DataFrame(
        [
            forecast_of(made_on, "week", 0, "market", "GB", 30.0),
            forecast_of(made_on, "week", 0, "product", "a", 5.0),
            forecast_of(made_on, "week", 0, "rest", "toys", 21.0),
            forecast_of(made_on, "week", 7, "market", "GB", 28.0),
            forecast_of(made_on, "week", 14, "market", "GB", 28.0),  # not yet known
            forecast_of(made_on, "day", 3, "market", "GB", 4.0),
            forecast_of(made_on, "day", 13, "category", "gone", 4.0),  # a node that is no more
        ]
    )
    found = score(kept, series).set_index(["node_type", "step", "horizon"])
    assert list(score(kept, series).columns) == list(SCORE_COLUMNS)
    assert len(found) == 5
    market = found.loc["market", "week", 1]
    # 7 x (1 + 3) sold; last week (the naive forecast without a year before) and the mean were 7 x (1 + 2).
    assert (market["actual_qty"], market["absolute_error_qty"]) == (28.0, 2.0)
    assert (market["naive_absolute_error_qty"], market["mean_absolute_error_qty"]) == (7.0, 7.0)
    assert market["fva_pct"] == pytest.approx(100 * (1 - 2 / 7))
    assert market["bias_pct"] == pytest.approx(100 * 2 / 28)
    assert (market["coverage_80_pct"], market["coverage_95_pct"]) == (0.0, 100.0)
    assert found.loc["market", "week", 2]["wape"] == 0.0
    assert found.loc["market", "day", 4][["actual_qty", "naive_absolute_error_qty"]].tolist() == [4.0, 1.0]
    # b had no row of its own that night: the rest is what it sold.
    assert found.loc["rest", "week", 1][["actual_qty", "absolute_error_qty"]].tolist() == [21.0, 0.0]
    assert found.loc["product", "week", 1]["bias_pct"] == pytest.approx(100 * -2 / 7)


def test_best_sellers_are_those_of_the_last_half_year() -> None:
    series = shop(400)
    nodes = nodes_of(
        replace(series, units=np.hstack([series.units[:, :200] * 100, series.units[:, 200:]])), best_sellers=5
    )
    recent = series.units[:, -182:].sum(axis=1)
    assert sorted(nodes.product_row[nodes.product_row >= 0]) == sorted(np.argsort(-recent, kind="stable")[:5])
    weekly = nodes.weekly(series)
    assert np.abs(nodes.tree.constraints() @ weekly).max() < 1e-9
