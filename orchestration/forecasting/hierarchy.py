"""Coherent forecasts: parts that add up to their whole, in every grouping at once.

Belongs here: the sums that a market's nodes must keep, and the one projection on to them. Does not: what the nodes are
(see `nodes.py`), and what a base forecast is worth (its error variance comes from the back-test).

The projection is the trace minimisation of Wickramasuriya, Athanasopoulos and Hyndman (2019) in the form of
constraints, x = b - W A' (A W A')^-1 A b, with W diagonal: a market has hundreds of nodes and a handful of origins,
from which no covariance can be estimated. In this form categories and subdivisions, which are two hierarchies over one
market, need no common bottom level: each is one more row of A. Where a figure would become negative the quadratic
programme with x >= 0 is solved by exchanging whole blocks of its bounds (Portugal, Judice and Vicente 1994).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# A variance below this share of the largest one would be a certainty that no sales have.
LEAST_VARIANCE_SHARE = 1e-9
MOST_EXCHANGES = 60
# Exchanges of whole blocks may go round in circles; after so many without progress one bound is exchanged at a time.
BLOCKS_WITHOUT_PROGRESS = 3
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Sum:
    """One node that its parts add up to, by their positions among the nodes."""

    whole: int
    parts: tuple[int, ...]


@dataclass(frozen=True)
class Tree:
    """The nodes of a market by name, and every sum that holds between them; a node may be the whole of several."""

    nodes: tuple[str, ...]
    sums: tuple[Sum, ...]

    def constraints(self) -> Matrix:
        """A of A x = 0: one row per sum, with the whole as 1 and its parts as -1."""
        matrix = np.zeros((len(self.sums), len(self.nodes)))
        for row, one in enumerate(self.sums):
            matrix[row, list(one.parts)] = -1.0
            matrix[row, one.whole] = 1.0
        return matrix


def tree(nodes: Sequence[str], wholes: Sequence[tuple[str, Sequence[str]]]) -> Tree:
    """The tree of named nodes and of (whole, its parts); a whole without parts is left out.

    Raises ValueError for a node named twice and for a sum of unknown nodes.
    """
    position = {node: place for place, node in enumerate(nodes)}
    if len(position) != len(nodes):
        raise ValueError(f"tree: a node is named twice among {len(nodes)}")
    unknown = sorted({one for whole, parts in wholes for one in (whole, *parts) if one not in position})
    if unknown:
        raise ValueError(f"tree: unknown node(s) {', '.join(unknown[:5])}")
    sums = tuple(Sum(position[whole], tuple(position[one] for one in parts)) for whole, parts in wholes if parts)
    return Tree(tuple(nodes), sums)


def reconcile(base: Matrix, of: Tree, error_variance: Matrix) -> Matrix:
    """Base forecasts (node x step) moved as little as their errors allow until every sum holds; never negative.

    `error_variance` (one per node) says how far a node's base forecast may be moved: twice the variance, twice as far.
    Raises ValueError for figures that are not finite, or for a variance that is negative.
    """
    if base.shape[0] != len(of.nodes) or error_variance.shape != (len(of.nodes),):
        raise ValueError(f"reconcile: {base.shape} forecasts, {error_variance.shape} variances, {len(of.nodes)} nodes")
    constraints = of.constraints()
    return np.column_stack(
        [
            nearest(base[:, step], constraints, np.zeros(len(constraints)), error_variance)
            for step in range(base.shape[1])
        ]
    )


def nearest(base: Matrix, constraints: Matrix, target: Matrix, variance: Matrix) -> Matrix:
    """The x >= 0 with `constraints` x = `target` that is nearest to `base`, distances counted in `variance`.

    There must be such an x. Raises ValueError for figures that are not finite, or for a variance that is negative.
    """
    if not (np.isfinite(base).all() and np.isfinite(variance).all() and np.isfinite(target).all()):
        raise ValueError("reconcile: a base forecast, a target or a variance is not a finite number")
    if (variance < 0).any():
        raise ValueError("reconcile: a variance is negative")
    spread = np.maximum(variance, max(float(variance.max(initial=0.0)) * LEAST_VARIANCE_SHARE, 1e-12))
    scale = max(1.0, float(np.abs(base).max(initial=0.0)))
    is_zero = np.zeros(len(base), dtype=bool)
    fewest, blocks = len(base) + 1, BLOCKS_WITHOUT_PROGRESS
    for _ in range(MOST_EXCHANGES):
        moved, pull = _projected(base, constraints, target, spread, is_zero)
        is_wrong = np.where(is_zero, pull < -TOLERANCE * scale, moved < -TOLERANCE * scale)
        count = int(is_wrong.sum())
        if not count:
            return np.maximum(moved, 0.0)
        if count < fewest:
            fewest, blocks = count, BLOCKS_WITHOUT_PROGRESS
        else:
            blocks -= 1
        if blocks < 0:
            is_wrong = _last_of(is_wrong)
        is_zero = is_zero ^ is_wrong
    return _clipped(base, constraints, target, spread)


def _projected(
    base: Matrix, constraints: Matrix, target: Matrix, spread: Matrix, is_zero: Flags
) -> tuple[Matrix, Matrix]:
    """The projection with some figures held at zero, and how hard each of those is pulled below it."""
    free = ~is_zero
    rows = constraints[:, free]
    weighted = rows * spread[free]
    # A node that is zero with all its parts leaves its sum without a free figure: the smallest solution serves.
    multipliers = np.linalg.lstsq(weighted @ rows.T, rows @ base[free] - target, rcond=1e-12)[0]
    moved = np.zeros(len(base))
    moved[free] = base[free] - weighted.T @ multipliers
    pull = constraints.T @ multipliers * spread - base
    return moved, pull


def _last_of(flags: Flags) -> Flags:
    only = np.zeros_like(flags)
    only[np.flatnonzero(flags)[-1]] = True
    return only


def _clipped(base: Matrix, constraints: Matrix, target: Matrix, spread: Matrix) -> Matrix:
    """Near the optimum and coherent: what is negative becomes zero for good, until nothing is."""
    is_zero = np.zeros(len(base), dtype=bool)
    moved = base
    for _ in range(len(base)):
        moved, _ = _projected(base, constraints, target, spread, is_zero)
        is_negative = moved < 0
        if not is_negative.any():
            break
        is_zero |= is_negative
    return np.maximum(moved, 0.0)
