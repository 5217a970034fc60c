"""Series of different lengths as one matrix, and back: the form in which models compute.

Belongs here: the order and step of time, missing values, the long frames. Does not: models.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

Matrix = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
# Whole numbers or datetimes of any unit.
Times = npt.NDArray[np.generic]

HISTORY_COLUMNS = ("unique_id", "ds", "y")


class HistoryError(ValueError):
    """A history cannot be read as series; the message names the series, the time and the rule."""


@dataclass(frozen=True)
class Step:
    """The distance between two times of a panel: `size` whole numbers, units of its datetimes, or months."""

    size: int
    is_months: bool = False

    def moved(self, times: Times, count: npt.NDArray[np.int64]) -> Times:
        """The times `count` steps later; a last day of a month stays one. Shapes are those of numpy's broadcasting."""
        if not np.issubdtype(times.dtype, np.datetime64):
            return np.asarray(times.astype(np.int64) + self.size * count)
        if not self.is_months:
            return np.asarray((times.astype(np.int64) + self.size * count).astype(times.dtype))

        days = times.astype("datetime64[D]")
        months = days.astype("datetime64[M]")
        is_end = (days + 1).astype("datetime64[M]") > months
        later = (months.astype(np.int64) + self.size * count).astype("datetime64[M]")
        last_days = (later + 1).astype("datetime64[D]") - 1
        same_days = later.astype("datetime64[D]") + (days - months.astype("datetime64[D]"))
        return np.asarray(np.where(is_end, last_days, np.minimum(same_days, last_days)).astype(times.dtype))


@dataclass(frozen=True, eq=False)
class Panel:
    """Series as rows of one matrix: all end in the last column; NaN before a series begins and where it is unknown.

    `first[i]` is the column in which series i begins; `last[i]` is the time of its last column.
    """

    ids: tuple[str, ...]
    y: Matrix
    season: int
    first: Counts
    last: Times
    step: Step

    @property
    def lengths(self) -> Counts:
        """Number of times of each series, unknown ones included."""
        return np.asarray(self.y.shape[1] - self.first)

    @property
    def is_history(self) -> Flags:
        """True where a series has begun."""
        return np.asarray(np.arange(self.y.shape[1]) >= self.first[:, None])

    def rows(self, chosen: npt.NDArray[np.generic] | Sequence[int]) -> "Panel":
        """The panel of some of the series, by row or by flag, as wide as the longest of them."""
        kept = np.asarray(chosen)
        kept = np.flatnonzero(kept) if kept.dtype == bool else kept.astype(np.int64)
        first = self.first[kept]
        cut = int(first.min()) if len(first) else 0
        ids = tuple(self.ids[row] for row in kept)
        return replace(self, ids=ids, y=self.y[kept, cut:], first=first - cut, last=self.last[kept])

    def known_before(self, steps: int) -> "Panel":
        """The same series without their last `steps` values: what was known then. Each must be longer than that."""
        if not steps:
            return self
        y = self.y[:, : self.y.shape[1] - steps]
        return replace(self, y=y, last=self.step.moved(self.last, np.array(-steps)))

    def filled(self) -> Matrix:
        """The matrix with unknown values interpolated, by season where a neighbour season is known; 0 without any.

        Before a series begins it stays NaN.
        """
        y = self.y
        is_unknown = np.isnan(y) & self.is_history
        if not is_unknown.any():
            return y
        filled = y.copy()
        for row in np.flatnonzero(is_unknown.any(axis=1)):
            begin = self.first[row]
            filled[row, begin:] = _interpolated(y[row, begin:], self.season)
        return filled


def panel(history: pd.DataFrame, *, season: int = 1) -> Panel:
    """The panel of a long frame (unique_id, ds, y) whose rows stand in order of (unique_id, ds).

    `ds` are integers or datetimes; times that are left out are unknown. Ids need not be sorted, but the rows of one
    series stand together. Raises HistoryError for a missing column, a time that repeats or runs backwards, a time off
    the step that the series share, and an infinite value.
    """
    missing = [column for column in HISTORY_COLUMNS if column not in history.columns]
    if missing:
        raise HistoryError(f"history: missing column(s) {', '.join(missing)}; it has {', '.join(history.columns)}")
    if season < 1:
        raise HistoryError(f"season {season}: at least 1")
    times = history["ds"].to_numpy()
    y = history["y"].to_numpy(dtype=np.float64, na_value=np.nan)
    if history.empty:
        return Panel((), np.empty((0, 0)), season, np.empty(0, np.int64), np.empty(0, np.int64), Step(1))
    codes, ids = pd.factorize(history["unique_id"])
    starts = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])
    if len(starts) != len(ids):
        split = ids[codes[starts[np.flatnonzero(np.diff(np.r_[-1, codes[starts]]) < 1)[0]]]]
        raise HistoryError(f"history: the rows of series {split!r} do not stand together")
    if (is_infinite := np.isinf(y)).any():
        row = int(np.flatnonzero(is_infinite)[0])
        raise HistoryError(f"history: y of series {ids[codes[row]]!r} at {times[row]} is infinite")
    step, position = _positions(times, codes, starts, [str(one) for one in ids])
    ends = np.r_[starts[1:], len(codes)] - 1
    lengths = position[ends] + 1
    first = lengths.max() - lengths
    matrix = np.full((len(ids), int(lengths.max())), np.nan)
    matrix[codes, first[codes] + position] = y
    return Panel(tuple(str(one) for one in ids), matrix, season, first, times[ends], step)


