"""The one translator that names every dbt node in Dagster.

Belongs here: keys, groups, partitions, owners and links of dbt's nodes. Does not: their events (see assets.py).
A check on a mistyped key never runs and leaves the run green: no other module spells an asset key of a model.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject

from orchestration.modeling.manifest import DBT_PROJECT
from orchestration.partitions import MARKETS

RUN_PLAN_KEY = dg.AssetKey(["runs", "run_plan"])
OWNERS = ("team:data-engineering",)
# Shown with each mart: the way from one of its rows to the files behind it.
TRACE = (
    "`python -m orchestration.trace NUMBER` shows the whole chain behind a number or key; here the same does"
    " [`trace_job`](/jobs/trace_job/playground)."
)


class Translator(DagsterDbtTranslator):
    """Layer and name for models and seeds, dbt's own choice for sources, the run's plan for what the run provides."""

    def __init__(self) -> None:
        super().__init__(
            # The plan is one asset and several relations.
            settings=DagsterDbtTranslatorSettings(
                enable_duplicate_source_asset_keys=True, enable_source_metadata=False, enable_code_references=False
            )
        )

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """`raw/orders`, `staging/stg_orders`, `seeds/rule`, `runs/run_plan`."""
        if dbt_resource_props["resource_type"] == "source":
            if dbt_resource_props["source_name"] == "plan":
                return RUN_PLAN_KEY
            return super().get_asset_key(dbt_resource_props)
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        """The asset of a node, depending on assets only: what is built in between without being published is none.

        A model that only serves others has no partition of its own to show, and without one Dagster would split it off
        from the markets' backfill into a run of its own.
        """
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = self.get_resource_props(manifest, unique_id)
        if node["resource_type"] == "source":
            return spec
        parents = {self.get_asset_key(parent) for parent in asset_parents(manifest, unique_id)}
        source_file = DBT_PROJECT / str(node["original_file_path"])
        link = dg.CodeReferencesMetadataValue(
            code_references=[dg.LocalFileCodeReference(file_path=str(source_file), label="SQL of the model")]
        )
        how_to_trace = {"trace": dg.MetadataValue.md(TRACE)} if node["schema"] == "marts" else {}
        return spec.replace_attributes(
            deps=sorted(parents),
            owners=list(OWNERS),
            kinds={"dbt", "duckdb", "iceberg"},
            metadata={**spec.metadata, "dagster/code_references": link, **how_to_trace},
        )

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The layer; reference data has its own group."""
        if dbt_resource_props["resource_type"] == "source":
            return str(dbt_resource_props["source_name"])
        return "reference" if is_reference(dbt_resource_props) else str(dbt_resource_props["schema"])

    def get_partitions_def(self, dbt_resource_props: Mapping[str, Any]) -> dg.PartitionsDefinition | None:
        """Markets for what is published by market, none for reference data."""
        meta = (dbt_resource_props.get("config") or {}).get("meta") or {}
        return MARKETS if meta.get("publish") in ("market", "market_month") else None


def is_asset(node: Mapping[str, Any]) -> bool:
    """True for what Dagster shows: sources and published models."""
    meta = (node.get("config") or {}).get("meta") or {}
    return node["resource_type"] == "source" or (node["resource_type"] == "model" and "publish" in meta)


def asset_parents(manifest: Mapping[str, Any], unique_id: str) -> list[Mapping[str, Any]]:
    """The nearest ancestors of a node that are assets."""
    found: dict[str, Mapping[str, Any]] = {}
    wanted = list(_parents(manifest, unique_id))
    seen: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        node = manifest["sources"].get(name) or manifest["nodes"][name]
        if is_asset(node):
            found[name] = node
        else:
            wanted += _parents(manifest, name)
    return [found[name] for name in sorted(found)]


def _parents(manifest: Mapping[str, Any], unique_id: str) -> list[str]:
    return list(manifest["nodes"][unique_id].get("depends_on", {}).get("nodes", ()))


def is_reference(dbt_resource_props: Mapping[str, Any]) -> bool:
    """True for models of what has no market."""
    return "reference" in (dbt_resource_props.get("tags") or ())


TRANSLATOR = Translator()
