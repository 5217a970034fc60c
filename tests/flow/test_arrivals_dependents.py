"""Dependents: rows of earlier arrivals are judged again when their order, lines or product come, or never do."""

from datetime import UTC, datetime, timedelta

import pytest

from orchestration.lake import Place, PublishRequest, Touch
from orchestration.markets import load_markets
from orchestration.runs import MonthSelection, make_plan
from orchestration.runs.database import RunDatabase
from tests.arrivals_helpers import FEW_MARKETS, LINES, ORDERS, Room

PAYMENTS = """
source: payer_bank
version: 1
files: ["payments*"]
orders_of: shop
emits:
  - feed: payments
    fields:
      payment_no: payment_no
      order_no: order_no
      payment_type: {constant: payment}
      paid_at: paid_at
      payer_country: country
      amount: {constant: "10"}
      currency_code: {constant: EUR}
"""
RETURNS = """
source: returns_desk
version: 1
files: ["returns*"]
orders_of: shop
emits:
  - feed: returns
    fields:
      return_no: return_no
      line_no: {constant: "1"}
      order_no: order_no
      order_line_no: {constant: "1"}
      returned_at: returned_at
      market_country: country
      quantity: {constant: "1"}
"""
PRODUCTS = """
source: shop
version: 1
files: ["products*"]
emits:
  - feed: products
    fields:
      product_id: product_id
      valid_from: valid_from
      seller_id: {constant: S1}
      product_name: name
      category_code: {constant: C}
"""
ORDER_HEAD = "order_no,ordered_at,country,version\n"
PAYMENT_HEAD = "payment_no,order_no,paid_at,country\n"
LINE_HEAD = "order_no,line_no,product_id,quantity,price\n"
NOW = datetime.now(UTC)
LONG_AGO, YESTERDAY = NOW - timedelta(days=61), NOW - timedelta(days=1)


@pytest.fixture
def room(tmp_path):
    room = Room(tmp_path)
    for number, mapping in enumerate((ORDERS, LINES, PAYMENTS, RETURNS, PRODUCTS)):
        room.mapping(mapping, f"{number}.yaml")
    return room


def touches(room, batch, due_by=None):
    """What a batch has touched, and what it touches by a moment."""
    pending = room.lake.pending_touches([*FEW_MARKETS, ""], due_by=due_by)
    return {Touch(t.layer, t.feed, t.market, t.month, t.reason) for t in pending if t.batch_id == batch}


def clear(room):
    """Take all touches back, as if everything had been published."""
    ids = [touch.id for touch in room.lake.pending_touches(FEW_MARKETS)]
    room.lake.publish(PublishRequest(run_id="all", raw_seq=room.lake.raw_seq(), staged=[], touch_ids=ids))


def planned(room, markets=FEW_MARKETS):
    """The plan of a run over what waits, and the payments that it sees: number, whether overdue."""
    plan, index = make_plan(room.lake, run_id="look", markets=markets, months=MonthSelection.parse(""))
    run = RunDatabase(room.settings, "look")
    run.remove()
    with index:
        run.prepare(room.lake, plan, load_markets(room.settings.markets_file), {}, (), index)
    with run.connect() as con:
        return plan, con.execute("select payment_no, _is_overdue from raw.payments order by 1").fetchall()


def test_a_payment_is_given_up_when_its_order_never_comes_and_taken_back_when_it_does(room):
    # P2 names two orders, one of which is there; P3 has come only now.
    room.take("orders_1.csv", ORDER_HEAD + "A2,2026-01-10,DE,1\n", LONG_AGO)
    room.take("payments_1.csv", PAYMENT_HEAD + "P1,A1,2026-01-12,DE\nP2,A2;A3,2026-01-12,DE\n", LONG_AGO)
    room.take("payments_2.csv", PAYMENT_HEAD + "P3,A4,2026-01-12,DE\nP4,A5,2026-02-12,FR\n", YESTERDAY)
    overdue = {
        Touch("staging", "payments", "DE", "2026-01", "order_overdue"),
        Touch("marts", "", "DE", "2026-01", "order_overdue"),
    }
    due_at = LONG_AGO + timedelta(days=60)
    assert touches(room, 2, due_by=due_at) - touches(room, 2, due_by=due_at - timedelta(seconds=1)) == overdue
    clear_until = [touch.id for touch in room.lake.pending_touches(FEW_MARKETS) if touch.due_at is None]
    room.lake.publish(PublishRequest(run_id="early", raw_seq=3, staged=[], touch_ids=clear_until))
    plan, payments = planned(room)
    assert (plan.staging_places, plan.mart_places) == ((Place("DE", "2026-01"),),) * 2
    assert payments == [("P1", True), ("P2", False), ("P3", False)]
    clear(room)
    assert planned(room)[0].is_empty
    # The order comes after all.
    room.take("orders_2.csv", ORDER_HEAD + "A1,2026-03-10,FR,1\n", NOW)
    assert touches(room, 4) >= {
        Touch("staging", "payments", "DE", "2026-01", "order_arrived"),
        Touch("marts", "", "DE", "2026-01", "order_arrived"),
        Touch("marts", "", "FR", "2026-03", "arrived"),
    }
    plan, payments = planned(room)
    assert payments == [("P1", False), ("P2", False), ("P3", False)]


