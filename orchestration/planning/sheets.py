"""Sheets: what planners decide on, as files that they fill in and drop into the inbox.

Belongs here: the rows of a sheet and how a cell is written. Does not: reading the file back (that is the mapping
`planners.yaml`, whose columns these are) and what a decision does (see `hand.py`, `decisions.py`).
"""

import csv
import hashlib
import io
import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.arrivals.contracts import contracts

if TYPE_CHECKING:
    import duckdb

# The published tables behind the sheets.
READS = frozenset({"demand_forecast", "dim_product", "reorder", "stg_order_decisions"})
# A spreadsheet runs a cell that begins so; an apostrophe before it makes it text again. The mapping takes it off.
FORMULA = re.compile(r"^[=+\-@\t\r\n＝＋－＠']")
WEEK_DAYS = 7
# What stands beside the decision for the planner's eyes, as far as the published table has it.
BESIDE_SUGGESTION = (
    "made_on", "order_by_on", "arrives_on", "markets", "weekly_demand_qty", "on_hand_qty", "on_order_qty",
    "accepted_qty", "days_of_cover", "reorder_point_qty", "order_up_to_qty", "wanted_qty", "limited_by",
    "unit_cost_amount", "currency_code", "order_value_usd",
)  # fmt: skip
BESIDE_FORECAST = ("model_qty", "p100_qty", "p900_qty", "product_name", "made_on")
SUGGESTION_REASON = "suggestion_reason"


class SheetError(RuntimeError):
    """There is nothing to decide on; the message says what is missing and what would bring it."""


