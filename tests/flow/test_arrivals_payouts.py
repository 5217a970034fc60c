"""Payouts: a credit, a payment or a rate touches the marts of the payouts that it changes, and no others."""

import pytest

from orchestration.lake import PublishRequest
from tests.arrivals_helpers import FEW_MARKETS, Room

ORDERS = """
source: port
ids_of: hub
version: 1
files: ["orders*"]
emits:
  - feed: orders
    fields:
      order_no: order_no
      ordered_at: ordered_at
      ship_to_country: country
      currency_code: {constant: EUR}
      seller_id: seller_id
"""
PAYMENTS = """
source: port
ids_of: hub
version: 1
files: ["payments*"]
emits:
  - feed: payments
    fields:
      payment_no: payment_no
      order_no: order_no
      payment_type: {constant: payment}
      paid_at: paid_at
      payer_country: country
      amount: amount
      currency_code: {constant: EUR}
"""
SETTLEMENTS = """
source: reporter
version: 1
files: ["settlements*"]
orders_of: port
emits:
  - feed: settlements
    fields:
      settlement_no: settlement_no
      line_no: {constant: "1"}
      order_no: order_no
      settled_at: settled_at
      market_country: country
      leg_type: {constant: gross}
      amount: {constant: "10"}
      currency_code: {constant: EUR}
      seller_id: {constant: S1}
      payout_ref: payout_ref
"""
RECEIPTS = """
source: house_bank
version: 1
files: ["receipts*"]
emits:
  - feed: bank_receipts
    fields:
      receipt_no: receipt_no
      seller_id: seller_id
      value_on: value_on
      amount: amount
      currency_code: {constant: EUR}
      payout_ref: payout_ref
      receipt_kind: kind
"""
RATES = """
source: rate_sheet
version: 1
files: ["rates*"]
emits:
  - feed: fx_rates
    fields:
      rate_on: rate_on
      currency_code: {constant: USD}
      rate_per_eur: {constant: "1.25"}
      provider: {constant: ECB}
"""
ORDER_HEAD = "order_no,ordered_at,country,seller_id\n"
PAYMENT_HEAD = "payment_no,order_no,paid_at,country,amount\n"
SETTLEMENT_HEAD = "settlement_no,order_no,settled_at,country,payout_ref\n"
RECEIPT_HEAD = "receipt_no,seller_id,value_on,amount,payout_ref,kind\n"


@pytest.fixture
def room(tmp_path):
    room = Room(tmp_path)
    for number, mapping in enumerate((ORDERS, PAYMENTS, SETTLEMENTS, RECEIPTS, RATES)):
        room.mapping(mapping, f"{number}.yaml")
    room.take(
        "orders_1.csv",
        ORDER_HEAD
        + "A1,2025-09-10,DE,S1\nA2,2025-10-02,DE,S1\nA3,2025-10-03,FR,S1\nA4,2025-10-04,DE,S2\nA5,2025-08-05,DE,S1\n",
    )
    return room


def touched(room, name, rows):
    """The marts that one file touches, those before it taken back."""
    ids = [touch.id for touch in room.lake.pending_touches([*FEW_MARKETS, ""])]
    room.lake.publish(PublishRequest(run_id=name, raw_seq=room.lake.raw_seq(), staged=[], touch_ids=ids))
    assert room.take(name, rows).status == "loaded"
    pending = room.lake.pending_touches([*FEW_MARKETS, ""])
    return {(touch.market, touch.month) for touch in pending if touch.layer == "marts" and touch.due_at is None}


def test_a_payment_touches_the_month_after_its_own_in_the_collector_s_zone(room):
    # 17 o'clock of the last day of September is October in Shanghai.
    assert touched(room, "payments_1.csv", PAYMENT_HEAD + "P1,A1,2025-09-30T17:00:00Z,DE,100\n") == {
        ("DE", "2025-09"),
        ("DE", "2025-11"),
    }


