"""What the ledger must say, on records told by hand: partial deliveries, stocked goods, side tracks, and payouts."""

import numpy as np
import pandas as pd
import pytest

from orchestration.simulation.defects.inject import DefectConfig
from orchestration.simulation.ledger_truth.delivered import COLUMNS, Delivered, delivered_world, read_defects
from orchestration.simulation.ledger_truth.lines import NO_STATE, STATES, ledger_lines, real_lines
from orchestration.simulation.ledger_truth.matches import expected_verdicts
from orchestration.simulation.ledger_truth.payouts import payouts
from orchestration.simulation.ledger_truth.ties import expected_ties
from orchestration.simulation.making import WorldPlan, make_world
from orchestration.simulation.world.building import build_world
from orchestration.simulation.world.config import WorldConfig

CONFIG = WorldConfig(seed=3, orders=2_000, months=3, sellers=120, markets=("US", "CN"))


def at(text):
    return pd.Timestamp(text, tz="UTC")


def frame(feed, *rows):
    found = pd.DataFrame(list(rows), columns=["source_id", *COLUMNS[feed]])
    for name in ("ordered_at", "paid_at", "shipped_at", "delivered_at", "declared_at", "received_at", "event_at"):
        if name in found.columns:
            found[name] = pd.to_datetime(found[name], utc=True)
    for name in ("paid_on", "updated_at", "returned_at"):
        if name in found.columns:
            found[name] = pd.to_datetime(found[name], utc=True)
    return found


def told(feed, **values):
    return {"source_id": "hub", "version": 1, **values} | {}


@pytest.fixture(scope="module")
def story():
    """One order of four pieces for stock abroad: declared before the sale, delivered in two parcels, then half back."""
    order = told(
        "orders", order_no="A", ordered_at=at("2024-03-10"), ship_to_country="US", currency_code="USD",
        seller_id="S1", payable_amount=40.0, updated_at=at("2024-03-10"),
    )  # fmt: skip
    line = told("order_lines", order_no="A", line_no="1", product_kind="product", leg_type="sale", quantity=4.0)
    pay = told("payments", order_no="A", payment_type="payment", currency_code="USD")
    parcel = told("shipments", carrier_code="X", shipped_month="2024-03", order_no="A")
    part = told("shipment_lines", carrier_code="X", shipped_month="2024-03", order_no="A", order_line_no="1")
    paper = told("declarations", declaration_no="D", document_kind="declaration", supervision_mode="9810", order_no="A")
    item = told("declaration_lines", declaration_no="D", line_no="1", order_no="A", order_line_no="1", quantity=4.0)
    back = told("returns", return_no="R", line_no="1", order_no="A", order_line_no="1")
    frames = {
        "orders": frame("orders", order),
        "order_lines": frame("order_lines", line),
        "payments": frame(
            "payments",
            {**pay, "payment_no": "P1", "paid_at": at("2024-03-10 01:00"), "amount": 15.0},
            {**pay, "payment_no": "P2", "paid_at": at("2024-03-12"), "amount": 25.0},
        ),
        "shipments": frame(
            "shipments",
            {**parcel, "waybill_no": "W1", "shipped_at": at("2024-03-13"), "delivered_at": at("2024-03-20")},
            {**parcel, "waybill_no": "W2", "shipped_at": at("2024-03-14"), "delivered_at": pd.NaT},
        ),
        "shipment_lines": frame(
            "shipment_lines",
            {**part, "waybill_no": "W1", "line_no": "1", "quantity": 3.0},
            {**part, "waybill_no": "W2", "line_no": "1", "quantity": 1.0},
        ),
        "tracking_events": frame(
            "tracking_events",
            told(
                "tracking_events",
                carrier_code="X",
                waybill_no="W2",
                shipped_month="2024-03",
                event_code="delivered",
                event_at=at("2024-03-22"),
            ),
        ),
        "declarations": frame("declarations", {**paper, "declared_at": at("2024-02-01")}),
        "declaration_lines": frame("declaration_lines", item),
        "declaration_receipts": frame(
            "declaration_receipts",
            told("receipts", declaration_no="D", status_code="800", received_at=at("2024-02-02")),
        ),
        "returns": frame(
            "returns",
            {**back, "returned_at": at("2024-03-25"), "quantity": 2.0},
            {**back, "return_no": "R2", "returned_at": at("2024-03-28"), "quantity": 2.0},
        ),
        "sellers": frame("sellers", told("sellers", seller_id="S1", valid_from=at("2020-01-01"), home_country="CN")),
    }
    links = pd.DataFrame(columns=["receipt_no", "settlement_no"])
    return ledger_lines(Delivered(build_world(CONFIG), frames, links, pd.DataFrame(), pd.DataFrame()))


