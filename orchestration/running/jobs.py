"""The jobs: arrivals with reference data, what belongs to a market, the plans and the credit over all of them, the
scorecard of a world, replay, and the trace.

Belongs here: jobs, the nightly schedule, the sensors of the inbox and of publications. Does not: assets.
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
PLANNING_GROUPS = ("planning",)
CREDIT_GROUPS = ("credit",)
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
    - dg.AssetSelection.groups(*ARRIVALS_GROUPS, *SCORECARD_GROUPS, *PLANNING_GROUPS, *CREDIT_GROUPS)
    - dg.AssetSelection.assets("publication/reference_tables"),
    executor_def=dg.in_process_executor,
    description=(
        "Plan, staging, gate, ledger and marts, gate, publication, forecasts, recommendations, customers, media,"
        " pictures: for its partitions' markets."
    ),
)
planning_job = dg.define_asset_job(
    "planning_job",
    selection=dg.AssetSelection.groups(*PLANNING_GROUPS),
    executor_def=dg.in_process_executor,
    description="Stock, supply, assortment and capacity over all markets, from published tables; published at once.",
)
credit_job = dg.define_asset_job(
    "credit_job",
    selection=dg.AssetSelection.groups(*CREDIT_GROUPS),
    executor_def=dg.in_process_executor,
    description="Scores, limits, pledges and guarantees of sellers, from published tables; published at once.",
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


@dg.sensor(job=planning_job, minimum_interval_seconds=60)
def planning_sensor(platform: dg.ResourceParam[Platform]) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Starts the plans when the market job has published; several publications between two looks are one run."""
    from orchestration.planning.work import newest_publication

    publication = newest_publication(platform.lake)
    if not publication:
        yield dg.SkipReason("nothing is published yet")
        return
    yield dg.RunRequest(run_key=f"publication-{publication}")


@dg.sensor(job=credit_job, minimum_interval_seconds=60)
def credit_sensor(platform: dg.ResourceParam[Platform]) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Starts the credit job when markets or decisions were published; a market held back publishes its reason, too."""
    from orchestration.credit.work import newest_publication

    publication = newest_publication(platform.lake)
    if not publication:
        yield dg.SkipReason("nothing is published yet")
        return
    yield dg.RunRequest(run_key=f"publication-{publication}")


JOBS = (arrivals_job, market_job, planning_job, credit_job, scorecard_job, replay_job, trace_job)
SCHEDULES = (nightly,)
SENSORS = (inbox_sensor, planning_sensor, credit_sensor)
