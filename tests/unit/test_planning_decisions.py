"""Decisions of planners: what they are worth, and when an accepted order stops being counted beside purchase orders."""

from datetime import date

import pandas as pd
import pytest

from orchestration.planning.decisions import accepted_quantities, decided_orders
from orchestration.planning.hand_value import override_value

AS_OF = pd.Timestamp("2026-11-20 06:00")


def decisions(*rows: dict[str, object]) -> pd.DataFrame:
    """Decisions of site W1 on a product, accepted on 10 November unless told otherwise."""
    usual = {
        "site_code": "W1", "product_id": "cup", "supplier_id": "S1", "suggested_qty": 100, "decision": "accepted",
        "quantity": None, "reason": "as suggested", "decided_by": "Ann", "decided_at": "2026-11-10",
        "expected_on": None, "po_no": None,
    }  # fmt: skip
    made = pd.DataFrame([usual | {"suggestion_id": f"s{n}"} | row for n, row in enumerate(rows, 1)])
    return made.assign(decided_at=pd.to_datetime(made["decided_at"]))


def lines(*rows: tuple[str, str | None, str, str, float]) -> pd.DataFrame:
    """Purchase lines: number, site, product, day, pieces; all of supplier S1."""
    made = pd.DataFrame(rows, columns=["po_no", "site_code", "product_id", "ordered_at", "quantity"])
    return made.assign(ordered_at=pd.to_datetime(made["ordered_at"]), supplier_id="S1")


def suggestions(*rows: tuple[str, str, str, float]) -> pd.DataFrame:
    """Published suggestions: number, site, product, pieces."""
    return pd.DataFrame(rows, columns=["suggestion_id", "site_code", "product_id", "suggested_qty"])


def states(
    given: pd.DataFrame, bought: pd.DataFrame, asked: pd.DataFrame | None = None
) -> dict[str, tuple[str, float]]:
    """State and units on order by suggestion."""
    found = decided_orders(given, bought, suggestions() if asked is None else asked, as_of=AS_OF)
    return {row.suggestion_id: (row.state, row.on_order_qty) for row in found.itertuples()}


def test_a_decision_counts_with_its_own_quantity_until_it_is_too_old() -> None:
    given = decisions(
        {}, {"decision": "changed", "quantity": 60}, {"decision": "rejected"}, {"decision": "changed", "quantity": 0},
        {"decided_at": "2026-10-01"}, {"decided_at": "2026-11-21"}, {"product_id": "jug"},
    )  # fmt: skip
    # The published suggestion is worth more than what the file brought back, and s7 was made for another product.
    asked = suggestions(("s1", "W1", "cup", 120), ("s7", "W1", "cup", 5))
    assert states(given, lines(), asked) == {
        "s1": ("open", 120), "s2": ("open", 60), "s3": ("rejected", 0), "s4": ("rejected", 0), "s5": ("expired", 0),
        "s7": ("mismatched", 0),
    }  # fmt: skip
    decided = decided_orders(given, lines(), asked, as_of=AS_OF)
    assert accepted_quantities(decided).to_dict("records") == [
        {"site_code": "W1", "product_id": "cup", "accepted_qty": 180}
    ]


