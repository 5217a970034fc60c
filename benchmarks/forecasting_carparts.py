"""Car parts: 1,046 monthly series of rare sales, forecast by the engine and by the methods of the textbooks.

Belongs here: cleaning, protocol, scores, competitors. Does not: promises (see `forecasting.py`).

Protocol. Of 2,674 series those stay that have no missing month, at least ten months with sales, and a sale in the first
15 and in the last 15 months (Hyndman's cleaning): 1,046 series of 51 months.
- RMSSE: the last 12 months are held out and forecast once, after 39; the root of the mean squared error of a series
  over its mean squared change from month to month in those 39 (the scale of the M5 competition), averaged over series.
- Pinball: at each month of the held-out year the demand of the next 1 and of the next 3 months is forecast anew (12
  and 10 origins); the loss, averaged over the eight quantiles of the product, is divided by the mean demand a month
  known by then, and averaged over series and origins. Divided by the mean absolute change, as M5 does, all of these
  figures are about a quarter lower: `scale` is an argument.
Competitors without a distribution of their own get the best that their textbooks offer: Croston, SBA and TSB a negative
binomial distribution with the variance of the known months, AutoETS the normal one of its own variance, naive ones
their point.
"""

from collections.abc import Callable, Mapping

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.forecasting_m3 import shared
from benchmarks.harness import BenchmarkError, Measured, Value
from orchestration.forecasting.counts import lead_time_demand, quantiles_of_counts
from orchestration.forecasting.engine import QUANTILES, forecast

FILE = "carparts/carparts_monthly.parquet"
HELD_OUT, SEASON = 12, 12
EDGE_MONTHS, MIN_SALES = 15, 10
SERIES_AFTER_CLEANING = 1_046
LEAD_TIMES = (1, 3)
TSB_ALPHA = 0.1

Matrix = npt.NDArray[np.float64]
Scale = Callable[[Matrix], Matrix]


def car_parts() -> Matrix:
    """Units of the cleaned series, (1,046, 51). Raises BenchmarkError when another number is left."""
    with duckdb.connect() as con:
        rows = con.execute("select part_id, month, units from read_parquet(?)", [str(shared(FILE))]).df()
    y = rows.pivot(index="part_id", columns="month", values="units").to_numpy(np.float64)
    sales = np.nan_to_num(y) > 0
    kept = np.isfinite(y).all(axis=1) & (sales.sum(axis=1) >= MIN_SALES)
    kept &= sales[:, :EDGE_MONTHS].any(axis=1) & sales[:, -EDGE_MONTHS:].any(axis=1)
    if kept.sum() != SERIES_AFTER_CLEANING:
        raise BenchmarkError(f"{FILE}: {kept.sum()} series after cleaning, not {SERIES_AFTER_CLEANING}")
    return np.asarray(y[kept])


def long_frame(y: Matrix) -> pd.DataFrame:
    """The long frame (unique_id, ds, y) of monthly series from January 1998 on."""
    count, months = y.shape
    ds = (np.datetime64("1998-01", "M") + np.arange(months)).astype("datetime64[D]")
    names = np.array([f"{row:04d}" for row in range(count)], dtype=object)
    return pd.DataFrame({"unique_id": np.repeat(names, months), "ds": np.tile(ds, count), "y": y.ravel()})


def rmsse(known: Matrix, actual: Matrix, y_hat: Matrix) -> float:
    """Root mean squared error of each series over its mean squared change, averaged over series."""
    scale = (np.diff(known, axis=1) ** 2).mean(axis=1)
    return float(np.sqrt(((actual - y_hat) ** 2).mean(axis=1) / scale).mean())


def mean_demand(known: Matrix) -> Matrix:
    """The scale of the pinball loss: mean demand a month."""
    return np.asarray(known.mean(axis=1))


def mean_change(known: Matrix) -> Matrix:
    """The scale of the M5 competition: mean absolute change from month to month."""
    return np.asarray(np.abs(np.diff(known, axis=1)).mean(axis=1))


