"""What a forecast must satisfy before planners see it, and what its scores must not drift away from."""

import great_expectations as gx

from expectations.promises import (
    ForecastAddsValue,
    ForecastBeatsNaive,
    ForecastIsANumber,
    ForecastIsUnbiased,
    ForecastStaysNearHistory,
    HorizonIsComplete,
    NarrowBandHolds,
    PartsAddUp,
    QuantilesAscend,
    TrackingSignalIsSmall,
    WideBandHolds,
)


def demand_forecast() -> gx.ExpectationSuite:
    """One row per series and step, and per step ahead: is_sane, is_ordered, times_history_max, parts_off_by."""
    return gx.ExpectationSuite(
        name="demand_forecast",
        expectations=[
            ForecastIsANumber(severity="critical"),
            QuantilesAscend(severity="critical"),
            ForecastStaysNearHistory(severity="critical"),
            HorizonIsComplete(severity="critical"),
            PartsAddUp(severity="critical"),
        ],
    )


def forecast_value() -> gx.ExpectationSuite:
    """One row per market and kind of node: excess_error_pct over the better of seasonal naive and four-week mean."""
    return gx.ExpectationSuite(name="forecast_value", expectations=[ForecastBeatsNaive(severity="warning")])


def forecast_drift() -> gx.ExpectationSuite:
    """One row per market, kind of node and step: what older forecasts were worth, now that their days are known."""
    return gx.ExpectationSuite(
        name="forecast_drift",
        expectations=[
            ForecastAddsValue(severity="warning"),
            ForecastIsUnbiased(severity="warning"),
            TrackingSignalIsSmall(severity="warning"),
            NarrowBandHolds(severity="warning"),
            WideBandHolds(severity="warning"),
        ],
    )
