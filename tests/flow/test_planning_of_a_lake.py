"""The whole planning job on a small lake: what it orders, moves, warns of, proves, and that it publishes at once.

The lake is made by hand: two warehouses, two markets, three products, three years, so that every figure can be told
from the rows below. On 2026-10-20 the warehouse at home is full of cups, the German one has none, lamps are short at
home, and Black Friday will be too much for the German warehouse as it was in the years before.
"""

import warnings
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import duckdb
import numpy as np
import pandas as pd
import pytest

from orchestration.forecasting.tables import DEMAND_FORECAST, DEMAND_PLAN
from orchestration.lake import WHOLE_TABLE, Place, PublishRequest
from orchestration.modeling.manifest import PublishedModel, published_models
from orchestration.planning.tables import PLANNING_MODELS
from orchestration.platform import Platform
from orchestration.settings import Settings
from orchestration.sql import connect

MADE_ON = date(2026, 10, 20)
# The plan reads rows by their dates: one place per market is published faster than forty.
MONTH = "2026-10"
FIRST = date(2023, 10, 1)
BLACK_FRIDAYS = (date(2023, 11, 24), date(2024, 11, 29), date(2025, 11, 28))
PRODUCTS = ("cup", "lamp", "jug")
# Lines a week by market and product; a line is one piece, every tenth three.
LINES_A_WEEK = {("DE", "cup"): 14, ("GB", "cup"): 14, ("GB", "lamp"): 7, ("DE", "jug"): 3}
MEAN_PIECES = 1.2
ON_HAND = {("CNNGB1", "cup"): 2000, ("DEHAM1", "cup"): 3, ("CNNGB1", "lamp"): 2, ("CNNGB1", "jug"): 60}
SERVES = {"CNNGB1": "DE;GB", "DEHAM1": "DE"}


def at(year: int, month: int, day: int) -> pd.Timestamp:
    """A moment as published tables hold it: UTC, without a zone."""
    return pd.Timestamp(year, month, day)


