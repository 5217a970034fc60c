"""Levels from distributions: exact where theory is exact, kept in a played year, and beside the textbook's rule."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import poisson

from orchestration.planning.demand_shape import LineSizes, level_cv_of, line_sizes, product_sizes, without_bulk
from orchestration.planning.lead_times import LeadTime, lead_times
from orchestration.planning.levels import Promise, normal_level, shared_levels, shortage_curve
from orchestration.planning.simulation import account, play

ONE = line_sizes(np.ones(1))
THREE_WEEKS = LeadTime(np.full(11, 21.0), "fixed", 1)


def lumpy(rng: np.random.Generator, lines: int) -> np.ndarray:
    """Pieces of lines of which one in a hundred buys for resale."""
    return np.where(rng.random(lines) < 0.01, rng.integers(12, 60, lines), rng.integers(1, 4, lines)).astype(float)


def test_a_wait_for_single_pieces_is_the_poisson_formula() -> None:
    curve = shortage_curve(np.full(20, 2.0), 0.0, ONE, THREE_WEEKS, Promise(95, 7, "waits"))
    for level in (4, 8, 12):
        short = sum(
            share * max(0, k - level)
            for mean, share_of in ((8.0, 1), (6.0, -1))
            for k, share in enumerate(share_of * poisson.pmf(np.arange(60), mean))
        )
        assert curve.at(level) == pytest.approx(short, abs=0.02)


def test_lost_sales_of_single_pieces_approach_erlangs_loss_formula() -> None:
    curve = shortage_curve(np.full(40, 7.0), 0.0, ONE, LeadTime(np.full(11, 20.5), "fixed", 1), Promise(95, 1))
    for level in (27, 30):
        # A day's review adds half a day to the wait of an order in the mean.
        erlang = poisson.pmf(level, 21.0) / poisson.cdf(level, 21.0)
        assert curve.fill_pct(level) == pytest.approx(100 * (1 - erlang), abs=2.0)


@pytest.mark.parametrize("shortage", ["lost", "waits"])
def test_the_promise_is_kept_in_a_play_and_by_the_normal_rule_it_is_not(shortage: str) -> None:
    rng = np.random.default_rng(5)
    sizes = line_sizes(lumpy(rng, 400_000))
    lead = LeadTime(np.linspace(15, 32, 11).round(), "drawn", 1)
    items, days, mean = 500, 602, 3.0
    counts = rng.poisson(mean / 7 / sizes.mean, (items, days))
    place = np.repeat(np.arange(items * days), counts.ravel())
    demand = np.bincount(place, lumpy(rng, len(place)), items * days).reshape(items, days)
    leads = rng.choice(lead.days, (items, days // 7)).astype(np.int64)

    def fill(level: float) -> float:
        played = play(demand, np.full(leads.shape, level), leads, review_days=7, warm_up_days=140, shortage=shortage)  # type: ignore[arg-type]
        return played.fill_pct

    curve = shortage_curve(np.full(20, mean), 0.0, sizes, lead, Promise(95, 7, shortage))  # type: ignore[arg-type]
    level = curve.level(95)
    assert fill(level) == pytest.approx(curve.fill_pct(level), abs=1.6)
    weekly_sd = float(np.sqrt(mean * sizes.second_moment / sizes.mean))
    textbook = normal_level(mean, weekly_sd, float(lead.days.mean()), float(lead.days.std()), 1.645, 7)
    # z·σ promises that 95 % of the periods pass without a shortage, which says nothing of how many units are short.
    assert abs(fill(textbook) - 95) > 2 * abs(fill(level) - 95)


def test_a_class_keeps_its_target_although_pieces_are_whole() -> None:
    curves = [shortage_curve(np.full(20, mean), 0.1, ONE, THREE_WEEKS, Promise()) for mean in np.linspace(0.05, 2, 60)]
    levels = shared_levels(curves, 95.0)
    demand = sum(curve.demand for curve in curves)
    short = sum(curve.at(level) for curve, level in zip(curves, levels, strict=True))
    assert 95.0 <= 100 * (1 - short / demand) < 95.1
    own = np.array([curve.level(95.0) for curve in curves])
    assert (levels <= own).all()
    assert (levels >= own - 1).all()


def test_no_demand_needs_no_stock_and_uncertainty_needs_more() -> None:
    nothing = shortage_curve(np.zeros(13), 0.3, ONE, THREE_WEEKS, Promise())
    assert (nothing.level(95), nothing.fill_pct(0)) == (0.0, 100.0)
    # A lead time in which much is wanted leaves nothing of a low level: there is no such level, and no rounding error.
    fast = shortage_curve(np.full(13, 90.0), 0.0, ONE, THREE_WEEKS, Promise())
    assert fast.at(0) == fast.at(100) == pytest.approx(90)
    assert 350 < fast.level(95) < 400
    sure, unsure = (shortage_curve(np.full(13, 5.0), cv, ONE, THREE_WEEKS, Promise()).level(95) for cv in (0.0, 0.6))
    assert unsure > sure
    assert level_cv_of(10, 2, 18, ONE) > 0.4
    assert level_cv_of(1, 0, 2, ONE) == 0.0
    # Beyond the last forecast week demand goes on: a lead time of a year is no free year.
    year = shortage_curve(np.full(4, 1.0), 0.0, ONE, LeadTime(np.full(11, 364.0), "", 1), Promise())
    assert year.over_lead == pytest.approx(53)


def test_a_products_own_large_line_is_chance_unless_products_differ() -> None:
    rng = np.random.default_rng(3)
    market = line_sizes(lumpy(rng, 100_000))
    alike = product_sizes([lumpy(rng, 60) for _ in range(60)], [market] * 60)
    means = np.array([one.mean for one in alike])
    assert means.std() / market.mean < 0.06
    cartons = product_sizes([np.full(80, 12.0), *(np.ones(80) for _ in range(9))], [market] * 10)
    assert cartons[0].mean > 9
    assert cartons[1].mean < 1.3
    usual = without_bulk(market, market)
    assert len(usual.sizes.share) == usual.bulk_from
    assert 0.1 < usual.bulk_share < 0.5
    assert product_sizes([np.zeros(0)], [LineSizes(np.array([0.0, 1.0]))])[0].mean == 1.0


def test_one_receipt_moves_a_lead_time_by_a_ninth_and_none_by_nothing() -> None:
    seen = pd.DataFrame({"supplier": ["a"] * 40 + ["b"], "site": "X", "days": [*([30.0] * 40), 90.0]})
    known = lead_times(seen, [["supplier", "site"], ["site"], []])
    assert known["a", "X"].quantile(0.5) == 30
    assert known["b", "X"].quantile(0.5) < 45
    assert known["b", "X"].quantile(0.97) > 60
    assert known["b", "X"].basis == "1 receipts of b at X, with those of X"
    assert lead_times(seen.assign(days=np.nan), [["site"], []]) == {}
    assert lead_times(pd.DataFrame({"site": ["X"], "days": [-3.0]}), [["site"], []]) == {}


def test_the_account_of_a_play_by_class() -> None:
    demand = np.array([[2.0] * 10, [0.0] * 10])
    played = play(demand, np.array([[6.0], [1.0]]), np.array([[99], [99]]), review_days=10, warm_up_days=0)
    assert played.ordered.tolist() == [20, 0]
    assert played.short.tolist() == [14, 0]
    table = account(played, np.array(["A", "B"]), policy="p", target_fill_pct=95, weeks=10 / 7).set_index("abc_class")
    assert table.loc["all", "realised_fill_pct"] == pytest.approx(30)
    assert table.loc["B", "realised_fill_pct"] == 100