def stacked(panels: Sequence[Panel]) -> Panel:
    """The series of several panels of one season and step as one panel; ids may repeat."""
    width = max(one.y.shape[1] for one in panels)
    moved = [width - one.y.shape[1] for one in panels]
    y = np.full((sum(len(one.ids) for one in panels), width), np.nan)
    begin = 0
    for one, columns in zip(panels, moved, strict=True):
        y[begin : begin + len(one.ids), columns:] = one.y
        begin += len(one.ids)
    first = np.concatenate([one.first + columns for one, columns in zip(panels, moved, strict=True)])
    ids = tuple(name for one in panels for name in one.ids)
    return replace(panels[0], ids=ids, y=y, first=first, last=np.concatenate([one.last for one in panels]))


def long_forecast(series: Panel, y_hat: Matrix) -> pd.DataFrame:
    """The long frame (unique_id, ds, y_hat) of a matrix with one row per series and one column per step ahead."""
    horizon = y_hat.shape[1]
    ahead = series.step.moved(series.last[:, None], np.arange(1, horizon + 1))
    names = np.repeat(np.asarray(series.ids, dtype=object), horizon)
    return pd.DataFrame({"unique_id": names, "ds": ahead.ravel(), "y_hat": y_hat.ravel()})


def _positions(
    times: Times, codes: npt.NDArray[np.intp], starts: npt.NDArray[np.intp], ids: Sequence[str]
) -> tuple[Step, Counts]:
    """The step that all series share, and how many steps each row stands after the first of its series."""
    if not np.issubdtype(times.dtype, np.datetime64) and not np.issubdtype(times.dtype, np.integer):
        raise HistoryError(f"history: ds is {times.dtype}; it must be whole numbers or datetimes")
    is_time = np.issubdtype(times.dtype, np.datetime64)
    if is_time and (is_missing := np.isnat(times)).any():
        raise HistoryError(f"history: ds of series {ids[codes[np.argmax(is_missing)]]!r} is missing")
    clock = times.astype(np.int64)
    is_within = np.diff(codes) == 0
    if (is_back := is_within & (np.diff(clock) <= 0)).any():
        row = int(np.argmax(is_back)) + 1
        rule = "repeats" if clock[row] == clock[row - 1] else "runs backwards"
        raise HistoryError(f"history: ds of series {ids[codes[row]]!r} {rule} at {times[row]}")
    is_months = False
    if is_time:
        days = times.astype("datetime64[D]").astype(np.int64)
        is_months = _stands_in_months(days[np.r_[False, is_within] | np.r_[is_within, False]])
    if not is_within.any():
        # One point says nothing of its step: a day, or one.
        a_day = np.timedelta64(1, "D").astype(times.dtype.str.replace("M8", "m8")).astype(np.int64) if is_time else 1
        return Step(int(a_day)), np.zeros(len(codes), dtype=np.int64)
    if is_months:
        clock = times.astype("datetime64[M]").astype(np.int64)
    # Weekly dates are 7 days apart, across five weeks without a record 42: the step divides all distances.
    size = int(np.gcd.reduce(np.diff(clock)[is_within]))
    return Step(size, is_months=is_months), np.asarray((clock - clock[starts][codes]) // size)


def _stands_in_months(days: Counts) -> bool:
    """Whether dates are months, quarters or years apart: all on the same day of the month, or all on its last."""
    day = days.astype("datetime64[D]")
    month = day.astype("datetime64[M]")
    is_first_or_same = len(np.unique(day - month.astype("datetime64[D]"))) == 1
    return len(days) > 0 and bool(is_first_or_same or ((day + 1).astype("datetime64[M]") > month).all())


def _interpolated(y: Matrix, season: int) -> Matrix:
    is_known = np.isfinite(y)
    if not is_known.any():
        return np.zeros_like(y)
    at = np.arange(len(y))
    line = np.interp(at, at[is_known], y[is_known])
    if season < 2 or is_known.sum() < 2 * season:
        return np.asarray(np.where(is_known, y, line))
    # Against the line through what is known, each season's place has its usual distance.
    place = at % season
    seen = np.bincount(place[is_known], minlength=season)
    level = np.nanmean(np.where(is_known, y, np.nan))
    usual = np.bincount(place[is_known], (y - level)[is_known], minlength=season) / np.maximum(seen, 1)
    flat = np.interp(at, at[is_known], (y - usual[place])[is_known])
    return np.asarray(np.where(is_known, y, flat + usual[place]))
