"""Prices and new products: one elasticity where it pays, analogues at the same age, and bands of few forecasts."""

import numpy as np
import pandas as pd
import pytest

from orchestration.forecasting.demand.market_demand import MarketDemand, market_demand_of
from orchestration.forecasting.demand.prices import fit_prices
from orchestration.forecasting.demand.young import analogues
from orchestration.forecasting.engine import QUANTILES
from orchestration.forecasting.selection import BackTest, choose
from orchestration.forecasting.tables import QUANTILE_COLUMNS

PRODUCTS, DAYS = 30, 336


def shop(elasticity: float, *, moves: str) -> MarketDemand:
    """Products of one category; `lasting`: every twelve weeks a third of them changes its price for good, `fleeting`:
    each has another price every four weeks."""
    draw = np.random.default_rng(4)
    steps = DAYS // 28
    change = draw.normal(0, 0.3, (PRODUCTS, steps))
    if moves == "lasting":
        change *= (np.arange(steps) % 3 == 1) & (draw.random((PRODUCTS, steps)) < 0.35)
        change = change.cumsum(axis=1)
    price = 10 * np.exp(np.repeat(change, 28, axis=1))
    weight = draw.gamma(2, 1, PRODUCTS)[:, None] * (price / 10) ** -elasticity
    lines = draw.poisson(25 * weight / weight.sum(axis=0))
    product, day = lines.nonzero()
    sales = pd.DataFrame(
        {
            "product_id": [f"p{row:02d}" for row in product],
            "sold_on": np.datetime64("2025-01-01") + day,
            "lines": lines[product, day],
            "units": lines[product, day],
            "unit_price": price[product, day],
        }
    )
    return market_demand_of("GB", sales)


@pytest.mark.parametrize(("moves", "elasticity"), [("lasting", 2.0), ("fleeting", 2.0), ("lasting", 0.0)])
def test_a_price_counts_where_it_stays_and_matters(moves: str, elasticity: float) -> None:
    demand = shop(elasticity, moves=moves)
    weight = np.bincount(demand.sales.product, demand.sales.lines, minlength=PRODUCTS)
    found = fit_prices(demand, weight, np.zeros(PRODUCTS, np.int64), float("inf"))
    if moves == "lasting" and elasticity:
        assert found.is_used
        # Weights have seen a part of each change already, so that less than the whole of it is left.
        assert 0.5 * elasticity < found.elasticity <= 1.2 * elasticity
        assert found.persistence > 0.6
        assert found.factor.min() < 0.85
        assert found.factor.max() > 1.1
    else:
        assert not found.is_used
        assert (found.factor == 1).all()


def test_a_new_product_is_held_against_those_before_it_at_its_age() -> None:
    # Forty products came one after the other; each sold three a day in its first four weeks, then one.
    start = np.concatenate([[0], 28 + 14 * np.arange(40)])
    count = int(start[-1]) + 20
    days = [np.arange(first, count) for first in start]
    lines = [np.where(np.arange(len(of)) < 28, 3.0, 1.0) for of in days]
    sold = (np.repeat(np.arange(41), [len(of) for of in days]), np.concatenate(days), np.concatenate(lines))
    known = np.arange(count + 1, dtype=float)[None, :]
    coming, lived = analogues(np.zeros(41, np.int64), start, count, np.ones(1), sold, known)
    # The last one is twenty days old: it will soon be as the others were after their first weeks.
    assert (lived[-1], coming[-1]) == (pytest.approx(3, rel=0.1), pytest.approx(1, rel=0.15))
    assert coming[-1] < 0.4 * lived[-1]


def test_a_band_that_is_twice_too_wide_is_drawn_in_by_eighteen_weeks() -> None:
    draw = np.random.default_rng(2)
    rows = pd.DataFrame(
        {
            "node_type": "market", "node_id": "GB", "series_class": "smooth", "step": "week", "candidate": "model",
            "forecast_qty": 100.0, "actual_qty": 100 + draw.normal(0, 10, 18),
        }
    )  # fmt: skip
    from scipy.special import ndtri

    rows[list(QUANTILE_COLUMNS)] = 100 + 20 * ndtri(np.asarray(QUANTILES))
    stretch = choose(BackTest(rows), ["model"]).stretches["market", "week"]
    assert 0.5 < stretch[QUANTILES.index(0.9)] < 0.8
    assert 0.5 < stretch[QUANTILES.index(0.1)] < 0.8
