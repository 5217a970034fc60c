"""Characteristics of anyone's columns: which are numbers or categories, which values are codes, what to leave out.

Belongs here: guesses from the data, each one told. Does not: guesses of directions, which the bins decide.
"""

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestration.credit.scorecard.bins import numbers_of
from orchestration.credit.scorecard.card import Note
from orchestration.credit.scorecard.characteristic import Characteristic

_IDENTIFIER_SHARE = 0.5
_FEW_ROWS = 50
_NEGATIVE_CODES = (-1.0, -2.0, -3.0, -4.0, -5.0, -6.0, -7.0, -8.0, -9.0, -88.0, -98.0, -99.0, -999.0, -9999.0, -99999.0)
_MOST_CODES = 4
_GAP = 3.0
_SAMPLE = 500
_DATE = (
    r"^(\d{4}-\d{1,2}(-\d{1,2}.*)?|\d{4}/\d{1,2}/\d{1,2}.*|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}.*"
    r"|(\d{1,2}-)?[A-Za-z]{3}-\d{2,4})$"
)
_IDENTIFIER_NAME = re.compile(r"(^|[_\W])(id|key|no|number|index|unnamed)([_\W]|$)")


def characteristics_of(
    frame: pd.DataFrame, *, leave_out: Sequence[str] = ()
) -> tuple[list[Characteristic], list[Note]]:
    """A characteristic per usable column, without directions, and a note per column that is left out or has codes.

    Texts are categories unless nearly all are numbers; identifiers, dates and empty columns are left out. Codes among
    numbers (negative ones where all else is not negative; 96, 98, 999 far above all else) get bins of their own.
    """
    found, notes = [], []
    for column in frame.columns:
        name = str(column)
        if name in leave_out:
            continue
        values = frame[column]
        if values.isna().all():
            notes.append(Note(name, "all_missing", "has no value in any row: left out"))
            continue
        if _is_date(values):
            notes.append(Note(name, "date", "is a date: left out; turn it into an age or a duration"))
            continue
        is_number = _is_number(values)
        if _is_identifier(name, values, is_number):
            notes.append(Note(name, "identifier", "nearly every row has a value of its own: left out"))
            continue
        if not is_number:
            found.append(Characteristic(name, is_categorical=True))
            continue
        codes = special_codes(numbers_of(values, name)[0])
        if codes:
            listed = ", ".join(f"{code:g}" for code in codes)
            notes.append(Note(name, "codes", f"{listed}: taken as code(s) and not as quantities"))
        found.append(Characteristic(name, specials={code: f"code {code:g}" for code in codes}))
    return found, notes


def special_codes(numbers: npt.NDArray[np.float64]) -> list[float]:
    """Values that look like codes: a few negative whole numbers beside none, or 9…6 to 9…9 beyond a wide gap."""
    distinct = np.unique(numbers[np.isfinite(numbers)])
    if len(distinct) < 3:
        return []
    codes: list[float] = []
    negative = distinct[distinct < 0]
    if (
        0 < len(negative) <= _MOST_CODES
        and np.isin(negative, _NEGATIVE_CODES).all()
        and len(distinct) > 2 * len(negative)
    ):
        codes += [float(value) for value in negative]
    rest = distinct[distinct >= 0] if codes else distinct
    high = [float(value) for value in rest[-_MOST_CODES:] if _is_nines(float(value))]
    # The codes are the topmost values; what is below them must end far away.
    while high and len(rest) > len(high) + 1:
        ordinary = float(rest[len(rest) - len(high) - 1])
        if rest[-len(high)] == high[0] and high[0] >= _GAP * max(ordinary, 1.0):
            codes += high
            break
        high = high[1:]
    return codes


def _is_nines(value: float) -> bool:
    if not value.is_integer() or value < 90:
        return False
    text = str(int(value))
    return set(text[:-1]) == {"9"} and text[-1] in "6789"


def _is_number(values: pd.Series) -> bool:
    if pd.api.types.is_bool_dtype(values):
        return False
    if pd.api.types.is_numeric_dtype(values):
        return True
    if isinstance(values.dtype, pd.CategoricalDtype):
        return False
    # Numbers that were written as text; a rare word among them is an unseen value.
    numbers, is_word = numbers_of(values, str(values.name))
    told = int(np.isfinite(numbers).sum())
    return told > 0 and int(is_word.sum()) < 0.05 * told


def _is_date(values: pd.Series) -> bool:
    if pd.api.types.is_datetime64_any_dtype(values) or isinstance(values.dtype, pd.PeriodDtype):
        return True
    if pd.api.types.is_numeric_dtype(values) or isinstance(values.dtype, pd.CategoricalDtype):
        return False
    texts = values.dropna().head(_SAMPLE).astype(str).str.strip()
    return len(texts) > 0 and bool(texts.str.match(_DATE).mean() > 0.95)


def _is_identifier(name: str, values: pd.Series, is_number: bool) -> bool:
    known = values.dropna()
    if len(known) < _FEW_ROWS:
        return False
    share = known.nunique() / len(known)
    if not is_number:
        return share > _IDENTIFIER_SHARE
    # A running number: whole, all different, and without gaps, or with gaps and a name that says so.
    numbers, _ = numbers_of(known, name)
    if share < 1.0 or not np.isfinite(numbers).all() or (numbers != np.rint(numbers)).any():
        return False
    is_named = bool(_IDENTIFIER_NAME.search(name.lower()))
    return is_named or float(np.ptp(numbers)) + 1 <= 1.05 * len(numbers)
