"""Weights of evidence of many bins of a rising or falling characteristic, pulled to a line as far as chance says.

Belongs here: counts of ordered bins in, weights of evidence out. Does not: where bins begin and end.

A few hundred bads fill five bins, and five bins tell little of a figure that counts in every place of its range. More
bins whose log odds are a line plus a deviation tell more: the deviations are normal, and how large they are is what the
counts make likeliest (a random effect per bin; the integral by Laplace). The line runs along the values or along their
ranks, whichever fits better.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from orchestration.credit.scorecard.bins import Bins
from orchestration.credit.scorecard.regression import penalised

Floats = npt.NDArray[np.float64]
_SPREADS = (0.03, 0.1, 0.2, 0.4, 0.8, 1.6)
_LINE_RIDGE = 1e-3
_TAILS = (0.01, 0.99)


def smooth_evidence(rows: Floats, bads: Floats, positions: tuple[Floats, ...], *, is_rising: bool) -> Floats:
    """Log odds of good per bin, never against the course. is_rising: the rate of bads may only rise."""
    found = max((_fitted(rows, bads, position) for position in positions), key=lambda fit: fit[0])[1]
    return -_monotone(-found, rows) if is_rising else _monotone(found, rows)


def with_line(bins: Bins, numbers: Floats, codes: npt.NDArray[np.int16], weight: Floats) -> Bins:
    """The bins, the evidence of their ranges pulled to a line; the others as they were."""
    from scipy.stats import norm

    if bins.course not in ("rising", "falling"):
        return bins
    places = [place for place, item in enumerate(bins.bins) if item.kind == "range" and item.weight > 0]
    if len(places) < 3:
        return bins
    is_value = np.isin(codes, places)
    low, high = np.quantile(numbers[is_value], _TAILS)
    sums = np.bincount(
        codes[is_value], weights=weight[is_value] * np.clip(numbers[is_value], low, high), minlength=len(bins.bins)
    )
    rows = np.array([bins.bins[place].weight for place in places])
    bads = np.array([bins.bins[place].bad_weight for place in places])
    ranks = norm.ppf((np.cumsum(rows) - rows / 2) / rows.sum())
    logs = smooth_evidence(
        rows, bads, (_standard(sums[places] / rows, rows), _standard(ranks, rows)), is_rising=bins.course == "rising"
    )
    all_bads = max(sum(item.bad_weight for item in bins.bins), 1e-12)
    all_goods = max(sum(item.weight - item.bad_weight for item in bins.bins), 1e-12)
    made = list(bins.bins)
    for place, log in zip(places, logs, strict=True):
        item = made[place]
        woe = float(log - np.log(all_goods / all_bads))
        share = (item.weight - item.bad_weight) / all_goods - item.bad_weight / all_bads
        moved = woe - item.woe
        made[place] = replace(
            item, woe=woe, woe_low=item.woe_low + moved, woe_high=item.woe_high + moved, iv=max(0.0, float(share * woe))
        )
    return replace(bins, bins=tuple(made))


def _standard(values: Floats, weight: Floats) -> Floats:
    away = values - np.average(values, weights=weight)
    return np.asarray(away / max(float(np.sqrt(np.average(np.square(away), weights=weight))), 1e-12))


def _fitted(rows: Floats, bads: Floats, position: Floats) -> tuple[float, Floats]:
    """Marginal log-likelihood of the likeliest spread, and the log odds of good under it."""
    count = len(rows)
    single = np.column_stack([position, np.eye(count)])
    design = np.vstack([single, single])
    is_good = np.arange(2 * count) < count
    weight = np.concatenate([rows - bads, bads])
    best = (-np.inf, np.zeros(count))
    for spread in _SPREADS:
        found = penalised(design, is_good, weight, np.array([_LINE_RIDGE, *np.full(count, spread**-2)]))
        line = found.line(single)
        likelihood = -float((rows - bads) @ np.logaddexp(0.0, -line) + bads @ np.logaddexp(0.0, line))
        deviation = found.coefficients[1:]
        _, log_determinant = np.linalg.slogdet(found.covariance)
        likelihood += 0.5 * float(log_determinant) - count * np.log(spread)
        likelihood -= 0.5 * float(deviation @ deviation) / spread**2
        if likelihood > best[0]:
            best = (likelihood, line)
    return best


def _monotone(values: Floats, weight: Floats) -> Floats:
    """The nearest rising values (pool adjacent violators)."""
    blocks: list[tuple[float, float, int]] = []
    for value, size in zip(values, weight, strict=True):
        block = (float(value), float(size), 1)
        while blocks and blocks[-1][0] >= block[0]:
            before = blocks.pop()
            total = before[1] + block[1]
            block = ((before[0] * before[1] + block[0] * block[1]) / total, total, before[2] + block[2])
        blocks.append(block)
    return np.repeat([block[0] for block in blocks], [block[2] for block in blocks])
