"""Scores of forecasts that were made, against what has become known since.

Belongs here: actuals and naive forecasts of the rows of older forecasts, and their sums. Does not: what a score means
for a check (see `expectations/forecast.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from orchestration.forecasting.engine import QUANTILES
from orchestration.forecasting.hierarchy import Matrix
from orchestration.forecasting.nodes import (
    CATEGORY,
    DAYS_PER_WEEK,
    MARKET,
    PRODUCT,
    REST,
    SUBDIVISION,
    MarketSeries,
    Whole,
    by_category,
)
from orchestration.forecasting.tables import DAY, QUANTILE_COLUMNS, SCORE_COLUMNS

DAYS_PER_YEAR_OF_WEEKS = 364
DAYS_OF_MEAN = 28


def pinball(actual: Matrix, quantiles: Matrix) -> Matrix:
    """Mean pinball loss over `QUANTILES` (last axis) of each forecast."""
    levels = np.asarray(QUANTILES)
    off = actual[..., None] - quantiles
    return np.asarray(np.maximum(levels * off, (levels - 1) * off).mean(axis=-1))


def score(kept: pd.DataFrame, series: MarketSeries) -> pd.DataFrame:
    """`SCORE_COLUMNS` of the rows of older forecasts whose days are all known by now.

    `kept` has the columns of `demand_forecast` for one market. The naive forecasts are those of the day on which each
    forecast was made. A rest is what its category sold less the products that had rows of their own at that day.
    """
    known = _Known.of(series)
    parts = []
    for made_on, rows in kept.groupby("made_on", sort=True):
        day = np.datetime64(pd.Timestamp(str(made_on)).date(), "D")
        if series.first_day < day < series.made_on:
            parts.append(_compared(rows, series, known, day))
    compared = [part for part in parts if len(part)]
    if not compared:
        return pd.DataFrame(columns=list(SCORE_COLUMNS))
    return _summed(pd.concat(compared, ignore_index=True))


@dataclass(frozen=True, eq=False)
class _Known:
    """Cumulated units by day of all nodes but the rests, and the row of each."""

    sums: Matrix
    place: Mapping[tuple[str, str], int]

    @staticmethod
    def of(series: MarketSeries) -> "_Known":
        daily = [series.units.sum(axis=0)[None], by_category(series, series.units)]
        names = [
            *((MARKET, one) for one in (series.market,)),
            *((CATEGORY, one) for one in series.categories),
            *((SUBDIVISION, one) for one in series.subdivisions),
            *((PRODUCT, one) for one in series.product_keys),
        ]
        stacked = np.vstack([*daily, series.subdivision_units, series.units])
        return _Known(_cumulated(stacked), {name: row for row, name in enumerate(names)})

    def with_rests(self, rows: pd.DataFrame, series: MarketSeries) -> tuple[Matrix, Whole]:
        """The sums of the nodes that `rows` name, each once, and the row of each; -1 for one that is not known."""
        codes, pairs = pd.MultiIndex.from_arrays([rows["node_type"], rows["node_id"]]).factorize()
        own = {str(node) for kind, node in pairs if kind == PRODUCT}
        is_rest = np.asarray([key not in own for key in series.product_keys])
        rests = _cumulated(by_category(series, np.where(is_rest[:, None], series.units, 0.0)))
        category = {name: row for row, name in enumerate(series.categories)}
        sums = np.zeros((len(pairs), self.sums.shape[1]))
        is_known = np.ones(len(pairs), dtype=bool)
        for row, (kind, node) in enumerate(pairs):
            if kind == REST and node in category:
                sums[row] = rests[category[node]]
            elif (kind, node) in self.place:
                sums[row] = self.sums[self.place[kind, node]]
            else:
                is_known[row] = False
        return sums, np.where(is_known[codes], codes, -1)


def _compared(rows: pd.DataFrame, series: MarketSeries, known: _Known, made_on: np.datetime64) -> pd.DataFrame:
    """The rows whose target is known, with actual and naive figures."""
    is_day = (rows["step"] == DAY).to_numpy()
    start = (rows["target_on"].to_numpy().astype("datetime64[D]") - series.first_day).astype(int)
    length = np.where(is_day, 1, DAYS_PER_WEEK)
    sums, node = known.with_rests(rows, series)
    is_judged = (start >= 0) & (start + length <= series.day_count) & (node >= 0)
    rows = rows[is_judged]
    start, length, is_day, node = start[is_judged], length[is_judged], is_day[is_judged], node[is_judged]
    origin = int((made_on - series.first_day).astype(int))
    # A week repeats last year's, a day last week's; without a year before it a week repeats the last one.
    last_week = start - DAYS_PER_WEEK * (1 + (start - origin) // DAYS_PER_WEEK)
    year_before = start - DAYS_PER_YEAR_OF_WEEKS
    naive_at = np.where(is_day | (year_before < 0), last_week, year_before)
    before = max(0, origin - DAYS_OF_MEAN)
    return rows.assign(
        n=1,
        actual_qty=sums[node, start + length] - sums[node, start],
        naive_qty=sums[node, np.maximum(naive_at + length, 0)] - sums[node, np.maximum(naive_at, 0)],
        mean_qty=(sums[node, origin] - sums[node, before]) / DAYS_OF_MEAN * length,
    )


def _cumulated(daily: Matrix) -> Matrix:
    return np.hstack([np.zeros((len(daily), 1)), daily.cumsum(axis=1)])


def _summed(rows: pd.DataFrame) -> pd.DataFrame:
    actual = rows["actual_qty"].to_numpy(float)
    quantiles = rows[list(QUANTILE_COLUMNS)].to_numpy(float)
    naive = rows["naive_qty"].to_numpy(float)
    of_naive = np.repeat(naive[:, None], len(QUANTILES), axis=1)
    by = {name: quantiles[:, place] for place, name in enumerate(QUANTILE_COLUMNS)}
    rows = rows.assign(
        absolute_error_qty=(rows["forecast_qty"] - actual).abs(),
        naive_absolute_error_qty=np.abs(naive - actual),
        mean_absolute_error_qty=(rows["mean_qty"] - actual).abs(),
        coverage_80_pct=100.0 * ((actual >= by["p100_qty"]) & (actual <= by["p900_qty"])),
        coverage_95_pct=100.0 * ((actual >= by["p025_qty"]) & (actual <= by["p975_qty"])),
        pinball=pinball(actual, quantiles),
        naive_pinball=pinball(actual, of_naive),
    )
    keys = ["market", "month", "node_type", "step", "made_on", "horizon", "model_code"]
    totals = ["n", "actual_qty", "forecast_qty", "absolute_error_qty", "naive_absolute_error_qty"]
    totals += ["mean_absolute_error_qty", "coverage_80_pct", "coverage_95_pct", "pinball", "naive_pinball"]
    table = rows.groupby(keys, sort=True)[totals].sum().reset_index()
    sold = table["actual_qty"].where(table["actual_qty"] > 0)
    naive_error = table["naive_absolute_error_qty"].where(table["naive_absolute_error_qty"] > 0)
    table = table.assign(
        wape=table["absolute_error_qty"] / sold,
        naive_wape=table["naive_absolute_error_qty"] / sold,
        mean_wape=table["mean_absolute_error_qty"] / sold,
        fva_pct=100 * (1 - table["absolute_error_qty"] / naive_error),
        bias_pct=100 * (table["forecast_qty"] - table["actual_qty"]) / sold,
        coverage_80_pct=table["coverage_80_pct"] / table["n"],
        coverage_95_pct=table["coverage_95_pct"] / table["n"],
        pinball=table["pinball"] / sold,
        naive_pinball=table["naive_pinball"] / sold,
    )
    return table[list(SCORE_COLUMNS)]
