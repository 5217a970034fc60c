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
# What an outlier counts for in a sum, at most, as a multiple of the cap: a mistyped quantity is a thousand times it.
BELIEVED_CAPS = 3.0
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
    `whole` is `y` with its outliers, as far as they can be believed: no level follows them, but the panel sells them,
    and its sums must hold them.
    """

    y: Matrix
    whole: Matrix
    is_known: Flags
    age: Counts
    scale: Matrix
    season: int
    future_index: Matrix

    def rows(self, chosen: Counts) -> "Adjusted":
        """Some of the series."""
        return Adjusted(
            self.y[chosen],
            self.whole[chosen],
            self.is_known[chosen],
            self.age[chosen],
            self.scale[chosen],
            self.season,
            self.future_index[chosen],
        )


def adjusted(series: Panel, horizon: int, *, is_seasonal: bool = True) -> Adjusted:
    """The panel without outliers, season and, for daily series of two years (season 7), the season of the year.

    Without `is_seasonal` both seasons stay.
    """
    is_known = np.isfinite(series.y)
    told = np.where(is_known, series.y, 0.0)
    y = capped(told, is_known)
    told = np.where(told > y, np.minimum(told, BELIEVED_CAPS * y), told)
    width = y.shape[1]
    index = np.ones((len(y), width + horizon))
    if is_seasonal and series.season > 1:
        index *= season_index(y, is_known, series.season)[:, np.arange(width + horizon) % series.season]
    if is_seasonal and series.season == DAYS_PER_WEEK and width >= MIN_YEARS * DAYS_PER_YEAR:
        index *= year_index(y / index[:, :width], is_known, horizon)
    plain = np.where(is_known, y / index[:, :width], 0.0)
    age = np.cumsum(series.is_history, axis=1, dtype=np.int64)
    return Adjusted(
        plain, told / index[:, :width], is_known, age, _scale(plain, is_known), series.season, index[:, width:]
    )


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
    """The `_season_index` of a panel, or 1 where the last season of all series together does not confirm it.

    The index learnt without the last season must bring that season's values nearer to their moving mean: a decline or
    two years' common accidents look like a season, and would be repeated.
    """
    width = y.shape[1]
    learnt = _season_index(y[:, : width - season], is_known[:, : width - season], season)
    level, is_tested = _moving_mean(y, is_known, season)
    is_tested[:, : max(width - season - season // 2, 0)] = False
    is_tested &= level > 0
    place = np.arange(width) % season
    mean = level.sum(axis=1) / np.maximum((level > 0).sum(axis=1), 1)
    share = np.divide(level, mean[:, None], out=np.zeros_like(level), where=mean[:, None] > 0)
    error = np.divide(y - level, mean[:, None], out=np.zeros_like(level), where=mean[:, None] > 0)
    lift = (learnt[:, place] - 1) * share
    squares, gains = (np.where(is_tested, one, 0.0).sum(axis=1) for one in (error**2, 2 * error * lift - lift**2))
    # Each series counts by how steady it is.
    weight = 1 / (squares + np.median(squares) + np.finfo(float).tiny)
    if float((weight * gains).sum()) <= 0:
        return np.ones((len(y), season))
    return _season_index(y, is_known, season)


def _season_index(y: Matrix, is_known: Flags, season: int) -> Matrix:
    """Multiplicative index of each place of the season, (series, season), counted from the first column.

    The index of a series is drawn towards the panel's by as much as its own is noise (empirical Bayes): a series of
    rare sales takes the panel's whole. Series with negative units or fewer than two seasons have none.
    """
    n, width = y.shape
    index = np.ones((n, season))
    level, is_used = _moving_mean(y, is_known, season)
    is_used &= level > 0
    place = np.arange(width) % season
    count = np.stack([is_used[:, place == one].sum(axis=1) for one in range(season)], axis=1)
    chosen = (count.min(axis=1) >= MIN_SEASONS - 1) & (is_used.sum(axis=1) > season)
    chosen &= ~((y < 0) & is_known).any(axis=1)
    if not chosen.any():
        return index
    y, level, is_used, count = y[chosen], np.where(is_used, level, 0.0)[chosen], is_used[chosen], count[chosen]
    # Weights by level: a ratio to a level near zero is no information.
    sums = [np.stack([one[:, place == k].sum(axis=1) for k in range(season)], axis=1) for one in (y * is_used, level)]
    own = sums[0] / sums[1]
    own /= own.mean(axis=1, keepdims=True)
    spread = np.where(is_used, (y - own[:, place] * level) ** 2, 0.0).sum(axis=1)
    per_step = spread / np.maximum(is_used.sum(axis=1) - season, 1)
    mean = level.sum(axis=1) / is_used.sum(axis=1)
    noise = per_step / mean**2 / count.mean(axis=1)
    steady = 1 / (noise + np.median(noise) + np.finfo(float).tiny)
    centre = _shared_index(y / mean[:, None], level / mean[:, None], is_used, steady, place)
    index[chosen] = _shrunk(own, noise, centre, steady)
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


def _moving_mean(y: Matrix, is_known: Flags, season: int) -> tuple[Matrix, Flags]:
    """Mean of the season around each column, the half steps at both ends of an even season; and where it is known."""
    n, width = y.shape
    level, is_whole = np.zeros((n, width)), np.zeros((n, width), dtype=bool)
    half = season // 2
    if width < 2 * half + 1:
        return level, is_whole
    kernel = np.ones(2 * half + 1)
    if season % 2 == 0:
        kernel[[0, -1]] = 0.5
    total, known = np.cumsum(np.where(is_known, y, 0.0), axis=1), np.cumsum(is_known, axis=1)
    total, known = (np.concatenate([np.zeros((n, 1)), one], axis=1) for one in (total, known))
    inner = slice(half, width - half)
    window = total[:, 2 * half + 1 :] - total[:, : width - 2 * half]
    if season % 2 == 0:
        window = window - (y[:, : width - 2 * half] + y[:, 2 * half :]) / 2
    level[:, inner] = window / kernel.sum()
    is_whole[:, inner] = known[:, 2 * half + 1 :] - known[:, : width - 2 * half] == 2 * half + 1
    return level, is_whole


def _shared_index(share: Matrix, level: Matrix, is_used: Flags, steady: Matrix, place: Counts) -> Matrix:
    """Index of the panel, drawn towards 1 by as much as its years disagree: a strike is in all series, and no season.

    `share` and `level` are in units of each series' mean, so that each counts by how `steady` it is.
    """
    weight = np.where(is_used, steady[:, None], 0.0)
    above, below = (share * weight).sum(axis=0), (level * weight).sum(axis=0)
    is_some = below > 0
    season = int(place.max()) + 1
    centre = np.bincount(place[is_some], above[is_some], season) / np.bincount(place[is_some], below[is_some], season)
    ratio = above[is_some] / below[is_some]
    count = np.bincount(place[is_some], minlength=season)
    freedom = max(int(is_some.sum()) - season, 1)
    noise = float(((ratio - centre[place[is_some]]) ** 2).sum()) / freedom / count.mean()
    centre = centre / centre.mean()
    kept = max(0.0, 1 - noise / max(float(centre.var()), np.finfo(float).tiny))
    return np.asarray(1 + kept * (centre - 1))


def _shrunk(own: Matrix, noise: Matrix, centre: Matrix, steady: Matrix) -> Matrix:
    """Indices of each series drawn towards the panel's by the share of their variance that is noise."""
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
