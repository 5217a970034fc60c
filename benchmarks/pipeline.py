"""How long the main job takes, beside the same statements without dbt.

    python -m benchmarks.pipeline [--only NAME] [--json]

Belongs here: the promises of the pipeline. Does not: quality of cleaning, matching or forecasts.
The data are beside the project (TRADEWIND_SHARED_DATA, by default ../shared/data) and no part of it.
"""

import json
import re
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from benchmarks.harness import SHARED, BenchmarkError, Measured, Metric, Suite, Value, run_command
from orchestration.lake import Lake
from orchestration.partitions import covering_tags, range_tags
from orchestration.platform import Platform
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.sql import connect

SUITE = Suite("pipeline")
ONLINE_RETAIL = SHARED / "online_retail" / "online_retail_2010_2011.parquet"
SCMS = SHARED / "scms" / "scms_delivery_history.parquet"
CUSTOMS_KR = SHARED / "customs_kr" / "customs_declarations.parquet"
PAIRS = 3
SCALE = 20
# A pair takes minutes; it is the larger part of the whole suite.
SQL_PAIRS = 1
_STEP = re.compile(r"^(\S+ \S+) \S+ - dagster - DEBUG - \S+ - \S+ - \d+ - (\S+) - STEP_(START|SUCCESS)", re.MULTILINE)


class Home:
    """An installation of its own for one benchmark."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(home=folder / "home", catalog_uri="")
        self.environment = {
            "TRADEWIND_HOME": str(self.settings.home),
            "DAGSTER_HOME": str(folder / "dagster"),
            "DAGSTER_DISABLE_TELEMETRY": "1",
            "GX_ANALYTICS_ENABLED": "false",
        }
        (folder / "dagster").mkdir(parents=True)
        shutil.copy(PROJECT_ROOT / "deploy" / "dagster.local.yaml", folder / "dagster" / "dagster.yaml")
        self.settings.inbox.mkdir(parents=True)

    def drop(self, *files: Path) -> None:
        """Put copies of files into the inbox."""
        for path in files:
            if not path.exists():
                raise BenchmarkError(f"{path.name} is not in {SHARED}")
            shutil.copy(path, self.settings.inbox / path.name)

    def waiting_tags(self) -> dict[str, str]:
        """The tags of one run over every market that waits, as the night has them."""
        return covering_tags(Platform(self.settings).waiting_markets())

    def job(self, name: str, tags: Mapping[str, str] | None = None, months: str = "") -> "JobRun":
        """Run a job as a user would, with `dagster job execute`."""
        command: list[str | Path] = [Path(sys.executable).parent / "dagster"]
        command += ["job", "execute", "-m", "orchestration.definitions", "-j", name]
        command += ["--tags", json.dumps(dict(tags or {}))]
        if months:
            config = self.settings.home / "config.yaml"
            config.write_text(json.dumps({"ops": {"runs__run_plan": {"config": {"months": months}}}}))
            command += ["-c", config]
        run = run_command(command, cwd=PROJECT_ROOT, environment=self.environment)
        return JobRun(run.wall_s, run.peak_gb, run.output)


class JobRun:
    """A finished job: wall seconds, peak memory, and the seconds of each step."""

    def __init__(self, wall_s: float, peak_gb: float, log: str) -> None:
        self.wall_s, self.peak_gb = wall_s, peak_gb
        started: dict[str, datetime] = {}
        self.steps: dict[str, float] = {}
        self._starts, self._ends = started, dict[str, datetime]()
        for moment, step, what in _STEP.findall(log):
            at = datetime.fromisoformat(moment)
            if what == "START":
                started[step] = at
            else:
                self.steps[step] = (at - started[step]).total_seconds()
                self._ends[step] = at

    def wall_up_to(self, step: str) -> float:
        """Wall seconds without the steps that began when `step` was over; raises BenchmarkError if it did not run."""
        if step not in self._ends:
            raise BenchmarkError(f"the job has no step {step}; it has {', '.join(self.steps)}")
        later = (name for name, began in self._starts.items() if began >= self._ends[step])
        return self.wall_s - sum(self.steps.get(name, 0.0) for name in later)

    @property
    def before_and_after_s(self) -> float:
        """Seconds outside of the steps: imports, the graph, the run's record."""
        return self.wall_s - sum(self.steps.values())


