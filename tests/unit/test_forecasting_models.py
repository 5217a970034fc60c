"""The models against the libraries' own, and against what the series were made of."""

import numpy as np
import pandas as pd
import pytest

from orchestration.forecasting.guard import guarded, guarded_each
from orchestration.forecasting.models import PanelModel
from orchestration.forecasting.models.adjusted import adjusted
from orchestration.forecasting.models.combination import Combination
from orchestration.forecasting.models.grid import Series, level, trend
from orchestration.forecasting.models.levels import running_levels
from orchestration.forecasting.models.library import LibraryCombination, auto_ets, dynamic_optimised_theta
from orchestration.forecasting.models.naive import SeasonalNaive
from orchestration.forecasting.models.statistics import (
    CountRegression,
    ExponentialSmoothing,
    Sarimax,
    Theta,
    UnobservedComponents,
)
from orchestration.forecasting.models.theta import dynamic_theta, theta
from orchestration.forecasting.panel import Matrix, panel

SEASON, LENGTH, HORIZON = 12, 72, 12
RNG = np.random.default_rng(20260301)
WALK = 20 + np.cumsum(RNG.normal(0.2, 1, 60))


def one(y: Matrix) -> Series:
    return Series(y[None, :], np.array([len(y)]))


def seasonal(at: Matrix) -> Matrix:
    return (80 + 0.6 * at) * (1 + 0.25 * np.sin(2 * np.pi * at / SEASON))


def history(*series: Matrix) -> pd.DataFrame:
    parts = [
        pd.DataFrame({"unique_id": f"s{number}", "ds": np.arange(len(y)), "y": y}) for number, y in enumerate(series)
    ]
    return pd.concat(parts, ignore_index=True)


def test_the_first_state_of_a_level_is_the_least_squares_one():
    from statsmodels.tsa.holtwinters import SimpleExpSmoothing

    own = level((0.3,)).fit(one(WALK), 3)
    fitted = SimpleExpSmoothing(WALK, initialization_method="estimated").fit(smoothing_level=0.3)
    assert own.y_hat[0] == pytest.approx(fitted.forecast(3), rel=1e-4)
    assert own.sigma[0] == pytest.approx(np.sqrt(fitted.sse / len(WALK)), rel=1e-4)


def test_a_damped_trend_is_statsmodels_own_at_the_same_parameters():
    from statsmodels.tsa.holtwinters import Holt

    own = trend(phis=(0.9,), alphas=(0.6,), betas=(0.25,)).fit(one(WALK), 6)
    fitted = Holt(WALK, damped_trend=True, initialization_method="estimated").fit(
        smoothing_level=0.6, smoothing_trend=0.6 * 0.25, damping_trend=0.9
    )
    # statsmodels smooths the trend by beta * phi in its own notation: forecasts agree to what that makes of a trend.
    assert own.y_hat[0] == pytest.approx(fitted.forecast(6), rel=0.02)


def test_series_of_different_lengths_do_not_change_each_other():
    short = WALK[-20:]
    together = Series(np.stack([WALK, np.r_[short, np.zeros(40)]]), np.array([60, 20]))
    for alone in (level(), trend()):
        both = alone.fit(together, 5).y_hat
        assert both[0] == pytest.approx(alone.fit(one(WALK), 5).y_hat[0])
        assert both[1] == pytest.approx(alone.fit(one(short), 5).y_hat[0])
    for method in (theta, dynamic_theta):
        assert method(together, 5)[1] == pytest.approx(method(one(short), 5)[0])


@pytest.mark.parametrize("model", [Combination(), SeasonalNaive()], ids=lambda model: model.name)
def test_panels_forecast_together_are_forecast_alone(model: PanelModel):
    gap = WALK.copy()
    gap[30] = np.nan
    now = panel(history(WALK, gap, WALK[-20:], -WALK), season=7)
    panels = [now, now.rows([0, 1, 3]).known_before(9), now.rows([3])]
    together = guarded_each(model, panels, 5)
    for found, one_panel in zip(together, panels, strict=True):
        alone = guarded(model, one_panel, 5)
        assert found.y_hat == pytest.approx(alone.y_hat)
        assert found.reasons.tolist() == alone.reasons.tolist()


