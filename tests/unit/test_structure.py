"""The structure rules over dbt's manifest: a sound project passes, and each rule is broken once."""

import ast
import copy
import inspect
import json

import pytest

from orchestration.modeling import structure
from orchestration.modeling.structure import main, models, violations


def model(name, layer, *, parents=(), key=("market", "order_no"), published=None, contract=False, **fields):
    node = {
        "resource_type": "model",
        "name": name,
        "fqn": ["tradewind", layer, "orders", name],
        "original_file_path": f"models/{layer}/orders/{name}.sql",
        "description": "One row per order.",
        "depends_on": {"nodes": list(parents)},
        "config": {"meta": {"key": list(key), "publish": published}, "contract": {"enforced": contract}},
        "columns": {column: {"name": column, "description": f"The {column}."} for column in ("market", "order_no")},
    }
    return {f"model.tradewind.{name}": node | fields}


def is_key(model_name, *columns):
    return {
        f"test.tradewind.is_key_{model_name}": {
            "resource_type": "test",
            "name": f"is_key_{model_name}",
            "original_file_path": "models/staging/orders/_orders.yml",
            "attached_node": f"model.tradewind.{model_name}",
            "test_metadata": {"name": "is_key", "kwargs": {"columns": list(columns)}},
            "config": {"severity": "ERROR", "meta": {}},
        }
    }


def column_test(model_name, kind, column):
    return {
        f"test.tradewind.{kind}_{model_name}_{column}": {
            "resource_type": "test",
            "name": f"{kind}_{model_name}_{column}",
            "original_file_path": "models/marts/orders/_orders.yml",
            "attached_node": f"model.tradewind.{model_name}",
            "test_metadata": {"name": kind, "kwargs": {"column_name": column}},
            "config": {"severity": "error"},
        }
    }


@pytest.fixture
def sound():
    """A project that breaks no rule: one model in each layer, one named mart, one seed."""
    pair = ("market", "order_no")
    return {
        "nodes": {
            **model("stg_orders_judged", "staging", parents=["source.tradewind.raw.orders", "seed.tradewind.currency"]),
            **model("stg_orders", "staging", parents=["model.tradewind.stg_orders_judged"]),
            **model("int_orders", "intermediate", parents=["model.tradewind.stg_orders"]),
            **model("fct_orders", "marts", key=["order_no"], parents=["model.tradewind.int_orders"], contract=True),
            **model("quarantine", "marts", parents=["model.tradewind.stg_orders_judged"], contract=True),
            **is_key("stg_orders_judged", *pair),
            **is_key("stg_orders", *pair),
            **is_key("int_orders", "order_no", "market"),
            **is_key("quarantine", *pair),
            **column_test("fct_orders", "unique", "order_no"),
            **column_test("fct_orders", "not_null", "order_no"),
            "seed.tradewind.currency": {
                "resource_type": "seed",
                "name": "currency",
                "original_file_path": "seeds/currency.csv",
                "description": "ISO 4217 currencies.",
            },
        },
        "unit_tests": {"a": {"model": "stg_orders_judged"}, "b": {"model": "int_orders"}},
    }


def broken(manifest):
    return [str(violation) for violation in violations(manifest)]


def test_a_sound_project_breaks_no_rule(sound):
    assert broken(sound) == []


def node(manifest, name):
    return manifest["nodes"][f"model.tradewind.{name}"]


def rename(manifest):
    node(manifest, "fct_orders")["name"] = "orders"


def misplace(manifest):
    node(manifest, "int_orders")["fqn"] = ["tradewind", "int_orders"]


def staging_table_as_a_named_mart(manifest):
    node(manifest, "stg_orders")["name"] = "row_balance"


def read_a_source_in_the_marts(manifest):
    node(manifest, "fct_orders")["depends_on"]["nodes"].append("source.tradewind.raw.orders")


def refer_upward(manifest):
    node(manifest, "stg_orders")["depends_on"]["nodes"].append("model.tradewind.fct_orders")


def describe_no_grain(manifest):
    node(manifest, "int_orders")["description"] = "Orders with their lines."


def leave_the_grain_open(manifest):
    node(manifest, "int_orders")["description"] = "One row per order\nOrders with their lines."


def declare_no_key(manifest):
    node(manifest, "stg_orders")["config"]["meta"]["key"] = []


def key_without_a_test(manifest):
    del manifest["nodes"]["test.tradewind.is_key_stg_orders"]


def prove_another_key(manifest):
    manifest["nodes"]["test.tradewind.is_key_stg_orders"]["test_metadata"]["kwargs"]["columns"] = ["market"]


def key_that_may_be_null(manifest):
    del manifest["nodes"]["test.tradewind.not_null_fct_orders_order_no"]


def key_that_is_no_column(manifest):
    del node(manifest, "fct_orders")["columns"]["order_no"]


def drop_the_contract(manifest):
    node(manifest, "fct_orders")["config"]["contract"]["enforced"] = False


def publish_without_a_contract(manifest):
    node(manifest, "stg_orders")["config"]["meta"]["publish"] = "market_month"


def leave_a_column_undescribed(manifest):
    node(manifest, "quarantine")["columns"]["market"]["description"] = " "


def declare_no_columns(manifest):
    node(manifest, "quarantine")["columns"] = {}


def drop_a_unit_test(manifest):
    del manifest["unit_tests"]["a"]


def leave_a_seed_undescribed(manifest):
    manifest["nodes"]["seed.tradewind.currency"]["description"] = ""


