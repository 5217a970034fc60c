"""The search for surprises: cells whose share of buyers is not explained by what was found before.

Belongs here: expectation, test, false-discovery control. Does not: counting (see `cells.py`), words.

Expected is first what the market buys. In turn, the cell of each category that departs most is taken into the
expectation, which is then fitted so that every cell taken so far buys what it buys (iterative proportional fitting);
cells that those taken later explain are put back. So neither a parent is reported for one child, nor a child for its
parent. Each departure is tested by the exact binomial distribution, two-sided, over buyers (not orders: those of one
buyer are alike); Benjamini and Hochberg (1995) hold the false discoveries among all cells of a market and all
categories below 5 % at each turn.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv
from scipy.stats import binom

from orchestration.customers.purchases import Flags
from orchestration.customers.surprises.cells import Cell, Counts
from orchestration.customers.value.newton import Reals

FALSE_DISCOVERY_RATE = 0.05
# What is worth saying: a fifth more or less, after shrinkage.
LEAST_RATIO = 1.2
SHRINKAGE_BUYERS = 5.0
# Fewer buyers, of the category or of all others, could be pointed at.
FEWEST_SHOWN = 10
_MOST_TURNS = 60
_SWEEPS, _CLOSE = 50, 1e-6
_MOST_SHARE = 0.99


@dataclass(frozen=True)
class Surprise:
    """A cell that buys a category oftener (ratio above 1) or less often than expected.

    ratio: share of buyers by the expected one, drawn to 1 by five buyers; low and high: exact 95 % interval without it.
    market_share: of all buyers of the market. p_value, q_value: of the cell against all others that were found.
    """

    cell: Cell
    category: str
    buyers: int
    category_buyers: int
    share: float
    expected_share: float
    market_share: float
    ratio: float
    low: float
    high: float
    p_value: float
    q_value: float
    tested: int

    @property
    def extra_buyers(self) -> float:
        """Buyers of the category beyond those expected; below zero if fewer."""
        return self.category_buyers - self.buyers * self.expected_share


@dataclass(frozen=True, eq=False)
class Found:
    """What a search has taken: places of cells by category, and what is left to explain."""

    taken: tuple[tuple[int, ...], ...]
    p_values: Reals  # cell x category
    expected: Reals  # cell x category; of what was taken, without itself


def find_surprises(counts: Counts, *, rate: float = FALSE_DISCOVERY_RATE) -> list[Surprise]:
    """The surprises of a market, those of most buyers first."""
    if not counts.cells or not counts.categories or not counts.bought.any():
        return []
    found = search(counts, rate)
    buyers, bought = counts.cell_buyers, counts.is_member @ counts.bought
    q_values = adjusted(found.p_values)
    market = counts.bought.sum(axis=0) / counts.buyers.sum()
    surprises = []
    for category, taken in enumerate(found.taken):
        for place in taken:
            total, count, expected = buyers[place], bought[place, category], found.expected[place, category]
            ratio = (count + SHRINKAGE_BUYERS) / (expected + SHRINKAGE_BUYERS)
            is_large = max(ratio, 1 / ratio) >= LEAST_RATIO
            if not is_large or min(count, total - count) < FEWEST_SHOWN or q_values[place, category] > rate:
                continue
            low, high = exact_interval(count, total)
            share = expected / total
            surprises.append(
                Surprise(
                    counts.cells[place], counts.categories[category], int(total), int(count), float(count / total),
                    float(share), float(market[category]), float(ratio), low / float(share), high / float(share),
                    float(found.p_values[place, category]), float(q_values[place, category]), found.p_values.size,
                )
            )  # fmt: skip
    return sorted(surprises, key=lambda one: (-abs(one.extra_buyers), one.category, str(one.cell)))


def search(counts: Counts, rate: float = FALSE_DISCOVERY_RATE) -> Found:
    """Which cells depart, each given all others that do."""
    width = len(counts.categories)
    start = _market_expectation(counts)
    expected, taken = start.copy(), [list[int]() for _ in range(width)]
    buyers, bought = counts.cell_buyers, counts.is_member @ counts.bought
    of_cells = counts.is_member @ expected
    p_values = two_sided(bought, buyers[:, None], of_cells / buyers[:, None])
    open_categories = set(range(width))
    for _ in range(_MOST_TURNS):
        limit = _threshold(p_values, rate)
        changed = []
        for category in sorted(open_categories):
            free = np.array([place not in taken[category] for place in range(len(counts.cells))])
            best = int(np.where(free, p_values[:, category], 2.0).argmin())
            if not free[best] or p_values[best, category] > limit:
                open_categories.discard(category)
                continue
            taken[category].append(_parent_that_explains(counts, best, expected[:, category], category, limit))
            changed.append(category)
        if not changed:
            break
        for category in changed:
            column = start[:, category]
            _put_back(counts, taken[category], column, category, limit)
            expected[:, category] = _fitted(counts, taken[category], column, category)
            of_cells[:, category] = counts.is_member @ expected[:, category]
            for place in taken[category]:
                of_cells[place, category] = _without(counts, taken[category], place, column, category)
            p_values[:, category] = two_sided(bought[:, category], buyers, of_cells[:, category] / buyers)
    return Found(tuple(tuple(one) for one in taken), p_values, of_cells)


def _parent_that_explains(counts: Counts, place: int, expected: Reals, category: int, limit: float) -> int:
    """The first parent after whose own departure the cell departs no more; the cell itself without one.

    Only a parent that departs to the same side explains: otherwise the cell is the exception in it.
    """
    bought, cell = counts.bought[:, category], counts.cells[place]
    rows = counts.is_member[place]
    count, total, own = bought[rows].sum(), counts.buyers[rows].sum(), expected[rows].sum()
    for other, parent in enumerate(counts.cells[:place]):
        if not parent.contains(cell) or parent == cell:
            continue
        around = counts.is_member[other]
        factor = bought[around].sum() / max(float(expected[around].sum()), 1e-9)
        departs = two_sided(bought[around].sum(), counts.buyers[around].sum(), expected[around].sum() / counts.buyers[around].sum())
        if float(departs) <= limit and (factor - 1) * (count - own) > 0:
            if float(two_sided(count, total, min(factor * own / total, _MOST_SHARE))) > limit:
                return other
    return place


def explained_without(counts: Counts, taken: Sequence[int], place: int, category: int) -> float:
    """Buyers of a category that a cell would have by what the market and the other cells that were taken buy."""
    return _without(counts, taken, place, _market_expectation(counts)[:, category], category)


def _market_expectation(counts: Counts) -> Reals:
    """What each atom would buy if it bought as all of whom as much is known: those who consent may buy otherwise."""
    expected = np.zeros_like(counts.bought)
    for group in np.unique(counts.base):
        rows = counts.base == group
        share = counts.bought[rows].sum(axis=0) / counts.buyers[rows].sum()
        expected[rows] = counts.buyers[rows][:, None] * share
    return expected


def _put_back(counts: Counts, taken: list[int], start: Reals, category: int, limit: float) -> None:
    """Leave out, one after another, what those taken later explain; the last one taken stays."""
    while len(taken) > 1:
        buyers = counts.cell_buyers
        values = [
            float(
                two_sided(
                    counts.is_member[place] @ counts.bought[:, category], buyers[place],
                    _without(counts, taken, place, start, category) / buyers[place],
                )
            )
            for place in taken[:-1]
        ]  # fmt: skip
        worst = int(np.argmax(values))
        if values[worst] <= limit:
            return
        del taken[worst]


def _without(counts: Counts, taken: Sequence[int], place: int, start: Reals, category: int) -> float:
    others = [one for one in taken if one != place]
    return float(counts.is_member[place] @ _fitted(counts, others, start, category))


def _fitted(counts: Counts, taken: Sequence[int], start: Reals, category: int) -> Reals:
    """Expectation by atom in which each cell that was taken buys what it buys."""
    expected, bought = start.copy(), counts.bought[:, category]
    members = [np.flatnonzero(counts.is_member[place]) for place in taken]
    sums = [float(bought[rows].sum()) for rows in members]
    most = _MOST_SHARE * counts.buyers
    for _ in range(_SWEEPS):
        apart = 0.0
        for rows, total in zip(members, sums, strict=True):
            now = float(expected[rows].sum())
            factor = max(total, 0.5) / max(now, 1e-9)
            expected[rows] = np.minimum(expected[rows] * factor, most[rows])
            apart = max(apart, abs(factor - 1))
        if len(members) < 2 or apart < _CLOSE:
            break
    return expected


def two_sided(count: Reals, total: Reals, share: Reals) -> Reals:
    """Exact binomial p-value: twice the smaller tail."""
    share = np.clip(share, 1e-12, 1 - 1e-12)
    tail = np.minimum(binom.cdf(count, total, share), binom.sf(count - 1, total, share))
    return np.minimum(1.0, 2 * np.asarray(tail))


def _threshold(p_values: Reals, rate: float) -> float:
    """The largest p-value that Benjamini and Hochberg reject; below zero if none."""
    ordered = np.sort(p_values.ravel())
    is_low = ordered <= rate * np.arange(1, len(ordered) + 1) / len(ordered)
    return float(ordered[np.flatnonzero(is_low)[-1]]) if is_low.any() else -1.0


def adjusted(p_values: Reals) -> Reals:
    """p-values adjusted by Benjamini and Hochberg (1995), in their shape."""
    flat = p_values.ravel()
    order = np.argsort(flat)
    scaled = flat[order] * len(flat) / np.arange(1, len(flat) + 1)
    found = np.empty(len(flat))
    found[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return found.reshape(p_values.shape)


def exact_interval(count: float, total: float, *, cover: float = 0.95) -> tuple[float, float]:
    """Clopper and Pearson (1934) interval of a share."""
    tail = (1 - cover) / 2
    low = 0.0 if count <= 0 else float(betaincinv(count, total - count + 1, tail))
    high = 1.0 if count >= total else float(betaincinv(count + 1, total - count, 1 - tail))
    return low, high


def index_by_region(counts: Counts) -> tuple[tuple[str, ...], Reals, Flags]:
    """Subdivisions, how often each buys each category by the market (1 = as the market), and which are surprises."""
    rows = [place for place, cell in enumerate(counts.cells) if cell.depth == 1 and cell.subdivision_code]
    names = tuple(str(counts.cells[place].subdivision_code) for place in rows)
    market = counts.bought.sum(axis=0) / max(float(counts.buyers.sum()), 1.0)
    expected = counts.cell_buyers[rows][:, None] * market
    bought = (counts.is_member @ counts.bought)[rows]
    ratio = (bought + SHRINKAGE_BUYERS) / (expected + SHRINKAGE_BUYERS)
    return names, ratio, np.minimum(bought, expected) >= FEWEST_SHOWN
