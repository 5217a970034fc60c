"""The sample files: the same bytes each time, in the formats they claim, with the rhythm and the defects they claim."""

import csv
import gzip
import hashlib
import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

import openpyxl
import pytest

from orchestration.settings import PROJECT_ROOT
from orchestration.simulation.catalogue import DEFAULT_MONTHS, PLATFORM_DEMAND, SHOP_DEMAND, WEBSHOP_DEMAND
from orchestration.simulation.defects import BY_ID, DEFECTS, Truth
from orchestration.simulation.drawing import decimal_text
from orchestration.simulation.files import gzip_bytes
from orchestration.simulation.parcels import postal_number
from orchestration.simulation.sample import Sample, draw_sample, write_sample

# Of all files' names and bytes. It changes with the generator, never with the machine or the day.
DIGEST = "0d67deba9026b02300f9acc9092a4fda12cc0a3d5738eb66a4cce56649dada79"

Rows = list[dict[str, str]]


@cache
def sample() -> Sample:
    return draw_sample()


def files(prefix: str) -> list[bytes]:
    return [data for name, data in sample().files if name.startswith(prefix)]


def rows_of(data: bytes, encoding: str, delimiter: str = ",") -> Rows:
    return list(csv.DictReader(io.StringIO(data.decode(encoding)), delimiter=delimiter))


@cache
def shop() -> Rows:
    return [row for data in files("sample_shop") for row in rows_of(data, "utf-8-sig")]


@cache
def platform() -> Rows:
    return [row for data in files("sample_platform") for row in rows_of(data, "gb18030", ";")]


class Webhook(NamedTuple):
    event_id: str
    order_no: str
    version: int
    placed_at: datetime
    currency_code: str | None
    market: str
    legs: tuple[tuple[str, int, str], ...]


@cache
def webhooks() -> list[Webhook]:
    found = []
    for data in files("sample_webshop"):
        for text in gzip.decompress(data).decode().splitlines():
            order = json.loads(text)
            legs = tuple((line["type"], line["quantity"], line["unit_price"]) for line in order["lines"])
            placed_at, country = datetime.fromisoformat(order["placed_at"]), order["ship_to"]["country"]
            found.append(
                Webhook(
                    order["event_id"], order["number"], order["version"], placed_at, order["currency"], country, legs
                )
            )
    return found


@cache
def parcels() -> list[Mapping[str, object]]:
    found: list[Mapping[str, object]] = []
    for data in files("sample_parcels"):
        sheet = openpyxl.load_workbook(io.BytesIO(data), read_only=True)["Parcels"]
        header, *rows = sheet.iter_rows(values_only=True)
        found += [dict(zip(map(str, header), row, strict=True)) for row in rows]
    return found