def warn_without_a_reason(manifest):
    manifest["nodes"]["test.tradewind.is_key_stg_orders"]["config"]["severity"] = "WARN"


STAGING = "dbt_project/models/staging/orders"
MARTS = "dbt_project/models/marts/orders"
MIDDLE = "dbt_project/models/intermediate/orders/int_orders.sql: int_orders"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (rename, f"{MARTS}/fct_orders.sql: orders: a model in marts is named fct_ or dim_… [prefix]"),
        (
            misplace,
            f"{MIDDLE}: stands in no layer; move it below models/staging, models/intermediate, models/marts "
            "[layer_known]",
        ),
        (
            staging_table_as_a_named_mart,
            f"{STAGING}/stg_orders.sql: row_balance: a model in staging is named stg_… [prefix]",
        ),
        (
            read_a_source_in_the_marts,
            f"{MARTS}/fct_orders.sql: fct_orders: reads the source raw.orders; only staging reads sources "
            "[source_in_staging]",
        ),
        (
            refer_upward,
            f"{STAGING}/stg_orders.sql: stg_orders: staging refers to fct_orders in marts, which stands above it "
            "[no_upward_ref]",
        ),
        (describe_no_grain, f"{MIDDLE}: the description begins with its grain: 'One row per …' [grain]"),
        (leave_the_grain_open, f"{MIDDLE}: the sentence that states the grain ends with a full stop [grain]"),
        (declare_no_key, f"{STAGING}/stg_orders.sql: stg_orders: names no key in config.meta.key [key_declared]"),
        (
            key_without_a_test,
            f"{STAGING}/stg_orders.sql: stg_orders: no test is_key covers its key (market, order_no) [key_tested]",
        ),
        (
            prove_another_key,
            f"{STAGING}/stg_orders.sql: stg_orders: no test is_key covers its key (market, order_no) [key_tested]",
        ),
        (
            key_that_may_be_null,
            f"{MARTS}/fct_orders.sql: fct_orders: no test is_key, or unique and not_null, covers its key (order_no) "
            "[key_tested]",
        ),
        (
            key_that_is_no_column,
            f"{MARTS}/fct_orders.sql: fct_orders: key column order_no is none of its columns [key_declared]",
        ),
        (
            drop_the_contract,
            f"{MARTS}/fct_orders.sql: fct_orders: is read outside the run, so its contract must be enforced [contract]",
        ),
        (
            publish_without_a_contract,
            f"{STAGING}/stg_orders.sql: stg_orders: is read outside the run, so its contract must be enforced "
            "[contract]",
        ),
        (
            leave_a_column_undescribed,
            f"{MARTS}/quarantine.sql: quarantine: column market has no description [columns_described]",
        ),
        (declare_no_columns, f"{MARTS}/quarantine.sql: quarantine: declares no columns [columns_described]"),
        (
            drop_a_unit_test,
            f"{STAGING}/stg_orders_judged.sql: stg_orders_judged: has no unit test "
            "(or config.meta.untested_because with a reason) [unit_tested]",
        ),
        (
            leave_a_seed_undescribed,
            "dbt_project/seeds/currency.csv: currency: the seed has no description [seed_described]",
        ),
        (
            warn_without_a_reason,
            f"{STAGING}/_orders.yml: is_key_stg_orders: a test that only warns says why in config.meta.reason "
            "[warning_reasoned]",
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_each_rule_names_the_file_and_what_is_wrong(sound, damage, message):
    damaged = copy.deepcopy(sound)
    damage(damaged)
    assert broken(damaged) == [message]


def test_a_reason_excuses_a_missing_unit_test_and_a_warning(sound):
    drop_a_unit_test(sound)
    node(sound, "stg_orders_judged")["config"]["meta"]["untested_because"] = "renames columns and does nothing else"
    warn_without_a_reason(sound)
    sound["nodes"]["test.tradewind.is_key_stg_orders"]["config"]["meta"]["reason"] = "the source repeats numbers"
    assert broken(sound) == []


def test_a_listed_reader_of_sources_is_let_through(sound, monkeypatch):
    read_a_source_in_the_marts(sound)
    monkeypatch.setattr(structure, "SOURCE_READERS", {"fct_orders": "a reason"})
    assert broken(sound) == []


def test_models_know_their_layer_parents_and_tested_keys(sound):
    by_name = {found.name: found for found in models(sound)}
    assert by_name["int_orders"].layer == "intermediate"
    assert by_name["int_orders"].parents == {"stg_orders": "staging"}
    assert by_name["stg_orders_judged"].sources == ("raw.orders",)
    assert by_name["fct_orders"].tested_keys == {frozenset(["order_no"])}


def test_the_command_prints_what_is_broken_and_fails(sound, tmp_path, capsys):
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(sound))
    assert main([str(path)]) == 0
    assert capsys.readouterr().out == "structure: 5 models, 0 broken rule(s)\n"
    rename(sound)
    path.write_text(json.dumps(sound))
    assert main([str(path)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{MARTS}/fct_orders.sql: orders: a model in marts is named fct_ or dim_… [prefix]",
        "structure: 5 models, 1 broken rule(s)",
    ]


def test_every_rule_has_been_broken_above():
    known = {
        call.args[0].value
        for call in ast.walk(ast.parse(inspect.getsource(structure)))
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in ("_broken", "_violation")
    }
    cases = next(
        mark.args[1]
        for mark in test_each_rule_names_the_file_and_what_is_wrong.pytestmark
        if mark.name == "parametrize"
    )
    assert known == {message.rpartition("[")[2].rstrip("]") for _, message in cases}
