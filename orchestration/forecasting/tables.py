"""The declared tables of the forecast.

Belongs here: names and types of what is published. Does not: how the figures come about (see weekly_demand.py).
"""

from orchestration.forecasting.backtest import BACKTEST_COLUMNS
from orchestration.forecasting.weekly_demand import FORECAST_COLUMNS
from orchestration.lake import Column, TableSpec
from orchestration.modeling.manifest import PublishedModel

LAYER = "forecasting"
_TYPES = {
    "market": "varchar",
    "node": "varchar",
    "product_key": "varchar",
    "model_code": "varchar",
    "fallback_reason": "varchar",
    "made_on": "date",
    "target_on": "date",
    "origin_on": "date",
    "horizon_weeks": "integer",
    "is_fallback": "boolean",
}


WORDS = {
    "market": "Country where the buyer receives the goods, ISO 3166-1 alpha-2.",
    "node": "`market` for the whole market, `product` for one of its best sellers.",
    "product_key": "Surrogate key of the product; empty for the whole market.",
    "made_on": "First day after the last complete week that the forecast knows.",
    "origin_on": "First day after the last complete week that this forecast of the past knew.",
    "target_on": "Monday of the week that is forecast.",
    "horizon_weeks": "Weeks ahead, from 1.",
    "model_code": "Model; `last_value` and `four_week_mean` are the bars that it must clear.",
    "forecast_qty": "Units expected in the week.",
    "actual_qty": "Units sold in the week.",
    "lower_80_qty": "Lower end of the band that holds four weeks of five.",
    "upper_80_qty": "Upper end of the band that holds four weeks of five.",
    "lower_95_qty": "Lower end of the band that holds nineteen weeks of twenty.",
    "upper_95_qty": "Upper end of the band that holds nineteen weeks of twenty.",
    "is_fallback": "The four-week mean stands in for the model.",
    "fallback_reason": "Why the model could not be used.",
}


def _model(name: str, columns: tuple[str, ...]) -> PublishedModel:
    declared = tuple(Column(column, _TYPES.get(column, "double")) for column in columns)
    return PublishedModel(name, LAYER, TableSpec(f"{LAYER}.{name}", declared, partition="market"))


DEMAND_FORECAST = _model("demand_forecast", FORECAST_COLUMNS)
FORECAST_BACKTEST = _model("forecast_backtest", BACKTEST_COLUMNS)
FORECAST_MODELS = (DEMAND_FORECAST, FORECAST_BACKTEST)
