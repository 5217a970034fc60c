"""The kinds of promise that the suites are made of: each is a named expectation whose docstring is its sentence.

Belongs here: named expectations over measured columns. Does not: thresholds that differ from border to border.
"""

from great_expectations.expectations import (
    ExpectColumnValuesToBeBetween,
    ExpectColumnValuesToBeInSet,
    ExpectColumnValuesToMatchRegex,
)


class EveryRowHasOneState(ExpectColumnValuesToBeBetween):
    """Every raw row of the market is accepted, repaired, superseded or quarantined, and exactly one of them."""

    column: str = "unaccounted_rows"
    min_value: float = 0
    max_value: float = 0


class UnresolvedValueIsSmall(ExpectColumnValuesToBeBetween):
    """At most half a percent of the market's value is in quarantine (fewer than five rows: at most five percent)."""

    column: str = "unresolved_value_pct"
    max_value: float = 0.5


class UnresolvedRowsAreFew(ExpectColumnValuesToBeBetween):
    """Of the market's rows at most five percent are in quarantine (judged from ten quarantined rows on)."""

    column: str = "unresolved_rows_pct"
    max_value: float = 5


class RowsAreNotLostOnTheWay(ExpectColumnValuesToBeBetween):
    """As many rows leave the layer as entered it."""

    column: str = "lost_rows"
    min_value: float = 0
    max_value: float = 0


class MoneyIsNotLostOnTheWay(ExpectColumnValuesToBeBetween):
    """The sum of money that leaves the layer is the sum that entered it, to a ten-thousandth."""

    column: str = "lost_amount"
    min_value: float = -0.0001
    max_value: float = 0.0001


class AmountsHaveARate(ExpectColumnValuesToBeBetween):
    """At most one percent of the market's value has no exchange rate."""

    column: str = "value_without_rate_pct"
    max_value: float = 1


class LineAmountIsQuantityTimesPrice(ExpectColumnValuesToBeBetween):
    """A line's amount is its quantity times its price."""

    column: str = "amount_difference"
    min_value: float = -0.0001
    max_value: float = 0.0001


class LegsHaveTheirSign(ExpectColumnValuesToBeInSet):
    """Sales of products are positive, cancellations and returns negative."""

    column: str = "leg_sign"
    value_set: list[str] = ["as_its_leg"]


class MonthIsTheOrdersMonth(ExpectColumnValuesToBeInSet):
    """A row is stored in the market-local month of its order."""

    column: str = "month_matches"
    value_set: list[bool] = [True]


class ReversalsStayWithinTheirSale(ExpectColumnValuesToBeBetween):
    """No more units are taken back than were sold."""

    column: str = "units_over_sale"
    max_value: float = 0


class DemandIsNeverNegative(ExpectColumnValuesToBeBetween):
    """Units sold on a day are not negative."""

    column: str = "sold_qty"
    min_value: float = 0


class WeightIsAllocatedOnce(ExpectColumnValuesToBeBetween):
    """The lines' shares of a shipment's weight and freight add up to the shipment's."""

    column: str = "allocation_difference"
    min_value: float = -0.0001
    max_value: float = 0.0001


class HsCodeKeepsItsLeadingZero(ExpectColumnValuesToMatchRegex):
    """An HS code has 6, 8 or 10 digits and a chapter from 01 to 97."""

    column: str = "hs_code"
    regex: str = r"^(0[1-9]|[1-8][0-9]|9[0-7])[0-9]{4}([0-9]{2}){0,2}$"


class DutyIsNeverNegative(ExpectColumnValuesToBeBetween):
    """A duty rate is not negative."""

    column: str = "duty_rate_pct"
    min_value: float = 0


class InvariantHolds(ExpectColumnValuesToBeBetween):
    """What an invariant is off by, where that is more than the seed `invariant` tolerates in a month; else nothing."""

    max_value: float = 0


class PaymentsMatchOrders(InvariantHolds):
    """What was paid and not given back is what the orders cost, less what was cancelled or taken back."""

    column: str = "payments_match_orders"


class ListHasOneOrderAndWaybill(InvariantHolds):
    """Each released list has one order and one waybill."""

    column: str = "list_has_one_order_and_waybill"


class DepartureComesAfterRelease(InvariantHolds):
    """Each departure has an earlier release."""

    column: str = "departure_after_release"


