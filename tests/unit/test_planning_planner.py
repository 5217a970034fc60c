"""What the published tables know of planners' decisions: units sold of overridden nodes, and orders that followed."""

import duckdb
import pytest

from orchestration.planning.hand_value import VALUE_COLUMNS, override_value
from orchestration.planning.planner import reading
from orchestration.planning.planner.tables import ORDER_DECISION, OVERRIDE_VALUE
from orchestration.planning.tables import PLANNING_MODELS, WORDS

# Sales go on to 10 November: the week from the 2nd is over, the one from the 5th is not.
PUBLISHED = """
    create table demand_plan as select 'GB' as market, * from (values
        ('market', 'GB', 'week', date '2026-10-30', date '2026-11-02', 20.0, 30.0, 30.0, 'o1', 'film', 'Ann'),
        ('category', 'kitchen', 'week', date '2026-10-30', date '2026-11-02', 8.0, 9.0, 9.0, 'o2', 'film', 'Ann'),
        ('product', 'cup', 'week', date '2026-10-30', date '2026-11-02', 5.0, 6.0, 6.0, 'o3', 'film', 'Ann'),
        ('subdivision', 'GB-SCT', 'week', date '2026-10-30', date '2026-11-02', 1.0, 2.0, 2.0, 'o4', 'film', 'Ann'),
        ('product', 'doll', 'week', date '2026-10-30', date '2026-11-02', 5.0, null, 7.0, null, null, null),
        ('product', 'jug', 'week', date '2026-11-04', date '2026-11-05', 5.0, 6.0, 6.0, 'o5', 'film', 'Ann'),
        ('product', 'pot', 'week', date '2026-11-04', date '2026-11-02', 5.0, 6.0, 6.0, 'o6', 'film', 'Ann')
    ) as t(node_type, node_id, step, made_on, target_on, model_qty, planner_qty, plan_qty, override_id, reason,
        decided_by);
    create table fct_daily_demand as select 'GB' as market, * from (values
        ('cup', date '2026-11-01', 100), ('cup', date '2026-11-02', 3), ('cup', date '2026-11-08', 4),
        ('jug', date '2026-11-05', 5), ('doll', date '2026-11-06', 6), ('doll', date '2026-11-10', 50)
    ) as t(product_key, sold_on, sold_qty);
    create table stg_products as select * from (values
        ('cup', 'toys', date '2020-01-01'), ('cup', 'kitchen', date '2021-01-01'), ('jug', 'kitchen', null)
    ) as t(product_key, category_code, valid_from);
    create table fct_order_lines as select 'GB' as market, * from (values
        ('a', 'product', 'sale', date '2026-11-02', 3), ('a', 'product', 'return', date '2026-11-03', -3),
        ('b', 'product', 'sale', date '2026-11-02', 9)
    ) as t(order_key, product_kind, leg_type, ordered_on, quantity);
    create table stg_orders as select 'GB' as market, * from (values ('a', 'GB-SCT'), ('b', 'GB-ENG'))
        as t(order_key, subdivision_code);
    create table stg_order_decisions as select 'W1' as site_code, null::varchar as supplier_id, 10 as suggested_qty,
        'accepted' as decision, null::int as quantity, 'why not' as reason, 'Ann' as decided_by,
        null::date as expected_on, null::varchar as po_no, * from (values
            ('s1', 'cup', timestamp '2026-11-01'), ('s2', 'jug', timestamp '2026-11-01'),
            ('s3', 'jug', timestamp '2026-09-01')
        ) as t(suggestion_id, product_id, decided_at);
    create table stg_purchase_orders as select 'W1' as site_code, 'S1' as supplier_id, '1' as line_no, * from (values
        ('p1', 'cup', timestamp '2026-11-03', 12), ('p2', 'doll', timestamp '2027-11-03', 12)
    ) as t(po_no, product_id, ordered_at, quantity);
    create table reorder (suggestion_id varchar, site_code varchar, product_id varchar, suggested_qty double);
"""


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    """The published tables of a small market."""
    made = duckdb.connect()
    made.execute(PUBLISHED)
    return made


def test_what_was_sold_of_each_overridden_node_is_found(con: duckdb.DuckDBPyConnection) -> None:
    actuals = reading.overridden_actuals(con)
    assert dict(zip(actuals["node_id"], actuals["actual_qty"], strict=True)) == {
        "GB": 18, "kitchen": 12, "cup": 7, "GB-SCT": 3,
    }  # fmt: skip
    value = override_value(reading.overridden_plans(con), actuals)
    assert list(value) == list(VALUE_COLUMNS) == [column.name for column in OVERRIDE_VALUE.spec.columns]
    (whole,) = value[value["group_kind"] == "all"].to_dict("records")
    # Errors of the model: 2 + 4 + 2 + 2 of 40 units; of the plan 12 + 3 + 1 + 1.
    assert (whole["week_count"], whole["model_error_qty"], whole["plan_error_qty"]) == (4, 10, 17)
    assert whole["value_added_points"] == pytest.approx(-17.5)
    con.execute("delete from demand_plan")
    assert override_value(reading.overridden_plans(con), reading.overridden_actuals(con)).empty


def test_each_decision_has_a_state(con: duckdb.DuckDBPyConnection) -> None:
    decided = reading.decision_states(con)
    assert list(decided) == [column.name for column in ORDER_DECISION.spec.columns]
    states = dict(
        zip(decided["suggestion_id"], zip(decided["state"], decided["on_order_qty"], strict=True), strict=True)
    )
    assert states == {"s1": ("ordered", 0), "s2": ("open", 10), "s3": ("expired", 0)}
    con.execute("delete from stg_order_decisions")
    con.execute("delete from stg_purchase_orders")
    assert list(reading.decision_states(con)) == list(decided)


def test_both_tables_are_published_with_the_plans_and_have_words() -> None:
    assert {OVERRIDE_VALUE, ORDER_DECISION} <= set(PLANNING_MODELS)
    for model in (OVERRIDE_VALUE, ORDER_DECISION):
        assert {column.name for column in model.spec.columns} <= set(WORDS)
