"""Classes, models of rare sales and the pooled model: against statsforecast, against drawn truth, on bad input."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from orchestration.forecasting.classes import classify
from orchestration.forecasting.count_quantiles import negative_binomial_quantiles
from orchestration.forecasting.counts import lead_time_demand, quantiles_of_counts
from orchestration.forecasting.engine import forecast
from orchestration.forecasting.models import Model
from orchestration.forecasting.models.intermittent import Tsb, adida, croston, imapa, sba
from orchestration.forecasting.models.pooled import PooledSmoothing, pooled_seasonal, pooled_smoothing
from orchestration.forecasting.models.pooled_season import capped

Matrix = npt.NDArray[np.float64]
MODELS: tuple[Model, ...] = (croston(), sba(), Tsb(), adida(), imapa(), pooled_smoothing(), pooled_seasonal())


def long(rows: dict[str, list[float]] | Matrix) -> pd.DataFrame:
    """A long frame whose series all end at the same time."""
    named = rows if isinstance(rows, dict) else {f"s{row:04d}": list(y) for row, y in enumerate(rows)}
    width = max(len(y) for y in named.values())
    parts = [pd.DataFrame({"unique_id": one, "ds": range(width - len(y), width), "y": y}) for one, y in named.items()]
    return pd.concat(parts, ignore_index=True)


def drawn(count: int, steps: int, seed: int = 7) -> Matrix:
    """Negative binomial counts whose means differ between series."""
    rng = np.random.default_rng(seed)
    mean = rng.gamma(1.0, 1.0, count)[:, None]
    return rng.poisson(mean * rng.gamma(2.0, 0.5, (count, steps))).astype(float)


def matrix(model: Model, history: pd.DataFrame, horizon: int, season: int = 1) -> Matrix:
    found = model.fit_forecast(history, horizon, season=season)
    return np.asarray(found["y_hat"].to_numpy(float).reshape(-1, horizon))


def test_classes_follow_interval_and_variation():
    steady, wild = [5.0, 6, 5, 6, 5, 6, 5, 6], [1.0, 9, 1, 30, 2, 1, 14, 1]
    rare = [0.0, 0, 2, 0, 0, 2, 0, 3]
    bulky = [0.0, 0, 1, 0, 0, 40, 0, 2]
    rows = {"a": steady, "b": wild, "c": rare, "d": bulky, "e": [4.0, 5], "f": [7.0] * 8, "g": [0.0] * 8}
    expected = ["smooth", "erratic", "intermittent", "lumpy", "short", "constant", "empty"]
    assert classify(long(rows))["series_class"].tolist() == expected
    # Unknown is no zero: the same sales with gaps between them are steady.
    assert classify(long({"a": [5.0, np.nan, 6, np.nan, 5, 6, np.nan, 5]}))["series_class"].tolist() == ["smooth"]


@pytest.mark.parametrize("model", MODELS[:5], ids=lambda model: model.name)
def test_the_textbooks_methods_are_statsforecasts(model: Model):
    from statsforecast import models

    theirs = {
        "croston": models.CrostonClassic(),
        "sba": models.CrostonSBA(),
        "tsb": models.TSB(alpha_d=0.1, alpha_p=0.1),
        "adida": models.ADIDA(),
        "imapa": models.IMAPA(),
    }[model.name]
    y = drawn(40, 50)
    y = y[(y > 0).sum(axis=1) >= 2]
    expected = [theirs.forecast(row, 2)["mean"][0] for row in y]
    # They search the smoothing of sums by an optimiser, ours on a grid of hundredths.
    tolerance = 0.02 if model.name in ("adida", "imapa") else 1e-9
    assert matrix(model, long(y), 2)[:, 0] == pytest.approx(expected, rel=tolerance)


def test_the_pooled_model_finds_shrinkage_and_decline_that_no_series_shows_alone():
    rng = np.random.default_rng(3)
    mean = rng.gamma(4.0, 0.25, 600)[:, None] * 0.985 ** np.arange(60)
    y = rng.poisson(mean).astype(float)
    known, actual = y[:, :48], mean[:, 48:]
    errors = {m.name: float(((matrix(m, long(known), 12) - actual) ** 2).mean()) for m in (pooled_smoothing(), *MODELS)}
    assert errors["pooled_smoothing"] < 0.6 * min(errors[name] for name in ("croston", "sba", "tsb", "adida", "imapa"))
    assert matrix(pooled_smoothing(), long(known), 12).sum() == pytest.approx(actual.sum(), rel=0.08)


def test_a_week_is_learnt_and_a_season_that_does_not_return_is_not():
    rng = np.random.default_rng(5)
    shape = np.array([0.5, 1.0, 1.0, 1.0, 1.0, 1.5, 1.0])
    mean = rng.gamma(5.0, 1.0, 200)[:, None] * shape[np.arange(70) % 7]
    y = rng.poisson(mean).astype(float)
    seasonal = matrix(pooled_seasonal(), long(y[:, :63]), 7, season=7)
    assert seasonal.sum(axis=0) == pytest.approx(mean[:, 63:].sum(axis=0), rel=0.06)
    # Two years' accidents, common to all series, which the third does not repeat.
    accident = rng.normal(1, 0.3, 36)
    common = rng.poisson(5 * np.abs(accident), (200, 36)).astype(float)
    flat = matrix(pooled_seasonal(), long(common), 12, season=12)
    assert np.ptp(flat.mean(axis=0)) < 0.2 * flat.mean()


def test_an_outlier_is_capped_and_a_level_shift_stays():
    rng = np.random.default_rng(1)
    y = rng.poisson(20.0, (2, 80)).astype(float)
    y[0, 40] *= 1000
    y[1, 60:] *= 8
    clean = capped(y, np.isfinite(y))
    assert clean[0].max() < 100
    assert (clean[1] == y[1]).all()


def test_quantiles_of_a_lead_time_cover_what_comes():
    y = drawn(800, 43, seed=11)
    one, three = lead_time_demand(long(y[:, :40]), lead_times=[1, 3], quantiles=[0.1, 0.5, 0.9], season=1)
    for demand, found in ((one, y[:, 40]), (three, y[:, 40:].sum(axis=1))):
        assert (np.diff(demand.quantiles, axis=1) >= 0).all()
        assert (demand.quantiles >= 0).all()
        assert 0.88 <= (found <= demand.quantiles[:, 2]).mean() <= 0.96
        assert demand.mean.sum() == pytest.approx(found.sum(), rel=0.08)
    assert (three.quantiles == np.round(three.quantiles)).all()
    with pytest.raises(ValueError, match="1 <= begin <= end"):
        lead_time_demand(long(y), lead_times=[0], quantiles=[0.5], season=1)


def test_negative_binomial_quantiles_have_the_mean_and_variance_asked_for():
    from scipy.stats import nbinom, poisson

    wide = quantiles_of_counts(np.array([4.0]), np.array([12.0]), np.array([0.5, 0.9]))
    assert wide.tolist() == [nbinom.ppf([0.5, 0.9], 2, 1 / 3).tolist()]
    narrow = quantiles_of_counts(np.array([4.0]), np.array([1.0]), np.array([0.9]))
    assert narrow.tolist() == [[poisson.ppf(0.9, 4.0)]]
    rng = np.random.default_rng(8)
    mean, size = np.exp(rng.normal(0, 2.5, 300)), np.exp(rng.normal(0, 2, 300))
    levels = np.array([0.025, 0.5, 0.99])
    theirs = nbinom.ppf(levels, size[:, None], (size / (size + mean))[:, None])
    assert negative_binomial_quantiles(mean, size, levels).tolist() == theirs.tolist()


BAD: dict[str, list[float]] = {
    "one_point": [3.0],
    "one_zero": [0.0],
    "all_zero": [0.0] * 30,
    "constant": [4.0] * 30,
    "outlier": [1.0, 2, 3, 2, 1] * 5 + [2000.0, 2, 1, 2, 3],
    "negative": [-1.0, 3, 0, 2, -2, 4] * 5,
    "gap": [1.0, 2, 0, 3] + [np.nan] * 20 + [2.0, 1, 0, 3, 2, 1],
    "unknown": [np.nan] * 30,
}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
@pytest.mark.parametrize("season", [1, 7])
def test_no_bad_series_stops_or_bends_the_others(model: Model, season: int):
    good = {f"good{row}": list(y) for row, y in enumerate(drawn(40, 30))}
    alone = matrix(model, long(good), 5, season)
    together = matrix(model, long({**good, **BAD}), 5, season)
    assert np.isfinite(together).all()
    assert np.abs(together[:40] - alone).max() <= (0.0 if not isinstance(model, PooledSmoothing) else 0.6)
    found = dict(zip(BAD, together[40:], strict=True))
    assert (found["all_zero"] == 0).all()
    assert (found["one_zero"] == 0).all()
    assert (found["unknown"] == 0).all()
    assert found["constant"].min() >= 0
    assert found["constant"].max() <= 6
    if isinstance(model, PooledSmoothing):
        assert found["outlier"].max() < 20


@pytest.mark.parametrize("rows", [{"a": [1.0]}, {"a": [0.0] * 9}, {name: BAD[name] for name in ("gap", "negative")}])
def test_a_panel_too_small_to_teach_is_still_forecast(rows: dict[str, list[float]]):
    for model in MODELS:
        assert np.isfinite(matrix(model, long(rows), 3)).all()
    (demand,) = lead_time_demand(long(rows), lead_times=[3], quantiles=[0.1, 0.9], season=1)
    assert np.isfinite(demand.quantiles).all()
    assert (np.diff(demand.quantiles, axis=1) >= 0).all()


def test_a_product_of_one_week_is_forecast_as_others_went_on_after_theirs():
    rng = np.random.default_rng(2)
    # Each product begins with an introduction of some dozens and then sells one in two weeks.
    rows = {
        f"p{row:03d}": [float(rng.poisson(40)), *rng.poisson(0.5, int(rng.integers(8, 30))).astype(float)]
        for row in range(120)
    }
    found = forecast(long({**rows, "z_new": [38.0]}), horizon=3, season=1).rows
    new = found[found["unique_id"] == "z_new"]
    assert new["series_class"].unique().tolist() == ["short"]
    assert not new["is_fallback"].any()
    assert new["y_hat"].max() < 10
    assert (new["p500"] <= 10).all()
