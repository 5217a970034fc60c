"""The declared tables of the forecast.

Belongs here: names and types of what is published. Does not: how the figures come about (see demand.py).
"""

from orchestration.forecasting.backtest import BACKTEST_COLUMNS
from orchestration.forecasting.demand import FORECAST_COLUMNS
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


def _model(name: str, columns: tuple[str, ...]) -> PublishedModel:
    declared = tuple(Column(column, _TYPES.get(column, "double")) for column in columns)
    return PublishedModel(name, LAYER, TableSpec(f"{LAYER}.{name}", declared, partition="market"))


DEMAND_FORECAST = _model("demand_forecast", FORECAST_COLUMNS)
FORECAST_BACKTEST = _model("forecast_backtest", BACKTEST_COLUMNS)
FORECAST_MODELS = (DEMAND_FORECAST, FORECAST_BACKTEST)
