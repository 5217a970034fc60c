"""The M3 competition: 3,003 series, one scoring function for our forecasts, the published ones and statsforecast's.

Belongs here: reading the data, scores, competitors. Does not: promises (see `forecasting.py`).
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.harness import SHARED, BenchmarkError, Measured, Value
from orchestration.forecasting.engine import QUANTILES, forecast, quantile_column
from orchestration.forecasting.models import Model, forecast_matrix
from orchestration.forecasting.models.combination import Combination
from orchestration.forecasting.models.library import LibraryCombination, dynamic_optimised_theta
from orchestration.forecasting.panel import panel

SEASONS = {"YEARLY": 1, "QUARTERLY": 4, "MONTHLY": 12, "OTHER": 1}
# Levels of statsforecast's intervals that hold the same quantiles as ours: 2.5 and 97.5, 10 and 90, …
LEVELS = (50, 80, 95, 98)
OUTER = 0.05

Matrix = npt.NDArray[np.float64]


def shared(path: str) -> Path:
    """A file of the shared data. Raises BenchmarkError that names the file where it is absent."""
    file = SHARED / path
    if not file.exists():
        raise BenchmarkError(f"{path} is not under {SHARED} (set TRADEWIND_SHARED_DATA)")
    return file


@dataclass(frozen=True, eq=False)
class Period:
    """The series of one frequency: long history, and what came next (series × horizon) in the order of its ids."""

    name: str
    season: int
    history: pd.DataFrame
    ids: tuple[str, ...]
    actual: Matrix
    scale: Matrix

    @property
    def horizon(self) -> int:
        """Steps ahead."""
        return int(self.actual.shape[1])

    def rows(self) -> list[Matrix]:
        """The histories one by one."""
        return [part.to_numpy(np.float64) for _, part in self.history.groupby("unique_id", sort=False)["y"]]


def periods(every: int = 1) -> Iterator[Period]:
    """The four frequencies; `every` takes each so many-th series only."""
    meta = pd.read_parquet(shared("m3/m3_meta.parquet")).iloc[::every]
    values = pd.read_parquet(shared("m3/m3_series.parquet")).sort_values(["series_id", "t"], kind="stable")
    for name, season in SEASONS.items():
        ids = tuple(sorted(meta.loc[meta["period"] == name, "series_id"]))
        own = values[values["series_id"].isin(ids)]
        train, test = own[own["part"] == "train"], own[own["part"] == "test"]
        history = train.rename(columns={"series_id": "unique_id", "t": "ds", "value": "y"})
        history = history[["unique_id", "ds", "y"]].astype({"y": float}).reset_index(drop=True)
        actual = test["value"].to_numpy(np.float64).reshape(len(ids), -1)
        scale = [np.abs(part[season:] - part[:-season]).mean() for part in _parts(history)]
        yield Period(name, season, history, ids, actual, np.array(scale))


def _parts(history: pd.DataFrame) -> list[Matrix]:
    return [part.to_numpy(np.float64) for _, part in history.groupby("unique_id", sort=False)["y"]]


@dataclass
class Score:
    """Sums over series, from which sMAPE (over all points), MASE, MSIS, coverage and pinball (by series) follow."""

    smape: float = 0.0
    points: int = 0
    mase: float = 0.0
    series: int = 0
    inside: int = 0
    msis: float = 0.0
    pinball: float = 0.0

    def add(self, period: Period, y_hat: Matrix, quantiles: Matrix | None = None) -> None:
        """Add the forecasts of one frequency; NaN points (a method that left a series out) are left out."""
        known = np.isfinite(y_hat)
        error = np.where(known, np.abs(y_hat - period.actual), 0.0)
        size = np.where(known, np.abs(y_hat) + np.abs(period.actual), 1.0)
        self.smape += float((200 * error / size).sum())
        self.points += int(known.sum())
        is_given = known.any(axis=1)
        self.mase += float((error.sum(axis=1) / np.maximum(known.sum(axis=1), 1) / period.scale)[is_given].sum())
        self.series += int(is_given.sum())
        if quantiles is None:
            return
        lower, upper = quantiles[:, :, QUANTILES.index(0.025)], quantiles[:, :, QUANTILES.index(0.975)]
        below, above = np.maximum(lower - period.actual, 0), np.maximum(period.actual - upper, 0)
        self.inside += int(((below == 0) & (above == 0)).sum())
        width = upper - lower + 2 / OUTER * (below + above)
        self.msis += float((width.mean(axis=1) / period.scale).sum())
        miss = period.actual[:, :, None] - quantiles
        loss = np.maximum(np.array(QUANTILES) * miss, (np.array(QUANTILES) - 1) * miss)
        self.pinball += float((loss.mean(axis=(1, 2)) / period.scale).sum())

    def figures(self) -> dict[str, float]:
        """The figures of all that was added."""
        return {
            "smape": self.smape / self.points,
            "mase": self.mase / self.series,
            "coverage95": self.inside / self.points,
            "msis": self.msis / self.series,
            "pinball": self.pinball / self.series,
        }


@dataclass(frozen=True, eq=False)
class Found:
    """Scores over all, coverage of each frequency, and processor seconds."""

    total: Mapping[str, float]
    coverage: Mapping[str, float]
    seconds: float
    count: int

    @property
    def per_second(self) -> float:
        """Series by processor second of one core."""
        return self.count / self.seconds if self.seconds else float("nan")


Method = Callable[[Period], tuple[Matrix, Matrix | None]]


def evaluated(method: Method, every: int = 1) -> Found:
    """Run a method over all frequencies; reading and scoring take no part in its time."""
    total, coverage, seconds, count = Score(), {}, 0.0, 0
    for period in periods(every):
        started = time.process_time()
        y_hat, quantiles = method(period)
        seconds += time.process_time() - started
        own = Score()
        for score in (total, own):
            score.add(period, y_hat, quantiles)
        coverage[period.name.lower()] = own.figures()["coverage95"]
        count += len(period.ids)
    return Found(total.figures(), coverage, seconds, count)


def engine(period: Period) -> tuple[Matrix, Matrix | None]:
    """Our forecasts with quantiles, choice and calibration included."""
    rows = forecast(period.history, horizon=period.horizon, season=period.season).rows
    shape = (len(period.ids), period.horizon)
    bands = rows[[quantile_column(quantile) for quantile in QUANTILES]].to_numpy(np.float64)
    return rows["y_hat"].to_numpy(np.float64).reshape(shape), bands.reshape(*shape, len(QUANTILES))


def points_of(model: Model) -> Method:
    """The point forecasts of one model, without choice and quantiles."""

    def method(period: Period) -> tuple[Matrix, Matrix | None]:
        series = panel(period.history, season=period.season)
        return forecast_matrix(model, series, period.horizon), None

    return method


def auto_ets(period: Period) -> tuple[Matrix, Matrix | None]:
    """statsforecast's AutoETS with the intervals of its own model."""
    from statsforecast.models import AutoETS

    model = AutoETS(season_length=period.season)
    y_hat, bands = [], []
    for values in period.rows():
        found = model.forecast(y=values.copy(), h=period.horizon, level=list(LEVELS))
        y_hat.append(found["mean"])
        names = ("lo-95", "lo-80", "lo-50", "mean", "hi-50", "hi-80", "hi-95", "hi-98")
        bands.append(np.stack([np.asarray(found[name]) for name in names], axis=1))
    return np.array(y_hat), np.array(bands)


