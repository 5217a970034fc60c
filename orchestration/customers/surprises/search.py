"""The search for surprises: cells whose share of buyers is not explained by what was found before.

Belongs here: which buyers a kind of cells counts, what is reported. Does not: counting (see `cells.py`), the test (see
`departure.py`), which cells are taken (see `taking.py`), words.

Where a fifth of the buyers or more have told gender and age, cells with a subdivision count these buyers alone: the
habit of its men would show in the subdivision's silent buyers as well, and so pass for one of all.

Of cells of gender and age the market's share is expected; of cells with a subdivision that of the same genders and ages
in the whole market. In turn, the cell of each category that departs most is taken into the expectation, which is then
fitted so that every cell taken so far buys what it buys (iterative proportional fitting, genders and ages kept); cells
that those taken later explain are put back. So neither a parent is reported for one child, nor a child for its parent.
Each departure is tested over purchases; those of one buyer are alike, so they count for as many independent ones as
would vary like them. Benjamini and Hochberg (1995) hold the false discoveries below 5 % at each turn among all cells of
a kind (the same attributes fixed) and all categories of the market; of cells with a subdivision the tests are weighted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from orchestration.customers.purchases import Flags
from orchestration.customers.surprises.cells import FEWEST_IN_CELL, Cell, Counts
from orchestration.customers.surprises.departure import adjusted, exact_interval
from orchestration.customers.surprises.taking import fitted, levels, regional, take, usual
from orchestration.customers.value.newton import Reals

FALSE_DISCOVERY_RATE = 0.05
# What is worth saying: a fifth more or less, after shrinkage.
LEAST_RATIO = 1.2
SHRINKAGE = 5.0
LEAST_TOLD = 0.2
# Fewer buyers, of the category or of all others, could be pointed at.
FEWEST_SHOWN = 10


@dataclass(frozen=True)
class Surprise:
    """A cell that buys a category oftener (ratio above 1) or less often than expected.

    share: of the cell's purchases, those with the category; ratio: by the expected share, drawn to 1 by five purchases;
    low and high: 95 % interval without that. market_share: of all purchases of the market. p_value: of the cell against
    all others that were found; q_value: adjusted, after the tests' weights.
    """

    cell: Cell
    category: str
    buyers: int
    category_buyers: int
    purchases: int
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
    def extra_purchases(self) -> float:
        """Purchases with the category beyond those expected; below zero if fewer."""
        return self.purchases * (self.share - self.expected_share)


@dataclass(frozen=True, eq=False)
class Found:
    """What a search has taken: places of cells by category, and what is left to explain."""

    taken: tuple[tuple[int, ...], ...]
    p_values: Reals  # cell x category
    q_values: Reals  # adjusted among the cells of the same kind
    expected: Reals  # cell x category; of what was taken, without itself


def find_surprises(counts: Counts, *, rate: float = FALSE_DISCOVERY_RATE) -> list[Surprise]:
    """The surprises of a market, those of most purchases first."""
    if not counts.cells or not counts.categories or not counts.bought.any():
        return []
    found, is_regional = search(counts, rate), regional(counts)
    seen = [of_kind(counts, kind) for kind in (False, True)]
    sums = [(one.cell_purchases, one.is_member @ one.bought) for one in seen]
    people = [(one.cell_buyers, one.is_member @ one.category_buyers) for one in seen]
    market = counts.bought.sum(axis=0) / counts.purchases.sum()
    surprises, tested = [], int(np.isfinite(found.p_values).sum())
    for category, taken in enumerate(found.taken):
        for place in taken:
            kind = int(is_regional[place])
            total, count = (float(one) for one in (sums[kind][0][place], sums[kind][1][place, category]))
            buyers, bought = int(people[kind][0][place]), int(people[kind][1][place, category])
            expected, spread = float(found.expected[place, category]), float(counts.spread[category])
            ratio = (count + SHRINKAGE * spread) / (expected + SHRINKAGE * spread)
            is_small = max(ratio, 1 / ratio) < LEAST_RATIO
            if is_small or min(bought, buyers - bought) < FEWEST_SHOWN or found.q_values[place, category] > rate:
                continue
            low, high = exact_interval(count / spread, total / spread)
            share = expected / total
            surprises.append(
                Surprise(
                    counts.cells[place], counts.categories[category], buyers, bought, int(total), count / total, share,
                    float(market[category]), ratio, low / share, high / share,
                    float(found.p_values[place, category]), float(found.q_values[place, category]), tested,
                )
            )  # fmt: skip
    return sorted(surprises, key=lambda one: (-abs(one.extra_purchases), one.category, str(one.cell)))


def search(counts: Counts, rate: float = FALSE_DISCOVERY_RATE) -> Found:
    """Which cells depart, each given all others of its kind (with or without a subdivision) that do."""
    width, is_regional = len(counts.categories), regional(counts)
    taken: tuple[tuple[int, ...], ...] = ((),) * width
    p_values, q_values, expected = (np.full((len(counts.cells), width), np.nan) for _ in range(3))
    for kind in (False, True):
        seen = of_kind(counts, kind)
        rows = np.flatnonzero((is_regional == kind) & (seen.cell_buyers >= FEWEST_IN_CELL))
        if len(rows):
            found = take(seen, rows, rate)
            p_values[rows], expected[rows] = found.p_values[rows], found.expected[rows]
            kinds = levels(counts)[rows]
            for level in set(kinds.tolist()):
                q_values[rows[kinds == level]] = adjusted(found.weighted[rows[kinds == level]])
            taken = tuple((*one, *more) for one, more in zip(taken, found.cells, strict=True))
    return Found(taken, p_values, q_values, expected)


def explained_without(counts: Counts, taken: Sequence[int], place: int, category: int) -> float:
    """Buyers of a category that a cell would have by what is expected and the others of its kind that were taken."""
    is_regional = bool(regional(counts)[place])
    others = [one for one in taken if regional(counts)[one] == is_regional and one != place]
    counts = of_kind(counts, is_regional)
    return float(counts.is_member[place] @ fitted(counts, others, usual(counts, is_regional)[:, category], category))


def of_kind(counts: Counts, is_regional: bool) -> Counts:
    """The buyers whom cells with, or without, a subdivision count."""
    is_whole = counts.known == counts.known.max(initial=0)
    if not is_regional or counts.purchases[is_whole].sum() < LEAST_TOLD * counts.purchases.sum():
        return counts
    return replace(
        counts,
        purchases=counts.purchases * is_whole,
        bought=counts.bought * is_whole[:, None],
        buyers=counts.buyers * is_whole,
        category_buyers=counts.category_buyers * is_whole[:, None],
    )


def index_by_region(counts: Counts) -> tuple[tuple[str, ...], Reals, Flags]:
    """Subdivisions, how often each buys each category by the market (1 = as the market), and which are surprises."""
    rows = [place for place, cell in enumerate(counts.cells) if cell.depth == 1 and cell.subdivision_code]
    names = tuple(str(counts.cells[place].subdivision_code) for place in rows)
    market = counts.bought.sum(axis=0) / max(float(counts.purchases.sum()), 1.0)
    expected = counts.cell_purchases[rows][:, None] * market
    bought = (counts.is_member @ counts.bought)[rows]
    ratio = (bought + SHRINKAGE) / (expected + SHRINKAGE)
    return names, ratio, (counts.is_member @ counts.category_buyers)[rows] >= FEWEST_SHOWN
