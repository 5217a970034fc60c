"""Orders of a market by day: a count model with level, week, year and calendar, fitted with shrinkage.

Belongs here: the columns of the regression, and draws of its future mean. Does not: how it is fitted (see counts.py),
what the calendar's columns are (see calendar.py), products (see shares.py).

What a market does not feel shrinks to nothing, what it felt clearly once is kept. Level steps have a spread each, so
that one break does not make the level restless.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.linalg import solve_triangular

from orchestration.forecasting.demand.calendar import CalendarEvent, Days, Reals, Regressors, regressors
from orchestration.forecasting.demand.counts import MOST_EXPONENT, Flags, Prior, fit_counts

YEAR_DAYS = 365.25
KNOT_DAYS = 28
# First guesses of the spread of effects on the logarithm.
_PRIORS = {
    "intercept": Prior(10.0, is_fixed=True), "trend": Prior(0.15, is_fixed=True), "week": Prior(0.2, is_shared=True),
    "year": Prior(0.15), "step": Prior(0.03), "sale during": Prior(0.5), "holiday during": Prior(0.3),
    "public_holiday": Prior(0.1), "holiday": Prior(0.1, is_shared=True), "event lead": Prior(0.2),
    "event lag": Prior(0.15), "event hump": Prior(0.1), "event slope": Prior(0.15),
}  # fmt: skip
_OUTLIER_DISTANCE = 8.0
# Half of a trend is gone after a year: growth does not go on for ever.
_TREND_HALF_LIFE_DAYS = 365.0
# A step of the level is worth telling from this size (logarithm) and distance (standard deviations).
_SHIFT_SIZE, _SHIFT_DISTANCE = 0.25, 3.0


@dataclass(frozen=True)
class LevelShift:
    """The level changed by this factor within the weeks before `by_on`."""

    by_on: str
    factor: float


@dataclass(frozen=True, eq=False)
class MarketDays:
    """The fitted model; `mean` are the fitted orders of the history's days, `dispersion` the size-free part of noise:
    variance of a day = mean + dispersion x mean^2.
    """

    market: str
    events: tuple[CalendarEvent, ...]
    days: Days
    mean: Reals
    dispersion: float
    names: tuple[str, ...]
    coefficients: Reals
    spread: Reals  # standard deviation of each coefficient
    step_spread: float  # of the level in one knot's time
    outliers: tuple[str, ...]
    shifts: tuple[LevelShift, ...]
    _root: Reals  # lower Cholesky factor of the posterior precision
    _is_seen: Flags

    def effect(self, name: str) -> tuple[float, float]:
        """Effect on the logarithm and its standard deviation of one column, such as `singles_day during`."""
        place = self.names.index(name)
        return float(self.coefficients[place]), float(self.spread[place])

    def future(self, horizon: int, *, paths: int, seed: int) -> tuple[Reals, Reals]:
        """Mean orders of the next days, and `paths` x days draws of that mean: what is not known of the parameters.

        The draws walk on with the level's steps. The same fit and seed give the same draws.
        """
        future = self.days[-1] + np.arange(1, horizon + 1)
        matrix, _, _ = _design(self.events, self.market, self.days, future, self._is_seen)
        center = np.exp(np.clip(matrix @ self.coefficients, -MOST_EXPONENT, MOST_EXPONENT))
        rng = np.random.default_rng(seed)
        # Antithetic draws: the mean of the paths is then free of the first-order error of sampling.
        half = rng.standard_normal((paths // 2, len(self.coefficients)))
        noise = solve_triangular(self._root, half.T, lower=True, trans="T").T
        steps = rng.standard_normal((paths // 2, horizon)).cumsum(axis=1) * self.step_spread / np.sqrt(KNOT_DAYS)
        walk = noise @ matrix.T + steps
        draws = center * np.exp(np.clip(np.concatenate([walk, -walk]), -3, 3))
        return center, draws


def fit_market_days(
    market: str,
    orders: Reals,
    days: Days,
    events: Sequence[CalendarEvent],
    *,
    is_known: Flags,
    served_share: Reals | None = None,
) -> MarketDays:
    """Fit the orders of gapless `days`; days that are not `is_known` are left out of the likelihood.

    `served_share` is the share of each day's demand that the stock could serve: what is fitted and forecast is the
    demand, not the sales.
    """
    matrix, names, groups = _design(tuple(events), market, days, days, None)
    # A column without a day in the history teaches nothing; it stays out of the forecast, too.
    is_seen: Flags = np.asarray((np.abs(matrix[is_known]) > 1e-9).any(axis=0))
    is_seen[0] = True
    matrix = matrix[:, is_seen]
    names = tuple(name for name, seen in zip(names, is_seen, strict=True) if seen)
    groups = tuple(group for group, seen in zip(groups, is_seen, strict=True) if seen)
    offset = np.zeros(len(days)) if served_share is None else np.log(np.clip(served_share, 0.05, 1.0))
    y = np.where(is_known, np.maximum(orders, 0.0), 0.0)
    fit = fit_counts(matrix, y, offset, is_known, groups, _PRIORS)
    distance = (y - fit.mean) / np.sqrt(fit.mean + fit.dispersion * fit.mean**2)
    steps = np.array([group == "step" for group in groups])
    return MarketDays(
        market=market,
        events=tuple(events),
        days=days,
        mean=fit.mean / np.exp(offset),
        dispersion=fit.dispersion,
        names=names,
        coefficients=fit.coefficients,
        spread=fit.deviation,
        step_spread=float(np.median(fit.spread[steps])) if steps.any() else _PRIORS["step"].spread,
        outliers=tuple(str(day) for day in days[is_known & (np.abs(distance) > _OUTLIER_DISTANCE)]),
        shifts=tuple(
            LevelShift(names[place].removeprefix("step "), float(np.exp(fit.coefficients[place])))
            for place in np.flatnonzero(steps)
            if abs(fit.coefficients[place]) > max(_SHIFT_SIZE, _SHIFT_DISTANCE * fit.deviation[place])
        ),
        _root=fit.root,
        _is_seen=is_seen,
    )


@lru_cache(maxsize=16)
def _regressors(events: tuple[CalendarEvent, ...], market: str, first_day: str, count: int) -> Regressors:
    """The calendar's columns of gapless days; a fit, its forecast and its back-tests ask for some of them again."""
    return regressors(events, market, np.datetime64(first_day, "D") + np.arange(count))


