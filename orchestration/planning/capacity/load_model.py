"""The daily load of sites: a log-linear model with weekdays, year, trend and learnt events, and its quantiles.

Belongs here: fitting and foretelling many loads at once. Does not: capacity, alarms, words (`outlook.py`).

log mean = level + trend + weekday + two waves of the year + events. Effects are normal around a prior mean with a prior
deviation (ridge), so that one Singles' Day says something and not everything. The spread is a·mean + b·mean², plus what
is not known of the effects, widened by what a rolling back-test missed. Single days of an event (its first, its last,
the one after) get an effect only where all loads together show one: else noise would name the peak day.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from orchestration.planning.capacity.calendar import Columns, Days, Event, Reals, event_columns

_YEAR = 365.25
_PRIOR = {"core": 1.0, "lead": 0.4, "lag": 0.4, "day": 0.02}
# An effect is pulled to the mean of the loads that know it, when there are so many, by how much they differ.
_LEAST_LOADS, _LEAST_DIFFERENCE = 3, 0.1
_WEEKDAY, _WAVE, _TREND = 0.3, 0.2, 0.3
_LEVEL_DAYS, _LEVEL_DEVIATION = 56, 0.08
_STEPS, _TOLERANCE = 8, 1e-5
_LEAST_DAYS = 7
_OUTLIER = 5.0
# Deviations from which a single day of an event is believed, over all loads together.
_BELIEVED = 2.5
# Days with a larger effect count as days of events when the back-test is judged, if there are so many.
_EVENT_EFFECT, _LEAST_TESTED = 0.1, 50
_UNTESTED_WIDENING = 1.15
_HELD = 0.9
BACKTEST_DAYS = 91


@dataclass(frozen=True)
class Load:
    """The history of one load: one value per day from `first_day` on, NaN where it was not measured."""

    name: str
    first_day: int
    values: Reals
    events: Sequence[Event]


@dataclass(frozen=True)
class LoadForecast:
    """Mean and deviation of a load on each asked day, and the part of the logarithm of the mean due to each event."""

    name: str
    days: Days
    mean: Reals
    deviation: Reals
    event_effect: Reals  # days x events, in the order of the load's events
    has_history: bool

    def quantile(self, share: float) -> Reals:
        """The load that is not exceeded with this probability: a gamma distribution of that mean and deviation."""
        from scipy.special import gammaincinv

        is_certain = (self.mean <= 0) | (self.deviation <= 0)
        mean, deviation = np.where(is_certain, 1.0, self.mean), np.where(is_certain, 1.0, self.deviation)
        shape = _gamma_shape(mean, deviation)
        return np.where(is_certain, self.mean, gammaincinv(shape, share) * mean / shape)


@dataclass(frozen=True)
class _Fit:
    weights: Reals
    covariance: Reals
    spread: tuple[float, float]  # a, b
    level: float


@dataclass(frozen=True)
class _Design:
    matrix: Reals
    prior_mean: Reals
    prior_deviation: Reals
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    owners: Days  # place of the event of each column, -1 without one


def forecast_loads(loads: Sequence[Load], horizon: int, *, backtests: int = 4) -> list[LoadForecast]:
    """The `horizon` days after each load's last, with deviations that covered nine of ten in rolling back-tests.

    Loads are of one kind: what single days of an event do is learnt from all of them. A load of zeros is foretold as
    zero, one of less than a week by the others' shape at its own mean; none stops the others.
    """
    events = [
        event_columns(np.arange(load.first_day, load.first_day + len(load.values) + horizon), load.events)
        for load in loads
    ]
    widening = _widening(loads, events, backtests)
    return [
        replace(told, deviation=told.deviation * widening) if told.has_history else told
        for told in _forecast(loads, events, horizon)
    ]


def _widening(loads: Sequence[Load], events: Sequence[Columns], backtests: int) -> float:
    """The factor on deviations with which the 90 % quantile held in nine of ten days after earlier origins.

    It is the larger one of all days and of days of events, which are fewer and harder: they decide about alarms.
    """
    parts: list[tuple[Reals, Reals, Reals, Reals]] = []
    for step in range(1, backtests + 1):
        cut = step * BACKTEST_DAYS
        places = [place for place, load in enumerate(loads) if len(load.values) >= cut + _YEAR]
        long_enough = [loads[place] for place in places]
        earlier = [replace(load, values=load.values[:-cut]) for load in long_enough]
        found = _forecast(earlier, [events[place] for place in places], BACKTEST_DAYS)
        for told, load in zip(found, long_enough, strict=True):
            seen = load.values[-cut:][:BACKTEST_DAYS]
            is_known = np.isfinite(seen) & (told.mean > 0)
            effect = np.abs(told.event_effect).max(axis=1, initial=0.0)
            parts.append((seen[is_known], told.mean[is_known], told.deviation[is_known], effect[is_known]))
    if not parts:
        return _UNTESTED_WIDENING
    seen, mean, deviation, effect = (np.concatenate(column) for column in zip(*parts, strict=True))
    is_event = effect > _EVENT_EFFECT
    factors = [
        _held_factor(seen[days], mean[days], deviation[days])
        for days in (np.ones(len(seen), dtype=bool), is_event)
        if days.sum() >= _LEAST_TESTED
    ]
    return max(factors, default=_UNTESTED_WIDENING)


def _held_factor(seen: Reals, mean: Reals, deviation: Reals) -> float:
    """The factor on deviations with which nine of ten loads lie below their 90 % quantile."""
    from scipy.special import gammainc

    factors = np.linspace(0.6, 2.5, 39)
    held = np.empty(len(factors))
    for place, factor in enumerate(factors):
        shape = _gamma_shape(mean, deviation * factor)
        # Below the quantile is where the distribution function has not reached it: much cheaper than its inverse.
        held[place] = (gammainc(shape, seen * shape / mean) <= _HELD).mean()
        if held[place] > _HELD:
            break
    else:
        return float(factors[-1])
    return float(np.interp(_HELD, held[: place + 1], factors[: place + 1]))


def _gamma_shape(mean: Reals, deviation: Reals) -> Reals:
    return np.minimum((mean / deviation) ** 2, 1e8)


def _forecast(loads: Sequence[Load], events: Sequence[Columns], horizon: int) -> list[LoadForecast]:
    """`events` are the columns of each load's events from its first day on, as far as its horizon or further."""
    designs = [_design(load, columns, horizon) for load, columns in zip(loads, events, strict=True)]
    usable = [np.isfinite(load.values) for load in loads]
    fits: list[_Fit | None] = []
    for load, design, known in zip(loads, designs, usable, strict=True):
        is_enough = known.sum() >= _LEAST_DAYS and np.nansum(load.values) > 0
        fits.append(_fit(design, load.values, known) if is_enough else None)
    believed, common = _single_days(loads, designs, fits), _common_effects(loads, designs, fits)
    told = []
    for load, design, known, first in zip(loads, designs, usable, fits, strict=True):
        days = np.arange(load.first_day + len(load.values), load.first_day + len(load.values) + horizon)
        if first is None:
            level = float(np.nanmean(load.values)) if known.any() else 0.0
            flat = np.full(horizon, level)
            told.append(
                LoadForecast(load.name, days, flat, np.sqrt(flat), np.zeros((horizon, len(load.events))), False)
            )
            continue
        pooled = _with_common_effects(_with_single_days(design, believed), common)
        told.append(_told(load, pooled, _fit(pooled, load.values, known), days, horizon))
    return told


