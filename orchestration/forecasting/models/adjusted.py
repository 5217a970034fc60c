"""Series without their seasons and outliers, in the form from which `pooled.py` and `counts.py` learn.

Belongs here: seasonal indices that a series shares with its panel, capped outliers, scale. Does not: forecasts.
"""

from dataclasses import dataclass

import numpy as np

from orchestration.forecasting.panel import Counts, Flags, Matrix, Panel

# In the logarithms of the sizes of sales, a value so many robust standard deviations above their median is an outlier
# unless its neighbours are as large: then it is a level shift, which stays. The least deviation keeps a series that
# hardly varies from losing every promotion.
OUTLIER_DEVIATIONS, LEAST_DEVIATION = 4.0, 0.35
MIN_SALES_TO_JUDGE = 8
NEIGHBOURS = 7
# A median absolute deviation of the normal distribution times this is its standard deviation.
MAD_TO_DEVIATION = 1.4826
MIN_SEASONS = 2
DAYS_PER_WEEK, DAYS_PER_YEAR = 7, 365.25
MIN_YEARS = 1.9
YEAR_HARMONICS = 2
INDEX_LIMITS = (0.1, 10.0)


@dataclass(frozen=True, eq=False)
class Adjusted:
    """A panel's values divided by their seasonal index, unknown ones 0; `future_index` are those of the steps ahead.

    `age` counts the steps since a series began, `scale` is the root mean square of its changes from step to step.
    """

    y: Matrix
    is_known: Flags
    age: Counts
    scale: Matrix
    season: int
    future_index: Matrix


def adjusted(series: Panel, horizon: int) -> Adjusted:
    """The panel without outliers, season and, for daily series of two years (season 7), the season of the year."""
    is_known = np.isfinite(series.y)
    y = capped(np.where(is_known, series.y, 0.0), is_known)
    width = y.shape[1]
    index = np.ones((len(y), width + horizon))
    if series.season > 1:
        index *= season_index(y, is_known, series.season)[:, np.arange(width + horizon) % series.season]
    if series.season == DAYS_PER_WEEK and width >= MIN_YEARS * DAYS_PER_YEAR:
        index *= year_index(y / index[:, :width], is_known, horizon)
    plain = np.where(is_known, y / index[:, :width], 0.0)
    age = np.cumsum(series.is_history, axis=1)
    return Adjusted(plain, is_known, age, _scale(plain, is_known), series.season, index[:, width:])


def capped(y: Matrix, is_known: Flags) -> Matrix:
    """Values above a series' cap, set to the cap; negative units below minus the cap likewise."""
    size = np.where(is_known & (y != 0), np.abs(y), np.nan)
    is_judged = np.isfinite(size).sum(axis=1) >= MIN_SALES_TO_JUDGE
    if not is_judged.any():
        return y
    logs = np.log(size[is_judged])
    middle = np.nanmedian(logs, axis=1)
    deviation = MAD_TO_DEVIATION * np.nanmedian(np.abs(logs - middle[:, None]), axis=1)
    factor = np.full(len(y), np.inf)
    factor[is_judged] = np.exp(OUTLIER_DEVIATIONS * np.maximum(deviation, LEAST_DEVIATION))
    usual = np.zeros(len(y))
    usual[is_judged] = np.exp(middle)
    with np.errstate(invalid="ignore"):
        rows, columns = np.nonzero(size > (factor * np.maximum(usual, np.finfo(float).tiny))[:, None])
    if not len(rows):
        return y
    near = columns[:, None] + np.r_[-NEIGHBOURS:0, 1 : NEIGHBOURS + 1]
    is_inside = (near >= 0) & (near < y.shape[1])
    around = np.where(is_inside, size[rows[:, None], np.clip(near, 0, y.shape[1] - 1)], np.nan)
    # Without a sale nearby the whole series is the measure.
    around[:, 0] = np.where(np.isnan(around).all(axis=1), usual[rows], around[:, 0])
    cap = factor[rows] * np.maximum(usual[rows], np.nanmedian(around, axis=1))
    clean = y.copy()
    clean[rows, columns] = np.clip(y[rows, columns], -cap, cap)
    return clean


