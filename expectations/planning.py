"""What plans must satisfy before anybody orders by them."""

import great_expectations as gx

from expectations.promises import (
    ForecastIsANumber,
    LevelIsAboveReorderPoint,
    OverrideIsUsed,
    PromisedFillRateIsKept,
    QuantilesAscend,
    SuggestionHasAReason,
    SuggestionIsNeverNegative,
)


def reorder() -> gx.ExpectationSuite:
    """One row per site and product: suggested_qty, level_above_point_qty, reason_length."""
    return gx.ExpectationSuite(
        name="reorder",
        expectations=[
            SuggestionIsNeverNegative(severity="critical"),
            LevelIsAboveReorderPoint(severity="critical"),
            SuggestionHasAReason(severity="critical"),
        ],
    )


def transfers() -> gx.ExpectationSuite:
    """One row per transfer: suggested_qty, reason_length."""
    return gx.ExpectationSuite(
        name="transfers",
        expectations=[SuggestionIsNeverNegative(severity="critical"), SuggestionHasAReason(severity="critical")],
    )


def shipment_outlook() -> gx.ExpectationSuite:
    """One row per open shipment: is_sane, is_ordered."""
    return gx.ExpectationSuite(
        name="shipment_outlook",
        expectations=[ForecastIsANumber(severity="critical"), QuantilesAscend(severity="critical")],
    )


def lead_time() -> gx.ExpectationSuite:
    """One row per lane, mode and part of the way: is_sane, is_ordered."""
    return gx.ExpectationSuite(
        name="lead_time",
        expectations=[ForecastIsANumber(severity="critical"), QuantilesAscend(severity="critical")],
    )


def capacity_outlook() -> gx.ExpectationSuite:
    """One row per site, kind and day: is_sane, is_ordered."""
    return gx.ExpectationSuite(
        name="capacity_outlook",
        expectations=[ForecastIsANumber(severity="critical"), QuantilesAscend(severity="critical")],
    )


def override_state() -> gx.ExpectationSuite:
    """One row per override: is_used."""
    return gx.ExpectationSuite(name="override_state", expectations=[OverrideIsUsed(severity="warning")])


def stock_policy_simulation() -> gx.ExpectationSuite:
    """One row per class of our policy in the play: error_points."""
    return gx.ExpectationSuite(
        name="stock_policy_simulation", expectations=[PromisedFillRateIsKept(severity="warning")]
    )