def published(every: int = 1) -> dict[str, dict[str, float]]:
    """sMAPE and MASE of the 24 published methods of the competition, re-scored."""
    table = pd.read_parquet(shared("m3/m3_published_forecasts.parquet"))
    scores: dict[str, Score] = {}
    for period in periods(every):
        own = table[table["series_id"].isin(period.ids)]
        for name, rows in own.groupby("method"):
            wide = rows.pivot(index="series_id", columns="h", values="forecast").reindex(list(period.ids))
            wide = wide.reindex(columns=range(1, period.horizon + 1))
            scores.setdefault(str(name), Score()).add(period, wide.to_numpy(np.float64))
    # Two methods answered for some of the frequencies only: theirs is no figure over all.
    whole = max(score.series for score in scores.values())
    return {name: score.figures() for name, score in scores.items() if score.series == whole}


def measure_m3(every: int = 1) -> Measured:
    """The figures of the M3 competition, and of every competitor in the same run; `every` is for trying it."""
    ours = evaluated(engine, every)
    points = evaluated(points_of(LibraryCombination()), every)
    quick = evaluated(points_of(Combination()), every)
    theta = evaluated(points_of(dynamic_optimised_theta()), every)
    library = evaluated(auto_ets, every)
    methods = published(every)

    def beside(name: str) -> dict[str, float]:
        best = min(methods, key=lambda method: methods[method][name])
        return {
            "combination without search": quick.total[name],
            "AutoETS": library.total[name],
            "dynamic optimised theta": theta.total[name],
            "THETA as published": methods["THETA"][name],
            f"best published ({best})": methods[best][name],
            "NAIVE2 as published": methods["NAIVE2"][name],
        }

    speeds = {
        "with choice and intervals": ours.per_second,
        "combination without search": quick.per_second,
        "AutoETS with intervals": library.per_second,
        "dynamic optimised theta": theta.per_second,
    }
    covered = {**ours.coverage, "AutoETS": library.total["coverage95"]}
    return {
        "m3_smape": Value(ours.total["smape"], beside("smape")),
        "m3_mase": Value(ours.total["mase"], beside("mase")),
        "m3_series_per_core_second": Value(points.per_second, speeds),
        "m3_coverage95": Value(ours.total["coverage95"], covered),
        "m3_msis_vs_autoets_ratio": Value(
            ours.total["msis"] / library.total["msis"],
            {"ours": ours.total["msis"], "AutoETS": library.total["msis"]},
        ),
        "m3_pinball_vs_autoets_ratio": Value(
            ours.total["pinball"] / library.total["pinball"],
            {"ours": ours.total["pinball"], "AutoETS": library.total["pinball"]},
        ),
    }
