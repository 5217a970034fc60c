"""The worklist as people read it: what is due on a day, most money first, with the command that shows the chain."""

from collections.abc import Iterator
from datetime import date

import duckdb
import pytest

from orchestration.worklist import due_items, in_words, quarantined, tallies

ROWS = """
    ('i1', 'DE', 'o1', 'd1', 'payment_missing', 'Unpaid.', 'payable 80', 'paid 0', 100, '2026-03-05', '2026-03-06',
     'payments', 'A 1', 'P1', 'S1'),
    ('i2', 'DE', null, 'p1', 'receipt_overdue', 'No money.', 'payout 900', 'no receipt', 900, '2026-03-05',
     '2026-03-20', 'treasury', null, 'SET-1', 'S1'),
    ('i3', 'FR', 'o3', null, 'delivery_overdue', 'Late.', 'state shipped', 'waits', 40, '2026-03-05', '2026-03-06',
     'logistics', 'A3', 'A3', 'S2'),
    ('i4', 'FR', 'o4', 'lone', 'document_without_order', 'No order.', 'payments', 'no order', null, '2026-03-01',
     '2026-03-08', 'data', null, 'lone', null)
"""


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(
            "create table exception_worklist as select * replace (since_at::timestamp as since_at,"
            " act_from_on::date as act_from_on, value_at_risk_usd::decimal(19, 4) as value_at_risk_usd)"
            f" from (values {ROWS}) as rows (item_key, market, order_key, document_key, exception_id, reason,"
            " left_value, right_value, value_at_risk_usd, since_at, act_from_on, owner_role, order_no, document_no,"
            " seller_id)"
        )
        connection.execute(
            """
            create table fct_trade_ledger as select 'o5' as order_key, 'A5' as order_no, 'S3' as seller_id,
                timestamp '2026-04-01 10:00:00' as ordered_at, unnest([150, 50])::decimal(19, 4) as line_amount_usd;
            create table fct_import_allowance as select 'CN' as market, '2026-04' as month, 'o5' as order_key,
                'list' as right_document_key, 'mismatch' as match_status, '26500 CNY' as left_value,
                '26000 CNY' as right_value
            """
        )
        connection.execute("create table quarantine as select unnest(['DE', 'DE', 'FR']) as market")
        yield connection


def test_what_is_due_comes_by_its_money_and_what_has_none_comes_last(con: duckdb.DuckDBPyConnection) -> None:
    before = due_items(con, date(2026, 3, 19))
    assert [item.exception_id for item in before] == ["payment_missing", "delivery_overdue", "document_without_order"]
    items = due_items(con, date(2026, 3, 20))
    assert [item.value_at_risk_usd for item in items] == [900, 100, 40, None]
    assert [item.trace for item in items] == [
        "python -m orchestration.trace SET-1",
        "python -m orchestration.trace 'A 1'",
        "python -m orchestration.trace A3",
        "python -m orchestration.trace lone",
    ]


def test_who_is_above_the_allowance_of_the_year_is_work_for_customs(con: duckdb.DuckDBPyConnection) -> None:
    (item,) = due_items(con, date(2026, 4, 1), market="CN")
    assert (item.exception_id, item.value_at_risk_usd, item.left_value, item.right_value, item.trace) == (
        "allowance_exceeded",
        200,
        "26500 CNY",
        "26000 CNY",
        "python -m orchestration.trace A5",
    )


def test_a_market_and_a_role_see_their_own(con: duckdb.DuckDBPyConnection) -> None:
    assert [item.order_no for item in due_items(con, date(2026, 4, 1), market="FR", role="logistics")] == ["A3"]
    assert [
        (t.exception_id, t.item_count, t.value_at_risk_usd) for t in tallies(con, date(2026, 4, 1), market="DE")
    ] == [
        ("receipt_overdue", 1, 900.0),
        ("payment_missing", 1, 100.0),
    ]
    assert (quarantined(con), quarantined(con, "FR")) == (3, 1)


def test_the_list_says_what_it_does_not_show(con: duckdb.DuckDBPyConnection) -> None:
    on = date(2026, 4, 1)
    text = in_words(due_items(con, on, top=1), tallies(con, on), on, quarantined(con))
    assert "  1. USD 900.00  DE  treasury  since 2026-03-05, act from 2026-03-20" in text
    assert "     payout 900  |  no receipt" in text
    assert "On 2026-04-01: 5 items to act on, 1 shown." in text
    assert "In quarantine: 3 rows" in text
    held = in_words([], [], on, 0, ["DE is held back."])
    assert held.startswith("DE is held back.\n\n")
