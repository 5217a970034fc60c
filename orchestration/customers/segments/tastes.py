"""Tastes: clusters of customers by the categories that they buy from, as many as the data hold up.

Belongs here: the mixture, its number of clusters, their names. Does not: segments by rules.

A customer of a taste draws the category of each purchase from the shares of that taste: a mixture of multinomials,
fitted by expectation and maximisation. Most customers have bought two or three times, so shares of a single customer
say little; the mixture weighs each by what it has. The number of clusters is the one that the Bayesian information
criterion asks for, or the next lower one at which mixtures of customers drawn anew sort them in the same way.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from orchestration.customers.purchases import Tastes
from orchestration.customers.segments.agreement import adjusted_rand
from orchestration.customers.value.newton import Reals

Labels = npt.NDArray[np.int64]
FEWEST_CUSTOMERS = 200
FEWEST_PURCHASES = 2
MOST_TASTES = 8
SAMPLE = 6_000
DRAWS = 6
STABLE = 0.6
# As if each taste had besides bought so many times like everybody: shares of zero would never change again.
PSEUDO_PURCHASES = 5.0
_STEPS, _STARTS, _TOLERANCE = 60, 3, 1e-5
# A name tells the categories that a taste buys this much oftener than others do, two at most.
OVER, NAMED = 1.25, 2


@dataclass(frozen=True, eq=False)
class Mixture:
    """Shares of customers by taste, and of purchases by taste and category."""

    weight: Reals
    share: Reals
    log_likelihood: float


@dataclass(frozen=True, eq=False)
class TasteClusters:
    """The tastes of a market: of each customer (-1 without one) and how sure that is; names; stability.

    adjusted_rand: agreement with mixtures of customers drawn anew; by_count: the same at each number that was tried.
    """

    taste: Labels
    probability: Reals
    names: tuple[str, ...]
    mixture: Mixture | None
    adjusted_rand: float
    by_count: tuple[tuple[int, float], ...]
    reason: str = ""


def no_tastes(customers: int, reason: str) -> TasteClusters:
    """Where there is nothing to cluster."""
    return TasteClusters(np.full(customers, -1), np.zeros(customers), (), None, 0.0, (), reason)


def taste_clusters(tastes: Tastes, customers: int) -> TasteClusters:
    """The tastes of a market's customers; none, with the reason, where the data cannot tell them apart."""
    if len(tastes.codes) < 3:
        return no_tastes(customers, "fewer than three categories are known")
    counts = np.zeros((customers, len(tastes.codes)), dtype=np.float32)
    counts[tastes.customer, tastes.category] = tastes.purchases
    total = counts.sum(axis=1)
    told = np.flatnonzero(total >= FEWEST_PURCHASES)
    if len(told) < FEWEST_CUSTOMERS:
        return no_tastes(customers, f"{len(told)} customers bought twice or more; {FEWEST_CUSTOMERS} are needed")
    rng = np.random.default_rng(20_240_229)
    chosen = counts[rng.permutation(told)[:SAMPLE]]
    likeliest = _likeliest(chosen, rng)
    tried: list[tuple[int, float]] = []
    while len(likeliest) > 1 and (not tried or tried[-1][1] < STABLE):
        mixture = likeliest.pop()
        tried.append((len(mixture.weight), _repeated(chosen, mixture, rng)))
    if not tried:
        return no_tastes(customers, "one taste explains the purchases as well as several")
    if tried[-1][1] < STABLE:
        return no_tastes(customers, f"no number of clusters repeats itself (best {max(i for _, i in tried):.2f})")
    mixture = _by_weight(mixture)
    probability = _belongs(mixture, counts)
    taste = np.where(total > 0, probability.argmax(axis=1), -1)
    return TasteClusters(
        taste,
        np.where(total > 0, probability.max(axis=1), 0.0).astype(np.float64),
        _names(mixture, counts[told].sum(axis=0).astype(np.float64), tastes.codes),
        mixture,
        tried[-1][1],
        tuple(tried),
    )


