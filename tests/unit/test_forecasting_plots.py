"""Plots: size, words, and names that would break a careless drawing."""

import base64
import struct
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from orchestration.forecasting.backtest import scores
from orchestration.forecasting.plots import as_markdown_image, market_plot, wape_words, worst_series_plot
from orchestration.forecasting.series import MarketWeeks
from orchestration.forecasting.weekly_demand import DemandResult, forecast_demand

LARGEST_PNG = 60 * 1024


@pytest.fixture(scope="module")
def result() -> DemandResult:
    units = np.random.default_rng(1).poisson(30, (40, 3))
    rows = [
        ("GB", f"product_{product}", date(2023, 1, 8) + timedelta(weeks=week), int(units[week, product]))
        for week in range(40)
        for product in range(3)
    ]
    rows.append(("LT", "product_0", date(2023, 1, 8), 5))
    return forecast_demand(pd.DataFrame(rows, columns=["market", "product_key", "sold_on", "units"]))


def weeks_of(result: DemandResult, market: str) -> MarketWeeks:
    return next(weeks for weeks in result.weeks if weeks.market == market)


def width_of(png: bytes) -> int:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return int(struct.unpack(">I", png[16:20])[0])


@pytest.mark.parametrize("market", ["GB", "LT"])  # LT: one week, no back-test
def test_plots_are_900_pixels_wide_and_small_enough_for_metadata(result: DemandResult, market: str):
    weeks = weeks_of(result, market)
    for png in (
        market_plot(weeks, result.forecast, scores(result.backtest)),
        worst_series_plot(weeks, result.backtest),
    ):
        assert width_of(png) == 900
        assert len(png) < LARGEST_PNG


def test_the_same_figures_draw_the_same_bytes(result: DemandResult):
    weeks, scored = weeks_of(result, "GB"), scores(result.backtest)
    assert market_plot(weeks, result.forecast, scored) == market_plot(weeks, result.forecast, scored)


def test_names_with_formulas_or_foreign_scripts_are_drawn_without_complaint(result: DemandResult):
    names = {"product_0": r"GIFT $\frac{5$", "product_1": "红灯笼", "product_2": "A VERY LONG NAME " * 9}
    assert width_of(worst_series_plot(weeks_of(result, "GB"), result.backtest, names=names)) == 900


def test_the_wape_stands_beside_the_naive_ones():
    scored = pd.DataFrame(
        {
            "market": "GB",
            "node": "market",
            "model_code": ["four_week_mean", "last_value", "damped_trend_smoothing"],
            "wape": [0.182, 0.2134, 0.161],
        }
    )
    assert wape_words(scored, "GB") == (
        "WAPE in the back-test:  damped trend smoothing 16 %  ·  last value 21 %  ·  four-week mean 18 %"
    )
    assert wape_words(scored, "FR") == "no back-test: too few weeks"
    nothing = scored.assign(wape=float("nan"))
    assert wape_words(nothing, "GB") == "WAPE in the back-test: none, since nothing was sold in its weeks"


def test_markdown_holds_the_bytes():
    text = as_markdown_image(b"\x89PNG", words="GB")
    assert text == "![GB](data:image/png;base64,iVBORw==)"
    assert base64.b64decode(text.split(",")[1].rstrip(")")) == b"\x89PNG"