@cache
def customs() -> Rows:
    found: Rows = []
    for data in files("sample_customs"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                found += rows_of(archive.read(name), "utf-8")
    return found


def labels(defect_id: str) -> list[str]:
    return [record for defect, record in sample().labels if defect == defect_id]


def test_the_same_bytes_on_every_machine_and_every_day() -> None:
    digest = hashlib.sha256()
    for name, data in sample().files:
        digest.update(name.encode() + b"\0" + data)
    assert digest.hexdigest() == DIGEST


def test_writing_gives_the_files_as_drawn_and_another_seed_gives_others(tmp_path: Path) -> None:
    months = DEFAULT_MONTHS[:1]
    paths = write_sample(tmp_path / "in" / "box", months=months)
    drawn = draw_sample(months=months)
    assert [(path.name, path.read_bytes()) for path in paths] == list(drawn.files)
    other = draw_sample(seed=8, months=months)
    assert [name for name, _ in other.files] == [name for name, _ in drawn.files]
    assert all(one != another for (_, one), (_, another) in zip(drawn.files, other.files, strict=True))


def test_a_file_per_system_and_four_months() -> None:
    systems = {"customs": "zip", "parcels": "xlsx", "platform": "csv", "shop": "csv", "webshop": "jsonl.gz"}
    assert [name for name, _ in sample().files] == [
        f"sample_{system}_{months}.{ending}"
        for system, ending in systems.items()
        for months in ("2025-10_2026-01", "2026-02_2026-05")
    ]


def test_fewer_markets_and_months_make_a_smaller_world() -> None:
    small = draw_sample(markets=("KW",), months=("2026-02",))
    assert [name for name, _ in small.files] == ["sample_webshop_2026-02_2026-02.jsonl.gz"]
    with pytest.raises(ValueError, match=r"sells into GB, DE, FR, US, JP, BR, KR, KW, not into \['LU'\]"):
        draw_sample(markets=("GB", "LU"))
    with pytest.raises(ValueError, match="'2026-13' is no month such as 2026-01"):
        draw_sample(months=("2026-13",))
    with pytest.raises(ValueError, match="at least one month"):
        draw_sample(months=())


def test_each_dialect_parses_and_holds_the_orders_that_the_catalogue_plans() -> None:
    months = len(DEFAULT_MONTHS)
    sales = {row["InvoiceNo"] for row in shop() if row["InvoiceNo"].startswith(("53", "54"))}
    assert len(sales) == months * sum(demand.orders_per_month for demand in SHOP_DEMAND) == 2112
    orders = {event.order_no: event.market for event in webhooks()}
    assert Counter(orders.values()) == {demand.market: months * demand.orders_per_month for demand in WEBSHOP_DEMAND}
    countries = {row["订单编号"]: row["收货国家"] for row in platform()}
    wanted = {"美国": "US", "巴西": "BR", "日本": "JP", "韩国": "KR"}
    assert Counter(wanted[name] for name in countries.values()) == {
        demand.market: months * demand.orders_per_month for demand in PLATFORM_DEMAND
    }


def test_files_carry_no_time_and_no_machine() -> None:
    for name, data in sample().files:
        if name.endswith((".zip", ".xlsx")):
            entries = zipfile.ZipFile(io.BytesIO(data)).infolist()
            assert {(entry.date_time, entry.create_system, entry.compress_type) for entry in entries} == {
                ((1980, 1, 1, 0, 0, 0), 3, zipfile.ZIP_STORED)
            }
    properties = openpyxl.load_workbook(io.BytesIO(files("sample_parcels")[0])).properties
    assert f"{properties.created} {properties.modified}" == "1980-01-01 00:00:00 1980-01-01 00:00:00"


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 200_000])
def test_stored_gzip_is_read_by_any_reader(size: int) -> None:
    data = bytes(number % 251 for number in range(size))
    assert gzip.decompress(gzip_bytes(data)) == data


def test_weekdays_differ_as_the_catalogue_says() -> None:
    british = Counter(
        datetime.strptime(f"{row['InvoiceDate']} +0000", "%d/%m/%Y %H:%M %z").weekday()
        for row in {row["InvoiceNo"]: row for row in shop()}.values()
        if row["Country"] == "United Kingdom" and not row["InvoiceDate"].startswith("31/02")
    )
    assert british[3] > 2 * british[5]
    japanese = Counter(event.placed_at.weekday() for event in webhooks() if event.market == "JP" and event.version == 1)
    assert japanese[6] > 1.2 * japanese[0]
    gulf = Counter(event.placed_at.weekday() for event in webhooks() if event.market == "KW" and event.version == 1)
    assert gulf[1] > 1.5 * gulf[4]


def test_demand_grows_and_peaks_after_payday() -> None:
    moments = [event.placed_at for event in webhooks() if event.version == 1]
    by_month = Counter(moment.strftime("%Y-%m") for moment in moments)
    assert sum(by_month[month] for month in DEFAULT_MONTHS[4:]) > 1.08 * sum(
        by_month[month] for month in DEFAULT_MONTHS[:4]
    )
    first_weeks = sum(moment.day <= 7 for moment in moments) / len(moments)
    assert first_weeks > 1.1 * 7 * len(DEFAULT_MONTHS) / 243


