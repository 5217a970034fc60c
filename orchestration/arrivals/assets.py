"""The arrivals as assets: one batch, one raw table per feed; and the replay of quarantined rows as a step.

Belongs here: the steps and their metadata. Does not: what happens to a file (see intake.py) or a row (see replay.py).
"""

from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from orchestration.arrivals.contracts import Contract, contracts
from orchestration.arrivals.report import ArrivalReport
from orchestration.modeling.translator import OWNERS
from orchestration.platform import Platform


def raw_key(feed: str) -> dg.AssetKey:
    """The raw table of a feed, as dagster-dbt names the dbt source."""
    return dg.AssetKey(["raw", feed])


def _spec(contract: Contract) -> dg.AssetSpec:
    columns = [
        dg.TableColumn(
            field.name,
            "text",
            description=field.description,
            constraints=dg.TableColumnConstraints(nullable=not field.is_required),
            tags={"personal": ""} if field.is_personal else {},
        )
        for field in contract.fields
    ]
    return dg.AssetSpec(
        key=raw_key(contract.feed),
        group_name="raw",
        owners=list(OWNERS),
        kinds={"python", "iceberg"},
        skippable=True,
        description=f"Rows as they arrived: {contract.grain}. {contract.answers_for} answers for them.",
        metadata={"dagster/column_schema": dg.TableSchema(columns), "contract_version": contract.version},
    )


@dg.multi_asset(name="raw_tables", specs=[_spec(contract) for contract in contracts().values()], can_subset=False)
def raw_tables(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> Iterator[dg.MaterializeResult[None]]:
    """The files of the inbox as one batch: each taken wholly or refused with its reason."""
    # pyarrow, DuckDB and PyIceberg are of no use to a code location that only shows the graph.
    from orchestration.arrivals.intake import arrive
    from orchestration.arrivals.rates import missing_default_rates
    from orchestration.arrivals.shelves import waiting

    files = [*waiting(platform.settings), *missing_default_rates(platform.lake)]
    report = arrive(platform.settings, platform.lake, files=files)
    for outcome in report.rejected:
        context.log.warning("refused: %s: %s: %s", outcome.name, outcome.rule, outcome.reason)
    for feed in contracts():
        rows = report.rows_by_feed.get(feed, 0)
        yield dg.MaterializeResult(asset_key=raw_key(feed), metadata={"rows_arrived": rows, **_metadata(report, feed)})


class ReplayConfig(dg.Config):
    """Which quarantined rows are read again, and why; at least a rule, a key or a file has to be named."""

    rule_ids: list[str] = Field(default=[], description="Rows that broke one of these rules.")
    quarantine_keys: list[str] = Field(default=[], description="Rows with these keys of the table quarantine.")
    files: list[str] = Field(default=[], description="Rows of these delivered files.")
    feeds: list[str] = Field(default=[], description="Only rows of these feeds; empty: of all.")
    reason: str = Field(default="", description="What was fixed, for the record.")
    touch_only: bool = Field(default=False, description="Read nothing; only have the rows judged again.")


@dg.op(tags={"tradewind/layer": "raw"})
def replay_quarantine(
    context: dg.OpExecutionContext, config: ReplayConfig, platform: dg.ResourceParam[Platform]
) -> None:
    """Quarantined rows read again from their landed files, with the mappings and markets of today."""
    from orchestration.arrivals.replay import replay
    from orchestration.arrivals.replay_rows import Selection

    selection = Selection(
        tuple(config.rule_ids), tuple(config.quarantine_keys), tuple(config.files), tuple(config.feeds)
    )
    try:
        report = replay(platform.settings, platform.lake, selection, reason=config.reason, touch_only=config.touch_only)
    except ValueError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    for name, reason in report.lost.items():
        context.log.warning("not read again: %s: %s", name, reason)
    for feed, rows in report.told_anew.items():
        context.log_event(
            dg.AssetMaterialization(
                raw_key(feed),
                metadata={"rows_told_anew": rows, "batch": report.batch_id or 0, "reason": config.reason},
            )
        )
    context.add_output_metadata(
        {
            "batch": report.batch_id or 0,
            "rows_chosen": report.chosen,
            "rows_told_anew": sum(report.told_anew.values()),
            "rows_read_as_before": report.unchanged,
            "files_lost": len(report.lost),
            "markets_touched": ", ".join(report.markets_touched) or "none",
        }
    )


def _metadata(report: ArrivalReport, feed: str) -> dict[str, dg.MetadataValue]:
    taken = [
        f"| {outcome.name} | {outcome.source_id} | {outcome.rows_by_feed[feed]} | {', '.join(outcome.new_columns)} |"
        for outcome in report.files
        if outcome.rows_by_feed.get(feed)
    ]
    refused = [f"| {outcome.name} | {outcome.rule} | {outcome.reason} |" for outcome in report.rejected]
    found: dict[str, dg.MetadataValue] = {
        "batch": dg.MetadataValue.int(report.batch_id or 0),
        "markets_touched": dg.MetadataValue.text(", ".join(report.markets_touched) or "none"),
    }
    if taken:
        found["files"] = dg.MetadataValue.md(
            "\n".join(["| file | source | rows | new columns |", "|---|---|---|---|", *taken])
        )
    if refused:
        found["refused"] = dg.MetadataValue.md("\n".join(["| file | rule | reason |", "|---|---|---|", *refused]))
    return found
