"""The state of a line as of a moment: one line of each kind, looked at day by day."""

from datetime import UTC, datetime, timedelta, timezone

import duckdb
import pytest

from orchestration.ledger import ledger_as_of, milestone_ranks

MILESTONES = ("ordered", "paid", "declared", "released", "shipped", "delivered", "received", "rebated")


def day(number: int) -> datetime:
    return datetime(2026, 2, number, 12, tzinfo=UTC).replace(tzinfo=None)


# Flow, mode, pieces; the day on which each milestone was complete; side tracks with day and pieces; day of refund.
LINES: dict[str, tuple[str | None, str | None, int, dict[str, int], list[tuple[str, int, int]], int | None]] = {
    "plain": ("export", "9610", 1, dict(zip(MILESTONES, range(1, 9), strict=True)), [], None),
    # Declared and released to the warehouse abroad before the order.
    "stocked": ("export", "9810", 1, {"declared": 1, "released": 2, "ordered": 3, "paid": 4}, [], None),
    # The platform paid before the parcel arrived.
    "early_money": ("import", "9610", 1, {"ordered": 1, "paid": 2, "received": 3, "delivered": 5}, [], None),
    # Two of five are cancelled, the rest comes back in two parts after it was delivered; money goes back last.
    "came_back": (
        "export",
        None,
        5,
        {"ordered": 1, "delivered": 3, "received": 4},
        [("cancelled", 2, 2), ("returned", 5, 1), ("returned", 6, 2)],
        8,
    ),
    # Two side tracks at one moment: the later one names the state.
    "stopped": (None, None, 2, {"ordered": 1, "declared": 2}, [("lost", 3, 1), ("stopped", 3, 1)], None),
}

STATES = {
    1: {"plain": "ordered", "early_money": "ordered", "came_back": "ordered", "stopped": "ordered"},
    2: {"plain": "paid", "early_money": "paid", "came_back": "ordered", "stopped": "declared"},
    3: {"plain": "declared", "stocked": "ordered", "early_money": "paid", "came_back": "delivered", "stopped": "lost"},
    4: {"plain": "released", "stocked": "paid", "early_money": "paid", "came_back": "received", "stopped": "lost"},
    5: {"plain": "shipped", "stocked": "paid", "early_money": "received", "came_back": "received", "stopped": "lost"},
    6: {"plain": "delivered", "stocked": "paid", "early_money": "received", "came_back": "returned", "stopped": "lost"},
    8: {"plain": "rebated", "stocked": "paid", "early_money": "received", "came_back": "refunded", "stopped": "lost"},
}


@pytest.fixture(scope="module", name="con")
def published_tables():
    con = duckdb.connect()
    times = ", ".join(f"{name}_at timestamp" for name in (*MILESTONES, "refunded"))
    con.execute(
        "create table fct_trade_ledger"
        f" (line_key varchar, flow varchar, supervision_mode varchar, quantity decimal(19, 4), {times})"
    )
    con.execute(
        "create table fct_trade_event"
        " (line_key varchar, sequence_no integer, event_name varchar, event_at timestamp, quantity decimal(19, 4))"
    )
    for line, (flow, mode, quantity, complete, gone, refunded) in LINES.items():
        moments = [day(complete[name]) if name in complete else None for name in MILESTONES]
        row = [line, flow, mode, quantity, *moments, day(refunded) if refunded else None]
        con.execute(f"insert into fct_trade_ledger values ({', '.join('?' * len(row))})", row)
        for number, (event, on, pieces) in enumerate(gone, 1):
            con.execute("insert into fct_trade_event values (?, ?, ?, ?, ?)", [line, number, event, day(on), pieces])
    return con


@pytest.mark.parametrize("number", sorted(STATES))
def test_the_state_of_a_day_knows_nothing_of_the_days_after_it(con, number):
    assert {line: state for line, state, _ in ledger_as_of(con, day(number)).fetchall()} == STATES[number]


def test_a_state_begins_with_what_made_it(con):
    since = {line: since_at for line, _, since_at in ledger_as_of(con, day(20)).fetchall()}
    assert since == {
        "plain": day(8),
        "stocked": day(4),
        # Money that came on the third counts from the delivery on.
        "early_money": day(5),
        "came_back": day(8),
        "stopped": day(3),
    }


def test_a_moment_with_a_zone_is_the_same_moment_in_utc(con):
    earlier = day(3) - timedelta(seconds=1)
    in_shanghai = earlier.replace(tzinfo=UTC).astimezone(timezone(timedelta(hours=8)))
    assert sorted(ledger_as_of(con, in_shanghai).fetchall()) == sorted(ledger_as_of(con, earlier).fetchall())
    assert ("plain", "paid", day(2)) in ledger_as_of(con, in_shanghai).fetchall()


def test_every_flow_and_mode_has_each_milestone_once_and_each_rank_once():
    groups: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for row in milestone_ranks():
        groups.setdefault((row.flow, row.supervision_mode), []).append((row.milestone, row.rank))
    for rows in groups.values():
        assert sorted(name for name, _ in rows) == sorted(MILESTONES)
        assert sorted(rank for _, rank in rows) == list(range(1, 9))
