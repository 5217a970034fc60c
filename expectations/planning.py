"""What plans must satisfy before anybody orders by them."""

import great_expectations as gx

from expectations.promises import (
    LevelIsAboveReorderPoint,
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
