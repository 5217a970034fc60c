"""What figures of visits and media must satisfy before anybody moves money by them."""

import great_expectations as gx

from expectations.customer_promises import BudgetIsKept, CreditsAddUp, IntervalHoldsItsMean, LossIsAShare


def media_figures() -> gx.ExpectationSuite:
    """One row per figure: interval_is_ordered, budget_off_by_pct, credits_off_by, loss_is_share."""
    return gx.ExpectationSuite(
        name="media_figures",
        expectations=[
            IntervalHoldsItsMean(severity="critical"),
            BudgetIsKept(severity="critical"),
            CreditsAddUp(severity="critical"),
            LossIsAShare(severity="critical"),
        ],
    )