def _likeliest(counts: npt.NDArray[np.float32], rng: np.random.Generator) -> list[Mixture]:
    """Mixtures of 1, 2, … clusters, up to the number at which the Bayesian information criterion is best."""
    free, found, criteria = counts.shape[1], list[Mixture](), list[float]()
    for k in range(1, MOST_TASTES + 1):
        found.append(_fit(counts, k, rng))
        criteria.append(found[-1].log_likelihood - 0.5 * (k * free - 1) * float(np.log(len(counts))))
        if k > 2 and criteria[-1] < criteria[-2] < criteria[-3]:
            break
    return found[: int(np.argmax(criteria)) + 1]


def _repeated(counts: npt.NDArray[np.float32], mixture: Mixture, rng: np.random.Generator) -> float:
    """Mean adjusted Rand index between the mixture and those of customers drawn anew, over the same customers."""
    sorted_once = _belongs(mixture, counts).argmax(axis=1)
    found = []
    for _ in range(DRAWS):
        again = _fit(counts[rng.integers(0, len(counts), len(counts))], len(mixture.weight), rng)
        found.append(adjusted_rand(sorted_once, _belongs(again, counts).argmax(axis=1)))
    return float(np.mean(found))


def _fit(counts: npt.NDArray[np.float32], k: int, rng: np.random.Generator) -> Mixture:
    """The likeliest of several mixtures; each begins at customers who differ."""
    rows, of_row = np.unique(counts, axis=0, return_counts=True)
    return max((_climb(rows, of_row.astype(np.float32), k, rng) for _ in range(_STARTS)), key=_likelihood)


def _likelihood(mixture: Mixture) -> float:
    return mixture.log_likelihood


def _climb(rows: npt.NDArray[np.float32], times: npt.NDArray[np.float32], k: int, rng: np.random.Generator) -> Mixture:
    base = times @ rows
    base = base / base.sum()
    # Each cluster begins near one customer, drawn far from those before (as k-means++ does).
    shares = (rows + PSEUDO_PURCHASES * base) / (rows.sum(axis=1, keepdims=True) + PSEUDO_PURCHASES)
    picked = [int(rng.choice(len(rows), p=times / times.sum()))]
    far = np.full(len(rows), np.inf)
    for _ in range(k - 1):
        far = np.minimum(far, ((shares - shares[picked[-1]]) ** 2).sum(axis=1))
        odds = far * times
        picked.append(int(rng.choice(len(rows), p=odds / odds.sum())) if odds.sum() > 0 else picked[0])
    mixture = Mixture(np.full(k, 1 / k), shares[picked].astype(np.float64), -np.inf)
    for _ in range(_STEPS):
        logs = rows @ np.log(mixture.share).T.astype(np.float32) + np.log(mixture.weight).astype(np.float32)
        top = logs.max(axis=1, keepdims=True)
        odds = np.exp(logs - top)
        sums = odds.sum(axis=1, keepdims=True)
        value = float(times @ (np.log(sums) + top).ravel())
        belongs = odds / sums * times[:, None]
        weight = belongs.sum(axis=0) + 1.0
        share = belongs.T @ rows + PSEUDO_PURCHASES * base
        gain = value - mixture.log_likelihood
        mixture = Mixture(
            (weight / weight.sum()).astype(np.float64),
            (share / share.sum(axis=1, keepdims=True)).astype(np.float64),
            value,
        )
        if gain < _TOLERANCE * abs(value):
            break
    return mixture


def _belongs(mixture: Mixture, counts: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    logs = counts @ np.log(mixture.share).T.astype(np.float32) + np.log(mixture.weight).astype(np.float32)
    odds = np.exp(logs - logs.max(axis=1, keepdims=True))
    found: npt.NDArray[np.float32] = odds / odds.sum(axis=1, keepdims=True)
    return found


def _by_weight(mixture: Mixture) -> Mixture:
    order = np.argsort(-mixture.weight, kind="stable")
    return Mixture(mixture.weight[order], mixture.share[order], mixture.log_likelihood)


def _names(mixture: Mixture, bought: Reals, codes: Sequence[str]) -> tuple[str, ...]:
    """Each taste by the categories that it buys most above the others; equal names are numbered."""
    base = bought / bought.sum()
    names: list[str] = []
    for share in mixture.share:
        excess = np.where(share > OVER * base, share - base, 0.0)
        over = [codes[place] for place in np.argsort(-excess, kind="stable")[:NAMED] if excess[place] > 0]
        name = " and ".join(over) if over else "everything"
        names.append(name if name not in names else f"{name} {sum(one.startswith(name) for one in names) + 1}")
    return tuple(names)