def _design(
    events: tuple[CalendarEvent, ...], market: str, history: Days, days: Days, is_seen: Flags | None
) -> tuple[Reals, tuple[str, ...], tuple[str, ...]]:
    """Columns for `days`, all of whose shapes are those of the history: names are the same for past and future."""
    numbers = days.astype("datetime64[D]").astype(np.int64)
    last = int(history[-1].astype("datetime64[D]").astype(np.int64))
    length = len(history)
    span = np.concatenate([history, history[-1] + np.arange(1, int(numbers[-1]) - last + 1)])
    ahead = (numbers - last) / YEAR_DAYS
    damped = np.log(2) * YEAR_DAYS / _TREND_HALF_LIFE_DAYS
    trend = np.where(ahead > 0, (1 - np.exp(-damped * np.maximum(ahead, 0))) / damped, ahead)
    # Centred on the history's middle, so that trend and level do not fight each other.
    columns = [np.ones(len(days)), trend + length / 2 / YEAR_DAYS]
    names, groups = ["intercept", "trend"], ["intercept", "trend"]
    weekday = (numbers + 3) % 7
    for day in range(7):
        columns.append((weekday == day) - 1 / 7)
        names.append(f"weekday {day}")
        groups.append("week")
    angle = 2 * np.pi * numbers / YEAR_DAYS
    for order in (1, 2, 3):
        for label, values in (("cos", np.cos(order * angle)), ("sin", np.sin(order * angle))):
            columns.append(values / order)
            names.append(f"year {label} {order}")
            groups.append("year")
    for back in range((length - 1) // KNOT_DAYS - 1, -1, -1):
        end = last - back * KNOT_DAYS
        # Steps are centred as well: a step in the middle moves both halves by as much.
        columns.append(np.clip((numbers - end + KNOT_DAYS) / KNOT_DAYS, 0, 1) - 0.5)
        names.append(f"step {np.datetime64(end, 'D')}")
        groups.append("step")
    calendar = _regressors(events, market, str(span[0]), len(span))
    # The whole span is asked for, so that past and future have the same columns in the same order; a column of the
    # future that the history has not seen is dropped by its name.
    calendar_rows = calendar.matrix[np.searchsorted(span, days)]
    past = _regressors(events, market, str(history[0]), length)
    places = [calendar.names.index(name) for name in past.names]
    matrix = np.column_stack([*columns, calendar_rows[:, places]])
    all_names, all_groups = (*names, *past.names), (*groups, *past.groups)
    return (matrix if is_seen is None else matrix[:, is_seen]), all_names, all_groups
