"""A plain forecast of items from the lines of the past, for proofs over a time of which no forecasts were kept.

Belongs here: shares of markets and the markets' year. Does not: the forecast that plans are made from (see
orchestration/forecasting).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestration.planning.demand_shape import LineSizes, line_sizes, product_sizes

Reals = NDArray[np.float64]
Ints = NDArray[np.int64]

HISTORY_DAYS = 728
YEAR_DAYS, HALF_YEAR_DAYS = 364, 182
# A market's own level errs by about this much two months ahead.
MARKET_CV = 0.10


@dataclass(frozen=True)
class PastLines:
    """Lines that were sold, by row: day (from 0), market (index), item (index; -1: none that is planned), pieces."""

    day: Ints
    market: Ints
    item: Ints
    pieces: Reals
    items: int
    markets: int


@dataclass(frozen=True)
class ItemForecast:
    """Mean units by item and coming week, the uncertainty of the level, and the sizes of lines."""

    weekly: Reals
    level_cv: Reals
    sizes: tuple[LineSizes, ...]


def forecast_items(lines: PastLines, made_on: int, weeks: int) -> ItemForecast:
    """Share of each item in its markets' lines (half-life a year) times the markets' year before and their growth.

    made_on: the first day that is not known; later lines are not looked at. Needs a year and a half of history.
    """
    before = lines.day < made_on
    known = before & (lines.day >= made_on - HISTORY_DAYS)
    per_day = np.zeros((lines.markets, made_on))
    np.add.at(per_day, (lines.market[before], lines.day[before]), 1.0)
    smooth = np.stack([np.convolve(row, np.ones(7) / 7, mode="same") for row in per_day])
    recent = per_day[:, made_on - HALF_YEAR_DAYS :].sum(axis=1)
    earlier = per_day[:, made_on - HALF_YEAR_DAYS - YEAR_DAYS : made_on - YEAR_DAYS].sum(axis=1)
    coming = made_on - YEAR_DAYS + np.arange(7 * weeks)
    market_days = smooth[:, coming] * (recent / np.maximum(earlier, 1.0))[:, None]
    market_weeks = market_days.reshape(lines.markets, weeks, 7).sum(axis=2)
    decay = 0.5 ** ((made_on - lines.day[known]) / YEAR_DAYS)
    chosen = lines.item[known] >= 0
    pair = lines.item[known][chosen] * lines.markets + lines.market[known][chosen]
    weighted = np.bincount(pair, decay[chosen], minlength=lines.items * lines.markets)
    weighted = weighted.reshape(lines.items, lines.markets)
    of_market = np.bincount(lines.market[known], decay, minlength=lines.markets)
    mean_lines = weighted / np.maximum(of_market, 1.0) @ market_weeks
    sizes = _item_sizes(lines, known, weighted)
    mean_size = np.array([one.mean for one in sizes])
    level_cv = np.sqrt(1 / (weighted.sum(axis=1) + 1) + MARKET_CV**2)
    return ItemForecast(mean_lines * mean_size[:, None], level_cv, sizes)


def reached_share(lines: PastLines, made_on: int) -> float:
    """How much of their forecast the items reached in the half year before: the best of the past fall back.

    The items must have been chosen by what was known half a year before.
    """
    then = made_on - HALF_YEAR_DAYS
    forecast = forecast_items(lines, then, HALF_YEAR_DAYS // 7)
    expected = sum(float(row.sum()) / one.mean for row, one in zip(forecast.weekly, forecast.sizes, strict=True))
    came = float(((lines.day >= then) & (lines.day < made_on) & (lines.item >= 0)).sum())
    return came / expected if expected > 0 else 1.0


def _item_sizes(lines: PastLines, known: NDArray[np.bool_], weighted: Reals) -> tuple[LineSizes, ...]:
    pools = [line_sizes(lines.pieces[known & (lines.market == market)]) for market in range(lines.markets)]
    longest = max(len(pool.share) for pool in pools)
    padded = np.stack([np.pad(pool.share, (0, longest - len(pool.share))) for pool in pools])
    mix = weighted / np.maximum(weighted.sum(axis=1, keepdims=True), 1e-9)
    rows = known & (lines.item >= 0)
    order = np.argsort(lines.item[rows], kind="stable")
    pieces, place = lines.pieces[rows][order], lines.item[rows][order]
    starts = np.searchsorted(place, np.arange(lines.items + 1))
    own = [pieces[starts[item] : starts[item + 1]] for item in range(lines.items)]
    pooled = [LineSizes(row @ padded) if row.sum() > 0 else pools[0] for row in mix]
    return product_sizes(own, pooled)
