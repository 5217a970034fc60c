"""Customers as assets: read what was published, study each market, keep it in the run until its gate, publish it.

Belongs here: reading, calling, writing, plots in the metadata. Does not: any maths.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import dagster as dg

from orchestration.customers.gate import CUSTOMER_MEASURES
from orchestration.customers.tables import (
    CUSTOMER_MODELS,
    CUSTOMER_SEGMENT,
    CUSTOMER_VALUE,
    DESCRIPTIONS,
    RETENTION_COHORT,
    SEGMENT_MOVEMENT,
    SEGMENT_SUMMARY,
    SURPRISE,
    VALUE_BACKTEST,
    WORDS,
)
from orchestration.gates.checks import CHECK_NAME, judge_market_models
from orchestration.marketing.recommending.assets import RECOMMENDATIONS_KEY
from orchestration.modeling.translator import OWNERS
from orchestration.partitions import MARKETS, SINGLE_RUN
from orchestration.platform import Platform, model_key
from orchestration.runs.assets import market_model_specs, markets_to_study, publish_market_models, show_by_market

if TYPE_CHECKING:
    from orchestration.customers.market import MarketCustomers
    from orchestration.customers.night import CustomersNight

CUSTOMERS_KEY = dg.AssetKey(["publication", "customers"])
CUSTOMER_GATE = "customer_gate"
MOST_PLOTS = 12
_CHECKS = {
    CUSTOMER_VALUE.name: "What the figures of customers must satisfy before anybody acts on them.",
    VALUE_BACKTEST.name: "Where the model errs more than the guess that everybody buys as often as before.",
    SEGMENT_SUMMARY.name: "Where segments do not repeat themselves on customers drawn anew.",
}
# Which asset shows which picture.
_SHOWN_BY = {
    RETENTION_COHORT.name: ("retention",),
    CUSTOMER_SEGMENT.name: ("segments",),
    CUSTOMER_VALUE.name: ("value_concentration",),
    SEGMENT_MOVEMENT.name: ("movements",),
    SURPRISE.name: ("subdivisions_by_category",),
}


@dg.multi_asset(
    name="market_customers",
    specs=market_model_specs(
        CUSTOMER_MODELS,
        group="customers",
        kinds={"python", "duckdb"},
        reads=("fct_order_lines",),
        descriptions=DESCRIPTIONS,
        words=WORDS,
        # A portrait names the first product of the customer's list.
        after=[RECOMMENDATIONS_KEY],
    ),
    backfill_policy=SINGLE_RUN,
    can_subset=False,
)
def market_customers(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> Iterator[dg.MaterializeResult[None]]:
    """Value, loyalty, segments and their movements, of the markets that the run has published."""
    from orchestration.customers.night import largest, study_markets
    from orchestration.customers.reading import published

    run, plan = platform.prepared(context)
    markets = markets_to_study(run, plan, CUSTOMER_GATE)
    if not markets:
        return
    with run.connect() as con:
        night = study_markets(con, lambda market: published(platform.lake, plan, [market], platform.settings), markets)
    for market in night.without_orders:
        context.log.info("%s: no order yet, so no customers.", market)
    for market, reason in night.failed.items():
        context.log.warning("%s: its customers could not be studied: %s", market, reason)
    pictures = {one.purchases.market: _pictures(one) for one in largest(night, MOST_PLOTS)}
    for model in CUSTOMER_MODELS:
        rows = sum(one.rows[model.name].num_rows for one in night.markets.values())
        show_by_market(context, model, pictures, only=_SHOWN_BY.get(model.name, ()))
        yield dg.MaterializeResult(
            asset_key=model_key(model),
            metadata={
                "dagster/row_count": rows,
                **(_night_metadata(night) if model is CUSTOMER_VALUE else {}),
            },
        )


def _pictures(found: "MarketCustomers") -> Mapping[str, dg.MetadataValue]:
    from orchestration.customers.plots import market_pictures
    from orchestration.forecasting.plots import as_markdown_image

    return {
        name: dg.MetadataValue.md(as_markdown_image(png, words=name.replace("_", " ")))
        for name, png in market_pictures(found).items()
    }


def _night_metadata(night: "CustomersNight") -> dict[str, dg.MetadataValue]:
    """Customers by market, what their models rest on, and which markets have none."""
    lines = ["| market | customers | model | basis |", "|---|---|---|---|"]
    for market, one in sorted(night.markets.items()):
        models = one.models
        told = "none | none" if models is None else f"{models.buying.variant} | {models.basis}"
        lines.append(f"| {market} | {len(one.purchases)} | {told} |")
    return {
        "markets": dg.MetadataValue.md("\n".join(lines)),
        "without_orders": dg.MetadataValue.text(", ".join(night.without_orders) or "none"),
        "failed": dg.MetadataValue.text("; ".join(f"{key}: {why}" for key, why in night.failed.items()) or "none"),
    }


@dg.multi_asset_check(
    name=CUSTOMER_GATE,
    specs=[
        dg.AssetCheckSpec(
            CHECK_NAME, asset=model_key(model), blocking=model is CUSTOMER_VALUE, description=_CHECKS[model.name]
        )
        for model in CUSTOMER_MODELS
        if model.name in _CHECKS
    ],
    can_subset=True,
)
def customer_gate(
    context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
) -> Iterator[dg.AssetCheckResult]:
    """Holds back each market whose sums do not hold; warns where the model is no better than a guess."""
    yield from judge_market_models(
        context,
        platform,
        CUSTOMER_GATE,
        CUSTOMER_MEASURES,
        CUSTOMER_MODELS,
        keys=[model_key(model) for model in CUSTOMER_MODELS if model.name in _CHECKS],
        markets="select market from customers.made union select market from customers.failed",
    )


@dg.asset(
    key=CUSTOMERS_KEY,
    deps=[model_key(model) for model in CUSTOMER_MODELS],
    partitions_def=MARKETS,
    backfill_policy=SINGLE_RUN,
    group_name="publication",
    owners=list(OWNERS),
    kinds={"python", "iceberg"},
)
def customers(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
    """Values, segments, movements, cohorts and back-test of the run's markets, made visible at once."""
    from orchestration.customers.night import own_places

    return publish_market_models(context, platform, CUSTOMER_MODELS, own_places, CUSTOMER_GATE)
