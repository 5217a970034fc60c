"""The forecast as assets: read what was published, forecast and score, keep it in the run until its gate, publish it.

Belongs here: reading, calling, writing, plots in the metadata. Does not: any maths.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

from orchestration.forecasting.gate import FORECAST_MEASURES
from orchestration.forecasting.tables import (
    DEMAND_FORECAST,
    DEMAND_PLAN,
    FORECAST_BACKTEST,
    FORECAST_MODELS,
    FORECAST_SCORE,
    WORDS,
)
from orchestration.gates.checks import CHECK_NAME, judge_market_models
from orchestration.modeling.translator import OWNERS
from orchestration.partitions import MARKETS, SINGLE_RUN
from orchestration.platform import Platform, model_key
from orchestration.runs.assets import market_model_specs, markets_to_study, publish_market_models, show_by_market

if TYPE_CHECKING:
    import pandas as pd

    from orchestration.forecasting.night import Night

FORECASTS_KEY = dg.AssetKey(["publication", "forecasts"])
FORECAST_GATE = "forecast_gate"
MOST_PLOTS = 12
_DESCRIPTIONS = {
    DEMAND_FORECAST.name: (
        "Units of each market, category and subdivision by day for 91 days, and of these and the best sellers by week"
        " for 13 weeks, with quantiles; kept by the day on which they were made."
    ),
    FORECAST_SCORE.name: "What older forecasts were worth, now that their days are known: error, bias, coverage.",
    FORECAST_BACKTEST.name: "Rolling-origin back-test that chooses the models, beside naive forecasts.",
    DEMAND_PLAN.name: "The newest weekly forecast with the planner's figures beside the model's.",
}
_CHECKS = {
    DEMAND_FORECAST.name: "What a forecast must satisfy before planners see it.",
    FORECAST_BACKTEST.name: "Where the model loses against the seasonal naive forecast or the four-week mean.",
    FORECAST_SCORE.name: "Where older forecasts have drifted: bias, tracking signal, coverage, value added.",
}


@dg.multi_asset(
    name="market_forecasts",
    specs=market_model_specs(
        FORECAST_MODELS,
        group="forecasting",
        kinds={"python", "statsmodels"},
        reads=("fct_daily_demand",),
        descriptions=_DESCRIPTIONS,
        words=WORDS,
    ),
    backfill_policy=SINGLE_RUN,
    can_subset=False,
)
def market_forecasts(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> Iterator[dg.MaterializeResult[None]]:
    """Forecasts, scores, back-test and plan of the markets that the run has published."""
    # The models take seconds to import: only a run that forecasts pays for it.
    from orchestration.forecasting.night import forecast_night
    from orchestration.forecasting.planner import planned
    from orchestration.forecasting.pooled import plan_of
    from orchestration.forecasting.reading import published

    run, plan = platform.prepared(context)
    markets = markets_to_study(run, plan, FORECAST_GATE)
    if not markets:
        return
    with run.connect() as con, published(platform.lake, plan, markets) as lake:
        night = forecast_night(con, lake, markets, plan_of=plan_of, planner=planned)
        rows = {
            model.name: con.execute(f"select count(*) from {model.relation}").fetchall()[0][0]
            for model in FORECAST_MODELS
        }
        shown = _shown_by_market(night, con.execute(f"select * from {FORECAST_SCORE.relation}").df())
    for market in night.without_history:
        context.log.info("%s: no sales yet, so no forecast.", market)
    for market, reason in night.failed.items():
        context.log.warning("%s: no forecast: %s", market, reason)
    found: dict[str, dict[str, dg.MetadataValue]] = {
        DEMAND_FORECAST.name: _forecast_metadata(night),
        FORECAST_BACKTEST.name: _backtest_metadata(night),
        FORECAST_SCORE.name: {},
        DEMAND_PLAN.name: {},
    }
    show_by_market(context, DEMAND_FORECAST, shown)
    for model in FORECAST_MODELS:
        yield dg.MaterializeResult(
            asset_key=model_key(model), metadata={"dagster/row_count": rows[model.name], **found[model.name]}
        )


def _shown_by_market(night: "Night", scores: "pd.DataFrame") -> dict[str, dict[str, dg.MetadataValue]]:
    """Each market's accuracy in the back-test, and the pictures of the markets that sell most."""
    from orchestration.forecasting.plots import as_markdown_image, market_pictures

    def units(market: str) -> float:
        return float(night.markets[market].made.series.units.sum())

    shown: dict[str, dict[str, dg.MetadataValue]] = {
        market: {"accuracy_in_the_back_test": dg.MetadataValue.md(_markdown(one.made.levels.round(3)))}
        for market, one in night.markets.items()
    }
    for market in sorted(night.markets, key=units, reverse=True)[:MOST_PLOTS]:
        drawn = market_pictures(night.markets[market].made, scores[scores["market"] == market])
        for name, png in drawn.items():
            shown[market][name] = dg.MetadataValue.md(as_markdown_image(png, words=name.replace("_", " ")))
    return shown


