"""Pieces per order line: their mean, their spread, and the lines that are too large to be believed.

Belongs here: bulk lines and what they do to means. Does not: how many lines there are (see market_days.py, shares.py).

Few bulk orders carry a large part of the pieces. Lines are therefore counted and forecast as lines, and pieces per line
are learnt over the whole market; a product differs from it only by as much as its own lines prove (Buehlmann's
credibility), measured on pieces that are cut at a high quantile, so that one bulk order makes no product large.
"""

from dataclasses import dataclass, replace

import numpy as np

from orchestration.forecasting.demand.calendar import Reals
from orchestration.forecasting.demand.market_demand import MarketDemand

# A day's mean pieces per line above this multiple of the market's high quantile is a mistake or a once-only bulk order.
_OUTLIER_MULTIPLE, _OUTLIER_QUANTILE = 20.0, 0.995
_CUT_QUANTILE = 0.95
_RANKS, _LINES_OF_RANK = 8, 100.0
_LEAST_LINES = 20.0  # that the market's mean is worth beside a product's own lines


@dataclass(frozen=True)
class BulkOutlier:
    """A product's day with more pieces a line than can be believed; it counts as `kept_units`."""

    product_id: str
    sold_on: str
    units: float
    kept_units: float


@dataclass(frozen=True, eq=False)
class Pieces:
    """Mean pieces a line of the market and of each product, and of the market's lines sum(q^2) / sum(q)."""

    mean: float
    by_product: Reals
    clumping: float
    outliers: tuple[BulkOutlier, ...]


def without_outliers(demand: MarketDemand) -> tuple[MarketDemand, tuple[BulkOutlier, ...]]:
    """The demand with unbelievable quantities cut, and what was cut."""
    sales = demand.sales
    if not len(sales.units):
        return demand, ()
    each = sales.units / sales.lines
    limit = _OUTLIER_MULTIPLE * max(_weighted_quantile(each, sales.lines, _OUTLIER_QUANTILE), 1.0)
    # In a short history one line is itself the high quantile: then the median says what is usual.
    limit = min(limit, 500 * max(_weighted_quantile(each, sales.lines, 0.5), 1.0))
    rows = np.flatnonzero(each > limit)
    units = np.minimum(sales.units, limit * sales.lines)
    outliers = tuple(
        BulkOutlier(
            demand.products[sales.product[row]], str(demand.first_day + sales.day[row]), float(sales.units[row]),
            float(units[row]),
        )
        for row in rows
    )  # fmt: skip
    return replace(demand, sales=replace(sales, units=units)), outliers


def fit_pieces(demand: MarketDemand, outliers: tuple[BulkOutlier, ...] = ()) -> Pieces:
    """Pieces per line of a market whose outliers are cut."""
    sales, size = demand.sales, len(demand.products)
    lines = np.bincount(sales.product, sales.lines, minlength=size)
    each = sales.units / sales.lines
    mean = float(sales.units.sum() / sales.lines.sum())
    cut = np.minimum(each, _weighted_quantile(each, sales.lines, _CUT_QUANTILE))
    cut_mean = float((cut * sales.lines).sum() / sales.lines.sum())
    of_product = np.bincount(sales.product, cut * sales.lines, minlength=size) / np.maximum(lines, 1e-9)
    within = float((sales.lines * (cut - of_product[sales.product]) ** 2).sum())
    within /= max(float(len(cut) - size), 1.0)
    # What is bought often is bought twice in one order as well: products are compared with those that sell as often.
    usual = _usual_of_rank(np.asarray(lines, dtype=np.float64), of_product)
    spread = float((lines * (of_product - usual) ** 2).sum()) - (size - 1) * within
    between = max(spread / max(float(lines.sum() - (lines**2).sum() / lines.sum()), 1e-9), 0.0)
    worth = max(within / between, _LEAST_LINES) if between > 0 else np.inf
    own = 1 / (1 + worth / np.maximum(lines, 1e-9)) if np.isfinite(worth) else np.zeros(size)
    relative = (own * of_product + (1 - own) * usual) / cut_mean
    return Pieces(mean, mean * relative, float((each**2 * sales.lines).sum() / sales.units.sum()), outliers)


def _usual_of_rank(lines: Reals, of_product: Reals) -> Reals:
    """Of each product the mean pieces a line of the eighth of all lines to which its rank belongs."""
    turn = np.argsort(lines, kind="stable")
    reached = lines[turn].cumsum() - lines[turn] / 2
    rank = np.empty(len(lines), dtype=np.int64)
    rank[turn] = np.minimum((_RANKS * reached / max(float(lines.sum()), 1e-9)).astype(np.int64), _RANKS - 1)
    count = np.bincount(rank, lines, minlength=_RANKS)
    mean = np.bincount(rank, lines * of_product, minlength=_RANKS) / np.maximum(count, 1e-9)
    # A rank without many lines is like all others.
    whole = float((lines * of_product).sum()) / max(float(lines.sum()), 1e-9)
    drawn: Reals = (count * mean + _LINES_OF_RANK * whole) / (count + _LINES_OF_RANK)
    return drawn[rank]


def _weighted_quantile(values: Reals, weights: Reals, share: float) -> float:
    turn = np.argsort(values, kind="stable")
    reached = weights[turn].cumsum()
    return float(values[turn][np.searchsorted(reached, share * reached[-1])])
