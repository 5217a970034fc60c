"""Arrival times and capacity as assets: read what is published, look ahead, keep the tables until the planning gate.

Belongs here: reading, calling, charts in the metadata. Does not: any maths.
"""

from collections.abc import Iterator

import dagster as dg

from orchestration.planning.assets import plan_spec, planning_run
from orchestration.planning.outlook_tables import CAPACITY_OUTLOOK, LEAD_TIME, SHIPMENT_OUTLOOK
from orchestration.platform import Platform, model_key

MOST_CHARTS = 6


@dg.multi_asset(
    name="arrival_times",
    specs=[
        plan_spec(
            SHIPMENT_OUTLOOK,
            "When each open shipment will arrive and clear customs, how likely it is late, and why.",
        ),
        plan_spec(LEAD_TIME, "Quantiles of how long goods take, by origin, market, mode and part of the way."),
    ],
)
def arrival_times(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> Iterator[dg.MaterializeResult[None]]:
    """Outlook of the shipments under way, and lead times of lanes, from the shipments of the last two years."""
    from orchestration.planning.arrival.forecasting import arrival_outlook
    from orchestration.planning.arrival.reading import read_arrivals

    run = planning_run(context, platform)
    with run.published() as con:
        data = read_arrivals(con)
    outlook, lanes = arrival_outlook(data)
    run.keep(SHIPMENT_OUTLOOK, outlook.rows)
    run.keep(LEAD_TIME, lanes)
    yield dg.MaterializeResult(
        asset_key=model_key(SHIPMENT_OUTLOOK),
        metadata={
            "dagster/row_count": len(outlook.rows),
            "past_cases": outlook.cases,
            "late_expected": round(float(outlook.rows["late_probability"].sum()), 1),
            "models": dg.MetadataValue.md(outlook.words()),
        },
    )
    yield dg.MaterializeResult(asset_key=model_key(LEAD_TIME), metadata={"dagster/row_count": len(lanes)})


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
    with run.published() as con:
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
