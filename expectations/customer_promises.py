"""The kinds of promise about customers, lists of recommendations, media and the funnel.

Belongs here: named expectations over measured columns, each with its sentence. Does not: the others (see promises.py).
"""

from great_expectations.expectations import ExpectColumnValuesToBeBetween, ExpectColumnValuesToBeInSet


class CustomerValuesAreNumbers(ExpectColumnValuesToBeBetween):
    """What is expected is a number, not below zero, lower ends below upper ones, and no less over a longer time."""

    column: str = "insane_customers"
    min_value: float = 0
    max_value: float = 0


class CustomersAreCountedOnce(ExpectColumnValuesToBeBetween):
    """Each customer has one row of value and one segment."""

    column: str = "customers_off"
    min_value: float = 0
    max_value: float = 0


class PortraitsAreWhole(ExpectColumnValuesToBeBetween):
    """Each customer has one portrait."""

    column: str = "portraits_off"
    min_value: float = 0
    max_value: float = 0


class NobodyIsPointedAt(ExpectColumnValuesToBeBetween):
    """No group of fewer than ten people has a figure, and no surprise rests on fewer than ten or on chance."""

    column: str = "small_groups"
    min_value: float = 0
    max_value: float = 0


class MovementsAddUp(ExpectColumnValuesToBeBetween):
    """The movements of the last month end with every buyer, each in one segment."""

    column: str = "moved_off"
    min_value: float = 0
    max_value: float = 0


class NetAmountIsWhole(ExpectColumnValuesToBeBetween):
    """Net amounts of customers and guests add up to that of the market's lines less what went back."""

    column: str = "amount_off_usd"
    min_value: float = 0
    max_value: float = 0.01


class PurchasesBeatNaive(ExpectColumnValuesToBeBetween):
    """In the hold-out the model errs less than the guess that everybody buys as often as before."""

    column: str = "excess_error_pct"
    max_value: float = 0


class SegmentsRepeatThemselves(ExpectColumnValuesToBeBetween):
    """At least seven of ten customers keep their segment when its figures come from customers drawn anew."""

    column: str = "agreement_pct"
    min_value: float = 70


class IntervalHoldsItsMean(ExpectColumnValuesToBeInSet):
    """What a medium added is finite, and lies between its bounds."""

    column: str = "interval_is_ordered"
    value_set: list[bool] = [True]


class BudgetIsKept(ExpectColumnValuesToBeBetween):
    """A suggestion spends what is spent today, to two percent, and moves no medium by more than thirty."""

    column: str = "budget_off_by_pct"
    max_value: float = 2


class CreditsAddUp(ExpectColumnValuesToBeBetween):
    """Every rule of attribution gives away each order once."""

    column: str = "credits_off_by"
    max_value: float = 0.01


class LossIsAShare(ExpectColumnValuesToBeInSet):
    """Nobody is lost who did not come."""

    column: str = "loss_is_share"
    value_set: list[bool] = [True]


class ListsAreWhole(ExpectColumnValuesToBeBetween):
    """A list names no product twice, has ranks from 1 on without a gap, and says why."""

    column: str = "broken_lists"
    min_value: float = 0
    max_value: float = 0


class NoListWithoutConsent(ExpectColumnValuesToBeBetween):
    """Nobody has a list of their own who did not agree to it."""

    column: str = "lists_without_consent"
    min_value: float = 0
    max_value: float = 0


class EverybodyHasAList(ExpectColumnValuesToBeBetween):
    """There is a list for those without one of their own."""

    column: str = "lists_for_everybody"
    min_value: float = 1


class ListsBeatPopularity(ExpectColumnValuesToBeBetween):
    """In time order the chosen model is at least as good as what is popular."""

    column: str = "gain_over_popularity_pct"
    min_value: float = 0
