"""Scores, returning, cohorts, rules, movements, tastes: each on customers with a story."""

import numpy as np
import pytest

from orchestration.customers.purchases import Tastes
from orchestration.customers.retention import cohorts, is_gone, returning, rhythm, survival
from orchestration.customers.rfm import quantile_scores
from orchestration.customers.segments.agreement import adjusted_rand
from orchestration.customers.segments.movement import movements
from orchestration.customers.segments.rules import NAMES, Figures, figures_of, rules_in_words, segments
from orchestration.customers.segments.tastes import taste_clusters
from tests.customers_purchases import purchases_of

FIGURES = Figures(usual_gap=30.0, half_back=40.0, nearly_back=120.0, frequent=4, valuable_usd=500.0)


def day(text: str) -> int:
    return int(np.datetime64(text, "D").astype(np.int64))


def test_equals_share_a_score_and_the_fifths_are_fifths() -> None:
    assert quantile_scores(np.arange(10.0)).tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    # Six of ten bought once: their middle lies at three tenths.
    assert quantile_scores(np.array([1, 1, 1, 1, 1, 1, 2, 2, 3, 9])).tolist() == [2, 2, 2, 2, 2, 2, 4, 4, 5, 5]
    assert quantile_scores(np.array([7.0])).tolist() == [3]
    assert quantile_scores(np.array([])).tolist() == []


def test_who_still_waits_counts_as_waiting() -> None:
    # Ten waited: one came back on day 2, one on day 5; three were watched for three days only.
    days = np.array([2, 5, 3, 3, 3, 9, 9, 9, 9, 9])
    curve = survival(days, np.array([True, True] + [False] * 8))
    assert curve.open_share[2] == pytest.approx(0.9)
    assert curve.open_share[5] == pytest.approx(0.9 * 5 / 6)
    assert curve.returned_within(2) == pytest.approx(0.1)
    assert curve.returned_within(5) is None  # six are not enough to tell
    assert curve.days_until(0.5) is None
    assert survival(np.array([], dtype=np.int64), np.array([], dtype=np.bool_)).days_until(0.5) is None


def test_what_follows_a_purchase_by_its_place() -> None:
    market = purchases_of([(0, 1.0), (10, 1.0), (40, 1.0)], [(5, 1.0)], [(0, 1.0), (20, 1.0)], end=50)
    everywhere, first, second, third, *_ = returning(market)
    assert (everywhere.purchases, everywhere.returned) == (6, 3)
    assert (first.purchases, first.returned, first.median_days) == (3, 2, 20)
    assert (second.purchases, second.returned, second.median_days) == (2, 1, 30)
    assert (third.purchases, third.returned, third.median_days) == (1, 0, None)


def test_cohorts_count_each_customer_once_a_month() -> None:
    market = purchases_of(
        [(day("2024-01-05"), 10.0), (day("2024-01-20"), 5.0), (day("2024-03-02"), 7.0)],
        [(day("2024-01-31"), 1.0)],
        [(day("2024-02-01"), 2.0)],
        end=day("2024-03-15"),
    )
    found = cohorts(market)
    rows = list(zip(found.cohort - 648, found.since, found.size, found.active, found.purchases, found.amount,
                    found.is_complete, strict=True))  # fmt: skip
    assert rows == [
        (0, 0, 2, 2, 3, 16.0, True),
        (0, 1, 2, 0, 0, 0.0, True),
        (0, 2, 2, 1, 1, 7.0, False),
        (1, 0, 1, 1, 1, 2.0, True),
        (1, 1, 1, 0, 0, 0.0, False),
    ]


def test_leaving_needs_both_the_model_and_the_own_rhythm() -> None:
    alive, overdue = np.array([0.1, 0.1, 0.9, 0.9]), np.array([5.0, 1.0, 5.0, 1.0])
    assert is_gone(alive, overdue).tolist() == [True, False, False, False]
    # One gap of ten days beside the market's thirty: (2 x 30 + 10) / 3.
    market = purchases_of([(0, 1.0), (10, 1.0)], [(0, 1.0)], end=80)
    pace = rhythm(market.state(), 30.0)
    assert pace.days.tolist() == pytest.approx([70 / 3, 30.0])
    assert pace.overdue.tolist() == pytest.approx([3.0, 80 / 30])


def story() -> tuple[list[list[tuple[int, float]]], list[str], list[float]]:
    """One customer for each segment, as of day 1000, with what belongs to no purchase."""
    found: dict[str, tuple[list[tuple[int, float]], float]] = {
        "new": ([(980, 50.0)], 0),
        "may_return": ([(900, 50.0)], 0),
        "one_time": ([(500, 50.0)], 0),
        "champion": ([(900, 200.0), (930, 200.0), (960, 200.0), (990, 200.0)], 0),
        "loyal": ([(900, 20.0), (930, 20.0), (960, 20.0), (990, 20.0)], 0),
        "big_spender": ([(950, 400.0), (990, 400.0)], 0),
        "returning": ([(950, 20.0), (990, 20.0)], 0),
        "valuable_late": ([(860, 400.0), (890, 400.0)], 0),
        "slipping": ([(860, 20.0), (890, 20.0)], 0),
        "lost": ([(300, 400.0), (330, 400.0)], 0),
        "sent_back": ([(950, 20.0), (990, 20.0)], -60.0),
    }
    return [own for own, _ in found.values()], list(found), [other for _, other in found.values()]