@contextmanager
def home() -> Iterator[Home]:
    """A new installation, removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        yield Home(Path(folder))


@SUITE.measures(
    Metric("online_retail_wall_s", unit="s", goal=90.0),
    Metric("online_retail_peak_gb", unit="GB", goal=2.0),
    Metric("row_balance_errors", unit="files", goal=0.0),
)
def online_retail() -> Measured:
    """Inbox to published tables and forecasts, all markets in one run; then the two other sources for the balance."""
    with home() as place:
        place.drop(ONLINE_RETAIL)
        arrived = place.job("arrivals_job")
        markets = place.job("market_job", place.waiting_tags())
        place.drop(SCMS, CUSTOMS_KR)
        place.job("arrivals_job")
        place.job("market_job", place.waiting_tags())
        with connect(Lake(place.settings)) as con:
            errors = len(con.execute("select file from file_balance where pending <> 0").fetchall())
            _report(
                con.sql("select file, feed, rows_read, accepted, repaired, superseded, quarantined from file_balance")
            )
            _report(con.sql("select feed, rule_id, count(*) as row_count from quarantine group by all order by all"))
            _report(
                con.sql(
                    "select source_id, leg_type, product_kind, count(*) as row_count, count(reverses_line_key) as tied"
                    " from fct_order_lines group by all order by all"
                )
            )
    return {
        "online_retail_wall_s": Value(
            arrived.wall_s + markets.wall_s, {"arrivals alone": arrived.wall_s, "market job alone": markets.wall_s}
        ),
        "online_retail_peak_gb": Value(
            max(arrived.peak_gb, markets.peak_gb), {"arrivals": arrived.peak_gb, "market job": markets.peak_gb}
        ),
        "row_balance_errors": Value(float(errors)),
    }


def _report(table: object) -> None:
    print(table, file=sys.stderr)


@SUITE.measures(
    Metric("one_market_wall_s", unit="s", goal=25.0),
    Metric("twelve_months_vs_one_ratio", unit="ratio", goal=2.0),
)
def one_market() -> Measured:
    """One market whose single month was touched; then twelve months of it against one, in turns."""
    with home() as place:
        place.drop(ONLINE_RETAIL)
        place.job("arrivals_job")
        place.job("market_job", place.waiting_tags())
        touched = place.settings.inbox / "online_retail_more.csv"
        touched.write_text(
            "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
            "600001,22423,REGENCY CAKESTAND 3 TIER,3,2011-12-08 12:00:00,12.75,12583,France\n"
        )
        place.job("arrivals_job")
        france = range_tags("FR", "FR")
        single = place.job("market_job", france)
        one, twelve = [], []
        for _ in range(PAIRS):
            one.append(place.job("market_job", france, months="2011-06").wall_s)
            twelve.append(place.job("market_job", france, months="2010-12..2011-11").wall_s)
    parts = {f"step {step}": seconds for step, seconds in single.steps.items()}
    return {
        "one_market_wall_s": Value(
            single.wall_s, {"imports, graph and Dagster's start and end": single.before_and_after_s, **parts}
        ),
        "twelve_months_vs_one_ratio": Value(
            statistics.median(b / a for a, b in zip(one, twelve, strict=True)),
            {"one month, s": statistics.median(one), "twelve months, s": statistics.median(twelve)},
        ),
    }


@SUITE.measures(Metric("dbt_vs_plain_sql_ratio", unit="ratio", goal=1.5))
def dbt_against_plain_sql() -> Measured:
    """dbt's models without tests against the statements that dbt itself wrote, run by DuckDB alone; 10.8 M lines."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        place = Home(Path(folder))
        place.drop(ONLINE_RETAIL)
        place.job("arrivals_job")
        step = [sys.executable, "-m", "benchmarks.pipeline_steps"]
        database = Path(folder) / "run.duckdb"
        run_command([*step, "prepare", database, str(SCALE)], cwd=PROJECT_ROOT, environment=place.environment)
        dbt: list[float] = []
        plain: list[float] = []
        for _ in range(SQL_PAIRS):
            for verb, walls in (("dbt", dbt), ("plain", plain)):
                copy = Path(folder) / "copy.duckdb"
                shutil.copy(database, copy)
                measured = run_command([*step, verb, copy], cwd=PROJECT_ROOT, environment=place.environment)
                walls.append(float(measured.output.strip().splitlines()[-1]))
                copy.unlink()
    return {
        "dbt_vs_plain_sql_ratio": Value(
            statistics.median(dbt) / statistics.median(plain),
            {"dbt, s": statistics.median(dbt), "plain SQL, s": statistics.median(plain)},
        )
    }


if __name__ == "__main__":
    sys.exit(SUITE.main(sys.argv[1:]))
