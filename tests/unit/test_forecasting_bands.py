"""Bands: order statistics, the small-sample rules, the floor at zero."""

import numpy as np
import pandas as pd
import pytest

from orchestration.forecasting.bands import band_limits, residuals, spread, with_bands


def long(values: list[float]) -> pd.DataFrame:
    return pd.DataFrame(
        {"unique_id": "a", "ds": pd.date_range("2024-01-01", periods=len(values), freq="7D"), "y": values}
    )


def test_residuals_are_differences_of_roots_in_units_of_the_spread():
    table = pd.DataFrame({"actual_qty": [9.0, 0.0], "forecast_qty": [4.0, 16.0], "spread": [0.5, 2.0]})
    assert residuals(table).tolist() == [2.0, -2.0]


def test_thirty_nine_residuals_are_just_enough_for_the_95_percent_band():
    errors = np.arange(39.0)[::-1]
    assert band_limits(errors, level=95, origin_count=4) == (0.0, 38.0)
    assert band_limits(errors, level=80, origin_count=4) == (3.0, 35.0)


def test_few_residuals_take_students_t_with_a_degree_of_freedom_per_origin():
    lower, upper = band_limits(np.array([3.0, -4.0] * 8), level=95, origin_count=4)
    assert upper == pytest.approx(2.776445 * np.sqrt(12.5), rel=1e-6)
    assert lower == -upper


def test_without_residuals_the_band_is_normal():
    assert band_limits(np.empty(0), level=80, origin_count=0) == pytest.approx((-1.281552, 1.281552), rel=1e-6)


def test_the_spread_of_a_constant_series_is_that_of_a_count():
    assert spread(long([9.0] * 20)).tolist() == [0.5]


def test_the_spread_of_a_long_series_is_its_own_and_of_a_short_one_its_level():
    assert spread(long([0.0, 16.0] * 5)).tolist() == [2.0]
    assert spread(long([16.0])).tolist() == [4.0]


def test_a_band_never_goes_below_zero_and_never_leaves_the_point_out():
    forecast = pd.DataFrame({"unique_id": ["a"] * 2, "y_hat": [4.0, 0.0]})
    banded = with_bands(forecast, pd.Series({"a": 1.0}), np.full(39, 3.0), 4)
    # Every actual was above its forecast: the band begins at the point itself.
    assert banded["lower_95_qty"].tolist() == [4.0, 0.0]
    assert banded["upper_95_qty"].tolist() == [25.0, 9.0]
    banded = with_bands(forecast, pd.Series({"a": 1.0}), np.full(39, -3.0), 4)
    assert banded["lower_80_qty"].tolist() == [0.0, 0.0]
    assert banded["upper_80_qty"].tolist() == [4.0, 0.0]
