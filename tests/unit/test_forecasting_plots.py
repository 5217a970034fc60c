"""Plots: size, words, and what would break a careless drawing."""

import base64
import struct
from datetime import date

import numpy as np
import pandas as pd
import pytest

from orchestration.forecasting.candidates import MeanOfFourWeeks
from orchestration.forecasting.market import Event, ForecastPlan, MarketForecast, forecast_market
from orchestration.forecasting.nodes import market_series
from orchestration.forecasting.plots import as_markdown_image, level_words, market_pictures

LARGEST_PNG = 70 * 1024


def made(days: int) -> MarketForecast:
    units = np.random.default_rng(1).poisson(3, (3, days)) + 1.0
    units[0, days // 2] = 5000  # one bulk order
    row, day = units.nonzero()
    sales = pd.DataFrame(
        {
            "product_key": [f"key{one}" for one in row],
            "product_id": [f"$x_{one}^2 帽子 {'long ' * 20}" for one in row],
            "category": "toys",
            "day": np.datetime64("2024-01-01") + day,
            "units": units[row, day],
        }
    )
    series = market_series("GB", sales, pd.DataFrame({"code": [], "day": sales["day"][:0], "units": []}))
    events = tuple(Event(f"event_{one}", date(2024, 6, one), date(2024, 6, one + 2)) for one in range(1, 8))
    return forecast_market(series, ForecastPlan(candidates=(MeanOfFourWeeks(),), events=events))


def scores() -> pd.DataFrame:
    rows = [
        {
            "market": "GB", "node_type": kind, "step": "week", "made_on": pd.Timestamp(2024, 5, night), "horizon": 1,
            "n": 3, "actual_qty": 0.0 if night == 2 else 60.0, "forecast_qty": 62.0, "absolute_error_qty": 9.0,
            "naive_absolute_error_qty": 12.0, "coverage_80_pct": 75.0,
        }
        for kind in ("market", "category", "product")
        for night in (1, 2, 3)
    ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.mark.parametrize("days", [1, 150])
def test_pictures_are_small_and_of_one_width(days: int) -> None:
    pictures = market_pictures(made(days), scores())
    expected = {"days", "categories", "scores"} | ({"worst_series"} if days > 100 else set())
    assert set(pictures) == expected
    for name, png in pictures.items():
        assert png.startswith(b"\x89PNG\r\n\x1a\n"), name
        assert int(struct.unpack(">I", png[16:20])[0]) == 900, name
        assert len(png) < LARGEST_PNG, name
    shown = as_markdown_image(pictures["days"], words="days")
    assert base64.b64decode(shown.split("base64,")[1].rstrip(")")) == pictures["days"]


def test_the_title_says_what_the_model_is_worth() -> None:
    assert level_words(made(20)) == "no back-test: too few weeks"
    assert level_words(made(150)).startswith("WAPE by week in the back-test:  model ")
