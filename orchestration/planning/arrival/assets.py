"""Arrival times as assets: read what is published, look ahead, keep the tables until the planning gate.

Belongs here: reading, calling, metadata. Does not: any maths.
"""

from collections.abc import Iterator

import dagster as dg

from orchestration.planning.assets import plan_spec, planning_run
from orchestration.planning.outlook_tables import LEAD_TIME, SHIPMENT_OUTLOOK
from orchestration.planning.work import ARRIVAL_READS
from orchestration.platform import Platform, model_key


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
    with run.published(ARRIVAL_READS) as con:
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
