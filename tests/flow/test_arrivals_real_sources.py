"""The three real sources, whole: every row arrives, and the traps of each are told apart as its mapping says."""

import shutil

import pytest

from tests.arrivals_helpers import Room, shared


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    files = [
        shared("online_retail/online_retail_2010_2011.parquet"),
        shared("scms/scms_delivery_history.parquet"),
        shared("customs_kr/customs_declarations.parquet"),
    ]
    room = Room(tmp_path_factory.mktemp("home"), has_all_markets=True)
    for path in files:
        shutil.copy(path, room.settings.inbox)
    room.report = room.arrive()
    return room


def outcome_of(room, source):
    (outcome,) = (outcome for outcome in room.report.files if outcome.source_id == source)
    return outcome


def test_every_row_arrives_and_no_column_is_new(room):
    assert [outcome.reason for outcome in room.report.files] == ["", "", ""]
    assert outcome_of(room, "online_retail").rows_by_feed == {"orders": 25_943, "order_lines": 541_909}
    assert outcome_of(room, "scms").rows_by_feed == {"shipments": 5_243, "shipment_lines": 7_987}
    assert outcome_of(room, "customs_kr").rows_by_feed == {"declarations": 45_519, "declaration_lines": 45_519}
    assert [outcome.new_columns for outcome in room.report.files] == [(), (), ()]
    assert [outcome.unused_rows for outcome in room.report.files] == [0, 0, 0]


def test_online_retail_lines_that_repeat_another_one_are_the_same_line(room):
    lines, keys, orders = room.query(
        "select count(*), count(distinct _record_key), count(distinct _order_key) from order_lines"
    )[0]
    assert (lines, lines - keys, orders) == (541_909, 5_268, 25_900)
    assert room.query("select count(distinct _document_key), count(*) from orders") == [(25_900, 25_943)]


def test_online_retail_legs_and_kinds(room):
    found = room.query("select leg_type, product_kind, count(*) from order_lines group by all order by all")
    assert found == [
        ("adjustment", "adjustment", 3),
        ("adjustment", "product", 1_336),
        ("cancellation", "adjustment", 382),
        ("cancellation", "product", 8_704),
        ("cancellation", "service", 202),
        ("sale", "adjustment", 330),
        ("sale", "product", 528_923),
        ("sale", "service", 1_995),
        ("sale", "voucher", 34),
    ]
    assert sum(count for leg, _, count in found if leg == "cancellation") == 9_288
    codes = room.query("select distinct product_id from order_lines where product_kind <> 'product' order by 1")
    assert [code for (code,) in codes] == [
        "AMAZONFEE", "B", "BANK CHARGES", "C2", "CRUK", "D", "DOT", "M", "POST", "S", "gift_0001_10", "gift_0001_20",
        "gift_0001_30", "gift_0001_40", "gift_0001_50", "m",
    ]  # fmt: skip
    assert room.query("select count(*) from order_lines where cast(unit_price_amount as double) < 0") == [(2,)]


def test_online_retail_names_that_are_no_country_wait_in_zz_with_their_words(room):
    found = room.query(
        """select json_extract_string(_raw, '$.Country') as country, count(*), count(distinct _order_key)
        from order_lines where _market = 'ZZ' group by 1 order by 2 desc"""
    )
    assert [(country, lines) for country, lines, _ in found] == [
        ("Channel Islands", 758), ("Unspecified", 446), ("European Community", 61)
    ]  # fmt: skip
    unknown = outcome_of(room, "online_retail").unknown_markets
    assert unknown == {"Channel Islands": 33, "Unspecified": 13, "European Community": 5}
    kept = room.query("select distinct ship_to_country from orders where _market = 'ZZ' order by 1")
    assert kept == [("Channel Islands",), ("European Community",), ("Unspecified",)]


def test_online_retail_places_every_line_with_its_order(room):
    assert room.query("select count(distinct _market) from order_lines") == [(36,)]
    apart = room.query(
        """select count(*) from order_lines as l where not exists (
            select 1 from orders as o
            where o._document_key = l._document_key and o._market = l._market and o._month = l._month)"""
    )
    assert apart == [(0,)]
    assert room.query("select _repairs, count(*) from orders where _repairs <> '' group by 1") == [
        ("ship_to_country:market.alias", 384)
    ]
    assert room.query("select min(ordered_at), max(ordered_at) from orders") == [
        ("2010-12-01T08:26:00Z", "2011-12-09T12:50:00Z")
    ]
    # London is an hour ahead of UTC in summer.
    ahead = room.query(
        """select distinct _month, date_diff('hour', cast(left(ordered_at, 19) as timestamp),
            cast(json_extract_string(_raw, '$.InvoiceDate') as timestamp))
        from orders where _month in ('2011-01', '2011-07') order by 1"""
    )
    assert ahead == [("2011-01", 0), ("2011-07", 1)]
    assert len(room.report.reversal_places) == 167


