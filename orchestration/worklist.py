"""What people must act on, ordered by the money at risk.

    python -m orchestration.worklist
    python -m orchestration.worklist --on 2026-06-30 --market GB --role treasury --top 50
    python -m orchestration.worklist --csv > worklist.csv

Belongs here: reading the published worklist as of a day. Does not: what makes an item (mart exception_worklist).
The table knows no clock: an item has a day from which on somebody must act, and only who reads it has a today.
"""

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from orchestration.lake import PUBLISHED, Lake
from orchestration.settings import Settings
from orchestration.sql import connect

if TYPE_CHECKING:
    import duckdb

ROLES = ("payments", "logistics", "customs", "treasury", "tax", "data")
# The published tables behind the list.
READS = frozenset({"exception_worklist", "fct_import_allowance", "fct_trade_ledger", "quarantine"})
# Whether somebody is above the allowance of a year is told by all its months together, and so in a table of its own.
_ITEMS = """
    with amounts as (
        select order_key, min(order_no) as order_no, min(seller_id) as seller_id, min(ordered_at) as ordered_at,
            sum(line_amount_usd) as amount_usd
        from fct_trade_ledger where order_key in (
            select order_key from fct_import_allowance where match_status = 'mismatch'
        )
        group by order_key
    ),
    items as (
        select * from exception_worklist
        union all by name
        select 'allowance ' || order_key as item_key, market, month, order_key, right_document_key as document_key,
            'allowance_exceeded' as exception_id,
            'The buyer imports for more than the allowance of the year.' as reason, left_value, right_value,
            amount_usd as value_at_risk_usd, ordered_at as since_at, ordered_at::date as act_from_on,
            'customs' as owner_role, order_no, order_no as document_no, seller_id
        from fct_import_allowance inner join amounts using (order_key)
        where match_status = 'mismatch'
    )
"""
_DUE = """
    from items
    where act_from_on <= $on and ($market is null or market = $market) and ($role is null or owner_role = $role)
"""


@dataclass(frozen=True)
class Item:
    """One open item; `trace` is the command that shows the whole chain of its order or document."""

    value_at_risk_usd: float | None
    market: str
    exception_id: str
    reason: str
    left_value: str | None
    right_value: str | None
    owner_role: str
    since_on: str
    act_from_on: str
    order_no: str | None
    document_no: str | None
    seller_id: str | None
    order_key: str | None
    document_key: str | None
    trace: str


@dataclass(frozen=True)
class Tally:
    """How many items one reason has, and what they are worth."""

    exception_id: str
    owner_role: str
    item_count: int
    value_at_risk_usd: float


def due_items(
    con: "duckdb.DuckDBPyConnection",
    on: date,
    *,
    market: str | None = None,
    role: str | None = None,
    top: int | None = None,
) -> list[Item]:
    """The items on which somebody must act by this day, most money first; without a known value last."""
    rows = con.execute(
        f"""
        {_ITEMS}
        select value_at_risk_usd::double, market, exception_id, reason, left_value, right_value, owner_role,
            since_at::date::varchar, act_from_on::varchar, order_no, document_no, seller_id, order_key, document_key
        {_DUE}
        order by value_at_risk_usd desc nulls last, act_from_on, item_key
        limit {"all" if top is None else int(top)}
        """,
        {"on": on, "market": market, "role": role},
    ).fetchall()
    names = [field.name for field in fields(Item)][:-1]
    return [Item(**dict(zip(names, row, strict=True)), trace=_trace(row[9], row[10], row[12], row[13])) for row in rows]


def tallies(
    con: "duckdb.DuckDBPyConnection", on: date, *, market: str | None = None, role: str | None = None
) -> list[Tally]:
    """The same items counted by their reason, most money first."""
    rows = con.execute(
        f"""
        {_ITEMS}
        select exception_id, owner_role, count(*), coalesce(sum(value_at_risk_usd), 0)::double {_DUE}
        group by all order by all desc
        """,
        {"on": on, "market": market, "role": role},
    ).fetchall()
    return sorted((Tally(*row) for row in rows), key=lambda tally: -tally.value_at_risk_usd)


