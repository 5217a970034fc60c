"""A run that is killed publishes nothing, and the next one does the work."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from orchestration.partitions import range_tags
from orchestration.runs import sweep_run_databases
from orchestration.settings import PROJECT_ROOT
from tests.chain import Installation, shop_csv

ROWS = shop_csv(
    "800001,22423,CAKE STAND,5,2011-01-10 10:00:00,12.75,buyer-1,France",
    "800002,85123A,HEART HOLDER,6,2011-01-15 10:00:00,2.55,buyer-2,France",
)
PATIENCE_SECONDS = 180


def start(home: Path, dagster_home: Path) -> tuple["subprocess.Popen[bytes]", Path]:
    dagster_home.mkdir(exist_ok=True)
    log = dagster_home / "run.log"
    environment = {**os.environ, "TRADEWIND_HOME": str(home), "DAGSTER_HOME": str(dagster_home)}
    command = [Path(sys.executable).parent / "dagster", "job", "execute", "-m", "orchestration.definitions"]
    command += ["-j", "market_job", "--tags", json.dumps(range_tags("FR", "FR"))]
    with log.open("wb") as printed:
        process = subprocess.Popen(
            command,
            cwd=PROJECT_ROOT,
            env=environment,
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return process, log


def test_a_killed_run_leaves_only_a_file_behind(tmp_path: Path) -> None:
    house = Installation(tmp_path / "home")
    house.arrive({"online_retail_1.csv": ROWS})
    process, log = start(tmp_path / "home", tmp_path / "dagster")
    deadline = time.monotonic() + PATIENCE_SECONDS
    # Staging is built and judged; the marts are being made.
    while b"ledger_models - STEP_START" not in log.read_bytes():
        assert process.poll() is None, log.read_text()[-2000:]
        assert time.monotonic() < deadline, log.read_text()[-2000:]
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()

    assert house.platform.lake.publications() == []
    assert house.pending("FR")
    left = list(house.settings.runs.glob("*.duckdb"))
    assert len(left) == 1

    assert house.run_markets(["FR"]).succeeded
    assert house.read("select order_no from fct_orders order by all") == [("800001",), ("800002",)]
    assert not house.pending("FR")
    assert left[0] in sweep_run_databases(house.settings, older_than_seconds=-1)
    assert list(house.settings.runs.glob("*.duckdb*")) == []
