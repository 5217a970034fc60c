"""The steps of a credit run: published rows in, tables out.

Belongs here: the order of reading and computing. Does not: Dagster, queries, maths.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from orchestration.credit import reading
from orchestration.credit.decisions import LOG_COLUMNS, decision_log, hands
from orchestration.credit.history import kept_days, mark_stale, month_firsts, replace_day, with_change
from orchestration.credit.limits import limits
from orchestration.credit.outstanding import outstanding_advances, outstanding_by_seller
from orchestration.credit.pledges import pledge_book
from orchestration.credit.policy import POLICY_FILE, read_policy
from orchestration.credit.rows import Tables, day_of, empty, in_columns, of_day, read_kept, together
from orchestration.credit.scoring import score_changes, score_sellers, unscored
from orchestration.credit.stale import find_stale_markets, stale_sellers
from orchestration.credit.tables import (
    CREDIT_MODEL,
    CREDIT_MODEL_MEASURE,
    CREDIT_MODEL_VALIDATION,
    CREDIT_STALE_MARKET,
    LIMIT_DECISION,
    LIMIT_MODELS,
    PLEDGE,
    PLEDGE_REFUSAL,
    SCORE_MODELS,
    SELLER_ADVANCE,
    SELLER_FEATURE,
    SELLER_LIMIT,
    SELLER_SCORE,
    SELLER_SCORE_CHANGE,
    SELLER_SCORE_PART,
)
from orchestration.credit.training import SELLER_SETTINGS, Trained, TrainingError, train
from orchestration.credit.versions import is_training_due, standing

if TYPE_CHECKING:
    import duckdb

SNAPSHOT_MONTHS = 3
SAMPLE = "sample_"  # measures of the sample of the day that follows: rows by outcome


@dataclass(frozen=True)
class CreditRules:
    """What an installation says: its policy, the threshold of the second person, months that are reckoned backwards."""

    policy_file: Path = POLICY_FILE
    second_person_usd: float = 50_000.0
    history_months: int = 6


def stale_markets(con: "duckdb.DuckDBPyConnection") -> Tables:
    """The rows of credit_stale_market."""
    as_of = reading.as_of_on(con)
    if as_of is None:
        return {CREDIT_STALE_MARKET.name: empty(CREDIT_STALE_MARKET)}
    found = find_stale_markets(con, as_of, reading.sales(con, as_of))
    return {CREDIT_STALE_MARKET.name: in_columns(found, CREDIT_STALE_MARKET)}


def scorecard_versions(con: "duckdb.DuckDBPyConnection", *, retrain: bool = False) -> tuple[Tables, str]:
    """The rows of the versions, their measures and validations, and in words what was trained or why nothing was."""
    models, measures = read_kept(con, CREDIT_MODEL), read_kept(con, CREDIT_MODEL_MEASURE)
    validation = read_kept(con, CREDIT_MODEL_VALIDATION)
    as_of = reading.as_of_on(con)
    words = "nothing is published"
    if as_of is not None:
        # What officers say of limits does not matter here.
        log = decision_log(
            read_kept(con, LIMIT_DECISION), reading.signed_decisions(con), recorded_on=pd.Timestamp(as_of),
            threshold_usd=0.0, usd_rates={}, model_limits_usd={},
        )  # fmt: skip
        models = in_columns(standing(models, log).models, CREDIT_MODEL) if len(models) else models
        words = "the version in use is young enough"
        if retrain or is_training_due(models, as_of):
            try:
                made, definition = _trained(con, as_of, models)
                if made.version not in set(models["version"]):
                    models = together(models, model_row(made, definition))
                    measures = together(measures, made.measures.assign(version=made.version))
                    validation = together(validation, made.validation.assign(version=made.version))
                words = f"{made.version} of {made.row_count} rows, {made.bad_count} bad: {made.qualification}"
            except TrainingError as error:
                words = f"no scorecard was trained: {error}"
        models = standing(models, log).models if len(models) else models
    return {
        CREDIT_MODEL.name: in_columns(models, CREDIT_MODEL),
        CREDIT_MODEL_MEASURE.name: in_columns(measures, CREDIT_MODEL_MEASURE),
        CREDIT_MODEL_VALIDATION.name: in_columns(validation, CREDIT_MODEL_VALIDATION),
    }, words


def seller_scores(
    con: "duckdb.DuckDBPyConnection", models: pd.DataFrame, rules: CreditRules, why_not: str = ""
) -> Tables:
    """The rows of features, scores, parts and changes; kept days beside today's.

    models: rows of credit_model. why_not: in words why there is no scorecard, where there is none.
    """
    from orchestration.credit.features import features_at
    from orchestration.credit.scorecard.card import Scorecard

    as_of = reading.as_of_on(con)
    if as_of is None:
        return {model.name: empty(model) for model in SCORE_MODELS[3:]}
    scores, parts, changes = (read_kept(con, one) for one in (SELLER_SCORE, SELLER_SCORE_PART, SELLER_SCORE_CHANGE))
    sales = reading.sales(con, as_of)
    stale = stale_sellers(find_stale_markets(con, as_of, sales), sales)
    used = models[models["is_in_use"].astype(bool)]
    # Only before the first score there is nothing to compare today with.
    earlier = [] if len(scores) or used.empty else _recomputed_days(con, as_of, rules.history_months)
    whole = features_at(con, [*earlier, as_of])
    by_day = {day_of(day): one_per_seller(rows) for day, rows in whole.groupby("as_of_on")}
    today = by_day.get(as_of, one_per_seller(whole.head(0)))
    if used.empty:
        scored = unscored(today, as_of, why_not or "there is no scorecard")
    else:
        row = used.iloc[0]
        card, version, status = Scorecard.from_json(str(row["card_json"])), str(row["version"]), str(row["status"])
        for day in earlier:
            if day in by_day:
                then = score_sellers(card, by_day[day], day, version=version, status=status, basis="recomputed")
                before = _last_parts(parts, day)
                changes = together(changes, score_changes(then.parts, before))
                scores = together(scores, with_change(mark_stale(then.scores, stale.head(0), scores), scores))
                parts = together(parts, then.parts)
        scored = score_sellers(card, today, as_of, version=version, status=status)
    rows = with_change(mark_stale(scored.scores, stale, scores), scores)
    fresh = set(rows.loc[~rows["is_stale"].astype(bool) | (rows["scored_on"] == as_of), "seller_id"])
    new_parts = scored.parts[scored.parts["seller_id"].isin(fresh)]
    new_changes = score_changes(new_parts, _last_parts(parts, as_of))
    # Another run of the same day replaces its rows; those of sellers whose old score is kept stay as they are.
    is_replaced = (pd.to_datetime(parts["as_of_on"]) == pd.Timestamp(as_of)) & parts["seller_id"].isin(fresh)
    parts = together(parts[~is_replaced], new_parts)
    days = pd.to_datetime(parts["as_of_on"])
    kept = {*kept_days([day_of(day) for day in days.unique()], as_of), *_kept_for_stale(rows)}
    features = _long(today)
    return {
        SELLER_FEATURE.name: in_columns(features.assign(as_of_on=as_of), SELLER_FEATURE),
        SELLER_SCORE.name: in_columns(replace_day(scores, rows, as_of), SELLER_SCORE),
        SELLER_SCORE_PART.name: in_columns(parts[days.isin([pd.Timestamp(day) for day in kept])], SELLER_SCORE_PART),
        SELLER_SCORE_CHANGE.name: in_columns(replace_day(changes, new_changes, as_of), SELLER_SCORE_CHANGE),
    }


def seller_limits(
    con: "duckdb.DuckDBPyConnection", scores: pd.DataFrame, models: pd.DataFrame, rules: CreditRules
) -> Tables:
    """The rows of limits, advances, pledges, refusals and decisions.

    scores: rows of seller_score; models: rows of credit_model.
    """
    as_of = reading.as_of_on(con)
    if as_of is None:
        return {model.name: empty(model) for model in LIMIT_MODELS[:-1]}
    policy, rates = read_policy(as_of, rules.policy_file), reading.usd_rates(con, as_of)
    owed = outstanding_advances(reading.advances(con), reading.repayments(con), rates, pd.Timestamp(as_of))
    book = pledge_book(owed, reading.pledged_declarations(con, owed["pledged_declaration_no"]))
    today = of_day(scores, as_of)
    sellers = _limit_inputs(con, as_of, today, owed, rates)
    by_model = limits(sellers, policy, {})
    model_limits = dict(zip(by_model["seller_id"].astype(str), by_model["model_limit_usd"], strict=True))
    log = decision_log(
        read_kept(con, LIMIT_DECISION), reading.signed_decisions(con), recorded_on=pd.Timestamp(as_of),
        threshold_usd=rules.second_person_usd, usd_rates=rates, model_limits_usd=model_limits,
    )  # fmt: skip
    for place, why in (standing(models, log).refused if len(log) else {}).items():
        log.loc[place, ["state", "state_reason"]] = ["refused", why]
    unknown = log["seller_id"].notna() & ~log["seller_id"].isin(sellers["seller_id"])
    log.loc[unknown & (log["state_reason"] == ""), "state_reason"] = (
        "no score, receipt or advance of this seller is known"
    )
    made = limits(sellers, policy, hands(log)).merge(
        sellers[["seller_id", "version", "is_stale", "problem"]].rename(columns={"problem": "data_problem"}),
        on="seller_id",
    )
    made = made.assign(as_of_on=as_of)
    return {
        SELLER_LIMIT.name: in_columns(replace_day(read_kept(con, SELLER_LIMIT), made, as_of), SELLER_LIMIT),
        SELLER_ADVANCE.name: in_columns(owed, SELLER_ADVANCE),
        PLEDGE.name: in_columns(book.ledger, PLEDGE),
        PLEDGE_REFUSAL.name: in_columns(book.refusals, PLEDGE_REFUSAL),
        LIMIT_DECISION.name: in_columns(log[list(LOG_COLUMNS)], LIMIT_DECISION),
    }


def one_per_seller(features: pd.DataFrame) -> pd.DataFrame:
    """One row per seller_id: of several sources that use the same number, the one of which most is known."""
    rows = features.sort_values(["seller_id", "evidence_orders"], ascending=[True, False], kind="stable")
    return rows.drop_duplicates("seller_id").reset_index(drop=True)


def _limit_inputs(
    con: "duckdb.DuckDBPyConnection", as_of: date, scores: pd.DataFrame, owed: pd.DataFrame, rates: Mapping[str, float]
) -> pd.DataFrame:
    """One row per seller who has a score, a receipt or an advance."""
    receipts = (
        reading.receipts(con, as_of)
        .groupby("seller_id", as_index=False)[["verified_receipts_usd", "receipts_without_rate"]]
        .sum()
    )
    rebates = (
        reading.rebates(con, as_of, rates)
        .groupby("seller_id", as_index=False)[["unpaid_rebate_usd", "claims_of_a_year"]]
        .sum()
    )
    rows = scores[["seller_id", "version", "grade", "probability", "is_stale"]]
    for part in (receipts, rebates, outstanding_by_seller(owed)):
        rows = rows.merge(part, on="seller_id", how="outer")
    rows["is_stale"] = rows["is_stale"].astype("boolean").fillna(False).astype(bool)
    rows["has_claimed"] = rows["claims_of_a_year"].fillna(0) > 0
    for name in ("days_past_due", "unknown_advance_count"):
        rows[name] = rows[name].fillna(0).astype(int)
    without = rows["receipts_without_rate"].fillna(0).astype(int)
    problem = rows["problem"].fillna("").astype(object)
    rows["problem"] = [
        "; ".join(
            part for part in (said, f"{count} receipts are in a currency without a rate" if count else "") if part
        )
        for said, count in zip(problem, without, strict=True)
    ]
    return rows.sort_values("seller_id", ignore_index=True)


def _trained(con: "duckdb.DuckDBPyConnection", as_of: date, models: pd.DataFrame) -> tuple[Trained, str]:
    """A version, and the definition of bad by which it was trained."""
    from orchestration.credit.characteristics import CHARACTERISTICS
    from orchestration.credit.samples import samples, snapshot_dates
    from orchestration.credit.scorecard.card import Scorecard
    from orchestration.credit.targets import HARD

    (row,) = con.execute("select min(ordered_on) from fct_orders").fetchall()
    final = timedelta(days=HARD.performance_days + HARD.maturity_days)
    dates = snapshot_dates(row[0] + timedelta(days=HARD.observation_days), as_of - final, months=SNAPSHOT_MONTHS)
    if not dates:
        raise TrainingError(
            f"the history from {row[0]} to {as_of} is shorter than observation, performance and maturity of the target"
        )
    found = samples(con, HARD, dates, known_on=as_of)
    if found.frame.empty:
        raise TrainingError("no seller has an outcome: there are no instalments to learn from")
    sold = reading.markets_of_sellers(con, [*dates])
    frame = found.frame.assign(as_of_on=pd.to_datetime(found.frame["as_of_on"]).dt.date).merge(
        sold, on=["as_of_on", "seller_id"], how="left"
    )
    used = models[models["is_in_use"].astype(bool)] if len(models) else models
    made = train(
        frame,
        CHARACTERISTICS,
        as_of,
        settings=SELLER_SETTINGS,
        in_use=Scorecard.from_json(str(used["card_json"].iloc[0])) if len(used) else None,
    )
    counts = found.counts.melt("as_of_on", var_name="metric").rename(columns={"as_of_on": "slice"})
    counts["slice"] = SAMPLE + counts["slice"].astype(str).str[:10]
    return replace(made, measures=pd.concat([made.measures, counts], ignore_index=True)), HARD.code


def model_row(made: Trained, definition: str) -> pd.DataFrame:
    """The row of credit_model of a version; its standing is not told yet."""
    return pd.DataFrame(
        [
            {
                "version": made.version, "trained_on": made.trained_on, "target_definition": definition,
                "sample_from_on": made.from_on, "sample_to_on": made.to_on, "row_count": made.row_count,
                "bad_count": made.bad_count, "does_qualify": made.does_qualify, "qualification": made.qualification,
                "notes": "; ".join(f"{note.name or 'sample'}: {note.text}" for note in made.card.notes),
                "card_json": made.card.to_json(),
            }
        ]
    )  # fmt: skip


def _recomputed_days(con: "duckdb.DuckDBPyConnection", as_of: date, count: int) -> list[date]:
    """First days of months before the first run, once a year of orders was known."""
    (row,) = con.execute("select min(ordered_on) from fct_orders").fetchall()
    return [day for day in month_firsts(as_of, count) if day >= row[0] + timedelta(days=365)] if count else []


def _last_parts(parts: pd.DataFrame, before: date) -> pd.DataFrame:
    """Each seller's newest parts of a day before."""
    day = pd.to_datetime(parts["as_of_on"])
    earlier = parts[day < pd.Timestamp(before)]
    return earlier[day[earlier.index] == day[earlier.index].groupby(earlier["seller_id"]).transform("max")]


def _kept_for_stale(rows: pd.DataFrame) -> set[date]:
    stale = rows[rows["is_stale"].astype(bool) & rows["scored_on"].notna()]
    return {day_of(day) for day in stale["scored_on"].unique()}


def _long(features: pd.DataFrame) -> pd.DataFrame:
    """One row per seller and feature: value, or value_text of a category. All columns that are no key."""
    keys = {"as_of_on", "seller_key", "seller_id"}
    columns = [name for name in features.columns if name not in keys]
    parts = []
    for name in columns:
        is_text = not pd.api.types.is_numeric_dtype(features[name])
        values = features[name]
        parts.append(
            pd.DataFrame(
                {
                    "seller_id": features["seller_id"],
                    "name": name,
                    "value": None if is_text else values.astype(float),
                    "value_text": values.astype(object) if is_text else None,
                }
            )
        )
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"seller_id": []})