@pytest.mark.parametrize(
    ("given", "bought", "wanted"),
    [
        # Suppliers round: the order for 90 is the answer to the decision for 100.
        ([{}], [("P1", "W1", "cup", "2026-11-12", 90)], {"s1": "ordered"}),
        # An order from before the decision, for another site, another product or after the moment is no answer.
        ([{}], [("P1", "W1", "cup", "2026-11-09", 100), ("P2", "W2", "cup", "2026-11-12", 100),
                ("P3", "W1", "jug", "2026-11-12", 100), ("P4", "W1", "cup", "2026-11-25", 100)], {"s1": "open"}),
        # One order closes the older of two decisions, and both when it covers both.
        ([{"decided_at": "2026-11-11"}, {}], [("P1", "W1", "cup", "2026-11-12", 150)], {"s1": "open", "s2": "ordered"}),
        ([{"decided_at": "2026-11-11"}, {}], [("P1", "W1", "cup", "2026-11-12", 200)],
         {"s1": "ordered", "s2": "ordered"}),
        # An order that names no site may be for any.
        ([{}], [("P1", None, "cup", "2026-11-12", 90)], {"s1": "ordered"}),
        # Two lines close two decisions.
        ([{}, {}], [("P1", "W1", "cup", "2026-11-12", 50), ("P2", "W1", "cup", "2026-11-13", 50)],
         {"s1": "ordered", "s2": "ordered"}),
        # A decision that names its purchase order waits for that one, which answers no other.
        ([{"po_no": "P9"}], [("P1", "W1", "cup", "2026-11-12", 100)], {"s1": "open"}),
        ([{}, {"po_no": "P9"}], [("P9", "W1", "cup", "2026-11-12", 300)], {"s1": "open", "s2": "ordered"}),
        # Another supplier's order is no answer where both name one.
        ([{"supplier_id": "S2"}], [("P1", "W1", "cup", "2026-11-12", 100)], {"s1": "open"}),
        ([{"supplier_id": None}], [("P1", "W1", "cup", "2026-11-12", 100)], {"s1": "ordered"}),
    ],
)  # fmt: skip
def test_a_purchase_order_takes_the_place_of_the_decision(given, bought, wanted) -> None:
    found = states(decisions(*given), lines(*bought))
    assert {suggestion: state for suggestion, (state, _) in found.items()} == wanted


def test_without_decisions_nothing_is_on_order() -> None:
    decided = decided_orders(decisions({}).head(0), lines(), suggestions(), as_of=AS_OF)
    assert decided.empty
    assert accepted_quantities(decided).empty


def test_the_value_of_overrides_is_told_by_person_and_reason() -> None:
    rows = [
        # node, made_on, model, planner, override, reason, person; 100 were sold in each week.
        ("cup", date(2026, 10, 26), 40, 90, "o1", "film", "Ann"),
        # The last plan made before the week counts, and none of its own week.
        ("cup", date(2026, 11, 2), 60, 95, "o1", "film", "Ann"),
        ("cup", date(2026, 11, 4), 60, 100, "o1", "film", "Ann"),
        ("jug", date(2026, 11, 2), 110, 150, "o2", "film", "Bob"),
        ("doll", date(2026, 11, 2), 70, None, None, None, None),
        # A week that is not over.
        ("mug", date(2026, 11, 2), 70, 80, "o3", "fair", "Bob"),
    ]
    plans = pd.DataFrame(
        rows, columns=["node_id", "made_on", "model_qty", "planner_qty", "override_id", "reason", "decided_by"]
    ).assign(market="GB", node_type="product", target_on=date(2026, 11, 2), plan_qty=lambda frame: frame["planner_qty"])
    actuals = pd.DataFrame({"node_id": ["cup", "jug", "doll"]}).assign(
        market="GB", node_type="product", target_on=date(2026, 11, 2), actual_qty=100
    )
    found = override_value(plans, actuals).set_index(["group_kind", "group_value"])
    columns = ["override_count", "week_count", "better_week_count", "model_wape_pct", "plan_wape_pct"]
    assert {key: found.loc[key, columns].tolist() for key in found.index} == {
        ("all", ""): [2, 2, 1, 25, 27.5],
        ("person", "Ann"): [1, 1, 1, 40, 5],
        ("person", "Bob"): [1, 1, 0, 10, 50],
        ("reason", "film"): [2, 2, 1, 25, 27.5],
        ("override", "o1"): [1, 1, 1, 40, 5],
        ("override", "o2"): [1, 1, 0, 10, 50],
    }
    assert found.loc[("person", "Ann"), ["value_added_points", "model_bias_pct"]].tolist() == [35, -40]
    assert found.loc[("all", ""), "value_added_points"] == -2.5
    assert override_value(plans.head(0), actuals).empty
    # A plan of the day after has weeks that begin a day later: they hold days that have been counted.
    later = plans.assign(made_on=date(2026, 11, 3), target_on=date(2026, 11, 3))
    both = pd.concat([actuals, actuals.assign(target_on=date(2026, 11, 3))])
    pd.testing.assert_frame_equal(
        override_value(pd.concat([plans, later]), both).set_index(["group_kind", "group_value"]), found
    )
    nothing_sold = override_value(plans, actuals.assign(actual_qty=0))
    assert nothing_sold["value_added_points"].isna().all()
