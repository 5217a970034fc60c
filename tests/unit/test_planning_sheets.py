"""Sheets for planners: what stands in them, that no cell is a formula, and that they come back as they went."""

import csv
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from orchestration.arrivals.mapping_reader import SHIPPED, load_mapping
from orchestration.planning.sheets import (
    SheetError,
    override_number,
    override_sheet,
    safe_cell,
    suggestion_sheet,
    write_sheet,
)
from tests.arrivals_helpers import Room

SUGGESTIONS = """
    create table reorder as select * from (values
        ('r1', 'W1', '=cmd|1', 'S1', null, date '2026-11-01', 120.0, 3.5, 'below the reorder point'),
        ('r2', 'W1', '-7', 'S1', '''quoted', date '2026-11-01', 40.0, 9.0, '@low'),
        ('r3', 'W2', 'cup', 'S1', 'A1', date '2026-11-01', 5.0, 1.0, 'low'),
        ('r4', 'W2', 'jug', 'S1', 'A1', date '2026-11-01', 0.0, 90.0, 'enough'),
        ('r5', 'W2', 'pot', 'S1', 'A1', date '2026-10-31', 8.0, 1.0, 'low the day before'),
        ('r6', 'W2', 'pan', 'S1', 'A1', date '2026-11-01', 8.0, 1.0, 'low')
    ) as t(suggestion_id, site_code, product_id, seller_id, supplier_id, made_on, suggested_qty, on_hand_qty, reason);
    create table stg_order_decisions as select 'r6' as suggestion_id;
"""
FORECAST = """
    create table demand_forecast as select * from (values
        ('GB', 'market', 'GB', 'week', date '2026-11-01', date '2026-11-01', 100.0, 80.0, 120.0),
        ('GB', 'product', 'k1', 'week', date '2026-11-01', date '2026-11-01', 7.0, 2.0, 12.0),
        ('GB', 'product', 'k1', 'week', date '2026-11-01', date '2026-11-08', 8.25, 3.0, 13.0),
        ('GB', 'rest', 'kitchen', 'week', date '2026-11-01', date '2026-11-01', 3.0, 0.0, 9.0),
        ('GB', 'market', 'GB', 'day', date '2026-11-01', date '2026-11-01', 14.0, 8.0, 20.0),
        ('GB', 'market', 'GB', 'week', date '2026-10-31', date '2026-10-31', 99.0, 80.0, 120.0),
        ('FR', 'market', 'FR', 'week', date '2026-11-01', date '2026-11-01', 50.0, 40.0, 60.0)
    ) as t(market, node_type, node_id, step, made_on, target_on, forecast_qty, p100_qty, p900_qty);
    create table dim_product as select 'GB' as market, 'k1' as product_key, 'P1' as product_id, '+Cup' as product_name;
"""


def published(*tables: str) -> duckdb.DuckDBPyConnection:
    """Published tables of this content."""
    con = duckdb.connect()
    for table in tables:
        con.execute(table)
    return con


