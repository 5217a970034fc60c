"""Values: source text becomes canonical text where it can be read, and stays as it was where it cannot."""

import pytest

from tests.arrivals_helpers import Bench

HEAD = """\
source: shop
version: 1
files: ['*']
time_zone: {zone}
retyped_share: 1
{more}emits:
  - feed: {feed}
    fields:
"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return Bench(tmp_path_factory.mktemp("bench"))


def one_column(bench, spec, values, *, feed="orders", field="ordered_at", zone="UTC", more=""):
    """What a field becomes for each of the values of the column x."""
    required = {
        "orders": {"order_no": "{constant: A1}", "ordered_at": "{constant: '2026-01-01'}",
                   "ship_to_country": "{constant: GB}", "currency_code": "{constant: EUR}"},
        "order_lines": {"order_no": "{constant: A1}", "line_no": "{constant: '1'}", "product_id": "{constant: p}",
                        "product_kind": "{constant: product}", "leg_type": "{constant: sale}",
                        "quantity": "{constant: '1'}", "unit_price_amount": "{constant: '1'}",
                        "currency_code": "{constant: EUR}"},
        "shipments": {"carrier_code": "{constant: C}", "waybill_no": "{constant: '1'}",
                      "shipped_month": "{constant: 2026-01}", "destination_country": "{constant: GB}"},
        "shipment_lines": {"carrier_code": "{constant: C}", "waybill_no": "{constant: '1'}",
                           "shipped_month": "{constant: 2026-01}", "line_no": "{constant: '1'}"},
        "declaration_lines": {"declaration_no": "{constant: D1}", "line_no": "{constant: '1'}",
                              "hs_code": "{constant: '010129'}"},
    }[feed] | {field: spec}  # fmt: skip
    mapping = HEAD.format(zone=zone, feed=feed, more=more)
    mapping += "".join(f"      {name}: {value}\n" for name, value in required.items())
    content = "x\n" + "".join('"' + value.replace('"', '""') + '"\n' if value else '" "\n' for value in values)
    bench.translate(mapping, content)
    return [row[0] for row in bench.records(feed, f'"{field}"')]


@pytest.mark.parametrize(
    ("formats", "zone", "text", "canonical"),
    [
        ("iso", "UTC", "2026-01-31T08:26:00", "2026-01-31T08:26:00Z"),
        ("iso", "UTC", "2026-01-31 08:26", "2026-01-31T08:26:00Z"),
        ("iso", "UTC", "2026-01-31", "2026-01-31T00:00:00Z"),
        ("iso", "UTC", "2026-01-31T08:26:00.120", "2026-01-31T08:26:00.12Z"),
        ("iso", "Asia/Shanghai", "2026-01-31T08:26:00+02:00", "2026-01-31T06:26:00Z"),
        ("iso", "Asia/Shanghai", "2026-01-31T00:30:00", "2026-01-30T16:30:00Z"),
        ("iso", "Asia/Shanghai", "2026-01-31T00:30:00Z", "2026-01-31T00:30:00Z"),
        ('"%Y%m%d%H%M%S"', "Asia/Shanghai", "20260131083015", "2026-01-31T00:30:15Z"),
        ('"%d-%b-%y"', "UTC", "2-Jun-06", "2006-06-02T00:00:00Z"),
        ('"%m/%d/%Y %H:%M"', "Europe/London", "7/1/2026 9:05", "2026-07-01T08:05:00Z"),
        ('"%Y-%m-%d %H:%M %z"', "UTC", "2026-07-01 09:05 +0300", "2026-07-01T06:05:00Z"),
        ("epoch_s", "UTC", "1767225600", "2026-01-01T00:00:00Z"),
        ("epoch_ms", "UTC", "1767225600123", "2026-01-01T00:00:00.123Z"),
        # The hour that the end of summer time repeats is the second one; the hour that its start skips keeps the
        # offset from before.
        ("iso", "Europe/London", "2025-10-26T01:30:00", "2025-10-26T01:30:00Z"),
        ("iso", "Europe/London", "2025-03-30T01:30:00", "2025-03-30T01:30:00Z"),
        # What cannot be read stays: impossible days, other formats, words.
        ("iso", "UTC", "2026-02-30", "2026-02-30"),
        ("iso", "UTC", "31.01.2026", "31.01.2026"),
        ("iso", "UTC", "yesterday", "yesterday"),
        ("iso", "UTC", "infinity", "infinity"),
    ],
)
def test_timestamps_are_utc(bench, formats, zone, text, canonical):
    assert one_column(bench, f"{{column: x, formats: [{formats}]}}", [text], zone=zone) == [canonical]


def test_a_fields_zone_overrules_the_sources(bench):
    spec = "{column: x, zone: Asia/Tokyo}"
    assert one_column(bench, spec, ["2026-01-01T09:00:00"], zone="UTC") == ["2026-01-01T00:00:00Z"]


@pytest.mark.parametrize(
    ("formats", "text", "canonical"),
    [
        ("iso", "2026-01-31", "2026-01-31"),
        ("iso", "2026-01-31T23:59:00", "2026-01-31"),
        # A moment with its own zone falls on the source's local day.
        ("iso", "2026-01-31T23:30:00Z", "2026-02-01"),
        ('"%d-%b-%y", "%m/%d/%Y"', "10/11/2012", "2012-10-11"),
        ('"%d-%b-%y", "%m/%d/%Y"', "2-Jun-06", "2006-06-02"),
        ('"%d-%b-%y"', "Date Not Captured", "Date Not Captured"),
    ],
)
def test_dates_are_days(bench, formats, text, canonical):
    spec = f"{{column: x, formats: [{formats}]}}"
    found = one_column(bench, spec, [text], feed="shipments", field="scheduled_on", zone="Asia/Shanghai")
    assert found == [canonical]


def test_months_come_from_dates_or_stand_as_months(bench):
    found = one_column(
        bench, '{column: x, formats: [iso, "%d-%b-%y"]}', ["2026-01", "2-Jun-06", "2026-13", "2026-02-28"],
        feed="shipments", field="shipped_month",
    )  # fmt: skip
    assert found == ["2026-01", "2006-06", "2026-13", "2026-02"]


@pytest.mark.parametrize(
    ("options", "text", "canonical"),
    [
        ("", "2.50", "2.5"),
        ("", "-0.00", "0"),
        ("", "+7", "7"),
        ("", ".5", "0.5"),
        ("", "100", "100"),
        ("", "100.", "100"),
        ("", "1e3", "1000"),
        ("", "7.045682e+09", "7045682000"),
        ("", "0.30000000000000004", "0.3"),
        ("", "12345678901234567.8912", "12345678901234567.8912"),
        ("", "1,50", "1,50"),
        ("", "1_000", "1_000"),
        ("", "GBP 5", "GBP 5"),
        ("", "NaN", None),
        ("", "inf", "inf"),
        (', thousands: ","', "1,234,567.5", "1234567.5"),
        (', thousands: ","', "1234.5", "1234.5"),
        # Never a hundred times too much: groups have three digits.
        (', thousands: ","', "1,50", "1,50"),
        (", thousands: '.', decimal_point: ','", "1.234,50", "1234.5"),
        (", thousands: '.', decimal_point: ','", "1234,50", "1234.5"),
        (", thousands: '.', decimal_point: ','", "12.5", "12.5"),
        (", thousands: ' ', decimal_point: ','", "1 234,50", "1234.5"),
    ],
)
def test_numbers_are_plain(bench, options, text, canonical):
    found = one_column(bench, f"{{column: x{options}}}", [text], feed="order_lines", field="unit_price_amount")
    assert found == [canonical]


def test_other_units_are_converted(bench):
    spec = "{column: x, multiply: 0.45359237, from_unit: lb}"
    found = one_column(bench, spec, ["10", "2.5", "heavy"], feed="shipment_lines", field="weight_kg")
    assert found == ["4.535924", "1.133981", "heavy"]


def test_currencies_countries_and_whole_numbers(bench):
    assert one_column(bench, "x", ["eur", "GBP", "£"], field="currency_code") == ["EUR", "GBP", "£"]
    assert one_column(bench, "x", ["3", "3.0", "3.5", "007"], field="version") == ["3", "3", "3.5", "7"]


def test_a_country_is_its_code_and_an_alias_is_a_flagged_repair(bench):
    texts = ["Germany", " germany ", "DE", "de", "EIRE", "英国", "ＵＫ", "Channel Islands", "", "fr", "Tuvalu", "TV"]
    countries = one_column(bench, "x", texts, field="ship_to_country")
    assert countries == ["DE", "DE", "DE", "DE", "IE", "GB", "GB", "Channel Islands", None, "FR", "Tuvalu", "TV"]
    markets = bench.records("orders", "_own_market, _repairs")
    alias = "ship_to_country:market.alias"
    assert [row[0] for row in markets] == ["DE", "DE", "DE", "DE", "IE", "GB", "GB", "ZZ", "ZZ", "FR", "ZZ", "ZZ"]
    assert [row[1] for row in markets] == ["", "", "", "", alias, "", alias, "", "", "", "", ""]


def test_null_tokens_are_nulls_and_namibia_is_not(bench):
    values = ["", "NULL", "-", "无", "N/A", "nan", "NA", "None ", "0"]
    assert one_column(bench, "x", values, field="channel") == [None, None, None, None, None, None, "NA", None, "0"]
    own = one_column(bench, "x", ["N/A", "-", "missing"], field="channel", more="nulls: [missing]\n")
    assert own == ["N/A", "-", None]
    field = one_column(bench, "{column: x, nulls: [none given]}", ["none given", "-"], field="channel")
    assert field == [None, "-"]


@pytest.mark.parametrize(
    ("spec", "text", "result", "repairs"),
    [
        ("{column: x, steps: [upper]}", "ab", "AB", ""),
        ("{column: x, steps: [lower]}", "AB", "ab", ""),
        ("{column: x, steps: [squeeze]}", "a  b\u00a0\u3000c", "a b c", ""),
        ("{column: x}", "\u3000a b\u00a0", "a b", ""),
        ("{column: x, steps: [nfkc]}", "ＡＢ１２\u3000", "AB12", "channel:text.full_width"),
        ("{column: x, steps: [nfkc]}", "AB12", "AB12", ""),
        ("{column: x, steps: [{zero_pad: 6}]}", "10129", "010129", "channel:text.zero_padded"),
        ("{column: x, steps: [{zero_pad: 6}]}", "010129", "010129", ""),
        ("{column: x, steps: [{zero_pad: 3}]}", "12345", "12345", ""),
        ("{column: x, steps: [{zero_pad: 6}]}", "ab", "ab", ""),
        ("{column: x, steps: [{extract: 'ID#:([0-9]+)'}]}", "See DN-304 (ID#:10589)", "10589", ""),
        ("{column: x, steps: [{extract: 'ID#:([0-9]+)'}]}", "13", None, ""),
        ("{column: x, steps: [{keep_if: '^[0-9]+$'}]}", "13", "13", ""),
        ("{column: x, steps: [{keep_if: '^[0-9]+$'}]}", "Invoiced Separately", None, ""),
        ("{column: x, steps: [{drop_if: '^See '}]}", "See DN-304", None, ""),
        ("{column: x, steps: [{drop_if: '^See '}]}", "13", "13", ""),
        ("{column: x, steps: [{replace: {regex: '\\.0$', with: ''}}]}", "17850.0", "17850", ""),
        ("{column: x, steps: [{codes: {values: {'142': CNY}, default: keep}}]}", "502", "502", ""),
        ("{column: x, steps: [{codes: {values: {'142': CNY}, default: 'null'}}]}", "502", None, ""),
        ("{column: x, steps: [{codes: {values: {'142': CNY}, default: error}}]}", "142", "CNY", ""),
        ("{column: x, steps: [{match: {choices: [{regex: '^(?i)post', value: service}], default: product}}]}",
         "POSTAGE", "service", ""),
        ("{column: x, steps: [{match: {choices: [{regex: '^P', value: service}]}}]}", "85123A", None, ""),
        ("{column: x, steps: [lower, {replace: {regex: 'o', with: '0'}}, upper]}", "Foo", "F00", ""),
        ("{template: 'no {x}!'}", "7", "no 7!", ""),
        ("{template: 'no {x}!'}", "", None, ""),
        ("{first_of: [{column: x, steps: [{keep_if: '^A'}]}, {constant: other}]}", "A1", "A1", ""),
        ("{first_of: [{column: x, steps: [{keep_if: '^A'}]}, {constant: other}]}", "B1", "other", ""),
        ("{cases: [{when: {column: x, matches: '^C'}, constant: c}, {when: {column: x, is: missing}, constant: m}]}",
         "C1", "c", ""),
        ("{cases: [{when: {column: x, matches: '^C'}, constant: c}, {when: {column: x, is: missing}, constant: m}]}",
         "", "m", ""),
        ("{cases: [{when: [{column: x, in: [a, b]}, {column: x, not_equals: b}], constant: a}], otherwise: x}",
         "b", "b", ""),
        ("{cases: [{when: {column: x, not_matches: '^C'}, constant: other}]}", "", "other", ""),
        ("{column: x}", "it's \"quoted\"; drop table orders --", "it's \"quoted\"; drop table orders --", ""),
        ("{constant: \"O'Neill\"}", "x", "O'Neill", ""),
    ],
)  # fmt: skip
def test_steps(bench, spec, text, result, repairs):
    assert one_column(bench, spec, [text], field="channel") == [result]
    assert bench.records("orders", "_repairs") == [(repairs,)]


def test_several_repairs_of_one_row_are_all_noted(bench):
    mapping = HEAD.format(zone="UTC", feed="orders", more="") + (
        "      order_no: {column: no, steps: [nfkc]}\n      ordered_at: {constant: '2026-01-01'}\n"
        "      ship_to_country: country\n      currency_code: {constant: EUR}\n"
    )
    bench.translate(mapping, "no,country\nＡ1,UK\n")
    assert bench.records("orders", "order_no, ship_to_country, _repairs") == [
        ("A1", "GB", "order_no:text.full_width;ship_to_country:market.alias")
    ]