def _told(load: Load, design: _Design, fit: _Fit, days: Days, horizon: int) -> LoadForecast:
    rows = design.matrix[-horizon:]
    logarithm = np.clip(rows @ fit.weights + fit.level, -20, 20)
    unknown = ((rows @ fit.covariance) * rows).sum(axis=1) + _LEVEL_DEVIATION**2
    mean = np.exp(logarithm)
    a, b = fit.spread
    deviation = np.sqrt(a * mean + (b + unknown) * mean**2)
    effect = (rows * fit.weights) @ (design.owners[:, None] == np.arange(len(load.events)))
    return LoadForecast(load.name, days, mean, deviation, effect, True)


def _design(load: Load, events: Columns, horizon: int) -> _Design:
    count = len(load.values)
    days = np.arange(load.first_day, load.first_day + count + horizon)
    years = (days - days[max(count - 1, 0)]) / _YEAR
    angle = 2 * np.pi * days / _YEAR
    is_yearly = count >= 1.5 * _YEAR
    week = np.zeros((len(days), 7))
    week[np.arange(len(days)), (days + 3) % 7] = 1.0
    waves = np.column_stack([np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle)])
    # Without two years behind it, a trend cannot be told from the season.
    matrix = np.column_stack([np.ones(len(days)), years, week, waves, events.values[: len(days)]])
    prior = np.concatenate(
        [
            [10.0, _TREND if is_yearly else 0.05],
            np.full(7, _WEEKDAY),
            np.full(4, _WAVE if is_yearly else 0.05),
            [
                _PRIOR[kind] * min(1.0, share**0.5 + 0.05)
                for kind, share in zip(events.kinds, events.shares, strict=True)
            ],
        ]
    )
    plain = ("level", "trend", *(f"weekday {day}" for day in range(7)), *(f"wave {wave}" for wave in range(4)))
    names, kinds = (*plain, *events.names), (*("",) * len(plain), *events.kinds)
    owners = np.concatenate([np.full(len(plain), -1), events.owners])
    return _Design(matrix, np.zeros(len(prior)), prior, names, kinds, owners)


