"""A small installation of its own for tests: files in, the real jobs, published tables out.

Belongs here: what flow and journey tests share. Does not: replacements of our own code; only places and data are the
test's.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

import dagster as dg
import duckdb
from pydantic import SecretStr

from orchestration.arrivals.intake import arrive
from orchestration.arrivals.report import ArrivalReport
from orchestration.gates.gate import Judges
from orchestration.lake import Place
from orchestration.platform import Platform
from orchestration.settings import Settings

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
_JUDGES = Judges()


def shop_csv(*rows: str) -> bytes:
    """A file in the words of Online Retail: invoice, stock code, text, pieces, time, price, customer, country."""
    return "\n".join([HEADER, *rows, ""]).encode()


@dataclass(frozen=True)
class Run:
    """What one job run did."""

    result: dg.ExecuteInProcessResult

    @property
    def succeeded(self) -> bool:
        """True when every step did."""
        return self.result.success

    @property
    def materialized(self) -> set[str]:
        """The assets that the run materialized, as `layer/name`."""
        events = self.result.get_asset_materialization_events()
        return {key.to_user_string() for event in events if (key := event.asset_key) is not None}

    def verdict(self, asset: str) -> dg.AssetCheckEvaluation:
        """What the gate said about an asset. Raises LookupError when it said nothing: a crash is no verdict."""
        for entry in self.result.get_asset_check_evaluations():
            if entry.asset_key.to_user_string() == asset and entry.check_name == "promises":
                return entry
        raise LookupError(f"{asset}: no verdict")


class Installation:
    """Settings, lake and jobs in a folder of the test's."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.settings = Settings(home=home, catalog_uri="", pseudonym_key=SecretStr("a key for tests"))
        self.platform = Platform(self.settings)
        # One helper process judges for the whole session: loading Great Expectations takes seconds.
        self.platform.judges = _JUDGES
        self.instance = dg.DagsterInstance.ephemeral()

    @cached_property
    def defs(self) -> dg.Definitions:
        """The real code location on this installation's platform."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.BetaWarning)
            from orchestration.definitions import build_defs

        return build_defs({"platform": self.platform})

    def arrive(self, files: Mapping[str, bytes], *, at: datetime | None = None) -> ArrivalReport:
        """Drop the files into the inbox and take them as one batch."""
        self.settings.inbox.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (self.settings.inbox / name).write_bytes(data)
        return arrive(self.settings, self.platform.lake, loaded_at=at)

    def publish_rates(self) -> Run:
        """Run the arrivals' job, which brings the default exchange rates and publishes them."""
        return self._run("arrivals_job", {}, {})

    def run_markets(
        self, markets: Sequence[str] = (), *, months: str = "", known_at: str = "", select: Sequence[str] = ()
    ) -> Run:
        """Run the markets' job for neighbouring markets, as one range run; none named: those that wait, as at night.

        Dagster writes two events for each asset and market of the range: over all markets they would take longer than
        everything that the run does.
        """
        from orchestration.partitions import covering_tags, range_tags

        tags = range_tags(markets[0], markets[-1]) if markets else covering_tags(self.platform.waiting_markets())
        config = {"ops": {"runs__run_plan": {"config": {"months": months, "known_at": known_at}}}}
        return self._run("market_job", tags, config, select)

    def _run(self, job: str, tags: Mapping[str, str], config: Mapping[str, object], select: Sequence[str] = ()) -> Run:
        return Run(
            self.defs.resolve_job_def(job).execute_in_process(
                instance=self.instance,
                tags=dict(tags),
                run_config=dict(config),
                raise_on_error=False,
                asset_selection=[dg.AssetKey(key.split("/")) for key in select] or None,
            )
        )

    def read(self, query: str, *, namespace: str = "published") -> list[tuple[object, ...]]:
        """Rows of a query over the published tables."""
        from orchestration.sql import connect, tables_named_in

        with connect(self.platform.lake, namespace=namespace, tables=tables_named_in(query)) as con:
            return con.execute(query).fetchall()

    def reader(self, *, namespace: str = "published") -> duckdb.DuckDBPyConnection:
        """The read-only way in, as users have it."""
        from orchestration.sql import connect

        return connect(self.platform.lake, namespace=namespace)

    def files_of(self, table: str, market: str) -> set[str]:
        """The Parquet files that a market's rows are read from now."""
        pin = self.platform.lake.pins()[table]
        return {file.path for file in self.platform.lake.data_files(pin.table, pin.snapshot_id, markets=[market])}

    def pending(self, market: str) -> set[Place]:
        """The market-months of a market that wait for a run."""
        return {Place(touch.market, touch.month) for touch in self.platform.lake.pending_touches([market])}
