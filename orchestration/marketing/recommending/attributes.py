"""What is known of items and customers besides purchases: kinds of goods, prices, groups of people.

Belongs here: taste for kinds of goods from history and group, taste for prices, what new items may expect. Does not:
models of single items (see autoencoder.py, neighbours.py).

Tastes for kinds are latent classes: each customer belongs to one of a few classes with a share of each kind, and what
the customer told (gender, age band) is drawn from the class too; fitted by expectation and maximisation (Hofmann 1999).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy import sparse

from orchestration.marketing.recommending.interactions import Integers, Matrix, Reals, binary
from orchestration.marketing.recommending.past import Past

CLASSES = 8
_ROUNDS = 40
# Counts that stand behind a share before it is believed.
_KIND_PRIOR = 2.0
_GROUP_PRIOR = 40.0
# Who takes the cheaper of two goods has chances of 1 - rank (in -1 to 1); nobody is that strict every time.
_BENDS = (-0.95, 0.0, 0.95)
UNKNOWN = -1


@dataclass(frozen=True, eq=False)
class Attributes:
    """Codes of items and customers, -1 where unknown; all may be left out.

    kind: kind of goods by item; maker: brand or seller by item; price: by item, NaN where unknown.
    traits: what customers told of themselves, one array of codes each (gender, age band, region).
    """

    kind: Integers | None = None
    maker: Integers | None = None
    price: Reals | None = None
    traits: Sequence[Integers] = field(default_factory=tuple)


@dataclass(frozen=True, eq=False)
class Tastes:
    """The attributes in the light of a past."""

    past: Past
    attributes: Attributes

    @cached_property
    def kind(self) -> Integers:
        """Kind by item; items without one share a kind."""
        return _whole(self.attributes.kind, self.past.seen.shape[1])

    @cached_property
    def expected_buyers(self) -> Reals:
        """Buyers of late, with what items of the same maker and kind lead to expect: a new item is not nothing."""
        recent = self.past.popularity(1 / 8)
        if self.attributes.kind is None and self.attributes.maker is None:
            return recent + 0.5
        maker = _whole(self.attributes.maker, len(recent))
        cell = np.unique(np.stack([maker, self.kind]), axis=1, return_inverse=True)[1].ravel()
        by_kind = _mean_by(self.kind, recent, recent.mean(), 5.0)
        by_cell = _mean_by(cell, recent, by_kind, 3.0)
        return np.asarray(recent + 0.5 * by_cell + 0.05)

    def trend(self, codes: Integers | None, half_lives: tuple[float, float]) -> Reals:
        """By item: log of how much more its kind (or maker) is bought now than over a longer time."""
        whole = _whole(codes, self.past.seen.shape[1])
        now, usual = (np.bincount(whole, self.past.popularity(one)) for one in half_lives)
        now, usual = (
            (now + 5 * usual / max(usual.sum(), 1e-9)) / max(now.sum() + 5, 1e-9),
            usual / max(usual.sum(), 1e-9),
        )
        return np.asarray(np.log(np.maximum(now, 1e-9) / np.maximum(usual, 1e-9))[whole])

    def kind_lift(self, customers: Integers) -> Reals:
        """customers x items: log of how much more than others the customer's classes like the item's kind."""
        shares, usual = self._class_shares
        return np.log(shares[customers] / usual)[:, self.kind]

    def group_lift(self, customers: Integers) -> Reals:
        """customers x items: the same of people who told the same of themselves."""
        return np.log(self._group_shares[customers])[:, self.kind]

    def price_lift(self, customers: Integers) -> Reals:
        """customers x items: log of how well the item's price rank in its kind fits what the customer took before."""
        return np.log1p(self._price_bend[customers][:, None] * self._price_rank[None, :])

    @cached_property
    def _price_bend(self) -> Reals:
        """By customer, -1 to 1: the expected bend, after the customer's baskets.

        Buyers are a mixture: chances within a kind are 1 + bend x rank, with the bends of `_BENDS` and shares that are
        fitted by expectation and maximisation. A basket is a draw of one of its goods: the others came along with it.
        """
        seen, basket = self.past.seen, self.past.basket
        bends = np.asarray(_BENDS)
        size = np.bincount(basket)
        rank = np.bincount(basket, self._price_rank[seen.item]) / np.maximum(size, 1)
        buyer = np.zeros(len(size), dtype=np.int64)
        buyer[basket] = seen.customer
        log = np.stack([np.bincount(buyer, np.log1p(bend * rank), seen.shape[0]) for bend in bends], axis=1)
        has = self.past.item_count > 0
        share = np.full(len(bends), 1 / len(bends))
        for _ in range(_ROUNDS):
            belongs = np.exp(log + np.log(share))
            belongs /= belongs.sum(axis=1, keepdims=True)
            share = (belongs[has].sum(axis=0) + 1) / (has.sum() + len(bends))
        found = np.exp(log + np.log(share))
        return np.asarray(found @ bends / found.sum(axis=1))

    @cached_property
    def _counts(self) -> Matrix:
        items, kinds = len(self.kind), int(self.kind.max(initial=0)) + 1
        return (self.past.occasions @ binary(np.arange(items), self.kind, (items, kinds))).tocsr()

    @cached_property
    def _class_shares(self) -> tuple[Reals, Reals]:
        counts = np.asarray(self._counts.toarray(), dtype=np.float64)
        usual = (counts.sum(axis=0) + 0.5) / (counts.sum() + 0.5 * counts.shape[1])
        return _latent(counts, usual, self._told()), usual

    def _told(self) -> list[Matrix]:
        customers = self.past.seen.shape[0]
        found = []
        for codes in self.attributes.traits:
            known = np.flatnonzero(codes >= 0)
            width = int(codes.max(initial=0)) + 1
            if width <= 12:
                # Regions are many and say little of the class: they count in the groups alone.
                found.append(binary(known, codes[known], (customers, width)))
        return found

    @cached_property
    def _group_shares(self) -> Reals:
        """customers x kinds: liking of the customer's groups beyond their classes, from the widest to the narrowest."""
        counts = np.asarray(self._counts.toarray(), dtype=np.float64)
        shares, _ = self._class_shares
        expected = shares * counts.sum(axis=1, keepdims=True)
        lift = np.ones_like(counts)
        cell = np.zeros(len(counts), dtype=np.int64)
        for codes in [*self.attributes.traits]:
            cell = np.unique(np.stack([cell, codes]), axis=1, return_inverse=True)[1].ravel()
            seen = _sum_by(cell, counts)[cell] + _GROUP_PRIOR * lift / lift.shape[1]
            lift = seen / (_sum_by(cell, expected)[cell] + _GROUP_PRIOR / lift.shape[1])
        return np.clip(lift, 0.2, 5.0)

    @cached_property
    def _price_rank(self) -> Reals:
        """By item, -1 to 1: share of its kind's purchases that were cheaper, less those that were dearer."""
        price = self.attributes.price
        if price is None:
            return np.zeros(len(self.kind))
        known = np.where(np.isnan(price), -1.0, price)
        order = np.lexsort((np.arange(len(known)), known, self.kind))
        weight = (self.past.buyers + 0.1)[order]
        kind = self.kind[order]
        below = np.cumsum(weight) - weight
        starts = np.flatnonzero(np.concatenate([[True], kind[1:] != kind[:-1]]))
        which = np.cumsum(np.concatenate([[True], kind[1:] != kind[:-1]])) - 1
        total = np.add.reduceat(weight, starts)
        rank = np.zeros(len(known))
        rank[order] = 2 * (below - below[starts][which] + weight / 2) / total[which] - 1
        return np.where(known < 0, 0.0, rank)


