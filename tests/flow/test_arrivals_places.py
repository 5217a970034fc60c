"""Places: documents stand where their surviving version says, whatever came first; touches name all that changes."""

import itertools
from datetime import UTC, datetime

import pytest

from orchestration.lake import Touch
from tests.arrivals_helpers import LINES, ORDERS, SHIPMENTS, Room

ORDER_HEAD = "order_no,ordered_at,country,version\n"
LINE_HEAD = "order_no,line_no,product_id,quantity,price\n"
SHIPMENT_HEAD = "waybill_no,shipped_at,country,order_no,key_month,version\n"
RATES = "Date,USD\n"

PLACE_OF_ROWS = """
select feed, coalesce(p.market, r._market) as market, coalesce(p.month, r._month) as month, r.no
from (
    select 'orders' as feed, order_no as no, _document_key, _market, _month from orders
    union all select 'order_lines', order_no || '/' || line_no, _document_key, _market, _month from order_lines
    union all select 'shipments', waybill_no, _document_key, _market, _month from shipments
) as r
left join (
    select feed as f, document_key, arg_max(market, _batch_id) as market, arg_max(month, _batch_id) as month
    from placements group by all
) as p on p.f = r.feed and p.document_key = r._document_key
order by all
"""


@pytest.fixture
def room(tmp_path):
    room = Room(tmp_path)
    for number, mapping in enumerate((ORDERS, LINES, SHIPMENTS)):
        room.mapping(mapping, f"{number}.yaml")
    return room


_names = itertools.count()


def take(room, at=None, **files):
    """Take files of a few rows as one batch; its id and touches without the reason 'arrived'."""
    heads = {"orders": ORDER_HEAD, "lines": LINE_HEAD, "shipments": SHIPMENT_HEAD, "eurofxref": RATES}
    for kind, rows in files.items():
        room.drop(f"{kind}_{next(_names)}.csv", heads[kind] + rows)
    report = room.arrive() if at is None else room.arrive(at)
    assert [outcome.reason for outcome in report.files] == [""] * len(files)
    return room.touches(report.batch_id)


def staging(feed, market, month, reason="arrived"):
    return Touch("staging", feed, market, month, reason)


def marts(market, month, reason="arrived"):
    return Touch("marts", "", market, month, reason)


def places(room):
    return [(feed, f"{market} {month}", no) for feed, market, month, no in room.query(PLACE_OF_ROWS)]


def test_orders_and_lines_stand_and_are_touched_in_the_orders_place(room):
    touches = take(
        room, orders="A1,2026-01-10,DE,1\nA2,2026-02-10,FR,1\n", lines="A1,1,p,1,2\nA2,1,p,1,2\nA1,2,p,1,2\n"
    )
    assert places(room) == [
        ("order_lines", "DE 2026-01", "A1/1"),
        ("order_lines", "DE 2026-01", "A1/2"),
        ("order_lines", "FR 2026-02", "A2/1"),
        ("orders", "DE 2026-01", "A1"),
        ("orders", "FR 2026-02", "A2"),
    ]
    assert touches == {
        staging("orders", "DE", "2026-01"), staging("orders", "FR", "2026-02"),
        staging("order_lines", "DE", "2026-01"), staging("order_lines", "FR", "2026-02"),
        marts("DE", "2026-01"), marts("FR", "2026-02"),
    }  # fmt: skip
    assert room.query("select count(*) from placements") == [(0,)]
    assert room.query("select from_feed, to_feed, from_market, from_month from edges order by all") == [
        ("order_lines", "orders", "DE", "2026-01"), ("order_lines", "orders", "FR", "2026-02"),
        ("orders", "orders", "DE", "2026-01"), ("orders", "orders", "FR", "2026-02"),
    ]  # fmt: skip


def test_lines_of_a_known_order_go_to_its_place(room):
    take(room, orders="A1,2026-01-10,DE,1\n")
    touches = take(room, lines="A1,1,p,1,2\n")
    assert ("order_lines", "DE 2026-01", "A1/1") in places(room)
    assert touches == {staging("order_lines", "DE", "2026-01"), marts("DE", "2026-01")}


def test_a_correction_at_the_same_place_moves_nothing(room):
    take(room, orders="A1,2026-01-10,DE,1\n")
    assert take(room, orders="A1,2026-01-20,DE,2\n") == {staging("orders", "DE", "2026-01"), marts("DE", "2026-01")}
    assert room.query("select count(*) from placements") == [(0,)]
    assert room.query("select count(*) from edges") == [(1,)]


