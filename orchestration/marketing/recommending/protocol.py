"""Choice and proof in time order: fit before, choose on a validation period, judge on what came after.

Belongs here: periods, the table of models and figures, the recommender that is used afterwards. Does not: models.

Protocol. Past | validation | test, by time. Weights and the choice of model come from the validation period alone; for
the test all is fitted again on past and validation. Judged are customers with a purchase before the test and in it;
the target is every item bought in the test. `repeats`: with them all items count, whatever the customer has had;
without them neither lists nor targets hold items that the customer had before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from orchestration.marketing.recommending.attributes import Attributes
from orchestration.marketing.recommending.blend import NEW_NAMES, Blend, fit_blend, usual_blend
from orchestration.marketing.recommending.interactions import (
    Flags,
    Integers,
    Interactions,
    InteractionsError,
    Matrix,
    Reals,
    Scores,
)
from orchestration.marketing.recommending.metrics import NOTHING, Figures, figures_of, hits_of, ndcg_of, top_items
from orchestration.marketing.recommending.past import past_of
from orchestration.marketing.recommending.signals import SINGLES, Signals, single_scores

BLEND = "blend"
VALIDATION, TEST = "validation", "test"
SCORE_COLUMNS = ("period", "target", "model", "is_chosen", "customers", "recall", "ndcg", "coverage", "novelty")
# Fewer customers than these say nothing about which model is better: the usual blend is taken.
FEWEST_TO_CHOOSE, FEWEST_TO_FIT = 30, 5
MOST_JUDGED = 500
SURE = 1.64


@dataclass(frozen=True)
class Periods:
    """The validation period begins, the test begins, the test ends."""

    validation: float
    test: float
    end: float


def default_periods(interactions: Interactions) -> Periods:
    """Validation and test are the last two tenths of the interactions, whole times; InteractionsError for one time."""
    times = interactions.time
    if len(times) == 0 or times.min() == times.max():
        raise InteractionsError("all interactions are of the same time: there is no before and after")
    end = float(times.max())
    test = float(times[min(int(0.9 * len(times)), len(times) - 1)])
    test = test if test > times.min() else end
    earlier = times[times < test]
    validation = float(earlier[min(int(8 / 9 * len(earlier)), len(earlier) - 1)])
    if validation <= earlier.min():
        validation = test
    return Periods(validation, test, float(np.nextafter(end, np.inf)))


@dataclass(frozen=True, eq=False)
class Recommender:
    """What was chosen, ready for any customer of its past; `known` and `new` are for those with and without history."""

    signals: Signals
    chosen: str
    known: Blend
    new: Blend

    def scores(self, customers: Integers) -> Scores:
        """customers x items, larger is better; of those without history by what is popular with people like them."""
        found = np.empty((len(customers), self.signals.past.seen.shape[1]), dtype=np.float32)
        has = self.signals.past.item_count[customers] > 0
        if has.any():
            found[has] = scores_of(self.signals, self.chosen, self.known, customers[has])
        if not has.all():
            found[~has] = self.new.score(self.signals, customers[~has])
        return found

    def top(
        self, customers: Integers, k: int, *, allowed: Flags | None = None, without: Matrix | None = None
    ) -> tuple[Integers, Scores]:
        """customers x k items, best first and -1 where there are no more, and their scores.

        allowed: items that may be shown; without: customers x items (all customers) not to show.
        """
        size = self.signals.block_size
        lists = np.full((len(customers), k), -1, dtype=np.int64)
        values = np.zeros((len(customers), k), dtype=np.float32)
        for start in range(0, len(customers), size):
            block = customers[start : start + size]
            scores = self.scores(block)
            _hide(scores, allowed, None if without is None else without[block])
            found = top_items(scores, k)
            lists[start : start + size] = found
            values[start : start + size] = np.take_along_axis(scores, np.maximum(found, 0), axis=1)
        return lists, values


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The table (`SCORE_COLUMNS`), what was chosen, and its weights; `periods` as they were used."""

    table: pd.DataFrame
    chosen: str
    known: Blend
    new: Blend
    periods: Periods

    def recommender(
        self, interactions: Interactions, until: float, attributes: Attributes | None = None
    ) -> Recommender:
        """The chosen model, fitted on all before `until`."""
        return Recommender(
            Signals(past_of(interactions, until), attributes or Attributes()), self.chosen, self.known, self.new
        )


