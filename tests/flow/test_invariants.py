"""A poisoned feed turns the invariant that it breaks red, with its amount; table, worklist and gate tell one story."""

from collections.abc import Sequence

import pytest

from orchestration.gates.gate import judges, run_gate
from orchestration.gates.measures import ledger
from orchestration.gates.verdict import Verdict
from orchestration.runs import RunDatabase
from orchestration.sql import connect
from tests.arrivals_helpers import Room
from tests.staging_helpers import publish_staging
from tests.stories import Record, deliver, open_room

COUNT = 12
POISONED = 6
PARCEL = {"carrier_code": "DHL", "shipped_month": "2026-01"}
TABLES = (
    "fct_daily_invariant",
    "fct_market_invariant",
    "fct_row_invariant",
    "exception_worklist",
    "market_kpi",
    "quarantine",
)


def _payment(number: int, amount: str, version: str) -> Record:
    return "payments", {
        "payment_no": f"P{number}", "order_no": f"A{number}", "payment_type": "payment", "amount": amount,
        "paid_at": "2026-01-10T08:05:00Z", "payer_country": "DE", "currency_code": "EUR", "version": version,
    }  # fmt: skip


def _parcel_line(number: int, quantity: str, version: str) -> Record:
    return "shipment_lines", {
        **PARCEL, "waybill_no": f"W{number}", "line_no": "1", "quantity": quantity, "order_no": f"A{number}",
        "order_line_no": "1", "product_id": "P1", "version": version,
    }  # fmt: skip


def _stock(number: int, day: str, on_hand: str, shipped: str) -> Record:
    return "stock_snapshots", {
        "site_code": "HAM", "site_country": "DE", "product_id": f"P{number}", "counted_on": day,
        "on_hand_qty": on_hand, "received_qty": "0", "shipped_qty": shipped, "adjusted_qty": "0",
    }  # fmt: skip


def _sound(number: int) -> list[Record]:
    order = {
        "order_no": f"A{number}", "ordered_at": "2026-01-10T08:00:00Z", "ship_to_country": "DE",
        "currency_code": "EUR", "seller_id": "S1", "payable_amount": "10.00", "goods_amount": "10.00",
    }  # fmt: skip
    line = {
        "order_no": f"A{number}", "line_no": "1", "product_id": "P1", "product_kind": "product", "leg_type": "sale",
        "quantity": "2", "unit_price_amount": "5.00", "currency_code": "EUR",
    }  # fmt: skip
    parcel = {
        **PARCEL, "waybill_no": f"W{number}", "order_no": f"A{number}", "shipped_at": "2026-01-13T08:00:00Z",
        "delivered_at": "2026-01-15T08:00:00Z", "destination_country": "DE", "seller_id": "S1",
    }  # fmt: skip
    return [
        ("orders", order), ("order_lines", line), ("shipments", parcel),
        _payment(number, "10.00", "1"), _parcel_line(number, "2", "1"),
        _stock(number, "2026-01-07", "10", "0"), _stock(number, "2026-01-14", "8", "2"),
    ]  # fmt: skip


FIRST = tuple(record for number in range(COUNT) for record in _sound(number))
# Six payments shrink from ten euros to one, six parcels grow from two pieces to five, six counts lose four pieces.
SECOND = tuple(
    record
    for number in range(POISONED)
    for record in (
        _payment(number, "1.00", "2"),
        _parcel_line(number, "5", "2"),
        _stock(number, "2026-01-21", "4", "0"),
    )
)


def _verdict(room: Room, run_id: str) -> Verdict:
    measures = [measure for measure in ledger() if measure.suite == "ledger.invariants"]
    with RunDatabase(room.settings, run_id).connect() as con, judges() as helper:
        return run_gate(con, "ledger_gate", measures, {"DE"}, helper)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Room, Sequence[Verdict]]:
    """What the gate says of the sound batch and of the poisoned one, and the room as it is after both."""
    room = Room(tmp_path_factory.mktemp("invariants") / "home")
    open_room(room, (*FIRST, *SECOND))
    verdicts = []
    for number, batch in enumerate((FIRST, SECOND)):
        assert deliver(room, number, batch, (*FIRST, *SECOND)) == {""}
        publish_staging(room, f"run-{number}", TABLES)
        verdicts.append(_verdict(room, f"run-{number}"))
    return room, verdicts


def test_sound_data_keep_every_invariant(told: tuple[Room, Sequence[Verdict]]) -> None:
    _, (sound, _) = told
    assert sound.judged["DE"] > 0
    assert sound.broken == ()


def test_each_poisoned_feed_breaks_its_invariant_by_its_amount(told: tuple[Room, Sequence[Verdict]]) -> None:
    _, (_, poisoned) = told
    assert {(entry.promise, entry.severity, entry.amounts) for entry in poisoned.broken} == {
        ("PaymentsMatchOrders", "critical", "54.00 EUR"),
        ("DeliveredStaysWithinOrdered", "critical", "18.00 pieces"),
        ("StockIsConserved", "critical", "24.00 pieces"),
    }
    assert poisoned.failed == {"DE"}
    subjects = [example.subject for entry in poisoned.broken for example in entry.examples]
    assert any('python -m orchestration.trace "A0"' in subject for subject in subjects)


def test_table_and_worklist_tell_the_same_story(told: tuple[Room, Sequence[Verdict]]) -> None:
    room, _ = told
    with connect(room.lake, tables={"fct_daily_invariant", "exception_worklist"}) as con:
        broken = con.execute(
            "select invariant_id, day::varchar, broken_count, broken_amount::double, examples"
            " from fct_daily_invariant where is_broken order by all"
        ).fetchall()
        assert broken == [
            ("delivered_within_ordered", "2026-01-10", 6, 18.0, "A0;A1;A2"),
            ("payments_match_orders", "2026-01-10", 6, 54.0, "A0;A1;A2"),
            ("stock_is_conserved", "2026-01-21", 6, 24.0, "HAM P0;HAM P1;HAM P2"),
        ]
        items = con.execute(
            "select order_no, left_value, right_value from exception_worklist"
            " where exception_id = 'payment_missing' order by order_no"
        ).fetchall()
    assert items == [(f"A{number}", "payable 10.0000 EUR", "paid 1.0000 EUR") for number in range(POISONED)]