@pytest.mark.parametrize(
    ("correction", "now"),
    [("A1,2026-03-10,DE,2\n", ("DE", "2026-03")), ("A1,2026-01-10,FR,2\n", ("FR", "2026-01")),
     ("A1,2026-01-10,Atlantis,2\n", ("ZZ", "2026-01"))],
)  # fmt: skip
def test_a_correction_moves_the_order_and_all_that_follows_it(room, correction, now):
    take(room, orders="A1,2026-01-10,DE,1\n", lines="A1,1,p,1,2\n")
    take(room, shipments="W1,2026-01-12,DE,A1,2026-01,1\n")
    touches = take(room, orders=correction)
    here = " ".join(now)
    assert places(room) == [
        ("order_lines", here, "A1/1"), ("orders", here, "A1"), ("orders", here, "A1"), ("shipments", "DE 2026-01", "W1")
    ]  # fmt: skip
    assert touches == {
        staging("orders", *now),
        staging("orders", *now, "moved"), staging("orders", "DE", "2026-01", "moved"),
        staging("order_lines", *now, "moved"), staging("order_lines", "DE", "2026-01", "moved"),
        marts(*now), marts("DE", "2026-01", "moved"),
    }  # fmt: skip
    # The next line, and a second correction, follow it there.
    take(room, lines="A1,2,p,1,2\n")
    assert ("order_lines", here, "A1/2") in places(room)
    take(room, orders="A1,2026-01-10,DE,3\n")
    assert {place for _, place, _ in places(room)} == {"DE 2026-01"}


def test_a_late_old_version_goes_where_the_newer_one_is(room):
    take(room, orders="A1,2026-03-10,FR,2\n", lines="A1,1,p,1,2\n")
    assert take(room, orders="A1,2026-01-10,DE,1\n") == {staging("orders", "FR", "2026-03"), marts("FR", "2026-03")}
    assert {place for _, place, _ in places(room)} == {"FR 2026-03"}
    assert room.query("select count(*) from placements") == [(0,)]


def test_lines_that_come_first_wait_and_follow_their_order(room):
    touches = take(room, lines="A1,1,p,1,2\n")
    assert places(room) == [("order_lines", "ZZ 2026-03", "A1/1")]
    assert touches == {staging("order_lines", "ZZ", "2026-03"), marts("ZZ", "2026-03")}
    take(room, at=datetime(2026, 4, 2, tzinfo=UTC), lines="A1,2,p,1,2\n")
    assert places(room)[1] == ("order_lines", "ZZ 2026-03", "A1/2"), "a document has one place, whenever its rows came"
    touches = take(room, orders="A1,2026-01-10,DE,1\n")
    assert {place for _, place, _ in places(room)} == {"DE 2026-01"}
    assert touches == {
        staging("orders", "DE", "2026-01"),
        staging("order_lines", "DE", "2026-01", "moved"), staging("order_lines", "ZZ", "2026-03", "moved"),
        marts("DE", "2026-01"), marts("ZZ", "2026-03", "moved"), marts("ZZ", "2026-03", "order_arrived"),
    }  # fmt: skip


def test_a_document_is_shown_in_its_orders_month_once_the_order_is_known(room):
    """A shipment keeps its own place in staging; its marts are touched where its order is."""
    touches = take(room, shipments="W1,2026-02-12,DE,A1,2026-02,1\nW2,2026-02-12,FR,,2026-02,1\n")
    assert touches == {
        staging("shipments", "DE", "2026-02"), staging("shipments", "FR", "2026-02"),
        marts("DE", "2026-02"), marts("FR", "2026-02"),
    }  # fmt: skip
    touches = take(room, orders="A1,2026-01-10,DE,1\n")
    assert touches == {
        staging("orders", "DE", "2026-01"),
        marts("DE", "2026-01"),
        marts("DE", "2026-02", "order_arrived"),
        # It has waited beyond its limit by now, so that a run may have given it up.
        staging("shipments", "DE", "2026-02", "order_arrived"),
    }
    assert ("shipments", "DE 2026-02", "W1") in places(room)
    touches = take(room, shipments="W1,2026-02-13,DE,A1,2026-02,2\n")
    # Its first version may have named no order, or another one: its own place is touched as well.
    assert touches == {staging("shipments", "DE", "2026-02"), marts("DE", "2026-01"), marts("DE", "2026-02")}


def test_a_shipment_that_moves_touches_its_own_places_and_its_orders(room):
    take(room, orders="A1,2026-01-10,DE,1\n")
    take(room, shipments="W1,2026-02-12,DE,A1,2026-02,1\n")
    touches = take(room, shipments="W1,2026-03-12,DE,A1,2026-02,2\n")
    assert touches == {
        staging("shipments", "DE", "2026-03"),
        staging("shipments", "DE", "2026-02", "moved"), staging("shipments", "DE", "2026-03", "moved"),
        marts("DE", "2026-01"), marts("DE", "2026-02", "moved"), marts("DE", "2026-03"),
    }  # fmt: skip
    touches = take(room, shipments="W1,2026-03-12,DE,A9,2026-02,3\n")
    assert marts("DE", "2026-01") in touches, "the order that it no longer names loses it"


