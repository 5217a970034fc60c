"""The jobs: arrivals with reference data, what belongs to a market, the scorecard of a world, replay, and the trace.

Belongs here: jobs, the nightly schedule, the inbox sensor. Does not: assets.
All that is partitioned by market is one job: a blocking check holds only within one run.
"""

from collections.abc import Iterator

import dagster as dg

from orchestration.arrivals.assets import replay_quarantine
from orchestration.partitions import covering_tags
from orchestration.platform import Platform
from orchestration.trace.assets import show_trace

ARRIVALS_GROUPS = ("raw", "reference")
SCORECARD_GROUPS = ("quality",)
# In process: a process for each step would import Dagster and dbt again each time.
arrivals_job = dg.define_asset_job(
    "arrivals_job",
    selection=dg.AssetSelection.groups(*ARRIVALS_GROUPS) | dg.AssetSelection.assets("publication/reference_tables"),
    executor_def=dg.in_process_executor,
    description="Takes the files of the inbox into raw, and rebuilds what has no market.",
)
market_job = dg.define_asset_job(
    "market_job",
    selection=dg.AssetSelection.all()
    - dg.AssetSelection.groups(*ARRIVALS_GROUPS, *SCORECARD_GROUPS)
    - dg.AssetSelection.assets("publication/reference_tables"),
    executor_def=dg.in_process_executor,
    description=(
        "Plan, staging, gate, ledger and marts, gate, publication, forecasts, pictures: for its partitions' markets."
    ),
)
scorecard_job = dg.define_asset_job(
    "scorecard_job",
    selection=dg.AssetSelection.groups(*SCORECARD_GROUPS),
    executor_def=dg.in_process_executor,
    description="Holds what is published against the truth of the simulated world; does nothing without one.",
)


@dg.job(executor_def=dg.in_process_executor)
def replay_job() -> None:
    """Reads quarantined rows again after a fix; the next runs publish what has become of them."""
    replay_quarantine()


@dg.job(executor_def=dg.in_process_executor)
def trace_job() -> None:
    """Shows the whole chain behind a number: each document with file and row, and each figure that used it."""
    show_trace()


@dg.schedule(job=market_job, cron_schedule="0 2 * * *", execution_timezone="UTC")
def nightly(context: dg.ScheduleEvaluationContext, platform: dg.ResourceParam[Platform]) -> dg.RunRequest:
    """One run over all markets that wait: each rebuilds the months that were touched since its last publication."""
    tags = covering_tags(platform.waiting_markets())
    return dg.RunRequest(run_key=context.scheduled_execution_time.isoformat(), tags=tags)


@dg.sensor(job=arrivals_job, minimum_interval_seconds=60)
def inbox_sensor(platform: dg.ResourceParam[Platform]) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Starts the arrivals when a complete file lies in the inbox; files that end in .part or .tmp are still written."""
    from orchestration.arrivals.shelves import waiting

    files = waiting(platform.settings)
    if not files:
        yield dg.SkipReason(f"no file in {platform.settings.inbox}")
        return
    newest = max(path.stat().st_mtime_ns for path in files)
    yield dg.RunRequest(run_key=f"{newest}-{len(files)}")


JOBS = (arrivals_job, market_job, scorecard_job, replay_job, trace_job)
SCHEDULES = (nightly,)
SENSORS = (inbox_sensor,)
