"""Who bought what when: the one form in which every model of taste reads its past.

Belongs here: codes of customers and items, cutting at a time, sparse matrices of the past. Does not: models, reading.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

Integers = NDArray[np.int64]
Reals = NDArray[np.float64]
Scores = NDArray[np.float32]
Flags = NDArray[np.bool_]
Names = NDArray[np.object_]
Matrix: TypeAlias = sparse.csr_matrix


class InteractionsError(ValueError):
    """Rows are no interactions; the message names the column and the rule."""


@dataclass(frozen=True, eq=False)
class Interactions:
    """Purchases (or views, ratings, plays) by time, with codes for names; a code follows the name's order.

    customer_ids, item_ids: sorted names; customer, item: codes by row; time: days, or whatever unit the source has;
    without_name: rows that were left out because customer or item was missing.
    """

    customer_ids: Names
    item_ids: Names
    customer: Integers
    item: Integers
    time: Reals
    without_name: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        """Customers and items."""
        return len(self.customer_ids), len(self.item_ids)

    def between(self, start: float, end: float) -> "Interactions":
        """Those from `start` on and before `end`, under the same codes."""
        kept = (self.time >= start) & (self.time < end)
        return Interactions(
            self.customer_ids, self.item_ids, self.customer[kept], self.item[kept], self.time[kept], self.without_name
        )

    def before(self, end: float) -> "Interactions":
        """Those before `end`, under the same codes."""
        return self.between(-np.inf, end)

    def pairs(self) -> Matrix:
        """customers x items: 1 where the customer has the item, whatever the number of times."""
        return binary(self.customer, self.item, self.shape)


def interactions_of(
    customers: pd.Series, items: pd.Series, times: pd.Series, *, catalogue: Collection[str] = ()
) -> Interactions:
    """Interactions of three columns. An item that a customer has twice at the same moment counts once.

    catalogue: items that exist too, bought or not.
    Rows without customer or item are left out and counted. Raises InteractionsError when a time cannot be read or is
    missing, or when the columns differ in length.
    """
    if not len(customers) == len(items) == len(times):
        raise InteractionsError(f"columns of {len(customers)}, {len(items)} and {len(times)} rows")
    has_names = (customers.notna() & items.notna()).to_numpy()
    who, what = customers[has_names].astype(str), items[has_names].astype(str)
    is_empty = ((who.str.strip() == "") | (what.str.strip() == "")).to_numpy()
    who, what = who[~is_empty], what[~is_empty]
    when = times_of(times[has_names][~is_empty])
    customer, customer_ids = pd.factorize(who, sort=True)
    item_ids = np.unique(np.concatenate([what.to_numpy(dtype=object), np.asarray([*catalogue], dtype=object)]))
    item = pd.Index(item_ids).get_indexer(what)
    rows = np.lexsort((item, customer, when))
    codes = np.stack([customer[rows], item[rows]])
    clock = when[rows]
    is_new = np.ones(len(rows), dtype=bool)
    is_new[1:] = (np.diff(clock) != 0) | (np.diff(codes, axis=1) != 0).any(axis=0)
    return Interactions(
        np.asarray(customer_ids, dtype=object),
        np.asarray(item_ids, dtype=object),
        codes[0][is_new].astype(np.int64),
        codes[1][is_new].astype(np.int64),
        clock[is_new],
        int(len(customers) - len(who)),
    )


def times_of(times: pd.Series) -> Reals:
    """Times as numbers: days since 1970 for dates and texts that are dates, numbers as they are."""
    if pd.api.types.is_bool_dtype(times):
        raise InteractionsError("time: true and false are no times")
    if pd.api.types.is_numeric_dtype(times):
        found = times.astype("float64").to_numpy()
    elif pd.api.types.is_datetime64_any_dtype(times):
        found = _days(pd.to_datetime(times, utc=True))
    else:
        found = pd.to_numeric(times, errors="coerce").astype("float64").to_numpy()
        if np.isnan(found).any():
            found = _days(pd.to_datetime(times.astype(str), errors="coerce", utc=True, format="ISO8601"))
    if not np.isfinite(found).all():
        first = int(np.flatnonzero(~np.isfinite(found))[0])
        raise InteractionsError(f"time: {str(times.iloc[first])!r} is neither a number nor an ISO 8601 date")
    return np.asarray(found, dtype=np.float64)


def binary(rows: Integers, columns: Integers, shape: tuple[int, int]) -> Matrix:
    """A matrix of ones at these places; a place that is named twice is one."""
    found = weighted(rows, columns, np.ones(len(rows), dtype=np.float32), shape)
    found.data[:] = 1.0
    return found


def weighted(rows: Integers, columns: Integers, weights: NDArray[np.floating], shape: tuple[int, int]) -> Matrix:
    """A matrix of these weights, added up at each place."""
    found = sparse.csr_matrix((weights.astype(np.float32), (rows, columns)), shape=shape)
    found.sum_duplicates()
    found.sort_indices()
    return found


def _days(moments: pd.Series) -> Reals:
    stamps = moments.dt.tz_localize(None).to_numpy().astype("datetime64[us]")
    days = stamps.astype(np.int64).astype(np.float64) / 86_400_000_000
    return np.where(np.isnat(stamps), np.nan, days)
