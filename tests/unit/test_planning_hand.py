"""The planner's hand: which override counts, and that the plan adds up wherever a planner has changed it."""

from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from orchestration.planning.hand import apply_overrides, with_node_keys

MONDAY, NEXT = date(2026, 11, 2), date(2026, 11, 9)
MEMBERS = pd.DataFrame(
    {
        "market": "GB",
        "node_id": ["cup", "jug", "doll"],
        "category": ["kitchen", "kitchen", "toys"],
    }
)
UNITS = {
    ("market", "GB"): 100.0,
    ("category", "kitchen"): 60.0,
    ("category", "toys"): 40.0,
    ("subdivision", "GB-ENG"): 75.0,
    ("subdivision", "GB-SCT"): 25.0,
    ("product", "cup"): 30.0,
    ("product", "jug"): 20.0,
    ("rest", "rest of kitchen"): 10.0,
    ("product", "doll"): 40.0,
}


def forecast(weeks: tuple[date, ...] = (MONDAY,), **changed: float) -> pd.DataFrame:
    """A market of two categories and two subdivisions, in which everything adds up."""
    return pd.DataFrame(
        [
            ("GB", kind, "kitchen" if kind == "rest" else node, date(2026, 10, 31), week, changed.get(node, units))
            for week in weeks
            for (kind, node), units in UNITS.items()
        ],
        columns=["market", "node_type", "node_id", "made_on", "target_on", "forecast_qty"],
    )


def overrides(*rows: dict[str, object]) -> pd.DataFrame:
    """Overrides of the first week with a reason, a person and a day each, unless told otherwise."""
    usual = {
        "market": "GB", "from_on": MONDAY, "to_on": date(2026, 11, 8), "quantity": None, "factor_pct": None,
        "reason": "a fair", "decided_by": "Ann", "decided_at": datetime(2026, 10, 30, tzinfo=UTC), "status": None,
    }  # fmt: skip
    kinds = {node: kind for kind, node in UNITS}
    made = [
        usual | {"override_id": f"o{number}", "node_type": kinds.get(str(row["node_id"]), "product")} | row
        for number, row in enumerate(rows, 1)
    ]
    columns = ["override_id", "node_type", "node_id", *usual]
    return pd.DataFrame(made, columns=columns)


def names(plan: pd.DataFrame) -> list[str]:
    """The nodes by name: a rest has the id of its category."""
    pairs = zip(plan["node_type"], plan["node_id"], strict=True)
    return [f"rest of {node}" if kind == "rest" else str(node) for kind, node in pairs]


def planned(plan: pd.DataFrame, week: date = MONDAY, column: str = "plan_qty") -> dict[str, object]:
    """A column of the plan of one week, by node."""
    rows = plan[plan["target_on"] == week]
    return dict(zip(names(rows), rows[column], strict=True))


def adds_up(plan: pd.DataFrame) -> bool:
    """Whether every whole is the sum of its parts in every week, and nothing is negative."""
    for _, week in plan.groupby("target_on"):
        figures = dict(zip(names(week), week["plan_qty"], strict=True))
        parts = {
            "GB": [["kitchen", "toys"], ["GB-ENG", "GB-SCT"]],
            "kitchen": [["cup", "jug", "rest of kitchen"]],
            "toys": [["doll"]],
        }
        for whole, divisions in parts.items():
            sums = [sum(figures[part] for part in division) for division in divisions]
            if not np.allclose(sums, figures[whole]) or min(figures.values()) < 0:
                return False
    return True


def test_without_overrides_the_plan_is_the_model() -> None:
    plan = apply_overrides(forecast(), overrides(), MEMBERS)
    assert plan.unused.empty
    assert (plan.rows["plan_qty"] == plan.rows["model_qty"]).all()
    assert set(plan.rows["plan_basis"]) == {"model"}
    assert plan.rows[["planner_qty", "override_id", "reason", "decided_by"]].isna().all().all()


