"""The search for surprises: cells whose share of buyers is not explained by what was found before.

Belongs here: expectation, test, false-discovery control. Does not: counting (see `cells.py`), words.

Where a fifth of the buyers or more have told gender and age, cells with a subdivision count these buyers alone: the
habit of its men would show in the subdivision's silent buyers as well, and so pass for one of all.

Of cells of gender and age the market's share is expected; of cells with a subdivision that of the same genders and ages
in the whole market. In turn, the cell of each category that departs most is taken into the expectation, which is then
fitted so that every cell taken so far buys what it buys (iterative proportional fitting, genders and ages kept); cells
that those taken later explain are put back. So neither a parent is reported for one child, nor a child for its parent.
Each departure is tested by the binomial distribution, two-sided, over purchases; those of one buyer are alike, so they
count for as many independent ones as would vary like them. Benjamini and Hochberg (1995) hold the false discoveries
below 5 % at each turn among all cells of a kind (the same attributes fixed) and all categories of the market.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import betainc, betaincc, betaincinv

from orchestration.customers.purchases import Flags, Rows
from orchestration.customers.surprises.cells import FEWEST_IN_CELL, Cell, Counts
from orchestration.customers.value.newton import Reals

FALSE_DISCOVERY_RATE = 0.05
# What is worth saying: a fifth more or less, after shrinkage.
LEAST_RATIO = 1.2
SHRINKAGE = 5.0
LEAST_TOLD = 0.2
# Where fewer independent purchases are expected, only several times as many would stand out: a test more, for nothing.
LEAST_EXPECTED = 25.0
# Fewer buyers, of the category or of all others, could be pointed at.
FEWEST_SHOWN = 10
_MOST_TURNS = 60
_SWEEPS, _CLOSE = 50, 1e-6
_MOST_SHARE = 0.99


@dataclass(frozen=True)
class Surprise:
    """A cell that buys a category oftener (ratio above 1) or less often than expected.

    share: of the cell's purchases, those with the category; ratio: by the expected share, drawn to 1 by five purchases;
    low and high: 95 % interval without that. market_share: of all purchases of the market. p_value, q_value: of the
    cell against all others that were found.
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
    found, is_regional = search(counts, rate), _is_regional(counts)
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
    width, is_regional = len(counts.categories), _is_regional(counts)
    taken: tuple[tuple[int, ...], ...] = ((),) * width
    p_values, q_values, expected = (np.full((len(counts.cells), width), np.nan) for _ in range(3))
    for kind in (False, True):
        seen = of_kind(counts, kind)
        rows = np.flatnonzero((is_regional == kind) & (seen.cell_buyers >= FEWEST_IN_CELL))
        if len(rows):
            found = _search(seen, rows, rate)
            p_values[rows], expected[rows] = found.p_values[rows], found.expected[rows]
            levels = _levels(counts)[rows]
            for level in set(levels.tolist()):
                q_values[rows[levels == level]] = adjusted(p_values[rows[levels == level]])
            taken = tuple((*one, *more) for one, more in zip(taken, found.taken, strict=True))
    return Found(taken, p_values, q_values, expected)


def explained_without(counts: Counts, taken: Sequence[int], place: int, category: int) -> float:
    """Buyers of a category that a cell would have by what is expected and the others of its kind that were taken."""
    is_regional = _is_regional(counts)
    others = [one for one in taken if is_regional[one] == is_regional[place]]
    counts = of_kind(counts, bool(is_regional[place]))
    return _without(counts, others, place, _start(counts, bool(is_regional[place]))[:, category], category)


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


