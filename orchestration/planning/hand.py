"""The planner's hand on a forecast: overrides become a plan beside the model's figures, which they never change.

Belongs here: which override counts where, and how the figures above, below and beside it follow. Does not: reading
and keeping tables, what overrides were worth (see `hand_value.py`), decisions on orders (see `decisions.py`).

The rules, in the order in which they decide:
1. A withdrawn override changes nothing. Of several overrides of one node on one day the one decided last counts;
   among equals the one with the larger number. A week that an override covers in part is planned in part.
2. The more special figure stands: of a market's or a category's figure its products without one share what the others
   leave, in the model's proportions. Where the parts alone come to more than the whole, or nothing is left that could
   give way, the parts stand and the whole is their sum.
3. What is changed below is changed above by as many units; categories and subdivisions of a market, which are two ways
   to divide it, both follow the market.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Figures = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

MARKET, CATEGORY, SUBDIVISION, PRODUCT, REST = "market", "category", "subdivision", "product", "rest"
NODE = ["market", "node_type", "node_id"]
PLAN_COLUMNS = ("model_qty", "planner_qty", "plan_qty", "plan_basis", "override_id", "reason", "decided_by")
WEEK_DAYS = 7
# Why an override changes nothing.
WITHDRAWN, UNKNOWN_NODE = "it is withdrawn", "the forecast has no such node"
NO_WEEK, OVERRULED = "the forecast has no week that it covers", "a later override stands in its place"
# Below this share of a figure a difference is one of arithmetic.
TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class Plan:
    """The plan: one row per forecast row (see `apply_overrides`), and the overrides that change nothing, with why."""

    rows: pd.DataFrame
    unused: pd.DataFrame


def apply_overrides(forecast: pd.DataFrame, overrides: pd.DataFrame, members: pd.DataFrame) -> Plan:
    """The weekly forecast with the planner's figures beside it.

    forecast: market, node_type, node_id, made_on, target_on (first day of the week), forecast_qty, whatever else; one
        row per node, made_on and week. A node of the type `rest` holds what the products without a node of their own
        sell of the category `node_id`.
    overrides: the columns of stg_forecast_overrides, their `node_id` in the words of the forecast.
    members: market, node_id, category: the category of each product node.
    Rows of the plan: those of the forecast without forecast_qty, with `model_qty` (the forecast), `planner_qty` (the
    planner's figure for this node and week; null without one), `plan_qty`, `plan_basis` (`model`, `override`, `spread`
    from a figure above, `sum` of changes below or beside), and `override_id`, `reason`, `decided_by` of the override
    that a figure comes from. `unused`: override_id, market, node_type, node_id, reason.
    """
    rows = forecast.rename(columns={"forecast_qty": "model_qty"}).reset_index(drop=True)
    own, unused = _own_figures(rows, overrides)
    plan = rows.assign(
        planner_qty=own["planner_qty"],
        plan_qty=rows["model_qty"].astype(float),
        plan_basis=np.where(own["planner_qty"].notna(), "override", "model"),
        override_id=own["override_id"],
    )
    changed = plan.loc[plan["planner_qty"].notna(), ["market", "made_on", "target_on"]].drop_duplicates()
    if len(changed):
        category_of = {
            (str(market), str(node)): str(category)
            for market, node, category in zip(members["market"], members["node_id"], members["category"], strict=True)
        }
        touched = plan.reset_index().merge(changed, on=["market", "made_on", "target_on"])
        for (market, _, _), group in touched.groupby(["market", "made_on", "target_on"], sort=False):
            parents = [
                str(node) if kind == REST else category_of.get((str(market), str(node)))
                for kind, node in zip(group["node_type"], group["node_id"], strict=True)
            ]
            coherent = _coherent_week(group, parents)
            for column in coherent:
                plan.loc[coherent.index, column] = coherent[column]
    said = overrides.drop_duplicates("override_id").set_index("override_id")
    for column in ("reason", "decided_by"):
        plan[column] = plan["override_id"].map(said[column]) if len(said) else None
    return Plan(plan, unused)


def unused_overrides(forecast: pd.DataFrame, overrides: pd.DataFrame) -> pd.DataFrame:
    """The overrides that change nothing of a weekly forecast, with why (see `apply_overrides`)."""
    rows = forecast.rename(columns={"forecast_qty": "model_qty"}).reset_index(drop=True)
    return _own_figures(rows, overrides)[1]


def with_node_keys(overrides: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """The overrides with the key of the product in the place of the number that planners know.

    products: market, product_key, product_id. A number that several products of a market have stays as it is: whose
    it is nobody can tell, and an override of it is reported as one without a node.
    """
    known = products[["market", "product_key", "product_id"]].drop_duplicates()
    known = known.drop_duplicates(["market", "product_id"], keep=False).assign(node_type=PRODUCT)
    found = overrides.merge(
        known, left_on=NODE, right_on=["market", "node_type", "product_id"], how="left", suffixes=("", "_of_product")
    )
    node = found["product_key"].fillna(found["node_id"])
    return overrides.assign(node_id=node.to_numpy())


def _own_figures(rows: pd.DataFrame, overrides: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Per forecast row the planner's own figure and its override; and the overrides that decide nothing, with why."""
    own = pd.DataFrame({"planner_qty": np.nan, "override_id": None}, index=rows.index).astype({"override_id": object})
    why = {str(key): "" for key in overrides["override_id"]}
    is_active = overrides["status"].fillna("active") != "withdrawn"
    why.update(dict.fromkeys(overrides.loc[~is_active, "override_id"].astype(str), WITHDRAWN))
    active = overrides[is_active].rename(columns={"reason": "_reason"})
    nodes = rows[[*NODE, "target_on", "model_qty"]].reset_index(names="row")
    met = active.merge(nodes, on=NODE)
    known = set(met["override_id"].astype(str))
    for key in active["override_id"].astype(str):
        if key not in known:
            why[key] = UNKNOWN_NODE
    days = met.loc[met.index.repeat(WEEK_DAYS)].reset_index(drop=True)
    on = pd.to_datetime(days["target_on"]) + pd.to_timedelta(np.tile(np.arange(WEEK_DAYS), len(met)), unit="D")
    days = days.assign(day=on)[(pd.to_datetime(days["from_on"]) <= on) & (on <= pd.to_datetime(days["to_on"]))]
    in_weeks = set(days["override_id"].astype(str))
    why.update(dict.fromkeys(known - in_weeks, NO_WEEK))
    days = days.sort_values(["decided_at", "override_id"], kind="stable")
    winners = days.drop_duplicates(["row", "day"], keep="last")
    why.update(dict.fromkeys(in_weeks - set(winners["override_id"].astype(str)), OVERRULED))
    if len(winners):
        weekly = (
            winners["quantity"]
            .astype(float)
            .fillna(winners["factor_pct"].astype(float) / 100 * winners["model_qty"].astype(float))
        )
        by_row = weekly.groupby(winners["row"]).sum() / WEEK_DAYS
        covered = winners.groupby("row").size()
        left = 1 - covered / WEEK_DAYS
        own.loc[by_row.index, "planner_qty"] = by_row + left * rows["model_qty"].astype(float)[by_row.index]
        # The week shows the override that covers most of it.
        counts = winners.groupby(["row", "override_id"], sort=False).agg(n=("day", "size"), at=("decided_at", "max"))
        main = counts.reset_index().sort_values(["n", "at", "override_id"]).drop_duplicates("row", keep="last")
        own.loc[main["row"], "override_id"] = main["override_id"].to_numpy()
    named = overrides[["override_id", *NODE]].assign(reason=[why[str(key)] for key in overrides["override_id"]])
    return own, named[named["reason"] != ""].reset_index(drop=True)


