"""dbt in this process: one call builds a selection of models in a run's database.

Belongs here: dbt's arguments (a pure function), the call, and its results as plain records.
Does not: Dagster events (see assets.py). In process a build costs its queries; as a command it costs seconds of
start-up for each layer.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from orchestration.modeling.manifest import DBT_PROJECT, TARGET


class BuildError(RuntimeError):
    """dbt could not build; the message names each failed model or test and what dbt said."""


@dataclass(frozen=True)
class NodeResult:
    """What became of one node: its unique id, status (success, pass, fail, warn, error, skipped), time and message."""

    unique_id: str
    status: str
    seconds: float
    message: str
    failures: int

    @property
    def has_failed(self) -> bool:
        """True for a model that was not built and for a test that found rows or broke."""
        return self.status in ("error", "fail", "runtime error", "skipped")


def build_arguments(
    verb: Literal["build", "test", "parse"],
    *,
    select: Sequence[str] = (),
    skip: Sequence[str] = (),
    target: Path = TARGET,
    project: Path = DBT_PROJECT,
) -> list[str]:
    """dbt's command line for a selection; `skip` names kinds of node (test, unit_test) that it leaves out.

    `buildable` keeps a layer from running tests that need models of a later layer.
    """
    # Not `quiet`: then dbt still writes each of its thousands of lines, and drops it. What failed is in the results.
    arguments = [
        "--log-level",
        "none",
        "--no-use-colors",
        "--no-send-anonymous-usage-stats",
        "--log-level-file",
        "none",
    ]
    arguments += [verb, "--project-dir", str(project), "--profiles-dir", str(project)]
    arguments += ["--target-path", str(target)]
    if select:
        arguments += ["--select", *select]
    if skip:
        arguments += ["--exclude-resource-types", *skip]
    if verb in ("build", "test"):
        arguments += ["--indirect-selection", "buildable"]
    return arguments


def parse_project() -> None:
    """Write dbt's manifest. Raises BuildError with dbt's own words when the project cannot be parsed."""
    _invoke(build_arguments("parse"), {})


def build_models(
    database: Path, select: Sequence[str], *, with_tests: bool = True, target: Path | None = None
) -> list[NodeResult]:
    """Build the selected models (and test them) in the run's database; results in the order in which they ended.

    target: where dbt writes what it compiled; by default a folder of this call's own, since two runs side by side
    would write into each other's files. The prepared parse is read in both cases.
    Raises BuildError when dbt itself breaks. A failed model or test is a result, not an exception.
    """
    from orchestration.modeling.attach_run import RUN_DATABASE

    # Unit tests prove the code and not the batch: they belong to the test suite.
    skip = ("unit_test",) if with_tests else ("unit_test", "test")
    environment = {RUN_DATABASE: str(database)}
    if target is not None:
        return _invoke(build_arguments("build", select=select, skip=skip, target=target), environment)
    with TemporaryDirectory(prefix="dbt-") as folder:
        arguments = build_arguments("build", select=select, skip=skip, target=Path(folder))
        parsed = TARGET / "partial_parse.msgpack"
        # Nobody reads the manifest that a run writes, twice, and it is a quarter of dbt's time for a small batch.
        return _invoke([*arguments, "--no-write-json", "--partial-parse-file-path", str(parsed)], environment)


def run_unit_tests(
    database: Path, *, names: Sequence[str] = (), target: Path = TARGET, project: Path = DBT_PROJECT
) -> list[NodeResult]:
    """Run the dbt unit tests of these names, or all, in a run's database in which every model is built.

    dbt takes the columns of a fixture from the built table, and its rows from the test alone.
    Raises BuildError when dbt itself breaks. A failed test is a result: its message shows the rows that differ.
    """
    from orchestration.modeling.attach_run import RUN_DATABASE

    select = [f"test_type:unit,{name}" for name in names] or ["test_type:unit"]
    arguments = build_arguments("test", select=select, target=target, project=project)
    return _invoke(arguments, {RUN_DATABASE: str(database)})


def _invoke(arguments: Sequence[str], environment: Mapping[str, str]) -> list[NodeResult]:
    # dbt takes seconds to import: only a process that builds pays for it.
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner
    from dbt.contracts.results import RunExecutionResult

    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        # The manifest is not handed over: dbt's partial parsing reads its own, and a reused one is changed by a run.
        outcome = dbtRunner().invoke(list(arguments))
    finally:
        # The run's file stays open in dbt's pool otherwise, and DuckDB lets nobody else write it.
        DuckDBConnectionManager.close_all_connections()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
    if outcome.exception is not None:
        raise BuildError(f"dbt {' '.join(arguments)}: {outcome.exception}") from outcome.exception
    if not isinstance(outcome.result, RunExecutionResult):
        return []
    return [
        NodeResult(
            unique_id=result.node.unique_id,
            status=str(result.status.value),
            seconds=float(result.execution_time),
            message=result.message or "",
            failures=int(result.failures or 0),
        )
        for result in outcome.result.results
    ]
