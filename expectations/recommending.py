"""What lists of recommendations must satisfy before a customer sees them."""

import great_expectations as gx

from expectations.customer_promises import EverybodyHasAList, ListsAreWhole, ListsBeatPopularity, NoListWithoutConsent


def recommendation() -> gx.ExpectationSuite:
    """One row per market: broken_lists, lists_without_consent, lists_for_everybody."""
    return gx.ExpectationSuite(
        name="recommendation",
        expectations=[
            ListsAreWhole(severity="critical"),
            NoListWithoutConsent(severity="critical"),
            EverybodyHasAList(severity="warning"),
        ],
    )


def recommendation_score() -> gx.ExpectationSuite:
    """One row per market of a hundred judged customers or more: gain_over_popularity_pct of the chosen model's NDCG."""
    return gx.ExpectationSuite(name="recommendation_score", expectations=[ListsBeatPopularity(severity="warning")])
