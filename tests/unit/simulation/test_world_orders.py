"""Orders of the world: the same on every run, exact in their money, and close to what real shops see."""

import hashlib
from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from stdnum.cn import ric

from orchestration.simulation.world.batches import CHANNELS, PORT_IMPORT, PORT_PLATFORM
from orchestration.simulation.world.building import build_world
from orchestration.simulation.world.config import WorldConfig
from orchestration.simulation.world.generate import generate_commerce
from orchestration.simulation.world.reference import generate_reference

CONFIG = WorldConfig(markets=("US", "JP", "CN"), months=20, sellers=300, orders=60_000)
MONTHS = CONFIG.month_list


def digest(tables):
    """A hash of all rows of all tables."""
    total = hashlib.sha256()
    for key in sorted(tables):
        table = tables[key]
        for name in table.column_names:
            column = table[name].combine_chunks()
            plain = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
            total.update(f"{key} {name} {plain.to_pylist()}".encode())
    return total.hexdigest()


@pytest.fixture(scope="module")
def world():
    return build_world(CONFIG)


@pytest.fixture(scope="module")
def months(world):
    return {(market, month): generate_commerce(world, market, month) for market in CONFIG.markets for month in MONTHS}


def test_a_market_month_is_the_same_in_any_order_and_another_with_another_seed(months):
    again = build_world(CONFIG)
    for market, month in (("JP", MONTHS[7]), ("US", MONTHS[0]), ("CN", MONTHS[3])):
        made, first = generate_commerce(again, market, month), months[market, month]
        assert digest(made.tables) == digest(first.tables)
        assert digest(made.truth) == digest(first.truth)
    other = generate_commerce(build_world(replace(CONFIG, seed=7)), "US", MONTHS[0])
    assert digest(other.tables) != digest(months["US", MONTHS[0]].tables)


def test_the_reference_is_the_same_twice(world):
    assert digest(generate_reference(world).tables) == digest(generate_reference(build_world(CONFIG)).tables)


def test_money_adds_up_to_the_cent_and_lines_are_gapless(months):
    for made in months.values():
        batch = made.batch
        amount = batch.unit_price_cents * batch.quantity
        assert (np.bincount(batch.line_order, amount, len(batch.channel)).astype(np.int64) == batch.goods_cents).all()
        rest = batch.goods_cents + batch.freight_cents + batch.tax_cents - batch.discount_cents
        assert (batch.payable_cents == rest).all()
        assert batch.payable_cents.min() > 0
        starts = np.flatnonzero(np.diff(batch.line_order, prepend=-1))
        assert len(starts) == len(batch.channel)
        position = np.arange(len(batch.line_no)) - starts[batch.line_order] + 1
        assert (batch.line_no == position).all()
        assert (np.diff(batch.ordered_at) >= 0).all()
        if batch.currency == "JPY":
            assert (batch.payable_cents % 100 == 0).all()
        if batch.market == "CN":
            assert batch.goods_cents.max() <= 500_000


def test_orders_are_of_their_local_month_and_numbered_without_a_gap(world, months):
    for (market, month), made in months.items():
        zone = ZoneInfo(world.markets.time_zone[CONFIG.markets.index(market)])
        local = pd.to_datetime(made.batch.ordered_at, unit="s", utc=True).tz_convert(zone)
        assert set(local.strftime("%Y-%m")) == {month}
        numbers = pd.Series(made.batch.order_no.to_pylist())
        for _, group in numbers.groupby(numbers.str[:2]):
            assert group.str[-7:].astype(int).tolist() == list(range(1, len(group) + 1))


def test_each_order_is_in_one_source_and_imports_name_their_buyer(months):
    for (market, _), made in months.items():
        sources = {source for source, feed in made.tables if feed == "orders"}
        assert sources == ({"port"} if market == "CN" else {"hub", "port"})
        rows = sum(made.tables[source, "orders"].num_rows for source in sources)
        assert rows == len(made.batch.channel)
        assert set(made.batch.channel[made.batch.channel >= PORT_PLATFORM]) == (
            {PORT_IMPORT} if market == "CN" else {PORT_PLATFORM}
        )
    imports = pa.concat_tables(months["CN", month].tables["port", "orders"] for month in MONTHS)
    ids = imports["buyer_id_no"].unique().to_pylist()
    assert len(ids) > 1000
    assert all(ric.is_valid(number) for number in ids[:800])


def test_a_cancelled_order_of_a_shop_has_a_negative_leg_for_each_line(months):
    lines = pa.concat_tables(months["US", month].tables["hub", "order_lines"] for month in MONTHS)
    frame = lines.to_pandas().astype({"leg_type": str, "reverses_line_no": str, "line_no": str})
    frame = frame.set_index(["order_no", "line_no"])
    assert frame.index.is_unique
    reversals = frame[frame.leg_type == "cancellation"]
    assert len(reversals) > 100
    keys = pd.MultiIndex.from_arrays([reversals.reverses_order_no, reversals.reverses_line_no])
    assert (frame.loc[keys].quantity.to_numpy() == -reversals.quantity.to_numpy()).all()


def test_units_follow_the_true_means(months):
    for market in CONFIG.markets:
        expected = pa.concat_tables(months[market, month].truth["demand_mean"] for month in MONTHS)
        wanted = pc.sum(expected["mean_units"]).as_py()
        sold = sum(int(months[market, month].batch.quantity.sum()) for month in MONTHS)
        lost = sum(pc.sum(months[market, month].truth["stock_outs"]["lost_units"]).as_py() for month in MONTHS)
        assert sold + lost == pytest.approx(wanted, rel=0.08)
        assert 0.002 < lost / wanted < 0.06


def test_buyers_return_and_baskets_have_heavy_tails(months):
    buyers = pd.DataFrame(
        {
            "customer": np.concatenate([months["US", month].batch.customer for month in MONTHS]),
            "at": np.concatenate([months["US", month].batch.ordered_at for month in MONTHS]),
        }
    ).sort_values("at")
    year = 365 * 86_400
    firsts = buyers.groupby("customer")["at"].first()
    seconds = buyers[buyers.duplicated("customer")].groupby("customer")["at"].first()
    cohort = firsts[firsts < firsts.min() + year // 2]
    again = (seconds.reindex(cohort.index) - cohort) < year
    assert 0.40 < again.mean() < 0.60
    per_buyer = buyers.groupby("customer").size()
    assert per_buyer.max() > 10
    sizes = np.concatenate([np.bincount(months["US", month].batch.line_order) for month in MONTHS])
    assert 1.35 < sizes.mean() < 1.75
    value = np.sort(np.concatenate([months["US", month].batch.goods_cents for month in MONTHS]))[-200:]
    assert 1.0 < 1 / np.log(value / value[0]).mean() < 3.0  # Hill's estimator


def test_every_channel_is_used_and_promotions_are_cheaper(months):
    batch = months["US", "2023-11"].batch
    assert set(batch.channel) == {CHANNELS.index(name) for name in CHANNELS[:4]}
    is_promoted = batch.promotion >= 0
    assert (batch.unit_price_cents[is_promoted] < batch.list_price_cents[is_promoted]).all()
    assert (batch.unit_price_cents[~is_promoted] == batch.list_price_cents[~is_promoted]).all()
    promotions = months["US", "2023-11"].tables["hub", "promotions"]
    row = int(np.flatnonzero(is_promoted)[0])
    assert promotions["discount_pct"][int(batch.promotion[row])].as_py() == pytest.approx(
        100 * (1 - batch.unit_price_cents[row] / batch.list_price_cents[row]), abs=0.6
    )
