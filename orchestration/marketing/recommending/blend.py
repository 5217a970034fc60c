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
    "popular_now": 0.4,
    "popular_of_late": 0.3,
    "steady": 0.3,
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
# With fewer customers than these the usual weights are drawn towards the data, and none is left out.
FEWEST_TO_DROP = 200
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
    drawn = _drawn(signals, bought, customers, names, repeats)
    if drawn is None:
        return usual_blend(names, repeats=repeats)
    choice = Choice(*drawn, np.asarray([USUAL.get(name, 0.0) for name in names]))
    kept, found = np.arange(len(names)), choice.fitted(np.arange(len(names)))
    if len(choice.total) >= FEWEST_TO_DROP:
        kept = choice.told(found)
        found = choice.fitted(kept)
    weights = dict.fromkeys(names, 0.0) | {names[place]: float(one) for place, one in zip(kept, found, strict=True)}
    return Blend(weights, repeats)


class Choice:
    """What customers bought among what they might have, and the weights under which that is most likely."""

    def __init__(self, cells: Scores, chosen: Scores, correction: Scores, usual: Reals) -> None:
        width = cells.shape[2]
        self.spread = np.maximum(cells.reshape(-1, width)[::7].std(axis=0).astype(np.float64), 1e-3)
        cells /= self.spread.astype(np.float32)
        self.flat, self.chosen, self.correction = cells.reshape(-1, width), chosen, correction
        self.usual = usual * self.spread
        self.total = chosen.sum(axis=1)
        self.positive = np.einsum("ui,uif->f", chosen, cells).astype(np.float64)

    def fitted(self, kept: Integers) -> Reals:
        """Weights of these signals, pulled towards the usual ones; the others are 0."""
        usual, positive = self.usual[kept], self.positive[kept]
        flat = self.flat if len(kept) == self.flat.shape[1] else self.flat[:, kept]

        def loss(scaled: Reals) -> tuple[float, Reals]:
            share, mass = self._shares(flat, scaled)
            fit = positive @ scaled - float((self.total * mass).sum())
            slope = positive - share @ flat
            away = scaled - usual
            return -fit + 0.5 * PRIOR_STRENGTH * float(away @ away), PRIOR_STRENGTH * away - slope

        found = optimize.minimize(loss, usual, jac=True, method="L-BFGS-B", options={"maxiter": _ROUNDS, "ftol": 1e-6})
        return np.asarray(found.x / self.spread[kept])

    def told(self, weights: Reals) -> Integers:
        """The signals that what was bought speaks for: backward elimination by Schwarz' criterion (1978).

        The likelihood is taken as quadratic around the weights, so that nothing is fitted again on the way. Twenty
        weights of which twelve mean nothing cost more than a signal that is missed: each adds its own noise.
        """
        scaled = weights * self.spread
        share, _ = self._shares(self.flat, scaled)
        bend = np.zeros((len(scaled), len(scaled)))
        for row, one in enumerate(share.reshape(self.chosen.shape)):
            cells = self.flat[row * len(one) : (row + 1) * len(one)]
            mean = one @ cells / self.total[row]
            bend += (cells.T * one) @ cells - self.total[row] * np.outer(mean, mean)
        spread = np.linalg.inv(bend + 1e-3 * np.eye(len(scaled)))
        kept = np.arange(len(scaled))
        least = np.log(len(self.total))
        while len(kept) > 1:
            gain = scaled**2 / np.diag(spread)
            worst = int(gain.argmin())
            if gain[worst] >= least:
                break
            scaled = np.delete(scaled - spread[:, worst] * (scaled[worst] / spread[worst, worst]), worst)
            rest = spread - np.outer(spread[:, worst], spread[worst]) / spread[worst, worst]
            spread = np.delete(np.delete(rest, worst, axis=0), worst, axis=1)
            kept = np.delete(kept, worst)
        return kept

    def _shares(self, flat: Scores, scaled: Reals) -> tuple[Scores, Scores]:
        """Expected purchases by cell, and the logarithm of each customer's sum of chances."""
        utility = (flat @ scaled.astype(np.float32)).reshape(self.chosen.shape) + self.correction
        top = utility.max(axis=1, keepdims=True)
        share = np.exp(utility - top)
        mass = share.sum(axis=1, keepdims=True)
        share *= (self.total[:, None] / mass).astype(np.float32)
        return share.ravel(), (np.log(mass) + top).ravel()


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
