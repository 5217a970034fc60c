"""dbt's declared raw tables against the contracts of the arrivals: the same columns, and the same ones are personal."""

import pytest
import yaml

from orchestration.arrivals.contracts import contracts
from orchestration.modeling.manifest import DBT_PROJECT
from orchestration.runs.feeds import raw_table

SOURCES = {
    source["name"]: {table["name"]: table for table in source["tables"]}
    for source in yaml.safe_load((DBT_PROJECT / "models" / "_sources.yml").read_text())["sources"]
}


def test_every_feed_has_its_raw_table_and_no_other_is_declared():
    assert set(SOURCES["raw"]) == set(contracts())


@pytest.mark.parametrize("feed", sorted(contracts()))
def test_a_raw_table_declares_the_columns_that_arrivals_write(feed):
    declared = [column["name"] for column in SOURCES["raw"][feed]["columns"]]
    assert declared == [column.name for column in raw_table(feed).columns]


@pytest.mark.parametrize("feed", sorted(contracts()))
def test_the_personal_columns_are_those_of_the_contract(feed):
    personal = {
        column["name"]
        for column in SOURCES["raw"][feed]["columns"]
        if column.get("config", {}).get("meta", {}).get("personal")
    }
    assert personal == {field.name for field in contracts()[feed].fields if field.is_personal}


def test_every_source_table_says_what_it_holds():
    assert [name for tables in SOURCES.values() for name, table in tables.items() if not table.get("description")] == []
