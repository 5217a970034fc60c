"""A plain forecast of items from the lines of the past, for proofs over a time of which no forecasts were kept.

Belongs here: shares of markets and the markets' year. Does not: the forecast that plans are made from (see
orchestration/forecasting).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestration.forecasting.demand.rates import posterior_rates
from orchestration.planning.demand_shape import LineSizes, first_large, line_sizes, product_sizes

Reals = NDArray[np.float64]
Ints = NDArray[np.int64]

HISTORY_DAYS = 728
YEAR_DAYS, HALF_YEAR_DAYS = 364, 182
QUARTER_WEEKS = 13
# What a product sold half a year ago tells half as much of its share as what it sells now.
HALF_LIFE_DAYS = 182.0
# A market's own level errs by about this much two months ahead.
MARKET_CV = 0.10


@dataclass(frozen=True)
class PastLines:
    """Lines that were sold, by row: day (from 0), market (index), item (index; -1: none that is planned), pieces.

    kin: a number for whatever the line is of (its product and market, or its product and warehouse): what all of them
    sell tells how far the best of them will fall back.
    """

    day: Ints
    market: Ints
    item: Ints
    pieces: Reals
    items: int
    markets: int
    kin: Ints


def without_bulk_lines(lines: PastLines) -> PastLines:
    """The lines of usual size: those below the size that one line in fifty of its market reaches."""
    keep = np.ones(len(lines.day), dtype=bool)
    for market in range(lines.markets):
        of_market = lines.market == market
        keep &= ~of_market | (lines.pieces < first_large(line_sizes(lines.pieces[of_market])))
    return PastLines(
        lines.day[keep], lines.market[keep], lines.item[keep], lines.pieces[keep], lines.items, lines.markets,
        lines.kin[keep],
    )  # fmt: skip


@dataclass(frozen=True)
class ItemForecast:
    """Mean units by item and coming week, the uncertainty of the level, and the sizes of lines."""

    weekly: Reals
    level_cv: Reals
    sizes: tuple[LineSizes, ...]


def forecast_items(lines: PastLines, made_on: int, weeks: int) -> ItemForecast:
    """Share of each item in its markets' lines (half-life half a year) times the markets' year before and their growth.

    Shares are shrunk: of thousands of products those with most lines have had luck as well (see `_kept`).
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
    decay = 0.5 ** ((made_on - lines.day[known]) / HALF_LIFE_DAYS)
    chosen = lines.item[known] >= 0
    weighted: Reals = np.zeros((lines.items, lines.markets))
    np.add.at(weighted, (lines.item[known][chosen], lines.market[known][chosen]), decay[chosen])
    of_market = np.bincount(lines.market[known], decay, minlength=lines.markets)
    mean_lines = weighted / np.maximum(of_market, 1.0) @ market_weeks
    sizes = _item_sizes(lines, known, weighted)
    mean_size = np.array([one.mean for one in sizes])
    kept, variance = _kept(lines, known, decay)
    level_cv = np.sqrt(variance + MARKET_CV**2)
    return ItemForecast(kept[:, None] * mean_lines * mean_size[:, None], level_cv, sizes)


def _kept(lines: PastLines, known: NDArray[np.bool_], decay: Reals) -> tuple[Reals, Reals]:
    """What part of each item's lines is its own measure and not luck, and the relative variance of that measure.

    From the lines of all products by empirical Bayes; a decayed count has the variance of a larger one.
    """
    like = float(decay.sum() / max(float((decay**2).sum()), 1e-12)) if len(decay) else 1.0
    names, place = np.unique(lines.kin[known], return_inverse=True)
    counts: Reals = np.asarray(like * np.bincount(place, decay, minlength=len(names)), dtype=np.float64)
    usual = float(counts.mean()) if len(counts) else 1.0
    rates, variances = posterior_rates(counts, np.full(len(counts), usual))
    kept, variance = np.ones(lines.items), np.ones(lines.items)
    of_item = lines.item[known]
    rows = of_item >= 0
    kept[of_item[rows]] = (rates * usual / np.maximum(counts, 1e-9))[place[rows]]
    variance[of_item[rows]] = variances[place[rows]]
    return kept, variance


@dataclass(frozen=True)
class PastErrors:
    """How such forecasts erred in the half year before: the share of them that came, and what their level was off by.

    extra_cv: beyond what counts of this size vary by, and beyond what few lines tell of a level; prices, promotions
    and fashions move single products.
    """

    reached: float
    extra_cv: float

    def corrected(self, forecast: ItemForecast) -> ItemForecast:
        """The forecast with its past bias taken out and its uncertainty put in."""
        level_cv = np.sqrt(forecast.level_cv**2 + self.extra_cv**2)
        return ItemForecast(self.reached * forecast.weekly, level_cv, forecast.sizes)


def past_errors(lines: PastLines, made_on: int) -> PastErrors:
    """The errors of a forecast made half a year before; the items must have been chosen by what was known then."""
    then = made_on - HALF_YEAR_DAYS
    forecast = forecast_items(lines, then, HALF_YEAR_DAYS // 7)
    expected = forecast.weekly / np.array([one.mean for one in forecast.sizes])[:, None]
    rows = (lines.day >= then) & (lines.day < made_on) & (lines.item >= 0)
    week = (lines.day[rows] - then) // 7
    came = np.zeros_like(expected)
    np.add.at(came, (lines.item[rows], week), 1.0)
    # Of what a forecast of thirteen weeks missed: products that come later take their share of the others, and half a
    # year ahead it is twice as large as in the weeks for which is ordered.
    total = float(expected[:, :QUARTER_WEEKS].sum())
    if total <= 0:
        return PastErrors(1.0, 0.0)
    reached = float(came[:, :QUARTER_WEEKS].sum()) / total
    # Eight weeks are about a lead time: of counts with mean m and a level off by v the square of the error is m + v m².
    blocks = [slice(start, start + 8) for start in range(0, expected.shape[1] - 7, 8)]
    mean = np.stack([reached * expected[:, block].sum(axis=1) for block in blocks])
    seen = np.stack([came[:, block].sum(axis=1) for block in blocks])
    known = float((mean**2 * forecast.level_cv[None, :] ** 2).sum())
    excess = float(((seen - mean) ** 2 - mean).sum()) - known
    return PastErrors(reached, float(np.sqrt(max(excess, 0.0) / max(float((mean**2).sum()), 1e-9))))


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