def _fit(design: _Design, values: Reals, known: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> _Fit:
    """Penalised quasi-likelihood by iteratively reweighted least squares; outliers count less."""
    from scipy.linalg import cho_factor, cho_solve
    from scipy.sparse import csr_array

    seen = values[known]
    lived = np.flatnonzero(np.abs(design.matrix[: len(values)][known]).sum(axis=0) > 0)
    # A day lies in few of the hundreds of columns: dense products would take ten times as long.
    rows = csr_array(design.matrix[: len(values)][known][:, lived])
    columns = rows.T.tocsr()
    variance = design.prior_deviation**2
    pull = design.prior_mean[lived] / variance[lived]
    weights = design.prior_mean[lived]
    weights[0] = np.log(max(float(seen.mean()), 1e-6))
    a, b = 1.0, 0.02
    trust, factor = np.ones(len(seen)), (np.eye(len(lived)), True)
    logarithm: Reals = np.clip(rows @ weights, -20, 20)
    mean: Reals = np.exp(logarithm)
    for _ in range(_STEPS):
        before = logarithm
        weight = trust / (a / np.maximum(mean, 1e-9) + b)
        working = logarithm + (np.minimum(seen, 50 * mean + 50) - mean) / mean
        scaled = csr_array((rows.data * np.repeat(weight, np.diff(rows.indptr)), rows.indices, rows.indptr), rows.shape)
        hessian = (columns @ scaled).toarray()
        hessian[np.diag_indices_from(hessian)] += 1 / variance[lived]
        factor = cho_factor(hessian, lower=True, overwrite_a=True, check_finite=False)
        weights = cho_solve(factor, columns @ (weight * working) + pull, check_finite=False)
        logarithm = np.clip(rows @ weights, -20, 20)
        mean = np.exp(logarithm)
        a, b = _spread(seen, mean)
        distance = np.abs(seen - mean) / np.sqrt(a * mean + b * mean**2)
        trust = np.minimum(1.0, _OUTLIER / np.maximum(distance, 1e-9))
        if np.abs(logarithm - before).max() < _TOLERANCE:
            break
    recent = slice(-_LEVEL_DAYS, None)
    late_weight = trust[recent] / (a / mean[recent] + b)
    gap = np.clip((seen[recent] - mean[recent]) / mean[recent], -1, 3)
    level = float((late_weight * gap).sum() / (late_weight.sum() + _LEVEL_DEVIATION**-2))
    # What a load has not lived through yet keeps its prior.
    told, covariance = design.prior_mean.copy(), np.diag(variance)
    told[lived] = weights
    covariance[np.ix_(lived, lived)] = cho_solve(factor, np.eye(len(lived)), check_finite=False)
    return _Fit(told, covariance, (a, b), float(np.log1p(level)))


def _spread(seen: Reals, mean: Reals) -> tuple[float, float]:
    """a and b of variance = a·mean + b·mean², from squared residuals, extremes cut."""
    squared = (seen - mean) ** 2
    squared = np.minimum(squared, np.quantile(squared / mean**2, 0.995) * mean**2)
    # Both terms relative to mean², so that large and small days weigh alike.
    sides = np.column_stack([1 / mean, np.ones(len(mean))]) * mean[:, None] ** 0.5
    right = squared / mean**2 * mean**0.5
    normal = sides.T @ sides
    try:
        a, b = np.linalg.solve(normal, sides.T @ right)
    except np.linalg.LinAlgError:
        a, b = 0.0, float((squared / mean**2).mean())
    if b < 0:
        a, b = float((squared / mean).mean()), 0.0
    if a < 0:
        a, b = 0.0, float((squared / mean**2).mean())
    return max(float(a), 1e-6), max(float(b), 1e-6)


def _single_days(loads: Sequence[Load], designs: Sequence[_Design], fits: Sequence[_Fit | None]) -> dict[str, float]:
    """Effects of single days that the loads together show beyond doubt, shrunk; by the column's name."""
    top: dict[str, float] = {}
    below: dict[str, float] = {}
    for load, design, fit in zip(loads, designs, fits, strict=True):
        if fit is None:
            continue
        count = len(load.values)
        mean = np.exp(np.clip(design.matrix[:count] @ fit.weights, -20, 20))
        weight = np.where(np.isfinite(load.values), 1 / (fit.spread[0] / mean + fit.spread[1]), 0.0)
        gap = np.where(np.isfinite(load.values), load.values / mean - 1, 0.0)
        days = np.flatnonzero(np.array(design.kinds) == "day")
        columns = design.matrix[:count, days]
        sums = zip(days.tolist(), ((weight * gap) @ columns).tolist(), (weight @ columns).tolist(), strict=True)
        for at, above, all_of in sums:
            name = design.names[at]
            top[name] = top.get(name, 0.0) + above
            below[name] = below.get(name, 0.0) + all_of
    believed = {}
    for name, total in below.items():
        if total <= 0:
            continue
        effect, error = top[name] / total, total**-0.5
        if abs(effect) > _BELIEVED * error:
            kept = effect * (1 - (_BELIEVED * error / effect) ** 2)
            believed[name] = float(np.log1p(max(kept, -0.9)))
    return believed


def _with_single_days(design: _Design, believed: dict[str, float]) -> _Design:
    """The design with prior effects of the believed days, free to differ from load to load by as much again."""
    mean, deviation = design.prior_mean.copy(), design.prior_deviation.copy()
    for place, name in enumerate(design.names):
        if name in believed:
            mean[place] = believed[name]
            deviation[place] = max(0.02, abs(believed[name]))
    return replace(design, prior_mean=mean, prior_deviation=deviation)


def _common_effects(
    loads: Sequence[Load], designs: Sequence[_Design], fits: Sequence[_Fit | None]
) -> dict[str, tuple[float, float]]:
    """Mean and spread over the loads of each effect that at least three of them have lived through.

    The spread is what the estimates differ beyond their own errors (DerSimonian and Laird 1986), at least a tenth.
    """
    found: dict[str, list[tuple[float, float]]] = {}
    for load, design, fit in zip(loads, designs, fits, strict=True):
        if fit is None:
            continue
        lived = np.abs(design.matrix[: len(load.values)]).sum(axis=0) > 0
        error = np.diag(fit.covariance)
        for at, (name, kind) in enumerate(zip(design.names, design.kinds, strict=True)):
            if kind in ("core", "lead", "lag") and lived[at]:
                found.setdefault(name, []).append((float(fit.weights[at]), float(error[at])))
    common = {}
    for name, pairs in found.items():
        if len(pairs) < _LEAST_LOADS:
            continue
        effect, error = np.array(pairs).T
        weight = 1 / error
        mean = float((weight * effect).sum() / weight.sum())
        surplus = float((weight * (effect - mean) ** 2).sum()) - (len(effect) - 1)
        between = max(0.0, surplus / float(weight.sum() - (weight**2).sum() / weight.sum()))
        mean = float((effect / (error + between)).sum() / (1 / (error + between)).sum())
        common[name] = (mean, max(_LEAST_DIFFERENCE, between**0.5))
    return common


def _with_common_effects(design: _Design, common: dict[str, tuple[float, float]]) -> _Design:
    """The design with the priors that the loads together suggest."""
    mean, deviation = design.prior_mean.copy(), design.prior_deviation.copy()
    for place, name in enumerate(design.names):
        if name in common:
            mean[place], deviation[place] = common[name]
    return replace(design, prior_mean=mean, prior_deviation=deviation)