def shared(figures: Figures, stands: Flags, total: float, is_named: Flags) -> Figures:
    """The figures with those that do not stand sharing, in their proportions, what `total` leaves them (rule 2).

    Without a proportion the named ones share alike. The sum is larger than `total` where what stands is; and smaller
    where nothing is left to share among.
    """
    free = ~stands
    left = max(0.0, total - float(figures[stands].sum()))
    weights = figures[free]
    if weights.sum() <= 0:
        weights = is_named[free].astype(float)
        if weights.sum() <= 0 and not stands.any():
            weights = np.ones(len(weights))
    filled = figures.copy()
    filled[free] = weights * (left / weights.sum()) if weights.sum() > 0 else 0.0
    return filled


def _coherent_week(group: pd.DataFrame, parents: list[str | None]) -> pd.DataFrame:
    """Plan, basis and override of one market's nodes in one week (rules 2 and 3), in the order of `group`."""
    kinds, names, ids = (group[column].to_numpy() for column in ("node_type", "node_id", "override_id"))
    model, own = (group[column].to_numpy(dtype=float) for column in ("model_qty", "planner_qty"))
    has_own = np.isfinite(own)
    is_category, is_place = kinds == CATEGORY, kinds == SUBDIVISION
    leaf_rows = np.flatnonzero(~((kinds == MARKET) | is_category | is_place))
    belongs = np.array([parents[row] for row in leaf_rows], dtype=object)
    whole = next(iter(np.flatnonzero(kinds == MARKET)), None)

    # The leaves are the products, a rest of each category, and a rest of the market outside all of them.
    categories = np.flatnonzero(is_category)
    rests = [max(0.0, model[row] - model[leaf_rows[belongs == names[row]]].sum()) for row in categories]
    inside = model[leaf_rows].sum() + sum(rests)
    outside = max(0.0, model[whole] - inside) if whole is not None else 0.0
    leaf_category = np.concatenate([belongs, names[categories], [None]])
    figures = np.concatenate([np.where(has_own, own, model)[leaf_rows], rests, [outside]])
    is_named = np.arange(len(figures)) < len(leaf_rows)
    stands = np.concatenate([has_own[leaf_rows], np.zeros(len(rests) + 1, dtype=bool)])
    for row in categories[has_own[categories]]:
        below = leaf_category == names[row]
        figures[below] = shared(figures[below], stands[below], float(own[row]), is_named[below])
        stands[below] = True

    places = np.flatnonzero(is_place)
    unplaced = max(0.0, (inside + outside) - model[places].sum())
    of_places = np.append(np.where(has_own, own, model)[places], unplaced)
    place_stands = np.append(has_own[places], False)
    moved = float((own - model)[places[has_own[places]]].sum())
    total = float(own[whole]) if whole is not None and has_own[whole] else max(0.0, float(figures.sum()) + moved)
    total = max(total, float(figures[stands].sum()), float(of_places[place_stands].sum()))
    figures = shared(figures, stands, total, is_named)
    total = float(figures.sum())
    of_places = shared(of_places, place_stands, total, np.arange(len(of_places)) < len(places))
    if of_places.sum() > 0:
        # Where every place has a figure of its own, the goods decide.
        of_places *= total / of_places.sum()

    plan = model.copy()
    plan[leaf_rows] = figures[: len(leaf_rows)]
    plan[categories] = [figures[leaf_category == names[row]].sum() for row in categories]
    plan[places] = of_places[: len(places)]
    if whole is not None:
        plan[whole] = total
    of_category = {names[row]: ids[row] for row in categories if has_own[row]}
    of_market = ids[whole] if whole is not None and has_own[whole] else None
    above = np.full(len(group), of_market, dtype=object)
    above[leaf_rows] = [of_category.get(category, of_market) for category in belongs]
    is_changed = np.abs(plan - model) > TOLERANCE * np.maximum(1.0, np.abs(model))
    is_spread = np.array([one is not None for one in above]) & (kinds != MARKET)
    basis = np.where(has_own, "override", np.where(is_changed, np.where(is_spread, "spread", "sum"), "model"))
    from_override = np.full(len(group), None, dtype=object)
    from_override[basis == "spread"] = above[basis == "spread"]
    from_override[has_own] = ids[has_own]
    return pd.DataFrame({"plan_qty": plan, "plan_basis": basis, "override_id": from_override}, index=group["index"])
