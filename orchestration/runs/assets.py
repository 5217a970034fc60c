"""The first and the last step of a run: its plan, and its publication.

Belongs here: assets that read and write the run's database as a whole. Does not: what is built in between.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from orchestration.lake import Place
from orchestration.modeling.manifest import PublishedModel, published_models
from orchestration.modeling.translator import OWNERS, RUN_PLAN_KEY
from orchestration.partitions import MARKETS, SINGLE_RUN
from orchestration.platform import Platform, column_metadata, model_key, selected_keys
from orchestration.runs.database import RunDatabase
from orchestration.runs.plan import RunPlan
from orchestration.runs.publishing import publish_models
from orchestration.trace.assets import keep_trace_lists

if TYPE_CHECKING:
    import duckdb

MARKET_TABLES_KEY = dg.AssetKey(["publication", "market_tables"])
REFERENCE_TABLES_KEY = dg.AssetKey(["publication", "reference_tables"])


class PlanConfig(dg.Config):
    """What a person may say about a run beside its markets."""

    months: str = Field(
        default="",
        description="Months to rebuild: empty for the touched ones, `all`, `2026-01`, `2026-01..2026-03`, or a list.",
    )
    known_at: str = Field(
        default="",
        description="Rebuild as known at this moment (ISO 8601, with zone); the result goes to a namespace of its own.",
    )


@dg.asset(
    key=RUN_PLAN_KEY,
    partitions_def=MARKETS,
    backfill_policy=SINGLE_RUN,
    group_name="runs",
    owners=list(OWNERS),
    kinds={"python", "duckdb"},
    deps=[dg.AssetKey(["raw", "orders"]), dg.AssetKey(["raw", "shipments"]), dg.AssetKey(["raw", "declarations"])],
)
def run_plan(
    context: dg.AssetExecutionContext, config: PlanConfig, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult[None]:
    """The market-months that this run rebuilds, fixed for all its retries."""
    known_at = datetime.fromisoformat(config.known_at) if config.known_at else None
    if known_at is not None and known_at.tzinfo is None:
        raise dg.Failure(f"known_at: {config.known_at!r} has no time zone", allow_retries=False)
    _, plan = platform.prepared(context, months=config.months or None, known_at=known_at)
    if plan.is_empty:
        context.log.info("Nothing was touched in %s: nothing is built or published.", ", ".join(plan.markets))
    else:
        # The judges load while dbt builds.
        platform.judges.start()
    return dg.MaterializeResult(metadata=plan_metadata(plan))


def plan_metadata(plan: RunPlan) -> dict[str, dg.MetadataValue]:
    """What the run covers, in figures and as a list of months by market."""
    months: dict[str, list[str]] = {}
    for place in plan.mart_places:
        months.setdefault(place.market, []).append(place.month)
    lines = [f"| {market} | {', '.join(sorted(found))} |" for market, found in sorted(months.items())]
    return {
        "raw_seq": dg.MetadataValue.int(plan.raw_seq),
        "namespace": dg.MetadataValue.text(plan.namespace),
        "staging_market_months": dg.MetadataValue.int(len(plan.staging_places)),
        "mart_market_months": dg.MetadataValue.int(len(plan.mart_places)),
        "touches": dg.MetadataValue.int(len(plan.touch_ids)),
        "months": dg.MetadataValue.md("\n".join(["| market | months |", "|---|---|", *lines])),
    }


@dg.asset(
    key=MARKET_TABLES_KEY,
    partitions_def=MARKETS,
    backfill_policy=SINGLE_RUN,
    group_name="publication",
    owners=list(OWNERS),
    kinds={"python", "iceberg"},
    deps=[model_key(model) for model in published_models().values() if model.spec.partition != "none"],
)
def market_tables(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult[None]:
    """All tables of the run, made visible at once; markets that are held back keep what was published."""
    run, plan = platform.prepared(context)
    built = [model for model in published_models().values() if model.name in platform.built_models(context)]
    result = publish_models(platform.lake, run, plan, built)
    keep_trace_lists(platform.settings, platform.lake, plan.namespace)
    for market in result.markets_left_alone:
        context.log.warning("%s: a run with newer raw rows has published it meanwhile; it is left alone.", market)
    return dg.MaterializeResult(
        metadata={
            "publication": result.publication_id or 0,
            "tables": len(result.snapshots),
            "held_back": ", ".join(sorted({entry.market for entry in run.held_back()})) or "none",
            "left_alone": ", ".join(result.markets_left_alone) or "none",
            "touches_cleared": result.touches_cleared,
            "lock_seconds": result.lock_seconds,
        }
    )


def end_publication(context: dg.AssetExecutionContext, platform: Platform, run: RunDatabase) -> None:
    """The last step of a publication that follows the tables; the last of them removes the run's database."""
    publications = {key for key in selected_keys(context) if key.path[0] == MARKET_TABLES_KEY.path[0]}
    following = {key.to_user_string() for key in publications - {MARKET_TABLES_KEY}}
    if run.end(context.asset_key.to_user_string(), following):
        platform.judges.stop()


