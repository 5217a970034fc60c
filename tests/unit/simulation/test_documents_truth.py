"""What documents say of each other: money to the cent, pieces, the order of milestones, journeys, credit."""

import numpy as np
import pytest

from orchestration.simulation.documents.columns import month_index
from orchestration.simulation.documents.generate import generate_month_end, new_money_state
from orchestration.simulation.documents.lending import default_probability
from orchestration.simulation.world.batches import MODES
from tests.unit.simulation.documents_world import CONFIG, generated, query

PAYMENTS = "(select * from paygate_payments union all by name select * from port_payments)"
LEGAL = {  # milestones that come one after the other, by supervision mode
    "9610": ("ordered_at", "paid_at", "declared_at", "released_at", "shipped_at", "delivered_at", "received_at"),
    "0110": ("ordered_at", "paid_at", "declared_at", "released_at", "shipped_at", "delivered_at", "received_at"),
    "9710": ("ordered_at", "paid_at", "declared_at", "released_at", "shipped_at", "delivered_at", "received_at"),
    "1210": ("ordered_at", "paid_at", "declared_at", "released_at", "shipped_at", "delivered_at"),
    "9810": ("declared_at", "released_at", "ordered_at", "paid_at", "shipped_at", "delivered_at", "received_at"),
}


def test_orders_are_paid_in_full_and_never_refunded_beyond():
    wrong = f"""select order_no from {PAYMENTS} join orders using (order_no) group by all
        having sum(amount) filter (payment_type = 'payment') <> any_value(payable) / 100.0
        or round(sum(amount), 2) < 0 or count(*) filter (payment_type = 'payment') <> 1"""
    assert query(wrong) == []
    backward = f"""select count(*) from {PAYMENTS} as back
        join {PAYMENTS} as paid on back.reverses_payment_no = paid.payment_no
        where back.paid_at < paid.paid_at or back.order_no <> paid.order_no"""
    assert query(backward) == [(0,)]
    cancelled = f"""select count(*) from {PAYMENTS} join orders using (order_no) where is_cancelled
        group by order_no having round(sum(amount), 2) <> 0 and count(*) > 1"""
    assert query(cancelled) == []


def test_the_port_finds_order_payment_waybill_and_list_of_an_import_to_be_of_one_buyer():
    rows = query(
        """select count(*), count(*) filter (buyer.buyer_id_no <> payer_id_no or buyer.buyer_name <> payer_name
        or list.buyer_id_no <> payer_id_no or list.buyer_name <> payer_name or amount <> payable_amount
        or list.platform_code <> buyer.platform_code or list.merchant_uscc <> buyer.merchant_uscc
        or parcel.consignee_name <> buyer.consignee_name or parcel.consignee_phone <> buyer.consignee_phone
        or parcel.gross_weight_kg <> list.gross_mass_kg or list.waybill_no <> parcel.waybill_no)
        from port_orders as buyer join port_payments using (order_no) join port_declarations as list using (order_no)
        join port_shipments as parcel using (order_no) where flow = 'import' and payment_type = 'payment'"""
    )
    assert rows[0][0] > 500
    assert rows[0][1] == 0


def test_a_bank_credit_and_its_charge_are_the_sum_of_the_legs():
    report = """select payout_ref, currency_code, round(sum(amount), 2) as net from settle_settlements group by all"""
    rows = query(
        f"""select count(*), count(*) filter (round(amount + bank_charge_amount, 2) <> net)
        from bank_bank_receipts join ({report}) using (payout_ref, currency_code)"""
    )
    assert rows[0][0] > 300
    assert rows[0][1] == 0
    # Credits in yuan are converted; their truth keeps the legs' sum.
    wrong = f"""select count(*) from truth_bank_receipt_links as link join bank_bank_receipts using (receipt_no)
        join ({report}) as report using (payout_ref) where link.net_amount <> report.net"""
    assert query(wrong) == [(0,)]
    missing = query(f"select count(*) from ({report}) anti join bank_bank_receipts using (payout_ref)")[0][0]
    reports = query(f"select count(*) from ({report})")[0][0]
    assert 0 < missing < 0.35 * reports  # those of the last weeks, late ones, and a few that never come


def test_gross_is_what_the_buyer_paid_and_comes_once():
    assert query(
        """select count(*) from (select order_no, sum(amount) as gross from settle_settlements where leg_type = 'gross'
        group by order_no) join orders using (order_no) where gross <> payable / 100.0"""
    ) == [(0,)]


@pytest.mark.parametrize("mode", MODES)
def test_milestones_come_in_the_order_of_their_mode(mode):
    pairs = zip(LEGAL[mode][:-1], LEGAL[mode][1:], strict=True)
    tests = " or ".join(f"{later} < {earlier}" for earlier, later in pairs)
    rows = query(
        f"""select count(*), count(*) filter ({tests}), count(delivered_at), count(received_at), count(rebated_at)
        from truth_milestones join orders using (order_no)
        where mode = {MODES.index(mode)} and channel < 3 or mode = {MODES.index(mode)} and '{mode}' = '1210'"""
    )
    assert rows[0][0] > 0
    assert rows[0][1] == 0
    assert 0.8 * rows[0][0] <= rows[0][2] <= rows[0][0]


