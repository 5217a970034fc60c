"""A market is added while rows wait for it in ZZ: what docs/add-a-market.md promises about them."""

import json
from pathlib import Path

from orchestration.arrivals.intake import arrive
from orchestration.lake import PLACEMENTS, Lake
from orchestration.markets import load_markets
from orchestration.settings import PROJECT_ROOT, Settings

WEB_SHOP = """
source: web_shop
version: 1
files: ["web_shop_*.jsonl"]
format: {type: jsonl}
ignored_columns: [event_id, topic, status, channel, customer]
emits:
  - feed: orders
    fields:
      order_no: {path: number}
      ordered_at: {path: placed_at}
      ship_to_country: {path: ship_to.country}
      currency_code: {path: currency}
      version: {path: version}
      updated_at: {path: updated_at}
  - feed: order_lines
    explode: lines
    fields:
      order_no: {path: number}
      line_no: {path: lines.no}
      product_id: {path: lines.sku}
      product_kind: {constant: product}
      leg_type: {path: lines.type}
      quantity: {path: lines.quantity}
      unit_price_amount: {path: lines.unit_price}
      currency_code: {path: currency}
      version: {path: version}
"""


def webhook(version: int) -> str:
    """An order to Kuwait as a web shop sends it."""
    line = {
        "no": 1,
        "type": "sale",
        "sku": "A",
        "name": "A",
        "quantity": 1,
        "unit_price": "1.250",
        "returns_line": None,
    }
    order = {"event_id": f"e{version}", "topic": "order", "number": "WB-1", "version": version, "status": "paid"}
    order |= {"placed_at": "2026-01-31T23:30:00+03:00", "updated_at": f"2026-02-0{version}T10:00:00Z", "channel": "web"}
    order |= {"currency": "KWD", "customer": {"id": "C1"}, "ship_to": {"country": "KW"}, "lines": [line]}
    return json.dumps(order) + "\n"


def test_a_newer_version_takes_its_document_out_of_zz_once_the_market_exists(tmp_path: Path) -> None:
    with_kuwait = (PROJECT_ROOT / "markets.yaml").read_text(encoding="utf-8")
    start, end = with_kuwait.index("- code: KW\n"), with_kuwait.index("- code: MX\n")
    markets_file = tmp_path / "markets.yaml"
    markets_file.write_text(with_kuwait[:start] + with_kuwait[end:], encoding="utf-8")
    settings = Settings(home=tmp_path / "home", markets_file=markets_file)
    lake = Lake(settings)
    settings.inbox.mkdir(parents=True)
    settings.sources.mkdir(parents=True)
    (settings.sources / "web_shop.yaml").write_text(WEB_SHOP, encoding="utf-8")

    (settings.inbox / "web_shop_1.jsonl").write_text(webhook(1), encoding="utf-8")
    first = arrive(settings, lake)
    assert first.markets_touched == ("ZZ",)
    assert first.files[0].unknown_markets == {"KW": 1}

    markets_file.write_text(with_kuwait, encoding="utf-8")
    assert load_markets(markets_file).resolve("KW") == ("KW", "")
    (settings.inbox / "web_shop_2.jsonl").write_text(webhook(2), encoding="utf-8")
    second = arrive(settings, lake)
    assert second.markets_touched == ("KW", "ZZ")
    files = lake.data_files(PLACEMENTS.name, lake.raw_snapshots(["placements"])["placements"])
    assert sum(file.rows for file in files) == 2
    moved = {
        (touch.layer, touch.feed, touch.market)
        for touch in lake.pending_touches(["ZZ", "KW"])
        if touch.reason == "moved"
    }
    assert moved >= {
        ("staging", "orders", "ZZ"),
        ("staging", "orders", "KW"),
        ("staging", "order_lines", "ZZ"),
        ("staging", "order_lines", "KW"),
        ("marts", "", "ZZ"),
    }
