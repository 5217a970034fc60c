"""Columns that cannot or must not enter a scorecard: empty, constant, or telling the outcome itself.

Belongs here: one column at a time, before bins. Does not: what the regression leaves out.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestration.credit.scorecard.binning import Outcome
from orchestration.credit.scorecard.bins import categories_of, numbers_of
from orchestration.credit.scorecard.card import Note
from orchestration.credit.scorecard.characteristic import Characteristic, ScorecardError
from orchestration.credit.scorecard.settings import ScorecardSettings
from orchestration.credit.scorecard.validation import auc

_SEPARATES = 0.999
# Categories with fewer rows than this on average tell classes apart by chance.
_ROWS_PER_VALUE = 5


def screened(
    frame: pd.DataFrame,
    outcome: Outcome,
    characteristics: Sequence[Characteristic],
    settings: ScorecardSettings,
    notes: list[Note],
) -> list[Characteristic]:
    """The characteristics that can be binned; each other one leaves a note. Raises ScorecardError if none is left."""
    kept = []
    before = len(notes)
    for characteristic in characteristics:
        values = frame[characteristic.name]
        if settings.evidence_column == characteristic.name and values.isna().all():
            raise ScorecardError(f"characteristic {characteristic.name}: is the evidence and has no value")
        note = _objection(values, outcome, characteristic)
        if note is None:
            kept.append(characteristic)
        else:
            notes.append(note)
    if not kept:
        said = "; ".join(f"{note.name} {note.text}" for note in notes[before:])
        raise ScorecardError(f"no characteristic can be used: {said}")
    return kept


def _objection(values: pd.Series, outcome: Outcome, characteristic: Characteristic) -> Note | None:
    name = characteristic.name
    if characteristic.is_categorical:
        place, names = categories_of(values)
        place = place.astype(np.int64)
        count = len(names)
        numbers = None
    else:
        numbers, is_unseen = numbers_of(values, name)
        if is_unseen.any() and np.isnan(numbers).all():
            example = str(values[is_unseen].iloc[0])
            raise ScorecardError(f"characteristic {name}: {example!r} is no number; declare it as a category")
        distinct, place = np.unique(numbers, return_inverse=True)
        count = len(distinct) - int(np.isnan(numbers).any())
        place = np.where(np.isnan(numbers), -1, place)
    if count == 0:
        return Note(name, "all_missing", "has no value in any row: left out")
    if count == 1 and not (place < 0).any():
        return Note(name, "constant", "has the same value in all rows: left out")
    if _separates(place, count, numbers, outcome):
        return Note(name, "separates", "tells goods from bads without error: leak suspicion, left out")
    return None


def _separates(
    place: npt.NDArray[np.int64], count: int, numbers: npt.NDArray[np.float64] | None, outcome: Outcome
) -> bool:
    flags = outcome.is_bad
    if min(int(flags.sum()), int((~flags).sum())) < _ROWS_PER_VALUE:
        return False
    if count * _ROWS_PER_VALUE <= len(place):
        bads = np.bincount(place + 1, weights=flags, minlength=count + 1)
        rows = np.bincount(place + 1, minlength=count + 1)
        errors = float(np.minimum(bads, rows - bads).sum())
        if errors <= (1.0 - _SEPARATES) * min(float(flags.sum()), float((~flags).sum())):
            return True
    if numbers is None:
        return False
    is_value = ~np.isnan(numbers)
    known = flags[is_value]
    if is_value.mean() < 0.5 or min(int(known.sum()), int((~known).sum())) < _ROWS_PER_VALUE:
        return False
    return abs(2.0 * auc(numbers[is_value], known) - 1.0) >= 2.0 * _SEPARATES - 1.0
