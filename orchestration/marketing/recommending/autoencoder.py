"""EASE^R: the linear autoencoder without a diagonal, in closed form (Steck 2019).

Belongs here: fitting and scoring, dense for small catalogues, factorised for large ones. Does not: choice of models.

With G = X'X and P = (G + penalty I)^-1 the weights are B = I - P diag(1 / P_jj). Up to `DENSE_ITEMS` items P is made
as it is: items x items in float32, three times while it is made (192 MB at 4,000 items). Above, X is replaced by its
leading singular vectors V: P = (I - V diag(s^2 / (s^2 + penalty)) V') / penalty, which is kept as V alone: items x rank
in float32, 102 MB for 100,000 items and rank 256.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import linalg

from orchestration.marketing.recommending.interactions import Integers, Matrix, Scores

DENSE_ITEMS = 4_000
RANK = 256
LEAST_BUYERS = 3
# Penalty as customers of an average item: 300 on Online Retail, in proportion elsewhere (see docs/marketing.md).
_PENALTY_OF_MEAN = 2.0
_LEAST_PENALTY = 5.0
_POWER_ROUNDS = 2
_EXTRA_VECTORS = 16


class Autoencoder(Protocol):
    """Scores of all items from what customers have."""

    def score(self, weights: Matrix) -> Scores:
        """rows x items: about the chance that a customer with these weights has the item too."""


@dataclass(frozen=True, eq=False)
class DenseAutoencoder:
    """Weights items x items, zero on the diagonal."""

    weights: Scores

    def score(self, weights: Matrix) -> Scores:
        """rows x items."""
        return np.asarray(weights @ self.weights, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class FactorAutoencoder:
    """The same from singular vectors: `left` and `right` are items x rank, `own` is penalty x P_jj."""

    left: Scores
    right: Scores
    own: Scores

    def score(self, weights: Matrix) -> Scores:
        """rows x items; what a row's own items say of themselves cancels out."""
        smooth = (weights @ self.left) @ self.right.T
        given = np.asarray(weights.toarray(), dtype=np.float32)
        return np.asarray(given - (given - smooth) / self.own, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class PartAutoencoder:
    """One of some of the items; the others score 0."""

    known: Integers
    items: int
    found: Autoencoder

    def score(self, weights: Matrix) -> Scores:
        """rows x items."""
        scores = np.zeros((weights.shape[0], self.items), dtype=np.float32)
        scores[:, self.known] = self.found.score(weights[:, self.known])
        return scores


@dataclass(frozen=True)
class NoAutoencoder:
    """Too little is known: every score is 0."""

    items: int

    def score(self, weights: Matrix) -> Scores:
        """rows x items."""
        return np.zeros((weights.shape[0], self.items), dtype=np.float32)


def penalty_of(owned: Matrix) -> float:
    """A penalty in proportion to how many customers an average pair's item has."""
    counts = np.asarray(owned.sum(axis=0), dtype=np.float64).ravel()
    total = counts.sum()
    return max(_LEAST_PENALTY, _PENALTY_OF_MEAN * float((counts**2).sum() / total)) if total else _LEAST_PENALTY


def fit_autoencoder(
    owned: Matrix, *, penalty: float | None = None, dense_items: int = DENSE_ITEMS, rank: int = RANK
) -> Autoencoder:
    """The autoencoder of a matrix of ones, dense or factorised by the number of items.

    Items with fewer buyers than `LEAST_BUYERS` neither predict nor are predicted: two customers are no pattern, and a
    shop has thousands of such items.
    """
    penalty = penalty_of(owned) if penalty is None else penalty
    buyers = np.asarray(owned.sum(axis=0)).ravel()
    known = np.flatnonzero(buyers >= LEAST_BUYERS)
    if len(known) < 2:
        return NoAutoencoder(owned.shape[1])
    part = owned[:, known]
    found = _dense(part, penalty) if len(known) <= dense_items else _factorised(part, penalty, rank)
    return PartAutoencoder(known, owned.shape[1], found)


def _dense(owned: Matrix, penalty: float) -> DenseAutoencoder:
    # float32 is enough: the penalty keeps the matrix's condition below some thousands.
    gram = np.asarray((owned.T @ owned).toarray(), dtype=np.float32)
    gram[np.diag_indices_from(gram)] += np.float32(penalty)
    factor, failed = linalg.lapack.spotrf(gram, lower=1, clean=1, overwrite_a=1)
    if failed:
        raise np.linalg.LinAlgError(f"EASE^R: the matrix of {len(gram)} items is not positive definite")
    inverse, _ = linalg.lapack.spotri(factor, lower=1, overwrite_c=1)
    diagonal = np.diag(inverse).copy()
    weights = inverse + inverse.T
    weights /= -diagonal[None, :]
    weights[np.diag_indices_from(weights)] = 0.0
    return DenseAutoencoder(weights)


def _factorised(owned: Matrix, penalty: float, rank: int) -> FactorAutoencoder:
    values, vectors = _singular(owned, min(rank, *owned.shape))
    kept = (values**2 / (values**2 + penalty)).astype(np.float32)
    right = np.ascontiguousarray(vectors.T)
    left = right * kept
    own = np.maximum(1.0 - np.einsum("ir,ir->i", left, right), 1e-3).astype(np.float32)
    return FactorAutoencoder(left, right, own)


def _singular(owned: Matrix, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """Leading singular values and right vectors, by random projections (Halko, Martinsson, Tropp 2011)."""
    rng = np.random.default_rng(20190501)
    width = min(rank + _EXTRA_VECTORS, *owned.shape)
    basis = np.asarray(owned @ rng.standard_normal((owned.shape[1], width)).astype(np.float32))
    for _ in range(_POWER_ROUNDS):
        basis, _ = np.linalg.qr(basis)
        basis, _ = np.linalg.qr(np.asarray(owned.T @ basis))
        basis = np.asarray(owned @ basis)
    basis, _ = np.linalg.qr(basis)
    small = np.asarray(owned.T @ basis).T
    # Signs of singular vectors are free; their products, which alone are used, are not.
    _, values, vectors = np.linalg.svd(small, full_matrices=False)
    return values[:rank].astype(np.float64), vectors[:rank].astype(np.float32)
