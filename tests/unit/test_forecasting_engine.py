"""The engine on series that go wrong, its guard, its quantiles, its command: none stops the others."""

import io

import numpy as np
import pandas as pd
import pytest

from orchestration.forecasting.command import main
from orchestration.forecasting.engine import QUANTILES, Forecasts, forecast, quantile_column
from orchestration.forecasting.guard import guarded
from orchestration.forecasting.models import PanelModel
from orchestration.forecasting.models.combination import trimmed_mean
from orchestration.forecasting.models.naive import RecentMean, SeasonalNaive
from orchestration.forecasting.panel import HistoryError, Matrix, Panel, panel

HORIZON, SEASON, LENGTH = 6, 12, 60
MONTHS = pd.date_range("2019-01-31", periods=LENGTH, freq="ME").to_numpy()
BANDS = [quantile_column(quantile) for quantile in QUANTILES]


def usual(seed: int, length: int = LENGTH) -> Matrix:
    at = np.arange(length)
    noise = np.random.default_rng(seed).normal(0, 4, length)
    return 100 + 0.5 * at + 20 * np.sin(2 * np.pi * at / SEASON) + noise


def rows(name: str, y: Matrix, times: object = None) -> pd.DataFrame:
    return pd.DataFrame({"unique_id": name, "ds": MONTHS[-len(y) :] if times is None else times, "y": y})


@pytest.fixture(scope="module")
def found() -> Forecasts:
    outlier = usual(1)
    outlier[-3] *= 1000
    a_year_missing = usual(2)
    a_year_missing[24:36] = np.nan
    gap = rows("gap", usual(3)).drop(index=[20, 21, 40])
    sold = np.random.default_rng(4).poisson(0.3, LENGTH).astype(float)
    parts = [
        gap,
        rows("constant", np.full(LENGTH, 7.0)),
        rows("negative", usual(5) - 130),
        rows("one_point", np.array([5.0])),
        rows("outlier", outlier),
        rows("rare", sold),
        rows("unknown", np.full(LENGTH, np.nan)),
        rows("year", a_year_missing),
        rows("zeros", np.zeros(LENGTH)),
        *(rows(f"{number:02d}", usual(100 + number)) for number in range(12)),
    ]
    return forecast(pd.concat(parts, ignore_index=True), horizon=HORIZON, season=SEASON)


def of(found: Forecasts, name: str) -> pd.DataFrame:
    return found.rows[found.rows["unique_id"] == name]


def expected() -> Matrix:
    ahead = np.arange(LENGTH, LENGTH + HORIZON)
    return 100 + 0.5 * ahead + 20 * np.sin(2 * np.pi * ahead / SEASON)


def test_every_series_has_every_row_finite_and_in_order(found: Forecasts):
    assert found.rows.groupby("unique_id").size().eq(HORIZON).all()
    assert found.rows["unique_id"].nunique() == 21
    values = found.rows[["y_hat", *BANDS]].to_numpy(float)
    assert np.isfinite(values).all()
    assert (np.diff(found.rows[BANDS].to_numpy(float), axis=1) >= 0).all()
    assert (found.rows.loc[found.rows["unique_id"] != "negative", ["y_hat", *BANDS]].to_numpy(float) >= 0).all()
    ends = pd.to_datetime(of(found, "one_point")["ds"]).dt.strftime("%Y-%m-%d").tolist()
    assert ends == ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31", "2024-06-30"]


@pytest.mark.parametrize("name", ["gap", "outlier", "year", "00"])
def test_gaps_outliers_and_a_missing_year_leave_the_pattern(found: Forecasts, name: str):
    answer = of(found, name)
    assert answer["y_hat"].to_numpy() == pytest.approx(expected(), abs=14)
    assert not answer["is_fallback"].any()
    width = (answer["p975"] - answer["p025"]).to_numpy()
    assert ((width > 5) & (width < 80)).all()


def test_negative_units_are_forecast_as_negative(found: Forecasts):
    answer = of(found, "negative")
    assert answer["y_hat"].to_numpy() == pytest.approx(expected() - 130, abs=14)
    assert answer["p025"].min() < 0