def safe_cell(value: object) -> str:
    """The value as a cell that no spreadsheet takes for a formula; numbers and dates as they are, null as nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return "" if value != value else f"{value:.4f}".rstrip("0").rstrip(".")
    if isinstance(value, int | Decimal | date | datetime):
        return str(value)
    text = str(value)
    return f"'{text}" if FORMULA.match(text) else text


def write_sheet(path: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Write a sheet, with the mark by which spreadsheets know UTF-8. Raises SheetError for a file that exists."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([safe_cell(value) for value in row] for row in rows)
    try:
        with path.open("xb") as file:
            file.write(text.getvalue().encode("utf-8-sig"))
    except FileExistsError:
        raise SheetError(f"{path} exists already, and may hold decisions: name another file") from None


def suggestion_sheet(
    con: "duckdb.DuckDBPyConnection", sites: Sequence[str] = ()
) -> tuple[Sequence[str], list[tuple[object, ...]]]:
    """Columns and rows of the newest order suggestions of these sites (none named: all) that nobody has decided.

    con: the published tables as views. Raises SheetError when there is none.
    """
    have = _columns(con, "reorder")
    if not have or not _count(con, "reorder"):
        raise SheetError("no order suggestion is published yet: run planning_job first")
    known = [str(row[0]) for row in con.execute("select distinct site_code from reorder order by all").fetchall()]
    if unknown := sorted(set(sites) - set(known)):
        raise SheetError(f"no suggestion is for {', '.join(unknown)}; there are suggestions for {', '.join(known)}")
    fields = [name for name in contracts()["order_decisions"].field_names if name != "version"]
    beside = [name for name in BESIDE_SUGGESTION if name in have]
    given = {"suggestion_id", "site_code", "product_id", "seller_id", "supplier_id", "suggested_qty"}
    chosen = [name if name in given and name in have else f"null as {name}" for name in fields]
    # With the table's own name, because the planner's reason stands in a column of this name.
    reason = f"reorder.reason as {SUGGESTION_REASON}" if "reason" in have else f"null as {SUGGESTION_REASON}"
    decided = "select suggestion_id from stg_order_decisions" if _columns(con, "stg_order_decisions") else "select null"
    rows = con.execute(
        f"""
        select {", ".join(chosen)}, {", ".join([*(f"reorder.{name}" for name in beside), reason])}
        from reorder
        where suggested_qty > 0 and (len($sites) = 0 or list_contains($sites, site_code))
            and made_on = (select max(newest.made_on) from reorder as newest where newest.site_code = reorder.site_code)
            and suggestion_id not in (select suggestion_id from ({decided}) where suggestion_id is not null)
        order by site_code, reorder.suggested_qty desc, product_id
        """,
        {"sites": list(sites)},
    ).fetchall()
    if not rows:
        raise SheetError("the newest plan suggests no order that is still to be decided")
    return (*fields, *beside, SUGGESTION_REASON), rows


def override_sheet(
    con: "duckdb.DuckDBPyConnection", market: str, node_types: Sequence[str] = ()
) -> tuple[Sequence[str], list[tuple[object, ...]]]:
    """Columns and rows of a market's newest weekly forecast, each week of each node ready to be overridden.

    con: the published tables as views. Raises SheetError when the market has no forecast.
    """
    kinds = contracts()["forecast_overrides"].field("node_type").codes
    if unknown := sorted(set(node_types) - set(kinds)):
        raise SheetError(f"{', '.join(unknown)}: no level of a forecast; levels are {', '.join(kinds)}")
    have = _columns(con, "demand_forecast")
    needed = {"market", "node_type", "node_id", "step", "made_on", "target_on", "forecast_qty"}
    if missing := sorted(needed - have):
        raise SheetError(f"no forecast is published yet (demand_forecast has no {', '.join(missing)}): run market_job")
    bands = [name if name in have else f"null as {name}" for name in ("p100_qty", "p900_qty")]
    rows = con.execute(
        f"""
        with names as (
            select market, product_key, any_value(product_id) as product_id, any_value(product_name) as product_name
            from dim_product where market = $market group by all
        )
        select f.node_type, coalesce(names.product_id, f.node_id), f.target_on, f.forecast_qty,
            {", ".join(bands)}, names.product_name, f.made_on
        from demand_forecast as f
        left join names on f.node_type = 'product' and names.market = f.market and names.product_key = f.node_id
        where f.market = $market and f.step = 'week' and list_contains($kinds, f.node_type)
            and f.made_on = (select max(made_on) from demand_forecast where market = $market and step = 'week')
        order by list_position($kinds, f.node_type), 2, f.target_on
        """,
        {"market": market, "kinds": list(node_types or kinds)},
    ).fetchall()
    if not rows:
        raise SheetError(f"{market}: no weekly forecast is published; python -m orchestration.sql lists the markets")
    fields = contracts()["forecast_overrides"].field_names
    return (*fields, *BESIDE_FORECAST), [_blank_override(market, fields, row) for row in rows]


def override_number(market: str, node_type: str, node_id: str, from_on: date) -> str:
    """The number of an override of one node from one day on: whoever overrides it anew corrects the old one."""
    number = f"{market}-{node_type}-{node_id}-{from_on}"
    if len(number) <= (contracts()["forecast_overrides"].field("override_id").max_length or 0):
        return number
    return f"{market}-{node_type}-{hashlib.sha256(number.encode()).hexdigest()[:16]}-{from_on}"


def _blank_override(market: str, fields: Sequence[str], row: Sequence[object]) -> tuple[object, ...]:
    node_type, node_id, first, *beside = row
    assert isinstance(first, date)
    given = {
        "override_id": override_number(market, str(node_type), str(node_id), first),
        "market_country": market,
        "node_type": node_type,
        "node_id": node_id,
        "from_on": first,
        "to_on": first + timedelta(days=WEEK_DAYS - 1),
    }
    return (*(given.get(field) for field in fields), *beside)


def _columns(con: "duckdb.DuckDBPyConnection", table: str) -> set[str]:
    """The columns of a published table; none when there is no such table."""
    found = con.execute("select column_name from duckdb_columns() where table_name = ?", [table]).fetchall()
    return {str(row[0]) for row in found}


def _count(con: "duckdb.DuckDBPyConnection", table: str) -> int:
    return int(con.execute(f"select count(*) from {table}").fetchall()[0][0])