@pytest.mark.parametrize(
    ("moment", "state"),
    [
        ("2024-03-09", None),  # declared and released, but nobody has ordered yet
        ("2024-03-11", "ordered"),  # of stocked goods an order counts for more than the release before it
        ("2024-03-12", "paid"),  # the second part makes it whole
        ("2024-03-13", "paid"),  # three of four pieces
        ("2024-03-14", "shipped"),
        ("2024-03-21", "shipped"),
        ("2024-03-22", "delivered"),  # by the event, since the waybill itself does not say
        ("2024-03-26", "delivered"),  # half of it came back
        ("2024-03-28", "returned"),
    ],
)
def test_the_state_of_a_line_as_of_a_day(story, moment, state):
    (found,) = story.states(int(at(moment).timestamp()))
    assert (None if found == NO_STATE else STATES[found]) == state


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    """A dirty world of which the files are written, what of it stands, and the same world undisturbed."""
    folder = tmp_path_factory.mktemp("world")
    make_world(WorldPlan(CONFIG, folder / "inbox", folder / "truth", 0, DefectConfig(3, 8.0)))
    truth = read_defects(folder / "truth")
    return truth, delivered_world(CONFIG, truth), delivered_world(CONFIG)


def test_quarantined_and_lost_records_are_gone_and_the_others_stay(worlds):
    truth, dirty, clean = worlds
    for feed, defects, key in (
        (
            "payments",
            ("shifted_zone", "date_impossible", "missing_payment", "key_missing", "refund_sign"),
            "payment_no",
        ),
        ("orders", ("header_against_lines", "discount_twice", "discount_undeclared", "country_unknown"), "order_no"),
    ):
        taken = set(truth.loc[truth["defect_id"].isin(defects) & (truth["role"] == "main"), "key_before"])
        before, after = set(clean.of(feed)[key]), set(dirty.of(feed)[key])
        uncertain = dirty.uncertain_orders if feed == "orders" else set()
        assert len(taken) > 3
        assert taken.isdisjoint(after)
        assert (before - after) - taken <= set(truth["key_before"]) | uncertain
    gone = set(clean.of("orders")["order_no"]) - set(dirty.of("orders")["order_no"])
    assert gone.isdisjoint(dirty.of("order_lines")["order_no"])


def test_a_clean_world_leaves_nothing_unexplained(worlds):
    _, dirty, clean = worlds
    found = payouts(clean)
    assert (found["unexplained_amount"].dropna() == 0).all()
    assert set(found["payout_kind"]) == {"settlement", "collection"}
    assert (payouts(dirty)["unexplained_amount"].fillna(0) != 0).any()


def test_ties_are_those_that_the_truth_names(worlds):
    clean = worlds[2]
    ties = expected_ties(clean)
    payments = clean.of("payments")
    named = clean.document_links
    assert (ties["feed"] == "payments").sum() == len(payments)
    shipments = named[named["feed"] == "shipments"].drop_duplicates(["document_no", "order_no"])
    assert (ties["feed"] == "shipments").sum() == len(shipments)


def test_the_real_state_is_the_told_one_where_nothing_went_wrong(worlds):
    clean = worlds[2]
    lines, real = ledger_lines(clean), real_lines(clean)
    moment = int(at("2023-05-15 23:00").timestamp())
    told_states, really = lines.states(moment), real.states(moment)
    # A credit counts from the first second of its day for the ledger, and from noon for the world.
    assert np.mean(told_states == really) > 0.99


def test_of_a_clean_world_no_rule_is_broken(worlds):
    clean = worlds[2]
    verdicts = expected_verdicts(clean, ledger_lines(clean))
    assert set(verdicts["match_status"]) <= {"matched", "waiting_document", "rejected"}
    assert verdicts["rule_id"].nunique() > 25
