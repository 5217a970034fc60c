"""What the models would have said some time ago, beside what was bought since, and beside a naive guess.

Belongs here: the hold-out, the groups, the scores. Does not: the models.

The hold-out is the last third of the known time, at most half a year. The models see what was bought before it. The
naive guess is that each customer buys as often, and for as much, as in the time of the same length before.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from orchestration.customers.purchases import Flags, Purchases, Rows
from orchestration.customers.value.fitting import MarketModels, fit_market, histories_of
from orchestration.customers.value.newton import Reals
from orchestration.customers.value.prediction import predict

MOST_DAYS, FEWEST_DAYS = 182, 28
FEWEST_CUSTOMERS = 10
TOP_SHARE = 0.1
GROUPS: tuple[tuple[str, int, int], ...] = (
    ("all", 1, 2**31),
    ("1 purchase", 1, 1),
    ("2 purchases", 2, 2),
    ("3 to 4 purchases", 3, 4),
    ("5 purchases or more", 5, 2**31),
)


@dataclass(frozen=True)
class Score:
    """One group of customers in the hold-out: sums, errors per customer, and how well the best were found.

    The lowest and highest of the sum of purchases are those of a 90 % interval, of the group of all only. top_found_pct
    is the share of all value that was brought by the tenth of the customers who were thought to bring most.
    """

    group: str
    customers: int
    actual_purchases: int
    expected_purchases: float
    low_purchases: float | None
    high_purchases: float | None
    naive_purchases: int
    actual_usd: float
    expected_usd: float
    naive_usd: float
    rmse_purchases: float
    naive_rmse_purchases: float
    mae_purchases: float
    naive_mae_purchases: float
    cover_purchases_pct: float
    cover_value_pct: float
    top_found_pct: float | None
    naive_top_found_pct: float | None


@dataclass(frozen=True, eq=False)
class BackTest:
    """The hold-out's first and last day, the models of its beginning, and the scores."""

    first_day: int
    last_day: int
    models: MarketModels
    scores: tuple[Score, ...]


def back_test(purchases: Purchases) -> BackTest | None:
    """The test on the end of what is known; None where the time or the customers are too few."""
    if len(purchases.day) == 0:
        return None
    days = min(MOST_DAYS, (purchases.end - int(purchases.day.min()) + 1) // 3)
    cut = purchases.end - days
    state = purchases.state(cut)
    if days < FEWEST_DAYS or int(state.has_bought.sum()) < FEWEST_CUSTOMERS:
        return None
    histories = histories_of(state, state.has_bought)
    models = fit_market(state, histories)
    found = predict(models, state, histories, state.amount, {"test": days}).horizons["test"]
    now, before = purchases.state(), purchases.state(cut - days)
    actual, naive = now.count - state.count, state.count - before.count
    value, naive_value = now.amount - state.amount, state.amount - before.amount
    is_in_count = (actual >= found.purchases.low) & (actual <= found.purchases.high)
    is_in_value = (value >= found.value.low - 0.005) & (value <= found.value.high + 0.005)
    scores = []
    for group, of in _groups(state.count):
        is_all = group == "all"
        expected = found.purchases.expected[of]
        scores.append(
            Score(
                group=group,
                customers=int(of.sum()),
                actual_purchases=int(actual[of].sum()),
                expected_purchases=float(expected.sum()),
                low_purchases=found.total.low if is_all else None,
                high_purchases=found.total.high if is_all else None,
                naive_purchases=int(naive[of].sum()),
                actual_usd=float(value[of].sum()),
                expected_usd=float(found.value.expected[of].sum()),
                naive_usd=float(naive_value[of].sum()),
                rmse_purchases=float(np.sqrt(((expected - actual[of]) ** 2).mean())),
                naive_rmse_purchases=float(np.sqrt(((naive[of] - actual[of]) ** 2).mean())),
                mae_purchases=float(np.abs(expected - actual[of]).mean()),
                naive_mae_purchases=float(np.abs(naive[of] - actual[of]).mean()),
                cover_purchases_pct=100 * float(is_in_count[of].mean()),
                cover_value_pct=100 * float(is_in_value[of].mean()),
                top_found_pct=_top_found(found.value.expected[of], value[of]) if is_all else None,
                naive_top_found_pct=_top_found(naive_value[of], value[of]) if is_all else None,
            )
        )
    return BackTest(cut + 1, purchases.end, models, tuple(scores))


def _groups(count: Rows) -> Iterator[tuple[str, Flags]]:
    for group, fewest, most in GROUPS:
        of = (count >= fewest) & (count <= most)
        if of.any():
            yield group, of


def _top_found(guess: Reals, actual: Reals) -> float | None:
    """Percent of the value that the tenth of customers with the highest guesses brought; equal guesses share."""
    total = float(actual.sum())
    if total <= 0:
        return None
    wanted = max(1, int(np.ceil(TOP_SHARE * len(guess))))
    edge = np.partition(guess, len(guess) - wanted)[len(guess) - wanted]
    above, tied = guess > edge, guess == edge
    share = (wanted - above.sum()) / tied.sum()
    return 100 * float(actual[above].sum() + share * actual[tied].sum()) / total
