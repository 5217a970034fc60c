"""What the planner's hand was worth: the plan's error beside the model's, in the weeks that are over.

Belongs here: which plan of a week is held against it, and the figures by person and by reason. Does not: plans
themselves (see `hand.py`).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

WEEK_DAYS = 7
NODE_WEEK = ["market", "node_type", "node_id", "target_on"]
GROUPS: Mapping[str, str] = {"all": "", "person": "decided_by", "reason": "reason", "override": "override_id"}
VALUE_COLUMNS: Mapping[str, str] = {
    "market": "varchar",
    "group_kind": "varchar",
    "group_value": "varchar",
    "override_count": "bigint",
    "week_count": "bigint",
    "better_week_count": "bigint",
    "actual_qty": "double",
    "model_error_qty": "double",
    "plan_error_qty": "double",
    "model_wape_pct": "double",
    "plan_wape_pct": "double",
    "value_added_points": "double",
    "model_bias_pct": "double",
    "plan_bias_pct": "double",
}
VALUE_WORDS: Mapping[str, str] = {
    "market": "Country where the buyer receives the goods, ISO 3166-1 alpha-2.",
    "group_kind": "`all` overrides of the market, those of one `person`, one `reason` or one `override`.",
    "group_value": "The person, reason or override; empty for all.",
    "override_count": "Overrides with a week that is over.",
    "week_count": "Weeks of single nodes that an override changed and that are over.",
    "better_week_count": "Those of them in which the plan was nearer to what was sold than the model.",
    "actual_qty": "Units sold in them.",
    "model_error_qty": "Sum of the model's absolute errors.",
    "plan_error_qty": "Sum of the plan's absolute errors.",
    "model_wape_pct": "The model's absolute errors as a share of the units sold; null where none were sold.",
    "plan_wape_pct": "The plan's absolute errors as a share of the units sold; null where none were sold.",
    "value_added_points": "Points of WAPE that the planner's hand took away; negative where it added them.",
    "model_bias_pct": "The model's errors with their sign, above what was sold positive, as a share of the units sold.",
    "plan_bias_pct": "The plan's errors with their sign, as a share of the units sold.",
}


def override_value(plans: pd.DataFrame, actuals: pd.DataFrame) -> pd.DataFrame:
    """The value that overrides added to the forecast, by market, person, reason and override: VALUE_COLUMNS.

    plans: rows of `apply_overrides` of all made_on. Only nodes for which the planner gave a figure count, in the last
        plan made before the week began, whatever its horizon: a plan made in the course of its week knows a part of it.
        Weeks begin on the day on which a plan is made, so those of several plans overlap: of a node's overlapping weeks
        the first one counts, and each day once.
    actuals: market, node_type, node_id, target_on, actual_qty of the weeks that are over.
    """
    own = plans[plans["planner_qty"].notna()]
    own = own[pd.to_datetime(own["made_on"]) <= pd.to_datetime(own["target_on"])]
    last = own.sort_values("made_on", kind="stable").drop_duplicates(NODE_WEEK, keep="last")
    weeks = _apart(last.merge(actuals, on=NODE_WEEK))
    model, plan = (
        weeks[column].astype(float) - weeks["actual_qty"].astype(float) for column in ("model_qty", "plan_qty")
    )
    weeks = weeks.assign(
        actual_qty=weeks["actual_qty"].astype(float),
        model_bias=model,
        plan_bias=plan,
        model_error_qty=model.abs(),
        plan_error_qty=plan.abs(),
        is_better=plan.abs() < model.abs(),
    )
    parts = [_of_group(weeks, kind, column) for kind, column in GROUPS.items()]
    found = pd.concat(parts, ignore_index=True)
    return found.sort_values(["market", "group_kind", "group_value"], ignore_index=True)[list(VALUE_COLUMNS)]


def _apart(weeks: pd.DataFrame) -> pd.DataFrame:
    """The weeks of each node that do not overlap an earlier one of them."""
    ordered = weeks.sort_values(NODE_WEEK, kind="stable", ignore_index=True)
    kept: list[bool] = []
    node, free_from = None, pd.Timestamp.min
    for *one, first in ordered[NODE_WEEK].itertuples(index=False, name=None):
        begins = pd.Timestamp(first)
        is_apart = one != node or begins >= free_from
        kept.append(is_apart)
        if is_apart:
            node, free_from = one, begins + pd.Timedelta(days=WEEK_DAYS)
    return ordered[np.asarray(kept, dtype=bool)]


def _of_group(weeks: pd.DataFrame, kind: str, column: str) -> pd.DataFrame:
    named = weeks.assign(group_kind=kind, group_value=weeks[column].astype(str) if column else "")
    sums = named.groupby(["market", "group_kind", "group_value"], as_index=False).agg(
        override_count=("override_id", "nunique"),
        week_count=("target_on", "size"),
        better_week_count=("is_better", "sum"),
        actual_qty=("actual_qty", "sum"),
        model_error_qty=("model_error_qty", "sum"),
        plan_error_qty=("plan_error_qty", "sum"),
        model_bias=("model_bias", "sum"),
        plan_bias=("plan_bias", "sum"),
    )
    sold = sums["actual_qty"].where(sums["actual_qty"] > 0, np.nan)
    return sums.assign(
        model_wape_pct=100 * sums["model_error_qty"] / sold,
        plan_wape_pct=100 * sums["plan_error_qty"] / sold,
        value_added_points=100 * (sums["model_error_qty"] - sums["plan_error_qty"]) / sold,
        model_bias_pct=100 * sums["model_bias"] / sold,
        plan_bias_pct=100 * sums["plan_bias"] / sold,
    )
