"""Accidents: kills, files that change or vanish, two arrivals at once; each file is still taken exactly once."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.arrivals import shelves
from orchestration.arrivals.mapping import SourceMapping
from orchestration.arrivals.translation import SourceFile, Translator
from orchestration.lake import LakeError
from orchestration.settings import PROJECT_ROOT
from tests.arrivals_helpers import ORDERS, Room, parquet

HEAD = "order_no,ordered_at,country\n"
A1, A2 = HEAD + "A1,2026-01-10,DE\n", HEAD + "A2,2026-01-11,FR\n"


@pytest.fixture
def room(tmp_path):
    room = Room(tmp_path)
    room.mapping(ORDERS)
    return room


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_file_that_grows_while_it_is_read_waits(room, monkeypatch):
    path = room.drop("orders_1.csv", A1)
    room.drop("orders_2.csv", A2)
    translate = Translator.translate

    def slow(self: Translator, file: SourceFile, mapping: SourceMapping):
        if file.label == "orders_1.csv":
            with path.open("a") as writer:
                writer.write("A9,2026-01-10,DE\n")
        return translate(self, file, mapping)

    with monkeypatch.context() as patch:
        patch.setattr(Translator, "translate", slow)
        report = room.arrive()
    assert report.still_written == ("orders_1.csv",)
    assert [outcome.name for outcome in report.files] == ["orders_2.csv"]
    assert names(room.settings.inbox) == ["orders_1.csv"]
    assert room.query("select order_no from orders") == [("A2",)]
    assert room.arrive().rows_by_feed == {"orders": 2}


def test_an_arrival_that_died_after_its_commit_is_finished_by_the_next(room, monkeypatch):
    path = room.drop("orders_1.csv", A1)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("orchestration.arrivals.shelves.land", die)
        with pytest.raises(KeyboardInterrupt):
            room.arrive()
    assert path.exists()
    report = room.arrive()
    assert report.files == (), "it is moved, not refused as its own duplicate"
    assert names(room.settings.landing) == ["orders_1.csv"]
    assert room.query("select count(*) from orders") == [(1,)]
    # Delivered again it is a duplicate, though nobody kept the landed copy.
    shutil.rmtree(room.settings.landing)
    assert room.take("orders_1.csv", A1).rule == "file.duplicate"


def test_an_arrival_that_died_before_its_commit_took_nothing(room, monkeypatch):
    path = room.drop("orders_1.csv", A1)

    def die(*_: object, **__: object) -> int:
        raise LakeError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(type(room.lake), "append_batch", die)
        with pytest.raises(LakeError, match="the disk is full"):
            room.arrive()
    assert path.exists()
    assert names(room.settings.landing) == []
    assert room.arrive().rows_by_feed == {"orders": 1}
    assert [path for path in room.settings.runs.iterdir() if path.is_dir()] == [], "no workshop is left behind"


def test_two_arrivals_at_once_take_each_file_once(room):
    for number in range(6):
        room.drop(f"orders_{number}.csv", HEAD + f"A{number},2026-01-10,DE\n")
    script = (
        "import sys; from pathlib import Path; from orchestration.settings import Settings; "
        "from orchestration.lake import Lake; from orchestration.arrivals.intake import arrive; "
        "settings = Settings(home=Path(sys.argv[1])); "
        "print(sum(outcome.status == 'loaded' for outcome in arrive(settings, Lake(settings)).files))"
    )
    command = [sys.executable, "-c", script, str(room.settings.home)]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) for _ in range(2)]
    taken = [int(process.communicate(timeout=120)[0]) for process in running]
    assert sum(taken) == 6
    assert room.query("select count(*), count(distinct order_no) from orders") == [(6, 6)]
    assert names(room.settings.inbox) == []


def test_a_killed_arrival_leaves_the_inbox_as_it_was(room):
    room.drop("orders_1.csv", A1)
    script = (
        "import os, signal, sys; from pathlib import Path; from orchestration.settings import Settings; "
        "from orchestration.lake import Lake; from orchestration.arrivals import intake, placing; "
        "intake.placing.place = lambda *_: os.kill(os.getpid(), signal.SIGKILL); "
        "settings = Settings(home=Path(sys.argv[1])); intake.arrive(settings, Lake(settings))"
    )
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}
    killed = subprocess.run([sys.executable, "-c", script, str(room.settings.home)], env=environment, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert names(room.settings.inbox) == ["orders_1.csv"]
    assert len(list(room.settings.runs.glob("arrival-*"))) == 1
    assert room.arrive().rows_by_feed == {"orders": 1}
    assert list(room.settings.runs.glob("arrival-*")) == [], "what the killed one left is swept"


def test_a_file_that_vanishes_or_may_not_be_opened_does_not_stop_the_others(room, monkeypatch):
    for name, content in (("orders_1.csv", A1), ("orders_2.csv", HEAD), ("orders_3.csv", A2)):
        room.drop(name, content)
    fingerprint = shelves.fingerprint

    def hindered(path: Path) -> str:
        if path.name == "orders_1.csv":
            path.unlink()
        if path.name == "orders_2.csv":
            raise PermissionError(13, "Permission denied", str(path))
        return fingerprint(path)

    monkeypatch.setattr(shelves, "fingerprint", hindered)
    report = room.arrive()
    assert report.still_written == ("orders_1.csv",)
    assert [(outcome.name, outcome.reason) for outcome in report.files] == [
        ("orders_2.csv", "orders_2.csv: there is no permission to open it"),
        ("orders_3.csv", ""),
    ]


def test_a_damaged_parquet_file_does_not_stop_the_others(room):
    data = parquet(order_no=["A1"] * 2000, ordered_at=[str(n) for n in range(2000)])
    for name, places in (("pages", range(100, 400)), ("footer", range(-300, -20))):
        damaged = bytearray(data)
        for place in places:
            damaged[place] ^= 0xA5
        room.drop(f"orders_{name}.parquet", bytes(damaged))
    room.drop("orders_z.csv", A1)
    assert [(outcome.name, outcome.rule) for outcome in room.arrive().files] == [
        ("orders_footer.parquet", "file.unreadable"),
        ("orders_pages.parquet", "file.unreadable"),
        ("orders_z.csv", ""),
    ]