CASES = {
    # A product moves its category, its market and, in proportion, the subdivisions.
    "product": ([{"node_id": "cup", "quantity": 50}],
                {"cup": 50, "jug": 20, "kitchen": 80, "toys": 40, "GB": 120, "GB-ENG": 90, "GB-SCT": 30}),
    "factor": ([{"node_id": "cup", "factor_pct": 150}], {"cup": 45, "kitchen": 75, "GB": 115}),
    "nothing_will_be_sold": ([{"node_id": "doll", "factor_pct": 0}], {"doll": 0, "toys": 0, "GB": 60, "GB-SCT": 15}),
    # A category's figure is shared in proportion, also by the rest that no product names.
    "category": ([{"node_id": "kitchen", "quantity": 120}],
                 {"cup": 60, "jug": 40, "rest of kitchen": 20, "doll": 40, "GB": 160, "GB-ENG": 120}),
    "market": ([{"node_id": "GB", "factor_pct": 50}], {"kitchen": 30, "toys": 20, "cup": 15, "GB-SCT": 12.5}),
    "subdivision": ([{"node_id": "GB-SCT", "quantity": 45}],
                    {"GB": 120, "GB-ENG": 75, "GB-SCT": 45, "kitchen": 72, "doll": 48}),
    # The product's figure stands, and the others share what the category's leaves.
    "product_in_category": ([{"node_id": "kitchen", "quantity": 100}, {"node_id": "cup", "quantity": 70}],
                            {"cup": 70, "jug": 20, "rest of kitchen": 10, "kitchen": 100, "GB": 140}),
    "category_in_market": ([{"node_id": "GB", "quantity": 200}, {"node_id": "kitchen", "quantity": 60}],
                           {"kitchen": 60, "cup": 30, "toys": 140, "doll": 140, "GB": 200, "GB-ENG": 150}),
    # Parts that come to more than the whole: the whole is their sum.
    "parts_above_the_whole": ([{"node_id": "kitchen", "quantity": 40}, {"node_id": "cup", "quantity": 70}],
                              {"cup": 70, "jug": 0, "rest of kitchen": 0, "kitchen": 70, "GB": 110}),
    "all_parts_told": ([{"node_id": "toys", "quantity": 99}, {"node_id": "doll", "quantity": 10}],
                       {"doll": 10, "toys": 10, "GB": 70}),
    "market_and_subdivision": ([{"node_id": "GB", "quantity": 200}, {"node_id": "GB-SCT", "quantity": 80}],
                               {"GB": 200, "GB-SCT": 80, "GB-ENG": 120, "kitchen": 120}),
    "goods_decide_over_places": (
        [{"node_id": "GB-SCT", "quantity": 80}, {"node_id": "GB-ENG", "quantity": 80},
         {"node_id": "kitchen", "quantity": 60}, {"node_id": "toys", "quantity": 40}],
        {"GB": 100, "GB-SCT": 50, "GB-ENG": 50, "kitchen": 60, "toys": 40}),
    # Three days of the week: three sevenths of the planner's pace, four of the model's.
    "part_of_a_week": ([{"node_id": "cup", "quantity": 100, "from_on": date(2026, 11, 6)}],
                       {"cup": 100 * 3 / 7 + 30 * 4 / 7}),
    # Of two for one day the one decided last counts, whatever their order in the table.
    "decided_last": ([{"node_id": "cup", "quantity": 90, "decided_at": datetime(2026, 10, 30, 1, tzinfo=UTC)},
                      {"node_id": "cup", "quantity": 10}], {"cup": 90}),
    "two_halves": ([{"node_id": "cup", "quantity": 70, "to_on": date(2026, 11, 4)},
                    {"node_id": "cup", "quantity": 140, "from_on": date(2026, 11, 5)}], {"cup": 30 + 80}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_figures_of_a_planner_stand_and_everything_adds_up(name: str) -> None:
    given, wanted = CASES[name]
    plan = apply_overrides(forecast((MONDAY, NEXT)), overrides(*given), MEMBERS).rows
    found = planned(plan)
    assert {node: found[node] for node in wanted} == pytest.approx(wanted)
    assert adds_up(plan)
    # The other week, and the model's figures, are as they were.
    assert planned(plan, NEXT) == {node: units for (_, node), units in UNITS.items()}
    assert planned(plan, column="model_qty") == {node: units for (_, node), units in UNITS.items()}


def test_who_is_behind_each_figure_is_told() -> None:
    given = overrides({"node_id": "kitchen", "quantity": 120, "reason": "a film", "decided_by": "Bob"})
    plan = apply_overrides(forecast(), given, MEMBERS).rows
    plan = plan.set_axis(names(plan), axis=0)
    assert plan.loc["kitchen", ["planner_qty", "plan_basis", "override_id", "reason", "decided_by"]].tolist() == [
        120, "override", "o1", "a film", "Bob",
    ]  # fmt: skip
    assert plan.loc["cup", ["plan_basis", "override_id", "decided_by"]].tolist() == ["spread", "o1", "Bob"]
    assert plan.loc["GB", "plan_basis"] == "sum"
    assert plan.loc["GB", ["override_id", "reason", "decided_by"]].isna().all()
    assert plan.loc["doll", "plan_basis"] == "model"
    assert plan["planner_qty"].notna().sum() == 1


def test_an_override_that_changes_nothing_says_why() -> None:
    given = overrides(
        {"node_id": "cup", "quantity": 50, "status": "withdrawn"},
        {"node_id": "kettle", "quantity": 50},
        {"node_id": "cup", "quantity": 50, "from_on": date(2027, 11, 2), "to_on": date(2027, 11, 8)},
        {"node_id": "jug", "quantity": 50},
        {"node_id": "jug", "quantity": 60, "decided_at": datetime(2026, 10, 31, tzinfo=UTC)},
    )
    plan = apply_overrides(forecast(), given, MEMBERS)
    assert dict(zip(plan.unused["override_id"], plan.unused["reason"], strict=True)) == {
        "o1": "it is withdrawn",
        "o2": "the forecast has no such node",
        "o3": "the forecast has no week that it covers",
        "o4": "a later override stands in its place",
    }
    assert planned(plan.rows)["jug"] == 60


def test_a_figure_where_the_model_expects_nothing_is_shared_alike() -> None:
    nothing = forecast(**{node: 0.0 for _, node in UNITS})
    plan = apply_overrides(nothing, overrides({"node_id": "kitchen", "quantity": 30}), MEMBERS).rows
    figures = planned(plan)
    assert [figures[node] for node in ("cup", "jug", "rest of kitchen", "GB")] == [10, 10, 10, 30]
    assert adds_up(plan)


def test_chance_overrides_always_add_up() -> None:
    chance = np.random.default_rng(5)
    nodes = [node for _, node in UNITS if node != "rest of kitchen"]
    for _ in range(60):
        chosen = chance.choice(nodes, size=int(chance.integers(1, 6)))
        given = overrides(*({"node_id": node, "quantity": float(chance.integers(0, 300))} for node in chosen))
        assert adds_up(apply_overrides(forecast(), given, MEMBERS).rows), given[["node_id", "quantity"]]


def test_planners_name_products_by_the_numbers_that_they_know() -> None:
    given = overrides({"node_id": "P1"}, {"node_id": "P2"}, {"node_id": "k3"}, {"node_id": "kitchen"})
    products = pd.DataFrame(
        [("GB", "k1", "P1"), ("FR", "k9", "P1"), ("GB", "k2", "P2"), ("GB", "k4", "P2"), ("GB", "k5", "kitchen")],
        columns=["market", "product_key", "product_id"],
    )
    # P2 is the number of two products of two shops; kitchen is a category here.
    assert with_node_keys(given, products)["node_id"].tolist() == ["k1", "P2", "k3", "kitchen"]
