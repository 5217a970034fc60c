"""Cells of a market's buyers: subdivision, gender and age band, alone, in pairs and all three.

Belongs here: counting. Does not: what is expected of a cell (see `search.py`).

A buyer who gave no consent has no gender and no age here; such buyers count in cells of the subdivision alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from orchestration.customers.purchases import Flags, Rows
from orchestration.customers.value.newton import Reals

FEWEST_IN_CELL = 30
DIMENSIONS = ("subdivision_code", "gender", "age_band")


@dataclass(frozen=True)
class Cell:
    """Buyers of these attributes; None stands for any."""

    subdivision_code: str | None = None
    gender: str | None = None
    age_band: str | None = None

    @property
    def attributes(self) -> tuple[str | None, str | None, str | None]:
        """In the order of DIMENSIONS."""
        return self.subdivision_code, self.gender, self.age_band

    @property
    def depth(self) -> int:
        """How many attributes are fixed."""
        return sum(one is not None for one in self.attributes)

    def contains(self, other: "Cell") -> bool:
        """Whether each buyer of the other is one of this cell."""
        return all(own in (None, its) for own, its in zip(self.attributes, other.attributes, strict=True))


@dataclass(frozen=True, eq=False)
class Attribute:
    """The value of each customer as a place in `names`, -1 where it is not known or may not be used."""

    names: tuple[str, ...]
    place: Rows

    @classmethod
    def of(cls, values: Sequence[str | None]) -> "Attribute":
        """From the values themselves."""
        names = tuple(sorted({one for one in values if one is not None}))
        places = {name: place for place, name in enumerate(names)}
        return cls(names, np.array([-1 if one is None else places[one] for one in values], dtype=np.int64))

    def of_rows(self, rows: Rows | Flags) -> "Attribute":
        """Of some of the customers."""
        return Attribute(self.names, self.place[rows])


@dataclass(frozen=True, eq=False)
class Counts:
    """Purchases by atom (what all attributes say together), and of each atom those with each category.

    spread: by category, how much more purchases with it vary than if those of one buyer were not alike.
    buyers, category_buyers: the people behind both. is_member: cell x atom. known: of each atom the
    group of those of whom as much is known; people: those of equal gender and age.
    """

    cells: tuple[Cell, ...]
    is_member: Flags
    purchases: Reals
    bought: Reals
    spread: Reals
    buyers: Reals
    category_buyers: Reals
    known: Rows
    people: Rows
    categories: tuple[str, ...]

    @property
    def cell_buyers(self) -> Reals:
        """Buyers of each cell."""
        return np.asarray(self.is_member @ self.buyers)

    @property
    def cell_purchases(self) -> Reals:
        """Purchases of each cell."""
        return np.asarray(self.is_member @ self.purchases)


def count_cells(
    attributes: Sequence[Attribute],
    purchases: Rows,
    bought: tuple[Rows, Rows, Rows],
    categories: tuple[str, ...],
    *,
    fewest: int = FEWEST_IN_CELL,
) -> Counts:
    """Cells of `fewest` buyers or more that differ from all their parents.

    attributes: in the order of DIMENSIONS, by customer. purchases: of each customer. bought: customer, category and the
    purchases with it, each pair once.
    """
    customer, category, times = bought
    places = np.stack([one.place for one in attributes], axis=1)
    atoms, of = np.unique(places, axis=0, return_inverse=True)
    of = of.reshape(-1)
    buyers = np.bincount(of, minlength=len(atoms)).astype(np.float64)
    width = max(len(categories), 1)
    keys, places_of = of[customer] * width + category, len(atoms) * width
    sums = np.bincount(keys, times, minlength=places_of).reshape(-1, width)[:, : len(categories)]
    people = np.bincount(keys, minlength=places_of).reshape(-1, width)[:, : len(categories)]
    known = (atoms >= 0) @ np.array([0, 1, 2])
    cells: list[Cell] = []
    members: list[Flags] = []
    for cell, is_member in _candidates(attributes, atoms):
        total = float(buyers[is_member].sum())
        parents = (one for one, other in zip(members, cells, strict=True) if other.contains(cell))
        if total < fewest or any(float(buyers[parent].sum()) == total for parent in parents):
            continue
        cells.append(cell)
        members.append(is_member)
    shape = (len(cells), len(atoms))
    return Counts(
        tuple(cells),
        np.array(members, dtype=np.bool_).reshape(shape),
        np.bincount(of, purchases, minlength=len(atoms)).astype(np.float64),
        sums.astype(np.float64),
        _spread(purchases.astype(np.float64), customer, category, times.astype(np.float64), len(categories)),
        buyers,
        people.astype(np.float64),
        known,
        np.unique(atoms[:, 1:], axis=0, return_inverse=True)[1].reshape(-1),
        categories,
    )


def _candidates(attributes: Sequence[Attribute], atoms: Rows) -> Iterator[tuple[Cell, Flags]]:
    """Every cell, parents before children."""
    values = [range(-1, len(one.names)) for one in attributes]
    for places in sorted(product(*values), key=lambda one: (sum(place >= 0 for place in one), one)):
        if max(places) < 0:
            continue
        is_member = np.ones(len(atoms), dtype=np.bool_)
        for column, place in enumerate(places):
            if place >= 0:
                is_member &= atoms[:, column] == place
        names = [one.names[place] if place >= 0 else None for one, place in zip(attributes, places, strict=True)]
        yield Cell(*names), is_member


def _spread(purchases: Reals, customer: Rows, category: Rows, times: Reals, width: int) -> Reals:
    """Variance of a customer's purchases with a category by that of independent ones; 1 or more, by category."""
    total = float(purchases.sum())
    share = np.bincount(category, times, minlength=width) / max(total, 1.0)
    expected = purchases[customer] * share[category]
    # Those who never bought it add the square of what was expected of them.
    bought: Reals = np.bincount(category, (times - expected) ** 2 - expected**2, minlength=width).astype(np.float64)
    squares = bought + float((purchases**2).sum()) * share**2
    usual = np.maximum(total * share * (1 - share), 1e-9)
    return np.maximum(squares / usual, 1.0)
