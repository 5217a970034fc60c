"""Bins of one characteristic, and which bin each value falls into.

Belongs here: learnt bins as plain data, and looking values up. Does not: learning them (see `binning.py`).

The bins stand in a fixed order: ranges (or groups of categories), specials, missing, unseen. A range holds its lower
limit and not its upper one; the first and the last are open, so every number has a bin. What cannot be placed (a
category that was not there in training, a text where numbers are) goes to `unseen`, whose weight of evidence is zero.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestration.credit.scorecard.characteristic import Characteristic, ScorecardError
from orchestration.credit.scorecard.merging import Course

BinKind = Literal["range", "group", "special", "missing", "unseen"]
Codes = npt.NDArray[np.int16]
_SHOWN_VALUES = 4
_NOTHING = ("", "na", "n/a", "nan", "null", "none", "?", ".", "-")
_SIGNS = re.compile(r"[\s$€£¥￥%]+")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")


@dataclass(frozen=True)
class Bin:
    """One bin: what it holds, what was seen in it, and its weight of evidence ln(share of goods / share of bads)."""

    kind: BinKind
    label: str
    lower: float | None  # of a range; None is open
    upper: float | None
    values: tuple[str, ...]  # of a group of categories
    special: float | None
    row_count: int
    bad_count: int
    weight: float  # rows as weighted
    bad_weight: float
    woe: float
    woe_low: float
    woe_high: float
    iv: float

    @property
    def label_zh(self) -> str:
        """The label with its English joints in Chinese; categories stay as they are written."""
        if self.kind == "range":
            return self.label.replace(" to ", " 至 ").replace("any", "任意值")
        if self.kind == "group" and len(self.values) > _SHOWN_VALUES:
            return "、".join(self.values[:_SHOWN_VALUES]) + f" 等 {len(self.values)} 类"
        return "、".join(self.values) if self.kind == "group" else self.label


@dataclass(frozen=True)
class Bins:
    """A characteristic with its learnt bins."""

    characteristic: Characteristic
    course: Course
    bins: tuple[Bin, ...]

    @property
    def iv(self) -> float:
        """Information value: the sum over the bins."""
        return float(sum(item.iv for item in self.bins))

    @cached_property
    def woe(self) -> npt.NDArray[np.float64]:
        """Weight of evidence by bin code."""
        return np.array([item.woe for item in self.bins], dtype=np.float64)

    @property
    def is_constant(self) -> bool:
        """Whether no bin says more than another."""
        seen = [item for item in self.bins if item.row_count]
        return len(seen) < 2

    def code_of(self, kind: BinKind) -> int:
        """The code of the bin for missing or unseen values."""
        return next(number for number, item in enumerate(self.bins) if item.kind == kind)

    def codes(self, values: pd.Series) -> Codes:
        """The code of each value's bin."""
        return self._category_codes(values) if self.characteristic.is_categorical else self._number_codes(values)

    def _number_codes(self, values: pd.Series) -> Codes:
        numbers, is_unseen = numbers_of(values, self.characteristic.name)
        ranges = [item for item in self.bins if item.kind == "range"]
        limits = np.array([item.lower for item in ranges[1:]], dtype=np.float64)
        codes = np.searchsorted(limits, numbers, side="right").astype(np.int16)
        for number, item in enumerate(self.bins):
            if item.kind == "special":
                codes[numbers == item.special] = number
        codes[np.isnan(numbers)] = self.code_of("missing")
        codes[is_unseen] = self.code_of("unseen")
        return codes

    def _category_codes(self, values: pd.Series) -> Codes:
        places, names = categories_of(values)
        by_name = {name: number for number, item in enumerate(self.bins) for name in item.values}
        unseen = self.code_of("unseen")
        # The last place is for those without a category: place -1.
        table = np.array([*(by_name.get(name, unseen) for name in names), self.code_of("missing")], dtype=np.int16)
        return table[places]


def numbers_of(values: pd.Series, name: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Values as numbers (NaN: missing), and which are no numbers at all. Dates are refused."""
    if pd.api.types.is_datetime64_any_dtype(values) or isinstance(values.dtype, pd.PeriodDtype):
        raise ScorecardError(f"characteristic {name}: is a date; turn it into an age or a duration")
    if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        return numbers, np.zeros(len(numbers), dtype=np.bool_)
    # Each distinct text is read once.
    places, distinct = pd.factorize(values.astype(object), use_na_sentinel=True)
    read = [number_of_text(str(value)) for value in distinct]
    is_word = np.array([number is None for number in read] + [False], dtype=np.bool_)
    parsed = np.array([np.nan if number is None else number for number in read] + [np.nan], dtype=np.float64)
    return parsed[places], is_word[places]


def number_of_text(text: str) -> float | None:
    """The number that a text tells, with thousands, percent and currency signs; NaN if it is empty, None if a word."""
    plain = _SIGNS.sub("", text)
    if plain.lower() in _NOTHING:
        return float("nan")
    if _THOUSANDS.fullmatch(plain):
        plain = plain.replace(",", "")
    try:
        return float(plain)
    except ValueError:
        return None


def categories_of(values: pd.Series) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Place of each value in the list of category texts; -1 is missing (also an empty text)."""
    places, distinct = pd.factorize(values, use_na_sentinel=True)
    names = [_category_text(value) for value in distinct]
    index: dict[str, int] = {}
    translated = np.array([index.setdefault(name, len(index)) if name else -1 for name in names] + [-1], dtype=np.int64)
    return translated[places], list(index)


def _category_text(value: object) -> str:
    # A column of whole numbers becomes floats as soon as one is missing; its categories must stay the same.
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def range_label(lower: float | None, upper: float | None, is_whole: bool = False) -> str:
    """`< 3`, `3 to < 10`, `≥ 10`; of whole numbers `≤ 2`, `3 to 9`, `≥ 10`; `any` without limits."""
    if lower is None and upper is None:
        return "any"
    if upper is None:
        return f"≥ {number_text(lower or 0.0)}"
    if lower is None:
        return f"≤ {number_text(upper - 1)}" if is_whole else f"< {number_text(upper)}"
    if not is_whole:
        return f"{number_text(lower)} to < {number_text(upper)}"
    return number_text(lower) if upper - lower == 1 else f"{number_text(lower)} to {number_text(upper - 1)}"


def group_label(values: tuple[str, ...]) -> str:
    """The first categories of a group and how many more there are."""
    shown = ", ".join(values[:_SHOWN_VALUES])
    return shown if len(values) <= _SHOWN_VALUES else f"{shown} and {len(values) - _SHOWN_VALUES} more"


def number_text(value: float) -> str:
    """A number in as few digits as tell it: 1,200 or 0.05."""
    if value.is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:.10g}"


def limit_between(low: float, high: float) -> float:
    """The number with the fewest digits that is above `low` and not above `high`."""
    if not np.isfinite(high):
        return high
    if not np.isfinite(low):
        low = high - max(1.0, abs(high))
    for digits in range(-int(np.floor(np.log10(high - low))) - 2, 320):
        candidate = _floor_to(high, digits)
        if candidate is None:
            break
        if low < candidate <= high:
            return candidate
    return high


def _floor_to(value: float, digits: int) -> float | None:
    """`value` rounded down to decimal digits (negative: tens); None where a float cannot tell any more."""
    if digits > 17:
        return None
    scaled = np.floor(value * 10.0**digits)
    return float(scaled / 10.0**digits) if digits >= 0 else float(scaled * 10.0**-digits)
