"""Mappings are checked when they are read, and each message names the file, the line and the key."""

from pathlib import Path

import pytest

from orchestration.arrivals.located import ConfigurationError
from orchestration.arrivals.mapping import Generated, Reference
from orchestration.arrivals.mapping_reader import SHIPPED, load_mapping, load_mappings

GOOD = """\
source: shop
version: 1
files: ["orders_*.csv"]
time_zone: Europe/London
emits:
  - feed: orders
    fields:
      order_no: No
      ordered_at: {column: When, formats: [iso, "%d.%m.%Y"]}
      ship_to_country: Country
      currency_code: {constant: GBP}
  - feed: order_lines
    fields:
      order_no: No
      line_no: {generated: content}
      product_id: Sku
      product_kind: {constant: product}
      leg_type: {column: Type, steps: [{match: {choices: [{regex: "^C", value: cancellation}], default: sale}}]}
      quantity: {column: Qty, thousands: ","}
      unit_price_amount: Price
      currency_code: {constant: GBP}
"""


def read(tmp_path: Path, text: str, name: str = "shop.yaml"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return load_mapping(path)


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def test_a_mapping_becomes_checked_data(tmp_path):
    mapping = read(tmp_path, GOOD)
    assert (mapping.source_id, mapping.version, mapping.time_zone) == ("shop", 1, "Europe/London")
    assert [emit.feed for emit in mapping.emits] == ["orders", "order_lines"]
    orders, lines = mapping.emits
    assert orders.fields["order_no"].value.origin == Reference(("No",))
    assert orders.fields["ordered_at"].parsing.formats == ("iso", "%d.%m.%Y")
    assert lines.fields["line_no"].value.origin == Generated("content")
    assert mapping.takes("ORDERS_2026.csv")
    assert not mapping.takes("orders_2026.csv.part")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("version: 1", "versoin: 1", "shop.yaml:2: versoin: unknown key 'versoin'; known keys are"),
        ("source: shop", "source: Shop 1", "shop.yaml:1: source: 'Shop 1': small letters, digits and '_' only"),
        ("Europe/London", "Europe/Londres", "shop.yaml:4: time_zone: 'Europe/Londres' is no IANA time zone"),
        ('"orders_*.csv"', '"in/orders.csv"', "shop.yaml:3: files: 'in/orders.csv' is no pattern of file names"),
        ("feed: orders\n", "feed: order\n", "shop.yaml:6: emits[1].feed: 'order' is not one of advances, bank"),
        ("      order_no: No\n      ordered_at", "      order_nr: No\n      ordered_at",
         "shop.yaml:8: emits[1].fields.order_nr: the contract of orders has no field 'order_nr'; it has order_no"),
        ("      ship_to_country: Country\n", "",
         "shop.yaml:7: emits[1].fields: the field 'ship_to_country', which the contract of orders requires, is"),
        ('"%d.%m.%Y"', '"%d.%Q"', "shop.yaml:9: emits[1].fields.ordered_at.formats: '%d.%Q' is no date format"),
        ('"%d.%m.%Y"', "day", "shop.yaml:9: emits[1].fields.ordered_at.formats: 'day' is no date format"),
        ('regex: "^C"', 'regex: "^(C"', "shop.yaml:18: emits[2].fields.leg_type.steps[1].match.choices[1].regex: "
         "'^(C' is no regular expression: missing ): ^(C"),
        ("value: cancellation", "value: storno", "shop.yaml:18: emits[2].fields.leg_type.steps[1].match.choices[1]: "
         "'storno' is no code of leg_type: sale, cancellation, return, adjustment"),
        ("product_kind: {constant: product}", "product_kind: {constant: goods}",
         "shop.yaml:17: emits[2].fields.product_kind.constant: 'goods' is no code of product_kind"),
        ("column: Qty, thousands: \",\"", "column: Qty, formats: [iso]",
         "shop.yaml:19: emits[2].fields.quantity.formats: quantity is of the type decimal, which has no formats"),
        ('thousands: ","', 'thousands: "."', "shop.yaml:19: emits[2].fields.quantity.thousands: the separators of a"),
        ("unit_price_amount: Price", "unit_price_amount: {column: Price, constant: 1}",
         "shop.yaml:20: emits[2].fields.unit_price_amount: exactly one of column, path, constant, first_of, cases, "
         "template, generated is expected, 2 stand here"),
        ("unit_price_amount: Price", "unit_price_amount: {column: Price, multiply: -1}",
         "shop.yaml:20: emits[2].fields.unit_price_amount.multiply: '-1' is no positive number"),
        ("unit_price_amount: Price", "unit_price_amount: {path: price.net}",
         "shop.yaml:20: emits[2].fields.unit_price_amount.path: a path is for format types jsonl and xml; name a"),
        ("unit_price_amount: Price", "unit_price_amount: {column: Price, steps: [{extract: 'x+'}]}",
         "shop.yaml:20: emits[2].fields.unit_price_amount.steps[1].extract: 'x+' has no group in parentheses"),
        ("unit_price_amount: Price", "unit_price_amount: {column: Price, steps: [round]}",
         "shop.yaml:20: emits[2].fields.unit_price_amount.steps[1]: 'round' is not one of lower, nfkc, squeeze, upper"),
        ("product_id: Sku", "product_id: {generated: content}",
         "shop.yaml:16: emits[2].fields.product_id.generated: only the field line_no can be generated"),
        ("product_id: Sku", "product_id: {template: 'SKU'}",
         "shop.yaml:16: emits[2].fields.product_id.template: a template is text with column names in braces"),
        ("product_id: Sku", "product_id: ",
         "shop.yaml:16: emits[2].fields.product_id: keys with values are expected, nothing stands here"),
        ("time_zone: Europe/London", "time_zone: Europe/London\nformat: {type: excel}",
         "shop.yaml:5: format.type: 'excel' is not one of auto, csv, jsonl, parquet, xlsx, xml"),
        ("time_zone: Europe/London", "time_zone: Europe/London\nformat: {encoding: utf-9}",
         "shop.yaml:5: format.encoding: 'utf-9' is no known text encoding"),
        ("time_zone: Europe/London", "time_zone: Europe/London\nformat: {encoding: base64}",
         "shop.yaml:5: format.encoding: 'base64' is no known text encoding"),
        ("time_zone: Europe/London", "time_zone: Europe/London\nformat: {delimiter: '||'}",
         "shop.yaml:5: format.delimiter: '||' is not one ASCII character"),
        ("time_zone: Europe/London", "time_zone: Europe/London\nretyped_share: 50",
         "shop.yaml:5: retyped_share: 50.0 is not between 0 and 1"),
        ("time_zone: Europe/London", "time_zone: Europe/London\nunpivot: {keep: [No], name_to: n, value_to: v}",
         "shop.yaml:7: emits[1]: the unpivoted table has no column 'When', but ['No', 'n', 'v']"),
        ("time_zone: Europe/London", "time_zone: Europe/London\nversion: 2",
         "shop.yaml:5: version: the key stands twice"),
        ("files: [", "files: [[", "shop.yaml:4: not readable as YAML: "),
    ],
)  # fmt: skip
def test_a_broken_rule_is_named_with_its_line(tmp_path, old, new, message):
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, changed(old, new))
    assert str(caught.value).startswith(message)


