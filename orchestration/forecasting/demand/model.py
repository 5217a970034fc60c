"""The pooled demand model of a market: fit what is known on a day, forecast every node of the market's tree.

Belongs here: putting days, shares and pieces together, and the back-test that calibrates the spread. Does not: any of
the parts; reading tables (see ledger.py); reconciling nodes (they add up by their making, up to what is unseen).

    fitted = DemandModel().fit(demand, made_on)
    forecast = fitted.forecast(91)
    forecast.window("product", 0, 28).quantiles

Mean units of a market's day = orders x lines per order x pieces per line. A category takes its share of the lines, a
product its weight among the products that can be bought; what goes to products that have not been sold yet is the
market's `unseen` share and belongs to no product. All figures are demand: sales, and what stock-outs have hidden.
"""

from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np

from orchestration.forecasting.demand.calendar import Days, Reals
from orchestration.forecasting.demand.counts import Flags
from orchestration.forecasting.demand.market_days import LevelShift, MarketDays, fit_market_days
from orchestration.forecasting.demand.market_demand import Ints, MarketDemand
from orchestration.forecasting.demand.pieces import BulkOutlier, Pieces, fit_pieces, without_outliers
from orchestration.forecasting.demand.prices import PriceEffect, fit_prices
from orchestration.forecasting.demand.shares import (
    ProductShift,
    ProductWeights,
    category_shares,
    fit_weights,
    promotion_factors,
    region_shares,
    unseen_share,
)
from orchestration.forecasting.demand.spread import LEVELS, LevelSpread, calibrated, quantiles_of, variance_of

_LEAST_DAYS = 14
_PATHS = 200
# A run of empty days is missing data where chance would leave it empty less than once in a million.
_GAP_CHANCE = np.log(1e-6)
_ORDER_HALF_LIFE_DAYS = 360.0
_BACKTEST_DAYS, _BACKTEST_ORIGINS, _BACKTEST_LEAST_DAYS = 28, 6, 84
_BACKTEST_WINDOWS = ((0, _BACKTEST_DAYS), (0, 7), (7, 14), (14, 21), (21, 28))
_GUESSED_LUCK = {"market": 0.01, "category": 0.02, "subdivision": 0.02, "product": 0.08}


class NoHistoryError(ValueError):
    """A market has too few days with orders to be forecast; the message says how many."""


@dataclass(frozen=True, eq=False)
class Window:
    """Units of some days together, node by node: mean, variance and quantiles (node x QUANTILES)."""

    ids: tuple[str, ...]
    mean: Reals
    variance: Reals

    @cached_property
    def quantiles(self) -> Reals:
        """Quantiles at `spread.QUANTILES`."""
        return quantiles_of(self.mean, self.variance)


@dataclass(frozen=True, eq=False)
class DemandForecast:
    """Mean units of each day of the horizon, by node of each level, and what is known of their spread."""

    market: str
    made_on: date
    market_mean: Reals  # day
    category_mean: Reals  # category x day
    region_mean: Reals  # subdivision x day
    product_mean: Reals  # product x day
    categories: tuple[str, ...]
    regions: tuple[str, ...]
    products: tuple[str, ...]
    product_category: Ints
    unseen_share: float
    spread: dict[str, LevelSpread]
    _paths: Reals  # path x day, of the market's orders, relative to their mean
    _noise: float  # dispersion of a single day
    _share_variance: dict[str, Reals]

    @property
    def days(self) -> Days:
        """The days of the horizon."""
        days: Days = np.datetime64(self.made_on, "D") + np.arange(len(self.market_mean))
        return days

    def means(self, level: str) -> tuple[tuple[str, ...], Reals]:
        """Nodes of a level (market, category, subdivision, product) and their mean units (node x day)."""
        known = {
            "market": ((self.market,), self.market_mean[None, :]),
            "category": (self.categories, self.category_mean),
            "subdivision": (self.regions, self.region_mean),
            "product": (self.products, self.product_mean),
        }
        if level not in known:
            raise ValueError(f"level {level!r} is none of {', '.join(LEVELS)}")
        return known[level]

    def window(self, level: str, start: int, stop: int) -> Window:
        """Units of the days `start` (from 0) to before `stop`, for all nodes of a level: a week, a lead time."""
        if not 0 <= start < stop <= len(self.market_mean):
            raise ValueError(f"window {start}..{stop} is not within the horizon of {len(self.market_mean)} days")
        ids, means = self.means(level)
        mean = means[:, start:stop].sum(axis=1)
        known = self.relative_variance(level, start, stop)
        return Window(ids, mean, variance_of(mean, known, self.spread[level]))

    def relative_variance(self, level: str, start: int, stop: int) -> Reals:
        """Relative variance of a window by node: what is not known of the market's days and of the node's share."""
        return self._path_variance(start, stop) + self._share_variance[level]

    def level_variance(self, level: str, start: int, stop: int) -> Reals:
        """The same with the luck that months have had: all that makes a node's level uncertain, and no single order."""
        return self.relative_variance(level, start, stop) + self.spread[level].luck

    def _path_variance(self, start: int, stop: int) -> float:
        """Relative variance of the market's orders over a window: parameters and level, and the days' own noise."""
        mean = self.market_mean[start:stop]
        total = max(float(mean.sum()), 1e-12)
        summed = self._paths[:, start:stop] @ mean / total
        return float(summed.var()) + self._noise * float((mean**2).sum()) / total**2


