"""The state of each order line as of a moment, from the published ledger and its events.

Belongs here: the rule of the state, told a second time for readers (the ledger itself takes it from the macros in
dbt_project/macros/trade_state.sql; a test holds the two together). Does not: what a line waits for, which only the end
state has. The words and ranks are those of the seed `milestone_order`.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

SEED = Path(__file__).parents[2] / "dbt_project" / "seeds" / "milestone_order.csv"
# Of two side tracks at one moment the later one of this list names the state.
SIDE_TRACKS = ("cancelled", "stopped", "lost", "returned_to_sender", "returned")
ANY = "*"


@dataclass(frozen=True)
class MilestoneRank:
    """One row of `milestone_order`: a milestone's place for a flow and supervision mode ("*": for every one)."""

    flow: str
    supervision_mode: str
    milestone: str
    rank: int
    counts_after_delivery: bool


def milestone_ranks() -> Sequence[MilestoneRank]:
    """The rows of the seed `milestone_order`."""
    with SEED.open(encoding="utf-8", newline="") as file:
        return [
            MilestoneRank(
                row["flow"],
                row["supervision_mode"],
                row["milestone"],
                int(row["rank"]),
                row["counts_after_delivery"] == "true",
            )
            for row in csv.DictReader(file)
        ]


def ledger_as_of(con: duckdb.DuckDBPyConnection, moment: datetime) -> duckdb.DuckDBPyRelation:
    """`line_key`, `state`, `state_since_at` of every order line that had been ordered by a moment.

    con: a connection in which `fct_trade_ledger` and `fct_trade_event` are readable (as `orchestration.sql.connect`
    gives it). moment: with a zone, or in UTC; what happened at the moment itself counts. Quantities that were cancelled
    in the end are left out of what makes a milestone complete at any moment.
    """
    at = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    return con.sql(as_of_sql(at))


def as_of_sql(moment: datetime) -> str:
    """The SELECT behind `ledger_as_of`; `moment` in UTC, without a zone."""
    until = f"timestamp '{moment.isoformat(sep=' ')}'"
    rows = milestone_ranks()
    milestones = [row.milestone for row in rows if (row.flow, row.supervision_mode) == (ANY, ANY)]
    positions = " ".join(f"when '{name}' then {place}" for place, name in enumerate(SIDE_TRACKS))
    seen = ", ".join(f"case when {name}_at <= {until} then {name}_at end as {name}_at" for name in milestones)
    ranked = ", ".join(f"{_case(rows, name)} as {name}_rank" for name in milestones)
    counted = {row.milestone for row in rows if row.counts_after_delivery}
    reached = ", ".join(_reached(name, needs_delivery=name in counted) for name in milestones)
    states = " ".join(f"when {name}_rank then '{name}'" for name in milestones)
    since = " ".join(
        f"when {name}_rank then greatest({name}_at, ordered_at{', delivered_at' if name in counted else ''})"
        for name in milestones
    )
    return f"""
        with side_tracked as (
            select line_key, event_name, event_at, case event_name {positions} end as position,
                sum(quantity) over (
                    partition by line_key order by sequence_no rows between unbounded preceding and current row
                ) as gone_qty
            from fct_trade_event
            where event_name in ({", ".join(f"'{name}'" for name in SIDE_TRACKS)}) and event_at <= {until}
        ),
        gone as (
            select ledger.line_key, arg_max(side_tracked.event_name, (event_at, position)) as last_side_track,
                max(event_at) as last_side_track_at, min(event_at) filter (where gone_qty >= quantity) as gone_at
            from side_tracked
            inner join fct_trade_ledger as ledger on side_tracked.line_key = ledger.line_key
            group by ledger.line_key
            having max(gone_qty) >= max(quantity)
        ),
        seen as (
            select line_key, flow, supervision_mode, {seen},
                case when refunded_at <= {until} then refunded_at end as refunded_at
            from fct_trade_ledger
            where ordered_at <= {until}
        ),
        ranked as (select *, {ranked} from seen),
        reached as (select *, greatest({reached}) as reached_rank from ranked)
        select
            reached.line_key,
            case
                when gone.line_key is null then case reached_rank {states} end
                when refunded_at is not null then 'refunded'
                else gone.last_side_track
            end as state,
            case
                when gone.line_key is null then case reached_rank {since} end
                when refunded_at is not null then greatest(refunded_at, gone.gone_at)
                else gone.last_side_track_at
            end as state_since_at
        from reached
        left join gone on reached.line_key = gone.line_key
    """


def _case(rows: Sequence[MilestoneRank], milestone: str) -> str:
    """SQL of a milestone's rank in a line's flow and mode: those of both, else of the flow, else of all."""
    ordered = sorted(
        (row for row in rows if row.milestone == milestone),
        key=lambda row: (row.supervision_mode == ANY, row.flow == ANY),
    )
    whens = ""
    for row in ordered:
        tests = [f"flow = '{row.flow}'"] if row.flow != ANY else []
        tests += [f"supervision_mode = '{row.supervision_mode}'"] if row.supervision_mode != ANY else []
        whens += f" when {' and '.join(tests) or 'true'} then {row.rank}"
    return f"case{whens} end"


def _reached(milestone: str, *, needs_delivery: bool) -> str:
    condition = f"{milestone}_at is not null" + (" and delivered_at is not null" if needs_delivery else "")
    return f"case when {condition} then {milestone}_rank else 0 end"
