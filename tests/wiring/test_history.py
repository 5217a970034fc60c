"""Dagster's local history: quick, and as durable against a dead process as SQLite itself."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from orchestration.running.history import _BATCH_SIZE, _HELD_AT_MOST, BatchedEvents, LocalHistory, _QuickConnections

REPOSITORY = Path(__file__).resolve().parents[2]
KILLED_RUN = """
import os, signal
import dagster as dg

@dg.asset
def kept() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"rows": 7})

with dg.DagsterInstance.get() as instance:
    dg.materialize([kept], instance=instance)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A DAGSTER_HOME with the local configuration that we ship."""
    shutil.copy(REPOSITORY / "deploy" / "dagster.local.yaml", tmp_path / "dagster.yaml")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    return tmp_path


def storage_class(instance):
    return instance.get_ref().storage_data.class_name


def materialized_rows(instance):
    record = instance.get_latest_materialization_event(dg.AssetKey("kept"))
    return record.asset_materialization.metadata["rows"].value


def test_the_local_configuration_is_read_and_turns_reports_off(home):
    with dg.DagsterInstance.get() as instance:
        assert storage_class(instance) == LocalHistory.__name__
        assert instance.telemetry_enabled is False
        assert instance.run_monitoring_enabled is True
        assert instance.run_retries_enabled is True
        assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 2
        assert Path(instance.storage_directory()).is_relative_to(home)


def test_an_event_survives_the_kill_of_its_process(home):
    killed = subprocess.run([sys.executable, "-c", KILLED_RUN], capture_output=True, cwd=REPOSITORY)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    with dg.DagsterInstance.get() as instance:
        assert materialized_rows(instance) == 7


def test_the_plain_storage_reads_what_this_one_wrote(home):
    @dg.asset
    def kept() -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata={"rows": 8})

    with dg.DagsterInstance.get() as instance:
        assert dg.materialize([kept], instance=instance).success
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.get() as instance:
        assert storage_class(instance) == "DagsterSqliteStorage"
        assert materialized_rows(instance) == 8


def test_connections_below_the_folder_sync_at_checkpoints_and_no_others(tmp_path):
    watcher = _QuickConnections(tmp_path / "ours")
    (tmp_path / "ours").mkdir()

    def synchronous(path):
        connection = sqlite3.connect(path)
        watcher.connected(connection, None)
        level = connection.execute("pragma synchronous").fetchone()[0]
        connection.close()
        return level

    assert synchronous(tmp_path / "ours" / "index.db") == 1
    assert synchronous(tmp_path / "catalog.db") == 2


def test_the_log_stays_open_between_connections_and_few_files_are_held(tmp_path):
    watcher = _QuickConnections(tmp_path)
    for number in range(_HELD_AT_MOST + 3):
        path = tmp_path / f"run{number}.db"
        setup = sqlite3.connect(path)
        setup.execute("pragma journal_mode = wal")
        watcher.connected(setup, None)
        setup.execute("create table event (id integer)")
        setup.close()
        assert path.with_name(path.name + "-wal").exists()
    assert list(watcher._held) == [str(tmp_path / f"run{number}.db") for number in range(3, _HELD_AT_MOST + 3)]
    assert not (tmp_path / "run0.db-wal").exists()


def test_a_database_that_somebody_holds_for_himself_is_no_error(tmp_path):
    watcher = _QuickConnections(tmp_path)
    owner = sqlite3.connect(tmp_path / "index.db", isolation_level=None)
    owner.execute("create table event (id integer)")
    owner.execute("begin exclusive")
    watcher.connected(sqlite3.connect(tmp_path / "index.db", timeout=0), None)
    owner.execute("commit")
    assert owner.execute("select count(*) from event").fetchone() == (0,)


def test_a_forked_child_holds_nothing_of_its_parent(tmp_path):
    watcher = _QuickConnections(tmp_path)
    watcher.connected(sqlite3.connect(tmp_path / "index.db"), None)
    held = dict(watcher._held)
    watcher.forked()
    assert watcher._held == {}
    # Still referenced: closing it in the child would break the parent's locks.
    assert watcher._inherited == [held]
    assert list(held) == [str(tmp_path / "index.db")]


def ranged_job():
    markets = dg.StaticPartitionsDefinition(["AU", "BR", "CN", "DE"])

    @dg.multi_asset(
        specs=[dg.AssetSpec(name, partitions_def=markets, tags={"kind": name}) for name in ("orders", "lines")],
        check_specs=[dg.AssetCheckSpec("promises", asset=name) for name in ("orders", "lines")],
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def tables(context):
        for name in ("orders", "lines"):
            context.log_event(dg.AssetObservation(name, metadata={"seen": 1}, partition="CN"))
            yield dg.MaterializeResult(
                asset_key=name,
                metadata={"rows": 7},
                check_results=[dg.AssetCheckResult(passed=True, asset_key=name, check_name="promises")],
            )

    return dg.Definitions(assets=[tables], jobs=[dg.define_asset_job("job", selection="*")]).resolve_job_def("job")


def told(instance):
    """What a run over a range leaves behind, in its own file and across runs, without its moments."""
    tags = {"dagster/asset_partition_range_start": "BR", "dagster/asset_partition_range_end": "DE"}
    run = ranged_job().execute_in_process(instance=instance, tags=tags)
    history, found = instance.event_log_storage, {}
    events = [log.get_dagster_event() for log in instance.all_logs(run.run_id) if log.is_dagster_event]
    found["in_run"] = sorted((event.event_type_value, str(event.asset_key), event.partition or "") for event in events)
    for name in ("orders", "lines"):
        key = dg.AssetKey(name)
        records = instance.fetch_materializations(key, limit=10).records
        newest = instance.get_latest_materialization_event(key)
        found[name] = {
            "partitions": sorted(record.partition_key for record in records),
            "newest_is_last": newest.asset_materialization.partition == records[0].partition_key,
            "rows": newest.asset_materialization.metadata["rows"].value,
            "materialized": sorted(instance.get_materialized_partitions(key)),
            "ids": len({record.storage_id for record in records}),
            "tagged": sorted(instance.get_event_tags_for_asset(key)[0]),
            "planned_in": history.get_latest_planned_materialization_info(key).run_id == run.run_id,
            "observed": len(instance.fetch_observations(key, limit=10).records),
            "check": history.get_latest_asset_check_execution_by_key([dg.AssetCheckKey(key, "promises")])[
                dg.AssetCheckKey(key, "promises")
            ].status.value,
        }
    return found


def test_events_written_in_batches_are_those_written_one_by_one(home, monkeypatch):
    monkeypatch.setenv(_BATCH_SIZE, "0")
    with dg.DagsterInstance.get() as instance:
        one_by_one = told(instance)
    assert len([event for event in one_by_one["in_run"] if event[0] == "ASSET_MATERIALIZATION_PLANNED"]) == 6
    assert one_by_one["lines"]["materialized"] == ["BR", "CN", "DE"]
    monkeypatch.setenv("DAGSTER_HOME", str(home / "other"))
    (home / "other").mkdir()
    shutil.copy(home / "dagster.yaml", home / "other" / "dagster.yaml")
    # Four at once: the events of a step do not fit into one batch, those of an output do.
    monkeypatch.setenv(_BATCH_SIZE, "4")
    batches = []
    whole = BatchedEvents.store_event_batch
    monkeypatch.setattr(
        BatchedEvents, "store_event_batch", lambda self, events: (batches.append(len(events)), whole(self, events))
    )
    with dg.DagsterInstance.get() as instance:
        assert told(instance) == one_by_one
    assert max(batches) == 4


def test_dagster_hands_events_over_in_batches_unless_told_otherwise(home, monkeypatch):
    monkeypatch.delenv(_BATCH_SIZE, raising=False)
    with dg.DagsterInstance.get():
        assert int(os.environ[_BATCH_SIZE]) > 100
    monkeypatch.setenv(_BATCH_SIZE, "0")
    with dg.DagsterInstance.get():
        assert os.environ[_BATCH_SIZE] == "0"
