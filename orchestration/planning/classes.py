"""Classes of products: how much they are worth (ABC) and how much they vary (XYZ) (domain.md f).

Belongs here: the two rules with their thresholds. Does not: what is done with a class.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class ClassRules:
    """Thresholds. The variation is that of four weeks: a day of parcels always varies by more than a quarter."""

    a_until_pct: float = 80.0
    b_until_pct: float = 95.0
    x_until_cv: float = 0.25
    y_until_cv: float = 0.75


def abc_classes(value: pd.Series, rules: ClassRules) -> pd.Series:
    """A for the largest values that make up the first 80 %, B up to 95 %, C for the others and for no value at all."""
    turn = value.fillna(0.0).sort_values(ascending=False, kind="stable")
    total = float(turn.sum())
    before = (turn.cumsum() - turn) / total * 100 if total > 0 else turn * 0 + 100
    found = np.where((before < rules.a_until_pct) & (turn > 0), "A", np.where(before < rules.b_until_pct, "B", "C"))
    return pd.Series(np.where(turn > 0, found, "C"), index=turn.index).reindex(value.index)


def xyz_classes(four_weeks: pd.DataFrame, periods: int, rules: ClassRules) -> pd.Series:
    """By product: X, Y or Z. four_weeks: product_id, period, sold_qty; a period without a row sold nothing."""
    sums = four_weeks.assign(square=four_weeks["sold_qty"] ** 2).groupby("product_id")[["sold_qty", "square"]].sum()
    mean = sums["sold_qty"] / periods
    cv = np.sqrt(np.maximum(sums["square"] / periods - mean**2, 0.0)) / mean.where(mean > 0)
    found = np.where(cv <= rules.x_until_cv, "X", np.where(cv <= rules.y_until_cv, "Y", "Z"))
    return pd.Series(found, index=sums.index)