def pinball(known: Matrix, actual: Matrix, quantiles: Matrix, scale: Scale) -> float:
    """Mean loss over series and `QUANTILES`, each series' divided by its scale."""
    levels = np.asarray(QUANTILES)
    error = actual[:, None] - quantiles
    return float((np.maximum(levels * error, (levels - 1) * error).mean(axis=1) / scale(known)).mean())


def measure_carparts(scale: Scale = mean_demand) -> Measured:
    """RMSSE of the year held out, and pinball of the demand of one and of three months."""
    y = car_parts()
    known, actual = y[:, :-HELD_OUT], y[:, -HELD_OUT:]
    ours = forecast(long_frame(known), horizon=HELD_OUT, season=SEASON).rows["y_hat"].to_numpy(np.float64)
    figures = {"ours": rmsse(known, actual, ours.reshape(len(y), HELD_OUT))}
    for name, point in {**_points(known, HELD_OUT), "AutoETS": _auto_ets(known, HELD_OUT)[0]}.items():
        figures[name] = rmsse(known, actual, point)
    measured = {"carparts_rmsse": _value(figures)}
    for lead_time in LEAD_TIMES:
        losses: dict[str, list[float]] = {}
        for month in range(y.shape[1] - HELD_OUT, y.shape[1] - lead_time + 1):
            found = y[:, month : month + lead_time].sum(axis=1)
            for name, quantiles in _lead_time_quantiles(y[:, :month], lead_time).items():
                losses.setdefault(name, []).append(pinball(y[:, :month], found, quantiles, scale))
        measured[f"carparts_pinball_lt{lead_time}"] = _value({name: float(np.mean(v)) for name, v in losses.items()})
    return measured


def _value(figures: Mapping[str, float]) -> Value:
    return Value(figures["ours"], {name: figure for name, figure in figures.items() if name != "ours"})


def _points(known: Matrix, horizon: int) -> dict[str, Matrix]:
    from statsforecast.models import TSB, CrostonClassic, CrostonSBA, Naive, SeasonalNaive

    models = {
        "naive": Naive(),
        "seasonal naive": SeasonalNaive(season_length=SEASON),
        "Croston": CrostonClassic(),
        "SBA": CrostonSBA(),
        "TSB": TSB(alpha_d=TSB_ALPHA, alpha_p=TSB_ALPHA),
    }
    points = {"zero": np.zeros((len(known), horizon))}
    for name, model in models.items():
        points[name] = np.array([model.forecast(row, horizon)["mean"] for row in known])
    return points


def _auto_ets(known: Matrix, horizon: int) -> tuple[Matrix, Matrix]:
    """Means and variances of each step ahead; the seasonal form is no better here and takes a hundred times as long."""
    from statsforecast.models import AutoETS

    means, variances = [], []
    for row in known:
        fitted = AutoETS(season_length=1).forecast(row, horizon, level=[95])
        means.append(fitted["mean"])
        variances.append(((fitted["hi-95"] - fitted["mean"]) / 1.96) ** 2)
    return np.array(means), np.array(variances)


def _lead_time_quantiles(known: Matrix, lead_time: int) -> dict[str, Matrix]:
    from scipy.special import ndtri

    levels = np.asarray(QUANTILES)
    (ours,) = lead_time_demand(long_frame(known), lead_times=[lead_time], quantiles=QUANTILES, season=SEASON)
    found = {"ours": ours.quantiles}
    points = _points(known, lead_time)
    variance = lead_time * known.var(axis=1)
    for name, point in points.items():
        total = point.sum(axis=1)
        if name in ("Croston", "SBA", "TSB"):
            found[name] = quantiles_of_counts(total, variance, levels)
        else:
            found[name] = np.repeat(total[:, None], len(levels), axis=1)
    mean, step_variance = _auto_ets(known, lead_time)
    width = np.sqrt(step_variance.sum(axis=1))
    found["AutoETS"] = np.maximum(mean.sum(axis=1)[:, None] + width[:, None] * ndtri(levels), 0.0)
    return found