def market_model_specs(
    models: Sequence[PublishedModel],
    *,
    group: str,
    kinds: set[str],
    reads: Sequence[str],
    descriptions: Mapping[str, str],
    words: Mapping[str, str],
    after: Sequence[dg.AssetKey] = (),
) -> list[dg.AssetSpec]:
    """The assets of tables that are made of a market's published ones.

    reads: names of the tables that they lean on; after: other publications that they lean on.
    """
    return [
        dg.AssetSpec(
            key=model_key(model),
            deps=[MARKET_TABLES_KEY, *after, *(model_key(published_models()[name]) for name in reads)],
            partitions_def=MARKETS,
            group_name=group,
            owners=list(OWNERS),
            kinds=kinds,
            description=descriptions[model.name],
            metadata=column_metadata(model, words),
        )
        for model in models
    ]


def markets_to_study(run: RunDatabase, plan: RunPlan, gate: str) -> list[str]:
    """The markets that a run has published, but for what waits in the pseudo market and what this gate holds back."""
    if plan.is_empty:
        return []
    held = {entry.market for entry in run.held_back(gate)}
    return sorted({place.market for place in plan.mart_places} - held - {"ZZ"})


def show_by_market(
    context: dg.AssetExecutionContext,
    model: PublishedModel,
    shown: Mapping[str, Mapping[str, dg.MetadataValue]],
    *,
    only: Collection[str] | None = None,
) -> None:
    """Pictures and figures by market, each on its own partition of this table: who opens a market sees its own.

    only: the names of those that belong to this table; without it all do.
    """
    for market in set(shown).intersection(context.partition_keys):
        known = shown[market]
        mine = {name: known[name] for name in (known if only is None else only) if name in known}
        if mine:
            context.add_asset_metadata(mine, asset_key=model_key(model), partition_key=market)


def publish_market_models(
    context: dg.AssetExecutionContext,
    platform: Platform,
    models: Sequence[PublishedModel],
    own_places: "Callable[[duckdb.DuckDBPyConnection], Mapping[str, Collection[Place]]]",
    gate: str,
) -> dg.MaterializeResult[None]:
    """Make these tables of the run's markets visible at once. own_places: what they replace, by the run's database."""
    run, plan = platform.prepared(context)
    with run.connect() as con:
        places = own_places(con)
    result = publish_models(platform.lake, run, plan, models, own_places=places, gate=gate)
    end_publication(context, platform, run)
    return dg.MaterializeResult(metadata={"publication": result.publication_id or 0, "tables": len(result.snapshots)})


@dg.asset(
    key=REFERENCE_TABLES_KEY,
    group_name="publication",
    owners=list(OWNERS),
    kinds={"python", "iceberg"},
    deps=[model_key(model) for model in published_models().values() if model.spec.partition == "none"],
)
def reference_tables(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult[None]:
    """What has no market, made visible at once."""
    run, plan = platform.prepared_reference(context)
    built = [model for model in published_models().values() if model.name in platform.built_models(context)]
    result = publish_models(platform.lake, run, plan, built)
    keep_trace_lists(platform.settings, platform.lake, plan.namespace)
    run.remove()
    return dg.MaterializeResult(metadata={"publication": result.publication_id or 0, "tables": len(result.snapshots)})
