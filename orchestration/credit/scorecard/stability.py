"""Whether today's rows are still those that a scorecard was fitted on: PSI with a test, drift, sensitivity.

Belongs here: comparisons of two sets of rows, and of one with a changed value. Does not: outcomes (`validation.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestration.credit.scorecard.card import Scorecard
from orchestration.credit.scorecard.characteristic import ScorecardError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Shift:
    """Population stability index, what chance alone would make of it, and how likely chance is."""

    psi: float
    chance_psi: float  # the 95th percentile if nothing had moved
    p_value: float
    freedom: int
    size: str  # "small" below 0.1, "moderate" to 0.25, "large"

    @property
    def has_moved(self) -> bool:
        """Whether the shift is both larger than a habit calls small and beyond chance at 1 %."""
        return self.psi >= 0.1 and self.p_value < 0.01


def psi(before: Sequence[float] | Floats, after: Sequence[float] | Floats) -> Shift:
    """Population stability index of two counts over the same bins, with its significance.

    If both are drawn from one distribution, PSI / (1/n + 1/m) is about chi-squared with bins − 1 degrees of freedom
    (arXiv 2303.01227), so small samples reach 0.1 by chance and large ones are proven to move far below it. Half a row
    is added to each bin, so that an empty one costs much but not everything; bins empty on both sides are left out.
    """
    from scipy.stats import chi2

    first, second = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    if first.shape != second.shape:
        raise ScorecardError(f"PSI needs the same bins: {len(first)} and {len(second)}")
    used = (first + second) > 0
    first, second = first[used], second[used]
    n, m = float(first.sum()), float(second.sum())
    if n <= 0 or m <= 0:
        raise ScorecardError("PSI needs rows on both sides")
    p, q = (first + 0.5) / (n + 0.5 * len(first)), (second + 0.5) / (m + 0.5 * len(second))
    value = float(((q - p) * np.log(q / p)).sum())
    freedom = len(first) - 1
    noise = 1.0 / n + 1.0 / m
    chance = float(chi2.ppf(0.95, freedom) * noise) if freedom else 0.0
    p_value = float(chi2.sf(value / noise, freedom)) if freedom else 1.0
    size = "small" if value < 0.1 else "moderate" if value <= 0.25 else "large"
    return Shift(value, chance, p_value, freedom, size)


def score_shift(card: Scorecard, frame: pd.DataFrame) -> Shift:
    """Shift of scores against the rows that the card was fitted on, over its ten parts."""
    score = card.score(frame)["score"].to_numpy()
    limits = np.array(card.development.score_limits)
    now = np.bincount(np.searchsorted(limits, score, side="right"), minlength=len(limits) + 1).astype(np.float64)
    return psi(np.array(card.development.score_shares) * card.development.row_count, now)


def feature_drift(card: Scorecard, frame: pd.DataFrame) -> pd.DataFrame:
    """Per characteristic: PSI over its bins with its test, share missing then and now, and mean points lost or won."""
    codes = card.codes(frame)
    rows = []
    for place, part in enumerate(card.parts):
        size = len(part.bins.bins)
        before = np.array([float(item.row_count) for item in part.bins.bins])
        now = np.bincount(codes[:, place], minlength=size).astype(np.float64)
        shift = psi(before, now)
        points = np.array(part.points, dtype=np.float64)
        missing = part.bins.code_of("missing")
        rows.append(
            {
                "name": part.characteristic.name,
                "psi": shift.psi,
                "chance_psi": shift.chance_psi,
                "p_value": shift.p_value,
                "has_moved": shift.has_moved,
                "missing_share_before": before[missing] / before.sum(),
                "missing_share_now": now[missing] / now.sum(),
                "points_change": float((points * now).sum() / now.sum() - (points * before).sum() / before.sum()),
            }
        )
    return pd.DataFrame(rows)


def sensitivity(
    card: Scorecard,
    frame: pd.DataFrame,
    *,
    factors: Sequence[float] = (0.8, 0.9, 1.1, 1.2),
    cut_off: float | None = None,
) -> pd.DataFrame:
    """What one characteristic alone does to scores: each number times a factor, and each value missing.

    Per characteristic and change: mean and largest change of the score, share of rows with another grade, and change of
    the share at or above `cut_off`. Specials and missing values stay; categories can only be missing.
    """
    before = card.score(frame)
    rows = []
    for part in card.parts:
        name = part.characteristic.name
        changes: list[tuple[str, pd.Series]] = []
        values = frame[name]
        if not part.characteristic.is_categorical:
            numbers = pd.to_numeric(values, errors="coerce").astype(np.float64)
            is_special = numbers.isin(list(part.characteristic.specials))
            changes = [(f"× {factor:g}", numbers.where(is_special, numbers * factor)) for factor in factors]
        changes.append(("missing", pd.Series(np.nan, index=values.index, dtype=object)))
        for change, changed in changes:
            after = card.score(frame.assign(**{name: changed}))
            moved = (after["score"] - before["score"]).to_numpy(dtype=np.float64)
            row = {
                "name": name,
                "change": change,
                "mean_change_points": float(moved.mean()),
                "largest_change_points": float(moved[np.argmax(np.abs(moved))]),
                "grade_moved_share": float((after["grade"].astype(str) != before["grade"].astype(str)).mean()),
            }
            if cut_off is not None:
                share = float((after["score"] >= cut_off).mean() - (before["score"] >= cut_off).mean())
                row["approved_share_change"] = share
            rows.append(row)
    return pd.DataFrame(rows)
