"""What became of planners' decisions, as assets of the planning run.

Belongs here: reading, calling, metadata. Does not: any maths.
"""

from collections.abc import Iterator

import dagster as dg

from orchestration.planning.assets import plan_spec, planning_run
from orchestration.planning.planner.tables import ORDER_DECISION, OVERRIDE_STATE, OVERRIDE_VALUE
from orchestration.planning.work import HAND_READS
from orchestration.platform import Platform, model_key


@dg.multi_asset(
    name="planners_hand",
    specs=[
        plan_spec(OVERRIDE_VALUE, "What overrides of the forecast were worth, by market, person, reason and override."),
        plan_spec(
            ORDER_DECISION, "What has become of each decision on an order suggestion, and what is on order by it."
        ),
        plan_spec(OVERRIDE_STATE, "What the newest forecast makes of each override, and why it takes nothing from it."),
    ],
)
def planners_hand(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> Iterator[dg.MaterializeResult[None]]:
    """Weigh the overrides whose weeks are over, and follow each decision on an order to its purchase order."""
    from orchestration.planning.hand_value import override_value
    from orchestration.planning.planner import reading

    run = planning_run(context, platform)
    with run.published(HAND_READS) as con:
        value = override_value(reading.overridden_plans(con), reading.overridden_actuals(con))
        decided = reading.decision_states(con)
        overrides = reading.override_states(con)
    run.keep(OVERRIDE_VALUE, value)
    run.keep(ORDER_DECISION, decided)
    run.keep(OVERRIDE_STATE, overrides)
    whole = value[value["group_kind"] == "all"]
    words = [
        f"- {row.market}: {row.week_count} weeks, model {row.model_wape_pct:.1f} %, plan {row.plan_wape_pct:.1f} % off"
        for row in whole.itertuples()
    ]
    yield dg.MaterializeResult(
        asset_key=model_key(OVERRIDE_VALUE),
        metadata={
            "dagster/row_count": len(value),
            "value_added": dg.MetadataValue.md("\n".join(words) or "no overridden week is over yet"),
        },
    )
    states = decided["state"].value_counts()
    yield dg.MaterializeResult(
        asset_key=model_key(ORDER_DECISION),
        metadata={
            "dagster/row_count": len(decided),
            "states": ", ".join(f"{count} {state}" for state, count in states.items()) or "no decision",
            "on_order_qty": float(decided["on_order_qty"].sum()),
        },
    )
    unused = overrides[overrides["override_state"] == "unused"]
    names = [f"- {row.override_id}: {row.node_type} {row.node_id} of {row.market}" for row in unused.itertuples()]
    yield dg.MaterializeResult(
        asset_key=model_key(OVERRIDE_STATE),
        metadata={
            "dagster/row_count": len(overrides),
            "unused": dg.MetadataValue.md("\n".join(names) or "none"),
        },
    )