@dataclass(frozen=True, eq=False)
class FittedDemand:
    """A market as it is understood on the day `made_on`; `notes` of what was cleaned stand in its lists."""

    demand: MarketDemand
    made_on: date
    days: MarketDays
    weights: ProductWeights
    prices: PriceEffect
    pieces: Pieces
    lines_per_order: float
    unseen: float
    gaps: tuple[tuple[str, str], ...]
    spread: dict[str, LevelSpread]

    @property
    def level_shifts(self) -> tuple[LevelShift, ...]:
        """Steps of the market's level."""
        return self.days.shifts

    @property
    def product_shifts(self) -> tuple[ProductShift, ...]:
        """Products that sell by another measure than before."""
        return self.weights.shifts

    @property
    def outliers(self) -> tuple[BulkOutlier, ...]:
        """Quantities that were cut."""
        return self.pieces.outliers

    def forecast(self, horizon_days: int) -> DemandForecast:
        """Mean units of the next days for market, categories, subdivisions and products, with their spread."""
        demand, weights = self.demand, self.weights
        orders, paths = self.days.future(horizon_days, paths=_PATHS, seed=0)
        market = orders * self.lines_per_order * self.pieces.mean
        categories = category_shares(demand, horizon_days)
        factor = promotion_factors(demand, weights, horizon_days)
        weight = (weights.weight * self.prices.factor)[:, None] * factor
        size = len(demand.categories)
        mass = np.stack(
            [np.bincount(demand.category, weight[:, day], minlength=size) for day in range(horizon_days)], axis=1
        )
        share = weight * (categories / np.maximum(mass, 1e-12))[demand.category]
        lines = np.bincount(demand.sales.product, demand.sales.lines, minlength=len(demand.products))
        pieces = self.pieces.by_product
        units = share * pieces[:, None]
        of_category = np.stack(
            [np.bincount(demand.category, units[:, day], minlength=size) for day in range(horizon_days)], axis=1
        )
        total = np.maximum(of_category.sum(axis=0), 1e-12)
        regions = region_shares(demand)
        of_lines = np.bincount(demand.category, lines, minlength=size)
        region_orders = demand.region_orders.sum(axis=1)
        return DemandForecast(
            market=demand.market,
            made_on=self.made_on,
            market_mean=market,
            category_mean=of_category / total * market,
            region_mean=regions[:, None] * market,
            product_mean=units / total * market * (1 - self.unseen),
            categories=demand.categories,
            regions=demand.regions,
            products=demand.products,
            product_category=demand.category,
            unseen_share=self.unseen,
            spread=self.spread,
            _paths=paths / np.maximum(orders, 1e-12),
            _noise=self.days.dispersion,
            _share_variance={
                "market": np.zeros(1),
                "category": 1 / (of_lines + 1.0),
                "subdivision": 1 / (region_orders + 1.0),
                "product": weights.relative_variance,
            },
        )


@dataclass(frozen=True)
class DemandModel:
    """The model's settings: `origins` of the back-test that calibrates the spread, 0 for none (a guess instead)."""

    origins: int = _BACKTEST_ORIGINS

    def fit(self, demand: MarketDemand, made_on: date | None = None) -> FittedDemand:
        """Fit on what was known on the morning of `made_on` (left out: the day after the last one).

        NoHistoryError when the market has sold on fewer than 14 days: without a past of its own it has no forecast,
        since no other market may speak for it.
        """
        known = demand.known_at(made_on) if made_on else demand
        sold_days = len(np.unique(known.sales.day))
        if sold_days < _LEAST_DAYS:
            raise NoHistoryError(
                f"{demand.market}: {sold_days} days with sales{f' before {made_on}' if made_on else ''},"
                f" {_LEAST_DAYS} needed"
            )
        fitted = _fit(known, made_on or known.made_on, None)
        return replace(fitted, spread=_calibrated_spread(fitted, self.origins))


