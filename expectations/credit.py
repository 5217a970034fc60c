"""What scores, limits and guarantees must satisfy before anybody lends or guarantees by them."""

import great_expectations as gx
from great_expectations.expectations import ExpectColumnValuesToBeBetween, ExpectColumnValuesToBeInSet


class ScoreIsTheSumOfItsParts(ExpectColumnValuesToBeBetween):
    """The points of all parts of a score come to the score, to the point."""

    column: str = "points_off_by"
    min_value: float = 0
    max_value: float = 0


class ProbabilityIsAShare(ExpectColumnValuesToBeInSet):
    """Every probability lies between 0 and 1, and who has a score has a grade."""

    column: str = "is_sane"
    value_set: list[bool] = [True]


class StaleScoreSaysWhy(ExpectColumnValuesToBeBetween):
    """A stale score names its market, the reason, and since when."""

    column: str = "stale_words_length"
    min_value: float = 1


class LimitFollowsFromItsTerms(ExpectColumnValuesToBeBetween):
    """The model's limit is the smallest of its terms times the factor less what is outstanding, to the cent."""

    column: str = "limit_off_by_usd"
    max_value: float = 0.02


class LimitIsNeverNegative(ExpectColumnValuesToBeBetween):
    """No limit is below zero."""

    column: str = "limit_usd"
    min_value: float = 0


class FrozenLimitIsZero(ExpectColumnValuesToBeBetween):
    """Nothing is lent on a frozen limit, nor without a score or with an instalment long past due."""

    column: str = "stopped_limit_usd"
    max_value: float = 0


class LimitHasAReason(ExpectColumnValuesToBeBetween):
    """Every limit says how it came about."""

    column: str = "reason_length"
    min_value: float = 1


class ItemIsPledgedOnce(ExpectColumnValuesToBeBetween):
    """An item of a declaration secures one advance."""

    column: str = "advances_on_item"
    max_value: float = 1


class DecisionAboveThresholdHasTwoPeople(ExpectColumnValuesToBeBetween):
    """A decision that needs a second person and counts carries two different names."""

    column: str = "people_missing"
    max_value: float = 0


class PriceCoversExpectedLoss(ExpectColumnValuesToBeBetween):
    """No guarantee is offered below what it is expected to cost."""

    column: str = "price_above_loss_pct"
    min_value: float = 0


class ReserveHoldsAsStated(ExpectColumnValuesToBeBetween):
    """The reserve holds in at least the stated share of the simulated paths of two years."""

    column: str = "held_above_stated_pct"
    min_value: float = 0


class MarketSharesComeToTheWhole(ExpectColumnValuesToBeBetween):
    """What is outstanding and promised by market and grade comes to that of all sellers."""

    column: str = "exposure_off_by_usd"
    max_value: float = 1


def seller_score() -> gx.ExpectationSuite:
    """One row per seller: points_off_by, is_sane, stale_words_length (null where it is not stale)."""
    return gx.ExpectationSuite(
        name="seller_score",
        expectations=[
            ScoreIsTheSumOfItsParts(severity="critical"),
            ProbabilityIsAShare(severity="critical"),
            StaleScoreSaysWhy(severity="critical"),
        ],
    )


def seller_limit() -> gx.ExpectationSuite:
    """One row per seller: limit_off_by_usd, limit_usd, stopped_limit_usd (null where nothing stops), reason_length."""
    return gx.ExpectationSuite(
        name="seller_limit",
        expectations=[
            LimitFollowsFromItsTerms(severity="critical"),
            LimitIsNeverNegative(severity="critical"),
            FrozenLimitIsZero(severity="critical"),
            LimitHasAReason(severity="critical"),
        ],
    )


def pledge() -> gx.ExpectationSuite:
    """One row per item: advances_on_item."""
    return gx.ExpectationSuite(name="pledge", expectations=[ItemIsPledgedOnce(severity="critical")])


def limit_decision() -> gx.ExpectationSuite:
    """One row per decision that counts: people_missing."""
    return gx.ExpectationSuite(
        name="limit_decision", expectations=[DecisionAboveThresholdHasTwoPeople(severity="critical")]
    )


def guarantee_offer() -> gx.ExpectationSuite:
    """One row per offer: price_above_loss_pct."""
    return gx.ExpectationSuite(name="guarantee_offer", expectations=[PriceCoversExpectedLoss(severity="critical")])


def guarantee_simulation() -> gx.ExpectationSuite:
    """One row for the end of the simulation: held_above_stated_pct."""
    return gx.ExpectationSuite(name="guarantee_simulation", expectations=[ReserveHoldsAsStated(severity="critical")])


def credit_exposure() -> gx.ExpectationSuite:
    """One row for each sum: exposure_off_by_usd."""
    return gx.ExpectationSuite(name="credit_exposure", expectations=[MarketSharesComeToTheWhole(severity="critical")])
