"""What the figures of a market's customers must satisfy before anybody acts on them."""

import great_expectations as gx

from expectations.promises import (
    CustomersAreCountedOnce,
    CustomerValuesAreNumbers,
    MovementsAddUp,
    NetAmountIsWhole,
    NobodyIsPointedAt,
    PortraitsAreWhole,
    PurchasesBeatNaive,
    SegmentsRepeatThemselves,
)


def customer_value() -> gx.ExpectationSuite:
    """One row per market: insane_customers, customers_off, portraits_off, small_groups, moved_off, amount_off_usd."""
    return gx.ExpectationSuite(
        name="customer_value",
        expectations=[
            CustomerValuesAreNumbers(severity="critical"),
            CustomersAreCountedOnce(severity="critical"),
            PortraitsAreWhole(severity="critical"),
            NobodyIsPointedAt(severity="critical"),
            MovementsAddUp(severity="critical"),
            NetAmountIsWhole(severity="critical"),
        ],
    )


def value_backtest() -> gx.ExpectationSuite:
    """One row per market of a hundred customers or more: excess_error_pct over the naive guess."""
    return gx.ExpectationSuite(name="value_backtest", expectations=[PurchasesBeatNaive(severity="warning")])


def segment_summary() -> gx.ExpectationSuite:
    """One row per market of a hundred customers or more: agreement_pct of the segments of customers drawn anew."""
    return gx.ExpectationSuite(name="segment_summary", expectations=[SegmentsRepeatThemselves(severity="warning")])
