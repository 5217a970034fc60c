"""Demand: how many orders each market gets on each day, and how many of them are first orders.

Belongs here: level, trend, seasons, events, noise, and the arithmetic of new and returning buyers. Does not: which
goods (`assortment.py`) and which buyers (`customers.py`).
"""

import numpy as np

from orchestration.simulation.world.config import WorldConfig
from orchestration.simulation.world.customers import repeat_orders_by_age
from orchestration.simulation.world.days import month_start, next_month_start, year_fraction
from orchestration.simulation.world.events import event_effect, periods
from orchestration.simulation.world.market_parameters import FIRST_RATES, MarketSpec, market_specs
from orchestration.simulation.world.media import (
    MEDIUM_SPECS,
    SALES_PER_ORDER_USD,
    SPEND_SHARE,
    adstock_of,
    lift_of,
    usual_spend,
)
from orchestration.simulation.world.plans import DemandPlan, MediaPlan
from orchestration.simulation.world.randomness import Integers, Reals, stream

# Negative binomial: variance = mean + mean^2 / size.
_NOISE_SIZE = 30.0
# Share of products on promotion, in peak events and outside; discounts are uniform in steps of 5 %.
PROMOTED_SHARE = {True: 0.06, False: 0.008}
DISCOUNTS = {True: (15, 20, 25, 30, 40, 50), False: (5, 10, 15, 20)}
LEAST_NEW_SHARE = 0.15


def promotion_lift(spec: MarketSpec, *, is_event: bool) -> float:
    """Mean factor on a market's demand of the promotions in a period: more of its products are cheaper."""
    factors = np.exp(spec.promotion_elasticity * np.array(DISCOUNTS[is_event]) / 100)
    return float(1 + PROMOTED_SHARE[is_event] * (factors.mean() - 1))


def _shape(spec: MarketSpec, first_day: int, days: int) -> Reals:
    """A market's base demand before scaling: trend x week x year x events."""
    numbers = np.arange(first_day, first_day + days, dtype=np.int32)
    trend = spec.growth * (numbers - numbers.mean()) / 365.25
    angle = 2 * np.pi * (year_fraction(numbers) - (spec.peak_month - 0.5) / 12)
    week = np.array(spec.week)[(numbers + 3) % 7]
    season = spec.season * (np.cos(angle) + 0.25 * np.cos(2 * angle))
    shape: Reals = np.exp(trend + season + event_effect(spec.code, first_day, days)) * week
    return shape


def _promotions_by_day(spec: MarketSpec, config: WorldConfig, first_day: int, days: int) -> Reals:
    lift = np.empty(days)
    for month in config.month_list:
        for period in periods(spec.code, month_start(month), next_month_start(month)):
            span = slice(period.first_day - first_day, period.end_day - first_day)
            lift[span] = promotion_lift(spec, is_event=bool(period.event))
    return lift


def plan_demand(config: WorldConfig) -> tuple[DemandPlan, MediaPlan]:
    """Means and draws of the whole horizon; the sum of the means is the configured number of orders."""
    specs = market_specs(config.markets)
    starts = [month_start(month) for month in config.month_list]
    first_day, end_day = starts[0], next_month_start(config.month_list[-1])
    days = end_day - first_day
    month_offset = np.array([*starts, end_day]) - first_day
    weights = np.array([spec.weight for spec in specs])
    base = np.stack([_shape(spec, first_day, days) for spec in specs])
    base *= (weights / weights.sum() / base.sum(axis=1))[:, None]
    promotions = np.stack([_promotions_by_day(spec, config, first_day, days) for spec in specs])
    spend = np.stack([usual_spend(config, spec.code, first_day, days) for spec in specs])
    adstock = np.stack([adstock_of(by_day) for by_day in spend])
    lift = lift_of(adstock)
    own = np.array([spec.shares[0] for spec in specs])[:, None]
    hub = np.array([sum(spec.shares[:3]) for spec in specs])[:, None]
    total_lift = lift.sum(axis=2)
    raw = base * promotions * (1 + own * total_lift)
    scale = config.orders / raw.sum()
    base_orders, mean_orders = (base * scale).round(9), (raw * scale).round(9)
    own_share = np.divide(own * (1 + total_lift), hub + own * total_lift, out=np.zeros_like(base), where=hub > 0)
    orders = np.stack([_draw(config, spec.code, means) for spec, means in zip(specs, mean_orders, strict=True)])
    demand = DemandPlan(
        first_day, month_offset, base_orders, mean_orders, own_share.round(9), orders,
        _new_customers(np.add.reduceat(orders, month_offset[:-1], axis=1)),
    )  # fmt: skip
    return demand, MediaPlan(_spend_cents(specs, spend, base_orders * own), adstock, lift)


def _spend_cents(specs: tuple[MarketSpec, ...], spend: Reals, own_orders: Reals) -> Integers:
    """Spend in the markets' currencies; a usual day costs a fixed share of the mean sales of the own shop."""
    per_usd = np.array([FIRST_RATES[spec.currency][0] / FIRST_RATES["USD"][0] for spec in specs])
    usual = own_orders.mean(axis=1) * SPEND_SHARE * SALES_PER_ORDER_USD * per_usd
    shares = np.array([spec.budget_share for spec in MEDIUM_SPECS])
    cents: Integers = np.rint(spend * usual[:, None, None] * shares).astype(np.int64) * 100
    return cents


def _draw(config: WorldConfig, market: str, means: Reals) -> Integers:
    rng = stream(config, "orders_per_day", market)
    drawn: Integers = rng.poisson(means * rng.gamma(_NOISE_SIZE, 1 / _NOISE_SIZE, len(means))).astype(np.int64)
    return drawn


def _new_customers(orders: Integers) -> Integers:
    """First orders by market and month: all orders less those that earlier buyers are expected to place again."""
    months = orders.shape[1]
    repeats = repeat_orders_by_age(months)
    new: Integers = np.zeros_like(orders)
    for month in range(months):
        returning = new[:, :month].astype(np.float64) @ repeats[month:0:-1]
        wanted = (orders[:, month] - returning) / (1 + repeats[0])
        least = orders[:, month] * LEAST_NEW_SHARE
        new[:, month] = np.minimum(np.ceil(np.maximum(wanted, least).round(6)).astype(np.int64), orders[:, month])
    return new
