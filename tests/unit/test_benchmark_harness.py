"""The frame of the benchmarks: what it measures, what it prints, what it refuses."""

import json
import resource
import sys

import pytest

from benchmarks.harness import BenchmarkError, Metric, Suite, Value, run_command

HOLD = "import time; held = bytearray({size}); time.sleep({seconds}); print('done')"


@pytest.fixture
def suite():
    found = Suite("pipeline")
    found.calls = []

    @found.measures(Metric("wall_s", "s", goal=25.0), Metric("peak_gb", "GB", goal=2.0))
    def one_market():
        found.calls.append("one_market")
        return {"wall_s": Value(17.23456, {"plain SQL": 9.5}), "peak_gb": Value(2.5)}

    @found.measures(Metric("balance_errors", "rows"))
    def balance():
        found.calls.append("balance")
        return {"balance_errors": Value(0)}

    return found


def test_json_gives_one_line_per_metric(suite, capsys):
    assert suite.main(["--json"]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {"name": "wall_s", "value": 17.2346, "unit": "s", "goal": 25.0, "competitors": {"plain SQL": 9.5}},
        {"name": "peak_gb", "value": 2.5, "unit": "GB", "goal": 2.0, "competitors": {}},
        {"name": "balance_errors", "value": 0, "unit": "rows", "goal": None, "competitors": {}},
    ]


def test_the_table_says_what_was_met_and_on_which_machine(suite, capsys):
    assert suite.main([]) == 0
    head, wall, peak, errors = capsys.readouterr().out.splitlines()
    assert head.startswith("pipeline: ")
    assert " cores, " in head
    assert wall.split() == ["wall_s", "17.2346", "s", "goal", "≤", "25", "met", "plain", "SQL", "9.5"]
    assert peak.split() == ["peak_gb", "2.5", "GB", "goal", "≤", "2", "missed"]
    assert errors.split() == ["balance_errors", "0", "rows"]


def test_only_measures_what_is_asked_for(suite, capsys):
    assert suite.main(["--json", "--only", "peak_gb"]) == 0
    assert [json.loads(line)["name"] for line in capsys.readouterr().out.splitlines()] == ["peak_gb"]
    assert suite.calls == ["one_market"]


def test_an_unknown_metric_is_refused_with_the_known_ones(suite, capsys):
    with pytest.raises(SystemExit):
        suite.main(["--only", "speed"])
    message = capsys.readouterr().err
    assert "invalid choice: 'speed'" in message
    assert all(name in message for name in ("wall_s", "peak_gb", "balance_errors"))


def test_what_cannot_be_measured_is_said_and_the_rest_goes_on(capsys):
    suite = Suite("pipeline")

    @suite.measures(Metric("first", "s"))
    def first():
        return {"first": Value(run_command([sys.executable, "-c", "print('no lake'); exit(3)"]).wall_s)}

    @suite.measures(Metric("second", "s"))
    def second():
        return {"second": Value(1.0)}

    assert suite.main(["--json"]) == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["name"] == "second"
    assert printed.err.startswith("first: ")
    assert "exit status 3" in printed.err
    assert "no lake" in printed.err


def test_a_metric_has_one_measurement(suite):
    with pytest.raises(ValueError, match="benchmark pipeline: metric wall_s is measured twice"):
        suite.measures(Metric("wall_s", "s"))


@pytest.mark.parametrize(
    ("metric", "value", "verdict"),
    [
        (Metric("wall_s", "s", goal=25.0), 25.0, "met"),
        (Metric("wall_s", "s", goal=25.0), 25.1, "missed"),
        (Metric("rows_per_s", "1/s", goal=100.0, better="higher"), 99.0, "missed"),
        (Metric("rows_per_s", "1/s", goal=100.0, better="higher"), 101.0, "met"),
        (Metric("cover", "share", goal=0.85, better="higher", at_most=0.95), 0.95, "met"),
        (Metric("cover", "share", goal=0.85, better="higher", at_most=0.95), 0.96, "missed"),
        (Metric("rows", "rows"), 5.0, ""),
    ],
)
def test_a_goal_is_met_on_its_good_side(metric, value, verdict):
    assert metric.verdict(value) == verdict


def test_a_command_is_measured_with_its_memory_and_its_words(tmp_path):
    run = run_command([sys.executable, "-c", HOLD.format(size=200_000_000, seconds=0.3)], cwd=tmp_path)
    assert run.output == "done\n"
    assert 0.3 < run.wall_s < 10
    assert 0.2 < run.peak_gb < 0.4


def test_memory_of_children_held_together_is_added_up():
    child = HOLD.format(size=150_000_000, seconds=1.5)
    script = (
        "import subprocess, sys\n"
        f"held = [subprocess.Popen([sys.executable, '-c', {child!r}]) for _ in range(2)]\n"
        "for process in held: process.wait()\n"
    )
    assert run_command([sys.executable, "-c", script]).peak_gb > 0.3


def test_a_short_peak_between_two_samples_is_seen_by_the_kernel():
    # The kernel counts what a child inherits: only above this process's own peak is its figure the child's.
    size = 300_000_000 + resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    script = f"held = bytearray({size}); del held"
    assert run_command([sys.executable, "-c", script]).peak_gb > size / 1e9


def test_the_environment_is_added_to_this_ones(monkeypatch):
    monkeypatch.setenv("TRADEWIND_TEST_OUTER", "kept")
    script = "import os; print(os.environ['TRADEWIND_TEST_OUTER'], os.environ['TRADEWIND_TEST_INNER'])"
    run = run_command([sys.executable, "-c", script], environment={"TRADEWIND_TEST_INNER": "added"})
    assert run.output == "kept added\n"


def test_a_command_that_does_not_end_is_ended():
    with pytest.raises(BenchmarkError, match=r"not finished after 0 s"):
        run_command([sys.executable, "-c", "import time; time.sleep(60)"], timeout_s=0.2)
