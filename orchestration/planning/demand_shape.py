"""The distribution of demand over a time, from a forecast's mean and spread and from the sizes of order lines.

Belongs here: compound distributions on a lattice. Does not: forecasts, lead times, stock.

Demand comes in lines of one piece, three or three hundred. A normal or a negative binomial distribution with the right
mean and variance misses by far how much is wanted beyond stock when a few large lines make a quarter of all units. So
demand is a compound distribution: lines arrive as a Poisson stream whose level is itself uncertain (gamma), and each
has a size drawn from the sizes that were seen. Its transform is closed: (1 + v·λ·(1 − φ))^(−1/v) with λ lines, the
transform φ of a line's size and the squared coefficient of variation v of the level (Panjer 1981; Feller II, XII).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
Complex = NDArray[np.complex128]

LEAST_CV = 0.02
# A part of a line's pieces that may lie beyond a lattice.
NEGLIGIBLE = 1e-3
# Of a market's lines the largest, one in fifty, are looked at apart.
LARGE_SHARE = 0.02
# From "a product is its own" to "products do not differ"; the last is endless for every purpose.
PRIORS = (10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 1e12)


@dataclass(frozen=True)
class LineSizes:
    """How many pieces a line has: `share[n]` of lines have n pieces; share[0] is 0. Shares sum to one."""

    share: Reals

    @cached_property
    def mean(self) -> float:
        """Pieces of a line in the mean."""
        return float(self.share @ np.arange(len(self.share)))

    @cached_property
    def second_moment(self) -> float:
        """Mean of the squared pieces of a line."""
        return float(self.share @ np.arange(len(self.share), dtype=float) ** 2)


def line_sizes(pieces: Reals, counts: Reals | None = None, *, largest: int = 20_000) -> LineSizes:
    """The sizes seen; none seen: one piece each. Larger lines than `largest` count as that."""
    whole = np.clip(np.rint(pieces), 1, largest).astype(int)
    if not len(whole):
        return LineSizes(np.array([0.0, 1.0]))
    found = np.bincount(whole, weights=counts, minlength=2).astype(float)
    return LineSizes(found / found.sum())


def product_sizes(own: Sequence[Reals], markets: Sequence[LineSizes]) -> tuple[LineSizes, ...]:
    """Sizes of each product's lines, from its own lines and its market's; `own`: the pieces of each product's lines.

    Two things are mixed apart, each as far as products have shown to differ: which usual sizes a product has, and how
    often a line is unusually large. How large it then is, the market says. Where products do not differ, a product's
    own large line is chance, and to plan by it would keep too much of this product and too little of all others.
    """
    split = [first_large(market) for market in markets]
    usual = [pieces[pieces < first] for pieces, first in zip(own, split, strict=True)]
    rates = np.array([float(market.share[first:].sum()) for market, first in zip(markets, split, strict=True)])
    lines = np.array([float(len(pieces)) for pieces in own])
    large = lines - np.array([float(len(pieces)) for pieces in usual])
    bodies = [_normed(market.share[:first]) for market, first in zip(markets, split, strict=True)]
    prior = _best_prior_of_sizes(usual, bodies)
    prior_large = _best_prior_of_rates(lines, large, rates)
    rate = (large + prior_large * rates) / (lines + prior_large)
    found = []
    for item, market in enumerate(markets):
        share = market.share.copy()
        first = split[item]
        weight = len(usual[item]) / (len(usual[item]) + prior)
        body = (1 - weight) * bodies[item]
        if len(usual[item]):
            body = body + weight * np.bincount(usual[item].astype(int), minlength=first)[:first] / len(usual[item])
        share[:first] = (1 - rate[item]) * body
        share[first:] = rate[item] * _normed(market.share[first:]) if len(share) > first else share[first:]
        found.append(LineSizes(_normed(share)))
    return tuple(found)


@dataclass(frozen=True)
class Usual:
    """Sizes without bulk lines: those from `bulk_from` pieces on, which are `bulk_share` of all pieces."""

    sizes: LineSizes
    bulk_from: int
    bulk_share: float


def without_bulk(sizes: LineSizes, market: LineSizes) -> Usual:
    """The sizes below those that only one line in fifty of the market reaches.

    To keep hundreds of pieces of everything because somebody may buy for resale once in a year fills warehouses with
    what does not sell; such an order is ordered for.
    """
    first = first_large(market)
    pieces = sizes.share * np.arange(len(sizes.share))
    kept = float(pieces[:first].sum())
    if kept <= 0:
        return Usual(sizes, first, 0.0)
    return Usual(LineSizes(_normed(sizes.share[:first])), first, 1 - kept / float(pieces.sum()))


def first_large(sizes: LineSizes) -> int:
    """The smallest size that at most one line in fifty reaches; at least two."""
    reached = sizes.share[::-1].cumsum()[::-1]
    small = np.flatnonzero(reached <= LARGE_SHARE)
    return max(2, int(small[0]) if len(small) else len(sizes.share))


def _normed(share: Reals) -> Reals:
    total = float(share.sum())
    return share / total if total > 0 else share


def _best_prior_of_sizes(usual: Sequence[Reals], bodies: Sequence[Reals]) -> float:
    """How many lines of the market a product's own are worth: each line is foretold from the others (leave one out)."""
    scores = np.zeros(len(PRIORS))
    for pieces, body in zip(usual, bodies, strict=True):
        if len(pieces) < 2:
            continue
        counts = np.bincount(pieces.astype(int), minlength=len(body)).astype(float)[: len(body)]
        # A size that the market's other lines never had still has some chance.
        of_market = (body + 1e-6) / (1 + 1e-6 * len(body))
        others = np.maximum(counts - 1, 0.0) / (len(pieces) - 1)
        for index, prior in enumerate(PRIORS):
            weight = (len(pieces) - 1) / (len(pieces) - 1 + prior)
            scores[index] += float(counts @ np.log(weight * others + (1 - weight) * of_market))
    return PRIORS[int(np.argmax(scores))]