def _fit(demand: MarketDemand, made_on: date, half_life: float | None) -> FittedDemand:
    demand, outliers = without_outliers(demand)
    weights = fit_weights(demand, half_life_days=half_life)
    is_known, gaps = _known_days(demand)
    days = fit_market_days(
        demand.market, demand.orders, demand.days, demand.events, is_known=is_known,
        served_share=weights.served_by_day,
    )  # fmt: skip
    pieces = fit_pieces(demand, outliers)
    keep = 0.5 ** ((demand.day_count - 1 - np.arange(demand.day_count)) / _ORDER_HALF_LIFE_DAYS)
    lines = float(demand.sales.lines @ keep[demand.sales.day])
    guess = {
        level: LevelSpread(pieces.clumping * (1.5 if level in ("market", "subdivision") else 1.0), luck)
        for level, luck in _GUESSED_LUCK.items()
    }
    return FittedDemand(
        demand=demand,
        made_on=made_on,
        days=days,
        weights=weights,
        prices=fit_prices(demand, weights.weight, weights.start, weights.half_life_days),
        pieces=pieces,
        lines_per_order=lines / max(float(demand.orders @ keep), 1e-12),
        unseen=unseen_share(demand),
        gaps=gaps,
        spread=guess,
    )


def _known_days(demand: MarketDemand) -> tuple[Flags, tuple[tuple[str, str], ...]]:
    """Days whose orders are believed, and the runs of empty days that are missing data rather than no demand."""
    orders, count = demand.orders, demand.day_count
    is_known, gaps = np.ones(count, dtype=bool), []
    empty = np.concatenate([[0], (orders <= 0).astype(np.int64), [0]])
    edges = np.diff(empty)
    for start, stop in zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True):
        around = np.concatenate([orders[max(start - 56, 0) : start], orders[stop : stop + 56]])
        # A clumped day can be empty more easily than a Poisson one: the mean counts as its square root above one.
        usual = float(np.median(around)) if len(around) else 0.0
        if -(stop - start) * min(usual, np.sqrt(usual)) < _GAP_CHANCE:
            is_known[start:stop] = False
            gaps.append((str(demand.days[start]), str(demand.days[stop - 1])))
    return is_known, tuple(gaps)


def _calibrated_spread(fitted: FittedDemand, origins: int) -> dict[str, LevelSpread]:
    """Spread of each level from forecasts made at earlier days of the same history."""
    demand = fitted.demand
    cases: dict[str, list[tuple[Reals, Reals, Reals]]] = {level: [] for level in LEVELS}
    for back in range(1, origins + 1):
        edge = demand.day_count - back * _BACKTEST_DAYS
        if edge < _BACKTEST_LEAST_DAYS:
            break
        past = demand.known_at((demand.first_day + edge).astype(object))
        if len(np.unique(past.sales.day)) < _LEAST_DAYS:
            break
        known = _fit(past, past.made_on, fitted.weights.half_life_days).forecast(_BACKTEST_DAYS)
        for level in LEVELS:
            for start, stop in _BACKTEST_WINDOWS:
                window = known.window(level, start, stop)
                if window.ids:
                    path = known.relative_variance(level, start, stop)
                    cases[level].append(
                        (window.mean, path, units_between(demand, known, level, edge + start, edge + stop))
                    )
    spread = dict(fitted.spread)
    for level, found in cases.items():
        if found:
            mean, path, actual = (np.concatenate(parts) for parts in zip(*found, strict=True))
            spread[level] = calibrated(mean, path, actual, spread[level].clumping, spread[level].luck)
    return spread


def units_between(demand: MarketDemand, forecast: DemandForecast, level: str, first: int, stop: int) -> Reals:
    """Units sold from day `first` to before `stop` of `demand`, for the nodes of a forecast's level.

    A subdivision has no units of its own: its share of the orders of these days stands for them.
    """
    sales = demand.sales
    inside = (sales.day >= first) & (sales.day < stop)
    total = float(sales.units[inside].sum())
    if level == "market":
        return np.array([total])
    if level == "category":
        place = {name: row for row, name in enumerate(forecast.categories)}
        rows = np.array([place.get(name, -1) for name in demand.categories])[demand.category[sales.product[inside]]]
        return np.bincount(rows[rows >= 0], sales.units[inside][rows >= 0], minlength=len(place)).astype(np.float64)
    if level == "subdivision":
        orders = demand.region_orders[:, first:stop].sum(axis=1)
        return np.asarray(total * orders / max(float(orders.sum()), 1e-12))
    place = {name: row for row, name in enumerate(forecast.products)}
    number = np.array([place.get(name, -1) for name in demand.products])
    rows = number[sales.product[inside]]
    return np.bincount(rows[rows >= 0], sales.units[inside][rows >= 0], minlength=len(place)).astype(np.float64)