def _search(counts: Counts, rows: Rows, rate: float) -> Found:
    """Of the cells in these rows, which are all of one kind."""
    width, is_regional = len(counts.categories), bool(_is_regional(counts)[rows[0]])
    start = _start(counts, is_regional)
    expected, taken = start.copy(), [list[int]() for _ in range(width)]
    buyers, bought = counts.cell_purchases, counts.is_member @ counts.bought
    of_cells = counts.is_member @ expected
    buyers = np.maximum(buyers, 1e-9)
    is_tested = of_cells / counts.spread >= LEAST_EXPECTED
    p_values = np.full(bought.shape, np.nan)
    found = two_sided(bought[rows], buyers[rows][:, None], of_cells[rows] / buyers[rows][:, None], counts.spread)
    p_values[rows] = np.where(is_tested[rows], found, np.nan)
    open_categories = set(range(width))
    levels = _levels(counts)[rows]
    level_of = dict(zip(rows.tolist(), levels.tolist(), strict=True))
    for _ in range(_MOST_TURNS):
        limits = {level: _threshold(p_values[rows[levels == level]], rate) for level in set(levels.tolist())}
        changed = []
        for category in sorted(open_categories):
            free = [place for place in rows.tolist() if place not in taken[category]]
            likely = [place for place in free if p_values[place, category] <= limits[level_of[place]]]
            best = min(likely, key=lambda place: p_values[place, category], default=-1)
            if best < 0:
                open_categories.discard(category)
                continue
            larger = _parent_that_explains(counts, rows, best, expected[:, category], category, limits[level_of[best]])
            taken[category].append(best if larger in taken[category] else larger)
            changed.append(category)
        if not changed:
            break
        for category in changed:
            column = start[:, category]
            _put_back(counts, taken[category], column, category, limits, level_of)
            expected[:, category] = _fitted(counts, taken[category], column, category)
            of_cells[:, category] = counts.is_member @ expected[:, category]
            for place in taken[category]:
                of_cells[place, category] = _without(counts, taken[category], place, column, category)
            left = of_cells[rows, category] / buyers[rows]
            now = two_sided(bought[rows, category], buyers[rows], left, counts.spread[category])
            p_values[rows, category] = np.where(is_tested[rows, category], now, np.nan)
    return Found(tuple(tuple(one) for one in taken), p_values, p_values, of_cells)


def _levels(counts: Counts) -> Rows:
    """Which attributes each cell fixes, as a number: cells of one kind are judged among themselves."""
    fixed = [[one is not None for one in cell.attributes] for cell in counts.cells]
    return np.asarray(np.array(fixed, dtype=np.int64).reshape(-1, 3) @ np.array([1, 2, 4]))


def _is_regional(counts: Counts) -> Flags:
    return np.array([cell.subdivision_code is not None for cell in counts.cells], dtype=np.bool_)


def _start(counts: Counts, is_regional: bool) -> Reals:
    """What each atom would buy if it bought as all of whom as much is known: those who consent may buy otherwise."""
    groups = counts.people if is_regional else counts.known
    expected = np.zeros_like(counts.bought)
    for group in np.unique(groups):
        rows = groups == group
        share = counts.bought[rows].sum(axis=0) / max(float(counts.purchases[rows].sum()), 1.0)
        expected[rows] = counts.purchases[rows][:, None] * share
    return expected


def _parent_that_explains(
    counts: Counts, places: Rows, place: int, expected: Reals, category: int, limit: float
) -> int:
    """The first parent of which the cell is most and after whose own departure it departs no more; else the cell.

    What the men of the largest subdivision do, all its buyers may do. A parent of which the cell is a small part may
    depart because the cell does.
    """
    cell, rows = counts.cells[place], counts.is_member[place]
    bought, buyers, spread = counts.bought[:, category], counts.purchases, counts.spread[category]
    count, total, own = (float(one[rows].sum()) for one in (bought, buyers, expected))
    for other in places.tolist():
        around = counts.is_member[other]
        its_count, its_total, its_own = (float(one[around].sum()) for one in (bought, buyers, expected))
        if other >= place or not counts.cells[other].contains(cell) or 2 * total <= its_total or its_own <= 0:
            continue
        departs = float(two_sided(its_count, its_total, its_own / its_total, spread)) <= limit
        left = float(two_sided(count, total, min(its_count / its_own * own / total, _MOST_SHARE), spread))
        if departs and (its_count - its_own) * (count - own) > 0 and left > limit:
            return int(other)
    return place


