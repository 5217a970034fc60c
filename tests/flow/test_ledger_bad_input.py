"""What the ledger says of documents that come too early, never, twice, changed, for two orders, or of another seller.

Belongs here: one story per kind of bad document, told through arrivals and staging to the published ledger. Does not:
rules of single fields (see the contract's tests).
"""

from collections.abc import Mapping, Sequence

import pytest

from orchestration.sql import connect, tables_named_in
from tests.arrivals_helpers import Room
from tests.staging_helpers import publish_staging
from tests.stories import Record, deliver, open_room

PARCEL = {"carrier_code": "DHL", "shipped_month": "2026-01"}
TABLES = (
    "fct_trade_event",
    "fct_trade_ledger",
    "fct_match_result",
    "fct_money_legs",
    "unlinked_documents",
    "quarantine",
)


def _order(number: str, seller: str = "S1", price: str = "5.00") -> list[Record]:
    order = {
        "order_no": number, "ordered_at": "2026-01-10T08:00:00Z", "ship_to_country": "DE", "currency_code": "EUR",
        "seller_id": seller, "payable_amount": str(2 * float(price)), "goods_amount": str(2 * float(price)),
    }  # fmt: skip
    line = {
        "order_no": number, "line_no": "1", "product_id": "P1", "product_kind": "product", "leg_type": "sale",
        "quantity": "2", "unit_price_amount": price, "currency_code": "EUR",
    }  # fmt: skip
    return [("orders", order), ("order_lines", line)]


def _payment(number: str, orders: str, amount: str = "10.00") -> Record:
    fields = {"payment_no": number, "order_no": orders, "payment_type": "payment", "amount": amount}
    return "payments", {**fields, "paid_at": "2026-01-10T08:05:00Z", "payer_country": "DE", "currency_code": "EUR"}


def _parcel(number: str, *orders: str, seller: str = "S1") -> list[Record]:
    header = {
        **PARCEL, "waybill_no": number, "order_no": ";".join(orders), "shipped_at": "2026-01-13T08:00:00Z",
        "destination_country": "DE", "seller_id": seller,
    }  # fmt: skip
    lines = [
        ("shipment_lines", {**PARCEL, "waybill_no": number, "line_no": str(place), "quantity": "2", "order_no": order,
                            "order_line_no": "1", "product_id": "P1"})
        for place, order in enumerate(orders, 1)
    ]  # fmt: skip
    return [("shipments", header), *lines]


def _declared(number: str, order: str, *, version: str = "1", at: str = "2026-01-11T08:00:00Z", seller: str = "S1",
              quantity: str = "2") -> list[Record]:  # fmt: skip
    header = {
        "declaration_no": number, "order_no": order, "declared_at": "2026-01-11T08:00:00Z", "flow": "export",
        "declaring_country": "CN", "market_country": "DE", "document_kind": "declaration", "supervision_mode": "9610",
        "seller_id": seller, "version": version, "updated_at": at, "change_type": "new" if version == "1" else "change",
    }  # fmt: skip
    line = {
        "declaration_no": number, "line_no": "1", "hs_code": "6109100000", "quantity": quantity, "order_no": order,
        "order_line_no": "1", "product_id": "P1", "line_value_amount": "10.00", "currency_code": "EUR",
        "version": version, "updated_at": at,
    }  # fmt: skip
    return [("declarations", header), ("declaration_lines", line)]


def _released(number: str) -> Record:
    fields = {"declaration_no": number, "status_code": "800", "received_at": "2026-01-12T08:00:00Z"}
    return "declaration_receipts", fields


EARLY = [_payment("P-E", "EARLY"), *_parcel("W-E", "EARLY")]
FIRST: tuple[Record, ...] = (
    *EARLY,
    _payment("P-N", "NEVER"),
    *_order("TWICE"),
    _payment("P-T", "TWICE"),
    *_order("CHANGED"),
    *_declared("530120260000000001", "CHANGED"),
    _released("530120260000000001"),
    _payment("P-C", "CHANGED"),
    *_order("TWO-A"),
    *_order("TWO-B", price="15.00"),
    _payment("P-TWO", "TWO-A;TWO-B", "40.00"),
    *_parcel("W-TWO", "TWO-A", "TWO-B"),
    *_order("FOREIGN"),
    *_declared("530120260000000002", "FOREIGN", seller="S2"),
    *_parcel("W-F", "FOREIGN", seller="S2"),
)  # fmt: skip
SECOND: tuple[Record, ...] = (
    *_order("EARLY"),
    _payment("P-T", "TWICE"),
    *_declared("530120260000000001", "CHANGED", version="2", at="2026-01-20T08:00:00Z", quantity="1"),
)