def test_a_shipment_of_two_orders_touches_both(room):
    take(room, orders="A1,2026-01-10,DE,1\nA2,2026-02-10,FR,1\n")
    touches = take(room, shipments="W1,2026-03-01,DE,A1;A2,2026-03,1\n")
    assert touches == {staging("shipments", "DE", "2026-03"), marts("DE", "2026-01"), marts("FR", "2026-02")}
    linked = room.query("select to_feed, count(*) from edges where from_feed = 'shipments' group by 1 order by 1")
    assert linked == [("orders", 2), ("shipments", 1)]


HISTORY = [
    ("orders", "A1,2026-01-10,DE,1\n"),
    ("orders", "A1,2026-02-10,FR,3\n"),
    ("orders", "A1,2026-03-10,IT,2\n"),
    ("lines", "A1,1,p,1,2\n"),
    ("shipments", "W1,2026-02-12,DE,A1,2026-02,1\n"),
    ("shipments", "W1,2026-04-12,ES,A1,2026-02,2\n"),
]


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4, 5), (5, 4, 3, 2, 1, 0), (3, 1, 5, 0, 2, 4), (2, 3, 1, 4, 0, 5)])
def test_places_do_not_depend_on_the_order_of_arrival(room, order):
    for step in order:
        kind, rows = HISTORY[step]
        take(room, **{kind: rows})
    assert places(room) == [
        ("order_lines", "FR 2026-02", "A1/1"),
        *[("orders", "FR 2026-02", "A1")] * 3,
        *[("shipments", "ES 2026-04", "W1")] * 2,
    ]


def test_places_are_the_same_in_one_batch(room):
    for kind, rows in HISTORY:
        room.drop(
            f"{kind}_{next(_names)}.csv", {"orders": ORDER_HEAD, "lines": LINE_HEAD}.get(kind, SHIPMENT_HEAD) + rows
        )
    room.arrive()
    assert {(feed, place) for feed, place, _ in places(room)} == {
        ("order_lines", "FR 2026-02"), ("orders", "FR 2026-02"), ("shipments", "ES 2026-04")
    }  # fmt: skip


def test_among_equal_versions_the_content_decides_and_not_the_arrival(tmp_path):
    found = []
    for number, versions in enumerate((["DE", "FR"], ["FR", "DE"])):
        room = Room(tmp_path / str(number))
        room.mapping(ORDERS)
        for country in versions:
            take(room, orders=f"A1,2026-01-10,{country},1\n")
        found.append({place for _, place, _ in places(room)})
    assert found[0] == found[1]
    assert len(found[0]) == 1


def test_late_rates_touch_the_months_that_they_serve(room):
    take(room, orders="A1,2026-01-10,DE,1\nA2,2026-02-10,FR,1\nA3,2026-03-10,JP,1\n")
    touches = take(room, eurofxref="2026-01-28,1.1\n")
    assert touches == {
        staging("fx_rates", "", ""), marts("DE", "2026-01", "late_rate"), marts("FR", "2026-02", "late_rate")
    }  # fmt: skip
    # The next day's file repeats all of history: only what is new in it is late.
    touches = take(room, eurofxref="2026-03-02,1.2\n2026-01-28,1.10\n")
    assert touches == {staging("fx_rates", "", ""), marts("JP", "2026-03", "late_rate")}
    touches = take(room, eurofxref="2026-01-02,1.3\n2026-01-28,1.11\n")
    assert marts("FR", "2026-02", "late_rate") in touches, "a rate that was corrected"


def test_new_sales_touch_the_months_whose_reversals_may_find_them(room):
    room.mapping(LINES + "reversals: inferred\n", "1.yaml")
    take(room, orders="A1,2026-01-10,DE,1\nC1,2026-03-10,DE,1\nC2,2026-09-10,DE,1\nC3,2026-03-10,FR,1\n")
    legs = "".join(f"C{n},1,p,-1,2,cancellation\n" for n in (1, 2, 3))
    room.drop("lines_legs.csv", LINE_HEAD.replace("price", "price,leg_type") + legs)
    mapping = LINES.replace("steps: [{match: {choices: [], default: sale}}]", "nulls: ['']")
    room.mapping(mapping + "reversals: inferred\n", "1.yaml")
    report = room.arrive()
    assert [str(place) for place in report.reversal_places] == ["DE/2026-03", "DE/2026-09", "FR/2026-03"]
    room.drop("lines_sale.csv", LINE_HEAD.replace("price", "price,leg_type") + "A1,1,p,1,2,sale\n")
    report = room.arrive()
    assert report.reversal_places == ()
    assert room.touches(report.batch_id) == {
        staging("order_lines", "DE", "2026-01"), marts("DE", "2026-01"), marts("DE", "2026-03", "reversal_window")
    }  # fmt: skip


def test_rows_without_a_key_stand_where_they_themselves_say(room):
    touches = take(room, orders=",2026-01-10,DE,1\n")
    assert places(room) == [("orders", "DE 2026-01", None)]
    assert touches == {staging("orders", "DE", "2026-01")}
