"""Products and products: alike by their customers or by what they are, and in one basket more often than chance.

Belongs here: lists of similar products, pairs of baskets with lift and interval. Does not: lists for customers.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse, special

from orchestration.marketing.recommending.attributes import Attributes
from orchestration.marketing.recommending.interactions import Flags, Integers, Matrix, Reals, binary
from orchestration.marketing.recommending.metrics import NOTHING, top_items
from orchestration.marketing.recommending.neighbours import item_similarity

LEAST_SUPPORT = 3
# A product of the same kind with another name is less alike than any that customers share; see `_alike`.
_ATTRIBUTE_WEIGHT = 0.01
_KIND_PART, _PRICE_PART, _NAME_PART = 0.4, 0.2, 0.4
_WORD = re.compile(r"\w{2,}")
_BLOCK = 500
_LARGEST_BASKET = 100


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of products by row: item, rank, other item, score, support; is_alike: by attributes, not by customers."""

    item: Integers
    rank: Integers
    other: Integers
    score: Reals
    support: Integers
    is_alike: Flags


def similar_items(
    owned: Matrix, attributes: Attributes, names: Sequence[str], *, k: int = 20, allowed: Flags | None = None
) -> Pairs:
    """The k products most alike to each: by the customers who have both, then by kind, price and words of the name."""
    items = owned.shape[1]
    both = (owned.T @ owned).tocsr()
    near = item_similarity(owned)
    words = _words(names)
    shown = np.ones(items, dtype=bool) if allowed is None else allowed
    found: list[tuple[Integers, Integers, Integers, Reals, Integers, Flags]] = []
    for start in range(0, items, _BLOCK):
        block = np.arange(start, min(start + _BLOCK, items))
        by_customers = np.asarray(near[:, block].T.toarray(), dtype=np.float64)
        scores = (by_customers + _ATTRIBUTE_WEIGHT * _alike(block, attributes, words)).astype(np.float32)
        scores[np.arange(len(block)), block] = NOTHING
        scores[:, ~shown] = NOTHING
        lists = top_items(scores, k)
        row, rank = np.nonzero(lists >= 0)
        other = lists[row, rank]
        value = scores[row, other].astype(np.float64)
        support = both[block].toarray()[row, other].astype(np.int64)
        kept = value > 0
        found.append(
            tuple(  # type: ignore[arg-type]
                part[kept] for part in (block[row], rank + 1, other, value, support, by_customers[row, other] == 0)
            )
        )
    columns = [np.concatenate(part) for part in zip(*found, strict=True)] if found else [np.zeros(0)] * 6
    return Pairs(*(part.astype(kind) for part, kind in zip(columns, (int, int, int, float, int, bool), strict=True)))


def _words(names: Sequence[str]) -> Matrix:
    """products x words, each row of length one; a word counts less the more names have it."""
    split = [sorted(set(_WORD.findall(name.lower()))) for name in names]
    vocabulary = {word: place for place, word in enumerate(sorted({word for one in split for word in one}))}
    row = np.repeat(np.arange(len(split)), [len(one) for one in split])
    column = np.asarray([vocabulary[word] for one in split for word in one], dtype=np.int64)
    found = binary(row, column, (len(split), max(1, len(vocabulary))))
    rarity = np.log(1 + len(split) / np.maximum(np.asarray(found.sum(axis=0)).ravel(), 1))
    weighted = (found @ sparse.diags(rarity)).tocsr()
    length = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    return (sparse.diags(1 / np.maximum(length, 1e-9)) @ weighted).tocsr()


def _alike(block: Integers, attributes: Attributes, words: Matrix) -> Reals:
    """block x products, 0 to 1: the same kind, a price that is near, the same words in the name."""
    found = _NAME_PART * np.asarray((words[block] @ words.T).toarray(), dtype=np.float64)
    if attributes.kind is not None:
        kind = attributes.kind
        same = (kind[block][:, None] == kind[None, :]) & (kind[block][:, None] >= 0)
        found += _KIND_PART * same
        if attributes.price is not None:
            price = np.log(np.maximum(attributes.price, 1e-6))
            apart = np.abs(price[block][:, None] - price[None, :])
            found += _PRICE_PART * same * np.nan_to_num(np.exp(-apart), nan=0.0)
    return found


def bought_together(
    basket: Integers, item: Integers, shape: tuple[int, int], *, k: int = 20, allowed: Flags | None = None
) -> pd.DataFrame:
    """item, rank, other, support, confidence_pct, lift, lower_lift, upper_lift: pairs above chance, at most k each.

    The number of baskets with both is taken as Poisson; its exact 95 % interval (Garwood 1936), over what chance gives,
    is that of the lift. Pairs whose lower end is above 1 are kept, ranked by it. Baskets of more than a hundred
    products are stock orders and say nothing of pairs.
    """
    held = binary(basket, item, shape)
    width = np.diff(held.indptr)
    held = held[(width > 0) & (width <= _LARGEST_BASKET)]
    baskets = held.shape[0]
    count = np.asarray(held.sum(axis=0), dtype=np.float64).ravel()
    pairs = (held.T @ held).tocoo()
    kept = (pairs.row != pairs.col) & (pairs.data >= LEAST_SUPPORT)
    if allowed is not None:
        kept &= allowed[pairs.col]
    one, other, both = (
        pairs.row[kept].astype(np.int64),
        pairs.col[kept].astype(np.int64),
        pairs.data[kept].astype(float),
    )
    chance = count[one] * count[other] / max(baskets, 1)
    lower, upper = special.gammaincinv(both, 0.025) / chance, special.gammaincinv(both + 1, 0.975) / chance
    frame = pd.DataFrame(
        {
            "item": one,
            "other": other,
            "support": both.astype(np.int64),
            "confidence_pct": 100 * both / count[one],
            "lift": both / chance,
            "lower_lift": lower,
            "upper_lift": upper,
        }
    )
    frame = frame[frame["lower_lift"] > 1].sort_values(
        ["item", "lower_lift", "other"], ascending=[True, False, True], kind="stable"
    )
    frame.insert(1, "rank", frame.groupby("item").cumcount() + 1)
    return frame[frame["rank"] <= k].reset_index(drop=True)