def _best_prior_of_rates(lines: Reals, large: Reals, rates: Reals) -> float:
    scores = []
    for prior in PRIORS:
        chance = np.clip((np.maximum(large - 1, 0) + prior * rates) / (np.maximum(lines - 1, 0) + prior), 1e-9, 1)
        other = np.clip((large + prior * rates) / (np.maximum(lines - 1, 0) + prior), 0, 1 - 1e-9)
        scores.append(float(np.sum(large * np.log(chance) + (lines - large) * np.log1p(-other))))
    return PRIORS[int(np.argmax(scores))]


@dataclass(frozen=True)
class Lattice:
    """Demand in steps of `step` pieces, up to `length` steps: coarse where demand is large."""

    step: float
    length: int

    @staticmethod
    def fitting(mean: float, sd: float, sizes: LineSizes, *, length: int = 1024) -> "Lattice":
        """Steps that hold the mean and ten standard deviations, one piece where that is enough; at most `length`.

        Where demand is small and no line of weight is long, fewer steps do, and take less time.
        """
        wanted = 2 * (mean + 10 * sd)
        for fewer in (64, 128, 256, 512):
            one = Lattice(1.0, fewer)
            if wanted <= fewer < length and one.beyond(sizes) <= NEGLIGIBLE * sizes.mean:
                return one
        return Lattice(max(1.0, float(np.ceil(wanted / length))), length)

    @property
    def largest_line(self) -> float:
        """Pieces of a line that the lattice holds; what a line has beyond them is wanted beyond any level on it."""
        return self.step * (self.length // 2)

    def beyond(self, sizes: LineSizes) -> float:
        """Pieces of a line beyond the lattice, in the mean."""
        excess = np.maximum(np.arange(len(sizes.share)) - self.largest_line, 0.0)
        return float(sizes.share @ excess)

    def transform(self, sizes: LineSizes) -> Complex:
        """The transform of a line's size; a size between two steps is shared between them, so that the mean stays."""
        place = np.minimum(np.arange(len(sizes.share)), self.largest_line) / self.step
        low = np.floor(place).astype(int)
        upper = place - low
        grid = np.bincount(low, sizes.share * (1 - upper), minlength=self.length)
        grid += np.bincount(np.minimum(low + 1, self.length - 1), sizes.share * upper, minlength=self.length)
        return np.asarray(np.fft.rfft(grid[: self.length]), dtype=np.complex128)


def demand_transform(mean: Reals, level_cv: float, sizes: LineSizes, phi: Complex) -> Complex:
    """The transforms of demand with these means (one row each)."""
    lines = np.asarray(mean, dtype=float)[:, None] / sizes.mean
    variance = max(level_cv, LEAST_CV) ** 2
    result: Complex = np.exp(-np.log1p(variance * lines * (1 - phi[None, :])) / variance)
    return result


def as_shares(transform: Complex, length: int) -> Reals:
    """The distribution behind a transform."""
    shares = np.clip(np.fft.irfft(transform, n=length), 0.0, None)
    result: Reals = shares / shares.sum(axis=-1, keepdims=True)
    return result


def level_cv_of(mean: float, lower: float, upper: float, sizes: LineSizes) -> float:
    """The spread of the level that a forecast's band means: what its 10 to 90 % band shows beyond the lines' own.

    mean, lower, upper: of one week. A band of few whole pieces tells nothing of the level and gives 0.
    """
    if mean <= 0:
        return 0.0
    of_band = (max(upper - lower, 0.0) / 2.563) ** 2
    # Lines' own spread without the largest ones, which a band of 80 % does not see either.
    own = mean / sizes.mean * min(sizes.second_moment, 2 * sizes.mean**2)
    return float(np.sqrt(np.clip((of_band - own) / mean**2, 0.0, 1.0)))
