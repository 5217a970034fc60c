"""The files that tell Dagster where it runs: each is read by Dagster's own reader."""

import importlib.util
import shutil
from pathlib import Path

import pytest
import yaml
from dagster._core.instance.ref import InstanceRef

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(params=["dagster.yaml", "dagster.local.yaml"])
def configuration(request, tmp_path, monkeypatch):
    """One of the shipped configurations, as Dagster understands it without opening its storage."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    shutil.copy(REPOSITORY / "deploy" / request.param, tmp_path / "dagster.yaml")
    return request.param, InstanceRef.from_dir(str(tmp_path))


def test_each_configuration_is_valid_and_reports_to_nobody(configuration):
    name, reference = configuration
    expected = {"dagster.yaml": "DagsterPostgresStorage", "dagster.local.yaml": "LocalHistory"}
    assert reference.storage_data.class_name == expected[name]
    assert reference.settings["telemetry"] == {"enabled": False}
    assert reference.settings["nux"] == {"enabled": False}


def test_each_configuration_ends_what_hangs_and_retries_only_what_died(configuration):
    _, reference = configuration
    assert reference.settings["run_monitoring"]["enabled"] is True
    assert reference.settings["run_retries"] == {
        "enabled": True,
        "max_retries": 1,
        "retry_on_asset_or_op_failure": False,
    }
    assert reference.settings["concurrency"]["runs"]["max_concurrent_runs"] >= 2
    assert reference.settings["retention"]["schedule"]["purge_after_days"]["skipped"] == 7


def test_the_workspace_names_a_module_that_is_there():
    (entry,) = yaml.safe_load((REPOSITORY / "workspace.yaml").read_text())["load_from"]
    assert entry["python_module"]["module_name"] == "orchestration.definitions"
    assert importlib.util.find_spec("orchestration.definitions") is not None
