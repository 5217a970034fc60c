"""Orders, transfers, assortment and the proof of the stock policy as assets of the planning job.

Belongs here: reading, calling, metadata. Does not: any maths.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from orchestration.planning.assets import plan_spec, planning_run
from orchestration.planning.outlook_tables import LEAD_TIME
from orchestration.planning.tables import (
    ASSORTMENT,
    REORDER,
    STALE_MARKET,
    STOCK_POLICY_SIMULATION,
    TRANSFER_SUGGESTION,
)
from orchestration.planning.work import STOCK_READS
from orchestration.platform import Platform, model_key

if TYPE_CHECKING:
    import pandas as pd

    from orchestration.planning.stock_plan import StockRules

SHOWN = 25


class StockConfig(dg.Config):
    """What a planner may say about a plan of orders."""

    target_fill_pct_a: float = Field(default=95.0, gt=0, lt=100, description="Units from stock, class A, in percent.")
    target_fill_pct_b: float = Field(default=95.0, gt=0, lt=100, description="The same of class B.")
    target_fill_pct_c: float = Field(default=95.0, gt=0, lt=100, description="The same of class C.")
    review_days: int = Field(default=7, ge=1, le=91, description="Days between two reviews.")
    budget_usd: float = Field(default=-1.0, description="What all orders may cost; below 0: no budget.")
    container_kg: float = Field(default=26_000.0, gt=0, description="What a container carries.")
    keeps_bulk: bool = Field(default=False, description="Keep stock for lines of unusual size too.")
    abc_until_pct: list[float] = Field(default=[80.0, 95.0], description="Where classes A and B end, percent of value.")
    xyz_until_cv: list[float] = Field(default=[0.25, 0.75], description="Where X and Y end, variation of four weeks.")

    def rules(self) -> "StockRules":
        """The same as the plan's rules."""
        from orchestration.planning.classes import ClassRules
        from orchestration.planning.limits import Limits
        from orchestration.planning.stock_plan import StockRules

        return StockRules(
            fill_pct={"A": self.target_fill_pct_a, "B": self.target_fill_pct_b, "C": self.target_fill_pct_c},
            review_days=self.review_days,
            keeps_bulk=self.keeps_bulk,
            classes=ClassRules(*self.abc_until_pct[:2], *self.xyz_until_cv[:2]),
            limits=Limits(None if self.budget_usd < 0 else self.budget_usd, self.container_kg),
        )


