"""The sample files through their mappings: each is taken whole, and what is in it arrives as its labels say."""

from collections import Counter
from pathlib import Path

import duckdb
import pytest

from orchestration.arrivals.contracts import contracts
from orchestration.arrivals.intake import arrive
from orchestration.arrivals.report import ArrivalReport
from orchestration.lake import Lake, raw_spec
from orchestration.settings import Settings
from orchestration.simulation.sample import draw_sample, write_sample

MONTHS = ("2025-12", "2026-01")


class Arrived:
    """A sample of two months in a lake of its own."""

    def __init__(self, home: Path) -> None:
        settings = Settings(home=home)
        lake = Lake(settings)
        write_sample(settings.inbox, months=MONTHS)
        self.report: ArrivalReport = arrive(settings, lake)
        self.labels = draw_sample(months=MONTHS).labels
        self.con = duckdb.connect()
        feeds = ["orders", "order_lines", "shipments", "shipment_lines", "declarations", "declaration_lines"]
        snapshots = lake.raw_snapshots(feeds)
        for feed in feeds:
            spec = raw_spec(feed, contracts()[feed].field_names)
            files = lake.data_files(spec.name, snapshots[feed])
            self.con.execute(f"create table {feed} as select * from {lake.relation_sql(spec, files)}")

    def rows(self, query: str) -> list[tuple[object, ...]]:
        return self.con.execute(query).fetchall()

    def label_count(self, defect_id: str) -> int:
        return sum(label == defect_id for label, _ in self.labels)


@pytest.fixture(scope="module")
def arrived(tmp_path_factory: pytest.TempPathFactory) -> Arrived:
    return Arrived(tmp_path_factory.mktemp("home"))


def test_every_file_is_taken_whole_by_its_own_mapping(arrived: Arrived) -> None:
    outcomes = arrived.report.files
    assert [(one.name, one.status, one.reason) for one in outcomes if one.status != "loaded"] == []
    assert [one.source_id for one in outcomes] == [
        "sample_customs", "sample_parcels", "sample_platform", "sample_shop", "sample_webshop"
    ]  # fmt: skip
    assert {one.new_columns for one in outcomes} == {()}
    assert {one.unused_rows for one in outcomes} == {0}
    assert arrived.report.markets_touched == ("BR", "DE", "FR", "GB", "JP", "KR", "KW", "US", "ZZ")


def test_only_the_name_that_is_no_country_waits_in_zz(arrived: Arrived) -> None:
    unknown = Counter[str]()
    for outcome in arrived.report.files:
        unknown.update(outcome.unknown_markets)
    assert unknown == {"Channel Islands": arrived.label_count("shop.country_unknown")}
    assert arrived.rows("select distinct ship_to_country from orders where _market = 'ZZ'") == [("Channel Islands",)]


def test_aliases_and_full_width_text_are_flagged_repairs(arrived: Arrived) -> None:
    aliases = arrived.rows(
        """select json_extract_string(_raw, '$.Country'), ship_to_country, count(*) from orders
        where _repairs = 'ship_to_country:market.alias' group by 1, 2 order by 1"""
    )
    assert [row[:2] for row in aliases] == [("UK", "GB"), ("USA", "US")]
    assert aliases[0][2] == arrived.label_count("shop.country_alias")
    wide = arrived.rows("select count(distinct order_no) from orders where _repairs = 'order_no:text.full_width'")
    assert wide == [(arrived.label_count("platform.full_width"),)]
    assert arrived.rows("select count(*) from orders where order_no <> nfc_normalize(order_no)") == [(0,)]


def test_what_cannot_be_read_stays_as_the_source_wrote_it(arrived: Arrived) -> None:
    unread = arrived.rows("select ordered_at, _month from orders where ordered_at not like '%Z'")
    assert len(unread) == arrived.label_count("shop.date_impossible")
    assert all(str(text).startswith("31/02/") for text, _ in unread)
    scientific = arrived.rows("select count(*) from declaration_lines where hs_code like '%E+%'")
    assert scientific == [(arrived.label_count("customs.hs_scientific"),)]
    missing = arrived.rows("select count(distinct order_no) from orders where currency_code is null")
    assert missing == [(arrived.label_count("webshop.currency_missing"),)]


def test_each_clock_becomes_utc_and_the_month_is_the_markets_own(arrived: Arrived) -> None:
    moments = arrived.rows(
        """select json_extract_string(_raw, '$.下单时间'), ordered_at from orders
        where _source_id = 'sample_platform' order by order_no limit 1"""
    )
    written, utc = moments[0]
    assert (written, utc) == ("2025年12月01日 12:10:09", "2025-12-01T04:10:09Z")
    crossing = arrived.rows(
        """select distinct _market from orders
        where _source_id = 'sample_webshop' and _month <> left(ordered_at, 7) order by 1"""
    )
    assert ("JP",) in crossing
    assert arrived.rows("select min(_month), max(_month) from orders where ordered_at like '%Z'") == [MONTHS]


def test_versions_and_repeated_webhooks_share_their_record(arrived: Arrived) -> None:
    rows = arrived.rows(
        """select count(*), count(distinct _record_key), count(distinct (_record_key, _version)) from orders
        where _source_id = 'sample_webshop'"""
    )
    total, orders, versions = (int(str(value)) for value in rows[0])
    assert total - versions == arrived.label_count("webshop.event_twice")
    assert orders == 2 * (40 + 34 + 44 + 28 + 32)
    assert versions - orders >= arrived.label_count("webshop.corrected")
    returns = arrived.rows(
        "select count(*) from order_lines where leg_type = 'return' and (reverses_line_no <> '1' or quantity <> '-1')"
    )
    assert returns == [(0,)]


def test_money_keeps_its_decimals_and_loses_its_commas(arrived: Arrived) -> None:
    prices = arrived.rows(
        """select currency_code, max(length(regexp_extract(unit_price_amount, '[.]([0-9]+)$', 1))) from order_lines
        where currency_code is not null group by 1 order by 1"""
    )
    assert prices == [("BRL", 2), ("EUR", 2), ("GBP", 2), ("JPY", 0), ("KRW", 0), ("KWD", 3), ("USD", 2)]
    assert arrived.rows("select count(*) from order_lines where unit_price_amount like '%,%'") == [(0,)]


def test_every_document_finds_its_order_and_every_line_its_document(arrived: Arrived) -> None:
    for feed in ("shipments", "declarations"):
        assert arrived.rows(f"select count(*) from {feed} anti join orders using (_order_key)") == [(0,)], feed
        assert arrived.rows(f"select count(*) from {feed} where order_no like '%;%'") != [(0,)], feed
    for lines, heads in (
        ("order_lines", "orders"),
        ("shipment_lines", "shipments"),
        ("declaration_lines", "declarations"),
    ):
        orphans = f"select count(*) from {lines} anti join {heads} using (_document_key, _market, _month)"
        assert arrived.rows(orphans) == [(0,)], lines