def test_no_more_pieces_are_shipped_and_returned_than_ordered():
    shipped = "(select * from carrier_shipment_lines union all by name select * from port_shipment_lines)"
    assert query(
        f"""select count(*) from (select order_no, order_line_no, sum(quantity) as pieces from {shipped} group by all)
        join truth_milestones using (order_no, order_line_no) where pieces > quantity"""
    ) == [(0,)]
    returned = query(
        """select count(*) > 100, count(*) filter (back.quantity > truth.quantity or truth.delivered_at is null
        or back.returned_at <= truth.delivered_at) from hub_returns as back
        join truth_milestones as truth using (order_no, order_line_no)"""
    )
    assert returned == [(True, 0)]
    share = query(
        """select count(distinct back.order_no) / count(distinct truth.order_no) from truth_milestones as truth
        join orders using (order_no) left join hub_returns as back using (order_no)
        where channel < 3 and truth.delivered_at is not null"""
    )[0][0]
    assert 0.03 < share < 0.09
    split = query(
        """select count(*) from (select order_no from carrier_shipment_lines group by order_no
        having count(distinct waybill_no) > 1)"""
    )
    merged = query("select count(distinct waybill_no) from carrier_shipments where contains(order_no, ';')")
    assert split[0][0] > 10
    assert merged[0][0] > 0


def test_a_parcel_ends_once_and_never_goes_back_in_time():
    final = """select waybill_no from carrier_tracking_events where event_code in ('delivered', 'lost', 'returned')
        group by waybill_no having count(*) > 1"""
    assert query(final) == []
    rank = """list_position(['created', 'handed_over', 'export_cleared', 'departed', 'arrived', 'customs_held',
        'import_cleared', 'out_for_delivery', 'attempt_failed', 'delivered', 'lost', 'returning', 'returned'],
        event_code)"""
    backward = f"""select waybill_no from (select waybill_no, event_at, lag(event_at) over (partition by waybill_no
        order by {rank}) as before from carrier_tracking_events) where event_at <= before"""
    assert query(backward) == []
    late_release = """select count(*) from carrier_tracking_events as event join carrier_shipments using (waybill_no)
        join truth_milestones as truth on truth.order_no = split_part(carrier_shipments.order_no, ';', 1)
        where event_code = 'export_cleared' and event_at < truth.released_at"""
    assert query(late_release) == [(0,)]


def test_receipts_of_customs_follow_their_path():
    receipts = """(select * from broker_declaration_receipts union all by name
        select * from port_declaration_receipts)"""
    paths = query(
        f"""select list(status_code order by received_at), count(*) from {receipts} group by declaration_no"""
    )
    seen = {}
    for path, _ in paths:
        seen[tuple(path)] = seen.get(tuple(path), 0) + 1
    whole = [("2", "120", "399", "800", "899"), ("2", "120", "500", "399", "800", "899"),
             ("2", "100", "2", "120", "399", "800", "899"), ("2", "100", "2", "120", "500", "399", "800", "899"),
             ("2", "120", "900"), ("2", "100", "2", "120", "900"),
             ("2", "120", "500", "900"), ("2", "100", "2", "120", "500", "900")]  # fmt: skip
    assert {path for path in seen if not any(path == end[: len(path)] for end in whole)} == set()
    assert seen[whole[0]] > seen[whole[1]] > 0
    assert any(path[:3] == ("2", "100", "2") for path in seen)
    versions = "select max(version), list(distinct change_type order by change_type) from broker_declarations"
    assert query(versions) == [(2, ["change", "new"])]


def test_sellers_stop_paying_as_their_truth_says():
    world = generated().world
    sales = np.full(len(world.sellers.quality), 1e7)
    steady, shocked = (default_probability(world, sales * factor, sales) for factor in (1.0, 0.2))
    assert np.all(shocked > steady)
    order = np.argsort(world.sellers.solvency + 0.3 * world.sellers.quality)
    assert steady[order[:30]].mean() > 2 * steady[order[-30:]].mean()
    expected, happened = query("select sum(probability), count(*) filter (is_default) from truth_default_probability")[
        0
    ]
    assert abs(happened - expected) < 4 * np.sqrt(expected)
    after = """select count(*) from lender_repayments join truth_default_probability as truth using (seller_id)
        where truth.is_default and strftime(due_on, '%Y-%m') >= truth.month and paid_at is not null"""
    assert query(after) == [(0,)]
    instalments = """select count(*) from (select advance_no, max(seq) as last from lender_repayments group by 1)
        join lender_advances using (advance_no) where last > instalment_count"""
    assert query(instalments) == [(0,)]
    pledged = """select count(*) > 3, count(distinct (declaration_no, line_no)) = count(*), count(*) = (select count(*)
        from lender_advances where pledged_line_no is not null) from lender_advances join
        (select * from broker_declaration_lines union all by name select * from port_declaration_lines) as line
        on declaration_no = pledged_declaration_no and line_no = pledged_line_no
        where line.version = 1 and line.updated_at < paid_out_at"""
    assert query(pledged) == [(True, True, True)]


def test_what_a_month_hands_on_does_not_grow_with_its_orders():
    sellers, periods = CONFIG.sellers, 60
    for month in generated().months:
        totals = month.totals
        assert len(totals.pots) <= sellers * periods
        assert len(np.unique(totals.pots)) == len(totals.pots)
        assert len(totals.sellers) <= sellers
        assert len(totals.pledge_seller) <= 2 * sellers
    state = generated().state
    assert len(state.pots) == 0  # the horizon has ended
    assert len(state.credit.open.number) <= sellers
    assert state.next_month == month_index(CONFIG.month_list[-1]) + 1


def test_months_end_in_their_order():
    state = new_money_state(generated().world)
    with pytest.raises(ValueError, match="2023-10 ends out of order: 2023-08 must end first"):
        generate_month_end(generated().world, "2023-10", [], state)