def test_scms_references_are_taken_apart_and_lead_to_a_line_of_their_shipment(room):
    counts = room.query(
        """select count(weight_ref), count(freight_ref), count(weight_kg), count(weight_note), count(freight_amount),
        count(freight_note) from shipment_lines"""
    )
    assert counts == [(1_913, 1_913, 4_685, 1_389, 4_646, 1_428)]
    found = room.query(
        """select count(*) from shipment_lines as l
        join shipment_lines as t on t._document_key = l._document_key and t.line_no = l.weight_ref"""
    )
    assert found == [(1_913,)]
    notes = room.query("select freight_note, count(*) from shipment_lines where freight_note is not null group by 1")
    assert sorted(notes) == [("Freight Included in Commodity Cost", 1_255), ("Invoiced Separately", 173)]


def test_scms_headers_dates_and_countries(room):
    assert room.query("select count(distinct _document_key) from shipments") == [(5_233,)]
    twice = "select _document_key from shipments group by 1 having count(*) > 1"
    per_header = "select count(*), count(distinct _market || _month) from shipments"
    found = room.query(f"{per_header} where _document_key in ({twice}) group by _document_key order by all")
    assert found == [(2, 1)] * 10
    unread = "select count(*) from shipments where not regexp_full_match(scheduled_on, '[0-9]{4}-[0-9]{2}-[0-9]{2}')"
    assert room.query(unread) == [(0,)]
    assert room.query("select min(scheduled_on), max(scheduled_on) from shipments") == [("2006-05-02", "2015-12-31")]
    assert room.query("select transport_mode, incoterm from shipments where waybill_no = 'DN-304' limit 1") != []
    assert room.query("select count(*) from shipments where transport_mode = 'N/A'")[0][0] > 0
    assert room.query("select count(*) from shipments where incoterm like 'N/A%'") == [(0,)]
    assert outcome_of(room, "scms").unknown_markets == {}
    named = "select distinct json_extract_string(_raw, '$.Country'), _market from shipments order by all"
    assert [row for row in room.query(named) if row[1] in ("CI", "CD", "SZ")] == [
        ("Congo, DRC", "CD"),
        ("Côte d'Ivoire", "CI"),
        ("Swaziland", "SZ"),
    ]
    assert room.query("select count(*) from edges where from_feed = 'shipments' and to_feed = 'orders'") == [(0,)]


def test_korean_declarations_keep_their_zeros_and_their_labels_to_themselves(room):
    assert room.query("select min(hs_code), min(length(hs_code)), max(length(hs_code)) from declaration_lines") == [
        ("010129", 6, 6)
    ]
    assert room.query("select distinct _market, currency_code from declaration_lines") == [("KR", "KRW")]
    assert room.query("select count(*) from declaration_lines where origin_country = 'ZZ'")[0][0] > 0
    # Declared on the first of January in Seoul.
    assert room.query("select min(declared_at), min(_month), max(_month) from declarations") == [
        ("2019-12-31T15:00:00Z", "2020-01", "2021-03")
    ]
    columns = [row[0] for row in room.query("describe declarations")] + [
        row[0] for row in room.query("describe declaration_lines")
    ]
    assert not any("fraud" in column for column in columns)
    assert room.query("select count(*) from declarations where json_extract_string(_raw, '$.Fraud') = '1'") == [
        (9_818,)
    ]


def test_the_csv_and_spreadsheet_editions_give_the_same_records(tmp_path):
    """The editions that circulate write dates as Americans do, and customers as floats."""
    import duckdb
    from openpyxl import Workbook

    path = shared("online_retail/online_retail_2010_2011.parquet")
    room = Room(tmp_path)
    names = "InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, CustomerID, Country"
    con = duckdb.connect()
    con.execute(f"create table t as select {names} from '{path}' where InvoiceNo in ('536365', 'C536379', '536414')")
    con.execute(f"copy t to '{room.settings.inbox}/online_retail_1.parquet'")
    con.execute(
        f"""copy (select * replace (strftime(InvoiceDate, '%-m/%-d/%Y %-H:%M') as InvoiceDate,
        CustomerID || '.0' as CustomerID) from t) to '{room.settings.inbox}/online_retail_2.csv'"""
    )
    book = Workbook()
    book.active.append([column[0] for column in con.execute("describe t").fetchall()])
    for row in con.execute("select * from t").fetchall():
        book.active.append(row)
    book.save(room.settings.inbox / "Online Retail.xlsx")
    report = room.arrive()
    assert [outcome.reason for outcome in report.files] == ["", "", ""]
    for feed in ("orders", "order_lines"):
        counts = room.query(f"select _file, bit_xor(hash(_record_key, _content_hash)), count(*) from {feed} group by 1")
        assert len({content for _, content, _ in counts}) == 1
        assert len(counts) == 3