def test_each_rule_finds_its_customer_and_has_words() -> None:
    own, names, other = story()
    market = purchases_of(*own, end=1000, other=other)
    placed = segments(market.state(), market.net_usd, FIGURES)
    assert [NAMES[place] for place in placed] == names
    words = rules_in_words(FIGURES)
    assert set(words) == set(NAMES)
    assert words["champion"] == "On time, 4 purchases or more, and at least 500 US dollars in all."


def test_movements_lead_from_month_to_month_and_lose_nobody() -> None:
    market = purchases_of(
        [(day("2024-01-10"), 50.0), (day("2024-02-10"), 50.0)],
        [(day("2024-02-20"), 50.0)],
        end=day("2024-03-10"),
    )
    moved = movements(market, FIGURES)
    named = [
        (month - 648, "" if before < 0 else NAMES[before], NAMES[after], count, complete)
        for month, before, after, count, complete in zip(
            moved.month, moved.before, moved.after, moved.customers, moved.is_complete.tolist(), strict=True
        )
    ]
    assert named == [
        (0, "", "new", 1, True),
        (1, "", "new", 1, True),
        (1, "new", "returning", 1, True),
        (2, "new", "new", 1, False),
        (2, "returning", "returning", 1, False),
    ]


def test_figures_come_from_the_market() -> None:
    market = purchases_of(*[[(0, 10.0), (20 + row, 10.0)] for row in range(10)], *[[(0, 10.0)]] * 10, end=400)
    found = figures_of(market)
    # The curve of those who came back ends at one half: the fifth of ten is half of them, the eighth four fifths.
    assert (found.half_back, found.nearly_back, found.frequent) == (24.0, 27.0, 3)
    nobody = figures_of(purchases_of([(0, 10.0)], end=30))
    assert (nobody.usual_gap, nobody.half_back, nobody.nearly_back) == (90.0, 90.0, 270.0)


def test_the_adjusted_rand_index() -> None:
    one = np.array([0, 0, 0, 1, 1, 1])
    assert adjusted_rand(one, np.array([5, 5, 5, 2, 2, 2])) == 1.0
    # Hubert and Arabie by hand: 2 pairs together in both, 6 and 7 in each, of 15.
    assert adjusted_rand(one, np.array([0, 0, 1, 1, 2, 2])) == pytest.approx(
        (2 - 6 * 3 / 15) / ((6 + 3) / 2 - 6 * 3 / 15)
    )
    assert adjusted_rand(one, np.zeros(6, dtype=np.int64)) == 0.0


def drawn_tastes(customers: int, seed: int) -> tuple[Tastes, np.ndarray]:
    """Three hidden tastes over six categories; each customer bought four times."""
    rng = np.random.default_rng(seed)
    shares = np.full((3, 6), 0.05)
    for one in range(3):
        shares[one, [2 * one, 2 * one + 1]] = 0.4
    hidden = rng.integers(0, 3, customers)
    counts = np.stack([rng.multinomial(4, shares[one]) for one in hidden])
    row, category = np.nonzero(counts)
    codes = ("tea", "cups", "boots", "coats", "balls", "rackets")
    return Tastes(codes, row, category, counts[row, category]), hidden


def test_hidden_tastes_are_found_named_and_repeat_themselves() -> None:
    tastes, hidden = drawn_tastes(1500, 3)
    found = taste_clusters(tastes, 1500)
    assert {frozenset(name.split(" and ")) for name in found.names} == {
        frozenset(("tea", "cups")), frozenset(("boots", "coats")), frozenset(("balls", "rackets"))
    }  # fmt: skip
    assert adjusted_rand(hidden, found.taste) > 0.8
    assert found.adjusted_rand > 0.9
    assert np.array_equal(found.taste, taste_clusters(tastes, 1500).taste)


def test_no_taste_is_made_up() -> None:
    rng = np.random.default_rng(1)
    counts = rng.multinomial(3, np.full(5, 0.2), 1000)
    row, category = np.nonzero(counts)
    alike = Tastes(tuple("abcde"), row, category, counts[row, category])
    assert taste_clusters(alike, 1000).reason == "one taste explains the purchases as well as several"
    few, _ = drawn_tastes(50, 1)
    assert taste_clusters(few, 50).reason == "50 customers bought twice or more; 200 are needed"
    none = taste_clusters(Tastes.none(), 4)
    assert (none.reason, none.taste.tolist()) == ("fewer than three categories are known", [-1] * 4)