@dg.multi_asset(
    name="stock_plan",
    specs=[
        plan_spec(
            REORDER, "What each warehouse should order of each product now, and why.", after=[STALE_MARKET, LEAD_TIME]
        ),
        plan_spec(
            TRANSFER_SUGGESTION,
            "What one warehouse has too much of and another lacks.",
            after=[STALE_MARKET, LEAD_TIME],
        ),
        plan_spec(ASSORTMENT, "Per market and category: margin, growth, stock, dead stock, and what to do about it."),
    ],
)
def stock_plan(
    context: dg.AssetExecutionContext, config: StockConfig, platform: dg.ResourceParam[Platform]
) -> Iterator[dg.MaterializeResult[None]]:
    """Stock, orders, lead times and forecasts become suggestions; nothing published yet gives empty tables."""
    from orchestration.forecasting.plots import as_markdown_image
    from orchestration.planning.plots import reorder_plot
    from orchestration.planning.stock_tables import make_stock_tables

    run = planning_run(context, platform)
    known = run.read(STALE_MARKET.name)
    stale = dict(zip(known["market"].astype(str), known["reason"].astype(str), strict=True))
    with run.published(STOCK_READS) as con:
        made = make_stock_tables(con, config.rules(), stale, run.read(LEAD_TIME.name))
    orders = made[REORDER.name]
    for model in (REORDER, TRANSFER_SUGGESTION, ASSORTMENT):
        run.keep(model, made[model.name])
    wanted = orders[orders["suggested_qty"] > 0].sort_values("order_value_usd", ascending=False, kind="stable")
    metadata: dict[str, dg.MetadataValue | int | float | str] = {
        "dagster/row_count": len(orders),
        "orders": len(wanted),
        "order_value_usd": round(float(wanted["order_value_usd"].sum()), 2),
        "below_reorder_point": int(orders["is_below_reorder_point"].sum()),
        "without_forecast": int((orders["forecast_basis"] == "none").sum()),
        "stale_markets": ", ".join(stale) or "none",
        "reorder_list": dg.MetadataValue.md(_list(wanted)),
    }
    if len(orders):
        metadata["picture"] = dg.MetadataValue.md(as_markdown_image(reorder_plot(orders), words="orders by warehouse"))
    yield dg.MaterializeResult(asset_key=model_key(REORDER), metadata=metadata)
    transfers, assortment = made[TRANSFER_SUGGESTION.name], made[ASSORTMENT.name]
    columns = ["from_site_code", "to_site_code", "product_id", "suggested_qty", "reason"]
    yield dg.MaterializeResult(
        asset_key=model_key(TRANSFER_SUGGESTION),
        metadata={
            "dagster/row_count": len(transfers),
            "transfers": dg.MetadataValue.md(_markdown(transfers[columns].head(SHOWN))),
        },
    )
    changes = assortment[assortment["action"] != "keep"].sort_values("revenue_usd", ascending=False, kind="stable")
    yield dg.MaterializeResult(
        asset_key=model_key(ASSORTMENT),
        metadata={
            "dagster/row_count": len(assortment),
            "changes": dg.MetadataValue.md(
                _markdown(changes[["market", "category_code", "action", "products", "evidence"]].head(SHOWN))
            ),
        },
    )


@dg.multi_asset(
    name="stock_proof",
    specs=[
        plan_spec(
            STOCK_POLICY_SIMULATION,
            "The policy played over the last half year, beside two rules of thumb.",
            after=[LEAD_TIME],
        )
    ],
)
def stock_proof(
    context: dg.AssetExecutionContext, config: StockConfig, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult[None]:
    """Realised fill rate by class against the promise; without a history of three years nothing is played."""
    from orchestration.forecasting.plots import as_markdown_image
    from orchestration.planning.plots import policy_plot
    from orchestration.planning.stock_tables import make_proof

    run = planning_run(context, platform)
    with run.published(STOCK_READS) as con:
        table = make_proof(con, config.rules(), run.read(LEAD_TIME.name))
    run.keep(STOCK_POLICY_SIMULATION, table)
    metadata: dict[str, dg.MetadataValue | int | float | str] = {"dagster/row_count": len(table)}
    if len(table):
        columns = ["policy", "abc_class", "item_count", "target_fill_pct", "realised_fill_pct", "weeks_of_stock"]
        metadata["table"] = dg.MetadataValue.md(_markdown(table[columns].round(2)))
        metadata["picture"] = dg.MetadataValue.md(as_markdown_image(policy_plot(table), words="realised fill rates"))
    return dg.MaterializeResult(asset_key=model_key(STOCK_POLICY_SIMULATION), metadata=metadata)


def _list(wanted: "pd.DataFrame") -> str:
    columns = [
        "site_code", "product_id", "markets", "abc_class", "suggested_qty", "order_value_usd", "days_of_cover",
        "limited_by", "reason",
    ]  # fmt: skip
    return _markdown(wanted[columns].head(SHOWN).round({"order_value_usd": 0, "days_of_cover": 0}))


def _markdown(frame: "pd.DataFrame") -> str:
    header = "| " + " | ".join(str(column) for column in frame.columns) + " |"
    rule = "|" + "---|" * len(frame.columns)
    rows = ["| " + " | ".join(str(value).replace("|", "/") for value in row) + " |" for row in frame.itertuples(False)]
    return "\n".join([header, rule, *rows])
