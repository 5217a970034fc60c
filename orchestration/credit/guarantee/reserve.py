"""The reserve of the guarantee, and a simulation of two years that shows whether it holds.

Belongs here: months of claims with common shocks, the fund, its reserve. Does not: prices (see `offers.py`).

A path is 24 months. In each month a market's claims are Poisson around the expected number, times a shock that all
markets share, a shock of its own, and an error of the level that stays for the whole path. Besides, sellers fail with
orders under way: then many claims come at once, in all of a seller's markets. What a claim costs is drawn from events
that were seen. The fund is the reserve and the prices received so far, less claims; the reserve is the least with which
it never falls below zero in the stated share of paths, at the upper end of what so many paths can tell.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]
HORIZON = 24
# Above so many claims in a batch of paths their sum is drawn at once, from a gamma distribution with its moments.
MOST_DRAWS = 20_000_000
_BATCH = 4_000


@dataclass(frozen=True, eq=False)
class Book:
    """What is guaranteed, by market (arrays of one length) and by seller.

    claims: expected claims a month. losses: per market amounts that single claims cost (at least one). income: prices
    received a month. failures: by seller the probability to fail in a month. exposure: seller by market, what claims
    then cost. common_deviation, own_deviation: shocks of a month, standard deviations around 1; level_deviation: error
    of the level.
    """

    markets: tuple[str, ...]
    claims: Reals
    losses: tuple[Reals, ...]
    income: Reals
    failures: Reals
    exposure: Reals
    common_deviation: float
    own_deviation: float
    level_deviation: float

    def alone(self, place: int) -> "Book":
        """The same book with one market only."""
        return Book(
            (self.markets[place],), self.claims[[place]], (self.losses[place],), self.income[[place]], self.failures,
            self.exposure[:, [place]], self.common_deviation, self.own_deviation, self.level_deviation,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Paths:
    """`need`: by path and month what the fund lacks so far, claims less prices (cumulative, may be negative);
    `by_market`: claims of the whole path by market."""

    need: Reals
    by_market: Reals = field(repr=False)

    @property
    def deepest(self) -> Reals:
        """By path the largest lack of any month: the reserve that it would have taken."""
        return np.asarray(np.maximum(self.need.max(axis=1), 0.0))


def simulate(book: Book, paths: int, seed: int) -> Paths:
    """So many paths of 24 months; equal seeds give equal paths."""
    need, by_market = np.empty((paths, HORIZON)), np.empty((paths, len(book.markets)))
    income = float(book.income.sum()) * np.arange(1, HORIZON + 1)
    for number, start in enumerate(range(0, paths, _BATCH)):
        rows = slice(start, min(start + _BATCH, paths))
        rng = np.random.Generator(np.random.Philox(key=[seed, number]))
        claims = _batch(book, rows.stop - rows.start, rng)
        need[rows] = claims.sum(axis=2).cumsum(axis=1) - income
        by_market[rows] = claims.sum(axis=1)
    return Paths(need, by_market)


def reserve_for(deepest: Reals, confidence: float, certainty: float = 0.99999) -> float:
    """The reserve that holds in `confidence` of all paths: of those drawn the order statistic that lies above that
    quantile with `certainty`; the largest where there are too few paths to tell. So sure, because other paths are to
    show that it holds, and they have chance in them, too."""
    from scipy.stats import binom

    ordered = np.sort(deepest)
    # P(the k-th smallest of n lies above the quantile) = P(Binomial(n, confidence) < k).
    rank = int(binom.ppf(certainty, len(ordered), confidence)) + 1
    return float(ordered[min(rank, len(ordered)) - 1])


def share_interval(held: int, paths: int) -> tuple[float, float]:
    """The interval of 95 percent of a share (Clopper and Pearson)."""
    from scipy.stats import beta

    low = 0.0 if held == 0 else float(beta.ppf(0.025, held, paths - held + 1))
    high = 1.0 if held == paths else float(beta.ppf(0.975, held + 1, paths - held))
    return low, high


def shock_deviations(counts: Reals, expected: Reals) -> tuple[float, float]:
    """Deviations of the common and of the own shock from counts by month (first axis) and market, by moments.

    At least 0.10 and 0.15: three years of a few claims cannot prove that months are alike.
    """
    error = counts - expected
    own_and_common = float((error**2 - expected).sum()) / max(float((expected**2).sum()), 1e-12)
    crossed = float((error.sum(axis=1) ** 2 - (error**2).sum(axis=1)).sum())
    weights = float((expected.sum(axis=1) ** 2 - (expected**2).sum(axis=1)).sum())
    common = max(crossed / weights, 0.0) if weights > 0 else 0.0
    return max(float(np.sqrt(common)), 0.10), max(float(np.sqrt(max(own_and_common - common, 0.0))), 0.15)


def _batch(book: Book, paths: int, rng: np.random.Generator) -> Reals:
    """Cost of claims by path, month and market."""
    size = (paths, HORIZON)
    rate = np.broadcast_to(book.claims, (*size, len(book.markets)))
    level = _around_one(rng, book.level_deviation, (paths, 1, 1))
    rate = rate * level * _around_one(rng, book.common_deviation, (*size, 1))
    rate = rate * _around_one(rng, book.own_deviation, rate.shape)
    number = rng.poisson(rate)
    cost = np.zeros(number.shape)
    for place, losses in enumerate(book.losses):
        mine = number[:, :, place]
        if mine.sum() > MOST_DRAWS / max(len(book.markets), 1):
            cost[:, :, place] = _sums(rng, mine, losses)
            continue
        cell = np.repeat(np.arange(mine.size), mine.ravel())
        drawn = losses[rng.integers(0, len(losses), len(cell))]
        cost[:, :, place] = np.bincount(cell, weights=drawn, minlength=mine.size).reshape(size)
    return cost + _failures(book, size, rng)


def _failures(book: Book, size: tuple[int, int], rng: np.random.Generator) -> Reals:
    """What claims against failed sellers cost, by path, month and market; shocks of failures are common to all."""
    cost = np.zeros((*size, len(book.markets)))
    whole = float(book.failures.sum())
    if whole <= 0:
        return cost
    number = rng.poisson(whole * _around_one(rng, max(book.common_deviation, 0.3), size))
    cell = np.repeat(np.arange(number.size), number.ravel())
    bounds = np.cumsum(book.failures) / whole
    seller = np.minimum(np.searchsorted(bounds, rng.random(len(cell)), side="right"), len(bounds) - 1)
    for place in range(len(book.markets)):
        drawn = book.exposure[seller, place]
        cost[:, :, place] = np.bincount(cell, weights=drawn, minlength=number.size).reshape(size)
    return cost


def _around_one(rng: np.random.Generator, deviation: float, size: tuple[int, ...]) -> Reals:
    """Gamma variables of mean 1."""
    if deviation <= 0:
        return np.ones(size)
    shape = 1.0 / deviation**2
    return rng.gamma(shape, 1.0 / shape, size)


def _sums(rng: np.random.Generator, number: npt.NDArray[np.int64], losses: Reals) -> Reals:
    """Sums of so many draws each."""
    mean, variance = float(losses.mean()), max(float(losses.var()), 1e-12)
    shape = number * mean**2 / variance
    return np.where(number > 0, rng.gamma(np.maximum(shape, 1e-9), variance / mean), 0.0)
