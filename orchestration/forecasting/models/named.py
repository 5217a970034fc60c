"""Every model by its name, for who wants others than the engine's own choice: `--models` of the command line.

Belongs here: names. Does not: models, and which of the named ones forecasts a class (see `choice.py`).
"""

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from orchestration.forecasting.classes import SERIES_CLASSES
from orchestration.forecasting.models import Model, intermittent, library, naive, pooled, statistics
from orchestration.forecasting.models.combination import Combination

MODELS: Mapping[str, Callable[[], Model]] = {
    "combination": Combination,
    "combination_searched": library.LibraryCombination,
    "pooled_smoothing": pooled.pooled_smoothing,
    "pooled_seasonal": pooled.pooled_seasonal,
    "seasonal_naive": naive.SeasonalNaive,
    "recent_mean": naive.RecentMean,
    "croston": intermittent.croston,
    "sba": intermittent.sba,
    "tsb": intermittent.Tsb,
    "adida": intermittent.adida,
    "imapa": intermittent.imapa,
    "auto_ets": library.auto_ets,
    "auto_ces": library.auto_ces,
    "auto_theta": library.auto_theta,
    "dynamic_optimised_theta": library.dynamic_optimised_theta,
    "statsmodels_ets": statistics.ExponentialSmoothing,
    "statsmodels_theta": statistics.Theta,
    "unobserved_components": statistics.UnobservedComponents,
    "sarimax": statistics.Sarimax,
}
COUNT_REGRESSION = "count_regression"
NAMES = (*MODELS, COUNT_REGRESSION)


def named_candidates(names: Sequence[str], regressors: pd.DataFrame | None = None) -> Mapping[str, tuple[Model, ...]]:
    """These models for every class; rolling-origin cross-validation chooses, and the first stands where none is better.

    regressors: unique_id, ds and columns of numbers, of the history and the steps ahead, for the count regression.
    Raises ValueError for an unknown name.
    """
    if wrong := [name for name in names if name not in NAMES]:
        raise ValueError(f"no such model: {', '.join(wrong)}; there are {', '.join(NAMES)}")
    models = tuple(
        statistics.CountRegression(regressors) if name == COUNT_REGRESSION else MODELS[name]() for name in names
    )
    return {**dict.fromkeys(SERIES_CLASSES, models), "empty": (naive.RecentMean(),)}
