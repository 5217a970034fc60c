"""The products of a world.

Belongs here: drawing them, once per world. Does not: which of them a market sells (`assortment.py`).
"""

import numpy as np
import pyarrow as pa

from orchestration.simulation.world.batches import ProductTable, SellerTable, SupplierTable
from orchestration.simulation.world.category_parameters import CATEGORY_SPECS
from orchestration.simulation.world.codes import trade_item_numbers
from orchestration.simulation.world.config import WorldConfig
from orchestration.simulation.world.days import month_start
from orchestration.simulation.world.randomness import Integers, stream
from orchestration.simulation.world.texts import digits, joined, strings

# Assortments grow with the seller's sales, nearly in proportion: baskets stay with one seller and are as broad as it.
_BREADTH, _LARGEST_BREADTH, _MOST_PRODUCTS = 0.8, 3.2, 150
USUAL_PRODUCTS = 4.6
# Imports stay well below the CNY 5,000 of one transaction (domain.md b).
_HIGHEST_IMPORT_CENTS = 12_000
_CNY_PER_USD = 6.9
_FINISHES = ("black", "white", "blue", "red", "green", "grey", "classic", "pro", "mini", "set")


def build_products(config: WorldConfig, sellers: SellerTable, suppliers: SupplierTable) -> ProductTable:
    """All products, sorted by seller; about six per seller, a hundred of the largest."""
    rng = stream(config, "products")
    shape = np.clip(_BREADTH * np.log(sellers.size / np.median(sellers.size)), -1, _LARGEST_BREADTH)
    counts = 1 + np.minimum(rng.poisson((USUAL_PRODUCTS - 1) * np.exp(shape - 0.15)), _MOST_PRODUCTS)
    seller = np.repeat(np.arange(config.sellers), counts)
    rows = len(seller)
    offset = np.concatenate([[0], counts.cumsum()])
    is_first = np.zeros(rows, dtype=bool)
    is_first[offset[:-1]] = True
    # Four in five are of the seller's main category; its first one always is.
    other = rng.integers(0, len(CATEGORY_SPECS), rows)
    category = np.where(is_first | (rng.random(rows) < 0.8), sellers.category[seller], other)
    median = np.array([spec.price_usd for spec in CATEGORY_SPECS])[category]
    spread = np.array([spec.price_spread for spec in CATEGORY_SPECS])[category]
    dearness = rng.standard_normal(rows)
    price = np.maximum(200, (median * np.exp(spread * dearness) * 100).astype(np.int64))
    home = sellers.home_country[seller]
    price = np.where(home == 0, price, np.minimum(price, _HIGHEST_IMPORT_CENTS))
    cost_share = np.array([spec.cost_share for spec in CATEGORY_SPECS])[category] * np.exp(
        0.15 * rng.standard_normal(rows)
    )
    weight_median = np.array([spec.weight_g for spec in CATEGORY_SPECS])[category]
    weight_spread = np.array([spec.weight_spread for spec in CATEGORY_SPECS])[category]
    # Dearer goods of a category are a little heavier.
    weight = weight_median * np.exp(weight_spread * (0.35 * dearness + 0.9 * rng.standard_normal(rows)))
    popularity = (1 - rng.random(rows)) ** (-1 / 1.15)
    popularity = np.minimum(popularity, 200)
    popularity = popularity / np.add.reduceat(popularity, offset[:-1])[seller]
    start = month_start(config.first_month)
    is_later = (rng.random(rows) < 0.3) & ~is_first
    first_day = np.where(is_later, start + rng.integers(0, config.months * 30, rows), start - 60)
    first_day = np.maximum(first_day, sellers.joined_day[seller])
    kind = rng.integers(0, 1000, rows)
    return ProductTable(
        product_id=strings(joined(rows, "P", digits(np.arange(1, rows + 1), 7))),
        product_name=_product_names(category, kind, rng.integers(0, len(_FINISHES), rows), rng.integers(1, 1000, rows)),
        seller=seller.astype(np.int32),
        seller_offset=offset.astype(np.int32),
        category=category.astype(np.int16),
        hs10=_by_kind(category, kind, [spec.hs_codes for spec in CATEGORY_SPECS]),
        legal_unit=pa.array(["035" if spec.is_by_weight else "007" for spec in CATEGORY_SPECS]).take(
            pa.array(category)
        ),
        weight_g=np.clip(weight, 8, 28_000).astype(np.int32),
        cost_cents=np.maximum(50, (price * cost_share * _CNY_PER_USD).astype(np.int64)),
        price_usd_cents=price,
        gtin=trade_item_numbers(np.arange(rows) * 7 + 1_000_000),
        supplier=_suppliers_of(rng, home.astype(np.int64), suppliers).astype(np.int32),
        is_made_to_order=rng.random(rows) < 0.06,
        origin=home,
        popularity=popularity.round(9),
        first_day=first_day.astype(np.int32),
    )


def _by_kind(category: Integers, kind: Integers, choices: list[tuple[str, ...]]) -> pa.StringArray:
    """The choice of each product's kind among those of its category."""
    starts = np.cumsum([0, *(len(choice) for choice in choices)])
    sizes = np.diff(starts)
    flat = pa.array([text for choice in choices for text in choice])
    return flat.take(pa.array(starts[category] + kind % sizes[category]))


def _product_names(category: Integers, kind: Integers, finish: Integers, model: Integers) -> pa.StringArray:
    import pyarrow.compute as pc

    names = _by_kind(category, kind, [spec.names for spec in CATEGORY_SPECS])
    models = strings(joined(len(model), "M", digits(model, 3)))
    return pc.binary_join_element_wise(names, pa.array(_FINISHES).take(pa.array(finish)), models, " ")


def _suppliers_of(rng: np.random.Generator, home: Integers, suppliers: SupplierTable) -> Integers:
    """A supplier of each product's country."""
    chosen = np.zeros(len(home), dtype=np.int64)
    for country in range(int(suppliers.home_country.max()) + 1):
        candidates = np.flatnonzero(suppliers.home_country == country)
        is_here = home == country
        chosen[is_here] = candidates[rng.integers(0, len(candidates), int(is_here.sum()))]
    return chosen
