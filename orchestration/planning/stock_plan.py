"""Order suggestions: what each warehouse should order of each product now, and why.

Belongs here: the way from demand, stock, orders and lead times to suggestions. Does not: reading, tables, assets.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import cast

import numpy as np
import pandas as pd

from orchestration.planning.classes import ClassRules, abc_classes, xyz_classes
from orchestration.planning.demand_shape import LineSizes, Usual, level_cv_of, line_sizes, product_sizes, without_bulk
from orchestration.planning.lead_times import LeadTime, LeadTimes, fixed
from orchestration.planning.levels import Curve, Promise, shared_levels, shortage_curve
from orchestration.planning.limits import Limits, SupplierWeek, Wish, order_within
from orchestration.planning.reading import DEMAND_DAYS, StockInputs
from orchestration.planning.serving import product_forecast, site_demand, site_shares
from orchestration.planning.words import order_reason

DEFAULT_LEAD_DAYS = 30.0
# Where suppliers make what warehouses of other countries get by sea.
HOME_COUNTRY = "CN"
# A unit in twenty years: no demand, but the trace of a division.
LEAST_WEEKLY_QTY = 0.001


@dataclass(frozen=True)
class StockRules:
    """What is promised to customers by ABC class, how often is reviewed, and the limits of an order.

    keeps_bulk: whether the promise holds for lines of unusual size too (see `without_bulk`).
    """

    fill_pct: Mapping[str, float] = field(default_factory=lambda: {"A": 95.0, "B": 95.0, "C": 95.0})
    review_days: int = 7
    keeps_bulk: bool = False
    classes: ClassRules = field(default_factory=ClassRules)
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class StockPlan:
    """The suggestions (columns of the table `reorder`), and the curve of each row, for transfers."""

    rows: pd.DataFrame
    curves: tuple[Curve, ...]
    shares: pd.DataFrame


def suggestion_id(*parts: object) -> str:
    """The key of a suggestion."""
    return sha256("|".join(str(part) for part in parts).encode()).hexdigest()[:20]


def plan_stock(inputs: StockInputs, rules: StockRules, stale: Mapping[str, str], known: LeadTimes) -> StockPlan:
    """A row for each warehouse and product that lies there or is wanted from there.

    stale: markets whose forecast or data are old, with the reason.
    """
    shares = site_shares(inputs.stock, inputs.shipped, inputs.sold)
    forecast = product_forecast(inputs.forecast, inputs.sold, inputs.products)
    demand = site_demand(shares, forecast)
    weeks = int(demand["week"].max()) + 1 if len(demand) else 1
    rows = _items(inputs, shares, stale)
    item = {key: place for place, key in enumerate(zip(rows["site_code"], rows["product_id"], strict=True))}
    demand = demand[demand.groupby(["site_code", "product_id"])["mean"].transform("mean") > LEAST_WEEKLY_QTY]
    weekly, sd = np.zeros((len(rows), weeks)), np.zeros((len(rows), weeks))
    told = np.full(len(rows), np.nan)
    places = [item[key] for key in zip(demand["site_code"], demand["product_id"], strict=True)]
    weekly[places, demand["week"].to_numpy(int)] = demand["mean"]
    sd[places, demand["week"].to_numpy(int)] = demand["sd"]
    told[places] = demand["level_cv"]
    rows["forecast_basis"] = "none"
    rows.loc[places, "forecast_basis"] = demand["basis"].to_numpy()
    _classify(rows, inputs, rules.classes)
    leads = [
        lead_time_of(known, supplier, site, country, stated)
        for supplier, site, country, stated in zip(
            *(rows[name] for name in ("supplier_id", "site_code", "site_country", "lead_time_days")), strict=True
        )
    ]
    usual = _sizes(rows, inputs, shares, keeps_bulk=rules.keeps_bulk)
    sizes = [one.sizes for one in usual]
    bulk = np.array([one.bulk_share for one in usual])
    weekly, sd = weekly * (1 - bulk[:, None]), sd * (1 - bulk[:, None])
    rows["bulk_from_qty"], rows["bulk_pct"] = [one.bulk_from for one in usual], 100 * bulk
    rows["weekly_demand_qty"] = weekly.mean(axis=1)
    curves = tuple(
        shortage_curve(
            weekly[place],
            _level_cv(weekly[place], sd[place], sizes[place]) if np.isnan(told[place]) else float(told[place]),
            sizes[place],
            leads[place],
            Promise(rules.fill_pct[str(abc)], rules.review_days),
        )
        for place, abc in enumerate(rows["abc_class"])
    )
    rows["target_fill_pct"] = rows["abc_class"].map(dict(rules.fill_pct)).astype(float)
    rows["review_days"] = rules.review_days
    rows["lead_time_p50_days"] = [lead.quantile(0.5) for lead in leads]
    rows["lead_time_p90_days"] = [lead.quantile(0.9) for lead in leads]
    rows["lead_time_basis"] = [lead.basis for lead in leads]
    _set_levels(rows, curves, rules)
    _order(rows, curves, rules)
    rows["made_on"] = inputs.made_on
    rows["arrives_on"] = pd.to_datetime(inputs.made_on) + pd.to_timedelta(np.ceil(rows["lead_time_p50_days"]), unit="D")
    rows["suggestion_id"] = [
        suggestion_id(site, product, inputs.made_on)
        for site, product in zip(rows["site_code"], rows["product_id"], strict=True)
    ]
    rows["reason"] = [order_reason(row) for row in cast(list[dict[str, object]], rows.to_dict("records"))]
    return StockPlan(rows, curves, shares)


def _items(inputs: StockInputs, shares: pd.DataFrame, stale: Mapping[str, str]) -> pd.DataFrame:
    """Warehouse and product with stock, orders and what is known of the product."""
    rows = inputs.stock.merge(inputs.open_orders, how="left", on=["site_code", "product_id"])
    rows = rows.merge(inputs.accepted, how="left", on=["site_code", "product_id"])
    rows = rows.merge(inputs.products, how="left", on="product_id")
    rows = rows.fillna({"ordered_qty": 0.0, "accepted_qty": 0.0, "in_transit_qty": 0.0, "reserved_qty": 0.0})
    rows["on_hand_qty"] = (rows["on_hand_qty"] - rows["reserved_qty"]).clip(lower=0.0)
    # Goods at sea stand in the purchase orders and in the count: they are one and the same, so the larger figure holds.
    rows["on_order_qty"] = rows[["ordered_qty", "in_transit_qty"]].max(axis=1)
    main = shares[shares["share"] > 0.01].sort_values(
        ["site_code", "product_id", "share"], ascending=[True, True, False]
    )
    words = main["market"] + " " + (100 * main["share"]).round().astype(int).astype(str) + " %"
    keys = [main["site_code"], main["product_id"]]
    served = words.groupby(keys).agg(", ".join).rename("markets").reset_index()
    old = main[main["market"].isin(list(stale))]
    stale_of = old["market"].groupby([old["site_code"], old["product_id"]]).agg(", ".join)
    rows = rows.merge(served, how="left", on=["site_code", "product_id"])
    rows = rows.merge(stale_of.rename("stale_markets").reset_index(), how="left", on=["site_code", "product_id"])
    return rows.fillna({"markets": "", "stale_markets": ""}).reset_index(drop=True)


def _classify(rows: pd.DataFrame, inputs: StockInputs, rules: ClassRules) -> None:
    sales = inputs.sold.groupby("product_id")["sales_usd"].sum()
    rows["abc_class"] = rows["product_id"].map(abc_classes(sales, rules)).fillna("C")
    rows["xyz_class"] = rows["product_id"].map(xyz_classes(inputs.four_weeks, DEMAND_DAYS // 28, rules)).fillna("Z")


def lead_time_of(known: LeadTimes, supplier: object, site: object, country: object, stated: object) -> LeadTime:
    """From order to receipt: what was received; else what the supplier states, and the way by sea abroad."""
    found = known.receipt(str(supplier), str(site))
    if found is not None:
        return found
    days = _number(stated, float("nan"))
    words = "no receipts: what the supplier states"
    if np.isnan(days):
        days, words = DEFAULT_LEAD_DAYS, f"no receipts and no statement: {DEFAULT_LEAD_DAYS:g} days"
    lane = known.sea(HOME_COUNTRY, str(country)) if str(country) != HOME_COUNTRY else None
    if lane is None:
        return fixed(days, words)
    return lane.after(days, f"{words}, and {lane.basis} to {country}")


def _sizes(rows: pd.DataFrame, inputs: StockInputs, shares: pd.DataFrame, *, keeps_bulk: bool) -> list[Usual]:
    """Sizes of the lines of each row: those of its product as far as it has some, else those of its markets."""
    lines = inputs.lines
    pools = {str(market): line_sizes(part["pieces"].to_numpy(float)) for market, part in lines.groupby("market")}
    if not pools:
        return [Usual(line_sizes(np.array([])), 2, 0.0) for _ in range(len(rows))]
    longest = max(len(pool.share) for pool in pools.values())
    padded = {market: np.pad(pool.share, (0, longest - len(pool.share))) for market, pool in pools.items()}
    everywhere = line_sizes(lines["pieces"].to_numpy(float))
    own = {str(product): part.to_numpy(float) for product, part in lines.groupby("product_id")["pieces"]}
    weights = shares.assign(weight=shares["share"] * shares["sold_qty"])
    mixes: dict[tuple[str, str], np.ndarray] = {}
    for (site, product), part in weights[weights["weight"] > 0].groupby(["site_code", "product_id"]):
        mixed = sum(
            weight * padded[market]
            for market, weight in zip(part["market"], part["weight"], strict=True)
            if market in padded
        )
        mixes[str(site), str(product)] = np.asarray(mixed)
    pooled = []
    for key in zip(rows["site_code"], rows["product_id"], strict=True):
        mixed = mixes.get((str(key[0]), str(key[1])))
        has = mixed is not None and mixed.ndim == 1 and mixed.sum() > 0
        pooled.append(LineSizes(mixed / mixed.sum()) if has and mixed is not None else everywhere)
    pieces = [np.clip(own.get(product, np.zeros(0)), 1, 20_000) for product in rows["product_id"]]
    sizes = product_sizes(pieces, pooled)
    if keeps_bulk:
        return [Usual(one, 20_000, 0.0) for one in sizes]
    return [without_bulk(one, market) for one, market in zip(sizes, pooled, strict=True)]


def _level_cv(weekly: np.ndarray, sd: np.ndarray, sizes: LineSizes) -> float:
    mean, spread = float(weekly.mean()), float(sd.mean())
    return level_cv_of(mean, mean - 1.2815 * spread, mean + 1.2815 * spread, sizes)


def _set_levels(rows: pd.DataFrame, curves: tuple[Curve, ...], rules: StockRules) -> None:
    levels = np.zeros(len(rows))
    for (abc, _), part in rows.groupby(["abc_class", "site_code"]):
        levels[part.index] = shared_levels([curves[place] for place in part.index], rules.fill_pct[str(abc)])
    over_lead = np.array([curve.over_lead for curve in curves])
    in_review = np.array([curve.demand for curve in curves])
    # What is made only when it is ordered is not kept: its level is the mean demand until it can come.
    made = rows["is_made_to_order"].eq(True).to_numpy()
    levels = np.where(made, np.minimum(levels, np.ceil(over_lead)), levels)
    rows["order_up_to_qty"] = levels
    rows["safety_stock_qty"] = levels - over_lead
    rows["reorder_point_qty"] = np.maximum(levels - in_review, 0.0)


def _order(rows: pd.DataFrame, curves: tuple[Curve, ...], rules: StockRules) -> None:
    position = rows["on_hand_qty"] + rows["on_order_qty"] + rows["accepted_qty"]
    rows["is_below_reorder_point"] = position < rows["reorder_point_qty"]
    daily = rows["weekly_demand_qty"] / 7
    rows["days_of_cover"] = (position / daily.where(daily > 0)).round(1)
    rows["wanted_qty"] = np.ceil((rows["order_up_to_qty"] - position).clip(lower=0.0) - 1e-9).clip(lower=0.0) + 0.0
    weeks = rules.review_days / 7
    suppliers = {
        str(row.supplier_id): SupplierWeek(
            _or_endless(row.capacity_per_week_qty) * weeks,
            _or_endless(row.capacity_per_week_qty) * weeks * min(_or_endless(row.flexible_share_pct), 100.0) / 100,
        )
        for row in rows.drop_duplicates("supplier_id").itertuples()
    }
    wishes = [
        Wish(
            wanted_qty=_number(row.wanted_qty, 0.0),
            position_qty=float(position.iloc[place]),
            curve=curves[place],
            supplier_id=str(row.supplier_id),
            site_code=str(row.site_code),
            unit_cost_usd=None if np.isnan(cost) else float(cost),
            unit_weight_kg=_number(row.unit_weight_kg, 0.0),
            minimum_qty=_number(row.minimum_order_qty, 0.0),
            weekly_demand_qty=_number(row.weekly_demand_qty, 0.0),
            is_made_to_order=row.is_made_to_order is True,
            # By sea goes what is kept in the market itself.
            is_overseas=str(row.served_countries) == str(row.site_country) and str(row.site_country) != HOME_COUNTRY,
        )
        for place, (row, cost) in enumerate(zip(rows.itertuples(), rows["unit_cost_usd"].astype(float), strict=True))
    ]
    order_within(wishes, suppliers, rules.limits)
    rows["suggested_qty"] = [wish.ordered_qty for wish in wishes]
    rows["limited_by"] = [", ".join(wish.limited_by) for wish in wishes]
    rows["short_qty_avoided"] = [wish.avoided(wish.ordered_qty) for wish in wishes]
    rows["expected_fill_pct"] = [
        curve.fill_pct(wish.position_qty + wish.ordered_qty) for curve, wish in zip(curves, wishes, strict=True)
    ]
    rows["order_value_usd"] = rows["suggested_qty"] * rows["unit_cost_usd"]


def _or_endless(value: object) -> float:
    return _number(value, float("inf"))


def _number(value: object, otherwise: float) -> float:
    """A cell's number; what is missing is the other one."""
    number = float(str(value)) if value is not None and str(value) not in ("<NA>", "NaT", "None") else float("nan")
    return otherwise if np.isnan(number) else number
