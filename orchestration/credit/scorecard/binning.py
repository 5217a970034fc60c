"""Learning the bins of one characteristic: fine bins, merged into coarse ones with a course, and weights of evidence.

Belongs here: one column at a time. Does not: which columns enter a model (see `selection.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestration.credit.scorecard.bins import (
    Bin,
    BinKind,
    Bins,
    categories_of,
    group_label,
    limit_between,
    numbers_of,
    range_label,
)
from orchestration.credit.scorecard.characteristic import Characteristic
from orchestration.credit.scorecard.merging import Course, Demands, divide
from orchestration.credit.scorecard.settings import ScorecardSettings
from orchestration.credit.scorecard.smoothing import with_line

Floats = npt.NDArray[np.float64]
_MOST_RARE = 1000
_FREE_UP_TO = 12  # distinct values: with so few, numbers may be codes of categories
_Z = 1.959963984540054


@dataclass(frozen=True)
class Outcome:
    """Who turned out bad, with weights that say for how many rows a row stands as evidence.

    What can be learnt hangs on the rarer class, so its weights are brought to Kish's effective number and the others
    follow: a good row that was seen for a fifth of the time counts a fifth, and a bad one still counts one.
    """

    is_bad: npt.NDArray[np.bool_]
    weight: Floats

    @classmethod
    def of(cls, is_bad: npt.NDArray[np.bool_], weight: Floats | None) -> "Outcome":
        """Outcome with weights brought to the effective number; without weights each row counts one."""
        if weight is None:
            return cls(is_bad, np.ones(len(is_bad)))
        is_rarer = is_bad if weight[is_bad].sum() <= weight[~is_bad].sum() else ~is_bad
        scale = float(weight[is_rarer].sum()) / float((weight[is_rarer] ** 2).sum())
        return cls(is_bad, weight * scale)

    def part(self, chosen: npt.NDArray[np.bool_]) -> "Outcome":
        """The outcome of some rows."""
        return Outcome(self.is_bad[chosen], self.weight[chosen])

    @property
    def rate(self) -> float:
        """Weighted share of bads."""
        return float(self.weight[self.is_bad].sum() / self.weight.sum())


def fit_bins(values: pd.Series, outcome: Outcome, characteristic: Characteristic, settings: ScorecardSettings) -> Bins:
    """Bins of a column, whose course is the stated one, or the best one where the direction is free."""
    rate, row_count = outcome.rate, float(outcome.weight.sum())
    demands = Demands(
        least_rows=settings.least_rows(row_count),
        least_of_a_class=settings.least_of_a_class,
        enough_of_both=settings.enough_of_both,
        bin_penalty=settings.bin_penalty,
        turn_penalty=settings.turn_penalty,
        most_bins=settings.most_bins,
        prior_rows=settings.prior_bads / min(rate, 1.0 - rate),
        base_rate=rate,
    )
    course: Course = "free"
    if characteristic.is_categorical:
        found = _groups(values, outcome, demands)
    else:
        found, course = _ranges(values, outcome, characteristic, demands, settings)
    uncounted = Bins(characteristic, course, (*found, _blank("missing", "missing"), _blank("unseen", "unseen")))
    codes = uncounted.codes(values)
    counted = replace(uncounted, bins=_counted(uncounted.bins, codes, outcome, demands))
    if not settings.line_bins or not characteristic.direction or characteristic.is_categorical:
        return counted
    return with_line(counted, numbers_of(values, characteristic.name)[0], codes, outcome.weight)


def _blank(
    kind: BinKind,
    label: str,
    limits: tuple[float | None, float | None] = (None, None),
    values: tuple[str, ...] = (),
    special: float | None = None,
) -> Bin:
    """A bin before it is counted."""
    return Bin(kind, label, *limits, values, special, 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def _ranges(
    values: pd.Series,
    outcome: Outcome,
    characteristic: Characteristic,
    demands: Demands,
    settings: ScorecardSettings,
) -> tuple[list[Bin], Course]:
    numbers, _ = numbers_of(values, characteristic.name)
    specials = sorted(characteristic.specials)
    is_value = ~np.isnan(numbers) & ~np.isin(numbers, specials)
    finite = numbers[is_value & np.isfinite(numbers)]
    # A ratio to nothing is infinite: it counts with the largest number, and no limit lies at infinity.
    ends_at = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)
    distinct, place = np.unique(np.clip(numbers[is_value], *ends_at), return_inverse=True)
    courses: tuple[Course, ...]
    if characteristic.direction:
        courses = ("falling",) if characteristic.direction > 0 else ("rising",)
    else:
        courses = ("rising", "falling", "peak", "valley")
        if 2 < len(distinct) <= _FREE_UP_TO:
            courses = (*courses, "free")
    limits: list[float] = []
    course: Course = courses[0]
    if len(distinct) > 1:
        part = outcome.part(is_value)
        rows: Floats = np.bincount(place, weights=part.weight, minlength=len(distinct)).astype(np.float64)
        bads = np.bincount(place, weights=part.weight * part.is_bad, minlength=len(distinct)).astype(np.float64)
        starts = _fine_starts(rows, bads, settings.line_bins or settings.fine_bins)
        first = [int(start) for start in starts[1:]]
        if not settings.line_bins or not characteristic.direction:
            starts = _fine_starts(rows, bads, settings.fine_bins)
            division = divide(np.add.reduceat(rows, starts), np.add.reduceat(bads, starts), courses, demands)
            first = [int(starts[limit]) for limit in division.limits]
            course = division.course
        limits = [limit_between(float(distinct[start - 1]), float(distinct[start])) for start in first]
    ends: list[float | None] = [None, *limits, None]
    is_whole = bool((distinct == np.rint(distinct)).all()) and all(limit.is_integer() for limit in limits)
    found = [_blank("range", range_label(lower, upper, is_whole), (lower, upper)) for lower, upper in pairwise(ends)]
    found += [_blank("special", characteristic.specials[value], special=value) for value in specials]
    return found, course


def _fine_starts(rows: Floats, bads: Floats, fine_bins: int) -> npt.NDArray[np.int64]:
    """Where fine bins start among the distinct values: quantiles, and a frequent value has its own.

    Half of them are quantiles of all rows and half of the bads, who may all sit in a tail of one row in a hundred.
    """
    count = len(rows)
    if count <= fine_bins:
        return np.arange(count)
    amount = rows / rows.sum() + (bads / bads.sum() if bads.sum() > 0 else rows / rows.sum())
    share = 2.0 / fine_bins
    middle = np.cumsum(amount) - amount / 2
    quantile = np.floor(middle / share)
    is_frequent = amount >= share
    is_start = np.ones(count, dtype=np.bool_)
    is_start[1:] = (quantile[1:] != quantile[:-1]) | is_frequent[1:] | is_frequent[:-1]
    return np.flatnonzero(is_start)


def _groups(values: pd.Series, outcome: Outcome, demands: Demands) -> list[Bin]:
    """Categories with neighbouring rates of bads together; what is rare counts as one category."""
    place, names = categories_of(values)
    if not names:
        return []
    is_value = place >= 0
    part = outcome.part(is_value)
    rows = np.bincount(place[is_value], weights=part.weight, minlength=len(names))
    bads = np.bincount(place[is_value], weights=part.weight * part.is_bad, minlength=len(names))
    is_rare = (rows < demands.least_rows / 4) & (np.minimum(bads, rows - bads) < demands.enough_of_both / 2)
    members = [[int(number)] for number in np.flatnonzero(~is_rare)]
    if is_rare.any():
        rare = sorted(
            (int(number) for number in np.flatnonzero(is_rare)), key=lambda number: (-rows[number], names[number])
        )
        # Free text has no end of values: those beyond the list are as good as unseen.
        members.append(rare[:_MOST_RARE])
    sizes: Floats = np.array([rows[group].sum() for group in members], dtype=np.float64)
    bad_sizes: Floats = np.array([bads[group].sum() for group in members], dtype=np.float64)
    rate = (bad_sizes + demands.prior_rows * demands.base_rate) / (sizes + demands.prior_rows)
    # Ties by name, so that the order in which rows come changes nothing.
    order = sorted(range(len(members)), key=lambda number: (rate[number], min(names[m] for m in members[number])))
    division = divide(sizes[order], bad_sizes[order], ("rising",), demands)
    ends = [0, *division.limits, len(order)]
    found = []
    for start, end in pairwise(ends):
        chosen = [number for item in order[start:end] for number in members[item]]
        group = tuple(sorted(names[number] for number in chosen))
        found.append(_blank("group", group_label(group), values=group))
    return found


def _counted(bins: Sequence[Bin], codes: npt.NDArray[np.int16], outcome: Outcome, demands: Demands) -> tuple[Bin, ...]:
    """The bins with what was seen in them.

    The rate of a bin is pulled to the portfolio's by a few rows, so a bin without bads has a finite weight of evidence
    and an empty one has none. Its interval is that of the log odds in the bin (delta method).
    """
    size = len(bins)
    rows = np.bincount(codes, minlength=size)
    bad_rows = np.bincount(codes[outcome.is_bad], minlength=size)
    weight = np.bincount(codes, weights=outcome.weight, minlength=size)
    bad_weight = np.bincount(codes, weights=outcome.weight * outcome.is_bad, minlength=size)
    prior_bads = demands.prior_rows * demands.base_rate
    bads = bad_weight + prior_bads
    goods = weight - bad_weight + demands.prior_rows - prior_bads
    base = np.log(demands.base_rate) - np.log1p(-demands.base_rate)
    woe = np.where(weight > 0, np.log(goods) - np.log(bads) + base, 0.0)
    if size and bins[-1].kind == "unseen":
        # A value without history is neutral, whatever stood in the same column as text.
        woe[-1] = 0.0
    error = np.sqrt(1.0 / goods + 1.0 / bads)
    all_bads = max(float(bad_weight.sum()), 1e-12)
    all_goods = max(float((weight - bad_weight).sum()), 1e-12)
    iv = ((weight - bad_weight) / all_goods - bad_weight / all_bads) * woe
    return tuple(
        replace(
            item,
            row_count=int(rows[number]),
            bad_count=int(bad_rows[number]),
            weight=float(weight[number]),
            bad_weight=float(bad_weight[number]),
            woe=float(woe[number]),
            woe_low=float(woe[number] - _Z * error[number]),
            woe_high=float(woe[number] + _Z * error[number]),
            iv=max(0.0, float(iv[number])),
        )
        for number, item in enumerate(bins)
    )
