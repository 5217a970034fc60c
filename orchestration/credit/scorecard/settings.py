"""Settings of a scorecard, with the reasons of their defaults.

Belongs here: numbers that somebody may want to change. Does not: what is learnt from data.
"""

import math
from dataclasses import dataclass

from orchestration.credit.scorecard.characteristic import ScorecardError


@dataclass(frozen=True)
class Scaling:
    """How ln(odds good : bad) becomes points: `odds` to one at `score`, and `double` points double the odds."""

    score: float = 600.0
    odds: float = 50.0
    double: float = 20.0

    @property
    def factor(self) -> float:
        """Points per unit of ln(odds): 28.8539 by default (`domain.md` d)."""
        return self.double / math.log(2.0)

    @property
    def offset(self) -> float:
        """Points at odds of one to one: 487.1229 by default."""
        return self.score - self.factor * math.log(self.odds)


@dataclass(frozen=True)
class Grade:
    """A grade holds every probability up to `most_probability` that no better grade holds."""

    name: str
    most_probability: float


GRADES = (
    Grade("A", 0.01),
    Grade("B", 0.025),
    Grade("C", 0.05),
    Grade("D", 0.10),
    Grade("E", 0.20),
    Grade("F", 1.0),
)


@dataclass(frozen=True)
class ScorecardSettings:
    """Everything that a fit may be told.

    Bins: a coarse bin holds `least_share` of the rows, but more than `enough_rows` are not asked for as long as it
    holds `least_share_large`: 5 % of a thousand rows is little evidence, 1 % of a hundred thousand is much.
    `evidence_column` names the column that tells how much is known of a row (orders, months); a row with
    `thin_evidence` of it is pulled half-way to the portfolio. None as `thin_evidence` has it estimated.
    """

    least_share: float = 0.05
    least_share_large: float = 0.01
    enough_rows: int = 200
    least_of_a_class: float = 3.0  # goods, and bads, in a coarse bin
    enough_of_both: float = 50.0  # with as many goods and bads a bin may be smaller: rare bads sit in small tails
    most_bins: int = 12
    fine_bins: int = 64
    bin_penalty: float = 0.5  # what one more bin must add to the log-likelihood
    turn_penalty: float = 6.0  # what a course that turns must add, where the direction is free
    prior_bads: float = 3.0  # bads of the portfolio's rate that are added to every bin
    least_iv: float = 0.02
    leak_iv: float = 0.5
    # Above 0: so many bins of a rising or falling characteristic, their evidence pulled to a line (`smoothing.py`).
    line_bins: int = 0
    folds: int = 5  # weights of evidence for the regression come from the other folds; 0: from all rows
    is_pulled: bool = True  # coefficients are pulled together as far as their errors say (`regression.py`)
    ridge: float = 0.0
    is_calibrated: bool = True  # the map from score to probability may bend, where there are enough bads
    seed: int = 20260301
    scaling: Scaling = Scaling()
    grades: tuple[Grade, ...] = GRADES
    evidence_column: str = ""
    thin_evidence: float | None = None
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if not 0 < self.least_share_large <= self.least_share < 0.5:
            raise ScorecardError("least_share_large and least_share must be above 0 and below 0.5, in this order")
        if self.most_bins < 2 or self.fine_bins < self.most_bins:
            raise ScorecardError("most_bins must be at least 2 and fine_bins at least most_bins")
        bounds = [grade.most_probability for grade in self.grades]
        if not bounds or bounds != sorted(set(bounds)) or bounds[-1] < 1.0:
            raise ScorecardError("grades must have rising probabilities, the last of them 1")
        if len({grade.name for grade in self.grades}) < len(self.grades):
            raise ScorecardError("two grades have the same name")

    def least_rows(self, row_count: float) -> float:
        """Rows that a coarse bin must hold."""
        return max(self.least_share_large * row_count, min(self.least_share * row_count, float(self.enough_rows)))
