"""Records: what stands beside the fields (keys, content, raw row), once-only headers, and columns that changed."""

import hashlib
import json

import pytest

from orchestration.arrivals.mapping_reader import SHIPPED, load_mapping
from orchestration.arrivals.rates import default_rates_file
from orchestration.arrivals.refusal import Refusal
from orchestration.arrivals.translation import SourceFile
from tests.arrivals_helpers import LINES, ORDERS, SHIPMENTS, Bench

FLAT = """
source: shop
version: 1
files: ["*"]
duplicates: {duplicates}
emits:
  - feed: orders
    distinct: true
    fields:
      order_no: no
      ordered_at: at
      ship_to_country: country
      currency_code: {{constant: EUR}}
  - feed: order_lines
    fields:
      order_no: no
      line_no: {{generated: content}}
      product_id: sku
      product_kind: {{constant: product}}
      leg_type: {{constant: sale}}
      quantity: qty
      unit_price_amount: price
      currency_code: {{constant: EUR}}
"""
FLAT_ROWS = (
    "no,at,country,sku,qty,price\n"
    "A1,2026-01-01,DE,pen,1,2.50\n"
    "A1,2026-01-01,DE,cup,1,3\n"
    "A2,2026-01-02,FR,pen,1,2.5\n"
    "A1,2026-01-01,DE,pen,1,2.50\n"
)
NESTED = """
source: web
version: 1
files: ["*"]
format: {type: jsonl}
time_zone: America/New_York
emits:
  - feed: orders
    fields:
      order_no: id
      ordered_at: placed
      ship_to_country: {path: buyer.address.country}
      currency_code: {path: [total.currency, currency]}
      customer_id: {path: buyer.id, optional: true}
  - feed: order_lines
    explode: cart.items
    fields:
      order_no: id
      line_no: {generated: position}
      product_id: {path: cart.items.sku}
      product_kind: {constant: product}
      leg_type: {constant: sale}
      quantity: {path: cart.items.qty}
      unit_price_amount: {path: cart.items.price.net}
      currency_code: {path: total.currency}
"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return Bench(tmp_path_factory.mktemp("bench"))


def key(*parts):
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:32]


def test_headers_and_lines_of_one_flat_file(bench):
    bench.translate(FLAT.format(duplicates="identical_rows"), FLAT_ROWS)
    orders = bench.records("orders", "order_no, _row, _record_key, _document_key, _order_key, _own_market, _own_month")
    assert orders == [
        ("A1", 1, key("shop", "A1"), key("shop", "A1"), key("shop", "A1"), "DE", "2026-01"),
        ("A2", 3, key("shop", "A2"), key("shop", "A2"), key("shop", "A2"), "FR", "2026-01"),
    ]
    lines = bench.records("order_lines", "_row, line_no, _record_key, _document_key, _own_market, _content_hash")
    assert [line[0] for line in lines] == [1, 2, 3, 4]
    for _, line_no, record, document, market, content in lines:
        assert line_no == "h" + content[:12]
        assert record == key("shop", "A2" if document == key("shop", "A2") else "A1", line_no)
        assert market == "ZZ"  # until it is placed with its order
    assert lines[0][1:] == lines[3][1:], "an identical row is the same line again"
    assert len({line[2] for line in lines}) == 3


def test_identical_rows_are_lines_of_their_own_where_the_mapping_says_so(bench):
    bench.translate(FLAT.format(duplicates="keep"), FLAT_ROWS)
    lines = bench.records("order_lines", "_row, line_no")
    first, second, third, again = (line_no for _, line_no in lines)
    assert first.endswith("-1")
    assert again == first.removesuffix("-1") + "-2"
    assert len({first, second, third, again}) == 4


def test_a_header_that_differs_is_a_second_version(bench):
    bench.translate(FLAT.format(duplicates="keep"), FLAT_ROWS + "A1,2026-01-03,DE,pen,1,9\n")
    assert bench.records("orders", "order_no, ordered_at, _row") == [
        ("A1", "2026-01-01T00:00:00Z", 1),
        ("A2", "2026-01-02T00:00:00Z", 3),
        ("A1", "2026-01-03T00:00:00Z", 5),
    ]


def test_content_is_the_mapped_fields_only_and_nulls_do_not_count(bench):
    bench.translate(ORDERS, "order_no,ordered_at,country,note\nA1,2026-01-01,DE,x\n")
    ((content, raw),) = bench.records("orders", "_content_hash, _raw")
    parts = ["order_no=A1", "ordered_at=2026-01-01T00:00:00Z", "ship_to_country=DE", "currency_code=EUR"]
    assert content == hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
    assert json.loads(raw) == {"order_no": "A1", "ordered_at": "2026-01-01", "country": "DE", "note": "x"}
    bench.translate(ORDERS, "country,order_no,ordered_at,version\nGermany,A1,2026-01-01 00:00,\n")
    assert bench.records("orders", "_content_hash") == [(content,)]


def test_a_record_without_a_part_of_its_key_has_no_key(bench):
    bench.translate(ORDERS, "order_no,ordered_at,country\n,2026-01-01,DE\n")
    assert bench.records("orders", "_record_key, _document_key, _order_key") == [(None, None, None)]


def test_versions_and_events_that_cannot_be_read_rank_lowest(bench):
    bench.translate(
        ORDERS,
        "order_no,ordered_at,country,version,updated_at\n"
        "A1,2026-01-01,DE,7,2026-01-02T00:00:00Z\n"
        "A2,2026-01-01,DE,x,soon\nA3,2026-01-01,DE,,\nA4,2026-01-01,DE,3.0,2026-01-02\n",
    )
    assert bench.records("orders", "_version, _event_at") == [
        (7, "2026-01-02T00:00:00Z"), (0, ""), (0, ""), (3, "2026-01-02T00:00:00Z")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("ordered_at", "country", "place"),
    [
        ("2026-01-31T23:30:00Z", "GB", ("GB", "2026-01")),
        ("2026-01-31T23:30:00Z", "DE", ("DE", "2026-02")),
        ("2026-02-01T04:30:00Z", "US", ("US", "2026-01")),
        ("2026-01-31T23:30:00Z", "Atlantis", ("ZZ", "2026-01")),
        ("2026-01-31T23:30:00Z", "", ("ZZ", "2026-01")),
        # Without a readable date: the month of arrival.
        ("2026-02-30", "DE", ("DE", "2026-03")),
        ("", "DE", ("DE", "2026-03")),
    ],
)
def test_an_orders_place_is_its_market_and_local_month(bench, ordered_at, country, place):
    bench.translate(ORDERS, f"order_no,ordered_at,country\nA1,{ordered_at},{country}\n")
    assert bench.records("orders", "_own_market, _own_month") == [place]


def test_a_shipments_month_is_in_its_key_unless_the_mapping_gives_one(bench):
    head = "waybill_no,shipped_at,country,key_month\n"
    bench.translate(SHIPMENTS, head + "W1,2026-01-31T10:00:00Z,FR,\nW1,2026-08-01,FR,\nW2,2026-01-01,FR,2000-01\n")
    assert bench.records("shipments", "shipped_month, _record_key") == [
        ("2026-01", key("haulier", "DHL", "W1", "2026-01")),
        ("2026-08", key("haulier", "DHL", "W1", "2026-08")),
        ("2000-01", key("haulier", "DHL", "W2", "2000-01")),
    ]


def test_documents_name_the_orders_of_the_source_that_numbered_them(bench):
    bench.translate(SHIPMENTS, "waybill_no,shipped_at,country,order_no\nW1,2026-01-31,FR,A1; A2\nW2,2026-01-31,FR,\n")
    assert bench.records("shipments", "_order_key") == [(key("shop", "A1"),), (None,)]
    linked = bench.con.execute(f"select order_key from links where _file_no = {bench.number}").fetchall()
    assert sorted(linked) == sorted([(key("shop", "A1"),), (key("shop", "A2"),)])


def test_nested_json_and_its_arrays(bench):
    rows = [
        {"id": "A1", "placed": "2026-01-01T00:00:00", "buyer": {"id": 7, "address": {"country": "de"}},
         "total": {"currency": "EUR"},
         "cart": {"items": [{"sku": "pen", "qty": 2, "price": {"net": 2.50}}, {"sku": "cup", "qty": 1}]}},
        {"id": "A2", "placed": "2026-07-01T00:00:00", "buyer": {"address": {"country": "JP"}}, "currency": "JPY"},
        {"id": "A3", "placed": None, "buyer": None, "total": {"currency": "EUR"}, "cart": {"items": []}},
    ]  # fmt: skip
    bench.translate(NESTED, "\n".join(json.dumps(row) for row in rows), name="x.jsonl")
    fields = "_row, order_no, ordered_at, ship_to_country, currency_code, customer_id"
    assert bench.records("orders", fields) == [
        (1, "A1", "2026-01-01T05:00:00Z", "DE", "EUR", "7"),
        (2, "A2", "2026-07-01T04:00:00Z", "JP", "JPY", None),
        (3, "A3", None, None, "EUR", None),
    ]
    fields = "_row, order_no, line_no, product_id, quantity, unit_price_amount"
    assert bench.records("order_lines", fields, order="_row, line_no") == [
        (1, "A1", "1", "pen", "2", "2.5"),
        (1, "A1", "2", "cup", "1", None),
    ]


def test_each_element_keeps_its_own_part_of_the_raw_row(bench):
    mapping = NESTED.replace("cart.items", "items")
    row = {"id": "A1", "placed": "2026-01-01", "buyer": {"address": {"country": "DE"}}, "total": {"currency": "EUR"},
           "items": [{"sku": "pen", "qty": 2, "price": {"net": 1}}, {"sku": "cup", "qty": 1}]}  # fmt: skip
    bench.translate(mapping, json.dumps(row), name="x.jsonl")
    raws = [json.loads(raw) for (raw,) in bench.records("order_lines", "_raw", order="line_no")]
    assert [raw["items"]["sku"] for raw in raws] == ["pen", "cup"]
    assert raws[0]["buyer"] == row["buyer"]


def test_only_rows_that_satisfy_the_conditions_are_records(bench):
    text = ORDERS.replace(
        "  - feed: orders\n", "  - feed: orders\n    where: {column: country, not_in: [test, demo]}\n"
    )
    bench.translate(text, "order_no,ordered_at,country\nA1,2026-01-01,DE\nA2,2026-01-01,test\nA3,2026-01-01,\n")
    assert bench.records("orders", "order_no") == [("A1",), ("A3",)]
    mapping = bench.mapping(text)
    (frame,) = bench.read("again.csv", "order_no,ordered_at,country\nA1,2026-01-01,DE\nA2,2026-01-01,test\n")
    assert bench.translator.unused_rows(SourceFile("again.csv", bench.number, frame), mapping) == 1


def test_the_packaged_rates_become_a_row_per_day_and_currency(bench):
    mapping = load_mapping(SHIPPED / "ecb.yaml")
    content = "Date,USD,JPY,RUB,\n2026-10-30,1.1172,175.68,N/A,\n2026-10-29,1.113,N/A,,\n"
    path = bench.folder / "rates.yaml"
    path.write_text((SHIPPED / "ecb.yaml").read_text())
    bench.translate(path.read_text(), content)
    assert mapping.unpivot is not None
    assert bench.records("fx_rates", "rate_on, currency_code, rate_per_eur, provider, _row, _raw", "_row, 2") == [
        ("2026-10-30", "JPY", "175.68", "ECB", 1, '{"Date":"2026-10-30","Currency":"JPY","Rate":"175.68"}'),
        ("2026-10-30", "USD", "1.1172", "ECB", 1, '{"Date":"2026-10-30","Currency":"USD","Rate":"1.1172"}'),
        ("2026-10-29", "USD", "1.113", "ECB", 2, '{"Date":"2026-10-29","Currency":"USD","Rate":"1.113"}'),
    ]
    # The provider's word, whichever source delivers it.
    fields = "_record_key, _document_key, _own_market, _own_month"
    first = bench.records("fx_rates", fields, "_row, currency_code")[0]
    assert first == (key("ECB", "2026-10-30", "JPY"), None, "", "2026-10")
    assert mapping.takes("eurofxref-hist.csv")
    assert default_rates_file().name == "eurofxref-hist.zip"


COLUMNS = "order_no,line_no,product_id,quantity,price\n"


@pytest.mark.parametrize(
    ("mapping", "content", "message"),
    [
        (LINES, "order_no,line_no,product_id,quantity\nA1,1,p,1\n",
         "schema.lost_column: x.csv: none of the 4 columns is named 'price'"),
        (LINES, "Jane Smith,1,p,1,2\nJohn Doe,2,q,1,3\n",
         "schema.lost_column: x.csv: none of the 5 columns is named 'order_no'"),
        (LINES.replace("amount: price", "amount: {column: [price, Price]}"),
         "order_no,line_no,product_id,quantity\nA1,1,p,1\n",
         "schema.lost_column: x.csv: none of the 4 columns is named 'price' or 'Price'"),
        (LINES, "order_no,line_no,product_id,quantity,price,price\nA1,1,p,1,2,3\n",
         "schema.duplicate_column: x.csv: the header has the column 'price' twice"),
        (LINES, COLUMNS + "A1,1,p,1,2\nA1,2,p,one,2\nA1,3,p,two,2\n",
         "schema.retyped_column: x.csv: column 'quantity': 2 of 3 values are no decimal (order_lines.quantity); "
         "the first is in row 2, of the form 'xxx'"),
        (ORDERS, "order_no,ordered_at,country\nA1,03.01.2026,DE\nA2,04.01.2026,DE\n",
         "schema.retyped_column: x.csv: column 'ordered_at': 2 of 2 values are no timestamp (orders.ordered_at); "
         "the first is in row 1, of the form '99.99.9999'"),
        (LINES.replace("{constant: EUR}", "{column: cur}"), COLUMNS.strip() + ",cur\nA1,1,p,1,2,Euro\n",
         "schema.retyped_column: x.csv: column 'cur': 1 of 1 values are no currency"),
        (LINES.replace("{match: {choices: [], default: sale}}", "{codes: {values: {S: sale}, default: error}}"),
         COLUMNS.strip() + ",leg_type\nA1,1,p,1,2,S\nA1,2,p,1,2,Smith\n",
         "mapping.unknown_code: x.csv: row 2: the value for order_lines.leg_type stands in no list of codes"),
    ],
)  # fmt: skip
def test_columns_that_changed_refuse_the_file(bench, mapping, content, message):
    with pytest.raises(Refusal) as caught:
        bench.translate(mapping, content, name="x.csv")
    assert str(caught.value).startswith(message)


def test_a_retyped_personal_column_is_named_without_its_value(bench, monkeypatch):
    """No shipped contract has a personal field of a type; the rule must hold for the first that has."""
    from dataclasses import replace

    from orchestration.arrivals.contracts import contracts

    orders = contracts()["orders"]
    fields = tuple(replace(f, is_personal=True) if f.name == "ordered_at" else f for f in orders.fields)
    translator = replace(bench.translator, contracts={**contracts(), "orders": replace(orders, fields=fields)})
    monkeypatch.setattr(bench, "translator", translator)
    with pytest.raises(Refusal, match=r"the first is in row 1, its value is personal$"):
        bench.translate(ORDERS, "order_no,ordered_at,country\nA1,born in May,DE\n")


def test_impossible_days_and_single_bad_values_are_rows_for_quarantine(bench):
    bench.translate(ORDERS, "order_no,ordered_at,country\nA1,2026-02-30,DE\nA2,2026-13-01,DE\n")
    assert bench.records("orders", "ordered_at") == [("2026-02-30",), ("2026-13-01",)]
    bench.translate(LINES, COLUMNS + "A1,1,p,1,2\nA1,2,p,many,2\nA1,3,p,,2\nA1,4,p,1,2\n")
    assert bench.records("order_lines", "quantity") == [("1",), ("many",), (None,), ("1",)]


def test_the_share_that_refuses_is_the_mappings_to_choose(bench):
    content = COLUMNS + "".join(f"A1,{n},p,{'x' if n < 3 else 1},2\n" for n in range(10))
    bench.translate(LINES, content)
    with pytest.raises(Refusal, match="3 of 10 values are no decimal"):
        bench.translate(LINES + "retyped_share: 0.2\n", content)


def test_a_path_that_no_row_has_is_a_lost_column(bench):
    row = {
        "id": "A1",
        "placed": "2026-01-01",
        "buyer": {"country": "DE"},
        "total": {"currency": "EUR"},
        "cart": {"items": []},
    }
    with pytest.raises(Refusal, match=r"schema.lost_column: x.jsonl: no row has the path 'buyer.address.country'"):
        bench.translate(NESTED, json.dumps(row), name="x.jsonl")
    row["buyer"] = {"address": {"country": "DE"}}
    bench.translate(NESTED, json.dumps(row), name="x.jsonl")
    del row["cart"]
    with pytest.raises(Refusal, match=r"schema.lost_column: x.jsonl: no row has the path 'cart.items'"):
        bench.translate(NESTED, json.dumps(row), name="x.jsonl")


def test_values_are_data_and_never_sql(bench):
    nasty = "'); drop table collected_orders; --"
    mapping = ORDERS.replace(
        "customer_id: {column: customer_id, optional: true}", f'customer_id: {{constant: "{nasty}"}}'
    )
    mapping = mapping.replace("order_no: order_no", 'order_no: "o\'n\\"o"')
    bench.translate(mapping, f'"o\'n""o",ordered_at,country\n"{nasty}",2026-01-01,DE\n')
    assert bench.records("orders", "order_no, customer_id") == [(nasty, nasty)]
