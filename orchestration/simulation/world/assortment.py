"""Assortments: which goods a market sells at which price, who likes them, and what each month changes.

Belongs here: listing, prices, tastes, promotions, and the tables from which a month's lines are drawn. Does not: the
draws (`orders.py`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestration.simulation.world.batches import CATEGORIES, ProductTable, SellerTable, SiteTable
from orchestration.simulation.world.category_parameters import (
    AGE_BAND_SHARE,
    CATEGORY_SPECS,
    SEGMENT_SHARE,
    SEGMENTS,
    TASTES,
)
from orchestration.simulation.world.config import WorldConfig
from orchestration.simulation.world.customers import GENDER_SHARE
from orchestration.simulation.world.demand import DISCOUNTS, PROMOTED_SHARE
from orchestration.simulation.world.events import Period
from orchestration.simulation.world.market_parameters import FIRST_RATES, WHOLE_UNIT_CURRENCIES, MarketSpec
from orchestration.simulation.world.plans import Assortment, Surprise
from orchestration.simulation.world.randomness import Integers, Reals, hashed, hashed_uniform, salt, stream
from orchestration.simulation.world.sites import home_sites, market_sites

SURPRISES = (
    Surprise("US", "TX", 1, -1, CATEGORIES.index("baby"), 2.0),
    Surprise("DE", "BY", 1, -1, CATEGORIES.index("clothing"), 2.0),
    Surprise("GB", "SCT", 0, -1, CATEGORIES.index("auto_parts"), 3.0),
    Surprise("FR", "IDF", -1, 3, CATEGORIES.index("sports"), 3.0),
    Surprise("JP", "27", 1, -1, CATEGORIES.index("beauty"), 2.5),
    Surprise("KR", "41", -1, 2, CATEGORIES.index("toys"), 2.0),
    Surprise("BR", "SP", -1, 0, CATEGORIES.index("books"), 3.0),
    Surprise("AU", "QLD", 0, -1, CATEGORIES.index("electronics"), 2.0),
    Surprise("CN", "SC", 1, -1, CATEGORIES.index("jewellery"), 2.0),
)
MONTHLY_PRICE_SPREAD = 0.06
_SELLER_MONTH_SPREAD = 0.25


def _listed(
    config: WorldConfig, market: int, is_import: bool, sellers: SellerTable, products: ProductTable
) -> Integers:
    """Products that the market sells: larger sellers list in more markets; no category stays empty."""
    is_foreign = sellers.home_country != 0
    numbers = np.arange(config.sellers)
    rank = sellers.size.argsort().argsort() / max(1, config.sellers)
    chance = np.where(is_foreign, 0.7, 0.12 + 0.55 * rank**3)
    # The first sellers of each direction take the categories in turn (seller_building.py) and list everywhere.
    first = np.where(is_foreign, numbers // 8, numbers - numbers // 8) < len(CATEGORIES)
    lists = (hashed_uniform(numbers, salt(config, f"listing {market}")) < chance) | first
    return np.flatnonzero((lists & (is_foreign == is_import))[products.seller])


def build_assortment(
    config: WorldConfig, market: int, spec: MarketSpec, sellers: SellerTable, products: ProductTable, sites: SiteTable
) -> Assortment:
    """The goods of one market."""
    product = _listed(config, market, spec.code == "CN", sellers, products)
    seller = products.seller[product]
    category = products.category[product].astype(np.int64)
    affinity = 0.4 + 1.2 * hashed_uniform(seller, salt(config, f"affinity {market}"))
    weight = sellers.size[seller] * products.popularity[product] * affinity
    starts = np.flatnonzero(np.concatenate([[True], seller[1:] != seller[:-1]]))
    local_seller = np.cumsum(np.concatenate([[False], seller[1:] != seller[:-1]]))
    per_usd = FIRST_RATES[spec.currency][0] / FIRST_RATES["USD"][0]
    dearness = 0.9 + 0.2 * hashed_uniform(product, salt(config, f"price {market}"))
    cents = products.price_usd_cents[product] * spec.price_level * per_usd * dearness
    list_cents = ending_in_nine(cents.astype(np.int64), spec.currency)
    by_price = np.lexsort((product, list_cents, category))
    surprises = tuple(surprise for surprise in SURPRISES if surprise.market == spec.code)
    home = home_sites(config, sellers)[seller]
    taste, share = _profiles(spec, surprises)
    return Assortment(
        product=product.astype(np.int32),
        weight=(weight / weight.sum()).round(15),
        local_seller=local_seller,
        seller_offset=np.append(starts, len(product)),
        by_price=by_price,
        category=category,
        category_offset=np.searchsorted(category[by_price], np.arange(len(CATEGORIES) + 1)),
        list_cents=list_cents,
        home_site=home,
        market_site=market_sites(config, market, sites, sellers)[seller],
        taste=(taste * _affinity(config, market)).round(12),
        profile_share=share,
        surprises=surprises,
    )


def _affinity(config: WorldConfig, market: int) -> Reals:
    """How much a market likes each category."""
    liking: Reals = 0.75 + 0.5 * hashed_uniform(np.arange(len(CATEGORIES)), salt(config, f"liking {market}"))
    return liking


def ending_in_nine(cents: Integers, currency: str) -> Integers:
    """Prices that end in .99, or in 90 whole units where the currency has no minor unit."""
    step = 10_000 if currency in WHOLE_UNIT_CURRENCIES else 100
    less = 1_000 if currency in WHOLE_UNIT_CURRENCIES else 1
    prices: Integers = np.maximum((cents + step // 2) // step, 1) * step - less
    return prices


def _profiles(spec: MarketSpec, surprises: tuple[Surprise, ...]) -> tuple[Reals, Reals]:
    """Tastes of each profile (segment + 6 x flags) and the share of buyers that has it."""
    flags = 1 << len(surprises)
    taste = np.tile(TASTES, (flags, 1))
    for place, surprise in enumerate(surprises):
        for flag in range(flags):
            if flag >> place & 1:
                taste[flag * len(SEGMENTS) : (flag + 1) * len(SEGMENTS), surprise.category] *= surprise.factor
    taste /= taste.sum(axis=1, keepdims=True)
    share = np.zeros(flags * len(SEGMENTS))
    weights = np.array([weight for _, weight in spec.regions])
    weights /= weights.sum()
    for (region, _), weight in zip(spec.regions, weights, strict=True):
        for gender, gender_share in enumerate(GENDER_SHARE):
            for band, band_share in enumerate(AGE_BAND_SHARE):
                flag = sum(
                    1 << place
                    for place, surprise in enumerate(surprises)
                    if surprise.region == region and surprise.gender in (-1, gender) and surprise.age_band in (-1, band)
                )
                part = slice(flag * len(SEGMENTS), (flag + 1) * len(SEGMENTS))
                share[part] += weight * gender_share * band_share * SEGMENT_SHARE[gender, band]
    return taste, share


@dataclass(frozen=True)
class MonthShelf:
    """What a month's lines are drawn from; L local products, P periods, all flat tables are period after period."""

    list_cents: Integers  # L
    discount_pct: NDArray[np.int16]  # P x L, 0 without a promotion
    promotion: NDArray[np.int32]  # P x L, row of the promotion in the month, -1 without one
    weight: Reals  # P x L
    by_seller: Reals  # P * L + 1, cumulated weights in local order
    by_category: Reals  # P * L + 1, cumulated weights in the order of category and price
    mass: Reals  # P x categories, sums of the weights
    category_share: Reals  # P x profiles x categories


