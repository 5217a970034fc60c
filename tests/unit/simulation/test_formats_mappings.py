"""Mappings of sources that send many kinds of files: emits by the name of the file, fields by that of the column."""

from pathlib import Path

import pytest

from orchestration.arrivals.located import ConfigurationError
from orchestration.arrivals.mapping_reader import SHIPPED, load_mapping, load_mappings
from tests.arrivals_helpers import Room

MAPPING = """
source: shop
version: 1
files: ["shop__*.csv"]
emits:
  - feed: orders
    files: ["shop__orders__*"]
    by_name: &steps
      text: [nfkc, squeeze]
      currency: [{codes: {values: {RMB: CNY}, default: keep}}]
  - feed: order_lines
    files: ["shop__lines__*"]
    by_name: *steps
    fields:
      product_id: sku
"""
ORDERS = "order_no,ordered_at,ship_to_country,currency_code,note\nＡ\u200b1,2026-01-02T03:04:05Z,DE,RMB,a\u00a0 b\n"
LINES = """order_no,line_no,sku,product_kind,leg_type,quantity,unit_price_amount,currency_code
A1,1,S,product,sale,2,3.5,EUR
"""


def test_a_file_gives_the_emits_of_its_name_with_the_steps_of_each_type(tmp_path):
    room = Room(tmp_path)
    room.mapping(MAPPING)
    room.drop("shop__orders__1.csv", ORDERS)
    room.drop("shop__lines__1.csv", LINES)
    assert {file.name: file.rows_by_feed for file in room.arrive().files} == {
        "shop__orders__1.csv": {"orders": 1},
        "shop__lines__1.csv": {"order_lines": 1},
    }
    assert room.query("select order_no, currency_code, note, _repairs from orders") == [
        ("A1", "CNY", "a b", "order_no:text.full_width;note:text.full_width")
    ]
    assert room.query("select order_no, product_id, quantity, _market from order_lines") == [("A1", "S", "2", "DE")]


def test_a_column_that_a_record_needs_and_a_name_that_no_emit_takes_refuse_the_file(tmp_path):
    room = Room(tmp_path)
    room.mapping(MAPPING)
    lost = room.take("shop__orders__2.csv", ORDERS.replace("ordered_at", "when"))
    assert lost.rule == "schema.lost_column"
    assert "'ordered_at'" in lost.reason
    assert room.take("shop__returns__1.csv", ORDERS).rule == "file.unknown"


def test_mappings_of_one_source_agree_on_whose_orders_they_mean(tmp_path):
    (tmp_path / "a.yaml").write_text(MAPPING)
    (tmp_path / "b.yaml").write_text(
        MAPPING.replace("shop__*.csv", "more__*").replace("emits:", "orders_of: hub\nemits:")
    )
    message = (
        r"b.yaml: orders_of: documents of source 'shop' belong to the orders of 'hub' here, and of 'shop' in a.yaml"
    )
    with pytest.raises(ConfigurationError, match=message):
        load_mappings(tmp_path)


def test_a_mapping_is_read_again_when_it_has_changed(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(MAPPING)
    assert load_mapping(path).version == 1
    path.write_text(MAPPING.replace("version: 1", "version: 12"))
    assert load_mapping(path).version == 12


def test_the_worlds_mappings_say_whose_orders_their_documents_name():
    found = {mapping.source_id: mapping.orders_of for mapping in load_mappings(SHIPPED) if mapping.path[:6] == "world_"}
    others = {"paygate", "carrier", "broker", "settle", "taxbureau", "analytics"}
    assert {source for source, orders_of in found.items() if orders_of == "hub"} == {*others, "hub"}
    assert {source for source, orders_of in found.items() if orders_of == "port"} == {"port", "port_tax"}
    assert Path(SHIPPED / "world_port_ceb.yaml").exists()