def test_what_says_nothing_is_forecast_plainly_and_counted(found: Forecasts):
    assert of(found, "zeros")[["y_hat", "p990"]].to_numpy().max() == 0
    assert set(of(found, "zeros")["series_class"]) == {"empty"}
    assert of(found, "constant")["y_hat"].tolist() == [7.0] * HORIZON
    single = of(found, "one_point")
    # What others became after one value: near the last one, and neither the outlier nor the negative series teach it.
    assert single["y_hat"].to_numpy() == pytest.approx([5.0] * HORIZON, abs=2)
    assert single["p025"].iloc[0] < 5 < single["p975"].iloc[0]
    assert single["p990"].max() < 50
    assert set(of(found, "unknown")["fallback_reason"]) == {"no_history"}
    assert found.fallbacks["series_count"].sum() == 1


def test_the_outlier_is_named_and_no_model_saw_it(found: Forecasts):
    assert found.outliers["unique_id"].tolist() == ["outlier"]
    assert found.outliers["steps_ago"].tolist() == [2]


def test_the_choice_is_shown_for_each_candidate(found: Forecasts):
    smooth = found.choices[found.choices["series_class"] == "smooth"]
    assert smooth["is_chosen"].sum() == 1
    scores = dict(zip(smooth["model_code"], smooth["score"], strict=True))
    assert scores["combination_searched"] < scores["seasonal_naive"]
    assert set(of(found, "00")["model_code"]) == set(smooth.loc[smooth["is_chosen"], "model_code"])


def test_a_series_does_not_change_with_the_others_point():
    alone = forecast(rows("00", usual(100)), horizon=HORIZON, season=SEASON, candidates={"smooth": [SeasonalNaive()]})
    assert alone.rows["y_hat"].tolist() == usual(100)[-12:-6].tolist()
    assert (alone.rows["p025"] < alone.rows["y_hat"]).all()


def test_conformal_quantiles_cover_what_comes():
    rng = np.random.default_rng(8)
    y = 50 * np.exp(rng.normal(0, 0.1, (200, 40)).cumsum(axis=1) * 0.3) + rng.normal(0, 3, (200, 40))
    history = pd.concat([rows(f"{number:03d}", line[:34]) for number, line in enumerate(y)], ignore_index=True)
    candidates = {name: [RecentMean(steps=1)] for name in ("smooth", "erratic")}
    answer = forecast(history, horizon=6, season=1, candidates=candidates).rows
    actual = y[:, 34:].ravel()
    for lower, upper, share in (("p025", "p975", 0.95), ("p100", "p900", 0.8), ("p250", "p750", 0.5)):
        is_inside = (answer[lower] <= actual) & (actual <= answer[upper])
        assert is_inside.mean() == pytest.approx(share, abs=0.06)


class Scripted(PanelModel):
    name = "scripted"

    def __init__(self, answer: float) -> None:
        self.answer = answer

    def matrix(self, series: Panel, horizon: int) -> Matrix:
        if self.answer == 0:
            raise np.linalg.LinAlgError("singular")
        y_hat = np.full((len(series.ids), horizon), 5.0)
        y_hat[0, -1] = self.answer
        return y_hat


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (np.nan, "not_finite"),
        (-np.inf, "not_finite"),
        (34.1, "exploding: over 3 times its range away"),
        (0.0, "model_failed: LinAlgError: singular"),
        (34.0, ""),
    ],
)
def test_the_guard_replaces_a_bad_series_as_a_whole(answer: float, reason: str):
    # Range 8, so that three times it above the highest is 34.
    series = panel(pd.concat([rows("bad", np.array([2.0, 10, 4, 4, 4, 4])), rows("good", np.arange(4, 10.0))]))
    answered = guarded(Scripted(answer), series, 2)
    assert answered.reasons[0] == reason
    assert answered.y_hat[0].tolist() == ([4.0, 4.0] if reason else [5.0, 34.0])
    if not reason.startswith("model_failed"):
        assert answered.y_hat[1].tolist() == [5.0, 5.0]


