"""One cell after another is taken into the expectation, until no other departs from it.

Belongs here: expectation, which cell is taken next, which are put back. Does not: the test (see `departure.py`), what
is reported of it (see `search.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from orchestration.customers.purchases import Flags, Rows
from orchestration.customers.surprises.cells import Counts
from orchestration.customers.surprises.departure import (
    departures,
    power_weights,
    tails,
    threshold,
    two_sided,
    variances,
)
from orchestration.customers.value.newton import Reals

# Where fewer independent purchases are expected, only several times as many would stand out: a test more, for nothing.
LEAST_EXPECTED = 25.0
_MOST_TURNS = 60
_SWEEPS, _CLOSE = 50, 1e-6
_MOST_SHARE = 0.99


@dataclass(frozen=True, eq=False)
class Taken:
    """Places of cells by category; cell x category: p-values, weighted ones, and what the others taken explain."""

    cells: tuple[tuple[int, ...], ...]
    p_values: Reals
    weighted: Reals
    expected: Reals


def take(counts: Counts, rows: Rows, rate: float) -> Taken:
    """Of the cells in these rows, which all have a subdivision or all have none."""
    return _Taking.of(counts, rows, rate).run()


def regional(counts: Counts) -> Flags:
    """Which cells have a subdivision."""
    return np.array([cell.subdivision_code is not None for cell in counts.cells], dtype=np.bool_)


def levels(counts: Counts) -> Rows:
    """Which attributes each cell fixes, as a number: cells of one kind are judged among themselves."""
    fixed = [[one is not None for one in cell.attributes] for cell in counts.cells]
    return np.asarray(np.array(fixed, dtype=np.int64).reshape(-1, 3) @ np.array([1, 2, 4]))


def usual(counts: Counts, is_regional: bool) -> Reals:
    """What each atom would buy if it bought as all of whom as much is known: those who consent may buy otherwise."""
    groups = counts.people if is_regional else counts.known
    expected = np.zeros_like(counts.bought)
    for group in np.unique(groups):
        rows = groups == group
        share = counts.bought[rows].sum(axis=0) / max(float(counts.purchases[rows].sum()), 1.0)
        expected[rows] = counts.purchases[rows][:, None] * share
    return expected


def fitted(counts: Counts, taken: Sequence[int], start: Reals, category: int) -> Reals:
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


@dataclass(eq=False)
class _Taking:
    """The state of one kind: what was taken of each category, and how unlikely each cell is beside that."""

    counts: Counts
    rows: Rows
    rate: float
    start: Reals
    groups: Flags  # of equal gender and age, by atom; none where their sums are not kept
    weights: tuple[Reals, Reals]
    is_tested: Flags
    level_of: Rows
    taken: list[list[int]]
    expected: Reals = field(init=False)
    weighted: Reals = field(init=False)
    p_values: Reals = field(init=False)
    limits: dict[int, float] = field(init=False, default_factory=dict)

    @classmethod
    def of(cls, counts: Counts, rows: Rows, rate: float) -> "_Taking":
        is_regional = bool(regional(counts)[rows[0]])
        start = usual(counts, is_regional)
        numbers = np.unique(counts.people) if is_regional else np.zeros(0, dtype=np.int64)
        groups = np.asarray(counts.people == numbers[:, None])
        is_row = np.isin(np.arange(len(counts.cells)), rows)
        is_tested = (counts.is_member @ start / counts.spread >= LEAST_EXPECTED) & is_row[:, None]
        weights = np.ones(is_tested.shape), np.ones(is_tested.shape)
        level_of = levels(counts)
        if is_regional:
            variance = [variances(counts.is_member, groups, one, counts.purchases) for one in start.T]
            independent = np.stack(variance, axis=1) / counts.spread
            for level in np.unique(level_of[rows]):
                chosen = is_tested & (level_of == level)[:, None]
                weights[0][chosen], weights[1][chosen] = power_weights(independent[chosen], rate)
        taken = [list[int]() for _ in counts.categories]
        return cls(counts, rows, rate, start, groups, weights, is_tested, level_of, taken)

    def run(self) -> Taken:
        """Take one cell of each category at a turn, until none departs."""
        width = len(self.counts.categories)
        self.expected, self.weighted, self.p_values = (np.full(self.is_tested.shape, np.nan) for _ in range(3))
        for category in range(width):
            self._judge(category)
        open_categories = set(range(width))
        for _ in range(_MOST_TURNS):
            kinds = self.level_of[self.rows]
            self.limits = {
                level: threshold(self.weighted[self.rows[kinds == level]], self.rate) for level in set(kinds.tolist())
            }
            changed = [category for category in sorted(open_categories) if self._take_next(category)]
            open_categories &= set(changed)
            if not changed:
                break
            for category in changed:
                self._put_back(category)
                self._judge(category)
        return Taken(tuple(tuple(one) for one in self.taken), self.p_values, self.weighted, self.expected)

    def _limit(self, place: int) -> float:
        return self.limits[int(self.level_of[place])]

    def _judge(self, category: int) -> None:
        """Expectation and p-values of all cells, of those taken by the others."""
        now = fitted(self.counts, self.taken[category], self.start[:, category], category)
        weighted, p_values = self._p_values(self.rows, now, self.taken[category], category)
        self.expected[self.rows, category] = self.counts.is_member[self.rows] @ now
        is_tested = self.is_tested[self.rows, category]
        self.weighted[self.rows, category] = np.where(is_tested, weighted, np.nan)
        self.p_values[self.rows, category] = np.where(is_tested, p_values, np.nan)
        for place in self.taken[category]:
            found = self._left_out(self.taken[category], place, category)
            self.expected[place, category], self.weighted[place, category], self.p_values[place, category] = found

    def _take_next(self, category: int) -> bool:
        """Take the cell that departs most, or the larger one that explains it; False if none departs."""
        taken = self.taken[category]
        likely = [
            place for place in self.rows.tolist()
            if place not in taken and self.weighted[place, category] <= self._limit(place)
        ]  # fmt: skip
        if not likely:
            return False
        best = min(likely, key=lambda place: float(self.weighted[place, category]))
        larger = self._parent_that_explains(best, category)
        taken.append(best if larger in taken else larger)
        return True

    def _parent_that_explains(self, place: int, category: int) -> int:
        """The first parent of which the cell is most and that explains the cell better than the cell explains it.

        What the men of the largest subdivision do, all its buyers may do. A parent of which the cell is a small part
        may depart because the cell does.
        """
        counts, taken = self.counts, self.taken[category]
        total = counts.cell_purchases
        beyond = counts.is_member @ counts.bought[:, category] - self.expected[:, category]
        for other in self.rows.tolist():
            if other >= place or not counts.cells[other].contains(counts.cells[place]):
                continue
            departs = self.weighted[other, category] <= self._limit(other) and beyond[other] * beyond[place] > 0
            if not departs or 2 * total[place] <= total[other]:
                continue
            left = self._left_out([*taken, other], place, category)[1]
            if left > self._limit(place) and self._left_out([*taken, place], other, category)[1] <= left:
                return int(other)
        return place

    def _put_back(self, category: int) -> None:
        """Leave out, one after another, what those taken later explain; the last one taken stays."""
        taken = self.taken[category]
        while len(taken) > 1:
            beyond = [self._left_out(taken, place, category)[1] / self._limit(place) for place in taken[:-1]]
            worst = int(np.argmax(beyond))
            if beyond[worst] <= 1:
                return
            del taken[worst]

    def _left_out(self, taken: Sequence[int], place: int, category: int) -> tuple[float, float, float]:
        """What the others that were taken expect of a cell, and the p-values of its departure, weighted and plain."""
        others = [one for one in taken if one != place]
        now = fitted(self.counts, others, self.start[:, category], category)
        weighted, p_values = self._p_values(np.array([place]), now, others, category)
        return float(self.counts.is_member[place] @ now), float(weighted[0]), float(p_values[0])

    def _p_values(self, rows: Rows, now: Reals, taken: Sequence[int], category: int) -> tuple[Reals, Reals]:
        """Of the departures of cells from what is expected of each atom now: weighted, and plain."""
        counts, spread = self.counts, self.counts.spread[category]
        members = counts.is_member[rows]
        count, of_cells = members @ counts.bought[:, category], members @ now
        if len(self.groups):
            kept = np.concatenate([self.groups, counts.is_member[list(taken)]])
            above, below = departures(count, of_cells, variances(members, kept, now, counts.purchases), spread)
        else:
            total = np.maximum(members @ counts.purchases, 1e-9)
            above, below = tails(count, total, of_cells / total, spread)
        for_more, for_less = (one[rows, category] for one in self.weights)
        return two_sided(above / for_more, below / for_less), two_sided(above, below)