def test_a_level_waits_where_a_value_is_unknown():
    y, used = np.array([[9.0, 4.0, 2.0, 8.0], [9.0, 4.0, 2.0, 8.0]]), np.array([[0, 1, 1, 1], [0, 1, 0, 1]]) > 0
    levels = running_levels(y, used, 0.5)
    assert levels[0] == pytest.approx([0.0, 4.0, (0.5 * 2 + 0.25 * 4) / 0.75, (4 + 0.5 + 0.5) / 0.875])
    assert levels[1] == pytest.approx([0.0, 4.0, 4.0, (4 + 1) / 0.75])
    assert running_levels(y, used, 0.5, is_last_only=True)[:, 0].tolist() == levels[:, -1].tolist()


def test_the_dynamic_theta_model_is_near_the_library_s():
    series = panel(history(WALK, WALK[::-1].copy()))
    own = dynamic_theta(Series(series.y, series.lengths), 8)
    library = dynamic_optimised_theta().matrix(series, 8)
    assert own == pytest.approx(library, rel=0.03)


def test_the_season_is_taken_out_and_given_back():
    at = np.arange(LENGTH)
    plain = adjusted(panel(history(seasonal(at)), season=SEASON), HORIZON)
    # What is left is the trend, around a mean of one.
    assert np.abs(np.diff(plain.series.y[0])).max() < 0.03
    assert plain.restore(np.ones((1, HORIZON)))[0] == pytest.approx(
        seasonal(at).mean() * (1 + 0.25 * np.sin(2 * np.pi * np.arange(LENGTH, LENGTH + HORIZON) / SEASON)), rel=0.02
    )
    noise = adjusted(panel(history(RNG.normal(10, 1, LENGTH)), season=SEASON), HORIZON)
    assert np.ptp(noise.factor) < 0.1


@pytest.mark.parametrize(
    "model",
    [
        Combination(),
        LibraryCombination(),
        auto_ets(),
        dynamic_optimised_theta(),
        ExponentialSmoothing(),
        Theta(),
        UnobservedComponents(),
        Sarimax(),
    ],
    ids=lambda model: model.name,
)
def test_every_model_continues_trend_and_season(model: PanelModel):
    at, ahead = np.arange(LENGTH), np.arange(LENGTH, LENGTH + HORIZON)
    known = seasonal(at) + np.random.default_rng(5).normal(0, 2, LENGTH)
    frame = history(known, known[:24] * 0 + 5)
    found = model.fit_forecast(frame, HORIZON, season=SEASON)
    assert found["ds"].tolist() == [*ahead, *range(24, 36)]
    errors = np.abs(found["y_hat"].to_numpy()[:HORIZON] - seasonal(ahead))
    naive = SeasonalNaive().fit_forecast(frame, HORIZON, season=SEASON)["y_hat"].to_numpy()[:HORIZON]
    # The theta models believe in half of a trend.
    assert errors.mean() < 0.85 * np.abs(naive - seasonal(ahead)).mean()


def test_a_regression_of_counts_learns_what_a_promotion_does():
    at = np.arange(LENGTH + HORIZON)
    is_promoted = (at % 7 == 3).astype(float)
    mean = 20 * np.exp(np.log(3) * is_promoted)
    sold = np.random.default_rng(6).poisson(mean[:LENGTH]).astype(float)
    table = pd.DataFrame({"unique_id": "s0", "ds": at, "promoted": is_promoted})
    found = CountRegression(table).fit_forecast(history(sold), HORIZON, season=1)["y_hat"].to_numpy()
    assert found == pytest.approx(mean[LENGTH:], rel=0.15)
    plain = CountRegression().fit_forecast(history(sold), HORIZON, season=1)["y_hat"].to_numpy()
    assert np.ptp(plain) < 10