def scores_of(signals: Signals, model: str, blend: Blend, customers: Integers) -> Scores:
    """Scores of the blend or of a single model."""
    return blend.score(signals, customers) if model == BLEND else single_scores(signals, model, customers)


@dataclass(frozen=True, eq=False)
class Split:
    """Interactions with the signals before the validation and before the test, which several evaluations share."""

    interactions: Interactions
    periods: Periods
    before: Signals
    after: Signals


def split_of(interactions: Interactions, attributes: Attributes | None = None, periods: Periods | None = None) -> Split:
    """Interactions cut at the periods (by default the last two tenths)."""
    periods = periods or default_periods(interactions)
    attributes = attributes or Attributes()
    before, after = (Signals(past_of(interactions, one), attributes) for one in (periods.validation, periods.test))
    return Split(interactions, periods, before, after)


def evaluate(
    split: Split,
    *,
    k: int = 20,
    repeats: bool = True,
    singles: Sequence[str] = SINGLES,
    is_validation_shown: bool = False,
    most_judged: int | None = None,
) -> Evaluation:
    """Choose on the validation period, judge on the test; every single model stands beside the choice.

    most_judged: judge so many customers at most, drawn once and the same for all models.
    """
    interactions, periods, before, after = split.interactions, split.periods, split.before, split.after
    bought = interactions.between(periods.validation, periods.test).pairs()
    warm, cold = _judged(before, bought, repeats)
    known, chosen = _choose(before, bought, warm, singles, k, repeats)
    new = fit_blend(before, bought, cold, names=NEW_NAMES) if len(cold) >= FEWEST_TO_FIT else usual_blend(NEW_NAMES)
    judged = _Judged(known, singles, k, repeats, most_judged)
    rows = judged.figures(before, bought, warm, VALIDATION) if is_validation_shown else []
    came = interactions.between(periods.test, periods.end).pairs()
    rows += judged.figures(after, came, _judged(after, came, repeats)[0], TEST)
    rows += judged.cold_figures(after, came, new)
    rows = [row for row in rows if row[3]] or rows[:1]
    table = pd.DataFrame(rows, columns=[name for name in SCORE_COLUMNS if name != "is_chosen"])
    table.insert(3, "is_chosen", table["model"] == chosen)
    return Evaluation(table, chosen, known, new, periods)


def _judged(signals: Signals, bought: Matrix, repeats: bool) -> tuple[Integers, Integers]:
    """Customers who bought in the period: those with history, and those without."""
    target = bought if repeats else _without(bought, signals.past.owned)
    has_bought = np.diff(target.indptr) > 0
    has_history = signals.past.item_count > 0
    return np.flatnonzero(has_bought & has_history), np.flatnonzero(has_bought & ~has_history)


