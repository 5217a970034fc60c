"""Steady popularity: what share of its kind a product has had since it came, and what each kind will sell next.

Belongs here: shares that allow for the launch of products, the year's waves of kinds. Does not: taste of customers.

Sales of a product are Poisson with a mean of weight x pace, where the pace of a kind at a time is its sales over the
weights of all that was on its shelf by then. So a product of three weeks is measured against three weeks, not against
years, and a whole history says what it says without a short memory's noise. The first sale says when a product came,
not how much it sells, and is not counted (given the first event of a Poisson process the others are as if it had
begun there). The pull towards the kind's mean is a gamma prior.
"""

from typing import NamedTuple

import numpy as np

from orchestration.marketing.recommending.interactions import Integers, Reals
from orchestration.marketing.recommending.past import LONG, MIDDLE, Past

YEAR_DAYS = 365.25
# Lists are for the weeks that come: their middle.
AHEAD_DAYS = 14.0
_SPANS, _ROUNDS = 60, 8
# Shape of the gamma prior: a few products sell most.
_SHAPE = 0.2
# A wave must be told from a trend, so nothing is said below one and a half years.
_LEAST_YEARS = 1.5
_MONTH_DAYS = YEAR_DAYS / 12
_LEVEL_PRIOR, _TREND_PRIOR, _WAVE_PRIOR = 1.0, 4.0, 25.0
_STEPS = 8


class Waves(NamedTuple):
    """By kind: the cosine and the sine of the logarithm of its share over the year."""

    cosine: Reals
    sine: Reals

    def at(self, days: Reals | float) -> Reals:
        """times x kinds (or kinds, at one time): log of the kind's share over its mean."""
        angle = 2 * np.pi * np.asarray(days, dtype=np.float64)[..., None] / YEAR_DAYS
        return np.asarray(np.cos(angle) * self.cosine + np.sin(angle) * self.sine)


def steady_popularity(past: Past, kind: Integers) -> Reals:
    """By item: share in what will be sold in the weeks after the past, in the mean over customers."""
    if not len(past.age):
        return np.full(len(kind), 1 / max(1, len(kind)))
    weight = shelf_weights(past, kind)
    within = weight / np.bincount(kind, weight)[kind]
    found = within * coming_shares(past, kind)[kind]
    return np.asarray(found / found.sum())


def shelf_weights(past: Past, kind: Integers) -> Reals:
    """By item: sales per sales of its kind since the item came, up to a factor by kind."""
    items, kinds = len(kind), int(kind.max(initial=0)) + 1
    item, age = past.seen.item, past.age
    # One of many goods of a basket counts less than one that was the whole of it, as in the fit of the blend.
    sale = 0.5 ** (age / LONG) / np.sqrt(np.bincount(past.basket)[past.basket])
    count = np.bincount(item, sale, items)
    oldest = np.zeros(items)
    np.maximum.at(oldest, item, age)
    is_first = age == oldest[item]
    first_sale = np.where(count > 0, np.inf, 0.0)
    np.minimum.at(first_sale, item[is_first], sale[is_first])
    # What nobody has bought may be new, or unwanted for longer.
    oldest[count == 0] = MIDDLE
    first = np.minimum((oldest * _SPANS).astype(np.int64), _SPANS - 1)
    sold = np.bincount(kind[item] * _SPANS + np.minimum((age * _SPANS).astype(np.int64), _SPANS - 1), sale)
    sold = np.pad(sold, (0, kinds * _SPANS - len(sold))).reshape(kinds, _SPANS)
    later = np.maximum(count - first_sale, 0.0)
    before_first = np.clip(1 - (oldest * _SPANS - first), 0.0, 1.0)
    weight = count + 0.1
    for _ in range(_ROUNDS):
        came = np.bincount(kind * _SPANS + first, weight, kinds * _SPANS).reshape(kinds, _SPANS)
        on_shelf = came[:, ::-1].cumsum(axis=1)[:, ::-1]
        pace = sold / np.maximum(on_shelf, 1e-12)
        exposure = pace.cumsum(axis=1)[kind, first] - before_first * pace[kind, first]
        mean = (np.bincount(kind, count) + 1e-9) / (np.bincount(kind, exposure) + 1e-9)
        weight = (later + _SHAPE) / (exposure + _SHAPE / mean[kind])
    return np.asarray(weight)


def coming_shares(past: Past, kind: Integers) -> Reals:
    """By kind: share in the sales of the weeks after the past, from its share of late and the time of the year."""
    of_row = kind[past.seen.item]
    kinds = int(kind.max(initial=0)) + 1
    waves = yearly_waves(past, of_row, kinds)
    calm = 0.5 ** (past.age / LONG) * np.exp(-waves.at(past.seen.time)[np.arange(len(of_row)), of_row])
    found = (np.bincount(of_row, calm, kinds) + 1e-6) * np.exp(waves.at(past.until + AHEAD_DAYS))
    return np.asarray(found / found.sum())


def yearly_waves(past: Past, kind_of_row: Integers, kinds: int) -> Waves:
    """A Poisson regression of each kind's monthly share: level, trend and one wave a year, by Newton's method."""
    time, until = past.seen.time, past.until
    span = until - float(time.min())
    if span < _LEAST_YEARS * YEAR_DAYS:
        return Waves(np.zeros(kinds), np.zeros(kinds))
    # Times that are no days have too many months: they are taken as wide as 200 months at most.
    width = max(_MONTH_DAYS, span / 200)
    months = int(np.ceil(span / width))
    month = np.minimum(((until - time) / width).astype(np.int64), months - 1)
    sold = np.bincount(kind_of_row * months + month, minlength=kinds * months).reshape(kinds, months).astype(np.float64)
    usual = (sold.sum(axis=1, keepdims=True) + 1e-6) / sold.sum() * sold.sum(axis=0)
    years = (until - (np.arange(months) + 0.5) * width) / YEAR_DAYS
    angle = 2 * np.pi * years
    told = np.stack([np.ones(months), years - years.mean(), np.cos(angle), np.sin(angle)], axis=1)
    prior = np.array([_LEVEL_PRIOR, _TREND_PRIOR, _WAVE_PRIOR, _WAVE_PRIOR])
    found = np.zeros((kinds, 4))
    for _ in range(_STEPS):
        mean = usual * np.exp(np.clip(found @ told.T, -4, 4))
        bend = np.einsum("mi,km,mj->kij", told, mean, told) + np.diag(prior)
        slope = (sold - mean) @ told - found * prior
        found = found + np.clip(np.linalg.solve(bend, slope[..., None])[..., 0], -1, 1)
    return Waves(found[:, 2], found[:, 3])
