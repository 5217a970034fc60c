"""From a score to a probability, and keeping the two apart.

Belongs here: the map and how it is fitted. Does not: points, which stay as they are when a portfolio's rate moves.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from orchestration.credit.scorecard.characteristic import ScorecardError
from orchestration.credit.scorecard.regression import fit_regression
from orchestration.credit.scorecard.settings import Scaling

Floats = npt.NDArray[np.float64]
_ENOUGH_FOR_A_SLOPE = 50  # bads, and goods


@dataclass(frozen=True)
class Calibration:
    """ln(odds of good) = intercept + slope · (score − offset) / factor. As scaled: intercept 0, slope 1."""

    intercept: float = 0.0
    slope: float = 1.0

    def probability(self, score: npt.NDArray[np.int64] | Floats, scaling: Scaling) -> Floats:
        """Probability of bad."""
        line = self.intercept + self.slope * (np.asarray(score, dtype=np.float64) - scaling.offset) / scaling.factor
        return np.asarray(1.0 / (1.0 + np.exp(np.clip(line, -500.0, 500.0))))

    def shifted(self, rate_before: float, rate_after: float) -> "Calibration":
        """The same for a portfolio with another share of bads: all odds by one factor."""
        for rate in (rate_before, rate_after):
            if not 0.0 < rate < 1.0:
                raise ScorecardError(f"a rate of bads is {rate}, must lie between 0 and 1")
        before, after = np.log(rate_before / (1 - rate_before)), np.log(rate_after / (1 - rate_after))
        return replace(self, intercept=self.intercept - float(after - before))


def fit_calibration(
    score: Floats, is_bad: npt.NDArray[np.bool_], scaling: Scaling, weight: Floats | None = None
) -> Calibration:
    """Calibration to outcomes (Platt): slope and intercept, or with few of a class the intercept alone.

    Raises ScorecardError without bads or without goods.
    """
    bads, goods = int(is_bad.sum()), int((~is_bad).sum())
    if not bads or not goods:
        raise ScorecardError(f"calibration needs goods and bads; there are {goods} goods and {bads} bads")
    weights = np.ones(len(score)) if weight is None else weight
    line = (np.asarray(score, dtype=np.float64) - scaling.offset) / scaling.factor
    if min(bads, goods) >= _ENOUGH_FOR_A_SLOPE and float(np.ptp(line)) > 0:
        found = fit_regression(line[:, None], ~is_bad, weights)
        if found.coefficients[0] > 0:
            return Calibration(found.intercept, float(found.coefficients[0]))
    from orchestration.credit.scorecard.regression import aligned_intercept

    return Calibration(aligned_intercept(line, ~is_bad, weights), 1.0)
