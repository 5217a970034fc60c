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
    from scipy.signal import lfilter

    used = np.where(is_used, y, 0.0)
    # Unknown values before the first one change nothing; only rows with gaps need the recursion that waits.
    has_gap = (is_used[:, :-1] & ~is_used[:, 1:]).any(axis=1)
    levels = np.zeros((len(y), 1 if is_last_only else y.shape[1]))
    kept = slice(-1, None) if is_last_only else slice(None)
    plain = ~has_gap if has_gap.any() else slice(None)
    total, weight = (
        lfilter([alpha], [1.0, alpha - 1.0], part[plain], axis=1)[:, kept]
        for part in (used, is_used.astype(np.float64))
    )
    levels[plain] = np.divide(total, weight, out=np.zeros_like(total), where=weight > 0)
    if has_gap.any():
        levels[has_gap] = _waiting_levels(used[has_gap], is_used[has_gap], alpha)[:, kept]
    return levels


def _waiting_levels(used: Matrix, is_used: Flags, alpha: float) -> Matrix:
    """`running_levels` of rows with gaps: an unknown value leaves the level as it was."""
    levels = np.zeros(used.shape)
    total, weight = np.zeros(len(used)), np.zeros(len(used))
    for column in range(used.shape[1]):
        seen = is_used[:, column]
        total = np.where(seen, (1 - alpha) * total + alpha * used[:, column], total)
        weight = np.where(seen, (1 - alpha) * weight + alpha, weight)
        levels[:, column] = np.divide(total, weight, out=np.zeros(len(used)), where=weight > 0)
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
