"""From a score to a probability, and keeping the two apart.

Belongs here: the map and how it is fitted. Does not: points, which stay as they are when a portfolio's rate moves.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from orchestration.credit.scorecard.characteristic import ScorecardError
from orchestration.credit.scorecard.regression import aligned_intercept, fit_regression, penalised
from orchestration.credit.scorecard.settings import Scaling

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
_ENOUGH_FOR_A_SLOPE = 50  # bads, and goods
_ENOUGH_FOR_A_CURVE = 200
_KNOTS = 8
_BEND_RIDGE = 4.0  # slopes change by about 0.5 from knot to knot
_LEAST_SLOPE = 0.05


@dataclass(frozen=True)
class Calibration:
    """ln(odds of good) = intercept + slope · curve(score).

    `curve` is (score − offset) / factor, as scaled, or with knots the broken line through them. A sum of points knows
    no interplay between characteristics, so its odds are off where several good or bad answers come together.
    """

    intercept: float = 0.0
    slope: float = 1.0
    knots: tuple[float, ...] = ()  # rising scores
    curve: tuple[float, ...] = ()  # ln(odds of good) at them

    def log_odds(self, score: npt.NDArray[np.int64] | Floats, scaling: Scaling) -> Floats:
        """ln(odds of good)."""
        given = np.asarray(score, dtype=np.float64)
        if not self.knots:
            return np.asarray(self.intercept + self.slope * (given - scaling.offset) / scaling.factor)
        knots, curve = np.array(self.knots), np.array(self.curve)
        found = np.interp(given, knots, curve)
        first = (curve[1] - curve[0]) / (knots[1] - knots[0])
        last = (curve[-1] - curve[-2]) / (knots[-1] - knots[-2])
        found += np.minimum(given - knots[0], 0.0) * first + np.maximum(given - knots[-1], 0.0) * last
        return np.asarray(self.intercept + self.slope * found)

    def probability(self, score: npt.NDArray[np.int64] | Floats, scaling: Scaling) -> Floats:
        """Probability of bad."""
        return np.asarray(1.0 / (1.0 + np.exp(np.clip(self.log_odds(score, scaling), -500.0, 500.0))))

    def shifted(self, rate_before: float, rate_after: float) -> "Calibration":
        """The same for a portfolio with another share of bads: all odds by one factor."""
        for rate in (rate_before, rate_after):
            if not 0.0 < rate < 1.0:
                raise ScorecardError(f"a rate of bads is {rate}, must lie between 0 and 1")
        before, after = np.log(rate_before / (1 - rate_before)), np.log(rate_after / (1 - rate_after))
        return replace(self, intercept=self.intercept - float(after - before))

    def refitted(self, score: Floats, is_bad: Bools, scaling: Scaling, weight: Floats | None = None) -> "Calibration":
        """Intercept and slope fitted anew to outcomes (Platt), with few of a class the intercept alone.

        The curve stays. Raises ScorecardError without bads or without goods.
        """
        weights = np.ones(len(score)) if weight is None else weight
        bads, goods = int(is_bad.sum()), int((~is_bad).sum())
        if not bads or not goods:
            raise ScorecardError(f"calibration needs goods and bads; there are {goods} goods and {bads} bads")
        line = replace(self, intercept=0.0, slope=1.0).log_odds(score, scaling)
        if min(bads, goods) >= _ENOUGH_FOR_A_SLOPE and float(np.ptp(line)) > 0:
            found = fit_regression(line[:, None], ~is_bad, weights)
            if found.coefficients[0] > 0:
                return replace(self, intercept=found.intercept, slope=float(found.coefficients[0]))
        line = line * self.slope
        return replace(self, intercept=aligned_intercept(line, ~is_bad, weights))


def fit_curve(score: Floats, is_bad: Bools, scaling: Scaling, weight: Floats) -> Calibration:
    """A rising broken line from scores of unseen rows to ln(odds of good); as scaled with few rows.

    Slopes change between knots (quantiles of the bads' and the goods' scores) only as far as the outcomes prove it.
    """
    bads, goods = weight[is_bad].sum(), weight[~is_bad].sum()
    line = (np.asarray(score, dtype=np.float64) - scaling.offset) / scaling.factor
    if min(bads, goods) < _ENOUGH_FOR_A_CURVE or float(np.ptp(line)) <= 0:
        return Calibration()
    shares = np.linspace(0.0, 1.0, _KNOTS + 2)[1:-1]
    inner = np.concatenate([np.quantile(line[is_bad], shares[::2]), np.quantile(line[~is_bad], shares[1::2])])
    inner = np.unique(np.round(inner, 3))
    inner = inner[np.concatenate([[True], np.diff(inner) > 0.05])]
    bends = np.maximum(line[:, None] - inner[None, :], 0.0)
    ridge = np.array([0.01, *np.full(len(inner), _BEND_RIDGE)])
    found = penalised(np.column_stack([line, bends]), ~is_bad, weight, ridge)
    low, high = np.quantile(line, [0.001, 0.999])
    knots = np.unique(np.concatenate([[min(low, inner[0] - 0.5)], inner, [max(high, inner[-1] + 0.5)]]))
    curve = found.line(np.column_stack([knots, np.maximum(knots[:, None] - inner[None, :], 0.0)]))
    # More points are never worse: where chance says so, the line goes on with the least slope.
    rises = np.maximum(np.diff(curve), _LEAST_SLOPE * np.diff(knots))
    middle = len(curve) // 2
    curve = np.concatenate([[0.0], np.cumsum(rises)]) + curve[middle] - rises[:middle].sum()
    fitted = Calibration(0.0, 1.0, tuple(float(scaling.offset + scaling.factor * knot) for knot in knots),
                         tuple(float(value) for value in curve))  # fmt: skip
    return replace(fitted, intercept=aligned_intercept(fitted.log_odds(score, scaling), ~is_bad, weight))
