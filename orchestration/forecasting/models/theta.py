"""Theta models of many series at once: the classical one, and the dynamic one with its parameters on a grid.

Belongs here: theta lines of series without season. Does not: seasons, transformations (see `adjusted.py`).
"""

from dataclasses import dataclass

import numpy as np

from orchestration.forecasting.models.grid import CHUNK, Series, level
from orchestration.forecasting.panel import Counts, Matrix

ALPHAS = (0.1, 0.15, 0.2, 0.3, 0.45, 0.6, 0.75, 0.9, 0.99)
THETAS = (1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0)
# The line through the past says nothing before it has three points.
_POINTS_OF_A_LINE = 3


def theta(series: Series, horizon: int) -> Matrix:
    """Simple smoothing plus half the slope of the line (Assimakopoulos and Nikolopoulos 2000; Hyndman, Billah 2003)."""
    at = np.arange(series.y.shape[1])[None, :]
    is_known = at < series.lengths[:, None]
    from_middle = np.where(is_known, at - (series.lengths[:, None] - 1) / 2, 0.0)
    slope = (from_middle * series.y).sum(axis=1) / np.maximum((from_middle**2).sum(axis=1), 1.0)
    drift = slope[:, None] / 2 * np.arange(1, horizon + 1)
    return np.asarray(level().fit(series, horizon).y_hat + drift)


@dataclass(frozen=True, eq=False)
class _Lines:
    """The least-squares line through the first t values of each series, for each t (column t-1), and their mean."""

    intercept: Matrix
    slope: Matrix
    mean: Matrix


def dynamic_theta(series: Series, horizon: int) -> Matrix:
    """The dynamic optimised theta model (Fiorucci and others 2016), averaged over a grid of alpha and theta.

    The first level is the least-squares one; weights are likelihoods, as in `grid.py`.
    """
    alpha, theta_ = (axis.ravel() for axis in np.meshgrid(ALPHAS, THETAS, indexing="ij"))
    share = 1 - 1 / theta_
    lines = _lines(series.y)
    y_hat = np.empty((len(series.lengths), horizon))
    for begin in range(0, len(series.lengths), CHUNK):
        rows = series.by_length[begin : begin + CHUNK]
        chosen = _Lines(lines.intercept[rows], lines.slope[rows], lines.mean[rows])
        levels, weights = _fit(series.y[rows], series.lengths[rows], chosen, alpha, share)
        y_hat[rows] = _ahead(levels, weights, series.lengths[rows], chosen, alpha, share, horizon)
    return y_hat


def _lines(y: Matrix) -> _Lines:
    count = np.arange(1, y.shape[1] + 1)
    mean = np.cumsum(y, axis=1) / count
    weighted = np.cumsum(y * count, axis=1) / count
    slope = np.where(count > 1, 6 * (2 * weighted - (1 + count) * mean) / np.maximum(count**2 - 1, 1), 0.0)
    return _Lines(mean - (count + 1) / 2 * slope, slope, mean)


def _fit(y: Matrix, lengths: Counts, lines: _Lines, alpha: Matrix, share: Matrix) -> tuple[Matrix, Matrix]:
    """Last level and weight of each point of the grid; series from the longest to the shortest."""
    shape = (len(y), len(alpha))
    levels, squares, moments, normal = (np.zeros(shape) for _ in range(4))
    response, carried = np.ones(len(alpha)), np.ones(shape)
    for step in range(int(lengths[0])):
        live = int(np.searchsorted(-lengths, -step, side="left"))
        if step >= _POINTS_OF_A_LINE:
            fade = (1 - alpha) ** step
            line = fade * lines.intercept[:live, step - 1, None]
            line = line + (1 - fade * (1 - alpha)) / alpha * lines.slope[:live, step - 1, None]
            error = y[:live, step, None] - levels[:live] - share * line
            squares[:live] += error * error
            moments[:live] += response * error
            normal[:live] += response * response
        levels[:live] = alpha * y[:live, step, None] + (1 - alpha) * levels[:live]
        response = response * (1 - alpha)
        carried[:live] = response
    first = np.where(normal > 1e-6, moments / np.maximum(normal, 1e-9), 0.0)
    squares = np.maximum(squares - first**2 * normal, 1e-12 * lengths[:, None])
    likelihood = -0.5 * lengths[:, None] * np.log(squares)
    weights = np.exp(likelihood - likelihood.max(axis=1, keepdims=True))
    return levels + carried * first, weights / weights.sum(axis=1, keepdims=True)


def _ahead(
    levels: Matrix, weights: Matrix, lengths: Counts, lines: _Lines, alpha: Matrix, share: Matrix, horizon: int
) -> Matrix:
    """Forecasts; each becomes part of the past of the next one, and bends the line."""
    rows = np.arange(len(lengths))
    zeros = np.zeros(levels.shape)
    intercept, slope, mean = (
        zeros + part[rows, lengths - 1, None] for part in (lines.intercept, lines.slope, lines.mean)
    )
    fade = (1 - alpha) ** lengths[:, None]
    y_hat = np.empty((len(rows), horizon))
    for step in range(horizon):
        known = (lengths + step)[:, None]
        point = levels + share * (fade * intercept + (1 - fade * (1 - alpha)) / alpha * slope)
        y_hat[:, step] = (point * weights).sum(axis=1)
        levels = alpha * point + (1 - alpha) * levels
        later = (known * mean + point) / (known + 1)
        slope = ((known - 1) * slope + 6 * (point - mean) / (known + 1)) / (known + 2)
        mean = later
        intercept = mean - (known + 2) / 2 * slope
        fade = fade * (1 - alpha)
    return y_hat
