"""The tables of the guarantee in a credit run: published rows and scores in, rows out.

Belongs here: the order of reading and computing. Does not: Dagster, queries, maths.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from orchestration.credit import reading as credit_reading
from orchestration.credit.guarantee import reading
from orchestration.credit.guarantee.book import ReserveRules, make_reserve
from orchestration.credit.guarantee.claims import judged_claims
from orchestration.credit.guarantee.offers import make_offers
from orchestration.credit.guarantee.tables import (
    GUARANTEE_CLAIM,
    GUARANTEE_MODELS,
    GUARANTEE_OFFER,
    GUARANTEE_RESERVE,
    GUARANTEE_SIMULATION,
)
from orchestration.credit.policy import GradeTerms, read_policy
from orchestration.credit.rows import Tables, empty, in_columns, of_day

if TYPE_CHECKING:
    import duckdb


def guarantee(
    con: "duckdb.DuckDBPyConnection", scores: pd.DataFrame, policy_file: Path, rules: ReserveRules | None = None
) -> Tables:
    """The rows of offers, reserve, simulation and claims.

    scores: rows of seller_score of every day that is kept.
    """
    as_of = credit_reading.as_of_on(con)
    if as_of is None:
        return {model.name: empty(model) for model in GUARANTEE_MODELS}
    policy, rates = read_policy(as_of, policy_file), credit_reading.usd_rates(con, as_of)
    today = of_day(scores, as_of)
    reading.prepare_orders(con, as_of, terms_of(today, policy))
    months, events = reading.months(con), reading.events(con, as_of)
    # A grade that was reckoned later was nobody's offer.
    published = scores[scores["basis"] == "published"][["seller_id", "as_of_on", "grade"]]
    claims = judged_claims(reading.claims(con), published, policy, rates, pd.Timestamp(as_of))
    sellers = today[["seller_id", "grade", "probability", "is_stale"]]
    offers = make_offers(months, events, claims, sellers, policy, as_of)
    made = make_reserve(offers, months, events, _probabilities(today), as_of, rules)
    return {
        GUARANTEE_OFFER.name: in_columns(offers.assign(as_of_on=as_of), GUARANTEE_OFFER),
        GUARANTEE_RESERVE.name: in_columns(made.reserve.assign(as_of_on=as_of), GUARANTEE_RESERVE),
        GUARANTEE_SIMULATION.name: in_columns(made.simulation.assign(as_of_on=as_of), GUARANTEE_SIMULATION),
        GUARANTEE_CLAIM.name: in_columns(claims, GUARANTEE_CLAIM),
    }


def terms_of(scores: pd.DataFrame, policy: Mapping[str, GradeTerms]) -> pd.DataFrame:
    """seller_id, cover_pct and order_cap_usd of the grades of these scores; grades without terms are left out."""
    known = scores[scores["grade"].isin(list(policy))]
    return pd.DataFrame(
        {
            "seller_id": known["seller_id"],
            "cover_pct": [policy[str(grade)].cover_pct for grade in known["grade"]],
            "order_cap_usd": [policy[str(grade)].order_cap_usd for grade in known["grade"]],
        }
    )


def _probabilities(scores: pd.DataFrame) -> pd.Series:
    return scores.set_index("seller_id")["probability"].astype(float)