def _sales() -> list[dict[str, object]]:
    """Order lines, spread evenly over the weeks."""
    found = []
    for (market, product), lines in LINES_A_WEEK.items():
        days = (MADE_ON - FIRST).days
        for number in range(days * lines // 7):
            on = FIRST + timedelta(days=number * 7 // lines)
            pieces = 3 if number % 10 == 9 else 1
            found.append(
                {
                    "market": market, "month": MONTH, "line_key": f"{market}{product}{number}",
                    "order_key": f"{market}{product}{number}", "product_key": f"shop:{product}", "product_id": product,
                    "product_kind": "product", "leg_type": "sale", "quantity": pieces, "ordered_on": on,
                    "line_amount_usd": 10 * pieces,
                }
            )  # fmt: skip
    return found


def _shipments() -> list[dict[str, object]]:
    """Parcels by sea to Germany, twenty to forty days, and by air to Great Britain; some are still under way."""
    found = []
    for number in range(400):
        market, mode = ("DE", "sea") if number % 2 else ("GB", "air")
        shipped = at(2025, 9, 10) + timedelta(days=number)
        took = timedelta(days=20 + number * 7 % 21 if mode == "sea" else 4 + number * 3 % 5)
        has_come = shipped + took < at(2026, 10, 20)
        found.append(
            {
                "market": market, "month": MONTH, "shipment_key": f"s{number}",
                "order_key": f"o{number}", "shipped_at": shipped, "shipped_on": shipped.date(),
                "promised_on": (shipped + timedelta(days=35)).date(), "transport_mode": mode,
                "origin_country": "CN", "site_code": "CNNGB1", "carrier_code": "SEA" if mode == "sea" else "AIR",
                "gross_weight_kg": 1, "delivered_at": shipped + took if has_come else None,
                "delivered_on": (shipped + took).date() if has_come else None,
            }
        )  # fmt: skip
    return [row for row in found if row["shipped_on"] < MADE_ON]


def _loads() -> list[dict[str, object]]:
    """Parcels a day of the German warehouse: 100, on Black Friday's days 240, of 200 that it can bear."""
    found = []
    for number in range((MADE_ON - FIRST).days):
        on = FIRST + timedelta(days=number)
        is_peak = any(0 <= (on - peak).days <= 3 for peak in BLACK_FRIDAYS)
        found.append(
            {
                "market": "DE", "month": MONTH, "site_code": "DEHAM1", "capacity_kind": "parcels_per_day",
                "measured_on": on, "capacity_value": 200, "peak_load_value": (240 if is_peak else 100) + number % 7,
            }
        )  # fmt: skip
    return found


def _forecast() -> list[dict[str, object]]:
    """Thirteen weeks of each product of each market, as many units as it has sold."""
    found = []
    for (market, product), lines in LINES_A_WEEK.items():
        for week in range(13):
            units = lines * MEAN_PIECES
            found.append(
                {
                    "market": market, "month": MONTH, "node_type": "product", "node_id": f"shop:{product}",
                    "product_id": product, "category": "home", "step": "week", "made_on": MADE_ON,
                    "target_on": MADE_ON + timedelta(days=7 * week), "horizon": week + 1, "forecast_qty": units,
                    "p100_qty": units - 1.2816 * np.sqrt(2 * units), "p900_qty": units + 1.2816 * np.sqrt(2 * units),
                }
            )  # fmt: skip
    return found


def published_rows() -> dict[str, list[dict[str, object]]]:
    """The rows of every table that the plan reads, but for columns that nobody asks for."""
    lines = _sales()
    frame = pd.DataFrame(lines)
    daily = frame.groupby(["market", "month", "product_key", "product_id", "ordered_on"], as_index=False).agg(
        sold_qty=("quantity", "sum"), order_count=("quantity", "size"), sales_amount_usd=("line_amount_usd", "sum")
    )
    day = MADE_ON - timedelta(days=1)
    stock = [
        {
            "market": site[:2], "month": MONTH, "site_code": site, "product_id": product,
            "counted_on": on, "on_hand_qty": on_hand, "reserved_qty": 0, "in_transit_qty": 0,
            # Germany's warehouse sends half of what Germany buys of cups.
            "shipped_qty": 12 if (site, product) == ("DEHAM1", "cup") else 30, "served_countries": SERVES[site],
            "is_out_of_stock": False, "changed_at": at(on.year, on.month, on.day),
        }
        for (site, product), on_hand in ON_HAND.items()
        for on in (day - timedelta(days=7), day)
    ]  # fmt: skip
    purchases = [
        {
            "po_no": f"p{number}", "line_no": "1", "supplier_id": "mill", "product_id": "cup", "site_code": site,
            "ordered_at": at(2026, 1, 1) + timedelta(days=number), "quantity": 10, "received_qty": 10,
            "received_on": date(2026, 1, 1) + timedelta(days=number + took + number % 5),
        }
        for site, took in (("CNNGB1", 20), ("DEHAM1", 50))
        for number in range(60)
    ] + [
        {
            "po_no": "p_open", "line_no": "1", "supplier_id": "mill", "product_id": "jug", "site_code": "CNNGB1",
            "ordered_at": at(2026, 10, 10), "quantity": 7, "promised_on": date(2026, 11, 1),
        }
    ]  # fmt: skip
    return {
        "fct_order_lines": lines,
        "fct_daily_demand": daily.rename(columns={"ordered_on": "sold_on"}).to_dict("records"),
        "stg_stock_snapshots": stock,
        "stg_purchase_orders": purchases,
        "stg_products": [
            {
                "product_key": f"shop:{product}", "product_id": product, "supplier_id": "mill", "seller_id": "S1",
                "category_code": "home", "unit_cost_amount": 14, "cost_currency_code": "CNY", "unit_weight_kg": 0.5,
                "valid_from": date(2023, 1, 1),
            }
            for product in PRODUCTS
        ],
        "stg_suppliers": [{"supplier_id": "mill", "valid_from": date(2023, 1, 1), "minimum_order_qty": 5}],
        "stg_fx_rates": [
            {"currency_code": code, "rate_on": day, "rate_per_eur": rate} for code, rate in (("CNY", 7.7), ("USD", 1.1))
        ],
        "stg_shipments": _shipments(),
        "stg_capacity": _loads(),
        DEMAND_FORECAST.name: _forecast(),
        "stg_forecast_overrides": [
            {
                "market": "GB", "month": MONTH, "override_id": override, "node_type": "product", "node_id": node,
                "from_on": MADE_ON, "to_on": MADE_ON + timedelta(days=6), "factor_pct": 130, "reason": "a film",
                "decided_by": "Ann", "decided_at": at(2026, 10, 19), "status": "active",
            }
            for override, node in (("o-cup", "cup"), ("o-ghost", "ghost"))
        ],
        DEMAND_PLAN.name: [
            {
                **{name: row[name] for name in ("market", "month", "node_type", "node_id", "product_id", "step",
                                                "made_on", "target_on")},
                "model_qty": row["forecast_qty"], "plan_qty": row["forecast_qty"], "plan_basis": "model",
            }
            for row in _forecast()
        ],
    }  # fmt: skip


def publish(platform: Platform, rows: dict[str, list[dict[str, object]]]) -> None:
    """Publish rows as the market job would; columns that a row does not name are null."""
    models = {**published_models(), **{model.name: model for model in (DEMAND_FORECAST, DEMAND_PLAN)}}
    staged = []
    with duckdb.connect() as con:
        for name, of_table in rows.items():
            model: PublishedModel = models[name]
            con.register("incoming", pd.DataFrame(of_table))
            columns = ", ".join(f'"{column.name}" {column.type}' for column in model.spec.columns)
            con.execute(f"create table {name} ({columns})")
            con.execute(f"insert into {name} by name select * from incoming")
            depth = len(model.spec.place_columns)
            places = {Place(*(str(row[key]) for key in model.spec.place_columns)) for row in of_table}
            one = platform.lake.stage(con, name, model.spec, "by-hand")
            staged.append((one, places if depth else {WHOLE_TABLE}))
    platform.lake.publish(PublishRequest(run_id="by-hand", raw_seq=platform.lake.raw_seq(), staged=staged))


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """A lake of rows made by hand, with its plan published."""
    home: Path = tmp_path_factory.mktemp("lake")
    made = Platform(Settings(home=home, catalog_uri=""))
    publish(made, published_rows())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        from orchestration.definitions import build_defs
    job = build_defs({"platform": made}).resolve_job_def("planning_job")
    assert job.execute_in_process(raise_on_error=False).success
    return made


@pytest.fixture(scope="module")
def con(platform: Platform) -> Iterator[duckdb.DuckDBPyConnection]:
    """What a reader sees after the job."""
    with connect(platform.lake) as views:
        yield views


def test_orders_follow_from_stock_demand_and_lead_times(con: duckdb.DuckDBPyConnection) -> None:
    columns = (
        "site_code, product_id, on_hand_qty, on_order_qty, round(weekly_demand_qty, 1), lead_time_p50_days,"
        " is_below_reorder_point, suggested_qty > 0, suggested_qty = wanted_qty"
    )
    assert con.execute(f"select {columns} from reorder order by all").fetchall() == [
        # Of Germany's 16.8 cups a week its own warehouse sends 9.6: what it has shipped of what Germany has bought.
        ("CNNGB1", "cup", 2000, 0, 24.0, 22, False, False, True),
        ("CNNGB1", "jug", 60, 7, 3.6, 22, False, False, True),
        ("CNNGB1", "lamp", 2, 0, 8.4, 22, True, True, True),
        ("DEHAM1", "cup", 3, 0, 9.6, 52, True, True, True),
    ]
    ((level, wanted, value, reason),) = con.execute(
        "select order_up_to_qty, wanted_qty, order_value_usd, reason from reorder where site_code = 'DEHAM1'"
    ).fetchall()
    # Eight weeks and a half until an order of the next review has come, and what keeps 95 % of it in stock.
    assert 9.6 * 8.4 < level < 1.5 * 9.6 * 8.4
    assert wanted == np.ceil(level - 3)
    assert value == pytest.approx(wanted * 14 / 7.7 * 1.1)
    assert "60 receipts of mill at DEHAM1" in reason


def test_what_lies_too_much_is_moved_where_it_lacks(con: duckdb.DuckDBPyConnection) -> None:
    columns = "from_site_code, to_site_code, product_id, transport_mode, lead_time_p50_days, suggested_qty"
    ((*moved, quantity),) = con.execute(f"select {columns} from transfer_suggestion").fetchall()
    assert moved == ["CNNGB1", "DEHAM1", "cup", "sea", 27]
    assert con.execute("select wanted_qty from reorder where site_code = 'DEHAM1'").fetchall() == [(quantity,)]


def test_an_alarm_rings_before_the_peak_comes(con: duckdb.DuckDBPyConnection) -> None:
    alarms = con.execute(
        "select distinct site_code, event_code, made_on, min(target_on) over (), max(target_on) over ()"
        " from capacity_outlook where is_alarm"
    ).fetchall()
    assert alarms == [("DEHAM1", "black_friday", MADE_ON, date(2026, 11, 27), date(2026, 11, 30))]
    ((p90,),) = con.execute("select max(p90_qty) from capacity_outlook").fetchall()
    assert 240 < p90 < 290


def test_an_override_of_a_node_that_nobody_knows_is_told(con: duckdb.DuckDBPyConnection) -> None:
    states = con.execute("select override_id, override_state, unused_reason from override_state order by 1").fetchall()
    assert states == [("o-cup", "waiting", ""), ("o-ghost", "unused", "the forecast has no such node")]


def test_the_play_keeps_the_promise_and_everything_is_published_at_once(con: duckdb.DuckDBPyConnection) -> None:
    proof = con.execute(
        "select abc_class, item_count, realised_fill_pct >= 95 from stock_policy_simulation"
        " where policy like 'distribution%' order by abc_class"
    ).fetchall()
    assert proof[-1] == ("all", 4, True)
    published = con.execute(
        "select distinct publication_id, count(*) over () from publications where table_name like 'planning.%'"
    ).fetchall()
    assert published == [(2, len(PLANNING_MODELS))]
    assert con.execute("select count(*) from stale_market").fetchall() == [(0,)]