def test_some_orders_cross_midnight_between_utc_and_the_market() -> None:
    crossing = [event for event in webhooks() if event.placed_at.astimezone(UTC).month != event.placed_at.month]
    assert {event.market for event in crossing} >= {"JP", "US"}


def test_money_has_the_decimals_of_its_currency() -> None:
    decimals = {"EUR": r"\d+\.\d{2}", "USD": r"\d+\.\d{2}", "JPY": r"\d+", "KWD": r"\d+\.\d{3}"}
    for event in webhooks():
        if event.currency_code is not None:
            assert all(re.fullmatch(decimals[event.currency_code], price) for _, _, price in event.legs)
    assert any("," in row["单价"] for row in platform() if row["币种"] == "韩元")
    assert [decimal_text(-5, "EUR"), decimal_text(3550, "KWD"), decimal_text(1250, "JPY")] == ["-0.05", "3.550", "1250"]


def test_cancellations_and_returns_are_negative_legs_of_earlier_sales() -> None:
    cancelled = [row for row in shop() if row["InvoiceNo"].startswith("C")]
    sold = {(row["StockCode"], row["UnitPrice"], row["CustomerID"], row["Country"]) for row in shop()}
    assert len(cancelled) > 40
    assert all(int(row["Quantity"]) < 0 for row in cancelled)
    assert all((row["StockCode"], row["UnitPrice"], row["CustomerID"], row["Country"]) in sold for row in cancelled)
    returns = [event for event in webhooks() if any(kind == "return" for kind, _, _ in event.legs)]
    assert len({event.order_no for event in returns}) == 42
    assert all(event.version == 2 and event.legs[-1][1] == -1 for event in returns)


def test_parcels_link_to_orders_split_and_merged() -> None:
    known = {row["订单编号"] for row in platform()} | set(labels("platform.full_width"))
    waybills_of: dict[str, set[str]] = {}
    orders_of: dict[str, set[str]] = {}
    for row in parcels():
        waybill, orders = str(row["Waybill"]), str(row["Order no."]).split(";")
        assert set(orders) <= known
        orders_of.setdefault(waybill, set()).update(orders)
        for order in orders:
            waybills_of.setdefault(order, set()).add(waybill)
    assert Counter(len(waybills) for waybills in waybills_of.values())[2] > 20
    assert Counter(len(orders) for orders in orders_of.values())[2] > 20
    first_rows = {str(row["Waybill"]): row for row in parcels() if row["Line"] == 1}
    assert set(first_rows) == set(orders_of)
    assert all((row["Weight kg"] is None) == (row["Line"] != 1) for row in parcels())
    assert postal_number(0) == "LP470000017CN"


def test_every_parcel_is_declared_once() -> None:
    assert len({row["declaration_no"] for row in customs()}) == len({row["Waybill"] for row in parcels()})
    assert len(customs()) == len(parcels())
    assert all(re.fullmatch(r"5141202[56]0\d{9}", row["declaration_no"]) for row in customs())
    assert {len(re.sub(r"\D", "", row["hs_code"])) for row in customs()} >= {5, 6, 7, 8, 9, 10}


def test_each_defect_is_one_that_staging_has_a_rule_for() -> None:
    with (PROJECT_ROOT / "dbt_project" / "seeds" / "rule.csv").open(encoding="utf-8") as file:
        rules = {row["rule_id"] for row in csv.DictReader(file)}
    assert {defect.rule_id for defect in DEFECTS} <= rules
    assert {defect for defect, _ in sample().labels} == set(BY_ID)


def test_quarantine_stays_below_the_share_that_holds_a_market_back() -> None:
    spoiled = {*labels("shop.date_impossible"), *labels("shop.price_negative")}
    of_country = Counter(row["Country"] for row in shop())
    lost = Counter(row["Country"] for row in shop() if row["InvoiceNo"] in spoiled)
    assert sum(lost.values()) > 0
    assert all(count / of_country[country] < 0.005 for country, count in lost.items())
    orders = Counter(event.market for event in webhooks())
    lost = Counter(event.market for event in webhooks() if event.currency_code is None)
    assert all(count / orders[market] < 0.005 for market, count in lost.items())


