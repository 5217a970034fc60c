"""Neighbours: items that the same customers have, and customers who have the same items.

Belongs here: similarities and scores from them. Does not: what is published of similar items (see together.py).
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from orchestration.marketing.recommending.interactions import Integers, Matrix, Scores
from orchestration.marketing.recommending.past import Past

ITEM_NEIGHBOURS, CUSTOMER_NEIGHBOURS = 200, 200
# A pair of items that one or two customers share by chance must not outrank one that hundreds share.
SHRINKAGE = 5.0
# Beyond these the customers who bought last stand for all: the work for each customer stays bounded.
MOST_CUSTOMERS = 20_000


def item_similarity(weights: Matrix, *, shrinkage: float = SHRINKAGE, most: int = ITEM_NEIGHBOURS) -> Matrix:
    """items x items: the cosine of two items' customers, shrunk for few, the `most` largest of each column."""
    together = (weights.T @ weights).tocsc()
    norm = np.sqrt(together.diagonal())
    rows, values, counts = [], [], np.zeros(weights.shape[1], dtype=np.int64)
    # One column at a time: sorting the millions of pairs together takes ten times as long.
    for column in range(weights.shape[1]):
        place = slice(together.indptr[column], together.indptr[column + 1])
        row = together.indices[place]
        cosine = together.data[place] / (norm[row] * norm[column] + shrinkage)
        cosine[row == column] = 0.0
        if len(row) > most:
            kept = np.sort(np.argpartition(-cosine, most - 1)[:most])
            row, cosine = row[kept], cosine[kept]
        rows.append(row)
        values.append(cosine)
        counts[column] = len(row)
    if not rows:
        return sparse.csr_matrix(together.shape, dtype=np.float32)
    ends = np.concatenate([[0], counts.cumsum()])
    found = sparse.csc_matrix((np.concatenate(values), np.concatenate(rows), ends), shape=together.shape)
    found.eliminate_zeros()
    return found.tocsr().astype(np.float32)


def shares(weights: Matrix) -> Matrix:
    """The rows, each divided by its sum."""
    total = np.asarray(weights.sum(axis=1), dtype=np.float32).ravel()
    return sparse.diags(1 / np.maximum(total, 1e-9)).dot(weights).tocsr().astype(np.float32)


@dataclass(frozen=True, eq=False)
class CustomerNeighbours:
    """Customers by what they have, each row of length one, and what they bought of late."""

    rows: Integers
    directions: Matrix
    bought: Matrix

    def score(self, past: Past, customers: Integers) -> Scores:
        """customers x items: mean of what the nearest other customers bought, weighted by the square of the cosine."""
        return self.near(past.owned[customers], customers)

    def near(self, owned: Matrix, customers: Integers | None = None) -> Scores:
        """The same for any rows of items; `customers` are those whose rows they are, no neighbours of themselves."""
        rows = owned.shape[0]
        weight = np.asarray((_directions(owned) @ self.directions.T).toarray(), dtype=np.float32)
        if customers is not None:
            weight[self.rows[None, :] == customers[:, None]] = 0.0
        weight **= 2
        if weight.shape[1] > CUSTOMER_NEIGHBOURS:
            place = np.argpartition(-weight, CUSTOMER_NEIGHBOURS - 1, axis=1)[:, :CUSTOMER_NEIGHBOURS]
        else:
            place = np.tile(np.arange(weight.shape[1]), (rows, 1))
        value = np.take_along_axis(weight, place, axis=1)
        row = np.repeat(np.arange(rows), place.shape[1])
        near = sparse.csr_matrix((value.ravel(), (row, place.ravel())), shape=weight.shape)
        return np.asarray((shares(near) @ self.bought).toarray(), dtype=np.float32)


def customer_neighbours(past: Past) -> CustomerNeighbours:
    """The neighbours to look among: all customers, or those who bought last."""
    active = np.flatnonzero(past.item_count > 0)
    if len(active) > MOST_CUSTOMERS:
        last = np.full(len(past.item_count), -np.inf)
        np.maximum.at(last, past.seen.customer, past.seen.time)
        active = np.sort(active[np.lexsort((active, -last[active]))[:MOST_CUSTOMERS]])
    return CustomerNeighbours(active, _directions(past.owned[active]), past.recent[active])


def _directions(owned: Matrix) -> Matrix:
    length = np.sqrt(np.diff(owned.indptr).astype(np.float32))
    return sparse.diags(1 / np.maximum(length, 1.0)).dot(owned).tocsr().astype(np.float32)