def _put_back(
    counts: Counts,
    taken: list[int],
    start: Reals,
    category: int,
    limits: Mapping[int, float],
    level_of: Mapping[int, int],
) -> None:
    """Leave out, one after another, what those taken later explain; the last one taken stays."""
    while len(taken) > 1:
        buyers = counts.cell_purchases
        values = [
            float(
                two_sided(
                    counts.is_member[place] @ counts.bought[:, category], buyers[place],
                    _without(counts, taken, place, start, category) / buyers[place], counts.spread[category],
                )
            )
            for place in taken[:-1]
        ]  # fmt: skip
        worst = int(np.argmax(values))
        if values[worst] <= limits[level_of[taken[worst]]]:
            return
        del taken[worst]


def _without(counts: Counts, taken: Sequence[int], place: int, start: Reals, category: int) -> float:
    others = [one for one in taken if one != place]
    return float(counts.is_member[place] @ _fitted(counts, others, start, category))


def _fitted(counts: Counts, taken: Sequence[int], start: Reals, category: int) -> Reals:
    """Expectation by atom in which each cell that was taken buys what it buys, as do those of equal gender and age."""
    expected, bought = start.copy(), counts.bought[:, category]
    members = [np.flatnonzero(counts.is_member[place]) for place in taken]
    sums = [float(bought[rows].sum()) for rows in members]
    most = _MOST_SHARE * counts.purchases
    is_regional = bool(taken) and counts.cells[taken[0]].subdivision_code is not None
    of_people = np.bincount(counts.people, bought)
    for _ in range(_SWEEPS):
        apart = 0.0
        for rows, total in zip(members, sums, strict=True):
            factor = max(total, 0.5) / max(float(expected[rows].sum()), 1e-9)
            expected[rows] = np.minimum(expected[rows] * factor, most[rows])
            apart = max(apart, abs(factor - 1))
        if is_regional:
            now = np.bincount(counts.people, expected)
            factors = np.divide(of_people, now, out=np.ones_like(now), where=now > 0)
            expected = np.minimum(expected * factors[counts.people], most)
        elif len(members) < 2:
            break
        if apart < _CLOSE:
            break
    return expected


def two_sided(count: Reals | float, total: Reals | float, share: Reals | float, spread: Reals | float) -> Reals:
    """Binomial p-value, twice the smaller tail, of as many independent purchases as vary like these (by spread)."""
    share = np.clip(share, 1e-12, 1 - 1e-12)
    some, all_ = np.divide(count, spread), np.divide(total, spread)
    above = np.where(some > 0, betainc(np.maximum(some, 1e-9), all_ - some + 1, share), 1.0)
    below = np.where(some < all_, betaincc(some + 1, np.maximum(all_ - some, 1e-9), share), 1.0)
    return np.asarray(np.minimum(1.0, 2 * np.minimum(above, below)))


def _threshold(p_values: Reals, rate: float) -> float:
    """The largest p-value that Benjamini and Hochberg reject; below zero if none."""
    ordered = np.sort(p_values[np.isfinite(p_values)])
    is_low = ordered <= rate * np.arange(1, len(ordered) + 1) / len(ordered)
    return float(ordered[np.flatnonzero(is_low)[-1]]) if is_low.any() else -1.0


def adjusted(p_values: Reals) -> Reals:
    """p-values adjusted by Benjamini and Hochberg (1995), in their shape; NaN is what was not tested."""
    whole = np.full(p_values.shape, np.nan)
    is_tested = np.isfinite(p_values)
    flat = p_values[is_tested]
    order = np.argsort(flat)
    scaled = flat[order] * len(flat) / np.arange(1, len(flat) + 1)
    found = np.empty(len(flat))
    found[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    whole[is_tested] = found
    return whole


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
    market = counts.bought.sum(axis=0) / max(float(counts.purchases.sum()), 1.0)
    expected = counts.cell_purchases[rows][:, None] * market
    bought = (counts.is_member @ counts.bought)[rows]
    ratio = (bought + SHRINKAGE) / (expected + SHRINKAGE)
    return names, ratio, (counts.is_member @ counts.category_buyers)[rows] >= FEWEST_SHOWN