Ledger = Mapping[str, Mapping[str, object]]


def _ledger(room: Room) -> Ledger:
    with connect(room.lake, tables={"fct_trade_ledger"}) as con:
        rows = con.sql("select * from fct_trade_ledger").df().to_dict("records")
    return {str(row["order_no"]): {str(name): value for name, value in row.items()} for row in rows}


def _rows(room: Room, query: str) -> list[tuple[object, ...]]:
    with connect(room.lake, tables=tables_named_in(query)) as con:
        return con.execute(query).fetchall()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Sequence[tuple[Ledger, Room]]:
    """The ledger after the first and after the second batch, and the room (as it is after both)."""
    room = Room(tmp_path_factory.mktemp("bad") / "home")
    records = (*FIRST, *SECOND)
    open_room(room, records)
    after = []
    for number, batch in enumerate((FIRST, SECOND)):
        assert deliver(room, number, batch, records) == {""}
        publish_staging(room, f"run-{number}", TABLES)
        after.append((_ledger(room), room))
    return after


def test_documents_before_their_order_wait_and_then_count(told: Sequence[tuple[Ledger, Room]]) -> None:
    (before, _), (after, _) = told
    assert "EARLY" not in before
    assert (after["EARLY"]["state"], after["EARLY"]["payment_count"]) == ("shipped", 1)


def test_a_document_whose_order_never_comes_is_in_no_line_and_says_why(told: Sequence[tuple[Ledger, Room]]) -> None:
    _, (after, room) = told
    assert "NEVER" not in after
    # The batch was loaded months before the run, so that the payment has waited longer than its contract allows.
    assert _rows(room, "select rule_id, reason like '%within 60 days%' from quarantine where feed = 'payments'") == [
        ("payments.order_never_came", True)
    ]


def test_a_payment_that_comes_twice_counts_once(told: Sequence[tuple[Ledger, Room]]) -> None:
    _, (after, room) = told
    assert (after["TWICE"]["state"], after["TWICE"]["payment_count"]) == ("paid", 1)
    key = after["TWICE"]["order_key"]
    assert _rows(room, f"select leg_type, amount::double from fct_money_legs where order_key = '{key}'") == [
        ("payment", 10.0)
    ]


def test_a_declaration_changed_after_its_release_is_marked_and_seen(told: Sequence[tuple[Ledger, Room]]) -> None:
    (before, _), (after, _) = told
    assert (before["CHANGED"]["state"], before["CHANGED"]["violations"]) == ("released", "")
    # One of two pieces is declared now: the line is no longer wholly declared and released.
    assert after["CHANGED"]["state"] == "paid"
    assert "ledger.changed_after_release" in str(after["CHANGED"]["violations"]).split(";")
    assert before["CHANGED"]["line_hash"] != after["CHANGED"]["line_hash"]


def test_documents_of_two_orders_count_for_both_and_their_money_once(told: Sequence[tuple[Ledger, Room]]) -> None:
    _, (after, room) = told
    for order in ("TWO-A", "TWO-B"):
        assert (after[order]["state"], after[order]["shipment_count"]) == ("shipped", 1)
        key = after[order]["order_key"]
        verdicts = dict(_rows(room, f"select rule_id, match_status from fct_match_result where order_key = '{key}'"))
        # How much of the payment is whose nobody says: it is enough for each.
        assert verdicts["match.payment_amount"] == "matched_within_tolerance"
    legs = _rows(room, "select amount::double from fct_money_legs where leg_type = 'payment' order by amount")
    assert legs == [(10.0,), (10.0,), (10.0,), (40.0,)]


def test_another_sellers_number_is_a_mismatch_with_both_numbers(told: Sequence[tuple[Ledger, Room]]) -> None:
    _, (after, room) = told
    key = after["FOREIGN"]["order_key"]
    query = f"""
        select match_status, left_value, right_value from fct_match_result
        where order_key = '{key}' and rule_id = 'match.seller'
    """
    assert _rows(room, query) == [("mismatch", "S1", "S2")]