def test_the_middle_three_of_five_are_averaged():
    members = [np.array([[value]]) for value in (1.0, 100.0, 3.0, 5.0, -50.0)]
    assert trimmed_mean(members)[0, 0] == 3.0
    assert trimmed_mean([np.array([[np.nan]]), *members[:2]])[0, 0] == 50.5


def test_a_panel_names_what_is_wrong():
    good = rows("a", np.arange(4.0), np.arange(4))
    with pytest.raises(HistoryError, match="ds of series 'a' repeats at 2"):
        panel(rows("a", np.arange(3.0), [1, 2, 2]))
    with pytest.raises(HistoryError, match="do not stand together"):
        panel(pd.concat([good, rows("b", np.arange(4.0), np.arange(4)), good]))
    with pytest.raises(HistoryError, match="missing column"):
        panel(good.drop(columns="y"))
    with pytest.raises(HistoryError, match="infinite"):
        panel(rows("a", np.array([1.0, np.inf]), [1, 2]))


def test_the_step_of_time_is_found_across_gaps():
    weeks = np.datetime64("2024-01-01") + 7 * np.array([0, 1, 3, 6])
    series = panel(rows("a", np.arange(4.0), weeks))
    assert np.isnan(series.y[0]).tolist() == [False, False, True, False, True, True, False]
    assert series.step.moved(series.last, np.array(1)).astype("datetime64[D]").astype(str).tolist() == ["2024-02-19"]


def test_the_command_forecasts_a_file(tmp_path, capsys):
    source, target = tmp_path / "sales.csv", tmp_path / "forecast.parquet"
    rows("a", usual(1)).to_csv(source, index=False)
    assert main([str(source), "--horizon", "3", "--season", "12", "--out", str(target)]) == 0
    written = pd.read_parquet(target)
    assert written["y_hat"].to_numpy() == pytest.approx(expected()[:3], abs=14)
    assert "smooth: 1 series by" in capsys.readouterr().out


def test_the_command_takes_models_by_name_and_regressors(tmp_path, capsys):
    source, extra = tmp_path / "sales.csv", tmp_path / "promotions.csv"
    at = np.arange(43)
    promoted = at % 7 == 3
    sold = np.where(promoted, 60, 20)
    pd.DataFrame({"unique_id": "a", "ds": at[:40], "y": sold[:40]}).to_csv(source, index=False)
    pd.DataFrame({"unique_id": "a", "ds": at, "promoted": promoted.astype(int)}).to_csv(extra, index=False)
    plain = [str(source), "--horizon", "3", "--season", "1", "--models"]
    assert main([*plain, "statsmodels_ets,count_regression", "--regressors", str(extra)]) == 0
    told = capsys.readouterr()
    # The regressors are looked up at the times of each origin, so that cross-validation chooses what knows them.
    assert "1 series by count_regression" in told.err
    rows = pd.read_csv(io.StringIO(told.out))
    assert rows["y_hat"].to_numpy() == pytest.approx(sold[40:], rel=0.1)
    assert main([*plain, "oracle"]) == 2
    assert "no such model: oracle; there are combination" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("unique_id,ds,y\na,1,2\na,2,x\n", "row 3, field y: 'x' is no number"),
        ("unique_id,ds,y\na,2024-01-01,2\na,soon,3\n", "row 3, field ds: 'soon' is neither a whole number"),
        ("unique_id,ds,y\na,1,2\na,1,3\n", "row 3, field ds: '1' stands twice for its series"),
        ("unique_id,ds,y\n,1,2\n", "row 2, field unique_id: '' must not be empty"),
        ("unique_id,ds,y\na,1,inf\n", "row 2, field y: 'inf' is infinite"),
        ("unique_id,ds,y\n", "it has no rows"),
        ("id,ds,y\na,1,2\n", "missing column(s) unique_id; it has id, ds, y"),
    ],
)
def test_the_command_names_file_row_field_and_rule(tmp_path, capsys, text: str, message: str):
    source = tmp_path / "sales.csv"
    source.write_text(text)
    assert main([str(source), "--horizon", "3", "--season", "1"]) == 2
    said = capsys.readouterr().err
    assert str(source) in said
    assert message in said
