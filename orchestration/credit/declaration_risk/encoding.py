"""Figures that a model can learn from: how often a code or party was false so far, and how a price compares.

Belongs here: encodings. Does not: which lines they are learnt from (see model.py).

Rates are shrunk to the whole (empirical Bayes with a fixed weight) and count each (code, mass, value) once, since
copies are no further evidence. Encodings of the lines that a model is fitted on come from other lines (folds that keep
copies together): a line's own label in its encoding would teach the model to trust it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestration.credit.declaration_risk.fields import CODE, MASS, PAIRS, RATE, VALUE, categories_of, triples

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
_WEIGHT = 15.0
_PRICE_LEVELS = (CODE, "hs4_code", "hs2_code")


def _text(values: pd.Series) -> pd.Series:
    return values.map(str)


def _texts(fields: pd.DataFrame) -> pd.DataFrame:
    names = categories_of(fields)
    pairs = {
        "+".join(pair): _text(fields[pair[0]]) + "|" + _text(fields[pair[1]])
        for pair in PAIRS
        if all(column in fields.columns for column in pair)
    }
    return pd.concat([fields[list(names)], pd.DataFrame(pairs, index=fields.index)], axis=1)


@dataclass(frozen=True)
class Rates:
    """Share of false lines by value of each category, shrunk; a value that is not known has the whole's share."""

    overall: float
    shares: Mapping[str, pd.Series]

    def of(self, fields: pd.DataFrame) -> Floats:
        """Log odds by line (rows) and category or pair (columns)."""
        texts = _texts(fields)
        found = np.column_stack([texts[name].map(share).fillna(self.overall) for name, share in self.shares.items()])
        return np.asarray(np.log(found / (1.0 - found)), dtype=np.float64)

    def share(self, fields: pd.DataFrame, name: str) -> Floats:
        """Share of one category or pair by line."""
        return np.asarray(_texts(fields)[name].map(self.shares[name]).fillna(self.overall), dtype=np.float64)


def rates(fields: pd.DataFrame, is_false: npt.NDArray[np.bool_]) -> Rates:
    """Rates of these lines; neither 0 nor 1, so that log odds exist."""
    overall = float((is_false.sum() + 0.5) / (len(is_false) + 1.0))
    texts, goods = _texts(fields), triples(fields)
    shares: dict[str, pd.Series] = {}
    for name in texts.columns:
        once = pd.DataFrame({"value": texts[name].to_numpy(), "goods": goods, "false": is_false.astype(float)})
        by_goods = once.groupby(["value", "goods"], sort=False)["false"].mean().groupby(level=0, sort=False)
        total = by_goods.sum()
        shares[str(name)] = (total + _WEIGHT * overall) / (by_goods.size() + _WEIGHT)
    return Rates(overall, shares)


def rates_of_others(
    fields: pd.DataFrame, is_false: npt.NDArray[np.bool_], folds: Sequence[tuple[Integers, Integers]]
) -> Floats:
    """Log odds of each line from the lines of the other folds."""
    found: Floats | None = None
    for others, own in folds:
        part = rates(fields.iloc[others], is_false[others]).of(fields.iloc[own])
        if found is None:
            found = np.empty((len(fields), part.shape[1]))
        found[own] = part
    assert found is not None
    return found


@dataclass(frozen=True)
class Prices:
    """Median value of a kilogram, in logarithms, by code, heading and chapter."""

    overall: float
    medians: Mapping[str, pd.Series]

    def of(self, fields: pd.DataFrame) -> Floats:
        """Mass, value and value of a kilogram in logarithms, the duty rate, and the distance to each median."""
        mass, value = np.log(fields[MASS].to_numpy(float)), np.log(fields[VALUE].to_numpy(float))
        unit = value - mass
        distances = [unit - fields[name].map(self.medians[name]).fillna(self.overall) for name in _PRICE_LEVELS]
        return np.column_stack([mass, value, unit, fields[RATE].to_numpy(float), *distances])

    def ratio(self, fields: pd.DataFrame) -> Floats:
        """Declared value of a kilogram in that of its code's median: far below 1 is what undervaluation looks like."""
        unit = np.log(fields[VALUE].to_numpy(float)) - np.log(fields[MASS].to_numpy(float))
        median = fields[CODE].map(self.medians[CODE]).fillna(self.overall)
        return np.asarray(np.exp(unit - median.to_numpy(float)))


def prices(fields: pd.DataFrame) -> Prices:
    """Medians of these lines; lines without mass or value say nothing."""
    unit = np.log(fields[VALUE].to_numpy(float)) - np.log(fields[MASS].to_numpy(float))
    by_line = pd.Series(unit, index=fields.index)
    overall = float(by_line.median()) if by_line.notna().any() else 0.0
    return Prices(overall, {name: by_line.groupby(fields[name]).median().dropna() for name in _PRICE_LEVELS})