def test_a_credit_touches_the_report_that_it_names_and_its_orders(room):
    assert touched(
        room,
        "settlements_1.csv",
        SETTLEMENT_HEAD
        + "R1,A1,2025-11-05,DE,PO1\nR2,A2,2025-12-05,DE,PO2\nR3,A3,2025-12-06,FR,PO3\nR3,A5,2025-12-06,FR,PO3\n",
    ) >= {("DE", "2025-11"), ("DE", "2025-12"), ("FR", "2025-12")}
    first = RECEIPT_HEAD + "B1,S1,2025-11-10,10,PO1,platform_payout\n"
    assert touched(room, "receipts_1.csv", first) == {("DE", "2025-11"), ("DE", "2025-09")}
    assert touched(room, "receipts_2.csv", first + "B1,S1,2025-11-10,10,PO1,platform_payout\n") == set()
    # One credit for two reports; a late line of one of them changes what is left for the other.
    both = RECEIPT_HEAD + "B2,S1,2025-12-10,30,PO2;PO3,platform_payout\n"
    reports = {("DE", "2025-12"), ("DE", "2025-10"), ("FR", "2025-12"), ("FR", "2025-10"), ("DE", "2025-08")}
    assert touched(room, "receipts_3.csv", both) == reports
    assert touched(room, "settlements_2.csv", SETTLEMENT_HEAD + "R4,A4,2026-01-06,DE,PO3\n") == {
        *reports,
        ("DE", "2026-01"),
    }


def test_a_credit_without_a_report_touches_the_collection_that_it_fits_or_all_that_it_may_pay(room):
    touched(
        room,
        "payments_1.csv",
        PAYMENT_HEAD
        + "P1,A1,2025-09-12,DE,100\nP2,A2,2025-10-12,DE,70\nP3,A3,2025-10-12,FR,50\nP4,A4,2025-10-12,DE,70\n"
        + "P5,A5,2025-08-12,DE,30\n",
    )
    fitting = RECEIPT_HEAD + "B1,S1,2025-11-14,70,,direct\n"
    assert touched(room, "receipts_1.csv", fitting) == {("DE", "2025-11"), ("DE", "2025-10")}
    # August's is too long ago, and the other seller's is not in question.
    other = RECEIPT_HEAD + "B2,S1,2025-12-20,41,,direct\n"
    assert touched(room, "receipts_2.csv", other) == {
        *(("DE", month) for month in ("2025-09", "2025-10", "2025-11")),
        ("FR", "2025-10"),
        ("FR", "2025-11"),
    }
    # A late payment parts the credit from the collection that it had paid: another may take it.
    late = PAYMENT_HEAD + "P6,A2,2025-10-20,DE,5\n"
    assert touched(room, "payments_2.csv", late) >= {
        *(("DE", month) for month in ("2025-09", "2025-10", "2025-11")),
        ("FR", "2025-10"),
        ("FR", "2025-11"),
    }
    # Without a credit of the seller in the weeks after it a payment touches nothing else.
    assert touched(room, "payments_3.csv", PAYMENT_HEAD + "P7,A4,2025-10-21,DE,5\n") == {
        ("DE", "2025-10"),
        ("DE", "2025-11"),
    }


def test_a_late_rate_touches_the_payouts_of_credits_that_came_before_it(room):
    touched(room, "settlements_1.csv", SETTLEMENT_HEAD + "R1,A1,2025-11-25,DE,PO1\nR2,A2,2025-11-25,FR,PO2\n")
    touched(room, "receipts_1.csv", RECEIPT_HEAD + "B1,S1,2025-12-04,10,PO1,platform_payout\n")
    with_rate = touched(room, "rates_1.csv", "rate_on\n2025-12-01\n")
    assert {("DE", "2025-11"), ("DE", "2025-09")} <= with_rate
    assert not {("FR", "2025-11"), ("DE", "2025-10")} & with_rate
    # A rate of days on which nobody was credited touches no payout; the settlements of its own days it does.
    assert touched(room, "rates_2.csv", "rate_on\n2026-01-10\n") == set()
    assert ("DE", "2025-10") in touched(room, "rates_3.csv", "rate_on\n2025-11-24\n")
