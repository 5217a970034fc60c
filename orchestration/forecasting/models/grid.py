"""Exponential smoothing of many series at once: exact start values, parameters averaged over a grid.

Belongs here: linear innovation models and their average. Does not: seasons, transformations (see `adjusted.py`), and
the choice of models.

A linear innovation model (Hyndman, Koehler, Ord and Snyder 2008, chapter 3) is y_t = w'x_{t-1} + e_t and
x_t = F x_{t-1} + g e_t. Its errors are linear in its first state, so that for given parameters the best first state
is a least-squares solution in closed form; the parameters come from a grid. All series and all points of the grid are
one recursion in numpy, and the forecast is not that of the best point but the mean over the grid, weighted by
likelihood: a short series does not bear the pretence of one best parameter. Thousands of series a second instead of
tens, with errors that are as small (benchmarks/README.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache

import numpy as np

from orchestration.forecasting.panel import Counts, Matrix

# Series at a time: their states at all points of a grid fit a processor's cache.
CHUNK = 200
# Relative to a series of mean one: no series is explained better than this, so that a constant one has a likelihood.
_LEAST_SQUARED_ERROR = 1e-12


@dataclass(frozen=True, eq=False)
class Series:
    """Rows that all begin in column 0 and end after `lengths` values; what follows is 0. Scaled to about one."""

    y: Matrix
    lengths: Counts

    @cached_property
    def by_length(self) -> Counts:
        """The rows from the longest to the shortest."""
        return np.argsort(-self.lengths, kind="stable")


@dataclass(frozen=True, eq=False)
class GridFit:
    """`y_hat` (series × horizon) and, for the choice between families, the log of the mean likelihood of each series.

    `sigma` is the root mean squared error one step ahead at the likeliest point.
    """

    y_hat: Matrix
    evidence: Matrix
    sigma: Matrix


@dataclass(frozen=True, eq=False)
class Family:
    """Linear innovation models: transition (points × d × d), measurement and gain (points × d).

    `parameters` counts what is estimated, first states included.
    """

    transition: Matrix
    measurement: Matrix
    gain: Matrix
    parameters: int

    def fit(self, series: Series, horizon: int) -> GridFit:
        """Forecast every series as the mean over the points, weighted by likelihood."""
        count, size = len(series.lengths), self.measurement.shape[1]
        response, normal, carried = _start(self, int(series.lengths.max(initial=0)))
        ahead = _powers_applied(self.measurement, self.transition, horizon)
        y_hat, evidence, sigma = np.empty((count, horizon)), np.empty(count), np.empty(count)
        for begin in range(0, count, CHUNK):
            rows = series.by_length[begin : begin + CHUNK]
            lengths = series.lengths[rows]
            squares, moments, states = self._recursion(series.y[rows], lengths, response)
            a_matrix = normal[lengths - 1]
            # A vanishing ridge: a first trend that no longer shows in the errors has no one solution.
            ridge = 1e-9 * np.trace(a_matrix, axis1=-2, axis2=-1)[..., None, None] * np.eye(size)
            first = np.linalg.solve(a_matrix + ridge, moments[..., None])[..., 0]
            least = _LEAST_SQUARED_ERROR * lengths[:, None]
            squares = np.maximum(squares - (first * moments).sum(axis=-1), least)
            likelihood = -0.5 * lengths[:, None] * np.log(squares / lengths[:, None])
            highest = likelihood.max(axis=1)
            weights = np.exp(likelihood - highest[:, None])
            evidence[rows] = highest + np.log(weights.mean(axis=1))
            sigma[rows] = np.sqrt(squares.min(axis=1) / lengths)
            weights /= weights.sum(axis=1, keepdims=True)
            final = states + np.einsum("ngij,ngj->ngi", carried[lengths], first)
            y_hat[rows] = np.einsum("ngd,hgd->nh", final * weights[..., None], ahead)
        return GridFit(y_hat, evidence, sigma)

    def _recursion(self, y: Matrix, lengths: Counts, response: Matrix) -> tuple[Matrix, Matrix, Matrix]:
        """Squared errors, their moments with the response, and final states, from a start in zero; longest first."""
        points, size = self.measurement.shape
        states = [np.zeros((len(y), points)) for _ in range(size)]
        moments = [np.zeros((len(y), points)) for _ in range(size)]
        squares = np.zeros((len(y), points))
        # The first state's row is often the measurement's: then its part of the next state is the forecast itself.
        is_own = bool((self.transition[:, 0] == self.measurement).all())
        factors = [[_plain(self.transition[:, i, j]) for j in range(size)] for i in range(size)]
        measured = [_plain(self.measurement[:, j]) for j in range(size)]
        gains = [_plain(self.gain[:, i]) for i in range(size)]
        for step in range(int(lengths[0])):
            live = int(np.searchsorted(-lengths, -step, side="left"))
            now = [state[:live] for state in states]
            told = _combined(measured, now)
            error = y[:live, step, None] - told
            squares[:live] += error * error
            for j in range(size):
                moments[j][:live] += response[step, :, j] * error
            moved = [told if is_own and i == 0 else _combined(factors[i], now) for i in range(size)]
            later = [
                part.copy() if gain is None else part + gain * error for part, gain in zip(moved, gains, strict=True)
            ]
            for state, part in zip(now, later, strict=True):
                state[:] = part
        return squares, np.stack(moments, axis=-1), np.stack(states, axis=-1)


def _plain(factor: Matrix) -> Matrix | float | None:
    """A factor of all points, as a number where it is one and as none where it is zero: most of them are."""
    if (factor == factor[0]).all():
        return float(factor[0]) or None
    return factor


def _combined(factors: Sequence[Matrix | float | None], states: Sequence[Matrix]) -> Matrix:
    """The sum of the states times their factors."""
    total: Matrix | None = None
    for factor, state in zip(factors, states, strict=True):
        if factor is None:
            continue
        part = state if isinstance(factor, float) and factor == 1.0 else factor * state
        total = part if total is None else total + part
    return np.zeros_like(states[0]) if total is None else total


# Lengths in steps of this many, so that the panels of a market share what depends on the longest of them.
_LENGTHS = 64


def _start(family: Family, longest: int) -> tuple[Matrix, Matrix, Matrix]:
    """How errors respond to the first state, the sums of that response's squares, and what is left of that state."""
    return _start_of(family, -(-longest // _LENGTHS) * _LENGTHS)


@lru_cache(maxsize=24)
def _start_of(family: Family, longest: int) -> tuple[Matrix, Matrix, Matrix]:
    closed = family.transition - family.gain[:, :, None] * family.measurement[:, None, :]
    response = _powers_applied(family.measurement, closed, longest)
    normal = np.cumsum(response[..., :, None] * response[..., None, :], axis=0)
    carried = np.empty((longest + 1, *family.transition.shape))
    carried[0] = np.eye(family.measurement.shape[1])
    for step in range(longest):
        carried[step + 1] = closed @ carried[step]
    return response, normal, carried


def _powers_applied(row: Matrix, matrix: Matrix, count: int) -> Matrix:
    """row, row·M, row·M², … (count × points × d)."""
    found = np.empty((count, *row.shape))
    for step in range(count):
        found[step] = row
        row = np.einsum("gd,gde->ge", row, matrix)
    return found


LEVEL_STEPS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@cache
def level(steps: tuple[float, ...] = LEVEL_STEPS) -> Family:
    """Simple exponential smoothing; the grid is of its alpha."""
    alpha = np.array(steps)
    ones = np.ones((len(alpha), 1))
    return Family(ones[:, :, None], ones, alpha[:, None], parameters=2)


@cache
def level_with_drift(steps: tuple[float, ...] = LEVEL_STEPS) -> Family:
    """Simple exponential smoothing with a constant drift."""
    alpha = np.array(steps)
    transition = np.tile([[1.0, 1.0], [0.0, 1.0]], (len(alpha), 1, 1))
    return Family(transition, np.ones((len(alpha), 2)), np.stack([alpha, 0 * alpha], axis=1), parameters=3)


@cache
def trend(
    phis: tuple[float, ...] = (0.8, 0.9, 0.95, 0.98),
    alphas: tuple[float, ...] = (0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0),
    betas: tuple[float, ...] = (0.0, 0.03, 0.1, 0.25, 0.5),
) -> Family:
    """Holt's trend, damped by phi (not at all at 1); beta is a share of alpha."""
    phi, alpha, beta = (axis.ravel() for axis in np.meshgrid(phis, alphas, betas, indexing="ij"))
    ones, zeros = np.ones_like(phi), np.zeros_like(phi)
    transition = np.stack([np.stack([ones, phi], axis=1), np.stack([zeros, phi], axis=1)], axis=1)
    gain = np.stack([alpha, alpha * beta], axis=1)
    is_damped = bool((phi < 1).any())
    return Family(transition, np.stack([ones, phi], axis=1), gain, parameters=5 if is_damped else 4)


@cache
def undamped_trend() -> Family:
    """Holt's linear trend."""
    return trend(phis=(1.0,), alphas=(0.1, 0.3, 0.5, 0.75, 1.0), betas=(0.03, 0.1, 0.25, 0.5, 0.8))


@cache
def complex_smoothing() -> Family:
    """Complex exponential smoothing (Svetunkov, Kourentzes and Ord 2022) of a series without season, where stable."""
    real = (0.7, 0.9, 1.0, 1.1, 1.2, 1.3, 1.45, 1.6, 1.8)
    imaginary = (0.9, 0.95, 0.98, 0.99, 1.0, 1.01, 1.02, 1.05, 1.1)
    a, b = (axis.ravel() for axis in np.meshgrid(real, imaginary, indexing="ij"))
    ones = np.ones_like(a)
    transition = np.stack([np.stack([ones, b - 1], axis=1), np.stack([ones, 1 - a], axis=1)], axis=1)
    gain = np.stack([a - b, a + b], axis=1)
    measurement = np.stack([ones, 0 * ones], axis=1)
    closed = transition - gain[:, :, None] * measurement[:, None, :]
    is_stable = np.abs(np.linalg.eigvals(closed)).max(axis=1) < 1
    return Family(transition[is_stable], measurement[is_stable], gain[is_stable], parameters=4)


def averaged(families: Sequence[Family], series: Series, horizon: int) -> Matrix:
    """The mean of the families' forecasts, weighted by evidence less half a log of the length per parameter."""
    fits = [family.fit(series, horizon) for family in families]
    penalty = 0.5 * np.log(series.lengths)
    pairs = zip(fits, families, strict=True)
    evidence = np.array([fit.evidence - family.parameters * penalty for fit, family in pairs])
    weights = np.exp(evidence - evidence.max(axis=0))
    weights /= weights.sum(axis=0)
    return np.asarray(sum(weight[:, None] * fit.y_hat for weight, fit in zip(weights, fits, strict=True)))
