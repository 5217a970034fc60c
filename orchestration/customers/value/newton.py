"""Newton's method for a handful of parameters that must be positive.

Belongs here: the climb, and what the curvature at the top says. Does not: any likelihood.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]
# log-likelihood, its gradient and its Hessian at the logarithms of the parameters
Curve = Callable[[Reals], tuple[float, Reals, Reals]]

MOST_STEPS = 80
LONGEST_STEP = 2.0  # in logarithms: a factor of seven
# Beyond these a parameter is not found but runs away: the data do not say where it lies.
LOWEST_LOG, HIGHEST_LOG = -9.0, 9.0
# Along a ridge that is flatter than this a 90 % interval covers more than four orders of magnitude.
FLATTEST = 0.1
Z_90 = 1.6448536269514722


@dataclass(frozen=True, eq=False)
class Normal:
    """What was known before: independent normal distributions of the logarithms."""

    mean: Reals
    deviation: Reals

    def added_to(self, curve: Curve) -> Curve:
        """The curve with this knowledge in it."""

        def both(theta: Reals) -> tuple[float, Reals, Reals]:
            value, gradient, hessian = curve(theta)
            off = (theta - self.mean) / self.deviation
            return (
                value - 0.5 * float(off @ off),
                gradient - off / self.deviation,
                hessian - np.diag(self.deviation**-2),
            )

        return both


@dataclass(frozen=True, eq=False)
class Top:
    """The highest point that was found, in logarithms: where, how high, its curvature, and whether it is one.

    The logarithms are those of the parameters above `above`, each of which is 0 unless it is said.
    """

    theta: Reals
    value: float
    hessian: Reals
    is_interior: bool
    above: tuple[float, ...] = ()

    @property
    def parameters(self) -> Reals:
        """The parameters themselves."""
        return self._of(self.theta)

    def covariance(self) -> Reals:
        """Covariance of the logarithms from the observed information.

        At a bound, or where amounts are all equal, the curve may bend upwards: there the parameter counts as unknown.
        """
        values, vectors = np.linalg.eigh(-self.hessian)
        known = np.maximum(values, FLATTEST)
        return np.asarray((vectors / known) @ vectors.T, dtype=np.float64)

    def intervals(self) -> tuple[Reals, Reals]:
        """Lower and upper ends of 90 % intervals of the parameters, symmetric in the logarithms."""
        wide = Z_90 * np.sqrt(np.diag(self.covariance()))
        return self._of(self.theta - wide), self._of(self.theta + wide)

    def _of(self, theta: Reals) -> Reals:
        return np.exp(theta) + (np.array(self.above) if self.above else 0.0)


def highest(curve: Curve, starts: Iterable[Reals], *, tolerance: float = 1e-9) -> Top:
    """The highest of the points to which Newton's method climbs from each start.

    Where the curve is not concave it climbs by the gradient, bent towards the curvature (Levenberg and Marquardt).
    `is_interior` is false when the climb ended at a bound or on a ridge: then there is no maximum to speak of.
    """
    tops = [_climb(curve, np.clip(start, LOWEST_LOG, HIGHEST_LOG), tolerance) for start in starts]
    return max(tops, key=lambda top: (top.is_interior, top.value))


def _climb(curve: Curve, theta: Reals, tolerance: float) -> Top:
    value, gradient, hessian = curve(theta)
    damping = 1e-3
    for _ in range(MOST_STEPS):
        step = _step(gradient, hessian, damping)
        # What Newton promises to gain; below the tolerance nothing is left to gain.
        if 0.5 * float(gradient @ step) < tolerance * max(1.0, abs(value)) * 1e-3:
            break
        length = float(np.abs(step).max())
        if length > LONGEST_STEP:
            step = step * (LONGEST_STEP / length)
        tried = np.clip(theta + step, LOWEST_LOG, HIGHEST_LOG)
        found = curve(tried)
        if np.isfinite(found[0]) and found[0] > value:
            theta, (value, gradient, hessian) = tried, found
            damping = max(damping * 0.1, 1e-12)
        else:
            damping *= 10
            if damping > 1e9:
                break
    is_inside = bool((np.abs(theta) < HIGHEST_LOG - 0.01).all())
    is_peak = bool((np.linalg.eigvalsh(-hessian) > FLATTEST).all()) if np.isfinite(hessian).all() else False
    return Top(theta, value, hessian, is_inside and is_peak)


def _step(gradient: Reals, hessian: Reals, damping: float) -> Reals:
    values, vectors = np.linalg.eigh(-hessian)
    # Directions in which the curve bends upwards are climbed as if it bent downwards as much.
    bent = np.maximum(np.abs(values), 1e-8 * max(1.0, float(np.abs(values).max()))) * (1 + damping)
    step: Reals = vectors @ ((vectors.T @ gradient) / bent)
    return step
