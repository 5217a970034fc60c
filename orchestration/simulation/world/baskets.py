"""Baskets: how many lines an order has and how many pieces a line has.

Belongs here: the heavy-tailed tables of both. Does not: which goods they are (`orders.py`).
"""

import numpy as np

from orchestration.simulation.world.randomness import Integers, Reals

# About three in five orders have one line; longer baskets follow a power law with the tail index 1.7 until they are
# cut short by what their seller has: a product that is drawn twice is one line of more pieces.
_LINES = np.concatenate([[0.62], np.arange(2, 41) ** -2.7])
_LINES[1:] *= 0.38 / _LINES[1:].sum()
_PIECES = np.concatenate([[0.82], np.arange(2, 61) ** -2.6])
_PIECES[1:] *= 0.18 / _PIECES[1:].sum()
# One order in a hundred and twenty buys for resale.
WHOLESALE_SHARE = 1 / 120
_WHOLESALE_TAIL = 1.6
_WHOLESALE_LEAST, _WHOLESALE_MOST = 12, 300
# Private imports are for own use (domain.md b).
_IMPORT_MOST = 5

MEAN_LINES = float((_LINES * np.arange(1, 41)).sum())
_MEAN_PIECES = float((_PIECES * np.arange(1, 61)).sum())
_MEAN_IMPORT_PIECES = float((_PIECES * np.minimum(np.arange(1, 61), _IMPORT_MOST)).sum())


def _of_table(shares: Reals, draws: Reals) -> Integers:
    counts: Integers = np.searchsorted(shares.cumsum()[:-1].round(12), draws, "right") + 1
    return counts


def draw_lines(rng: np.random.Generator, orders: int) -> Integers:
    """Lines of each order, from 1 to 40."""
    return _of_table(_LINES, rng.random(orders))


def draw_pieces(rng: np.random.Generator, is_wholesale: np.ndarray, *, is_import: bool) -> Integers:
    """Pieces of each line; lines of orders for resale have twelve and more, those of imports at most five."""
    pieces = _of_table(_PIECES, rng.random(len(is_wholesale)))
    if is_import:
        return np.minimum(pieces, _IMPORT_MOST)
    rows = np.flatnonzero(is_wholesale)
    factor = _WHOLESALE_LEAST * (1 - rng.random(len(rows))) ** (-1 / _WHOLESALE_TAIL)
    pieces[rows] *= np.minimum(factor, _WHOLESALE_MOST).astype(np.int64)
    return pieces


def mean_pieces(resale_share: float, *, is_import: bool) -> float:
    """Expected pieces of a line where this share of the orders may be for resale."""
    if is_import:
        return _MEAN_IMPORT_PIECES
    # Mean of the integer part of a cut power law, summed over its values.
    values = np.arange(_WHOLESALE_LEAST + 1, _WHOLESALE_MOST + 1)
    factor = _WHOLESALE_LEAST + float(((values / _WHOLESALE_LEAST) ** -_WHOLESALE_TAIL).sum())
    share = WHOLESALE_SHARE * resale_share
    return _MEAN_PIECES * (1 - share + share * factor)
