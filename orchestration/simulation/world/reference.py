"""Feeds of the whole world: sellers, products, suppliers, rates, and the home sites of a month.

Belongs here: tables without a market. Does not: what a market-month has (`generate.py`).
"""

import numpy as np
import pyarrow as pa

from orchestration.simulation.world.batches import CATEGORIES, HUB, FeedTables, HomeShipments, ReferenceTables, World
from orchestration.simulation.world.capacity import STORAGE_ROOM, capacity_table, parcels_capacity, storage_load
from orchestration.simulation.world.columns import dates, integers, moments, money, ones, picked, pieces, table
from orchestration.simulation.world.days import DAY_SECONDS, month_start, next_month_start
from orchestration.simulation.world.month_tables import LEAST_COUNTED, served_markets
from orchestration.simulation.world.randomness import Integers, Reals, stream
from orchestration.simulation.world.sites import home_sites
from orchestration.simulation.world.stock import SiteMonth, home_base_levels, stock_tables
from orchestration.simulation.world.texts import same, words
from orchestration.simulation.world.truth import world_truth

RATE_PROVIDER = "WORLD"
# Tax-credit grades from the worst; a fifth of the firms move by one grade in a year.
GRADES = ("D", "C", "M", "B", "A")
_REGRADED_SHARE = 0.2


def generate_reference(world: World) -> ReferenceTables:
    """Sellers with their yearly gradings, products, suppliers and rates, and the truth about entities."""
    return ReferenceTables(
        {
            (HUB, "sellers"): pa.concat_tables(_seller_versions(world)),
            (HUB, "products"): _products(world),
            ("erp", "suppliers"): _suppliers(world),
            ("worldfx", "fx_rates"): _rates(world),
        },
        world_truth(world),
    )


def _sellers(world: World) -> pa.Table:
    sellers = world.sellers
    rows = len(sellers.size)
    return table(
        {
            "seller_id": sellers.seller_id,
            "valid_from": dates(sellers.joined_day),
            "seller_name": sellers.seller_name,
            "uscc": sellers.uscc,
            "vat_no": sellers.vat_no,
            "eori": sellers.eori,
            "home_country": words(sellers.home_country, sellers.home_codes),
            "subdivision_code": sellers.subdivision_code,
            "founded_on": dates(sellers.founded_day),
            "joined_on": dates(sellers.joined_day),
            "category_code": words(sellers.category, CATEGORIES),
            "tax_grade": sellers.tax_grade,
            "customs_grade": sellers.customs_grade,
            "fx_grade": sellers.fx_grade,
            "employee_count": integers(sellers.employee_count),
            "bank_account": sellers.bank_account,
            "version": ones(rows),
            "updated_at": moments(sellers.joined_day.astype(np.int64) * DAY_SECONDS),
        }
    )


def _seller_versions(world: World) -> list[pa.Table]:
    """The first version of each seller, and one more whenever the tax authority's yearly grading changed its grade."""
    first = _sellers(world)
    versions = [first]
    start, months = world.config.first_month, world.config.month_list
    grade = np.array([GRADES.index(name) for name in first["tax_grade"].to_pylist()])
    for year in range(int(start[:4]), int(months[-1][:4]) + 1):
        if f"{year}-04" not in months:
            continue
        day = month_start(f"{year}-05") - 1
        rng = stream(world.config, "gradings", year)
        rises = rng.random(len(grade)) < 0.25 + 0.5 * world.sellers.solvency
        moved = np.clip(grade + np.where(rises, 1, -1) * (rng.random(len(grade)) < _REGRADED_SHARE), 0, len(GRADES) - 1)
        rows = np.flatnonzero((moved != grade) & (world.sellers.joined_day < day))
        grade[rows] = moved[rows]
        version = first.take(pa.array(rows))
        changed = {
            "valid_from": dates(np.full(len(rows), day)),
            "tax_grade": pa.array(GRADES).take(pa.array(grade[rows])),
            "updated_at": moments(np.full(len(rows), (day + 1) * DAY_SECONDS)),
        }
        for name, column in changed.items():
            version = version.set_column(version.schema.get_field_index(name), name, column)
        versions.append(version)
    return versions