def test_the_labels_of_the_shop_name_exactly_what_is_in_its_files() -> None:
    invoices = {row["InvoiceNo"]: row["Country"] for row in shop()}
    assert sorted(i for i, country in invoices.items() if country == "UK" and i[0] != "C") == sorted(
        labels("shop.country_alias")
    )
    assert sorted(i for i, country in invoices.items() if country == "Channel Islands") == sorted(
        labels("shop.country_unknown")
    )
    dates = {row["InvoiceNo"] for row in shop() if row["InvoiceDate"].startswith("31/02/")}
    assert dates == set(labels("shop.date_impossible"))
    negative = {row["InvoiceNo"] for row in shop() if row["UnitPrice"].startswith("-")}
    assert negative == set(labels("shop.price_negative"))
    copies = Counter(tuple(row.values()) for row in shop())
    twice = Counter(f"{row[0]} {row[1]}" for row, count in copies.items() if count == 2)
    assert twice == Counter(labels("shop.row_twice"))
    assert max(copies.values()) == 2


def test_the_labels_of_the_web_shop_name_exactly_what_is_in_its_files() -> None:
    ids = [event.event_id for event in webhooks()]
    assert sorted(i for i, count in Counter(ids).items() if count == 2) == sorted(labels("webshop.event_twice"))
    without = {event.order_no for event in webhooks() if event.currency_code is None}
    assert without == set(labels("webshop.currency_missing"))
    early = {number for number in labels("webshop.corrected") if ids.index(f"{number}-v2") < ids.index(f"{number}-v1")}
    assert early == set(labels("webshop.correction_first"))
    versions = {event.event_id: event for event in webhooks()}
    for number in labels("webshop.corrected"):
        old, new = versions[f"{number}-v1"].legs, versions[f"{number}-v2"].legs
        assert new[0][1] == old[0][1] + 1
        assert new[1:] == old[1:]


def test_the_labels_of_platform_parcels_and_customs_name_exactly_what_is_in_their_files() -> None:
    wide = {row["订单编号"] for row in platform() if not row["订单编号"].isascii()}
    assert {text.translate({0xFEE0 + code: code for code in range(0x21, 0x7F)}) for text in wide} == set(
        labels("platform.full_width")
    )
    early = {
        row["Waybill"]
        for row in parcels()
        if isinstance(delivered := row["Delivered (China time)"], datetime)
        and isinstance(shipped := row["Shipped (China time)"], datetime)
        and delivered < shipped
    }
    assert early == set(labels("parcel.delivered_early"))
    codes = {f"{row['declaration_no']} {row['line']}": row["hs_code"] for row in customs()}
    assert sorted(name for name, code in codes.items() if "E+" in code) == sorted(labels("customs.hs_scientific"))
    assert sorted(name for name, code in codes.items() if "E+" not in code and "." in code) == sorted(
        labels("customs.hs_dots")
    )
    assert sorted(name for name, code in codes.items() if re.fullmatch(r"\d{5}|\d{7}|\d{9}", code)) == sorted(
        labels("customs.hs_zero_lost")
    )


def test_a_defect_is_put_at_its_rate_and_at_least_once() -> None:
    import numpy as np

    truth = Truth()
    items = list(range(1000))
    chosen = truth.put(np.random.default_rng(1), "webshop.event_twice", items, [str(item) for item in items])
    assert len(chosen) == BY_ID["webshop.event_twice"].rate_per_mille == 30
    assert truth.of("webshop.event_twice") == [str(item) for item in chosen]
    assert truth.put(np.random.default_rng(1), "customs.hs_scientific", items[:5], "abcde") != []
    assert truth.put(np.random.default_rng(1), "customs.hs_scientific", [], []) == []
