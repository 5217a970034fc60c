"""The first and the last step of a run: its plan, and its publication.

Belongs here: assets that read and write the run's database as a whole. Does not: what is built in between.
"""

import subprocess
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from hashlib import sha256

import dagster as dg
from pydantic import Field

from orchestration.lake import HeldBack, Lake, Place, PublishRequest, PublishResult, StagedTable
from orchestration.modeling.manifest import PublishedModel, published_models, seeds_hash
from orchestration.modeling.translator import OWNERS, RUN_PLAN_KEY
from orchestration.partitions import MARKETS, SINGLE_RUN
from orchestration.platform import Platform, model_key
from orchestration.runs.database import KEPT_WHEN_HELD, RunDatabase
from orchestration.runs.plan import RunPlan
from orchestration.settings import PROJECT_ROOT

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
    run.remove()
    return dg.MaterializeResult(metadata={"publication": result.publication_id or 0, "tables": len(result.snapshots)})


def publish_models(
    lake: Lake, run: RunDatabase, plan: RunPlan, built: Sequence[PublishedModel], *, only_quality: bool = False
) -> PublishResult:
    """Publish what the run has built.

    A market that is held back publishes its quarantine and balance alone, and keeps its touches. Touches are cleared
    only when every published table was built: who rebuilds one mart has not yet dealt with them.
    Raises ValueError when the run built no table: a publication of nothing must not look like one.
    """
    if not built:
        raise ValueError(f"run {plan.run_id}: it built no published table, so there is nothing to publish")
    held = run.held_back()
    held_markets = {entry.market for entry in held}
    every = [model for model in published_models().values() if (model.spec.partition == "none") == plan.is_reference]
    is_whole = not only_quality and {model.name for model in every} <= {model.name for model in built}
    staged: list[tuple[StagedTable, set[Place]]] = []
    with run.connect() as con:
        for model in built:
            if only_quality and model.name not in KEPT_WHEN_HELD:
                continue
            places = replaced_places(plan, model, held_markets)
            if places:
                staged.append((lake.stage(con, model.relation, model.spec, plan.run_id), places))
    touches = [touch for touch in lake.pending_touches(plan.markets, plan.raw_seq) if touch.id in set(plan.touch_ids)]
    return lake.publish(
        PublishRequest(
            run_id=plan.run_id,
            raw_seq=plan.raw_seq,
            staged=staged,
            namespace=plan.namespace,
            touch_ids=[touch.id for touch in touches if is_whole and touch.market not in held_markets],
            held_back=[
                HeldBack(market, tuple(entry.reason for entry in held if entry.market == market), plan.run_id)
                for market in sorted(held_markets)
            ],
            git_commit=git_commit(),
            lock_hash=lock_hash(),
            seeds_hash=seeds_hash(),
            known_at=plan.known_at,
        )
    )


def replaced_places(plan: RunPlan, model: PublishedModel, held_markets: set[str]) -> set[Place]:
    """The places of a table that this run replaces, rows or none."""
    if model.spec.partition == "none":
        return {Place()}
    is_quality = model.name in KEPT_WHEN_HELD
    source = plan.staging_places if model.layer == "staging" or is_quality else plan.mart_places
    kept = {place for place in source if is_quality or place.market not in held_markets}
    if model.layer == "marts" and not is_quality:
        kept = {place for place in kept if place.market != "ZZ"}
    if model.spec.partition == "market":
        return {Place(place.market) for place in kept}
    return kept


@cache
def git_commit() -> str:
    """The commit of the code that runs, with a mark when files differ from it; empty outside a checkout."""
    try:
        commit = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--dirty"],
            cwd=PROJECT_ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return commit.stdout.strip()


@cache
def lock_hash() -> str:
    """The hash of the locked dependencies."""
    lock = PROJECT_ROOT / "requirements.lock"
    return sha256(lock.read_bytes()).hexdigest() if lock.exists() else ""
