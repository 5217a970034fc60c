"""Series without their season, scaled, and the way back: what the models of `grid.py` and `theta.py` are given.

Belongs here: seasonal indices, scale, logarithms. Does not: models.

Indices are those of the classical decomposition, multiplicative where all values are positive, else additive, and
shrunken towards none by as much as they vary from year to year (Miller and Williams 2003): on series of few years
most of a raw index is noise. So the test whether there is a season may be lenient.
"""

from dataclasses import dataclass, replace

import numpy as np

from orchestration.forecasting.models.grid import Series
from orchestration.forecasting.panel import Flags, Matrix, Panel

# The classical theta method asks for 1.645 (90 %); shrinkage takes care of what a lower bar lets in.
SEASON_TEST = 0.7
# Logarithms of a scaled series: a forecast beyond e⁵ times its mean is an explosion in any case.
_LARGEST_LOG = 5.0


@dataclass(frozen=True, eq=False)
class Adjusted:
    """`series` begin in column 0, have no season and a mean of about one; `restore` gives forecasts their units back.

    In the `logs` only series of positive values are logarithms: others stay as they are.
    """

    series: Series
    factor: Matrix
    addend: Matrix
    scale: Matrix
    is_log: Flags

    def restore(self, y_hat: Matrix) -> Matrix:
        """Forecasts (series × horizon) in the units of the panel."""
        plain = np.where(self.is_log[:, None], np.exp(np.clip(y_hat, -_LARGEST_LOG, _LARGEST_LOG)), y_hat)
        return np.asarray((plain * self.factor + self.addend) * self.scale[:, None])

    def logs(self) -> "Adjusted":
        """The same series on the scale of logarithms."""
        y, known = self.series.y, np.arange(self.series.y.shape[1]) < self.series.lengths[:, None]
        is_positive = np.where(known, y, 1.0).min(axis=1, initial=1.0) > 0
        chosen = known & is_positive[:, None]
        logs = np.where(chosen, np.log(np.where(chosen, np.maximum(y, 1e-3), 1.0)), y)
        return replace(self, series=Series(logs, self.series.lengths), is_log=is_positive)


def adjusted(panel: Panel, horizon: int) -> Adjusted:
    """The panel's series, unknown values interpolated, without season where one shows."""
    filled = panel.filled()
    lengths = panel.lengths
    season, count = panel.season, len(lengths)
    y = np.zeros((count, int(lengths.max(initial=1))))
    factor, addend, scale = np.ones((count, horizon)), np.zeros((count, horizon)), np.ones(count)
    for row, length in enumerate(lengths):
        values = filled[row, panel.first[row] :]
        scale[row] = np.abs(values).mean() or 1.0
        values = values / scale[row]
        if has_season(values, season):
            is_positive = bool(values.min() > 0)
            index = seasonal_index(values, season, is_multiplied=is_positive)
            past, ahead = np.arange(length) % season, np.arange(length, length + horizon) % season
            if is_positive:
                values = values / index[past]
                factor[row] = index[ahead]
            else:
                values = values - index[past]
                addend[row] = index[ahead]
        y[row, :length] = values
    return Adjusted(Series(y, lengths), factor, addend, scale, np.zeros(count, dtype=bool))


def has_season(values: Matrix, season: int) -> bool:
    """Whether the autocorrelation at one season stands out of what the shorter ones explain (Bartlett)."""
    length = len(values)
    if season < 2 or length < max(3 * season, 2 * season + 1):
        return False
    away = values - values.mean()
    total = float(away @ away)
    if total <= 0:
        return False
    correlation = np.array([float(away[lag:] @ away[: length - lag]) for lag in range(1, season + 1)]) / total
    limit = SEASON_TEST * np.sqrt((1 + 2 * (correlation[:-1] ** 2).sum()) / length)
    return bool(abs(correlation[-1]) > limit)


def seasonal_index(values: Matrix, season: int, *, is_multiplied: bool) -> Matrix:
    """One index per place in the season: factors with a mean of one, or addends with a mean of zero; shrunken."""
    window = np.ones(season) if season % 2 else np.r_[0.5, np.ones(season - 1), 0.5]
    smooth = np.convolve(values, window / season, "valid")
    begin = (len(values) - len(smooth)) // 2
    middle = values[begin : begin + len(smooth)]
    # A smooth value of next to nothing would make a ratio without meaning.
    ratio = middle / np.maximum(smooth, 1e-9) if is_multiplied else middle - smooth
    place = np.arange(begin, begin + len(smooth)) % season
    seen = np.maximum(np.bincount(place, minlength=season), 1)
    index = np.bincount(place, ratio, minlength=season) / seen
    squared = np.bincount(place, (ratio - index[place]) ** 2, minlength=season)
    noise = float((squared / np.maximum(seen - 1, 1) / seen).mean())
    neutral = 1.0 if is_multiplied else 0.0
    index = index / index.mean() if is_multiplied else index - index.mean()
    spread = float(index.var()) * season / max(season - 3, 1)
    kept = 1 - min(max(noise / max(spread, 1e-12), 0.0), 1.0)
    return np.asarray(neutral + (index - neutral) * kept)