def _forecast_metadata(night: "Night") -> dict[str, dg.MetadataValue]:
    import pandas as pd

    rows = [one.made.forecast for one in night.markets.values()]
    found: dict[str, dg.MetadataValue] = {
        "markets": dg.MetadataValue.int(len(night.markets)),
        "made_on": dg.MetadataValue.text(", ".join(sorted({str(one.made_on) for one in night.markets.values()}))),
        "without_history": dg.MetadataValue.text(", ".join(night.without_history) or "none"),
        "without_forecast": dg.MetadataValue.text(
            "; ".join(f"{market}: {reason}" for market, reason in night.failed.items()) or "none"
        ),
    }
    if rows:
        first = pd.concat(rows)
        fallen = first[first["is_fallback"] & (first["horizon"] == 1)]
        counted = fallen.groupby(["market", "node_type", "step", "fallback_reason"]).size().rename("series")
        found["fallbacks"] = dg.MetadataValue.md(_markdown(counted.reset_index().head(40)) if len(fallen) else "none")
        lost = [
            f"{market}: {name} could not be used: {error}"
            for market, one in night.markets.items()
            for name, error in one.made.failures
        ]
        found["models_lost"] = dg.MetadataValue.md("\n".join(f"- {line}" for line in lost) or "none")
    return found


def _backtest_metadata(night: "Night") -> dict[str, dg.MetadataValue]:
    """Accuracy of each level, and which model was chosen for which kind of series."""
    import pandas as pd

    levels = [one.made.levels.assign(market=market) for market, one in night.markets.items()]
    choices = [one.made.choices.assign(market=market) for market, one in night.markets.items()]
    if not levels:
        return {}
    columns = ["market", *(name for name in levels[0].columns if name != "market")]
    accuracy = pd.concat(levels)[columns].round(3)
    chosen = pd.concat(choices)[["market", "node_type", "series_class", "candidate"]]
    return {
        "accuracy_by_level": dg.MetadataValue.md(_markdown(accuracy.head(120))),
        "chosen_models": dg.MetadataValue.md(_markdown(chosen.head(200))),
    }


def _markdown(frame: "pd.DataFrame") -> str:
    header = "| " + " | ".join(str(column) for column in frame.columns) + " |"
    rule = "|" + "---|" * len(frame.columns)
    rows = ["| " + " | ".join(str(value) for value in row) + " |" for row in frame.itertuples(index=False)]
    return "\n".join([header, rule, *rows])


@dg.multi_asset_check(
    name=FORECAST_GATE,
    specs=[
        dg.AssetCheckSpec(
            CHECK_NAME, asset=model_key(model), blocking=model is DEMAND_FORECAST, description=_CHECKS[model.name]
        )
        for model in FORECAST_MODELS
        if model.name in _CHECKS
    ],
    can_subset=True,
)
def forecast_gate(
    context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
) -> Iterator[dg.AssetCheckResult]:
    """Holds back each market whose forecast is nonsense; warns where naive forecasts were better, and of drift."""
    yield from judge_market_models(
        context,
        platform,
        FORECAST_GATE,
        FORECAST_MEASURES,
        FORECAST_MODELS,
        keys=[model_key(model) for model in FORECAST_MODELS if model.name in _CHECKS],
        markets="select market from forecasting.made union select market from forecasting.failed",
    )


@dg.asset(
    key=FORECASTS_KEY,
    deps=[model_key(model) for model in FORECAST_MODELS],
    partitions_def=MARKETS,
    backfill_policy=SINGLE_RUN,
    group_name="publication",
    owners=list(OWNERS),
    kinds={"python", "iceberg"},
)
def forecasts(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
    """Forecasts, scores, back-test and plan, made visible at once beside the forecasts of other days."""
    from orchestration.forecasting.night import own_places

    return publish_market_models(context, platform, FORECAST_MODELS, own_places, FORECAST_GATE)
