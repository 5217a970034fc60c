"""A world's files taken in and judged, in this process and without gates: to see what cleaning makes of them.

Belongs here: arrivals, staging and their publication, one after the other. Does not: gates, ledger and marts (the jobs
have them): a gate holds a very dirty market back, and then nothing of its cleaning could be looked at.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import cast

from orchestration.arrivals.intake import arrive
from orchestration.arrivals.report import FileOutcome
from orchestration.lake import Lake
from orchestration.markets import load_markets
from orchestration.modeling.build import BuildError, build_models
from orchestration.modeling.manifest import manifest, prepared_manifest, published_models
from orchestration.runs import MonthSelection, RunDatabase, RunPlan, make_plan
from orchestration.runs.plan import make_reference_plan
from orchestration.runs.publishing import publish_models
from orchestration.settings import Settings

QUALITY = ("quarantine", "row_balance", "unlinked_documents")


def judge(settings: Settings) -> Sequence[FileOutcome]:
    """What became of the files of the inbox; afterwards staging, quarantine and balance of all markets are published.

    Raises BuildError when a model cannot be built.
    """
    prepared_manifest()
    lake = Lake(settings)
    files = arrive(settings, lake).files
    reference = make_reference_plan(lake, run_id="reference")
    run = RunDatabase(settings, reference.run_id)
    names = judged_models(is_reference=True)
    run.prepare(lake, reference, load_markets(settings.markets_file), published_models(), names, None)
    _build(lake, run, reference, names)
    markets = load_markets(settings.markets_file)
    plan, index = make_plan(lake, run_id="markets", markets=markets.codes, months=MonthSelection.parse("all"))
    run = RunDatabase(settings, plan.run_id)
    names = judged_models(is_reference=False)
    with index:
        run.prepare(lake, plan, markets, published_models(), names, index)
    _build(lake, run, plan, names)
    return files


def judged_models(*, is_reference: bool) -> list[str]:
    """The published tables of staging, and those that say what became of rows."""
    return [
        model.name
        for model in published_models().values()
        if (model.spec.partition == "none") == is_reference
        and (is_reference or model.layer == "staging" or model.name in QUALITY)
    ]


def _build(lake: Lake, run: RunDatabase, plan: RunPlan, names: Sequence[str]) -> None:
    results = build_models(run.path, with_unpublished_parents(names), with_tests=False)
    if failed := [f"{result.unique_id}: {result.message}" for result in results if result.has_failed]:
        raise BuildError("; ".join(failed))
    publish_models(lake, run, plan, [published_models()[name] for name in names])
    run.remove()


def with_unpublished_parents(names: Collection[str]) -> list[str]:
    """The models, and those that they are made from: a published parent is there as a view over the lake."""
    nodes = cast(Mapping[str, Mapping[str, object]], manifest()["nodes"])
    by_name = {
        str(node["name"]): unique_id for unique_id, node in nodes.items() if node["resource_type"] in ("model", "seed")
    }
    wanted = [by_name[name] for name in names]
    found: dict[str, None] = {}
    while wanted:
        node = nodes[wanted.pop()]
        if str(node["name"]) in found:
            continue
        found[str(node["name"])] = None
        depends_on = cast(Mapping[str, Sequence[str]], node.get("depends_on") or {}).get("nodes", ())
        wanted += [
            parent for parent in depends_on if parent in nodes and str(nodes[parent]["name"]) not in published_models()
        ]
    return sorted(found)