def test_a_payment_whose_order_came_in_time_is_not_rebuilt_for_it(room):
    room.take("payments_1.csv", PAYMENT_HEAD + "P1,A1,2026-01-12,DE\n", LONG_AGO)
    room.take("orders_1.csv", ORDER_HEAD + "A1,2026-01-10,FR,1\n", LONG_AGO + timedelta(days=2))
    not_due = [touch.id for touch in room.lake.pending_touches(FEW_MARKETS) if touch.due_at is None]
    room.lake.publish(PublishRequest(run_id="early", raw_seq=2, staged=[], touch_ids=not_due))
    plan, _ = planned(room)
    assert plan.is_empty
    assert len(plan.touch_ids) == 2
    # Nor is a payment taken back that was never given up.
    room.take("payments_2.csv", PAYMENT_HEAD + "P2,A2,2026-01-12,DE\n", YESTERDAY)
    room.take("orders_2.csv", ORDER_HEAD + "A2,2026-01-10,FR,1\n", NOW)
    assert Touch("staging", "payments", "DE", "2026-01", "order_arrived") not in touches(room, 4)


def test_returns_are_judged_again_beside_the_lines_of_their_order(room):
    room.take("returns_1.csv", "return_no,order_no,returned_at,country\nR1,A1,2026-03-01,DE\nR2,A9,2026-04-01,DE\n")
    clear(room)
    room.take("orders_1.csv", ORDER_HEAD + "A1,2026-01-10,FR,1\n")
    room.take("lines_1.csv", LINE_HEAD + "A1,1,p,1,2\n")
    again = Touch("staging", "returns", "DE", "2026-03", "order_changed")
    assert again in touches(room, 2)
    assert again in touches(room, 3)
    plan, _ = planned(room)
    assert Place("FR", "2026-01") in plan.parent_places
    # Germany is run before the lines of the French order are published: it will have to look again.
    alone, _ = planned(room, ["DE"])
    kept = {(t.layer, t.feed) for t in room.lake.pending_touches(["DE"]) if t.id not in alone.touch_ids}
    assert kept == {("staging", "returns")}
    assert len(plan.touch_ids) == len(room.lake.pending_touches(["DE", "FR"]))


def test_a_new_or_changed_product_touches_the_months_of_its_lines(room):
    room.take("orders_1.csv", ORDER_HEAD + "A1,2026-01-10,DE,1\nA2,2026-02-10,FR,1\n")
    room.take("lines_1.csv", LINE_HEAD + "A1,1,p,1,2\nA2,1,q,1,2\n")
    # The order moves, and its lines with it.
    room.take("orders_2.csv", ORDER_HEAD + "A1,2026-03-10,DE,2\n")
    head = "product_id,valid_from,name\n"
    room.take("products_1.csv", head + "p,2026-01-01,Cup\n")
    changed = {
        Touch("staging", "order_lines", "DE", "2026-03", "product_changed"),
        Touch("marts", "", "DE", "2026-03", "product_changed"),
    }
    whole = Touch("staging", "products", "", "", "arrived")
    assert touches(room, 4) == {*changed, whole}
    room.take("products_2.csv", head + "p,2026-01-01,Cup\nz,2026-01-01,Pot\n")
    assert touches(room, 5) == {whole}, "what is known touches nothing, nor what nobody has sold"
    room.take("products_3.csv", head + "p,2026-01-01,Mug\n")
    assert touches(room, 6) == {*changed, whole}