def _products(world: World) -> pa.Table:
    products, sellers = world.products, world.sellers
    rows = len(products.seller)
    return table(
        {
            "product_id": products.product_id,
            "valid_from": dates(products.first_day),
            "seller_id": picked(sellers.seller_id, products.seller),
            "product_name": products.product_name,
            "category_code": words(products.category, CATEGORIES),
            "gtin": products.gtin,
            "hs_code": products.hs10,
            "origin_country": words(products.origin, sellers.home_codes),
            "unit_weight_kg": pa.array(products.weight_g / 1000),
            "unit_cost_amount": money(products.cost_cents),
            "cost_currency_code": same("CNY", rows),
            "list_price_amount": money(products.price_usd_cents),
            "price_currency_code": same("USD", rows),
            "legal_unit_code": products.legal_unit,
            "supplier_id": picked(world.suppliers.supplier_id, products.supplier),
            "is_made_to_order": pa.array(products.is_made_to_order),
            "version": ones(rows),
            "updated_at": moments(products.first_day.astype(np.int64) * DAY_SECONDS),
        }
    )


def _suppliers(world: World) -> pa.Table:
    suppliers = world.suppliers
    rows = len(suppliers.lead_time_days)
    day = np.full(rows, month_start(world.config.first_month) - 365)
    return table(
        {
            "supplier_id": suppliers.supplier_id,
            "valid_from": dates(day),
            "supplier_name": suppliers.supplier_name,
            "uscc": suppliers.uscc,
            "home_country": words(suppliers.home_country, world.sellers.home_codes),
            "capacity_per_week_qty": pieces(suppliers.capacity_per_week_qty),
            "lead_time_days": pa.array(suppliers.lead_time_days),
            "minimum_order_qty": pieces(suppliers.minimum_order_qty),
            "flexible_share_pct": pa.array(suppliers.flexible_share_pct),
            "version": ones(rows),
            "updated_at": moments(day * DAY_SECONDS),
        }
    )


def _rates(world: World) -> pa.Table:
    """Rates of the currencies of the world's markets, of USD and of CNY, on weekdays."""
    rates = world.rates
    wanted = {*world.markets.currency, "USD", "CNY"} - {"EUR"}
    rows = np.array([index for index, code in enumerate(rates.currencies) if code in wanted])
    days = rates.first_day + np.arange(rates.per_eur.shape[1])
    columns = np.flatnonzero((days + 3) % 7 < 5)
    currency = np.tile(rows, len(columns))
    column = np.repeat(columns, len(rows))
    return table(
        {
            "rate_on": dates(days[column]),
            "currency_code": words(currency, rates.currencies),
            "rate_per_eur": pa.array(rates.per_eur[currency, column]),
            "provider": same(RATE_PROVIDER, len(column)),
        }
    )


def generate_home_sites(world: World, month: str, shipments: HomeShipments) -> FeedTables:
    """Counts, purchase orders and capacity of the home sites in a month, from what all markets took from them."""
    home = home_sites(world.config, world.sellers)[world.products.seller]
    wanted = (shipments.pieces.sum(axis=1) >= LEAST_COUNTED) & ~world.products.is_made_to_order
    product = np.flatnonzero(wanted)
    levels = home_base_levels(world)
    taken = SiteMonth(month, product.astype(np.int32), home[product], levels[product], shipments.pieces[product])
    tables = dict(stock_tables(world, taken, served_markets(world))) if len(product) else {}
    tables["wms", "capacity"] = _home_capacity(world, month, shipments, np.bincount(home, levels).astype(np.int64))
    return tables


def _home_capacity(world: World, month: str, shipments: HomeShipments, kept: Integers) -> pa.Table:
    first, end = month_start(month), next_month_start(month)
    sent_from = _mean_parcels(world)
    entries, room = [], []
    loads: list[Reals | Integers] = []
    for site in range(len(kept)):
        name, country, pieces_kept = world.sites.site_code[site], world.sites.country[site], int(kept[site])
        entries += [(name, country, "parcels_per_day"), (name, country, "storage_pieces")]
        room += [parcels_capacity(float(sent_from[site])), max(1.0, STORAGE_ROOM * pieces_kept)]
        loads += [shipments.parcels[site, : end - first], storage_load(world, pieces_kept, first, end - first)]
    return capacity_table(first, entries, room, loads)


def _mean_parcels(world: World) -> Reals:
    """Expected parcels of a mean day by site."""
    total = np.zeros(len(world.sites.site_code))
    for market, assortment in enumerate(world.assortments):
        mean = world.demand.mean_orders[market].mean()
        total += np.bincount(assortment.market_site, assortment.weight, minlength=len(total)) * mean
    return total