def _latent(counts: Reals, usual: Reals, told: Sequence[Matrix]) -> Reals:
    """customers x kinds: share of each kind that a customer's next purchase may have."""
    customers, kinds = counts.shape
    classes = max(1, min(CLASSES, kinds))
    rng = np.random.default_rng(19990815)
    likes = usual * rng.gamma(2.0, size=(classes, kinds))
    likes /= likes.sum(axis=1, keepdims=True)
    weight = np.full(classes, 1 / classes)
    speaks = [
        np.tile((np.asarray(one.sum(axis=0)).ravel() + 1) / (one.sum() + one.shape[1]), (classes, 1)) for one in told
    ]
    belongs = np.full((customers, classes), 1 / classes)
    for _ in range(_ROUNDS):
        log = counts @ np.log(likes).T + np.log(weight)
        for one, share in zip(told, speaks, strict=True):
            log += one @ np.log(share).T
        log -= log.max(axis=1, keepdims=True)
        belongs = np.exp(log)
        belongs /= belongs.sum(axis=1, keepdims=True)
        weight = (belongs.sum(axis=0) + 1) / (customers + classes)
        likes = belongs.T @ counts + _KIND_PRIOR * kinds * usual
        likes /= likes.sum(axis=1, keepdims=True)
        speaks = [_shares(np.asarray((one.T @ belongs).T)) for one in told]
    return np.asarray(belongs @ likes)


def _shares(counts: Reals) -> Reals:
    return np.asarray((counts + 1.0) / (counts + 1.0).sum(axis=1, keepdims=True))


def _whole(codes: Integers | None, count: int) -> Integers:
    if codes is None:
        return np.zeros(count, dtype=np.int64)
    return np.where(codes < 0, codes.max(initial=0) + 1, codes)


def _sum_by(cell: Integers, values: Reals) -> Reals:
    cells = int(cell.max(initial=0)) + 1
    picked = sparse.csr_matrix((np.ones(len(cell)), (cell, np.arange(len(cell)))), shape=(cells, len(cell)))
    return np.asarray(picked @ values)


def _mean_by(cell: Integers, values: Reals, prior: Reals | float, strength: float) -> Reals:
    """Mean of each one's cell, pulled towards the prior."""
    total = np.bincount(cell, values)[cell]
    count = np.bincount(cell)[cell]
    return np.asarray((total + strength * prior) / (count + strength))
