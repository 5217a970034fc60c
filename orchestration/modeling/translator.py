"""The one translator that names every dbt node in Dagster.

Belongs here: keys, groups, partitions, owners and links of dbt's nodes. Does not: their events (see assets.py).
A check on a mistyped key never runs and leaves the run green: no other module spells an asset key of a model.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings

from orchestration.partitions import MARKETS

RUN_PLAN_KEY = dg.AssetKey(["runs", "run_plan"])
OWNERS = ("team:data-engineering",)


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

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The layer; reference data has its own group."""
        if dbt_resource_props["resource_type"] == "source":
            return str(dbt_resource_props["source_name"])
        return "reference" if is_reference(dbt_resource_props) else str(dbt_resource_props["schema"])

    def get_partitions_def(self, dbt_resource_props: Mapping[str, Any]) -> dg.PartitionsDefinition | None:
        """Markets for what is published by market.

        The rest has none although the run builds it for the same markets: an event for each market and view would cost
        more than the views.
        """
        meta = (dbt_resource_props.get("config") or {}).get("meta") or {}
        return MARKETS if meta.get("publish") in ("market", "market_month") else None

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        """Who answers for the model."""
        return list(OWNERS)


def is_reference(dbt_resource_props: Mapping[str, Any]) -> bool:
    """True for models of what has no market."""
    return "reference" in (dbt_resource_props.get("tags") or ())


TRANSLATOR = Translator()
