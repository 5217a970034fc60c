"""The picture book of operations and the reports of markets as assets: what the run has published, drawn.

Belongs here: reading, calling, plots in the metadata. Does not: queries and drawing.
"""

import dagster as dg

from orchestration.customers.assets import CUSTOMERS_KEY
from orchestration.forecasting.assets import FORECASTS_KEY
from orchestration.marketing.media.assets import MEDIA_KEY
from orchestration.marketing.recommending.assets import RECOMMENDATIONS_KEY
from orchestration.modeling.translator import OWNERS
from orchestration.partitions import MARKETS, SINGLE_RUN
from orchestration.platform import Platform
from orchestration.runs.assets import MARKET_TABLES_KEY

OPERATIONS_KEY = dg.AssetKey(["reporting", "operations"])
REPORTS_KEY = dg.AssetKey(["reporting", "market_reports"])
MOST_MARKETS = 9


@dg.asset(
    key=OPERATIONS_KEY,
    deps=[MARKET_TABLES_KEY],
    partitions_def=MARKETS,
    backfill_policy=SINGLE_RUN,
    group_name="reporting",
    owners=list(OWNERS),
    kinds={"python", "duckdb", "matplotlib"},
)
def operations(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
    """Clearance, delivery on time, matching, unexplained money and the worklist by reason, of the run's markets."""
    # matplotlib takes over a second to import: only a run that draws pays for it.
    from orchestration.forecasting.plots import as_markdown_image
    from orchestration.reporting.figures import connect, read_operations
    from orchestration.reporting.plots import pictures

    run = platform.run_of(context)
    # The last publication removes the run's database; while it is there it tells whether there was anything to do.
    if run.exists and run.plan().is_empty:
        return dg.MaterializeResult()
    with connect(platform.lake, context.partition_keys) as con:
        found = read_operations(con, most_markets=MOST_MARKETS)
    drawn = {
        name: dg.MetadataValue.md(as_markdown_image(png, words=name.replace("_", " ")))
        for name, png in pictures(found).items()
    }
    is_one_market = len(context.partition_keys) == 1
    if drawn and not is_one_market:
        # Dagster copies a range's metadata into the event of each partition: so the pictures get an event of their own.
        context.log_event(dg.AssetObservation(OPERATIONS_KEY, metadata=drawn))
    return dg.MaterializeResult(
        metadata={
            "items_to_act_on": sum(reason.item_count for reason in found.reasons),
            "value_at_risk_usd": round(sum(reason.value_at_risk_usd for reason in found.reasons), 2),
            "as_of": str(found.as_of),
            **(drawn if is_one_market else {}),
        }
    )


@dg.asset(
    key=REPORTS_KEY,
    deps=[MARKET_TABLES_KEY, FORECASTS_KEY, CUSTOMERS_KEY, MEDIA_KEY, RECOMMENDATIONS_KEY],
    partitions_def=MARKETS,
    backfill_policy=SINGLE_RUN,
    group_name="reporting",
    owners=list(OWNERS),
    kinds={"python", "duckdb", "html"},
)
def market_reports(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult[None]:
    """One HTML page per market: who buys, what to show, fund and stock, what waits, whom to trust."""
    from orchestration.reporting.market_report.writing import link, write_pages

    run = platform.run_of(context)
    if run.exists and run.plan().is_empty:
        return dg.MaterializeResult()
    pages = write_pages(platform.settings, platform.lake, context.partition_keys)
    links = {market: link(path) for market, path in pages.items()}
    for market, page in links.items():
        context.add_asset_metadata({"report": dg.MetadataValue.md(page)}, partition_key=market)
    words = "\n".join(f"- {market}: {page}" for market, page in links.items())
    words = words or "No market of this run has published an order."
    return dg.MaterializeResult(metadata={"pages": len(links), "reports": dg.MetadataValue.md(words)})
