"""Building a world from its configuration.

Belongs here: putting the parts together, markets and rates. Does not: what happens in a month (`generate.py`).
"""

import numpy as np
import pyarrow as pa

from orchestration.simulation.world.assortment import build_assortment
from orchestration.simulation.world.batches import MarketTable, RateTable, World
from orchestration.simulation.world.config import WorldConfig
from orchestration.simulation.world.days import local_clock, month_start, next_month_start
from orchestration.simulation.world.demand import plan_demand
from orchestration.simulation.world.market_parameters import FIRST_RATES, SAR_PER_USD, MarketSpec, market_specs
from orchestration.simulation.world.product_building import build_products
from orchestration.simulation.world.randomness import stream
from orchestration.simulation.world.seller_building import build_sellers, build_suppliers
from orchestration.simulation.world.sites import build_sites

LEAST_SELLERS = 100
# What the digits of ids and of customers' numbers can tell apart.
MOST_SELLERS, MOST_MONTHS, MOST_MONTHLY_ORDERS = 400_000, 255, 9_999_999


def build_world(config: WorldConfig) -> World:
    """The world of a configuration; ValueError when it is too small, too large or names a market that is not known."""
    if not LEAST_SELLERS <= config.sellers <= MOST_SELLERS:
        raise ValueError(f"a world has {LEAST_SELLERS} (so that every category is sold) to {MOST_SELLERS} sellers")
    if not 1 <= config.months <= MOST_MONTHS:
        raise ValueError(f"a world has 1 to {MOST_MONTHS} months, not {config.months}")
    specs = market_specs(config.markets)
    first_day, end_day = month_start(config.month_list[0]), next_month_start(config.month_list[-1])
    sellers = build_sellers(config)
    suppliers = build_suppliers(config)
    products = build_products(config, sellers, suppliers)
    sites = build_sites(config)
    demand, media = plan_demand(config)
    if np.add.reduceat(demand.orders, demand.month_offset[:-1], axis=1).max() > MOST_MONTHLY_ORDERS:
        raise ValueError(
            f"a market has at most {MOST_MONTHLY_ORDERS} orders a month: use fewer orders than {config.orders}"
        )
    return World(
        config=config,
        markets=_build_markets(specs),
        sellers=sellers,
        suppliers=suppliers,
        products=products,
        sites=sites,
        rates=_build_rates(config, first_day, end_day),
        clock=local_clock(tuple(spec.time_zone for spec in specs), first_day, end_day),
        media=media,
        demand=demand,
        assortments=tuple(
            build_assortment(config, market, spec, sellers, products, sites) for market, spec in enumerate(specs)
        ),
    )


def _build_markets(specs: tuple[MarketSpec, ...]) -> MarketTable:
    weight = np.array([spec.weight for spec in specs])
    regions = [[value for _, value in spec.regions] for spec in specs]
    return MarketTable(
        code=tuple(spec.code for spec in specs),
        currency=tuple(spec.currency for spec in specs),
        time_zone=tuple(spec.time_zone for spec in specs),
        weight=weight / weight.sum(),
        yearly_growth=np.array([spec.growth for spec in specs]),
        price_level=np.array([spec.price_level for spec in specs]),
        tax_rate=np.array([spec.tax_rate for spec in specs]),
        price_elasticity=np.array([spec.price_elasticity for spec in specs]),
        promotion_elasticity=np.array([spec.promotion_elasticity for spec in specs]),
        channel_share=np.array([(*spec.shares, float(spec.code == "CN")) for spec in specs]),
        screen_share=np.array([spec.screens for spec in specs]),
        subdivision_offset=np.cumsum([0, *(len(values) for values in regions)], dtype=np.int32),
        subdivision_code=pa.array([f"{spec.code}-{region}" for spec in specs for region, _ in spec.regions]),
        subdivision_weight=np.concatenate([np.array(values) / sum(values) for values in regions]),
    )


def _build_rates(config: WorldConfig, first_day: int, end_day: int) -> RateTable:
    """Random walks on weekdays; the riyal follows the dollar."""
    currencies = tuple(FIRST_RATES)
    numbers = np.arange(first_day - 10, end_day)
    is_weekday = (numbers + 3) % 7 < 5
    walks = []
    for currency in currencies:
        start, spread = FIRST_RATES[currency]
        steps = stream(config, "rates", currency).standard_normal(len(numbers)) * spread * is_weekday
        # A weak pull back keeps four years of steps within a realistic range.
        level = np.zeros(len(numbers))
        for day in range(1, len(numbers)):
            level[day] = level[day - 1] * (0.996 if is_weekday[day] else 1.0) + steps[day]
        walks.append((start * np.exp(level)).round(4))
    walks[currencies.index("SAR")] = (walks[currencies.index("USD")] * SAR_PER_USD).round(4)
    return RateTable(currencies, int(numbers[0]), np.stack(walks))