def _choose(
    signals: Signals, bought: Matrix, warm: Integers, singles: Sequence[str], k: int, repeats: bool
) -> tuple[Blend, str]:
    """The blend's weights from three in four customers; whether it or a single model is better for the fourth."""
    if len(warm) < FEWEST_TO_FIT:
        return usual_blend(repeats=repeats), BLEND
    if len(warm) < FEWEST_TO_CHOOSE:
        return fit_blend(signals, bought, warm, repeats=repeats), BLEND
    shuffled = np.random.default_rng(20261101).permutation(warm)
    held, used = np.sort(shuffled[: len(warm) // 4][:MOST_JUDGED]), np.sort(shuffled[len(warm) // 4 :])
    blend = fit_blend(signals, bought, used, repeats=repeats)
    ours = _ndcg(signals, BLEND, blend, bought, held, k, repeats)
    better = {}
    for model in singles:
        gain = _ndcg(signals, model, blend, bought, held, k, repeats) - ours
        # The blend can be any of them, so a single model must be better beyond chance.
        if gain.mean() > SURE * gain.std() / np.sqrt(len(gain)):
            better[model] = float(gain.mean())
    # What signals count is settled; their weights may now come from everybody.
    told = tuple(name for name, weight in blend.weights.items() if weight)
    blend = fit_blend(signals, bought, warm, names=told, repeats=repeats)
    return blend, max(better, key=lambda model: better[model]) if better else BLEND


def _ndcg(
    signals: Signals, model: str, blend: Blend, bought: Matrix, customers: Integers, k: int, repeats: bool
) -> np.ndarray:
    target = bought[customers] if repeats else _without(bought[customers], signals.past.owned[customers])
    hits = hits_of(lists_of(signals, model, blend, customers, k, repeats), target)
    return ndcg_of(hits, np.diff(target.indptr).astype(np.int64))


def lists_of(signals: Signals, model: str, blend: Blend, customers: Integers, k: int, repeats: bool) -> Integers:
    """customers x k items of a model."""
    lists = np.empty((len(customers), k), dtype=np.int64)
    for start in range(0, len(customers), signals.block_size):
        block = customers[start : start + signals.block_size]
        scores = scores_of(signals, model, blend, block)
        _hide(scores, None, None if repeats else signals.past.owned[block])
        lists[start : start + len(block)] = top_items(scores, k)
    return lists


@dataclass(frozen=True)
class _Judged:
    """What is judged and how; makes rows of the table."""

    blend: Blend
    singles: Sequence[str]
    k: int
    repeats: bool
    most: int | None

    def figures(self, signals: Signals, bought: Matrix, customers: Integers, period: str) -> list[tuple[object, ...]]:
        """Customers with history, by the blend and every single model."""
        customers = self._drawn(customers)
        target = bought[customers] if self.repeats else _without(bought[customers], signals.past.owned[customers])
        words = "all" if self.repeats else "new to the customer"
        return [
            _row(period, words, model, figures_of(self.lists(signals, model, customers), target, _share(signals)))
            for model in (BLEND, *self.singles)
        ]

    def cold_figures(self, signals: Signals, bought: Matrix, new: Blend) -> list[tuple[object, ...]]:
        """Customers whose first purchase falls into the test: the blend for them beside what is popular."""
        cold = self._drawn(_judged(signals, bought, True)[1])
        judged = replace(self, blend=new, repeats=True)
        return [
            _row(
                TEST,
                "customers without history",
                model,
                figures_of(judged.lists(signals, model, cold), bought[cold], _share(signals)),
            )
            for model in (BLEND, *(one for one in self.singles if one.startswith("popularity")))
        ]

    def _drawn(self, customers: Integers) -> Integers:
        if self.most is None or len(customers) <= self.most:
            return customers
        return np.sort(np.random.default_rng(7).choice(customers, self.most, replace=False))

    def lists(self, signals: Signals, model: str, customers: Integers) -> Integers:
        return lists_of(signals, model, self.blend, customers, self.k, self.repeats)


def _share(signals: Signals) -> Reals:
    return signals.past.buyers / max(1, int((signals.past.item_count > 0).sum()))


def _row(period: str, target: str, model: str, figures: Figures) -> tuple[object, ...]:
    return (
        period, target, model, figures.customers, figures.recall, figures.ndcg, figures.coverage, figures.novelty,
    )  # fmt: skip


def _hide(scores: Scores, allowed: Flags | None, without: Matrix | None) -> None:
    if allowed is not None:
        scores[:, ~allowed] = NOTHING
    if without is not None:
        row = np.repeat(np.arange(without.shape[0]), np.diff(without.indptr))
        scores[row, without.indices] = NOTHING


def _without(bought: Matrix, owned: Matrix) -> Matrix:
    """What was bought and not owned before."""
    left = (bought - bought.multiply(owned)).tocsr()
    left.eliminate_zeros()
    return left
