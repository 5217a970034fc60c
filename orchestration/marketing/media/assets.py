"""Funnel and media as assets: read what was published, study each market, keep it until its gate, publish it.

Belongs here: reading, calling, writing, plots in the metadata. Does not: any maths.
"""

from collections.abc import Iterator

import dagster as dg

from orchestration.gates.checks import CHECK_NAME, judge_market_models
from orchestration.marketing.media.gate import MARKETS_WITH_FIGURES, MEDIA_GATE, MEDIA_MEASURES
from orchestration.marketing.media.tables import (
    BUDGET_SUGGESTION,
    DESCRIPTIONS,
    FUNNEL_LOSS,
    LAYER,
    MEDIA_CONTRIBUTION,
    MEDIA_EFFECT,
    MEDIA_MODELS,
    MEDIA_RESPONSE,
    WORDS,
)
from orchestration.modeling.translator import OWNERS
from orchestration.partitions import MARKETS, SINGLE_RUN
from orchestration.platform import Platform, model_key
from orchestration.runs.assets import market_model_specs, markets_to_study, publish_market_models, show_by_market

MEDIA_KEY = dg.AssetKey(["publication", "media"])
MOST_PLOTS = 12
# Which asset shows which picture.
_SHOWN_BY = {
    FUNNEL_LOSS.name: ("funnel", "losses"),
    MEDIA_CONTRIBUTION.name: ("contributions",),
    MEDIA_RESPONSE.name: ("responses",),
}


@dg.multi_asset(
    name="market_media_figures",
    specs=market_model_specs(
        MEDIA_MODELS,
        group=LAYER,
        kinds={"python", "statsmodels"},
        reads=("fct_sessions", "fct_media_daily", "fct_orders"),
        descriptions=DESCRIPTIONS,
        words=WORDS,
    ),
    backfill_policy=SINGLE_RUN,
    can_subset=False,
)
def market_media_figures(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> Iterator[dg.MaterializeResult[None]]:
    """Losses of the funnel, credits, effects and budgets of the media, of the markets that the run has published."""
    # statsmodels takes seconds to import: only a run that has something to study pays for it.
    from orchestration.forecasting.plots import as_markdown_image
    from orchestration.marketing.media.night import media_night
    from orchestration.marketing.media.plots import market_pictures
    from orchestration.marketing.media.reading import published

    run, plan = platform.prepared(context)
    markets = markets_to_study(run, plan, MEDIA_GATE)
    if not markets:
        return
    with run.connect() as con, published(platform.lake, plan, markets, platform.settings) as lake:
        night = media_night(con, lake, markets)
    for market, one in night.markets.items():
        context.log.info("%s: %s", market, one.words)
    for market, reason in night.failed.items():
        context.log.warning("%s: funnel and media could not be studied: %s", market, reason)
    busiest = sorted(night.markets.values(), key=lambda one: -len(one.frames[FUNNEL_LOSS.name]))[:MOST_PLOTS]
    pictures = {
        one.market: {
            name: dg.MetadataValue.md(as_markdown_image(png, words=name)) for name, png in market_pictures(one).items()
        }
        for one in busiest
    }
    words = "\n".join(f"- {market}: {one.words}" for market, one in night.markets.items())
    for model in MEDIA_MODELS:
        show_by_market(context, model, pictures, only=_SHOWN_BY.get(model.name, ()))
        yield dg.MaterializeResult(
            asset_key=model_key(model),
            metadata={
                "dagster/row_count": sum(len(one.frames[model.name]) for one in night.markets.values()),
                **({"markets": dg.MetadataValue.md(words)} if model in (MEDIA_EFFECT, BUDGET_SUGGESTION) else {}),
            },
        )


@dg.multi_asset_check(
    name=MEDIA_GATE,
    specs=[
        dg.AssetCheckSpec(
            CHECK_NAME,
            asset=model_key(MEDIA_EFFECT),
            blocking=True,
            description="What figures of visits and media must satisfy before anybody moves money by them.",
        )
    ],
    can_subset=True,
)
def media_gate(
    context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
) -> Iterator[dg.AssetCheckResult]:
    """Holds back each market that could not be studied, or whose credits, intervals or budgets do not add up."""
    yield from judge_market_models(
        context,
        platform,
        MEDIA_GATE,
        MEDIA_MEASURES,
        MEDIA_MODELS,
        keys=[model_key(MEDIA_EFFECT)],
        markets=MARKETS_WITH_FIGURES,
        failed=f"select market, reason from {LAYER}.media_failed order by market",
    )


@dg.asset(
    key=MEDIA_KEY,
    deps=[model_key(model) for model in MEDIA_MODELS],
    partitions_def=MARKETS,
    backfill_policy=SINGLE_RUN,
    group_name="publication",
    owners=list(OWNERS),
    kinds={"python", "iceberg"},
)
def media(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
    """Losses, credits, effects and budgets of the run's markets, made visible at once."""
    from orchestration.marketing.media.night import own_places

    return publish_market_models(context, platform, MEDIA_MODELS, own_places, MEDIA_GATE)
