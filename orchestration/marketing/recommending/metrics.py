"""How good lists are: recall, NDCG, coverage, novelty; and the lists themselves, cut from scores.

Belongs here: figures of ranked lists, top k. Does not: which customers and times are judged (see protocol.py).

recall@k is hits / min(k, bought), so that a perfect list has 1 (Liang, Krishnan, Hoffman, Jebara 2018); NDCG@k has a
gain of 1 for each item bought, discounted by log2(rank + 1), over the best that is possible (Järvelin, Kekäläinen
2002). coverage is the share of the catalogue in at least one list; novelty is the mean of -log2 of the share of
customers that have the item (Vargas, Castells 2011). All are means over customers who bought something.
"""

from dataclasses import dataclass

import numpy as np

from orchestration.marketing.recommending.interactions import Flags, Integers, Matrix, Reals, Scores

NOTHING = -np.inf


@dataclass(frozen=True)
class Figures:
    """Means over the customers who bought something in the period."""

    customers: int
    recall: float
    ndcg: float
    coverage: float
    novelty: float


def top_items(scores: Scores, k: int) -> Integers:
    """rows x k: the items with the largest scores, largest first, ties by item; -1 where only -inf is left."""
    rows, items = scores.shape
    width = min(k, items)
    found = np.full((rows, k), -1, dtype=np.int64)
    if width == 0 or rows == 0:
        return found
    # The k-th largest score decides who may be in; among equals of it the first items win.
    border = -np.partition(-scores, width - 1, axis=1)[:, width - 1]
    row, item = np.nonzero((scores >= border[:, None]) & (scores > NOTHING))
    order = np.lexsort((item, -scores[row, item], row))
    row, item = row[order], item[order]
    rank = np.arange(len(row)) - np.searchsorted(row, row)
    is_in = rank < width
    found[row[is_in], rank[is_in]] = item[is_in]
    return found


def hits_of(lists: Integers, bought: Matrix) -> Flags:
    """rows x k: whether the item at this rank was bought."""
    rows = len(lists)
    width = bought.shape[1]
    owned = np.repeat(np.arange(rows), np.diff(bought.indptr)) * width + bought.indices
    keys = np.arange(rows)[:, None] * width + lists
    return np.isin(keys, owned) & (lists >= 0)


def recall_of(hits: Flags, bought_count: Integers) -> Reals:
    """Recall of each row."""
    return np.asarray(hits.sum(axis=1) / np.maximum(np.minimum(bought_count, hits.shape[1]), 1))


def ndcg_of(hits: Flags, bought_count: Integers) -> Reals:
    """NDCG of each row."""
    gains = 1 / np.log2(np.arange(2, hits.shape[1] + 2))
    best = np.concatenate([[1.0], gains.cumsum()])[np.minimum(bought_count, hits.shape[1])]
    return np.asarray((hits * gains).sum(axis=1) / best)


def figures_of(lists: Integers, bought: Matrix, item_share: Reals) -> Figures:
    """The figures of these lists; rows without a purchase count for coverage alone.

    item_share: share of all customers who had the item before; an item that nobody had counts as one of them.
    """
    counts = np.diff(bought.indptr).astype(np.int64)
    is_judged = counts > 0
    shown = lists[lists >= 0]
    if not len(shown):
        return Figures(int(is_judged.sum()), 0.0, 0.0, 0.0, 0.0)
    hits = hits_of(lists, bought)
    least = 1 / max(1, len(lists))
    return Figures(
        customers=int(is_judged.sum()),
        recall=_mean(recall_of(hits, counts)[is_judged]),
        ndcg=_mean(ndcg_of(hits, counts)[is_judged]),
        coverage=len(np.unique(shown)) / len(item_share),
        novelty=float(-np.log2(np.maximum(item_share, least))[shown].mean()),
    )


def _mean(values: Reals) -> float:
    return float(values.mean()) if len(values) else 0.0
