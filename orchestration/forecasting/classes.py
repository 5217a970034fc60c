"""Classes of series: how often something is sold, and how much the sales vary.

Belongs here: the classes and their limits. Does not: which models a class may use (see `engine.py`).
"""

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestration.forecasting.panel import Panel, panel

SeriesClass = Literal["smooth", "erratic", "intermittent", "lumpy", "short", "constant", "empty"]
SERIES_CLASSES: tuple[SeriesClass, ...] = get_args(SeriesClass)

# Syntetos, Boylan and Croston, "On the categorization of demand patterns", JORS 56 (2005): where the errors of Croston
# and of Syntetos and Boylan's correction cross.
INTERVAL_LIMIT = 1.32
SQUARED_VARIATION_LIMIT = 0.49
# Fewer known values than these say nothing about a pattern.
MIN_KNOWN = 4


def classify(history: pd.DataFrame) -> pd.DataFrame:
    """Class of each series of a long frame (unique_id, ds, y), in its order: (unique_id, series_class)."""
    series = panel(history)
    return pd.DataFrame({"unique_id": np.asarray(series.ids, dtype=object), "series_class": class_of(series)})


def class_of(series: Panel) -> npt.NDArray[np.object_]:
    """Class of each row of a panel.

    `empty` knows no value but zero; `short` has fewer than `MIN_KNOWN` values; `constant` only one value. Of the rest,
    the mean interval between values other than zero (unknown times do not count) separates smooth and erratic from
    intermittent and lumpy, and the squared coefficient of variation of their sizes separates the first of each pair
    from the second.
    """
    is_known = np.isfinite(series.y)
    y = np.where(is_known, series.y, 0.0)
    is_sale = y != 0
    known, sales = is_known.sum(axis=1), is_sale.sum(axis=1)
    interval = known / np.maximum(sales, 1)
    size = np.abs(y)
    mean = size.sum(axis=1) / np.maximum(sales, 1)
    squares = np.where(is_sale, (size - mean[:, None]) ** 2, 0.0).sum(axis=1)
    # The sample variance: sizes of a handful of sales would else look steadier than they are.
    variance = squares / np.maximum(sales - 1, 1)
    variation = np.divide(variance, mean**2, out=np.zeros_like(mean), where=mean > 0)
    lowest = np.where(is_known, series.y, np.inf).min(axis=1, initial=np.inf)
    highest = np.where(is_known, series.y, -np.inf).max(axis=1, initial=-np.inf)
    is_rare, is_varied = interval >= INTERVAL_LIMIT, variation >= SQUARED_VARIATION_LIMIT
    return np.asarray(
        np.select(
            [sales == 0, known < MIN_KNOWN, lowest == highest, is_rare & is_varied, is_rare, is_varied],
            ["empty", "short", "constant", "lumpy", "intermittent", "erratic"],
            "smooth",
        ).astype(object)
    )
