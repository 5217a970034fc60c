"""Orders of a market by day: a count model with level, week, year and calendar, fitted with shrinkage.

Belongs here: the regression (negative binomial, log link) and its Bayesian shrinkage, and draws of its future mean.
Does not: what the calendar's columns are (see calendar.py), products (see shares.py).

The spread of each group's coefficients is estimated with them (empirical Bayes by expectation-maximisation under an
inverse-gamma prior; Tipping 2001, "Sparse Bayesian Learning"): what a market does not feel shrinks to nothing, what it
felt clearly once is kept. Level steps have a spread each, so that one break does not make the level restless.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, solve_triangular

from orchestration.forecasting.demand.calendar import CalendarEvent, Days, Reals, regressors

Flags = NDArray[np.bool_]
YEAR_DAYS = 365.25
KNOT_DAYS = 28
# Prior spread of the logarithm of each group's effects, and how many observations that guess is worth.
_PRIOR_SPREAD = {
    "intercept": 10.0, "trend": 0.15, "week": 0.2, "year": 0.15, "step": 0.03, "sale during": 0.5,
    "holiday during": 0.3, "public_holiday": 0.1, "holiday": 0.1, "event lead": 0.2, "event lag": 0.15,
    "event hump": 0.1, "event slope": 0.15,
}  # fmt: skip
_PRIOR_WEIGHT = 2.0
_FIXED = ("intercept", "trend")
_ROUNDS = 12
_TOLERANCE = 1e-3
_MOST_EXPONENT = 30.0
# A day this many standard deviations from its mean counts no more than one at this distance (Huber).
_ROBUST_DISTANCE = 3.5
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
        center = np.exp(np.clip(matrix @ self.coefficients, -_MOST_EXPONENT, _MOST_EXPONENT))
        rng = np.random.default_rng(seed)
        # Antithetic draws: the mean of the paths is then free of the first-order error of sampling.
        half = rng.standard_normal((paths // 2, len(self.coefficients)))
        noise = solve_triangular(self._root, half.T, lower=True, trans="T").T
        steps = rng.standard_normal((paths // 2, horizon)).cumsum(axis=1) * self.step_spread / np.sqrt(KNOT_DAYS)
        walk = noise @ matrix.T + steps
        draws = center * np.exp(np.clip(np.concatenate([walk, -walk]), -3, 3))
        return center, draws


def fit_market_days(
    market: str, orders: Reals, days: Days, events: Sequence[CalendarEvent], *, is_known: Flags | None = None
) -> MarketDays:
    """Fit the orders of gapless `days`; unknown days (NaN, or not `is_known`) are left out of the likelihood."""
    known = np.isfinite(orders) & (True if is_known is None else is_known)
    y = np.where(known, np.maximum(orders, 0.0), 0.0)
    matrix, names, groups = _design(tuple(events), market, days, days, None)
    # A column without a day in the history teaches nothing; it stays out of the forecast, too.
    is_seen = (np.abs(matrix[known]) > 1e-9).any(axis=0)
    matrix = matrix[:, is_seen]
    names = tuple(name for name, seen in zip(names, is_seen, strict=True) if seen)
    groups = tuple(group for group, seen in zip(groups, is_seen, strict=True) if seen)
    spread = np.array([_PRIOR_SPREAD[group] for group in groups])
    beta = np.zeros(len(names))
    beta[0] = np.log(max(float(y[known].mean()) if known.any() else 0.0, 1e-3))
    members = {group: np.array([one == group for one in groups]) for group in set(groups) - set(_FIXED)}
    dispersion, inverse = 0.05, np.eye(len(names))
    root = np.eye(len(names))
    for turn in range(_ROUNDS):
        before = beta.copy()
        beta, root = _newton(matrix, y, known, beta, spread, dispersion, steps=4 if turn else 12)
        inverse = cho_solve((root, True), np.eye(len(names)))
        moment = beta**2 + np.diag(inverse)
        for group, rows in members.items():
            guess = _PRIOR_SPREAD[group] ** 2
            if group == "step":
                spread[rows] = np.sqrt((moment[rows] + _PRIOR_WEIGHT * guess) / (_PRIOR_WEIGHT + 1))
            elif group == "week" or group == "holiday":
                spread[rows] = np.sqrt((moment[rows].sum() + _PRIOR_WEIGHT * guess) / (_PRIOR_WEIGHT + rows.sum()))
            else:
                spread[rows] = np.sqrt((moment[rows] + _PRIOR_WEIGHT * guess) / (_PRIOR_WEIGHT + 1))
        mean = np.exp(np.clip(matrix @ beta, -_MOST_EXPONENT, _MOST_EXPONENT))
        dispersion = _dispersion(y[known], mean[known])
        if turn > 2 and np.abs(matrix @ (beta - before)).max() < _TOLERANCE:
            break
    distance = (y - mean) / np.sqrt(mean + dispersion * mean**2)
    steps = np.array([group == "step" for group in groups])
    deviation = np.sqrt(np.diag(inverse))
    return MarketDays(
        market=market,
        events=tuple(events),
        days=days,
        mean=mean,
        dispersion=dispersion,
        names=names,
        coefficients=beta,
        spread=deviation,
        step_spread=float(np.sqrt(np.median(spread[steps] ** 2))) if steps.any() else _PRIOR_SPREAD["step"],
        outliers=tuple(str(day) for day in days[known & (np.abs(distance) > _OUTLIER_DISTANCE)]),
        shifts=tuple(
            LevelShift(names[place].removeprefix("step "), float(np.exp(beta[place])))
            for place in np.flatnonzero(steps)
            if abs(beta[place]) > max(_SHIFT_SIZE, _SHIFT_DISTANCE * deviation[place])
        ),
        _root=root,
        _is_seen=is_seen,
    )


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
    calendar = regressors(events, market, span)
    # The whole span is asked for, so that past and future have the same columns in the same order; a column of the
    # future that the history has not seen is dropped by its name.
    calendar_rows = calendar.matrix[np.searchsorted(span, days)]
    past = regressors(events, market, history)
    known = np.array([name in past.names for name in calendar.names], dtype=bool)
    order = [calendar.names.index(name) for name in past.names] if known.any() else []
    matrix = np.column_stack([*columns, calendar_rows[:, order]])
    all_names, all_groups = (*names, *past.names), (*groups, *past.groups)
    return (matrix if is_seen is None else matrix[:, is_seen]), all_names, all_groups


def _newton(
    matrix: Reals, y: Reals, known: Flags, beta: Reals, spread: Reals, dispersion: float, *, steps: int
) -> tuple[Reals, Reals]:
    """Penalised iteratively reweighted least squares; the root of the precision belongs to the last step."""
    precision = 1 / spread**2
    root = np.diag(np.sqrt(precision))
    for _ in range(steps):
        eta = np.clip(matrix @ beta, -_MOST_EXPONENT, _MOST_EXPONENT)
        mean = np.exp(eta)
        deviation = np.sqrt(mean + dispersion * mean**2)
        distance = np.abs(y - mean) / deviation
        weight = known * mean / (1 + dispersion * mean) * np.minimum(1, _ROBUST_DISTANCE / np.maximum(distance, 1e-9))
        hessian = (matrix * weight[:, None]).T @ matrix
        hessian[np.diag_indices_from(hessian)] += precision
        gradient = matrix.T @ (weight * (y - mean) / np.maximum(mean, 1e-12)) - precision * (beta - _center(beta))
        factor = cho_factor(hessian, lower=True)
        change = cho_solve(factor, gradient)
        root = np.tril(factor[0])
        # A step of more than a factor e^2 on any day would overshoot where the first guess is far off.
        size = np.abs(matrix @ change).max()
        beta = beta + change * min(1.0, 2.0 / max(size, 1e-12))
        if size < _TOLERANCE:
            break
    return beta, root


def _center(beta: Reals) -> Reals:
    """The intercept has no prior; everything else is drawn towards zero."""
    center: Reals = np.zeros_like(beta)
    center[0] = beta[0]
    return center


def _dispersion(y: Reals, mean: Reals) -> float:
    """Moment estimate of the negative binomial's dispersion, with far days cut to the robust distance."""
    if not len(y):
        return 0.05
    value = 0.05
    for _ in range(5):
        deviation = np.sqrt(mean + value * mean**2)
        squared = np.minimum(((y - mean) / deviation) ** 2, _ROBUST_DISTANCE**2) * deviation**2
        value = float(np.clip((squared - mean).sum() / max(float((mean**2).sum()), 1e-12), 0.002, 5.0))
    return value
