"""Assortment: per market and category what it earns, how it grows, what its stock does, and what to do about it.

Belongs here: figures, the rules that turn them into an action, the evidence in words. Does not: reading.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

WIDEN, KEEP, THIN, DROP, LIST = "widen", "keep", "thin", "drop", "list"
COLUMNS = (
    "market", "category_code", "made_on", "product_count", "sold_product_count", "sold_qty", "revenue_usd",
    "landed_cost_usd", "margin_pct", "growth_pct", "stock_value_usd", "stock_turns", "gmroi", "dead_stock_pct",
    "action", "products", "evidence",
)  # fmt: skip
SHOWN = 5


@dataclass(frozen=True)
class AssortmentRules:
    """Thresholds. A category is judged by margin first, then by dead stock, then by growth.

    drop: it loses money and does not grow. thin: too much of its stock is dead. widen: it earns and grows more than the
    market's other categories. list: products that sell in other markets and not here, in a category that earns here.
    """

    least_margin_pct: float = 0.0
    good_margin_pct: float = 15.0
    dead_stock_pct: float = 25.0
    good_growth_pct: float = 10.0
    least_products: int = 5


def assess(sales: pd.DataFrame, products: pd.DataFrame, stock: pd.DataFrame, rules: AssortmentRules) -> pd.DataFrame:
    """One row per market and category, COLUMNS without made_on.

    sales: market, product_id, revenue_usd, landed_cost_usd, goods_usd, sold_qty (a year), recent_qty, earlier_qty
        (twenty-six weeks, now and a year before), quarter_qty (thirteen weeks). Null costs are unknown.
    products: product_id, category_code. stock: market, product_id, stock_value_usd (the market's part).
    """
    rows = sales.merge(stock, how="outer", on=["market", "product_id"]).merge(products, how="left", on="product_id")
    rows["category_code"] = rows["category_code"].fillna("unknown").replace("", "unknown")
    numbers = ["revenue_usd", "landed_cost_usd", "goods_usd", "sold_qty", "recent_qty", "earlier_qty", "quarter_qty",
               "stock_value_usd"]  # fmt: skip
    rows[numbers] = rows[numbers].astype(float).fillna(0.0)
    rows["dead_usd"] = rows["stock_value_usd"].where(rows["recent_qty"] <= 0, 0.0)
    rows["is_sold"] = rows["quarter_qty"] > 0
    groups = rows.groupby(["market", "category_code"])
    found = groups[[*numbers, "dead_usd", "is_sold"]].sum()
    found["product_count"], found["sold_product_count"] = groups.size(), found.pop("is_sold").astype(int)
    # What the goods cost is unknown where no product of the category has a cost: no margin is better than a wrong one.
    margin = (found["revenue_usd"] - found["landed_cost_usd"]).where(found["goods_usd"] > 0)
    stocked = found["stock_value_usd"].where(found["stock_value_usd"] > 0)
    found["margin_pct"] = 100 * margin / found["revenue_usd"].where(found["revenue_usd"] > 0)
    found["growth_pct"] = 100 * (found["recent_qty"] / found["earlier_qty"].where(found["earlier_qty"] > 0) - 1)
    found["stock_turns"], found["gmroi"] = found["goods_usd"] / stocked, margin / stocked
    found["dead_stock_pct"] = 100 * found["dead_usd"] / stocked
    found = found.reset_index()
    of_market = found.groupby("market")[["recent_qty", "earlier_qty"]].transform("sum")
    market_growth = 100 * (of_market["recent_qty"] / of_market["earlier_qty"].where(of_market["earlier_qty"] > 0) - 1)
    best = _best_elsewhere(rows)
    actions = [_judged(row, growth, rows, best, rules) for row, growth in zip(found.to_dict("records"),
               market_growth, strict=True)]  # fmt: skip
    found[["action", "products", "evidence"]] = pd.DataFrame(actions, index=found.index)
    return found


def _best_elsewhere(rows: pd.DataFrame) -> pd.DataFrame:
    """By product: how many markets it sells in, and its units over all of them, the best first."""
    sold = rows[rows["quarter_qty"] > 0]
    found = sold.groupby(["category_code", "product_id"]).agg(markets=("market", "nunique"), qty=("sold_qty", "sum"))
    return found[found["markets"] >= 2].sort_values("qty", ascending=False, kind="stable").reset_index()


def _judged(
    row: Mapping[Hashable, object], market_growth: float, rows: pd.DataFrame, best: pd.DataFrame, rules: AssortmentRules
) -> tuple[str, str, str]:
    """Action, products and evidence of one market and category."""
    margin, growth, dead = (float(str(row[name])) for name in ("margin_pct", "growth_pct", "dead_stock_pct"))
    own = rows[(rows["market"] == row["market"]) & (rows["category_code"] == row["category_code"])]
    figures = (
        f"margin {_number(margin)} % of {float(str(row['revenue_usd'])):,.0f} USD, growth {_number(growth)} % (market"
        f" {_number(market_growth)} %), turns {_number(float(str(row['stock_turns'])), 1)}, GMROI"
        f" {_number(float(str(row['gmroi'])), 2)}, dead stock {_number(dead)} %,"
        f" {row['sold_product_count']} of {row['product_count']} products sold in thirteen weeks"
    )
    dead_products = own[own["dead_usd"] > 0].sort_values("dead_usd", ascending=False, kind="stable")
    missing = best[best["category_code"] == row["category_code"]]
    missing = missing[~missing["product_id"].isin(set(own["product_id"]))]
    if int(str(row["product_count"])) < rules.least_products:
        return KEEP, "", f"Too few products to judge: {figures}."
    if margin < rules.least_margin_pct and not growth > rules.good_growth_pct:
        worst = own.sort_values("revenue_usd", kind="stable")
        return DROP, _names(worst["product_id"]), f"It loses money and does not grow: {figures}."
    if dead > rules.dead_stock_pct:
        return THIN, _names(dead_products["product_id"]), f"Too much of its stock has not sold for 26 weeks: {figures}."
    if margin >= rules.good_margin_pct and growth >= rules.good_growth_pct and growth >= market_growth:
        top = own.sort_values("revenue_usd", ascending=False, kind="stable")
        return WIDEN, _names(top["product_id"]), f"It earns and grows more than the market: {figures}."
    if margin >= rules.good_margin_pct and len(missing):
        return LIST, _names(missing["product_id"]), f"These sell in other markets and are not listed here: {figures}."
    return KEEP, "", f"Nothing calls for a change: {figures}."


def _number(value: float, digits: int = 0) -> str:
    return "unknown" if np.isnan(value) else f"{value:.{digits}f}"


def _names(products: pd.Series) -> str:
    return ", ".join(str(product) for product in products.head(SHOWN))
