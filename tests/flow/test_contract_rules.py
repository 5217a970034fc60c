"""Every rule that a contract implies, in the SQL that dbt makes of it: one row for each, all feeds in one build."""

import pytest

from orchestration.arrivals.contracts import contracts
from orchestration.modeling.contract_book import field_rules
from orchestration.runs import RunDatabase
from tests.built_run import built_run
from tests.contract_rows import file_of, placed, rows_of


@pytest.fixture(scope="module")
def run() -> RunDatabase:
    """The run whose models were built over these rows."""
    return built_run()


def ids(listed: str) -> set[str]:
    """The rules of a column that lists them, with or without the field in front."""
    return {entry.rpartition(":")[2] for entry in listed.split(";")} - {""}


@pytest.mark.parametrize("feed", sorted(contracts()))
def test_each_row_has_the_fate_that_its_contract_gives_it(run: RunDatabase, feed: str) -> None:
    with run.connect() as con:
        judged = con.execute(
            f"select _row, state, rules, repairs, superseded_by from staging.stg_{feed}_judged where _file = ?",
            [file_of(feed)],
        ).fetchall()
    found = {number: (state, ids(rules), ids(repairs), by) for number, state, rules, repairs, by in judged}
    rows = dict(enumerate(rows_of(feed), 1))
    assert len(judged) == len(rows)
    wanted = {
        number: (row.state, set(row.rules), set(row.repairs), placed(feed, row.survivor))
        for number, row in rows.items()
    }
    different = {
        rows[number].name: (found[number], wanted[number]) for number in rows if found[number] != wanted[number]
    }
    assert different == {}


@pytest.mark.parametrize("feed", sorted(contracts()))
def test_what_stands_in_staging_is_what_stands(run: RunDatabase, feed: str) -> None:
    contract = contracts()[feed]
    with run.connect() as con:
        staged = con.execute(
            f"select {contract.key_column} from staging.stg_{feed} where _file = ?", [file_of(feed)]
        ).fetchall()
    rows = [row for row in rows_of(feed) if row.state in ("accepted", "repaired")]
    # A tombstone is accepted, and no record.
    standing = [row for row in rows if contract.change_field is None or row.values[contract.change_field] != "delete"]
    assert sorted(key for (key,) in staged) == sorted(str(row.load.get("_record_key", row.name)) for row in standing)


def test_every_rule_of_every_field_has_its_row() -> None:
    wanted = {rule.rule_id for contract in contracts().values() for rule in field_rules(contract)}
    assert len(wanted) > 500
    assert wanted <= {rule for feed in contracts() for row in rows_of(feed) for rule in row.rules}
