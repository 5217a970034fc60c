"""How well a ranking of declarations finds the false ones.

Belongs here: measures. Does not: models.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SHARES = (0.05, 0.10)


@dataclass(frozen=True)
class Precision:
    """Share of false lines among those that would be inspected, all lines or only unseen ones."""

    rows: int
    base_rate: float
    at_5: float
    at_10: float


def precision(is_false: npt.ArrayLike, probability: npt.ArrayLike) -> Precision:
    """Precision of inspecting the 5 and the 10 % with the highest probability; ties in the order of the lines.

    Raises ValueError for no lines.
    """
    outcome = np.asarray(is_false, dtype=float)
    if not len(outcome):
        raise ValueError("there is no line to judge")
    order = np.argsort(-np.asarray(probability, dtype=float), kind="stable")
    at = [float(outcome[order[: max(1, round(share * len(outcome)))]].mean()) for share in SHARES]
    return Precision(len(outcome), float(outcome.mean()), *at)
