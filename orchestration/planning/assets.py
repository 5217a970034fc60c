"""The plans as assets: read what is published, plan, keep the tables until their gate, publish them at once.

Belongs here: reading, calling, metadata, the gate's step. Does not: any maths.
Not partitioned: a site serves many markets. The job is started by a publication of the market job.
"""

from collections.abc import Iterator, Sequence

import dagster as dg

from orchestration.gates.checks import judge_whole, whole_specs
from orchestration.modeling.manifest import PublishedModel
from orchestration.modeling.translator import OWNERS
from orchestration.planning.measures import ARRIVAL_GATE, ARRIVAL_MEASURES, PLANNING_GATE, PLANNING_MEASURES
from orchestration.planning.tables import PLANNING_MODELS, STALE_MARKET, WORDS
from orchestration.planning.work import STALE_READS, PlanningRun
from orchestration.platform import Platform, column_metadata, model_key
from orchestration.runs.assets import MARKET_TABLES_KEY, REFERENCE_TABLES_KEY

GROUP = "planning"
PLANS_KEY = dg.AssetKey(["publication", "plans"])
FORECASTS_KEY = dg.AssetKey(["publication", "forecasts"])
READS = (
    dg.AssetDep(MARKET_TABLES_KEY, partition_mapping=dg.AllPartitionMapping()),
    dg.AssetDep(FORECASTS_KEY, partition_mapping=dg.AllPartitionMapping()),
    REFERENCE_TABLES_KEY,
)


def plan_spec(model: PublishedModel, words: str, *, after: Sequence[PublishedModel] = ()) -> dg.AssetSpec:
    """The asset of a planning table: group, owner, columns in words. `after`: tables of the same run that it reads."""
    return dg.AssetSpec(
        key=model_key(model),
        deps=[*READS, *(model_key(other) for other in after)],
        group_name=GROUP,
        owners=list(OWNERS),
        kinds={"python", "duckdb"},
        description=words,
        metadata=column_metadata(model, WORDS),
    )


def planning_run(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext, platform: Platform) -> PlanningRun:
    """The file of this run: that of its root run, so that a retry goes on where the first try ended."""
    return PlanningRun(platform.settings, platform.lake, context.run.root_run_id or context.run.run_id)


@dg.multi_asset(
    name="stale_markets",
    specs=[plan_spec(STALE_MARKET, "Markets whose forecast or data the plan had to take older than the others'.")],
)
def stale_markets(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult[None]:
    """Which markets are held back, have no forecast, or one that is older than their data."""
    from orchestration.planning.stale import find_stale_markets

    run = planning_run(context, platform)
    with run.published(STALE_READS) as con:
        found = find_stale_markets(con)
    run.keep(STALE_MARKET, found)
    words = ", ".join(f"{row.market}: {row.reason}" for row in found.itertuples()) or "none"
    return dg.MaterializeResult(
        asset_key=model_key(STALE_MARKET), metadata={"dagster/row_count": len(found), "markets": words}
    )


@dg.multi_asset_check(
    name=ARRIVAL_GATE,
    specs=whole_specs(ARRIVAL_MEASURES, "What lead times must satisfy before stock is planned by them."),
)
def arrival_gate(
    context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
) -> Iterator[dg.AssetCheckResult]:
    """Blocks the plan of stock where lead times or the outlook of shipments break a critical promise."""
    yield from judge_whole(context, platform, planning_run(context, platform), ARRIVAL_GATE, ARRIVAL_MEASURES)


@dg.multi_asset_check(
    name=PLANNING_GATE, specs=whole_specs(PLANNING_MEASURES, "What a plan must satisfy before anybody orders by it.")
)
def planning_gate(
    context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
) -> Iterator[dg.AssetCheckResult]:
    """Blocks the publication of a plan that breaks a critical promise."""
    yield from judge_whole(context, platform, planning_run(context, platform), PLANNING_GATE, PLANNING_MEASURES)


@dg.asset(
    key=PLANS_KEY,
    deps=[model_key(model) for model in PLANNING_MODELS],
    group_name=GROUP,
    owners=list(OWNERS),
    kinds={"python", "iceberg"},
)
def plans(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
    """Every table of the plan, made visible at once."""
    run = planning_run(context, platform)
    publication = run.publish()
    run.remove()
    platform.judges.stop()
    return dg.MaterializeResult(metadata={"publication": publication})
