"""Order suggestions from small stories: who needs what, what limits it, and what the reason says."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from orchestration.planning.assortment import AssortmentRules, assess
from orchestration.planning.lead_times import LeadTimes, lane_rows, receipt_rows
from orchestration.planning.limits import Limits
from orchestration.planning.reading import StockInputs
from orchestration.planning.serving import site_shares
from orchestration.planning.stock_plan import StockPlan, StockRules, plan_stock
from orchestration.planning.transfers import suggest_transfers

MADE_ON = date(2026, 9, 1)
WEEKS = pd.date_range(MADE_ON, periods=13, freq="7D")


def forecast_of(market: str, product: str, weekly: float, node: str = "product", category: str = "") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "market": market, "node_type": node, "product_id": product, "category": category, "made_on": MADE_ON,
            "target_on": WEEKS, "forecast_qty": weekly, "p100_qty": weekly * 0.7, "p900_qty": weekly * 1.3,
            "level_cv": np.nan,
        }
    )  # fmt: skip


# Home serves everybody, the German site Germany. P1 sells in both; P2 only in the rest of its category; P3 never did;
# P4 asks for a minimum of 500 and sells one a week; P5 is made to order and lies at sea.
STOCK = pd.DataFrame(
    [
        ("HOME", "P1", 20.0, 5.0, 0.0, "DE;GB"), ("DE1", "P1", 0.0, 0.0, 30.0, "DE"),
        ("HOME", "P2", 1.0, 0.0, 0.0, "DE;GB"), ("HOME", "P3", 9.0, 0.0, 0.0, "DE;GB"),
        ("HOME", "P4", 0.0, 0.0, 0.0, "GB"), ("HOME", "P5", 0.0, 0.0, 0.0, "GB"),
    ],
    columns=["site_code", "product_id", "on_hand_qty", "reserved_qty", "in_transit_qty", "served_countries"],
).assign(counted_on=MADE_ON, site_country=["CN", "DE", "CN", "CN", "CN", "CN"])  # fmt: skip
PRODUCTS = pd.DataFrame(
    {
        "product_id": ["P1", "P2", "P3", "P4", "P5", "P9"], "product_name": "x", "seller_id": "S",
        "supplier_id": ["V1", "V1", "V1", "V2", "V3", "V3"], "category_code": "toys",
        "is_made_to_order": [False, False, False, False, True, False], "unit_weight_kg": 1.0, "unit_cost_amount": 14.0,
        "currency_code": "CNY", "unit_cost_usd": 2.0, "capacity_per_week_qty": [1000.0] * 3 + [900.0, 40.0, 40.0],
        "lead_time_days": 20.0, "minimum_order_qty": [1.0, 1.0, 1.0, 500.0, 1.0, 1.0], "flexible_share_pct": 25.0,
    }
)  # fmt: skip
SOLD = pd.DataFrame(
    [("DE", "P1", 520.0), ("GB", "P1", 520.0), ("GB", "P2", 20.0), ("GB", "P9", 60.0), ("GB", "P4", 52.0),
     ("GB", "P5", 300.0)],
    columns=["market", "product_id", "sold_qty"],
).assign(sales_usd=lambda rows: 5 * rows["sold_qty"])  # fmt: skip
INPUTS = StockInputs(
    made_on=MADE_ON,
    stock=STOCK,
    shipped=pd.DataFrame(
        [("HOME", "P1", 520.0 + 130.0), ("DE1", "P1", 390.0)], columns=["site_code", "product_id", "shipped_qty"]
    ),
    sold=SOLD,
    four_weeks=pd.DataFrame({"product_id": ["P1"] * 13, "period": range(13), "sold_qty": 80.0}),
    lines=pd.DataFrame({"market": ["GB", "DE"] * 40, "product_id": "P1", "pieces": 1.0}),
    open_orders=pd.DataFrame({"site_code": ["DE1"], "product_id": ["P1"], "ordered_qty": [30.0]}),
    products=PRODUCTS,
    forecast=pd.concat(
        [
            forecast_of("DE", "P1", 10.0), forecast_of("GB", "P1", 10.0), forecast_of("GB", "P4", 1.0),
            forecast_of("GB", "P5", 6.0), forecast_of("GB", "", 4.0, "rest", "toys"),
        ]
    ),
    accepted=pd.DataFrame({"site_code": ["HOME"], "product_id": ["P2"], "accepted_qty": [2.0]}),
)  # fmt: skip

SHIPPED_AT = pd.Timestamp("2026-05-01")
SHIPMENTS = pd.DataFrame(
    {
        "origin_country": "CN", "market": "DE", "transport_mode": "sea", "shipped_at": SHIPPED_AT,
        "delivered_at": SHIPPED_AT + pd.to_timedelta([26, 28, 30, 32, 34] * 8, unit="D"),
        **dict.fromkeys(("ordered_at", "declared_at", "released_at", "arrived_at", "cleared_at"), pd.NaT),
    }
)  # fmt: skip
RECEIPTS = pd.DataFrame({"supplier": ["V1"], "site": ["HOME"], "days": [33.0]})
DAY = (pd.Timestamp(MADE_ON) - pd.Timestamp("1970-01-01")).days
LEAD_TIMES = LeadTimes.of(pd.concat([lane_rows(SHIPMENTS, DAY), receipt_rows(RECEIPTS, DAY)]))


def planned(rules: StockRules | None = None) -> StockPlan:
    return plan_stock(INPUTS, rules or StockRules(), {"DE": "held back"}, LEAD_TIMES)


@pytest.fixture(scope="module")
def plan() -> StockPlan:
    return planned()


def row(plan: StockPlan, site: str, product: str) -> pd.Series:
    rows = plan.rows
    return rows[(rows["site_code"] == site) & (rows["product_id"] == product)].iloc[0]


def test_a_site_of_several_markets_takes_what_it_has_shipped(plan: StockPlan) -> None:
    shares = site_shares(INPUTS.stock, INPUTS.shipped, INPUTS.sold).set_index(["site_code", "product_id", "market"])
    assert shares.loc[("HOME", "P1", "GB"), "share"] == pytest.approx(1.0)
    assert shares.loc[("DE1", "P1", "DE"), "share"] == pytest.approx(0.75, abs=0.01)
    assert row(plan, "HOME", "P1")["weekly_demand_qty"] == pytest.approx(12.5, abs=0.1)
    assert row(plan, "DE1", "P1")["weekly_demand_qty"] == pytest.approx(7.5, abs=0.1)
    assert row(plan, "HOME", "P1")["markets"] == "GB 100 %, DE 25 %"


def test_goods_at_sea_count_once_and_accepted_orders_count(plan: StockPlan) -> None:
    found = row(plan, "DE1", "P1")
    assert found["on_order_qty"] == 30
    assert found["wanted_qty"] == np.ceil(found["order_up_to_qty"] - 30)
    assert (row(plan, "HOME", "P1")["on_hand_qty"], row(plan, "HOME", "P2")["accepted_qty"]) == (15, 2)
    assert "2 accepted" in row(plan, "HOME", "P2")["reason"]


def test_a_stale_market_is_named_where_it_is_used(plan: StockPlan) -> None:
    assert row(plan, "DE1", "P1")["stale_markets"] == "DE"
    assert row(plan, "DE1", "P1")["reason"].endswith("; old data of DE.")
    assert row(plan, "HOME", "P4")["stale_markets"] == ""


def test_without_a_forecast_of_its_own_a_product_takes_its_part_of_the_rest(plan: StockPlan) -> None:
    rest = row(plan, "HOME", "P2")
    assert (rest["forecast_basis"], rest["weekly_demand_qty"]) == ("rest", pytest.approx(1.0))
    never = row(plan, "HOME", "P3")
    assert (never["forecast_basis"], never["suggested_qty"], never["order_up_to_qty"]) == ("none", 0, 0)
    assert never["reason"] == "No demand is forecast for it here; 9 on hand, nothing to order."
    assert np.isnan(never["days_of_cover"])


def test_levels_points_and_lead_times_fit_together(plan: StockPlan) -> None:
    rows = plan.rows
    assert (rows["order_up_to_qty"] >= rows["reorder_point_qty"]).all()
    assert (rows["suggested_qty"] >= 0).all()
    assert rows["reason"].str.len().min() > 20
    first = row(plan, "HOME", "P1")
    assert (first["lead_time_p50_days"], first["lead_time_basis"]) == (
        33,
        "1 receipts of V1 at HOME, and of others",
    )
    # Nothing was received in Germany yet: the supplier's days, and those that shipments by sea have shown.
    abroad = row(plan, "DE1", "P1")
    assert abroad["lead_time_basis"] == "no receipts: what the supplier states, and 40 shipments by sea to DE"
    assert (abroad["lead_time_p50_days"], abroad["lead_time_p90_days"]) == (20 + 30, pytest.approx(20 + 34, abs=0.5))
    assert row(plan, "HOME", "P4")["lead_time_basis"] == "1 receipts of HOME, and of others"
    assert first["expected_fill_pct"] == pytest.approx(95, abs=1.5)
    assert first["is_below_reorder_point"]


def test_a_minimum_of_more_than_a_year_is_not_ordered(plan: StockPlan) -> None:
    found = row(plan, "HOME", "P4")
    assert (found["suggested_qty"], found["limited_by"]) == (0, "minimum")
    assert "the supplier's minimum order leaves no order" in found["reason"]
    patient = planned(StockRules(limits=Limits(longest_cover_days=10_000)))
    assert row(patient, "HOME", "P4")["suggested_qty"] == 500


def test_what_is_made_to_order_is_not_kept_and_stays_within_the_flexible_share(plan: StockPlan) -> None:
    found = row(plan, "HOME", "P5")
    assert found["safety_stock_qty"] < 1
    assert found["suggested_qty"] <= 10
    assert found["limited_by"] == "made to order"


def test_a_budget_is_kept_and_spent_where_it_avoids_most(plan: StockPlan) -> None:
    assert planned(StockRules(limits=Limits(budget_usd=0.0))).rows["suggested_qty"].sum() == 0
    some = planned(StockRules(limits=Limits(budget_usd=60.0))).rows
    assert 0 < some["order_value_usd"].sum() <= 60
    assert some["short_qty_avoided"].sum() < plan.rows["short_qty_avoided"].sum()
    assert some.loc[some["suggested_qty"] < some["wanted_qty"], "limited_by"].str.contains("budget|minimum|made").all()


def test_a_light_last_container_is_left_out() -> None:
    heavy = planned(StockRules(limits=Limits(container_kg=15.0))).rows
    found = heavy[(heavy["site_code"] == "DE1")].iloc[0]
    assert found["suggested_qty"] <= found["wanted_qty"]
    assert (
        found["suggested_qty"] // 15 * 15 == found["suggested_qty"]
        or found["suggested_qty"] % 15 >= 0.3 * 15
        or (found["limited_by"] == "container")
    )


def test_a_transfer_gives_only_what_the_giver_can_spare(plan: StockPlan) -> None:
    rich = StockPlan(plan.rows.copy(), plan.curves, plan.shares)
    home = (rich.rows["site_code"] == "HOME") & (rich.rows["product_id"] == "P1")
    rich.rows.loc[home, "on_hand_qty"] = rich.rows.loc[home, "order_up_to_qty"] + 60
    found = suggest_transfers(rich, LEAD_TIMES)
    lack = row(plan, "DE1", "P1")["wanted_qty"]
    assert 0 < lack < 60
    assert found[["from_site_code", "to_site_code", "suggested_qty"]].to_numpy().tolist() == [["HOME", "DE1", lack]]
    assert found[["transport_mode", "lead_time_p50_days"]].to_numpy().tolist() == [["sea", 30.0]]
    assert suggest_transfers(plan, LEAD_TIMES).empty


def test_an_assortment_says_what_to_do_and_why() -> None:
    def category(name: str, revenue: float, cost: float, recent: float, earlier: float) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "market": "GB", "product_id": [f"{name}{number}" for number in range(6)], "revenue_usd": revenue,
                "landed_cost_usd": cost, "goods_usd": cost / 2, "sold_qty": 40.0, "recent_qty": recent,
                "earlier_qty": earlier, "quarter_qty": 9.0,
            }
        )  # fmt: skip

    sales = pd.concat(
        [category("grows", 100, 60, 30, 20), category("loses", 100, 130, 10, 20), category("dead", 100, 60, 0, 20)]
    )
    products = sales[["product_id"]].assign(category_code=sales["product_id"].str[:-1])
    stock = sales[["market", "product_id"]].assign(stock_value_usd=50.0)
    found = assess(sales, products, stock, AssortmentRules()).set_index("category_code")
    assert found["action"].to_dict() == {"grows": "widen", "loses": "drop", "dead": "thin"}
    assert found.loc["grows", ["margin_pct", "growth_pct", "gmroi"]].tolist() == pytest.approx([40, 50, 0.8])
    assert found.loc["dead", "dead_stock_pct"] == 100
    assert found.loc["loses", "evidence"].startswith("It loses money and does not grow: margin -30 % of 600 USD")