def quarantined(con: "duckdb.DuckDBPyConnection", market: str | None = None) -> int:
    """How many rows stand in quarantine: they are work, too, and are not repeated in the list."""
    query = "select count(*) from quarantine where $market is null or market = $market"
    (count,) = con.execute(query, {"market": market}).fetchall()[0]
    return int(count)


def held_back(lake: Lake, market: str | None = None, namespace: str = PUBLISHED) -> list[str]:
    """A sentence for each market that a gate holds back: its items are those of its last publication."""
    return [
        f"{entry.market} is held back since {entry.since:%Y-%m-%d %H:%M}: {'; '.join(entry.reasons)}."
        " Its items are those of its last publication."
        for entry in lake.held_back(namespace)
        if market in (None, entry.market)
    ]


def in_words(
    items: Sequence[Item], counts: Sequence[Tally], on: date, quarantine: int, held: Sequence[str] = ()
) -> str:
    """The list for a terminal: markets that are held back, each item in four lines, then what there is in all."""
    lines = [*held, ""] if held else []
    for number, item in enumerate(items, 1):
        value = "value unknown" if item.value_at_risk_usd is None else f"USD {item.value_at_risk_usd:,.2f}"
        days = f"since {item.since_on}, act from {item.act_from_on}"
        lines += [
            f"{number:>3}. {value}  {item.market}  {item.owner_role}  {days}",
            f"     {item.reason}",
            f"     {item.left_value or '-'}  |  {item.right_value or '-'}",
            f"     {item.trace}",
        ]
    total = sum(tally.item_count for tally in counts)
    lines += ["", f"On {on}: {total} items to act on, {len(items)} shown."]
    lines += [
        f"  {tally.exception_id:<24} {tally.owner_role:<10} {tally.item_count:>7} items"
        f"  USD {tally.value_at_risk_usd:>16,.2f}"
        for tally in counts
    ]
    if quarantine:
        lines.append(f'In quarantine: {quarantine} rows; python -m orchestration.sql "select * from quarantine"')
    return "\n".join(lines)


def _trace(order_no: str | None, document_no: str | None, order_key: str | None, document_key: str | None) -> str:
    number = order_no or document_no or order_key or document_key or ""
    return f"python -m orchestration.trace {shlex.quote(number)}"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m orchestration.worklist", description=__doc__.splitlines()[0])
    parser.add_argument("--on", type=date.fromisoformat, help="the day to act on (YYYY-MM-DD); today by default")
    parser.add_argument("--market", help="one market, ISO 3166-1 alpha-2")
    parser.add_argument("--role", choices=ROLES, help="whose work")
    parser.add_argument("--top", type=int, default=30, help="how many items to show (default 30); with --csv all")
    parser.add_argument("--namespace", default=PUBLISHED, help="read a rebuild as known at a moment")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object per item")
    form.add_argument("--csv", action="store_true", help="comma-separated values, all items")
    options = parser.parse_args(arguments)
    on = options.on or datetime.now(UTC).date()
    chosen = {"market": options.market, "role": options.role}
    lake = Lake(Settings())
    held = held_back(lake, options.market, options.namespace)
    with connect(lake, namespace=options.namespace, tables=READS) as con:
        items = due_items(con, on, **chosen, top=None if options.csv else options.top)
        if options.json:
            print("\n".join(json.dumps(asdict(item), ensure_ascii=False) for item in items))
        elif options.csv:
            _write_csv(items)
        else:
            print(in_words(items, tallies(con, on, **chosen), on, quarantined(con, options.market), held))
    if held and (options.json or options.csv):
        print("\n".join(held), file=sys.stderr)
    return 0


def _write_csv(items: Sequence[Item]) -> None:
    import csv

    writer = csv.DictWriter(sys.stdout, list(Item.__dataclass_fields__))
    writer.writeheader()
    writer.writerows(asdict(item) for item in items)


if __name__ == "__main__":
    sys.exit(main())
