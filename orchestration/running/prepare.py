"""Prepares what every process of this version of the project would otherwise work out for itself.

    python -m orchestration.running.prepare

Belongs here: dbt's manifest and its partial parse, and the column lineage. Does not: data; it builds in an empty lake.
"""

import sys
import tempfile
from pathlib import Path

from orchestration.lake import Lake
from orchestration.markets import load_markets
from orchestration.modeling.build import build_models
from orchestration.modeling.lineage import LineageBook
from orchestration.modeling.manifest import TARGET, models, prepared_manifest, published_models
from orchestration.runs import MonthSelection, RunDatabase, make_plan
from orchestration.settings import Settings


def empty_run(home: Path) -> RunDatabase:
    """A run over an empty lake in `home`, prepared to build every model: each relation is there and has no rows."""
    settings = Settings(home=home, catalog_uri="")
    lake, markets = Lake(settings), load_markets(settings.markets_file)
    plan, index = make_plan(lake, run_id="empty", markets=markets.codes, months=MonthSelection.parse("all"))
    run = RunDatabase(settings, "empty")
    with index:
        run.prepare(lake, plan, markets, published_models(), published_models().keys(), index)
    return run


def main() -> int:
    """Parse, build once without rows, and read the lineage of every model."""
    prepared_manifest()
    with tempfile.TemporaryDirectory(prefix="tradewind-") as home:
        run = empty_run(Path(home))
        results = build_models(run.path, (), with_tests=False, target=TARGET)
        failed = [f"{result.unique_id}: {result.message}" for result in results if result.has_failed]
        if failed:
            print("\n".join(failed), file=sys.stderr)
            return 1
        with run.connect() as con:
            LineageBook().fill(con, [str(model["unique_id"]) for model in models()])
    return 0


if __name__ == "__main__":
    sys.exit(main())
