"""What ledger and marts must satisfy before they are published."""

import great_expectations as gx

from expectations.promises import (
    AmountsHaveARate,
    DeclaredValueIsExplained,
    DeliveredStaysWithinOrdered,
    DemandIsNeverNegative,
    DepartureComesAfterRelease,
    DutyIsNeverNegative,
    HsCodeKeepsItsLeadingZero,
    LegsHaveTheirSign,
    LineAmountIsQuantityTimesPrice,
    ListHasOneOrderAndWaybill,
    MoneyIsNotLostOnTheWay,
    MonthIsTheOrdersMonth,
    PaymentsMatchOrders,
    PersonStaysWithinAllowance,
    RebateStaysWithinBase,
    ReversalsStayWithinTheirSale,
    RowsAreInOneState,
    RowsAreNotLostOnTheWay,
    StockIsConserved,
    WeightIsAllocatedOnce,
)


def reconciliation() -> gx.ExpectationSuite:
    """One row per table and market: lost_rows, lost_amount (null without money), value_without_rate_pct."""
    return gx.ExpectationSuite(
        name="reconciliation",
        expectations=[
            RowsAreNotLostOnTheWay(severity="critical"),
            MoneyIsNotLostOnTheWay(severity="critical"),
            AmountsHaveARate(severity="warning"),
        ],
    )


def order_lines() -> gx.ExpectationSuite:
    """One row per line leg: amount_difference, leg_sign, month_matches, units_over_sale (null on sales)."""
    return gx.ExpectationSuite(
        name="order_lines",
        expectations=[
            LineAmountIsQuantityTimesPrice(severity="critical"),
            LegsHaveTheirSign(severity="critical"),
            MonthIsTheOrdersMonth(severity="critical"),
            ReversalsStayWithinTheirSale(severity="critical"),
        ],
    )


def daily_demand() -> gx.ExpectationSuite:
    """One row per market, product and day: sold_qty."""
    return gx.ExpectationSuite(name="daily_demand", expectations=[DemandIsNeverNegative(severity="critical")])


def shipments() -> gx.ExpectationSuite:
    """One row per shipment: allocation_difference."""
    return gx.ExpectationSuite(name="shipments", expectations=[WeightIsAllocatedOnce(severity="critical")])


def declarations() -> gx.ExpectationSuite:
    """One row per declaration line: hs_code, duty_rate_pct."""
    return gx.ExpectationSuite(
        name="declarations",
        expectations=[HsCodeKeepsItsLeadingZero(severity="critical"), DutyIsNeverNegative(severity="critical")],
    )


def invariants() -> gx.ExpectationSuite:
    """One row per market, month, invariant and unit: in a column of the invariant's name what it is off by.

    Severities stand in the seed `invariant` beside tolerances and their reasons; a test holds both together.
    """
    return gx.ExpectationSuite(
        name="invariants",
        expectations=[
            PaymentsMatchOrders(severity="critical"),
            ListHasOneOrderAndWaybill(severity="warning"),
            DepartureComesAfterRelease(severity="warning"),
            DeliveredStaysWithinOrdered(severity="critical"),
            DeclaredValueIsExplained(severity="warning"),
            PersonStaysWithinAllowance(severity="warning"),
            StockIsConserved(severity="critical"),
            RebateStaysWithinBase(severity="critical"),
            RowsAreInOneState(severity="critical"),
        ],
    )
