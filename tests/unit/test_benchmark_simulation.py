"""The benchmark of the simulation: the promised names and goals, and what it makes of the steps' figures."""

import csv
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import simulation, simulation_steps
from benchmarks.harness import CommandRun
from benchmarks.simulation_cleaning import CleaningRun, pooled_recall, write_misses
from benchmarks.simulation_rowwise import write_by_rows

PROMISED = {
    "orders_per_core_second_parquet": 50_000,
    "orders_per_core_second_real_formats": 1_000,
    "certain_recall": 0.99,
    "worst_certain_recall": 0.97,
    "false_alarms_per_10k": 1,
    "statistical_recall_at_1_in_1000": None,
    "statistical_naive_recall": None,
    "row_balance_errors": 0,
    "staging_rows_per_second": 200_000,
    "staging_peak_gb": 4,
}


def test_the_promises_have_their_names_and_goals():
    metrics = {metric.name: metric for metric in simulation.SUITE.metrics()}
    assert {name: metrics[name].goal for name in PROMISED} == PROMISED
    lower = {"false_alarms_per_10k", "row_balance_errors", "staging_peak_gb", "generation_peak_ratio"}
    assert {name for name, metric in metrics.items() if metric.better == "lower"} == lower


def cleaning_run(label, positives, recall, missed=()):
    row = {"defect_id": "bot_visit", "positives": positives, "recall": recall, "naive_recall": recall / 2}
    return CleaningRun(label, {}, missed, [row], [["f.csv", "orders", "2"]], 10)


def test_recalls_of_several_worlds_weigh_as_much_as_what_was_put_in():
    runs = [cleaning_run("a", 30, 0.9), cleaning_run("b", 10, 0.5)]
    assert pooled_recall(runs, "recall") == pytest.approx(0.8)
    assert pooled_recall(runs, "naive_recall") == pytest.approx(0.4)
    assert pooled_recall([], "recall") == 0


def test_every_miss_is_listed_with_its_world_and_reason(tmp_path):
    miss = {"defect_id": "orphan", "source_id": "hub", "feed": "orders", "key": "k", "reason": "judged accepted"}
    path = write_misses([cleaning_run("seed 1 x 2", 1, 1.0, [miss])], tmp_path / "out" / "misses.csv")
    assert list(csv.reader(path.read_text().splitlines()))[1:] == [
        ["seed 1 x 2", "orphan", "hub", "orders", "k", "judged accepted"],
        ["seed 1 x 2", "row_balance", "", "orders", "f.csv", "2 rows are in no state"],
    ]


def test_generation_is_counted_by_seconds_of_one_core(tmp_path):
    assert simulation_steps.main(["make", "300", "1", "US,CN", "1", "5", "0", str(tmp_path)]) == 0
    world = simulation.Step({"orders": 300.0, "cpu_s": 1.5}, CommandRun(9.0, 0.2, ""))
    assert simulation.per_core_second(world) == 200
    # The messages of these very files are what the XML figure counts.
    assert simulation_steps.messages(tmp_path / "inbox", 1)["messages"] > 50


def test_a_step_prints_its_figures(tmp_path, capsys):
    (tmp_path / "rows").mkdir()
    assert simulation_steps.main(["rowwise", "60", str(tmp_path / "rows")]) == 0
    figures = json.loads(capsys.readouterr().out)
    written = sum(pq.read_metadata(path).num_rows for path in (tmp_path / "rows").iterdir())
    assert figures["rows"] == written > figures["orders"] > 20


def test_the_row_wise_way_writes_the_same_shape(tmp_path):
    table = pa.table({"order_no": ["a", "b"], "kind": pa.array(["x", "y"]).dictionary_encode(), "amount": [1.5, 2.0]})
    assert write_by_rows({("hub", "orders"): table}, tmp_path, 1) == 2
    written = pq.read_table(tmp_path / "hub__orders.parquet")
    assert written.column_names == table.column_names
    assert set(written["kind"].to_pylist()) <= {"x", "y"}


def test_the_small_scale_is_small_and_the_full_one_the_default(monkeypatch):
    seen = []
    monkeypatch.setattr(simulation, "sizes", simulation.SIZES["full"])
    monkeypatch.setattr(simulation.SUITE, "main", lambda words: seen.append((simulation.sizes, words)) or 0)
    simulation.main(["--scale", "small", "--json"])
    simulation.main(["--only", "certain_recall"])
    assert seen == [
        (simulation.SIZES["small"], ["--json"]),
        (simulation.SIZES["full"], ["--only", "certain_recall"]),
    ]
