"""Back-test: origins, no look ahead, scores and losses with their values, the sentences of a check."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from orchestration.forecasting.backtest import Origins, backtest_node, losses, pooled_scores, scores
from orchestration.forecasting.series import MarketWeeks
from orchestration.forecasting.smoothing import level_smoothing
from orchestration.forecasting.verdicts import loses
from orchestration.forecasting.weekly import LastValue

WEEKS = np.datetime64("2024-01-01") + np.timedelta64(7, "D") * np.arange(20)


def market(units: list[list[float]]) -> MarketWeeks:
    keys = tuple("abcdefgh"[: len(units)])
    return MarketWeeks("GB", WEEKS[: len(units[0])], keys, np.asarray(units, dtype=float))


def backtested(
    weeks: MarketWeeks, *, origins: list[int], best_sellers: int = 100, node: str = "product"
) -> pd.DataFrame:
    return backtest_node(
        weeks, node, level_smoothing(), origins=origins, horizon=2, min_weeks=2, best_sellers=best_sellers
    )


def scored(*rows: tuple[str, str, str, float, float]) -> pd.DataFrame:
    """Scores of a back-test with one week per row: market, node, model, forecast, actual."""
    return scores(pd.DataFrame(rows, columns=["market", "node", "model_code", "forecast_qty", "actual_qty"]))


@pytest.mark.parametrize(
    ("week_count", "known"),
    [(53, [43, 45, 47, 49]), (15, [9, 11]), (12, [8]), (11, []), (0, [])],
)
def test_origins_lie_two_weeks_apart_and_leave_a_whole_horizon(week_count: int, known: list[int]):
    assert Origins().of(week_count, horizon=4) == known


def test_each_origin_is_compared_with_the_weeks_that_followed():
    table = backtested(market([[5, 6, 7, 8, 9, 10]]), origins=[3, 4], node="market")
    last = table[table["model_code"] == "last_value"]
    assert last["origin_on"].tolist() == [date(2024, 1, 22)] * 2 + [date(2024, 1, 29)] * 2
    assert last["target_on"].tolist() == [date(2024, 1, 22), date(2024, 1, 29), date(2024, 1, 29), date(2024, 2, 5)]
    assert last["horizon_weeks"].tolist() == [1, 2, 1, 2]
    assert last["forecast_qty"].tolist() == [7, 7, 8, 8]
    assert last["actual_qty"].tolist() == [8, 9, 9, 10]
    assert last["product_key"].unique().tolist() == [""]


def test_a_forecast_sees_nothing_after_its_origin():
    weeks = market(np.random.default_rng(1).poisson(9, (3, 20)).tolist())
    other_future = weeks.units.copy()
    other_future[:, 14:] = 1000.0
    columns = ["product_key", "model_code", "target_on", "forecast_qty"]
    there = backtested(weeks, origins=[12, 14])[columns]
    then = backtested(replace(weeks, units=other_future), origins=[12, 14])[columns]
    pd.testing.assert_frame_equal(there, then)


def test_best_sellers_are_those_known_at_the_origin():
    weeks = market([[9, 9, 9, 0, 0, 0], [1, 1, 1, 90, 90, 90]])
    table = backtested(weeks, origins=[3, 4], best_sellers=1)
    chosen = table.groupby("origin_on")["product_key"].unique().map(list).tolist()
    assert chosen == [["a"], ["b"]]


def test_wape_and_bias_are_sums_over_sums():
    table = scored(("GB", "market", "m", 8, 10), ("GB", "market", "m", 5, 2), ("GB", "market", "m", 1, 0)).iloc[0]
    assert table["n"] == 3
    assert table["wape"] == pytest.approx(6 / 12)
    assert table["bias"] == pytest.approx(2 / 12)


def test_where_nothing_was_sold_the_ratios_are_null_and_the_error_stays():
    table = scored(("GB", "market", "m", 8, 0)).iloc[0]
    assert pd.isna(table["wape"])
    assert pd.isna(table["bias"])
    assert table["absolute_error_qty"] == 8


def test_pooled_scores_weigh_markets_by_their_units():
    pooled = pooled_scores(
        scored(("GB", "market", "m", 8, 10), ("FR", "market", "m", 3, 0), ("DE", "market", "m", 30, 30))
    ).iloc[0]
    assert (pooled["market"], pooled["n"]) == ("all", 3)
    assert pooled["wape"] == pytest.approx(5 / 40)
    assert pooled["bias"] == pytest.approx(1 / 40)


def test_no_backtest_has_no_scores():
    empty = backtested(market([[1.0, 2.0]]), origins=[])
    assert scores(empty).empty
    assert loses(scores(empty)) == []


LOST = scored(
    ("FR", "market", "model", 16, 10),
    ("FR", "market", "last_value", 15, 10),
    ("FR", "market", "four_week_mean", 30, 10),
    ("GB", "product", "model", 130, 100),
    ("GB", "product", "last_value", 100, 100),
    ("GB", "product", "four_week_mean", 120, 100),
    ("GR", "market", "model", 2, 0),
    ("GR", "market", "last_value", 0, 0),
    ("GR", "market", "four_week_mean", 3, 0),
    ("IE", "market", "model", 10, 10),
    ("IE", "market", "last_value", 10, 10),
    ("IE", "market", "four_week_mean", 12, 10),
)


def test_losses_name_each_baseline_that_was_better_largest_market_first():
    table = losses(LOST)
    assert list(zip(table["market"], table["baseline_code"], strict=True)) == [
        ("GB", "four_week_mean"),
        ("GB", "last_value"),
        ("FR", "last_value"),
        ("GR", "last_value"),
    ]
    assert table["worse_by_pct"].tolist() == pytest.approx([50.0, float("inf"), 20.0, float("inf")])


def test_a_loss_is_said_in_a_sentence():
    assert [loss.sentence for loss in loses(LOST)] == [
        "GB, best sellers: WAPE 0.300 against 0.200 of the four-week mean, 50.0 % worse",
        "GB, best sellers: WAPE 0.300 against 0.000 of the last value",
        "FR, total: WAPE 0.600 against 0.500 of the last value, 20.0 % worse",
        "GR, total: nothing was sold, and the last value forecast less of it",
    ]


def test_equal_errors_are_no_loss():
    assert "IE" not in losses(LOST)["market"].tolist()
    assert LastValue().name in LOST["model_code"].tolist()
