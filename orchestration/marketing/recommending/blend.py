"""The blend: a conditional logit that weighs the signals by what customers bought next.

Belongs here: fitting weights on a validation period, scoring with them. Does not: the signals (see signals.py).

What a customer buys next is one draw among all items with chances exp(weights . signals) (McFadden 1974), so a weight
is an exponent: a chance is a product of signals, each raised to its weight. A weight per signal is all there is to
learn, and it is pulled towards what is usual (`USUAL`), so that ten buyers get the usual blend.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from orchestration.marketing.recommending.interactions import Integers, Matrix, Reals, Scores
from orchestration.marketing.recommending.signals import OWN, POPULARITY, SIGNALS, TRENDS, Signals

# Rounded from the validation period of Online Retail; with some hundred purchases the data's own weights stand.
USUAL: Mapping[str, float] = {
    "popular_now": 0.5,
    "popular_of_late": 0.3,
    "autoencoder": 0.3,
    "autoencoder_recent": 0.1,
    "like_customers": 0.6,
    "own_times": 0.8,
    "kind_taste": 0.7,
    "group_taste": 0.5,
    "price_taste": 0.5,
}
NEW_NAMES = (*POPULARITY, *TRENDS, "kind_taste", "group_taste")
PRIOR_STRENGTH = 20.0
TRAINING_CELLS = 15_000_000
MOST_ITEMS, MOST_CUSTOMERS = 6_000, 1_500
_ROUNDS = 50


@dataclass(frozen=True)
class Blend:
    """Weight of each signal; `repeats`: whether items that the customer has already are among the candidates."""

    weights: Mapping[str, float]
    repeats: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """The signals that count."""
        return tuple(self.weights)

    def score(self, signals: Signals, customers: Integers) -> Scores:
        """customers x items."""
        parts = signals.of(customers, self.names)
        total = np.zeros((len(customers), signals.past.seen.shape[1]), dtype=np.float32)
        for name, part in parts.items():
            if weight := self.weights.get(name, 0.0):
                total += part * np.float32(weight)
        if set(self.weights) & set(OWN):
            own = signals.own(customers, parts)
            total[own.row, own.column] += sum(self.weights.get(name, 0.0) * part for name, part in own.values.items())
        return total


def usual_blend(names: tuple[str, ...] = SIGNALS, *, repeats: bool = True) -> Blend:
    """The blend without any data."""
    return Blend({name: USUAL.get(name, 0.0) for name in names}, repeats)


def fit_blend(
    signals: Signals, bought: Matrix, customers: Integers, *, names: tuple[str, ...] = SIGNALS, repeats: bool = True
) -> Blend:
    """Weights under which the purchases of these customers are most likely.

    bought: customers x items (all customers) of the period after the signals' past. A customer counts by the square
    root of the purchases: a wholesaler of a hundred lines says more than a buyer of one, not a hundred times more.
    """
    usual = np.asarray([USUAL.get(name, 0.0) for name in names])
    drawn = _drawn(signals, bought, customers, names, repeats)
    if drawn is None:
        return usual_blend(names, repeats=repeats)
    cells, chosen, correction = drawn
    spread = np.maximum(cells.reshape(-1, len(names))[::7].std(axis=0), 1e-3)
    cells /= spread.astype(np.float32)
    total = chosen.sum(axis=1)
    positive = np.einsum("ui,uif->f", chosen, cells).astype(np.float64)
    flat = cells.reshape(-1, len(names))

    def loss(scaled: Reals) -> tuple[float, Reals]:
        utility = (flat @ scaled.astype(np.float32)).reshape(chosen.shape) + correction
        top = utility.max(axis=1, keepdims=True)
        share = np.exp(utility - top)
        mass = share.sum(axis=1, keepdims=True)
        share *= (total[:, None] / mass).astype(np.float32)
        fit = positive @ scaled - float((total * (np.log(mass) + top).ravel()).sum())
        slope = positive - share.ravel() @ flat
        away = scaled - usual * spread
        return -fit + 0.5 * PRIOR_STRENGTH * float(away @ away), PRIOR_STRENGTH * away - slope

    found = optimize.minimize(
        loss, usual * spread, jac=True, method="L-BFGS-B", options={"maxiter": _ROUNDS, "ftol": 1e-6}
    )
    return Blend({name: float(weight) for name, weight in zip(names, found.x / spread, strict=True)}, repeats)


def _drawn(
    signals: Signals, bought: Matrix, customers: Integers, names: tuple[str, ...], repeats: bool
) -> tuple[Scores, Scores, Scores] | None:
    """customers x items x signals, weights of what was bought, and the correction of items that were drawn.

    Of many customers and items some are drawn: all that were bought, and others that stand for the rest.
    """
    has = np.diff(bought[customers].indptr) > 0
    customers = customers[has]
    items = signals.past.seen.shape[1]
    if not len(customers) or not items:
        return None
    rng = np.random.default_rng(20260723)
    width = min(items, MOST_ITEMS)
    most = int(min(MOST_CUSTOMERS, max(20, TRAINING_CELLS // (width * len(names)))))
    if len(customers) > most:
        customers = np.sort(rng.choice(customers, most, replace=False))
    target = bought[customers]
    kept = np.arange(items)
    correction = np.zeros(items, dtype=np.float32)
    if items > MOST_ITEMS:
        positive = np.unique(target.indices)
        rest = np.setdiff1d(kept, positive, assume_unique=True)
        others = rng.choice(rest, min(len(rest), max(MOST_ITEMS - len(positive), 1_000)), replace=False)
        correction[others] = np.log(len(rest) / len(others))
        kept = np.sort(np.concatenate([positive, others]))
    where = np.full(items, -1)
    where[kept] = np.arange(len(kept))
    cells = np.empty((len(customers), len(kept), len(names)), dtype=np.float32)
    for start in range(0, len(customers), signals.block_size):
        block = slice(start, start + signals.block_size)
        parts = signals.of(customers[block], names)
        for place, name in enumerate(names):
            cells[block, :, place] = parts[name][:, kept] if name in parts else 0.0
        if set(names) & set(OWN):
            own = signals.own(customers[block], parts)
            is_kept = where[own.column] >= 0
            row, column = own.row[is_kept] + start, where[own.column[is_kept]]
            for place, name in enumerate(names):
                if name in own.values:
                    cells[row, column, place] = own.values[name][is_kept]
    chosen = np.asarray(target[:, kept].toarray(), dtype=np.float32)
    blocked = np.tile(correction[kept], (len(customers), 1))
    if not repeats:
        own = signals.past.owned[customers][:, kept].toarray() > 0
        chosen[own] = 0.0
        blocked[own] = -1e9
    counts = chosen.sum(axis=1)
    is_told = counts > 0
    if not is_told.any():
        return None
    chosen /= np.sqrt(np.maximum(counts, 1.0))[:, None]
    return cells[is_told], chosen[is_told], blocked[is_told]
