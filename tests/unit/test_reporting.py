"""Pictures of operations: what they are drawn from, and that they can be drawn from little."""

import struct
from collections.abc import Iterator
from datetime import date

import duckdb
import pytest

from orchestration.reporting.figures import Panel, Reason, Series, read_operations
from orchestration.reporting.plots import panels_plot, pictures, worklist_plot


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """Two markets with two months; DE has more orders."""
    with duckdb.connect() as connection:
        connection.execute(
            """
            create table fct_trade_ledger as select * from (values
                ('DE', '2026-02', 'a', timestamp '2026-02-01 00:00:00', timestamp '2026-02-01 04:00:00'),
                ('DE', '2026-02', 'b', timestamp '2026-02-01 00:00:00', timestamp '2026-02-01 08:00:00'),
                ('DE', '2026-02', 'c', timestamp '2026-02-01 00:00:00', null)
            ) as rows (market, month, order_key, declared_at, released_at);
            create table market_kpi as select * from (values
                ('DE', date '2026-02-03', 'orders', 30.0, null), ('FR', date '2026-02-03', 'orders', 2.0, null),
                ('DE', date '2026-03-04', 'orders', 30.0, null),
                ('DE', date '2026-02-05', 'on_time_pct', 3.0, 4.0), ('DE', date '2026-02-09', 'on_time_pct', 3.0, 4.0),
                -- Due on a day that nobody has seen yet.
                ('DE', date '2026-03-31', 'on_time_pct', 0.0, 5.0),
                ('DE', date '2026-02-07', 'unexplained_remainder_usd', 2.5, null),
                ('DE', date '2026-02-08', 'unexplained_remainder_usd', 1.5, null)
            ) as rows (market, kpi_on, kpi_id, numerator, denominator);
            create table exception_worklist as select * from (values
                ('receipt_overdue', 'treasury', 900.0, date '2026-03-04'),
                ('receipt_overdue', 'treasury', 90.0, date '2026-03-05'),
                ('document_without_order', 'data', null, date '2026-03-01')
            ) as rows (exception_id, owner_role, value_at_risk_usd, act_from_on)
            """
        )
        yield connection


def test_months_add_up_and_what_is_not_yet_due_is_not_counted(con: duckdb.DuckDBPyConnection) -> None:
    found = read_operations(con, most_markets=9)
    february = (date(2026, 2, 1),)
    assert found.as_of == date(2026, 3, 4)
    assert found.clearance == (
        Panel("DE", (Series("median", february, (6.0,)), Series("nine of ten", february, (7.6,)))),
    )
    assert found.delivery == (Panel("DE", (Series("on time", february, (75.0,)),)),)
    assert found.unexplained == (Panel("DE", (Series("USD", february, (4.0,)),)),)
    assert found.reasons == (
        Reason("receipt_overdue", "treasury", 1, 900.0),
        Reason("document_without_order", "data", 1, 0.0),
    )
    drawn = pictures(found)
    assert set(drawn) == {"clearance_time", "on_time_and_perfect", "unexplained_remainder", "worklist"}
    for png in drawn.values():
        assert struct.unpack(">I", png[16:20])[0] == 900
        assert len(png) < 60 * 1024


def test_nothing_to_show_is_no_picture() -> None:
    assert panels_plot((), "nothing") is None
    assert worklist_plot((), None) is None