class DeliveredStaysWithinOrdered(InvariantHolds):
    """No more is delivered than shipped and no more shipped than ordered."""

    column: str = "delivered_within_ordered"


class DeclaredValueIsExplained(InvariantHolds):
    """The declared value is receipts, fees, refunds, taxes, exchange differences and what is not yet due."""

    column: str = "declared_value_is_explained"


class PersonStaysWithinAllowance(InvariantHolds):
    """Nobody imports for more than the annual allowance of retail imports."""

    column: str = "allowance_of_a_person"


class StockIsConserved(InvariantHolds):
    """Stock at a count is the count before, plus receipts, less shipments, plus adjustments."""

    column: str = "stock_is_conserved"


class RebateStaysWithinBase(InvariantHolds):
    """No more is claimed back than base times rate, and each claim key stands once."""

    column: str = "rebate_within_base"


class RowsAreInOneState(InvariantHolds):
    """Each row of a file is accepted, repaired, superseded or quarantined, and exactly one of them."""

    column: str = "rows_are_in_one_state"


class ForecastIsANumber(ExpectColumnValuesToBeInSet):
    """Every forecast and every bound is a finite number that is not negative."""

    column: str = "is_sane"
    value_set: list[bool] = [True]


class QuantilesAscend(ExpectColumnValuesToBeInSet):
    """A higher quantile is never below a lower one."""

    column: str = "is_ordered"
    value_set: list[bool] = [True]


class PartsAddUp(ExpectColumnValuesToBeBetween):
    """Categories, subdivisions and products add up to their market, to the rounding."""

    column: str = "parts_off_by"
    max_value: float = 0


class ForecastStaysNearHistory(ExpectColumnValuesToBeBetween):
    """No forecast is more than ten times the largest day or week ever sold."""

    column: str = "times_history_max"
    max_value: float = 10


class HorizonIsComplete(ExpectColumnValuesToBeInSet):
    """Every series has a forecast for each week of the horizon."""

    column: str = "horizon_is_complete"
    value_set: list[bool] = [True]


class ForecastBeatsNaive(ExpectColumnValuesToBeBetween):
    """The model's error is not above that of the better naive forecast."""

    column: str = "excess_error_pct"
    max_value: float = 0


class ForecastAddsValue(ExpectColumnValuesToBeBetween):
    """Older forecasts had no more error than the seasonal naive forecast."""

    column: str = "fva_pct"
    min_value: float = 0


class ForecastIsUnbiased(ExpectColumnValuesToBeBetween):
    """Older forecasts of the market were in sum within fifteen percent of what was sold."""

    column: str = "bias_pct"
    min_value: float = -15
    max_value: float = 15


class TrackingSignalIsSmall(ExpectColumnValuesToBeBetween):
    """Errors of successive nights cancel out: their sum is at most six tenths of their size (Trigg 1964)."""

    column: str = "tracking_signal_pct"
    max_value: float = 60


class NarrowBandHolds(ExpectColumnValuesToBeBetween):
    """The 80 percent band has held between 65 and 97 percent of what was sold."""

    column: str = "coverage_80_pct"
    min_value: float = 65
    max_value: float = 97


class WideBandHolds(ExpectColumnValuesToBeBetween):
    """The 95 percent band has held at least 87 percent of what was sold."""

    column: str = "coverage_95_pct"
    min_value: float = 87


class SuggestionIsNeverNegative(ExpectColumnValuesToBeBetween):
    """Nothing is suggested in a negative quantity."""

    column: str = "suggested_qty"
    min_value: float = 0


class LevelIsAboveReorderPoint(ExpectColumnValuesToBeBetween):
    """The order-up-to level is at least the reorder point."""

    column: str = "level_above_point_qty"
    min_value: float = 0


class SuggestionHasAReason(ExpectColumnValuesToBeBetween):
    """Every suggestion says why."""

    column: str = "reason_length"
    min_value: float = 1


class OverrideIsUsed(ExpectColumnValuesToBeInSet):
    """No override waits for a node that the forecast does not have: its number was mistyped, or is of another shop."""

    column: str = "is_used"
    value_set: list[bool] = [True]


class PromisedFillRateIsKept(ExpectColumnValuesToBeBetween):
    """In the play of the last half year no class stayed more than three points below its promised fill rate."""

    column: str = "error_points"
    min_value: float = -3
