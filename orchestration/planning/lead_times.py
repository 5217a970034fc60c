"""Lead times as distributions: what real orders and shipments took, shrunk to a wider group where they are few.

Belongs here: quantiles of days by group. Does not: where the days come from (see `reading.py`), what is done with them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

# Middles of equally likely parts: a mean over them is a mean over the distribution.
PARTS = 11
SHARES: NDArray[np.float64] = (np.arange(PARTS) + 0.5) / PARTS
# So many observations of the wider group does a narrow group start with.
PRIOR_WEIGHT = 8.0


@dataclass(frozen=True)
class LeadTime:
    """Equally likely lead times in days, ascending, and the words that say where they come from."""

    days: NDArray[np.float64]
    basis: str
    count: int

    def quantile(self, share: float) -> float:
        """Days that this share of the orders keeps."""
        return float(np.interp(share, SHARES, self.days))


def lead_times(observed: pd.DataFrame, levels: Sequence[Sequence[str]]) -> dict[tuple[str, ...], LeadTime]:
    """The lead time of each narrowest group.

    observed: a column `days` beside those of the groups; negative and missing days are left out.
    levels: columns from the narrowest group to the widest, such as [["supplier", "site"], ["site"], []]. The
        distribution of a group with n observations is that of its n and of the wider group mixed in the proportion
        n : 8, so that one observation moves it by a ninth. Keys are the values of the narrowest group.
    """
    kept = observed[observed["days"].notna() & (observed["days"] >= 0)]
    if kept.empty:
        return {}
    wider: dict[tuple[str, ...], LeadTime] = {}
    for columns in reversed([list(level) for level in levels]):
        wider = _level(kept, columns, wider)
    return wider


def _level(
    kept: pd.DataFrame, columns: list[str], wider: dict[tuple[str, ...], LeadTime]
) -> dict[tuple[str, ...], LeadTime]:
    if not columns:
        days = np.sort(kept["days"].to_numpy(float))
        return {(): LeadTime(np.quantile(days, SHARES), f"{len(days)} receipts of all", len(days))}
    found: dict[tuple[str, ...], LeadTime] = {}
    for values, rows in kept.groupby(columns, sort=True):
        key = tuple(str(value) for value in values)
        own = np.sort(rows["days"].to_numpy(float))
        # A key of the wider level has some of these columns, in the same order.
        parent = next((wider[cut] for cut in _cuts(key) if cut in wider), None)
        words = f"{len(own)} receipts of {' at '.join(key)}"
        if parent is None:
            found[key] = LeadTime(np.quantile(own, SHARES), words, len(own))
            continue
        days = np.concatenate([own, parent.days])
        weight = np.concatenate([np.ones(len(own)), np.full(PARTS, PRIOR_WEIGHT / PARTS)])
        few = (
            f", with those of {parent.basis.split(' of ', 1)[-1].split(',')[0]}" if len(own) < 4 * PRIOR_WEIGHT else ""
        )
        found[key] = LeadTime(_quantiles(days, weight), words + few, len(own))
    return found


def _cuts(key: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The keys of wider groups, longest first: without the leading columns, so that the last ones are the widest."""
    return [key[start:] for start in range(1, len(key) + 1)]


def _quantiles(days: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    order = np.argsort(days, kind="stable")
    days, weight = days[order], weight[order]
    middle = (np.cumsum(weight) - weight / 2) / weight.sum()
    return np.interp(SHARES, middle, days)


def find_lead_time(
    known: dict[tuple[str, ...], LeadTime], key: tuple[str, ...], otherwise: float, words: str
) -> LeadTime:
    """The lead time of a group, or one of fixed length with the words that say so."""
    return known.get(key) or LeadTime(np.full(PARTS, otherwise), words, 0)