def test_a_condition_is_one_column_and_one_test(tmp_path):
    text = changed(
        "  - feed: order_lines\n", "  - feed: order_lines\n    where: {column: Qty, matches: x, equals: y}\n"
    )
    with pytest.raises(ConfigurationError, match=r"shop.yaml:13: emits\[2\].where: a condition is one column"):
        read(tmp_path, text)


def test_text_of_yaml_stays_text(tmp_path):
    """NO is Norway and 007 a number with zeros, whatever YAML 1.1 makes of them."""
    mapping = read(tmp_path, changed("{constant: GBP}\n  - feed", "{constant: NO}\n  - feed"))
    assert mapping.emits[0].fields["currency_code"].value.origin.text == "NO"
    match = '{match: {choices: [{regex: "^C", value: cancellation}], default: sale}}'
    codes = changed(match, "{codes: {values: {007: sale, NO: return}, default: error}}")
    (step,) = read(tmp_path, codes).emits[1].fields["leg_type"].value.steps
    assert step.codes == (("007", "sale"), ("NO", "return"))


def test_yaml_that_refers_to_itself_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="more than 20 levels deep"):
        read(tmp_path, "source: shop\nversion: 1\nfiles: [a]\nemits: &a [*a]\n")


def test_yaml_that_multiplies_is_refused(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(ConfigurationError, match="or 100,000 values"):
        read(tmp_path, "\n".join(lines))


def test_an_empty_mapping_and_another_encoding_are_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"shop.yaml:1: the file is empty"):
        read(tmp_path, "# nothing\n")
    (tmp_path / "latin.yaml").write_bytes(GOOD.replace("shop", "sh\xf6p").encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"latin.yaml: not UTF-8 text at byte 10"):
        load_mapping(tmp_path / "latin.yaml")


def test_the_shipped_mappings_are_valid_and_take_different_files():
    mappings = load_mappings(SHIPPED)
    assert {"online_retail", "scms", "customs_kr", "ecb"} <= {mapping.source_id for mapping in mappings}
    patterns = [pattern for mapping in mappings for pattern in mapping.patterns]
    assert len(set(patterns)) == len(patterns)


def test_a_users_mapping_replaces_the_shipped_one_of_its_name(tmp_path):
    read(tmp_path, GOOD, name="scms.yaml")
    sources = {mapping.path: mapping.source_id for mapping in load_mappings(SHIPPED, tmp_path)}
    assert sources["scms.yaml"] == "shop"
    assert sources["online_retail.yaml"] == "online_retail"


def test_two_mappings_of_one_source_may_not_take_the_same_files(tmp_path):
    read(tmp_path, GOOD)
    read(tmp_path, GOOD, name="shop_copy.yaml")
    with pytest.raises(
        ConfigurationError, match=r"shop_copy.yaml: takes the same files .* of source 'shop' as shop.yaml"
    ):
        load_mappings(tmp_path)
