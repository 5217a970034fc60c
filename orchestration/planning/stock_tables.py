"""The tables of the stock plan, from views of the published tables.

Belongs here: the order of reading and computing. Does not: Dagster, queries, maths.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from orchestration.planning.assortment import AssortmentRules, assess
from orchestration.planning.classes import abc_classes
from orchestration.planning.lead_times import LeadTimes
from orchestration.planning.past_lines import HALF_YEAR_DAYS, without_bulk_lines
from orchestration.planning.proof import WARM_UP_WEEKS, WEEKS, prove_policy
from orchestration.planning.reading import made_on_of, read_stock_inputs
from orchestration.planning.reading_sales import read_past_lines, read_sales, read_values
from orchestration.planning.stock_plan import HOME_COUNTRY, StockPlan, StockRules, lead_time_of, plan_stock
from orchestration.planning.tables import ASSORTMENT, REORDER, STOCK_POLICY_SIMULATION, TRANSFER_SUGGESTION
from orchestration.planning.transfers import suggest_transfers

if TYPE_CHECKING:
    import duckdb

    from orchestration.modeling.manifest import PublishedModel

PROOF_ITEMS = 300


def make_stock_tables(
    con: "duckdb.DuckDBPyConnection", rules: StockRules, stale: Mapping[str, str], lead_time: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """The rows of `reorder`, `transfer_suggestion` and `assortment`, by name, in their columns.

    lead_time: the rows of that table.
    """
    made_on = made_on_of(con)
    if made_on is None:
        return {model.name: _empty(model) for model in (REORDER, TRANSFER_SUGGESTION, ASSORTMENT)}
    inputs = read_stock_inputs(con, made_on)
    known = LeadTimes.of(lead_time)
    plan = plan_stock(inputs, rules, stale, known)
    sales = read_sales(con, made_on, inputs.products)
    assortment = assess(
        sales, inputs.products[["product_id", "category_code"]], market_stock(plan), AssortmentRules()
    ).assign(made_on=made_on)  # fmt: skip
    transfers = suggest_transfers(plan, known)
    made = {REORDER: plan.rows, TRANSFER_SUGGESTION: transfers, ASSORTMENT: assortment}
    return {model.name: frame[[column.name for column in model.spec.columns]] for model, frame in made.items()}


def market_stock(plan: StockPlan) -> pd.DataFrame:
    """By market and product: stock_value_usd, each site's stock divided by what its markets take of the demand."""
    value = plan.rows[["site_code", "product_id"]].assign(
        value=plan.rows["on_hand_qty"] * plan.rows["unit_cost_usd"].fillna(0.0)
    )
    rows = plan.shares.merge(value, on=["site_code", "product_id"])
    # What nobody has bought lies there for all markets alike.
    rows["weight"] = rows["share"] * rows["sold_qty"] + 1e-6
    total = rows.groupby(["site_code", "product_id"])["weight"].transform("sum")
    rows["stock_value_usd"] = rows["value"] * rows["weight"] / total
    return rows.groupby(["market", "product_id"])[["stock_value_usd"]].sum().reset_index()


def make_proof(con: "duckdb.DuckDBPyConnection", rules: StockRules, lead_time: pd.DataFrame) -> pd.DataFrame:
    """The rows of `stock_policy_simulation`; none where the history is too short. lead_time: the rows of that table."""
    made_on = made_on_of(con)
    if made_on is None:
        return _empty(STOCK_POLICY_SIMULATION)
    begin = made_on - timedelta(days=(WEEKS + WARM_UP_WEEKS) * 7)
    lines, items = read_past_lines(con, made_on, chosen_before=begin, items=PROOF_ITEMS)
    half_a_year_before = begin - timedelta(days=HALF_YEAR_DAYS)
    earlier, _ = read_past_lines(con, made_on, chosen_before=half_a_year_before, items=PROOF_ITEMS)
    if not len(items):
        return _empty(STOCK_POLICY_SIMULATION)
    inputs = read_stock_inputs(con, made_on)
    known = LeadTimes.of(lead_time)
    products = inputs.products.set_index("product_id")
    sites = inputs.shipped.sort_values("shipped_qty").drop_duplicates("product_id", keep="last")
    site = dict(zip(sites["product_id"], sites["site_code"], strict=True))
    country = dict(zip(inputs.stock["site_code"], inputs.stock["site_country"], strict=True))
    leads = [
        lead_time_of(
            known,
            products["supplier_id"].get(product),
            site.get(product),
            country.get(site.get(product), HOME_COUNTRY),
            products["lead_time_days"].get(product),
        )
        for product in items["product_id"]
    ]
    # Classes as they were when the play begins: by what was sold since then those that sold out would be of class A.
    sales = read_values(con, begin).set_index(["market", "product_id"])["sales_usd"]
    value = sales.reindex(pd.MultiIndex.from_frame(items)).fillna(0.0).reset_index(drop=True)
    classes = abc_classes(value, rules.classes).to_numpy(str)
    days = int(lines.day.max()) + 1
    if not rules.keeps_bulk:
        lines, earlier = without_bulk_lines(lines), without_bulk_lines(earlier)
    proof = prove_policy(lines, earlier, classes, leads, days, target_fill_pct=rules.fill_pct["A"])
    if proof is None:
        return _empty(STOCK_POLICY_SIMULATION)
    first = made_on - timedelta(days=WEEKS * 7)
    table = proof.table.assign(made_on=made_on, from_on=first, to_on=made_on - timedelta(days=1))
    return table[[column.name for column in STOCK_POLICY_SIMULATION.spec.columns]].replace({np.inf: np.nan})


def _empty(model: "PublishedModel") -> pd.DataFrame:
    return pd.DataFrame({column.name: pd.Series(dtype="object") for column in model.spec.columns})