def filled(path: Path, target: Path, changes: dict[int, dict[str, str]]) -> None:
    """The sheet as a planner saves it: rows of these numbers filled in, from 1."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for number, values in changes.items():
        rows[number - 1] |= values
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"), ("+1", "'+1"), ("-7", "'-7"), ("@sum", "'@sum"), ("\tx", "'\tx"), ("\rx", "'\rx"),
        ("＝1", "'＝1"), ("'=x", "''=x"), ("cup =1", "cup =1"), (None, ""), (-3.5, "-3.5"), (120.0, "120"),
        (float("nan"), ""), (Decimal("1.50"), "1.50"), (date(2026, 11, 1), "2026-11-01"), (True, "true"),
    ],
)  # fmt: skip
def test_no_cell_is_a_formula(value: object, cell: str) -> None:
    assert safe_cell(value) == cell


def test_suggestions_are_the_newest_that_nobody_has_decided(tmp_path: Path) -> None:
    con = published(SUGGESTIONS)
    columns, rows = suggestion_sheet(con)
    assert [row[columns.index("suggestion_id")] for row in rows] == ["r1", "r2", "r3"]
    assert columns[:5] == ("suggestion_id", "site_code", "product_id", "seller_id", "supplier_id")
    assert columns[-3:] == ("made_on", "on_hand_qty", "suggestion_reason")
    assert [row[columns.index("suggestion_id")] for row in suggestion_sheet(con, ["W2"])[1]] == ["r3"]
    with pytest.raises(SheetError, match="no suggestion is for W9; there are suggestions for W1, W2"):
        suggestion_sheet(con, ["W9"])
    with pytest.raises(SheetError, match="no order suggestion is published yet: run planning_job first"):
        suggestion_sheet(published())
    con.execute("delete from reorder where suggestion_id <> 'r6'")
    with pytest.raises(SheetError, match="suggests no order that is still to be decided"):
        suggestion_sheet(con)
    path = tmp_path / "out.csv"
    write_sheet(path, columns, rows)
    with pytest.raises(SheetError, match="exists already, and may hold decisions"):
        write_sheet(path, columns, rows)


def test_a_forecast_is_offered_week_by_week() -> None:
    con = published(FORECAST)
    columns, rows = override_sheet(con, "GB")
    named: Sequence[str] = ["override_id", "node_type", "node_id", "from_on", "to_on", "model_qty", "quantity"]
    assert [tuple(str(row[columns.index(name)]) for name in named) for row in rows] == [
        ("GB-market-GB-2026-11-01", "market", "GB", "2026-11-01", "2026-11-07", "100.00", "None"),
        ("GB-product-P1-2026-11-01", "product", "P1", "2026-11-01", "2026-11-07", "7.00", "None"),
        ("GB-product-P1-2026-11-08", "product", "P1", "2026-11-08", "2026-11-14", "8.25", "None"),
    ]
    assert len(override_sheet(con, "GB", ["market"])[1]) == 1
    with pytest.raises(SheetError, match="DE: no weekly forecast is published"):
        override_sheet(con, "DE")
    with pytest.raises(SheetError, match="shop: no level of a forecast; levels are market, category"):
        override_sheet(con, "GB", ["shop"])
    with pytest.raises(SheetError, match=r"no forecast is published yet .*: run market_job"):
        override_sheet(published(), "GB")
    assert len(override_number("GB", "product", "x" * 70, date(2026, 11, 1))) <= 60


def test_what_the_sheets_bring_beside_decisions_is_no_news_to_the_mapping() -> None:
    from orchestration.planning.sheets import BESIDE_FORECAST, BESIDE_SUGGESTION, SUGGESTION_REASON

    beside = {*BESIDE_FORECAST, *BESIDE_SUGGESTION, SUGGESTION_REASON}
    assert beside == set(load_mapping(SHIPPED / "planners.yaml").ignored_columns)


def test_a_sheet_comes_back_as_it_went(tmp_path: Path) -> None:
    con = published(SUGGESTIONS, FORECAST)
    write_sheet(tmp_path / "suggestions.csv", *suggestion_sheet(con))
    write_sheet(tmp_path / "forecast.csv", *override_sheet(con, "GB"))
    room = Room(tmp_path / "home")
    by = {"reason": "+10 % by my nose", "decided_by": "Ann", "decided_at": "2026-03-10"}
    orders, weeks = room.settings.inbox / "planners__order_decisions_1.csv", room.settings.inbox / "x.csv"
    filled(tmp_path / "suggestions.csv", orders, {1: by | {"decision": "Accepted"},
                                                  2: by | {"decision": "changed", "quantity": "44"}})  # fmt: skip
    filled(tmp_path / "forecast.csv", weeks, {2: by | {"factor_pct": "130"}})
    weeks.rename(weeks.with_name("planners__forecast_overrides_1.csv"))
    found = {
        file.name: (file.status, file.rows_by_feed, file.new_columns, file.unused_rows) for file in room.arrive().files
    }
    assert found == {
        "planners__order_decisions_1.csv": ("loaded", {"order_decisions": 2}, (), 1),
        "planners__forecast_overrides_1.csv": ("loaded", {"forecast_overrides": 1}, (), 2),
    }
    assert room.query(
        "select suggestion_id, product_id, supplier_id, decision, suggested_qty, quantity, reason from order_decisions"
        " order by 1"
    ) == [
        ("r1", "=cmd|1", None, "accepted", "120", None, "+10 % by my nose"),
        ("r2", "-7", "'quoted", "changed", "40", "44", "+10 % by my nose"),
    ]
    assert room.query("select node_id, from_on, factor_pct, quantity, _market, _month from forecast_overrides") == [
        ("P1", "2026-11-01", "130", None, "GB", "2026-11")
    ]
