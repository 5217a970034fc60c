"""What a product's price does to its share of its category: one elasticity for all products of a market.

Belongs here: price indices, the pooled elasticity, whether it would have forecast better, and the factor of each
product. Does not: weights (see shares.py), promotions, whose discounts have an effect of their own.

A product's weight rests on the prices of its past. Where it has lately become cheaper or dearer than that, and where
prices of this market stay where they are, its coming share differs. One product says next to nothing of this, thousands
of months of products do: the elasticity is a Poisson estimate over all of them, drawn towards a usual one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestration.forecasting.demand.calendar import Reals
from orchestration.forecasting.demand.market_demand import MarketDemand

_WINDOW_DAYS = 28
_TESTS = 3
_LEAST_WINDOWS = _TESTS + 3
# Of the logarithm of a share to that of a price, negative; in shops of many like goods it lies between 1 and 3.
_ELASTICITY, _ELASTICITY_SPREAD, _MOST_ELASTICITY = 1.0, 1.0, 6.0
# A price further than this from the product's usual one is another product, or a mistake.
_MOST_CHANGE = 1.0
# What the factors must have added to the logarithm of the likelihood of the last windows: less is chance.
_LEAST_GAIN = 3.0


@dataclass(frozen=True, eq=False)
class PriceEffect:
    """Elasticity, how far a price stays where it is (0 to 1), what both added in the last windows, and the factors.

    `factor` is 1 for every product where they did not pay.
    """

    elasticity: float
    persistence: float
    gain: float
    factor: Reals

    @property
    def is_used(self) -> bool:
        """Whether prices move the forecast."""
        return self.gain >= _LEAST_GAIN


def fit_prices(demand: MarketDemand, weight: Reals, start: NDArray[np.int64], half_life_days: float) -> PriceEffect:
    """The effect of prices on the shares of the coming weeks. weight and start: of each product, see shares.py."""
    size, windows = len(demand.products), demand.day_count // _WINDOW_DAYS
    nothing = PriceEffect(0.0, 0.0, 0.0, np.ones(size))
    if windows < _LEAST_WINDOWS:
        return nothing
    lines, price = _by_window(demand, windows)
    change = _changes(lines, price, half_life_days)
    if not np.isfinite(change).any():
        return nothing
    expected = _expected(demand, weight, start, lines)
    gain = sum(_gain(demand, lines, change, expected, last) for last in range(windows - _TESTS, windows))
    elasticity, persistence = _estimates(lines, change, expected)
    if gain < _LEAST_GAIN:
        return PriceEffect(elasticity, persistence, gain, np.ones(size))
    return PriceEffect(elasticity, persistence, gain, _factor(change[:, -1], elasticity, persistence))


def _by_window(demand: MarketDemand, windows: int) -> tuple[Reals, Reals]:
    """Lines and mean logarithm of the price by product and window of four weeks, the last one ending with the history.

    Sales in a promotion are left out; the price of a window without a sale is the one before it, NaN before the first.
    """
    sales, size = demand.sales, len(demand.products)
    skip = demand.day_count - windows * _WINDOW_DAYS
    usable = (sales.day >= skip) & np.isfinite(sales.price) & (sales.price > 0) & ~_promoted(demand)
    cell = sales.product[usable] * windows + (sales.day[usable] - skip) // _WINDOW_DAYS
    count = sales.lines[usable]
    lines: Reals = np.bincount(cell, count, minlength=size * windows).reshape(size, windows).astype(np.float64)
    total = np.bincount(cell, count * np.log(sales.price[usable]), minlength=size * windows).reshape(size, windows)
    price = np.divide(total, lines, out=np.full(lines.shape, np.nan), where=lines > 0)
    # All prices move with the currency in which they are counted; shares do not.
    steps = np.diff(price, axis=1)
    has_steps = np.isfinite(steps).any(axis=0)
    common = np.zeros(windows)
    common[1:][has_steps] = np.nanmedian(steps[:, has_steps], axis=0)
    price = price - common.cumsum()
    for window in range(1, windows):
        price[:, window] = np.where(np.isfinite(price[:, window]), price[:, window], price[:, window - 1])
    return lines, price


def _promoted(demand: MarketDemand) -> NDArray[np.bool_]:
    """Which sales lie within a promotion of their product."""
    sales, spans = demand.sales, demand.promotions
    key = sales.product * (demand.day_count + 1) + sales.day
    turn = np.argsort(key, kind="stable")
    base = spans.product * (demand.day_count + 1)
    low = np.searchsorted(key[turn], base + np.maximum(spans.first, 0), "left")
    high = np.searchsorted(key[turn], base + np.minimum(spans.last, demand.day_count), "right")
    covered = np.zeros(len(key) + 1)
    np.add.at(covered, low, 1.0)
    np.add.at(covered, np.maximum(high, low), -1.0)
    found = np.zeros(len(key), dtype=bool)
    found[turn] = covered[:-1].cumsum() > 0
    return found


def _changes(lines: Reals, price: Reals, half_life_days: float) -> Reals:
    """The price of each window against the mean of those before it, on which a weight would have rested."""
    fade = 0.5 ** (_WINDOW_DAYS / half_life_days)
    seen, total = np.zeros(len(lines)), np.zeros(len(lines))
    change = np.full(lines.shape, np.nan)
    for window in range(lines.shape[1]):
        usual = np.divide(total, seen, out=np.full(len(seen), np.nan), where=seen > 0)
        change[:, window] = np.clip(price[:, window] - usual, -_MOST_CHANGE, _MOST_CHANGE)
        sold = lines[:, window]
        seen, total = fade * seen + sold, fade * total + np.where(sold > 0, sold * price[:, window], 0.0)
    return change


def _expected(demand: MarketDemand, weight: Reals, start: NDArray[np.int64], lines: Reals) -> Reals:
    """Lines of each product and window by its weight alone."""
    size, windows = len(demand.categories), lines.shape[1]
    first = demand.day_count - windows * _WINDOW_DAYS + _WINDOW_DAYS * np.arange(windows)
    offered = weight[:, None] * (start[:, None] <= first)
    belongs = (demand.category == np.arange(size)[:, None]).astype(np.float64)
    share = offered / np.maximum((belongs @ offered)[demand.category], 1e-12)
    expected: Reals = share * (belongs @ lines)[demand.category]
    return expected


def _estimates(lines: Reals, change: Reals, expected: Reals) -> tuple[float, float]:
    """Elasticity of shares to the prices of the same window, and the part of a change that the next window keeps."""
    known = np.isfinite(change) & (expected > 0)
    x, sold, mean = -change[known], lines[known], expected[known]
    elasticity = _ELASTICITY
    for _ in range(8):
        told = mean * np.exp(elasticity * x)
        slope = float(((sold - told) * x).sum()) - (elasticity - _ELASTICITY) / _ELASTICITY_SPREAD**2
        bend = float((told * x**2).sum()) + 1 / _ELASTICITY_SPREAD**2
        elasticity = float(np.clip(elasticity + slope / bend, 0.0, _MOST_ELASTICITY))
    # Both windows must have a price of their own: one that is carried on stays where it is by its making.
    pair = np.isfinite(change[:, :-1]) & (lines[:, :-1] > 0) & (lines[:, 1:] > 0)
    before, after = change[:, :-1][pair], change[:, 1:][pair]
    persistence = float((before * after).sum() / max(float((before**2).sum()), 1e-12)) if len(before) else 0.0
    return elasticity, float(np.clip(persistence, 0.0, 1.0))


def _factor(change: Reals, elasticity: float, persistence: float) -> Reals:
    factor: Reals = np.exp(-elasticity * persistence * np.nan_to_num(change))
    return factor


def _gain(demand: MarketDemand, lines: Reals, change: Reals, expected: Reals, last: int) -> float:
    """What factors from the windows before `last` add to the logarithm of the likelihood of its shares."""
    elasticity, persistence = _estimates(lines[:, :last], change[:, :last], expected[:, :last])
    factor = _factor(change[:, last - 1], elasticity, persistence)
    size = len(demand.categories)
    plain, moved = (
        np.bincount(demand.category, expected[:, last] * one, minlength=size) for one in (np.ones(len(factor)), factor)
    )
    scale = np.divide(plain, moved, out=np.ones(size), where=moved > 0)[demand.category]
    return float((lines[:, last] * np.log(factor * scale)).sum())
