"""Recommendations as assets: read what was published, list for each market, keep it in the run until its gate, publish.

Belongs here: reading, calling, writing, metadata. Does not: any maths.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from orchestration.gates.checks import CHECK_NAME, judge_market_models
from orchestration.marketing.recommending.gate import RECOMMENDATION_MEASURES
from orchestration.marketing.recommending.tables import (
    DESCRIPTIONS,
    LAYER,
    RECOMMENDATION,
    RECOMMENDATION_MODELS,
    RECOMMENDATION_SCORE,
    WORDS,
)
from orchestration.modeling.translator import OWNERS
from orchestration.partitions import MARKETS, SINGLE_RUN
from orchestration.platform import Platform, model_key
from orchestration.runs.assets import market_model_specs, markets_to_study, publish_market_models

if TYPE_CHECKING:
    from orchestration.marketing.recommending.night import RecommendingNight

RECOMMENDATIONS_KEY = dg.AssetKey(["publication", "recommendations"])
RECOMMENDATION_GATE = "recommendation_gate"
_CHECKS = {
    RECOMMENDATION.name: "What lists must satisfy before a customer sees them.",
    RECOMMENDATION_SCORE.name: "Where the chosen model is no better than what is popular.",
}


class RecommendingConfig(dg.Config):
    """What a run may say about its lists; the settings `TRADEWIND_RECOMMEND_…` are the defaults."""

    not_again_days: int = Field(default=-1, description="Days without the same product; below 0: as in the settings.")


@dg.multi_asset(
    name="market_recommendations",
    specs=market_model_specs(
        RECOMMENDATION_MODELS,
        group=LAYER,
        kinds={"python", "duckdb"},
        reads=("fct_order_lines",),
        descriptions=DESCRIPTIONS,
        words=WORDS,
    ),
    backfill_policy=SINGLE_RUN,
    can_subset=False,
)
def market_recommendations(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform], config: RecommendingConfig
) -> Iterator[dg.MaterializeResult[None]]:
    """Lists for customers, visitors and pages of the markets that the run has published."""
    # scipy takes a while to import: only a run that recommends pays for it.
    from orchestration.marketing.recommending.market import RecommendingRules
    from orchestration.marketing.recommending.night import recommend_markets
    from orchestration.marketing.recommending.reading import published

    run, plan = platform.prepared(context)
    markets = markets_to_study(run, plan, RECOMMENDATION_GATE)
    if not markets:
        return
    settings = platform.settings
    rules = RecommendingRules(
        k=settings.recommend_list_length,
        not_again_days=settings.recommend_not_again_days if config.not_again_days < 0 else config.not_again_days,
        is_consent_assumed=settings.recommend_without_consent_record,
    )
    with run.connect() as con:
        night = recommend_markets(
            con, lambda market: published(platform.lake, plan, [market], settings), markets, rules
        )
    for market in night.without_sales:
        context.log.info("%s: nothing sold yet, so nothing to recommend.", market)
    for market, reason in night.failed.items():
        context.log.warning("%s: no recommendations: %s", market, reason)
    for model in RECOMMENDATION_MODELS:
        yield dg.MaterializeResult(
            asset_key=model_key(model),
            metadata={
                "dagster/row_count": sum(one.rows[model.name] for one in night.markets.values()),
                **(_metadata(night) if model is RECOMMENDATION else {}),
            },
        )


def _metadata(night: "RecommendingNight") -> dict[str, dg.MetadataValue]:
    """By market: the choice, its NDCG beside popularity's, customers with lists of their own, products left out."""
    lines = [
        "| market | model | NDCG@k | popularity | own lists | everybody's list | products left out |",
        "|---|---|---|---|---|---|---|",
    ]
    for market, one in sorted(night.markets.items()):
        ours, bar = one.scores.get(one.chosen), one.scores.get("popularity")
        told = ["none" if value is None else f"{value:.3f}" for value in (ours, bar)]
        lines.append(
            f"| {market} | {one.chosen} | {told[0]} | {told[1]} | {one.personal_customers} | {one.other_customers}"
            f" | {one.hidden_products} |"
        )
    return {
        "markets": dg.MetadataValue.md("\n".join(lines)),
        "without_sales": dg.MetadataValue.text(", ".join(night.without_sales) or "none"),
        "failed": dg.MetadataValue.text("; ".join(f"{key}: {why}" for key, why in night.failed.items()) or "none"),
    }


@dg.multi_asset_check(
    name=RECOMMENDATION_GATE,
    specs=[
        dg.AssetCheckSpec(
            CHECK_NAME, asset=model_key(model), blocking=model is RECOMMENDATION, description=_CHECKS[model.name]
        )
        for model in RECOMMENDATION_MODELS
        if model.name in _CHECKS
    ],
    can_subset=True,
)
def recommendation_gate(
    context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
) -> Iterator[dg.AssetCheckResult]:
    """Holds back each market whose lists are broken; warns where popularity is as good."""
    yield from judge_market_models(
        context,
        platform,
        RECOMMENDATION_GATE,
        RECOMMENDATION_MEASURES,
        RECOMMENDATION_MODELS,
        keys=[model_key(model) for model in RECOMMENDATION_MODELS if model.name in _CHECKS],
        markets=f"select market from {LAYER}.recommended union select market from {LAYER}.not_recommended",
    )


@dg.asset(
    key=RECOMMENDATIONS_KEY,
    deps=[model_key(model) for model in RECOMMENDATION_MODELS],
    partitions_def=MARKETS,
    backfill_policy=SINGLE_RUN,
    group_name="publication",
    owners=list(OWNERS),
    kinds={"python", "iceberg"},
)
def recommendations(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult[None]:
    """Lists, similar products, pairs, first screens and their scores, of the run's markets, made visible at once."""
    from orchestration.marketing.recommending.night import own_places

    return publish_market_models(context, platform, RECOMMENDATION_MODELS, own_places, RECOMMENDATION_GATE)
