"""Ten thousand daily series of two years: how long the engine takes for 28 days ahead, and how much memory.

    python -m benchmarks.forecasting_daily COUNT     one run, in this process; prints its figures as JSON

Belongs here: the series, the run, its scores. Does not: promises (see `forecasting.py`).
The series are drawn, not real: smooth, erratic, intermittent and lumpy ones, each with its own season of the week and
of the year, its own trend, one in six with a level shift, a few with outliers, gaps or an end of sales.
"""

import json
import sys
import time

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.harness import BenchmarkError, Measured, Value, run_command
from orchestration.settings import PROJECT_ROOT

DAYS, HORIZON, SEASON = 730, 28, 7
SIZES = (2_500, 5_000, 10_000)
SEED = 20261123

Matrix = npt.NDArray[np.float64]


def daily_series(count: int, *, days: int = DAYS + HORIZON, seed: int = SEED) -> Matrix:
    """Daily units, (count, days); every series is a count, and the same seed gives the same first series."""
    rng = np.random.default_rng(seed)
    at = np.arange(days)
    y = np.empty((count, days))
    for row in range(count):
        kind = row % 4
        level = float(np.exp(rng.normal((3.0, 2.5, -1.5, -1.0)[kind], 0.8)))
        week = np.exp(rng.normal(0, 0.25, 7))[at % 7]
        year = np.exp(rng.uniform(0, 0.6) * np.cos(2 * np.pi * (at - rng.normal(340, 30)) / 365.25))
        mean = level * week / week[:7].mean() * year * np.exp(rng.normal(0, 0.2) * at / days)
        if rng.random() < 1 / 6:
            mean[rng.integers(60, days - 60) :] *= np.exp(rng.normal(0, 0.7))
        if rng.random() < 0.03:
            mean[rng.integers(days // 2, days) :] = 0.0
        # Overdispersion: a gamma mean of each day under the Poisson count makes it negative binomial.
        shape = (20.0, 2.0, 5.0, 0.7)[kind]
        y[row] = rng.poisson(mean * rng.gamma(shape, 1 / shape, days))
        if kind == 3:
            y[row] *= rng.geometric(0.3, days)
        if rng.random() < 0.05:
            y[row, rng.integers(0, days, 2)] *= 50
    return y


def long_frame(y: Matrix) -> pd.DataFrame:
    """The long frame (unique_id, ds, y) of daily series that begin on the first of January 2024."""
    count, days = y.shape
    names = np.array([f"s{row:05d}" for row in range(count)], dtype=object)
    ds = np.datetime64("2024-01-01", "D") + np.arange(days)
    return pd.DataFrame({"unique_id": np.repeat(names, days), "ds": np.tile(ds, count), "y": y.ravel()})


def run(count: int) -> dict[str, float]:
    """Forecast `count` series through the engine: seconds, and the WAPE and coverage that were reached."""
    from orchestration.forecasting.engine import forecast

    y = daily_series(count)
    history = long_frame(y[:, :DAYS])
    started, used = time.perf_counter(), time.process_time()
    rows = forecast(history, horizon=HORIZON, season=SEASON).rows
    figures = {"wall_s": time.perf_counter() - started, "cpu_s": time.process_time() - used}
    actual = y[:, DAYS:].ravel()
    naive = np.tile(y[:, DAYS - SEASON : DAYS], (1, HORIZON // SEASON)).ravel()
    y_hat = rows["y_hat"].to_numpy(float)
    figures["wape"] = float(np.abs(y_hat - actual).sum() / actual.sum())
    figures["naive_wape"] = float(np.abs(naive - actual).sum() / actual.sum())
    figures["bias"] = float((y_hat - actual).sum() / actual.sum())
    is_within = (actual >= rows["p025"].to_numpy(float)) & (actual <= rows["p975"].to_numpy(float))
    figures["coverage95"] = float(is_within.mean())
    return figures


def measure_daily() -> Measured:
    """Seconds and peak memory of `SIZES`, each in a process of its own; the smaller ones show how they grow."""
    wall: dict[int, float] = {}
    peak: dict[int, float] = {}
    others: dict[str, float] = {}
    for size in SIZES:
        command = [sys.executable, "-m", "benchmarks.forecasting_daily", str(size)]
        done = run_command(command, cwd=PROJECT_ROOT, timeout_s=1800)
        lines = done.output.strip().splitlines()
        if not lines:
            raise BenchmarkError(f"{' '.join(command)}: it printed nothing")
        wall[size], peak[size] = json.loads(lines[-1])["wall_s"], done.peak_gb
        others = {key: value for key, value in json.loads(lines[-1]).items() if key != "wall_s"}
    smaller = [size for size in SIZES if size != SIZES[-1]]
    return {
        "daily_10k_wall_s": Value(wall[SIZES[-1]], {**{f"{size} series": wall[size] for size in smaller}, **others}),
        "daily_10k_peak_gb": Value(peak[SIZES[-1]], {f"{size} series": peak[size] for size in smaller}),
    }


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]))))
