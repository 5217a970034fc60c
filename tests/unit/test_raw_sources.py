"""What dbt is told of the raw tables and of the staged ones, against the contracts of the arrivals."""

from pathlib import Path

import pytest
import yaml

from orchestration.arrivals.contracts import contracts
from orchestration.modeling.contract_book import GENERATED, RAW_COLUMNS, write_generated
from orchestration.modeling.manifest import DBT_PROJECT
from orchestration.runs.feeds import raw_table


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that dbt reads of the contracts, as a fresh clone writes them."""
    project = tmp_path_factory.mktemp("project")
    write_generated(project)
    return project / GENERATED


def sources(path: Path) -> dict[str, dict[str, dict[str, object]]]:
    read = yaml.safe_load(path.read_text(encoding="utf-8"))["sources"]
    return {source["name"]: {table["name"]: table for table in source["tables"]} for source in read}


def test_every_feed_has_its_raw_table_with_the_columns_that_arrivals_write_and_the_run_adds(written: Path) -> None:
    declared = sources(written / "models" / "raw_sources.yml")["raw"]
    assert set(declared) == set(contracts())
    added = {"_ids_of", "_orders_of", "_is_overdue", "_replayed_by", "_replay_count"}
    for feed, table in declared.items():
        columns = [column["name"] for column in table["columns"]]
        assert columns == [*contracts()[feed].field_names, *RAW_COLUMNS]
        assert set(columns) - added == {column.name for column in raw_table(feed).columns}


def test_every_feed_has_its_judged_and_its_staged_table(written: Path) -> None:
    models = {
        model["name"]: model
        for model in yaml.safe_load((written / "models" / "staging_models.yml").read_text(encoding="utf-8"))["models"]
    }
    assert set(models) == {f"stg_{feed}{ending}" for feed in contracts() for ending in ("", "_judged")}
    files = {path.stem for path in (DBT_PROJECT / "models" / "staging").rglob("*.sql")}
    assert set(models) <= files
    for feed, contract in contracts().items():
        config = models[f"stg_{feed}"]["config"]
        assert config["meta"]["publish"] == ("market_month" if contract.has_market else "none")
        columns = {column["name"] for column in models[f"stg_{feed}"]["columns"]}
        assert contract.key_column in columns
        # What is personal leaves staging as a keyed hash or not at all.
        assert columns & {field.name for field in contract.fields if field.is_personal} == set()


def test_files_that_say_it_already_are_left_alone(written: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in written.rglob("*") if path.is_file()}
    write_generated(written.parent)
    assert {path: path.stat().st_mtime_ns for path in written.rglob("*") if path.is_file()} == before


def test_every_source_table_says_what_it_holds(written: Path) -> None:
    for path in (written / "models" / "raw_sources.yml", DBT_PROJECT / "models" / "_sources.yml"):
        assert [
            name for tables in sources(path).values() for name, table in tables.items() if not table.get("description")
        ] == []
