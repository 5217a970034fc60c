"""The challenger: boosted trees under the same directions, on the same rows, so the price of explanations can be seen.

Belongs here: one model to compare with. Does not: decisions; no score of it is ever published.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestration.credit.scorecard.bins import categories_of, numbers_of
from orchestration.credit.scorecard.characteristic import Characteristic, ScorecardError, require_distinct
from orchestration.credit.scorecard.fitting import checked_outcome

Floats = npt.NDArray[np.float64]
_MOST_CATEGORIES = 200


class _Trees(Protocol):
    def predict_proba(self, rows: Floats) -> Floats:
        """Chances of good and bad by row."""
        ...


@dataclass(frozen=True)
class ChallengerSettings:
    """Size and patience of the trees; few rows get few and small trees."""

    rounds: int = 350
    learning_rate: float = 0.03
    most_leaves: int = 24
    least_leaf_share: float = 0.001
    least_leaf_rows: int = 20
    ridge: float = 5.0
    column_share: float = 0.5
    members: int = 1
    seed: int = 20260301


@dataclass(frozen=True)
class Challenger:
    """Fitted trees and the codes of the categories that they know."""

    characteristics: tuple[Characteristic, ...]
    categories: tuple[tuple[str, ...], ...]
    members: tuple[_Trees, ...]

    def probability(self, frame: pd.DataFrame) -> Floats:
        """Probability of bad of every row."""
        rows = _encoded(frame, self.characteristics, self.categories)
        return np.asarray(np.mean([member.predict_proba(rows)[:, 1] for member in self.members], axis=0))


def fit_challenger(
    frame: pd.DataFrame,
    is_bad: pd.Series | npt.NDArray[np.bool_],
    characteristics: Sequence[Characteristic],
    *,
    weight: Floats | None = None,
    settings: ChallengerSettings | None = None,
) -> Challenger:
    """Histogram gradient boosting with the characteristics' directions as monotone constraints.

    Specials are missing values with a flag of their own; a column without any value says nothing and harms nothing.
    Raises ScorecardError as `fit_scorecard` does, and where no column has a value.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    settings = settings or ChallengerSettings()
    require_distinct(characteristics)
    outcome = checked_outcome(frame, is_bad, weight)
    absent = [item.name for item in characteristics if item.name not in frame.columns]
    if absent:
        raise ScorecardError(f"the frame lacks column(s) {', '.join(absent)}")
    categories = tuple(_frequent(frame[item.name]) if item.is_categorical else () for item in characteristics)
    rows = _encoded(frame, characteristics, categories)
    is_empty = np.isnan(rows).all(axis=0)
    if all(frame[item.name].isna().all() for item in characteristics):
        raise ScorecardError("no characteristic has a value in any row: nothing to tell apart")
    # The trees cannot divide a column without a value; with the same value in all rows they never ask for it.
    rows[:, is_empty] = 0.0
    flags = [len(item.specials) for item in characteristics]
    directions = [-item.direction for item in characteristics] + [0] * sum(flags)
    is_category = [item.is_categorical for item in characteristics] + [False] * sum(flags)
    members = tuple(
        HistGradientBoostingClassifier(
            max_iter=settings.rounds,
            learning_rate=settings.learning_rate,
            max_leaf_nodes=settings.most_leaves if len(frame) >= 5000 else 6,
            min_samples_leaf=max(settings.least_leaf_rows, int(settings.least_leaf_share * len(frame))),
            l2_regularization=settings.ridge,
            max_features=settings.column_share,
            monotonic_cst=directions,
            categorical_features=is_category if any(is_category) else None,
            early_stopping=False,
            random_state=settings.seed + number,
        ).fit(rows, outcome.is_bad, sample_weight=outcome.weight)
        for number in range(settings.members)
    )
    return Challenger(tuple(characteristics), categories, members)


def _frequent(values: pd.Series) -> tuple[str, ...]:
    """The most frequent categories, as many as trees can hold."""
    place, names = categories_of(values)
    counts = np.bincount(place[place >= 0], minlength=len(names))
    order = sorted(range(len(names)), key=lambda number: (-counts[number], names[number]))
    return tuple(names[number] for number in order[:_MOST_CATEGORIES])


def _encoded(
    frame: pd.DataFrame, characteristics: Sequence[Characteristic], categories: Sequence[tuple[str, ...]]
) -> Floats:
    columns: list[Floats] = []
    flags: list[Floats] = []
    for item, known in zip(characteristics, categories, strict=True):
        values = frame[item.name]
        if item.is_categorical:
            place, names = categories_of(values)
            index = {name: float(number) for number, name in enumerate(known)}
            # All that is rare or new is one category.
            columns.append(np.array([*(index.get(name, float(len(known))) for name in names), np.nan])[place])
            continue
        numbers, _ = numbers_of(values, item.name)
        numbers = numbers.copy()
        for special in sorted(item.specials):
            is_special = numbers == special
            flags.append(is_special.astype(np.float64))
            numbers[is_special] = np.nan
        columns.append(numbers)
    return np.column_stack([*columns, *flags])
