"""Which warehouse serves which market's demand, and what that makes of the markets' forecasts.

Belongs here: shares of sites in markets, demand by site. Does not: reading and stock levels.
"""

import numpy as np
import pandas as pd

ROUNDS = 30


def site_shares(stock: pd.DataFrame, shipped: pd.DataFrame, sold: pd.DataFrame) -> pd.DataFrame:
    """One row per site, product and market that it serves: share, the part of the market's demand that it takes.

    stock: site_code, product_id, served_countries (codes joined by semicolons). shipped: site_code, product_id,
    shipped_qty. sold: market, product_id, sold_qty.
    What a site has shipped is known, and what a market has bought; which site served which market is found by
    proportional fitting of both, over the markets that a site may serve (Deming and Stephan 1940). The shares of a
    market and product add up to one, so that no demand is planned twice.
    """
    pairs = stock[["site_code", "product_id", "served_countries"]].copy()
    pairs["market"] = pairs.pop("served_countries").fillna("").str.split(";")
    pairs = pairs.explode("market")
    pairs = pairs[pairs["market"].fillna("") != ""]
    pairs = pairs.merge(sold[["market", "product_id", "sold_qty"]], how="left", on=["market", "product_id"])
    pairs = pairs.merge(shipped, how="left", on=["site_code", "product_id"])
    pairs = pairs.fillna({"sold_qty": 0.0, "shipped_qty": 0.0}).reset_index(drop=True)
    site = pairs.groupby(["site_code", "product_id"], sort=False).ngroup().to_numpy()
    market = pairs.groupby(["market", "product_id"], sort=False).ngroup().to_numpy()
    wanted, sent = pairs["sold_qty"].to_numpy(float), pairs["shipped_qty"].to_numpy(float)
    # A site without shipments takes a little: where nobody has shipped, all that may serve share.
    taken = (wanted + 1e-3) * (sent + 1e-3)
    for _ in range(ROUNDS):
        taken = taken * _ratio(sent + 1e-3, taken, site)
        taken = taken * _ratio(wanted + 1e-3, taken, market)
    totals = np.bincount(market, taken)[market]
    pairs["share"] = taken / totals
    return pairs[["site_code", "product_id", "market", "share", "sold_qty"]]


def _ratio(goal: np.ndarray, taken: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Per row what its group has to be multiplied by; the goal is the same in every row of a group."""
    total: np.ndarray = np.bincount(group, taken)[group]
    result: np.ndarray = goal / np.maximum(total, 1e-12)
    return result


def product_forecast(forecast: pd.DataFrame, sold: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """One row per market, product and week: week (from 0), mean, sd, level_cv, basis.

    forecast: market, node_type (product or rest), product_id, category, target_on, forecast_qty, p100_qty, p900_qty,
    level_cv (how uncertain the level is over the weeks, as the demand model knows it; null: the band must tell).
    sold: market, product_id, sold_qty of a year; products: product_id, category_code.
    A product without a forecast of its own takes the part of its category's rest that it had of the rest's sales; its
    level is as uncertain as its few sales make it. Without sales and forecast a product has no rows.
    """
    if forecast.empty:
        return pd.DataFrame({name: [] for name in ("market", "product_id", "week", "mean", "sd", "level_cv", "basis")})
    rows = forecast.copy()
    rows["week"] = rows.groupby(["market", "node_type", "product_id", "category"])["target_on"].rank(method="dense") - 1
    rows["week"] = rows["week"].astype(int)
    rows["mean"] = rows["forecast_qty"].astype(float).clip(lower=0.0)
    rows["sd"] = ((rows["p900_qty"] - rows["p100_qty"]).astype(float) / 2.563).clip(lower=0.0)
    own = rows[rows["node_type"] == "product"].assign(basis="product")
    own = own[["market", "product_id", "week", "mean", "sd", "level_cv", "basis"]]
    others = sold.merge(products[["product_id", "category_code"]], on="product_id", how="left")
    others["category"] = others["category_code"].fillna("unknown").replace("", "unknown")
    known = own[["market", "product_id"]].drop_duplicates().assign(has_own=True)
    others = others.merge(known, on=["market", "product_id"], how="left")
    others = others[others["has_own"].isna() & (others["sold_qty"] > 0)]
    others["part"] = others["sold_qty"] / others.groupby(["market", "category"])["sold_qty"].transform("sum")
    rest = rows[rows["node_type"] == "rest"][["market", "category", "week", "mean", "level_cv"]]
    shared = others[["market", "product_id", "category", "part", "sold_qty"]].merge(rest, on=["market", "category"])
    shared["mean"] = shared["mean"] * shared["part"]
    # Counts: a year's sales of n know their level to one in the root of n.
    shared["sd"] = np.sqrt(shared["mean"] + (shared["mean"] ** 2) / (shared["sold_qty"] + 1))
    shared["level_cv"] = np.sqrt(shared["level_cv"].astype(float) ** 2 + 1 / (shared["sold_qty"] + 1))
    shared["basis"] = "rest"
    return pd.concat(
        [own, shared[["market", "product_id", "week", "mean", "sd", "level_cv", "basis"]]], ignore_index=True
    )


def site_demand(shares: pd.DataFrame, forecast: pd.DataFrame) -> pd.DataFrame:
    """One row per site, product and week: mean, sd, level_cv, basis; the sum over the markets that the site serves.

    Levels of different markets err by themselves. The level is uncertain by an unknown amount where one of them is.
    """
    rows = shares.merge(forecast, on=["market", "product_id"])
    rows["mean"] = rows["mean"] * rows["share"]
    rows["variance"] = (rows["sd"] ** 2) * rows["share"]
    rows["level_variance"] = (rows["mean"] * rows["level_cv"]) ** 2
    rows["is_untold"] = rows["level_cv"].isna()
    found = rows.groupby(["site_code", "product_id", "week"], sort=True).agg(
        mean=("mean", "sum"), variance=("variance", "sum"), level_variance=("level_variance", "sum"),
        is_untold=("is_untold", "any"), basis=("basis", "min"),
    )  # fmt: skip
    found["sd"] = np.sqrt(found.pop("variance"))
    level = np.sqrt(found.pop("level_variance")) / found["mean"].where(found["mean"] > 0)
    found["level_cv"] = level.where(~found.pop("is_untold"))
    return found.reset_index()
