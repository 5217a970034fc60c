"""The probability that a declaration line is false.

Belongs here: fitting and scoring. Does not: reading files or tables.

Two groups of boosted trees, their mean: one sees codes and amounts as they are and so knows goods that come again; the
other sees rates and relative prices, counts copies once, and so tells more of goods that nobody has inspected.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestration.credit.declaration_risk.encoding import Prices, Rates, prices, rates, rates_of_others
from orchestration.credit.declaration_risk.fields import (
    CODE,
    DeclarationError,
    categories_of,
    checked,
    is_unseen,
    triples,
)
from orchestration.threads import one_thread

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

Floats = npt.NDArray[np.float64]
ORIGIN_PAIR = f"{CODE}+origin_country"
_FOLDS = 5
_MEMBERS = 3


class _Trees(Protocol):
    def predict_proba(self, rows: Floats) -> Floats:
        """Chances of true and false by row."""
        ...


@dataclass(frozen=True)
class DeclarationRisk:
    """A fitted model: `score` gives probabilities and the three signals behind them."""

    extra: tuple[str, ...]
    known: pd.DataFrame
    codes: Mapping[str, pd.Series]
    rates: Rates
    prices: Prices
    of_known: tuple[_Trees, ...]
    of_all: tuple[_Trees, ...]

    def score(self, declarations: pd.DataFrame) -> pd.DataFrame:
        """By line: probability, is_unseen, unit_value_ratio, origin_false_share, code_false_share.

        unit_value_ratio: declared value of a kilogram in the median of its code. The shares are those of the code with
        its origin, and of the code, among inspected lines, shrunk to the whole. Same index as `declarations`.
        """
        fields = checked(declarations, self.extra)
        raw = np.column_stack([_coded(fields, self.codes), self.prices.of(fields)])
        general = np.column_stack([self.rates.of(fields), self.prices.of(fields)])
        with one_thread():
            members = [one.predict_proba(raw)[:, 1] for one in self.of_known]
            members += [one.predict_proba(general)[:, 1] for one in self.of_all]
        has_origin = ORIGIN_PAIR in self.rates.shares and "origin_country" in fields.columns
        return pd.DataFrame(
            {
                "probability": np.mean(members, axis=0),
                "is_unseen": is_unseen(fields, self.known),
                "unit_value_ratio": self.prices.ratio(fields),
                "origin_false_share": self.rates.share(fields, ORIGIN_PAIR) if has_origin else np.nan,
                "code_false_share": self.rates.share(fields, CODE),
            },
            index=declarations.index,
        )


def fit_declaration_risk(
    declarations: pd.DataFrame, is_false: npt.ArrayLike, *, extra: Sequence[str] = (), seed: int = 20260301
) -> DeclarationRisk:
    """Learn from inspected lines, in the order of their days (older first); `extra`: further categories to use.

    Raises DeclarationError when a field is wrong, a label is missing or all labels are the same.
    """
    label = pd.Series(np.asarray(is_false)).astype("boolean")
    if len(label) != len(declarations):
        raise DeclarationError(f"{len(declarations)} declarations but {len(label)} labels")
    if label.isna().any():
        raise DeclarationError(f"row {int(label.isna().to_numpy().argmax()) + 1}: its label is missing")
    outcome = label.to_numpy(bool)
    if outcome.all() or not outcome.any():
        raise DeclarationError("every declaration has the same label: there is nothing to tell apart")
    fields = checked(declarations, extra)
    goods = triples(fields)
    if len(np.unique(goods)) < 2 * _FOLDS:
        raise DeclarationError(f"{len(np.unique(goods))} different goods are too few: {2 * _FOLDS} are needed")
    codes = {name: _numbered(fields[name]) for name in categories_of(fields)}
    own_prices, own_rates = prices(fields), rates(fields, outcome)
    from sklearn.model_selection import GroupKFold

    folds = list(GroupKFold(_FOLDS, shuffle=True, random_state=seed % 2**31).split(goods, groups=goods))
    raw = np.column_stack([_coded(fields, codes), own_prices.of(fields)])
    general = np.column_stack([rates_of_others(fields, outcome, folds), own_prices.of(fields)])
    once = 1.0 / np.bincount(goods)[goods]
    with one_thread():
        of_known = tuple(_trees(seed + number).fit(raw, outcome) for number in range(_MEMBERS))
        of_all = tuple(_trees(seed + number).fit(general, outcome, sample_weight=once) for number in range(_MEMBERS))
    return DeclarationRisk(tuple(extra), fields, codes, own_rates, own_prices, of_known, of_all)


def _numbered(values: pd.Series) -> pd.Series:
    known = np.unique(values.to_numpy(dtype=str))
    return pd.Series(np.arange(len(known), dtype=float), index=known)


def _coded(fields: pd.DataFrame, codes: Mapping[str, pd.Series]) -> Floats:
    """Numbers of the categories; NaN for a value that no inspected line has."""
    return np.column_stack([fields[name].map(numbers).to_numpy(float) for name, numbers in codes.items()])


def _trees(seed: int) -> "HistGradientBoostingClassifier":
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=150,
        learning_rate=0.05,
        max_leaf_nodes=31,
        min_samples_leaf=20,
        l2_regularization=5.0,
        max_features=0.4,
        random_state=seed % 2**31,
    )
