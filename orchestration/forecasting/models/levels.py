"""Simple exponential smoothing of many series at once: the recursion that other models share.

Belongs here: levels of a matrix, and the constant that fits each series best. Does not: forecasts.
"""

import numpy as np

from orchestration.forecasting.panel import Flags, Matrix


def last_level(y: Matrix, is_used: Flags, alpha: float | Matrix) -> Matrix:
    """Level of each row after its last used value, begun at its first used value; NaN for a row without any."""
    level = np.full(len(y), np.nan)
    for column in range(y.shape[1]):
        seen, value = is_used[:, column], y[:, column]
        smoothed = alpha * value + (1 - alpha) * level
        level = np.where(seen, np.where(np.isnan(level), value, smoothed), level)
    return level


def running_levels(y: Matrix, is_used: Flags, alpha: float, *, is_last_only: bool = False) -> Matrix:
    """Level of each row after each column, as the weighted mean of what was used so far; 0 before the first value.

    The weights (1 - alpha)^age are normalised, so that no first value counts more than its age allows. With
    `is_last_only` there is one column, the last.
    """
    levels = np.zeros((len(y), 1 if is_last_only else y.shape[1]))
    total, weight = np.zeros(len(y)), np.zeros(len(y))
    for column in range(y.shape[1]):
        seen = is_used[:, column]
        total = np.where(seen, (1 - alpha) * total + alpha * np.where(seen, y[:, column], 0.0), total)
        weight = np.where(seen, (1 - alpha) * weight + alpha, weight)
        levels[:, 0 if is_last_only else column] = np.divide(total, weight, out=np.zeros(len(y)), where=weight > 0)
    return levels


def fitted_level(y: Matrix, is_used: Flags, alphas: Matrix) -> Matrix:
    """Level of each row after its last used value, with the one of `alphas` whose one-step errors are smallest."""
    count = len(alphas)
    level = np.full((len(y), count), np.nan)
    squares = np.zeros((len(y), count))
    for column in range(y.shape[1]):
        seen, value = is_used[:, column, None], y[:, column, None]
        error = value - level
        is_new = np.isnan(level)
        squares += np.where(seen & ~is_new, error**2, 0.0)
        level = np.where(seen, np.where(is_new, value, level + alphas * error), level)
    best = np.argmin(squares, axis=1)
    return np.asarray(level[np.arange(len(y)), best])