def month_shelf(
    config: WorldConfig,
    assortment: Assortment,
    products: ProductTable,
    spec: MarketSpec,
    month: str,
    periods: tuple[Period, ...],
) -> MonthShelf:
    """Prices, promotions and weights of a market's month; prices change each month, promotions with the periods."""
    year, calendar_month = int(month[:4]), int(month[5:])
    product = assortment.product
    seller = products.seller[product]
    bits = hashed(product, salt(config, f"month price {spec.code} {month}"))
    # The mean of four uniform numbers from one hash is close to normal, with a spread of 0.144.
    parts = sum(((bits >> np.uint64(16 * place)) & np.uint64(0xFFFF)).astype(np.float64) for place in range(4))
    change = np.exp(MONTHLY_PRICE_SPREAD / 0.1443 * (parts / 4 / 65536 - 0.5))
    list_cents = ending_in_nine((assortment.list_cents * change).astype(np.int64), spec.currency)
    relative = list_cents / assortment.list_cents
    drift = hashed_uniform(seller, salt(config, f"month size {spec.code} {month}")) - 0.5
    weight = assortment.weight * relative**spec.price_elasticity * np.exp(_SELLER_MONTH_SPREAD * 3.46 * drift)
    first = periods[0].first_day
    weight = np.where(products.first_day[product] <= first, weight, 0.0)
    base_mass = _category_mass(assortment, _cumulated(weight[assortment.by_price]), 1)[0]
    discount = _discounts(stream(config, "promotions", spec.code, month), periods, len(product))
    weights = weight * np.exp(spec.promotion_elasticity / 100 * discount)
    promotion = np.full(discount.shape, -1, dtype=np.int32)
    promotion[discount > 0] = np.arange(int((discount > 0).sum()))
    by_category = _cumulated(weights[:, assortment.by_price])
    mass = _category_mass(assortment, by_category, len(periods))
    shift = 6 if spec.is_south else 0
    peak = np.array([category.peak_month for category in CATEGORY_SPECS])
    amplitude = np.array([category.season for category in CATEGORY_SPECS])
    season = np.exp(amplitude * np.cos(2 * np.pi * (calendar_month + shift - peak) / 12))
    # Seasons repeat from year to year; tastes drift slowly with fashion.
    fashion = 1 + 0.04 * np.sin(year + 1.7 * np.arange(len(CATEGORIES)))
    pull = season * fashion * np.divide(mass, base_mass, out=np.zeros_like(mass), where=base_mass > 0)
    share = assortment.taste[None, :, :] * pull[:, None, :]
    share /= share.sum(axis=2, keepdims=True)
    return MonthShelf(list_cents, discount, promotion, weights, _cumulated(weights), by_category, mass, share.round(12))


