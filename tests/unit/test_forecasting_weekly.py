"""Models: the baselines' values, the smoothing against statsmodels' own, and the guard before every model."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from orchestration.forecasting.smoothing import Parameters, Smoothing, initial_level, level_smoothing, trend_smoothing
from orchestration.forecasting.weekly import FourWeekMean, LastValue, guarded_forecast

START = np.datetime64("2024-01-01")


def history(**series: list[float]) -> pd.DataFrame:
    """Long frame of series that all end in the same week."""
    longest = max(len(values) for values in series.values())
    parts = []
    for name, values in series.items():
        weeks = START + np.timedelta64(7, "D") * np.arange(longest - len(values), longest)
        parts.append(pd.DataFrame({"unique_id": name, "ds": weeks, "y": np.asarray(values, dtype=float)}))
    return pd.concat(parts, ignore_index=True)


def values(forecast: pd.DataFrame, name: str) -> list[float]:
    return forecast.loc[forecast["unique_id"] == name, "y_hat"].tolist()


def noise(seed: int, weeks: int = 52) -> list[float]:
    return np.random.default_rng(seed).poisson(20, weeks).astype(float).tolist()


def test_the_last_value_repeats_the_last_week():
    forecast = LastValue().fit_forecast(history(a=[1, 2, 3], b=[9]), 2)
    assert values(forecast, "a") == [3, 3]
    assert values(forecast, "b") == [9, 9]
    assert forecast["ds"].astype(str).tolist() == ["2024-01-22", "2024-01-29"] * 2


def test_the_four_week_mean_counts_weeks_before_the_first_sale_as_zero():
    forecast = FourWeekMean().fit_forecast(history(a=[100, 1, 2, 3, 4], b=[8]), 1)
    assert values(forecast, "a") == [2.5]
    assert values(forecast, "b") == [2.0]


@pytest.mark.parametrize("model", [level_smoothing(), trend_smoothing()], ids=lambda model: model.name)
def test_the_smoothing_is_statsmodels_own_averaged_over_units_and_roots(model: Smoothing):
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    y = np.array(noise(1)) + np.arange(52)
    frozen = model.frozen(history(a=y.tolist(), short=noise(2)[-30:]))
    own = []
    for scaled, learnt in zip((y, np.sqrt(y)), frozen._learnt or (), strict=True):
        used = learnt.by_id["a"]
        trend = {"smoothing_trend": used.beta, "damping_trend": used.phi} if model.has_trend else {}
        own.append(
            ExponentialSmoothing(
                scaled,
                trend="add" if model.has_trend else None,
                damped_trend=model.has_trend,
                initialization_method="known",
                initial_level=initial_level(scaled),
                initial_trend=0.0 if model.has_trend else None,
            )
            .fit(smoothing_level=used.alpha, optimized=False, **trend)
            .forecast(4)
        )
    expected = (own[0] + own[1] ** 2) / 2
    forecast = frozen.fit_forecast(history(a=y.tolist(), short=noise(2)[-30:]), 4)
    assert values(forecast, "a") == pytest.approx(expected, rel=1e-9)


def test_a_constant_series_stays_constant():
    for model in (level_smoothing(), trend_smoothing()):
        assert values(model.fit_forecast(history(a=[7.0] * 30), 4), "a") == pytest.approx([7.0] * 4)


def test_noise_is_smoothed_at_the_lower_bound_and_a_drifting_level_is_followed():
    drifting = 500 + np.cumsum(np.random.default_rng(3).normal(0, 30, 52))
    frozen = level_smoothing().frozen(history(noise=noise(4), drifting=drifting.tolist()))
    of_units = frozen._learnt[0].by_id  # type: ignore[index]
    assert of_units["noise"].alpha == pytest.approx(0.2)
    assert of_units["drifting"].alpha > 0.5


def test_a_series_with_few_sales_shares_the_parameters_of_the_others():
    sparse = [5.0] + [0.0] * 20 + [5.0]
    frozen = level_smoothing().frozen(history(a=noise(5), b=noise(6), sparse=sparse))
    assert set(frozen._learnt[0].by_id) == {"a", "b"}  # type: ignore[index]
    alone = level_smoothing().frozen(history(sparse=sparse))
    assert alone._learnt[0].shared == Parameters(alpha=0.2)  # type: ignore[index]
    # Level from the weeks after the first sale, then twenty-two steps of 0.2; the roots are smoothed alike.
    level, root = 5 / 21, np.sqrt(5) / 21
    for sold in sparse:
        level, root = level + 0.2 * (sold - level), root + 0.2 * (np.sqrt(sold) - root)
    assert values(alone.fit_forecast(history(sparse=sparse), 1), "sparse") == pytest.approx([(level + root**2) / 2])


def test_a_frozen_model_learns_nothing_more():
    frozen = level_smoothing().frozen(history(a=noise(7)))
    drifting = (500 + np.cumsum(np.random.default_rng(3).normal(0, 30, 52))).tolist()
    again = frozen.fit_forecast(history(a=drifting), 1)
    refitted = level_smoothing().fit_forecast(history(a=drifting), 1)
    assert abs(values(again, "a")[0] - values(refitted, "a")[0]) > 5


def test_a_thousandfold_outlier_is_capped_before_it_is_smoothed():
    usual = [10.0] * 30
    spoilt = [*usual[:-1], 10_000.0]
    forecast = level_smoothing().frozen(history(a=usual)).fit_forecast(history(a=spoilt), 1)
    # Capped at 20 times the median week. Units: 0.8 * 10 + 0.2 * 200 = 48; roots: (0.8 * 3.162 + 0.2 * 14.14)² = 28.7;
    # the first level adds next to nothing after thirty weeks.
    assert values(forecast, "a") == pytest.approx([(48 + 28.7) / 2], abs=0.1)


@dataclass(frozen=True)
class Scripted:
    """A model that says what it is told for series `bad`, and 5 for every other; without an answer it says nothing."""

    answer: float | None
    error: Exception | None = None
    name: str = "scripted"

    def frozen(self, history: pd.DataFrame) -> "Scripted":
        return self

    def fit_forecast(self, history: pd.DataFrame, horizon: int) -> pd.DataFrame:
        if self.error:
            raise self.error
        forecast = LastValue().fit_forecast(history, horizon).assign(y_hat=5.0)
        if self.answer is None:
            return forecast[forecast["unique_id"] != "bad"]
        # Only the last week is bad: the whole series must fall back.
        is_last = forecast["ds"] == forecast["ds"].max()
        return forecast.assign(y_hat=forecast["y_hat"].mask((forecast["unique_id"] == "bad") & is_last, self.answer))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (float("nan"), "not_finite"),
        (float("inf"), "not_finite"),
        (30.1, "exploding: above 3 times the largest week"),
        (None, "no_forecast"),
    ],
)
def test_a_bad_forecast_falls_back_as_a_whole_and_alone(answer: float | None, reason: str):
    frame = history(bad=[10, 2, 2, 2, 6], good=[4, 4, 4, 4, 4])
    guarded = guarded_forecast(Scripted(answer), frame, horizon=2, min_weeks=2)
    assert values(guarded, "bad") == [3.0, 3.0]
    assert values(guarded, "good") == [5.0, 5.0]
    assert guarded["fallback_reason"].tolist() == [reason, reason, "", ""]
    assert guarded["is_fallback"].tolist() == [True, True, False, False]


def test_three_times_the_largest_week_is_still_a_forecast():
    guarded = guarded_forecast(Scripted(30.0), history(bad=[10, 2, 2, 2, 6]), horizon=1, min_weeks=2)
    assert values(guarded, "bad") == [30.0]


def test_a_negative_forecast_becomes_zero():
    guarded = guarded_forecast(Scripted(-4.0), history(bad=[10, 2, 2, 2, 6]), horizon=1, min_weeks=2)
    assert values(guarded, "bad") == [0.0]
    assert not guarded["is_fallback"].any()


def test_a_model_that_fails_says_so_and_the_mean_stands_in():
    error = np.linalg.LinAlgError("singular matrix")
    guarded = guarded_forecast(Scripted(1.0, error), history(a=[2, 2, 2, 6], short=[8]), horizon=1, min_weeks=2)
    assert values(guarded, "a") == [3.0]
    assert guarded["fallback_reason"].tolist() == [
        "model_failed: LinAlgError: singular matrix",
        "short_history: fewer than 2 weeks",
    ]
