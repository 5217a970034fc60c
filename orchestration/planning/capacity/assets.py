"""Capacity as an asset: read what is published, look ahead, keep the table until the planning gate.

Belongs here: reading, calling, charts in the metadata. Does not: any maths.
"""

import dagster as dg

from orchestration.planning.assets import plan_spec, planning_run
from orchestration.planning.outlook_tables import CAPACITY_OUTLOOK
from orchestration.planning.work import CAPACITY_READS
from orchestration.platform import Platform, model_key

MOST_CHARTS = 6


@dg.multi_asset(
    name="site_capacity",
    specs=[plan_spec(CAPACITY_OUTLOOK, "Load of each site in the next 91 days against its capacity, with alarms.")],
)
def site_capacity(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult[None]:
    """p50, p90 and p99 per site, kind and day; the charts are those of the sites that the alarms strike hardest."""
    from orchestration.forecasting.plots import as_markdown_image
    from orchestration.planning.capacity.outlook import alarms_in_words, capacity_outlook, sites_by_alarm
    from orchestration.planning.capacity.plots import site_plot
    from orchestration.planning.capacity.reading import read_events, read_measured, read_served

    run = planning_run(context, platform)
    with run.published(CAPACITY_READS) as con:
        measured, served = read_measured(con), read_served(con)
    outlook = capacity_outlook(measured, read_events(), served)
    run.keep(CAPACITY_OUTLOOK, outlook.rows)
    charts = {
        f"chart_{site}": dg.MetadataValue.md(as_markdown_image(site_plot(outlook, site), words=f"capacity of {site}"))
        for site in sites_by_alarm(outlook)[:MOST_CHARTS]
    }
    return dg.MaterializeResult(
        asset_key=model_key(CAPACITY_OUTLOOK),
        metadata={
            "dagster/row_count": len(outlook.rows),
            "alarm_days": int(outlook.rows["is_alarm"].sum()),
            "alarms": dg.MetadataValue.md(alarms_in_words(outlook)),
            **charts,
        },
    )
