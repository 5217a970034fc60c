"""What a forecast must satisfy before planners see it."""

import great_expectations as gx

from expectations.promises import (
    BandContainsForecast,
    ForecastBeatsNaive,
    ForecastIsANumber,
    ForecastStaysNearHistory,
    HorizonIsComplete,
)


def demand_forecast() -> gx.ExpectationSuite:
    """One row per series and target week: is_sane, is_ordered, times_history_max, horizon_is_complete."""
    return gx.ExpectationSuite(
        name="demand_forecast",
        expectations=[
            ForecastIsANumber(severity="critical"),
            BandContainsForecast(severity="critical"),
            ForecastStaysNearHistory(severity="critical"),
            HorizonIsComplete(severity="critical"),
        ],
    )


def forecast_value() -> gx.ExpectationSuite:
    """One row per market and node: excess_error_pct over the better of last value and four-week mean."""
    return gx.ExpectationSuite(name="forecast_value", expectations=[ForecastBeatsNaive(severity="warning")])
