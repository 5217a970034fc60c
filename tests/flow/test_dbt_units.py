"""dbt's unit tests, run as the platform runs dbt: in this process, against the database of a run that holds no row."""

import json
import shutil

import pytest

from orchestration.arrivals.contracts import contracts
from orchestration.modeling.build import run_unit_tests
from orchestration.modeling.manifest import DBT_PROJECT, MANIFEST, prepared_manifest
from tests.built_run import built_run, readable


@pytest.fixture(scope="module", name="built_run")
def models_over_raw_rows():
    """A run in which every model is built: dbt takes the columns of a fixture from the built table."""
    return built_run()


@pytest.fixture
def target(tmp_path):
    """A target folder of its own, so that another dbt is not disturbed; what is parsed already is not parsed again."""
    prepared_manifest()
    folder = tmp_path / "target"
    folder.mkdir()
    shutil.copy(MANIFEST.with_name("partial_parse.msgpack"), folder)
    return folder


def test_every_unit_test_of_the_project_runs_and_passes(built_run, target):
    results = run_unit_tests(built_run.path, target=target)
    declared = json.loads(prepared_manifest().read_text())["unit_tests"]
    assert {result.unique_id for result in results} == set(declared)
    failed = [result for result in results if result.status != "pass"]
    assert not failed, readable(failed)


MUTATIONS = {
    "a_shipment_that_breaks_a_rule_is_quarantined_with_all_its_rules": (
        "generated/macros/contract_book.sql",
        "'delivered_at < shipped_at'",
        "'false'",
        "delivered_before_shipped",
    ),
    "a_reversal_without_reference_is_tied_to_the_latest_earlier_sale": (
        "models/intermediate/orders/int_line_reversals.sql",
        "and reversals.customer_key = sales.customer_key",
        "",
        "ben_march",
    ),
    "of_several_rows_of_one_order_the_best_version_survives": (
        "macros/judging.sql",
        "order by _version desc, _event_at desc,",
        "order by _event_at desc, _version desc,",
        "hook.csv#4",
    ),
}


def test_a_rule_that_is_taken_out_turns_its_test_red(built_run, target, tmp_path):
    project = tmp_path / "project"
    shutil.copytree(DBT_PROJECT, project, ignore=shutil.ignore_patterns("target", "logs"))
    for path, rule, replacement, _ in MUTATIONS.values():
        text = (project / path).read_text()
        assert text.count(rule) == 1
        (project / path).write_text(text.replace(rule, replacement))
    results = run_unit_tests(built_run.path, names=list(MUTATIONS), target=target, project=project)
    verdicts = {result.unique_id.rpartition(".")[2]: result for result in results}
    assert {name: verdict.status for name, verdict in verdicts.items()} == dict.fromkeys(MUTATIONS, "fail")
    for name, (*_, difference) in MUTATIONS.items():
        assert difference in verdicts[name].message


@pytest.mark.parametrize("feed", sorted(contracts()))
def test_a_quarantined_row_shows_what_arrived_without_what_is_personal(built_run, feed):
    with built_run.connect() as con:
        table = "marts.quarantine" if contracts()[feed].has_market else "marts.reference_quarantine"
        ((payload, market, rules),) = con.execute(
            f"select payload, market, rule_ids from {table} where feed = ? and _file = ?", [feed, f"{feed}.csv"]
        ).fetchall()
    assert json.loads(payload) == {
        field.name: "***" if field.is_personal else field.name for field in contracts()[feed].fields
    }
    assert market == "ZZ"
    assert rules.startswith(f"{feed}.")
