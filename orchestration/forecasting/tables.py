"""The declared tables of the forecast.

Belongs here: names, types and words of what is published. Does not: how the figures come about (see market.py).

In the lake these tables stand in the namespace `forecasts`: the tables of the same names in `forecasting` held the
newest forecast by market alone, and a stored table can change neither its partitions nor the columns that it has.
"""

from orchestration.forecasting.engine import QUANTILES, quantile_column
from orchestration.lake import Column, TableSpec
from orchestration.lake.vocabulary import Partition
from orchestration.modeling.manifest import PublishedModel

LAYER = "forecasting"
NAMESPACE = "forecasts"
DAY, WEEK = "day", "week"

QUANTILE_COLUMNS = tuple(f"{quantile_column(one)}_qty" for one in QUANTILES)
_PLACE = ("market", "month")
_NODE = ("node_type", "node_id")

FORECAST_COLUMNS = (
    *_PLACE,
    *_NODE,
    "product_id",
    "category",
    "step",
    "made_on",
    "target_on",
    "horizon",
    "model_code",
    "series_class",
    "forecast_qty",
    "base_forecast_qty",
    *QUANTILE_COLUMNS,
    "level_cv",
    "is_fallback",
    "fallback_reason",
)
FORECAST_KEY = (*_PLACE, *_NODE, "step", "made_on", "target_on")

SCORE_COLUMNS = (
    *_PLACE,
    "node_type",
    "step",
    "made_on",
    "horizon",
    "model_code",
    "n",
    "actual_qty",
    "forecast_qty",
    "absolute_error_qty",
    "naive_absolute_error_qty",
    "mean_absolute_error_qty",
    "wape",
    "naive_wape",
    "mean_wape",
    "fva_pct",
    "bias_pct",
    "coverage_80_pct",
    "coverage_95_pct",
    "pinball",
    "naive_pinball",
)
SCORE_KEY = (*_PLACE, "node_type", "step", "made_on", "horizon", "model_code")

BACKTEST_COLUMNS = (
    "market",
    *_NODE,
    "product_id",
    "series_class",
    "model_code",
    "is_chosen",
    "origin_on",
    "target_on",
    "horizon",
    "forecast_qty",
    "actual_qty",
)
BACKTEST_KEY = ("market", *_NODE, "model_code", "origin_on", "target_on")

PLAN_COLUMNS = (
    *_PLACE,
    *_NODE,
    "product_id",
    "step",
    "made_on",
    "target_on",
    "model_qty",
    "planner_qty",
    "plan_qty",
    "plan_basis",
    "override_id",
    "reason",
    "decided_by",
)
PLAN_KEY = (*_PLACE, *_NODE, "made_on", "target_on")

_VARCHAR = (
    "market month node_type node_id product_id category step model_code series_class fallback_reason override_id reason"
    " decided_by plan_basis"
)
_TYPES = {
    **dict.fromkeys(_VARCHAR.split(), "varchar"),
    **dict.fromkeys(("made_on", "target_on", "origin_on"), "date"),
    **dict.fromkeys(("horizon", "n"), "integer"),
    **dict.fromkeys(("is_fallback", "is_chosen"), "boolean"),
}

WORDS = {
    "market": "Country where the buyer receives the goods, ISO 3166-1 alpha-2.",
    "month": "Month of `made_on`.",
    "node_type": "`market`, `category`, `subdivision`, `product` for a best seller, `rest` for its category's others.",
    "node_id": "Code of the market, category or subdivision; key of the product; the category of a rest.",
    "product_id": "Number of the product in its source; empty for every other node.",
    "category": "Category of a product or a rest; empty for every other node.",
    "step": "`day`, or `week` for the seven days from `target_on` on.",
    "made_on": "First day that the forecast does not know: the day after the market's last orders.",
    "origin_on": "First day that this forecast of the past did not know.",
    "target_on": "Day that is forecast; of a week its first day, counted from `made_on`, not from a Monday.",
    "horizon": "Steps ahead, from 1.",
    "model_code": "Model that the back-test has chosen for series of this kind in this market.",
    "series_class": "Kind of series: smooth, erratic, intermittent, lumpy, short, constant or empty.",
    "forecast_qty": "Units expected, after parts and wholes were made to agree; in a score their sum.",
    "base_forecast_qty": "Units that the model expected for the node by itself.",
    "level_cv": (
        "How uncertain the node's level is over all weeks of the forecast, relative to it, without single orders."
        " Null where the demand model had no forecast."
    ),
    "actual_qty": "Units sold.",
    "is_fallback": "A simpler model stands in.",
    "fallback_reason": "Why the model could not be used.",
    "n": "Forecasts that were compared.",
    "absolute_error_qty": "Sum of what the forecasts were off by.",
    "naive_absolute_error_qty": "The same of the seasonal naive forecast: last year's week, or last week's day.",
    "mean_absolute_error_qty": "The same of the mean of the four weeks before.",
    "wape": "Sum of absolute errors by units sold; null where nothing was sold.",
    "naive_wape": "The same of the seasonal naive forecast.",
    "mean_wape": "The same of the mean of the four weeks before.",
    "fva_pct": "Forecast value added: how much less error than the seasonal naive forecast, percent of its error.",
    "bias_pct": "Units forecast above units sold, percent of units sold.",
    "coverage_80_pct": "How often the actual lay between p100 and p900; 80 is meant.",
    "coverage_95_pct": "How often the actual lay between p025 and p975; 95 is meant.",
    "pinball": "Mean pinball loss over all quantiles, by the mean of units sold; null where nothing was sold.",
    "naive_pinball": "The same of the seasonal naive forecast, which has no quantiles but its figure.",
    "is_chosen": "The model that forecasts series of this kind in this market now.",
    "model_qty": "Units that the model expects; no override changes it.",
    "planner_qty": "Units that the planner expects instead; null without an override.",
    "plan_qty": "Units to plan with: the planner's and what follows from them above and below, else the model's.",
    "plan_basis": "`model`, `override`, `spread` from a figure above, `sum` of changes below or beside.",
    "override_id": "Override that the figure comes from; null without one.",
    "reason": "Why the planner knew better.",
    "decided_by": "Who decided it.",
}
WORDS.update(
    {
        column: f"{100 * one:g} % quantile of the units: they stay at or below it in {100 * one:g} of 100 cases."
        for one, column in zip(QUANTILES, QUANTILE_COLUMNS, strict=True)
    }
)


def _model(name: str, columns: tuple[str, ...], partition: Partition) -> PublishedModel:
    declared = tuple(Column(column, _TYPES.get(column, "double")) for column in columns)
    return PublishedModel(name, LAYER, TableSpec(f"{NAMESPACE}.{name}", declared, partition=partition))


DEMAND_FORECAST = _model("demand_forecast", FORECAST_COLUMNS, "market_month")
FORECAST_SCORE = _model("forecast_score", SCORE_COLUMNS, "market_month")
FORECAST_BACKTEST = _model("forecast_backtest", BACKTEST_COLUMNS, "market")
DEMAND_PLAN = _model("demand_plan", PLAN_COLUMNS, "market_month")
FORECAST_MODELS = (DEMAND_FORECAST, FORECAST_SCORE, FORECAST_BACKTEST, DEMAND_PLAN)
# Kept by the day on which they were made: a run replaces the months of these days, with what it has carried over.
KEPT_BY_MADE_ON = (DEMAND_FORECAST, FORECAST_SCORE, DEMAND_PLAN)