def season_index(y: Matrix, is_known: Flags, season: int) -> Matrix:
    """Multiplicative index of each place of the season, (series, season), counted from the first column.

    The index of a series is drawn towards the panel's by as much as its own is noise (empirical Bayes): a series of
    rare sales takes the panel's whole. Series with negative units or fewer than two seasons have none.
    """
    n, width = y.shape
    whole = width // season * season
    index = np.ones((n, season))
    if whole < MIN_SEASONS * season:
        return index
    # Counted from the end, so that every place is there equally often.
    seasons = y[:, width - whole :].reshape(n, -1, season)
    known = is_known[:, width - whole :].reshape(n, -1, season)
    is_full = known.all(axis=2)
    level = np.where(is_full, seasons.mean(axis=2), 0.0)
    is_used = is_full & (level > 0)
    count = is_used.sum(axis=1)
    chosen = (count >= MIN_SEASONS) & ~((y < 0) & is_known).any(axis=1)
    if not chosen.any():
        return index
    share = np.divide(seasons, level[:, :, None], out=np.zeros_like(seasons), where=is_used[:, :, None])
    weight = np.where(is_used, level, 0.0)
    total = np.maximum(weight.sum(axis=1), np.finfo(float).tiny)
    own = (share * weight[:, :, None]).sum(axis=1) / total[:, None]
    spread = np.where(is_used[:, :, None], (share - own[:, None]) ** 2, 0.0).sum(axis=(1, 2))
    noise = spread / np.maximum(count * season - season, 1) / np.maximum(count, 1)
    shift = (width - whole) % season
    index[chosen] = np.roll(_shrunk(own[chosen], noise[chosen]), shift, axis=1)
    return np.asarray(np.clip(index, *INDEX_LIMITS))


def year_index(x: Matrix, is_known: Flags, horizon: int) -> Matrix:
    """Multiplicative index of the year for each column and step ahead: two harmonics, drawn towards the panel's."""
    n, width = x.shape
    at = np.arange(width + horizon)
    turns = 2 * np.pi * at / DAYS_PER_YEAR
    waves = np.stack([one(k * turns) for k in range(1, YEAR_HARMONICS + 1) for one in (np.cos, np.sin)], axis=1)
    # A level and a trend beside the waves, or a growing series would seem to have its season in December.
    design = np.column_stack([np.ones(width), at[:width] / width - 0.5, waves[:width]])
    chosen = is_known.mean(axis=1) > MIN_YEARS * DAYS_PER_YEAR / (width + 1)
    chosen &= ~((x < 0) & is_known).any(axis=1) & ((x * is_known).sum(axis=1) > 0)
    index = np.ones((n, width + horizon))
    if not chosen.any():
        return index
    mean = (x[chosen] * is_known[chosen]).sum(axis=1) / is_known[chosen].sum(axis=1)
    relative = np.where(is_known[chosen], x[chosen] / mean[:, None], 1.0)
    inverse = np.linalg.inv(design.T @ design)
    found = relative @ design @ inverse
    left = relative - found @ design.T
    # Errors of days next to each other are alike: their variance counts by the month.
    months = left[:, : width // 30 * 30].reshape(len(left), -1, 30).mean(axis=2)
    variance = 30 * months.var(axis=1)
    own, centre = found[:, 2:], np.median(found[:, 2:], axis=0)
    noise = variance[:, None] * np.diag(inverse)[2:]
    between = np.maximum(((own - centre) ** 2).mean(axis=0) - noise.mean(axis=0), 0.0)
    kept = between / np.maximum(between + noise, np.finfo(float).tiny)
    index[chosen] = np.clip(1 + (centre + kept * (own - centre)) @ waves.T, *INDEX_LIMITS)
    return index


def _shrunk(own: Matrix, noise: Matrix) -> Matrix:
    """Indices of each series drawn towards the median series' by the share of their variance that is noise."""
    steady = 1 / (noise + np.median(noise) + np.finfo(float).tiny)
    centre = (own * steady[:, None]).sum(axis=0) / steady.sum()
    distance = ((own - centre) ** 2).mean(axis=1)
    between = max(float((steady * (distance - noise)).sum() / steady.sum()), 0.0)
    kept = between / (between + noise + np.finfo(float).tiny)
    return np.asarray(centre + kept[:, None] * (own - centre))


def _scale(y: Matrix, is_known: Flags) -> Matrix:
    """Root mean square of the changes between known neighbours; the panel's median where a series does not change."""
    both = is_known[:, 1:] & is_known[:, :-1]
    squares = np.where(both, np.diff(y, axis=1) ** 2, 0.0).sum(axis=1)
    scale = np.sqrt(squares / np.maximum(both.sum(axis=1), 1))
    usual = np.median(scale[scale > 0]) if (scale > 0).any() else 1.0
    return np.where(scale > 0, scale, usual)