def _cumulated(weights: Reals) -> Reals:
    total = np.zeros(weights.size + 1)
    np.cumsum(weights.ravel(), out=total[1:])
    return total


def _category_mass(assortment: Assortment, by_category: Reals, periods: int) -> Reals:
    """Sum of the weights of each category, period x category, from their cumulated weights."""
    size = len(assortment.product)
    edges = np.arange(periods)[:, None] * size + assortment.category_offset
    mass: Reals = np.diff(by_category[edges], axis=1)
    # Differences of long sums: what is left of an empty category is no demand.
    return np.where(np.diff(assortment.category_offset) > 0, np.maximum(mass, 0.0), 0.0)


def _discounts(rng: np.random.Generator, periods: tuple[Period, ...], rows: int) -> NDArray[np.int16]:
    """Discounts in per cent, period x local product."""
    discount = np.zeros((len(periods), rows), dtype=np.int16)
    for place, period in enumerate(periods):
        is_event = bool(period.event)
        chosen = np.flatnonzero(rng.random(rows) < PROMOTED_SHARE[is_event])
        discount[place, chosen] = rng.choice(DISCOUNTS[is_event], len(chosen))
    return discount


def product_share(assortment: Assortment, shelf: MonthShelf, first_lines: float, further_lines: float) -> Reals:
    """Expected lines of each product per order, period x local product.

    The first line of an order follows the buyer's taste; further ones stay with its seller.
    """
    share = np.einsum("f,pfc->pc", assortment.profile_share, shelf.category_share)
    factor = np.divide(share, shelf.mass, out=np.zeros_like(share), where=shelf.mass > 0)
    first = shelf.weight * factor[:, assortment.category]
    starts = assortment.seller_offset[:-1]
    of_seller = np.add.reduceat(first, starts, axis=1)
    total = np.add.reduceat(shelf.weight, starts, axis=1)
    per_weight = np.divide(of_seller, total, out=np.zeros_like(total), where=total > 0)
    lines: Reals = first_lines * first + further_lines * shelf.weight * per_weight[:, assortment.local_seller]
    return lines
