"""A run's publication: what its database holds becomes visible at once.

Belongs here: which places of which tables a run replaces, and what it was made with. Does not: what happens in the lake
(see `lake/publishing.py`) and the steps of a run (see `assets.py`).
"""

import subprocess
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from hashlib import sha256

from orchestration.lake import HeldBack, Lake, Place, PublishRequest, PublishResult
from orchestration.modeling.manifest import PublishedModel, published_models, seeds_hash
from orchestration.runs.database import KEPT_WHEN_HELD, RunDatabase
from orchestration.runs.plan import RunPlan
from orchestration.settings import PROJECT_ROOT


def publish_models(
    lake: Lake,
    run: RunDatabase,
    plan: RunPlan,
    built: Sequence[PublishedModel],
    *,
    only_quality: bool = False,
    own_places: Mapping[str, Collection[Place]] | None = None,
    gate: str | None = None,
) -> PublishResult:
    """Publish what the run has built.

    own_places: by name of table the places that it replaces, where these are not months of orders.
    gate: that of a publication which follows the tables; a market that a sibling's gate holds back is published here,
    and stays noted as held back.

    A market that is held back publishes its quarantine and balance alone, and keeps its touches. Touches are cleared
    only when every published table was built: who rebuilds one mart has not yet dealt with them.
    Raises ValueError when the run built no table: a publication of nothing must not look like one.
    """
    if not built:
        raise ValueError(f"run {plan.run_id}: it built no published table, so there is nothing to publish")
    held = run.held_back()
    held_markets = {entry.market for entry in run.held_back(gate)}
    every = [model for model in published_models().values() if (model.spec.partition == "none") == plan.is_reference]
    is_whole = not only_quality and {model.name for model in every} <= {model.name for model in built}
    wanted = [model for model in built if not only_quality or model.name in KEPT_WHEN_HELD]
    replaced = {
        model.name: replaced_places(plan, model, held_markets, (own_places or {}).get(model.name)) for model in wanted
    }
    wanted = [model for model in wanted if replaced[model.name]]
    with run.connect() as con, ThreadPoolExecutor(run.threads) as pool:
        # A copy into many small files keeps one core busy: several tables at once use the others.
        files = pool.map(lambda model: lake.stage(con.cursor(), model.relation, model.spec, plan.run_id), wanted)
        staged = [(table, replaced[model.name]) for table, model in zip(files, wanted, strict=True)]
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
                for market in sorted({entry.market for entry in held})
            ],
            git_commit=git_commit(),
            lock_hash=lock_hash(),
            seeds_hash=seeds_hash(),
            known_at=plan.known_at,
        )
    )


def replaced_places(
    plan: RunPlan, model: PublishedModel, held_markets: set[str], own: Collection[Place] | None = None
) -> set[Place]:
    """The places of a table that this run replaces, rows or none; `own` names them where the plan does not."""
    if model.spec.partition == "none":
        return {Place()}
    if own is not None:
        return {place for place in own if place.market not in held_markets}
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
