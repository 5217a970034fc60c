"""What surrounds the orders: contracts, visits, stock, capacity, media, rates and planted surprises."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from stdnum import iso6346
from stdnum.cn import uscc

from orchestration.arrivals.contracts import contracts
from orchestration.simulation.world.batches import CATEGORIES
from orchestration.simulation.world.building import build_world
from orchestration.simulation.world.config import WorldConfig
from orchestration.simulation.world.generate import generate_commerce
from orchestration.simulation.world.reference import generate_home_sites, generate_reference

CONFIG = WorldConfig(markets=("US", "SA", "CN"), months=12, sellers=250, orders=120_000)


@pytest.fixture(scope="module")
def world():
    return build_world(CONFIG)


@pytest.fixture(scope="module")
def year(world):
    return {
        month: [generate_commerce(world, market, month) for market in CONFIG.markets] for month in CONFIG.month_list
    }


@pytest.fixture(scope="module")
def home(world, year):
    made = {}
    for month, parts in year.items():
        made[month] = generate_home_sites(world, month, parts[0].home.plus(parts[1].home).plus(parts[2].home))
    return made


def all_rows(year, home, key):
    parts = [part.tables[key] for made in year.values() for part in made if key in part.tables]
    parts += [tables[key] for tables in home.values() if key in tables]
    return pa.concat_tables(parts).to_pandas()


def test_tables_keep_their_contracts(world, year, home):
    known = contracts()
    month = CONFIG.month_list[8]
    found = [generate_reference(world).tables, home[month], *(part.tables for part in year[month])]
    for (_, feed), table in ((key, table) for tables in found for key, table in tables.items()):
        fields = {field.name: field for field in known[feed].fields}
        assert set(table.column_names) <= set(fields), feed
        for name, field in fields.items():
            if field.is_required:
                assert table[name].null_count == 0, (feed, name)
            if name in table.column_names and field.codes:
                assert set(table[name].unique().to_pylist()) - {None} <= set(field.codes), (feed, name)
        key = [name for name in known[feed].key if name in table.column_names]
        assert table.select(key).group_by(key).aggregate([]).num_rows == table.num_rows, feed


def test_stock_is_what_was_there_and_came_and_went(year, home):
    counts = all_rows(year, home, ("wms", "stock_snapshots")).sort_values("counted_on")
    assert (counts.on_hand_qty >= 0).all()
    before = counts.groupby(["site_code", "product_id"], observed=True).on_hand_qty.shift()
    moved = counts.received_qty - counts.shipped_qty + counts.adjusted_qty
    known = before.notna()
    assert known.sum() > 5000
    assert (before + moved == counts.on_hand_qty)[known].all()
    assert 0.005 < counts.is_out_of_stock.mean() < 0.2


def test_received_stock_was_ordered_from_suppliers(year, home):
    counts = all_rows(year, home, ("wms", "stock_snapshots"))
    purchases = all_rows(year, home, ("erp", "purchase_orders"))
    has_come = purchases.received_on.notna()
    assert purchases.quantity[has_come].sum() == purchases.received_qty.sum() == counts.received_qty.sum()
    assert 10 < (~has_come).sum() < 0.1 * len(purchases)
    assert not purchases.duplicated(["po_no", "line_no"]).any()
    ordered = purchases.ordered_at.dt.tz_localize(None)
    assert (pd.to_datetime(purchases.received_on) >= ordered)[has_come].all()
    assert ordered.max() < pd.Timestamp("2024-03-01")
    containers = purchases.container_no.dropna().unique()
    assert len(containers) > 100
    assert all(iso6346.is_valid(number) for number in containers)


def test_loads_are_those_of_the_day(world, year):
    part = year["2023-11"][0]
    capacity = part.tables["wms", "capacity"].to_pandas()
    sent = capacity[capacity.capacity_kind == "parcels_per_day"].set_index("measured_on").peak_load_value
    batch = part.batch
    near = world.sites.is_overseas[batch.site] & ~batch.is_cancelled
    assert sent.sum() == near.sum()
    assert sent.idxmax().day in (24, 25, 26, 27)  # Black Friday to Cyber Monday


def test_about_one_visit_in_sixteen_ends_in_an_order(year):
    sessions = pa.concat_tables(made[0].tables["analytics", "sessions"] for made in year.values())
    events = pa.concat_tables(made[0].tables["analytics", "session_events"] for made in year.values())
    orders = sum(part.tables["hub", "orders"].num_rows for made in year.values() for part in made[:1])
    ended = sessions["order_no"].drop_null()
    assert len(ended) / sessions.num_rows == pytest.approx(0.06, abs=0.01)
    assert sessions.num_rows < 3 * orders
    assert events.num_rows < 2.1 * sessions.num_rows
    paid = events.filter(pc.equal(events["stage"].cast(pa.string()), "paid"))
    assert paid.num_rows == len(ended)
    known = pa.concat_tables(
        made[0].tables["hub", "orders"].select(["order_no", "session_id"]) for made in year.values()
    )
    pairs = dict(zip(known["order_no"].to_pylist(), known["session_id"].to_pylist(), strict=True))
    rows = sessions.filter(pc.is_valid(sessions["order_no"]))
    assert all(
        pairs[order] == session
        for order, session in zip(rows["order_no"].to_pylist(), rows["session_id"].to_pylist(), strict=True)
    )


def test_men_in_texas_buy_twice_the_share_of_baby_goods(world, year):
    baby = CATEGORIES.index("baby")
    latent = pa.concat_tables(made[0].truth["customer_latent"] for made in year.values())
    gender = dict(zip(latent["customer_id"].to_pylist(), latent["gender"].to_pylist(), strict=True))
    share = {True: [0, 0], False: [0, 0]}
    texas = world.markets.subdivision_code.to_pylist().index("US-TX")
    for made in year.values():
        batch = made[0].batch
        first = np.flatnonzero(batch.line_no == 1)
        is_baby = world.products.category[batch.product[first]] == baby
        is_man = np.array([gender[one] == "male" for one in batch.customer_id.to_pylist()])
        for is_texan, counts in share.items():
            rows = is_man & ((batch.subdivision == texas) == is_texan)
            counts[0] += int(is_baby[rows].sum())
            counts[1] += int(rows.sum())
    found = {is_texan: hits / rows for is_texan, (hits, rows) in share.items()}
    assert 1.5 < found[True] / found[False] < 2.4


def test_ramadan_and_black_friday_move_their_own_markets(world):
    day = (np.datetime64("2023-11-24") - np.datetime64("1970-01-01")).astype(int) - world.demand.first_day
    base = world.demand.base_orders
    assert base[0, day] > 2.2 * base[0, day - 14]
    assert base[2, day] < 1.5 * base[2, day - 6]
    eid = (np.datetime64("2023-04-21") - np.datetime64("1970-01-01")).astype(int) - world.demand.first_day
    assert base[1, eid] < 0.7 * base[1, eid - 9]


def test_media_lift_follows_adstock_and_saturation(year):
    effect = year["2023-06"][0].truth["media_effect"].to_pandas()
    search = effect[effect.medium == "paid_search"]
    assert np.allclose(search.lift, 0.14 * search.adstock / (search.adstock + 1.0), atol=1e-6)


def test_entities_have_valid_codes_and_latents_are_correlated(world):
    reference = generate_reference(world)
    sellers, products = reference.tables["hub", "sellers"], reference.tables["hub", "products"]
    assert all(uscc.is_valid(code) for code in sellers["uscc"].drop_null().to_pylist())
    assert 0.85 < pc.mean(pc.equal(sellers["home_country"].cast(pa.string()), "CN")).as_py() < 0.9
    codes = products["hs_code"].to_pylist()
    assert {len(code) for code in codes} == {10}
    assert any(code.startswith("0") for code in codes)
    assert 4 < products.num_rows / CONFIG.sellers < 8
    latent = reference.truth["seller_latent"]
    assert 0.25 < np.corrcoef(latent["quality"].to_numpy(), latent["solvency"].to_numpy())[0, 1] < 0.6
    rates = reference.tables["worldfx", "fx_rates"].to_pandas()
    assert set(pd.to_datetime(rates.rate_on).dt.day_of_week) == {0, 1, 2, 3, 4}
    dollars = rates[rates.currency_code == "USD"].rate_per_eur
    assert dollars.between(0.9, 1.3).all()


def test_a_market_or_month_that_does_not_exist_is_named(world):
    with pytest.raises(ValueError, match="no market-month NL 2023-03"):
        generate_commerce(world, "NL", "2023-03")
    with pytest.raises(ValueError, match="has no market XX"):
        build_world(WorldConfig(markets=("XX",)))
