"""dbt's layers as assets: staging, then ledger and marts, with gates between them.

Belongs here: which models belong to a layer, and dbt's results as Dagster events. Does not: dbt's call (see build.py).
One dbt call is one step and no gate fits inside it: that is why the layers are separate.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

import dagster as dg
from dagster_dbt import dbt_assets

from orchestration.modeling.build import NodeResult, build_models
from orchestration.modeling.lineage import LineageBook
from orchestration.modeling.manifest import manifest, prepared_manifest, published_models
from orchestration.modeling.translator import TRANSLATOR
from orchestration.partitions import SINGLE_RUN
from orchestration.platform import Platform
from orchestration.runs import RunDatabase

LayerEvents = Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]

# The accounts of the raw rows are built with staging, so that the gate can publish them when it stops everything else.
ROW_ACCOUNTS = "quarantine row_balance fct_row_invariant"
STAGING = f"tradewind.staging,config.meta.publish:market_month {ROW_ACCOUNTS}"
REFERENCE = "tag:reference,config.meta.publish:none"
LEDGER = "tradewind.marts,config.meta.publish:market_month tradewind.marts,config.meta.publish:market"


def _events(run: RunDatabase, results: Sequence[NodeResult], context: dg.AssetExecutionContext) -> LayerEvents:
    """Dagster's events for dbt's results; raises Failure at the end when a model or test has failed.

    A test that fails here is the structure of a model (a key that is not one): no market is to blame, so all stop.
    """
    nodes = cast(Mapping[str, Mapping[str, object]], manifest()["nodes"])
    failed = []
    counts = _row_counts(run)
    book = LineageBook()
    for result in results:
        node = nodes[result.unique_id]
        if result.has_failed:
            failed.append(f"{node['name']}: {result.status}: {result.message}")
        if node["resource_type"] == "test":
            yield from _check_events(node, result, context)
        elif node["resource_type"] in ("model", "seed") and not result.has_failed:
            key = TRANSLATOR.get_asset_key(node)
            if key in context.selected_asset_keys:
                metadata: dict[str, dg.MetadataValue] = {"build_seconds": dg.MetadataValue.float(result.seconds)}
                if (rows := counts.get((str(node["schema"]), str(node["name"])))) is not None:
                    metadata["dagster/row_count"] = dg.MetadataValue.int(rows)
                if lineage := book.of(result.unique_id):
                    _add_lineage(context, key, lineage)
                yield dg.MaterializeResult(asset_key=key, metadata=metadata)
    if failed:
        raise dg.Failure("dbt: " + "; ".join(failed), allow_retries=False)


def _add_lineage(context: dg.AssetExecutionContext, key: dg.AssetKey, lineage: dg.TableColumnLineage) -> None:
    """Put the lineage into the asset's newest event, which is the one that the UI shows: a range ends with it.

    In the event of each market of a range it would be written some hundred times for each asset, and take longer than
    the model itself.
    """
    is_of_markets = context.has_partition_key or context.has_partition_key_range
    newest = context.partition_keys[-1] if is_of_markets else None
    metadata = {"dagster/column_lineage": dg.MetadataValue.column_lineage(lineage)}
    context.add_asset_metadata(metadata, asset_key=key, partition_key=newest)


def _check_events(
    node: Mapping[str, object], result: NodeResult, context: dg.AssetExecutionContext
) -> Iterator[dg.AssetCheckResult]:
    for key in context.selected_asset_check_keys:
        if key.name == node["name"]:
            yield dg.AssetCheckResult(
                asset_key=key.asset_key,
                check_name=key.name,
                passed=not result.has_failed,
                metadata={"failing_rows": result.failures, "status": result.status},
            )


def _row_counts(run: RunDatabase) -> dict[tuple[str, str], int]:
    with run.connect() as con:
        rows = con.execute(
            "select schema_name, table_name, estimated_size from duckdb_tables() where database_name = 'run'"
        ).fetchall()
    return {(schema, table): int(size) for schema, table, size in rows}


def _selected_models(context: dg.AssetExecutionContext) -> list[str]:
    """The names of the selected models, and of the unpublished ones that they are made from.

    A published parent that is not selected is there as a view over the lake; an unpublished one has to be built.
    """
    nodes = cast(Mapping[str, Mapping[str, object]], manifest()["nodes"])
    wanted = [
        unique_id
        for unique_id, node in nodes.items()
        if node["resource_type"] in ("model", "seed") and TRANSLATOR.get_asset_key(node) in context.selected_asset_keys
    ]
    names: dict[str, None] = {}
    while wanted:
        node = nodes[wanted.pop()]
        if str(node["name"]) in names:
            continue
        names[str(node["name"])] = None
        depends_on = cast(Mapping[str, Sequence[str]], node.get("depends_on") or {}).get("nodes", ())
        wanted += [
            parent for parent in depends_on if parent in nodes and str(nodes[parent]["name"]) not in published_models()
        ]
    return sorted(names)


def _build(run: RunDatabase, context: dg.AssetExecutionContext) -> LayerEvents:
    results = build_models(run.path, _selected_models(context))
    yield from _events(run, results, context)


@dbt_assets(
    name="staging_models",
    manifest=prepared_manifest(),
    select=STAGING,
    dagster_dbt_translator=TRANSLATOR,
    backfill_policy=SINGLE_RUN,
)
def staging_models(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> LayerEvents:
    """Raw rows judged, typed, repaired and deduplicated, for the market-months of the run."""
    run, plan = platform.prepared(context)
    if plan.is_empty:
        return
    yield from _build(run, context)


@dbt_assets(
    name="ledger_models",
    manifest=prepared_manifest(),
    select=LEDGER,
    exclude=ROW_ACCOUNTS,
    dagster_dbt_translator=TRANSLATOR,
    backfill_policy=SINGLE_RUN,
)
def ledger_models(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> LayerEvents:
    """Ledger and marts of the markets that passed the gate."""
    run, plan = platform.prepared(context)
    if plan.is_empty:
        return
    yield from _build(run, context)


@dbt_assets(
    name="reference_models",
    manifest=prepared_manifest(),
    select=REFERENCE,
    dagster_dbt_translator=TRANSLATOR,
)
def reference_models(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> LayerEvents:
    """What has no market: exchange rates, rebuilt whole."""
    run, _ = platform.prepared_reference(context)
    yield from _build(run, context)
