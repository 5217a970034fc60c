"""Coherence: parts add up in every grouping, nothing is negative, and one hierarchy gives MinT of the library."""

import numpy as np
import pytest

from orchestration.forecasting.hierarchy import Tree, nearest, reconcile, tree

STATES, STEPS = ("a", "b", "c", "d", "e"), 3
# Two categories over five products: one hierarchy, as the library knows it.
ONE = tree(("all", "x", "y", *STATES), [("all", ("x", "y")), ("x", ("a", "b")), ("y", ("c", "d", "e"))])


def base_of(seed: int, *, low: float) -> tuple[np.ndarray, np.ndarray]:
    """Incoherent forecasts, some of them negative when `low` is, and their in-sample errors."""
    draw = np.random.default_rng(seed)
    bottom = draw.uniform(low, 20, (len(STATES), STEPS))
    whole = np.vstack([bottom[:2].sum(0), bottom[2:].sum(0)])
    base = np.vstack([whole.sum(0, keepdims=True), whole, bottom]) + draw.normal(0, 6, (8, STEPS))
    return base, draw.normal(0, 1, (8, 40)) * draw.uniform(0.5, 5, (8, 1))


@pytest.mark.filterwarnings("ignore:Converted matrix")  # the library's own dense matrices
@pytest.mark.parametrize(("seed", "low", "is_nonnegative"), [(1, 15.0, False), (2, -2.0, True), (3, -9.0, True)])
def test_one_hierarchy_gives_the_librarys_mint(seed: int, low: float, is_nonnegative: bool) -> None:
    from hierarchicalforecast.methods import MinTrace

    base, errors = base_of(seed, low=low)
    if is_nonnegative:
        base = np.maximum(base, 0.0)  # as the library does by itself, with a warning
    summing = np.vstack([np.ones(5), [1, 1, 0, 0, 0], [0, 0, 1, 1, 1], np.eye(5)])
    actual = np.full((8, 40), 100.0)
    expected = MinTrace(method="wls_var", nonnegative=is_nonnegative).fit_predict(
        S=summing, y_hat=base, y_insample=actual, y_hat_insample=actual - errors
    )["mean"]  # fmt: skip
    # A factor that all variances share changes nothing.
    found = reconcile(base, ONE, np.mean(errors**2, axis=1))
    assert found == pytest.approx(expected, abs=1e-3 if is_nonnegative else 1e-6)
    assert (found >= 0).all()
    assert (found == 0).any() == is_nonnegative


def two_groupings(products: int, seed: int) -> tuple[Tree, np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    names = [f"p{one}" for one in range(products)]
    kinds = [f"k{one}" for one in range(6)]
    places = [f"s{one}" for one in range(9)]
    whole = tree(
        ("all", *kinds, *places, *names),
        [("all", kinds), ("all", places), *((kind, names[place::6]) for place, kind in enumerate(kinds))],
    )
    level = draw.gamma(0.3, 5, len(whole.nodes))
    level[0] = level[16:].sum()
    return whole, level[:, None] + draw.normal(0, 3, (len(level), 4)), np.maximum(level, 0.1)


@pytest.mark.parametrize("seed", range(6))
def test_two_groupings_of_one_market_are_coherent_and_optimal(seed: int) -> None:
    whole, base, variance = two_groupings(120, seed)
    found = reconcile(base, whole, variance)
    assert found.min() >= 0
    assert (found == 0).any(), "the case must hit the bound"
    assert np.abs(whole.constraints() @ found).max() < 1e-7
    # Optimal: no feasible direction brings any step nearer to its base forecast.
    draw = np.random.default_rng(seed)
    null = np.eye(len(variance)) - np.linalg.pinv(whole.constraints()) @ whole.constraints()
    for _ in range(50):
        other = found + (null @ draw.normal(0, 0.05, found.shape))
        is_feasible = (other >= 0).all(axis=0)
        distance = (((other - base) ** 2 - (found - base) ** 2) / variance[:, None]).sum(axis=0)
        assert (distance[is_feasible] > -1e-6).all()


def test_what_is_coherent_stays_and_what_is_certain_moves_least() -> None:
    base = np.array([[10.0], [4.0], [6.0], [1.0], [3.0], [2.0], [2.0], [2.0]])
    assert reconcile(base, ONE, np.ones(8)) == pytest.approx(base)
    base[0] = 20.0
    sure = reconcile(base, ONE, np.array([1e-9, 1, 1, 1, 1, 1, 1, 1]))
    assert sure[0, 0] == pytest.approx(20.0, abs=1e-3)
    unsure = reconcile(base, ONE, np.array([1e9, 1, 1, 1, 1, 1, 1, 1]))
    assert unsure[0, 0] == pytest.approx(10.0, abs=1e-3)


def test_days_are_drawn_to_a_fixed_week() -> None:
    days = np.array([1.0, 0.0, 0.0, 9.0])
    found = nearest(days, np.ones((1, 4)), np.array([3.0]), np.ones(4))
    assert found == pytest.approx([0, 0, 0, 3.0])


def test_bad_input_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="not a finite number"):
        reconcile(np.full((8, 1), np.nan), ONE, np.ones(8))
    with pytest.raises(ValueError, match="unknown node"):
        tree(("all",), [("all", ("x",))])
    with pytest.raises(ValueError, match="named twice"):
        tree(("all", "all"), [])
    assert reconcile(np.zeros((8, 2)), ONE, np.zeros(8)).sum() == 0
