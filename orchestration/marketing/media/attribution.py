"""To which medium an order is credited: last click, first click, by position, and Markov's removal effect.

All four divide the orders that were seen among the visits that came before them. None says what would not have happened
without a medium; `effect.py` estimates that.

Belongs here: paths and credits. Does not: reading.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Reals = NDArray[np.float64]
Ints = NDArray[np.int64]

LAST, FIRST, POSITION, MARKOV = "last", "first", "position", "markov"
PATH_DAYS = 30
_ENDS_SHARE = 0.4
CAVEATS: Mapping[str, str] = {
    LAST: (
        "All credit goes to the visit that ended in the order. It favours media that are used by those who have"
        " already decided, and credits orders that would have come anyway."
    ),
    FIRST: (
        "All credit goes to the first visit seen within thirty days. It favours media that reach new visitors, and"
        " depends on who could be recognised again."
    ),
    POSITION: (
        "Two fifths each to the first and the last visit, the rest to those between. The shares are a convention, not"
        " a measurement."
    ),
    MARKOV: (
        "How many orders a chain of visits would lose without a medium, scaled to the orders seen. It takes for cause"
        " what is only sequence, and most paths have one visit."
    ),
}


@dataclass(frozen=True, eq=False)
class Paths:
    """Visits in the order of visitor and time; a path ends with an order or with thirty days of silence.

    medium: index of each visit's medium. path: number of its path. is_order: whether the path ended in an order (by
    path), value: dollars of that order (by path).
    """

    media: tuple[str, ...]
    medium: Ints
    path: Ints
    is_order: NDArray[np.bool_]
    value: Reals


def paths_of(visits: pd.DataFrame) -> Paths:
    """The paths of these visits: visitor, started_at, medium, is_order, value_usd; robots are left out before.

    A visitor who could not be recognised is a visitor of one visit.
    """
    kept = visits.sort_values(["visitor", "started_at"], kind="stable")
    media = tuple(sorted(kept["medium"].unique()))
    codes = {name: place for place, name in enumerate(media)}
    medium = kept["medium"].map(codes).to_numpy(np.int64)
    if kept.empty:
        return Paths((), medium, medium, np.zeros(0, dtype=bool), np.zeros(0))
    started = kept["started_at"].to_numpy("datetime64[s]")
    is_order = kept["is_order"].to_numpy(bool)
    visitor = pd.factorize(kept["visitor"])[0]
    begins = np.ones(len(kept), dtype=bool)
    gap = np.diff(started).astype("timedelta64[s]").astype(np.int64)
    begins[1:] = (np.diff(visitor) != 0) | is_order[:-1] | (gap > PATH_DAYS * 86_400)
    path = np.cumsum(begins) - 1
    paths = int(path[-1]) + 1
    value: Reals = np.bincount(path, weights=kept["value_usd"].fillna(0.0).to_numpy(float), minlength=paths).astype(
        np.float64
    )
    return Paths(media, medium, path, np.bincount(path, weights=is_order, minlength=paths) > 0, value)


def attribution(paths: Paths) -> pd.DataFrame:
    """One row per model and medium: orders, share of all, revenue, and what the figure does not say."""
    if not len(paths.medium) or not paths.is_order.any():
        return pd.DataFrame(columns=["model", "medium", "orders", "orders_pct", "revenue_usd", "caveat"])
    weights = {model: _weights(paths, model) for model in (LAST, FIRST, POSITION)}
    size = len(paths.media)
    by_order = paths.is_order[paths.path].astype(np.float64)
    credited = {
        model: (
            np.bincount(paths.medium, weights=weight * by_order, minlength=size),
            np.bincount(paths.medium, weights=weight * paths.value[paths.path], minlength=size),
        )
        for model, weight in weights.items()
    }
    share = removal_effects(paths)
    credited[MARKOV] = (share * paths.is_order.sum(), share * paths.value.sum())
    rows = [
        {
            "model": model,
            "medium": medium,
            "orders": float(orders[place]),
            "orders_pct": 100 * float(orders[place] / orders.sum()),
            "revenue_usd": float(revenue[place]),
            "caveat": CAVEATS[model],
        }
        for model, (orders, revenue) in credited.items()
        for place, medium in enumerate(paths.media)
    ]
    return pd.DataFrame(rows)


def _weights(paths: Paths, model: str) -> Reals:
    """Each visit's share of its path."""
    is_first = np.ones(len(paths.path), dtype=bool)
    is_first[1:] = np.diff(paths.path) != 0
    is_last = np.ones(len(paths.path), dtype=bool)
    is_last[:-1] = is_first[1:]
    if model == FIRST:
        return is_first.astype(np.float64)
    if model == LAST:
        return is_last.astype(np.float64)
    length = np.bincount(paths.path)[paths.path]
    between = np.divide(1 - 2 * _ENDS_SHARE, length - 2, out=np.zeros(len(length)), where=length > 2)
    ends = np.where(length == 1, 1.0, np.where(length == 2, 0.5, _ENDS_SHARE))
    return np.where(is_first | is_last, ends, between)


def removal_effects(paths: Paths) -> Reals:
    """Share of the orders that a Markov chain of first order loses without each medium; they sum to one.

    Anderl, Becker, von Wangenheim and Schumann (2016), "Mapping the customer journey".
    """
    size = len(paths.media)
    start, bought, left = size, size + 1, size + 2
    steps = np.zeros((size + 3, size + 3))
    is_first = np.ones(len(paths.path), dtype=bool)
    is_first[1:] = np.diff(paths.path) != 0
    is_last = np.append(is_first[1:], True)
    steps[start, :size] = np.bincount(paths.medium[is_first], minlength=size)
    np.add.at(steps, (paths.medium[:-1][~is_last[:-1]], paths.medium[1:][~is_first[1:]]), 1)
    np.add.at(steps, (paths.medium[is_last], np.where(paths.is_order, bought, left)), 1)
    chance = np.divide(steps, steps.sum(axis=1, keepdims=True), out=np.zeros_like(steps), where=steps > 0)
    whole = _reaches(chance, bought)[start]
    lost = np.zeros(size)
    for medium in range(size):
        without = chance.copy()
        without[medium] = 0.0
        lost[medium] = 1 - _reaches(without, bought)[start] / whole
    total = lost.sum()
    return lost / total if total > 0 else lost


def _reaches(chance: Reals, goal: int) -> Reals:
    """Probability of each state to end in the goal; the last two states are ends."""
    inner = len(chance) - 2
    left_inside = np.eye(inner) - chance[:inner, :inner]
    return np.asarray(np.linalg.solve(left_inside, chance[:inner, goal]), dtype=np.float64)
