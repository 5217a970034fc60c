"""Credit as assets: read what is published, reckon, keep the tables until their gate, publish them at once.

Belongs here: reading, calling, metadata, the gate's step. Does not: any maths.
Not partitioned: a seller sells into many markets. The job is started by a publication.
"""

from collections.abc import Iterator, Sequence

import dagster as dg
from pydantic import Field

from orchestration.credit.measures import CREDIT_GATE, CREDIT_MEASURES
from orchestration.credit.steps import CreditRules
from orchestration.credit.tables import (
    CREDIT_EXPOSURE,
    CREDIT_MODEL,
    CREDIT_MODEL_MEASURE,
    CREDIT_MODEL_VALIDATION,
    CREDIT_MODELS,
    CREDIT_STALE_MARKET,
    GUARANTEE_OFFER,
    GUARANTEE_RESERVE,
    LIMIT_DECISION,
    PLEDGE,
    PLEDGE_REFUSAL,
    SELLER_ADVANCE,
    SELLER_FEATURE,
    SELLER_LIMIT,
    SELLER_SCORE,
    SELLER_SCORE_CHANGE,
    SELLER_SCORE_PART,
)
from orchestration.credit.words import WORDS
from orchestration.credit.work import LIMIT_READS, SALES_READS, SCORE_READS, VERSION_READS, CreditRun
from orchestration.gates.checks import judge_whole, whole_specs
from orchestration.modeling.manifest import PublishedModel
from orchestration.modeling.translator import OWNERS
from orchestration.platform import Platform, column_metadata, model_key
from orchestration.runs.assets import MARKET_TABLES_KEY, REFERENCE_TABLES_KEY

GROUP = "credit"
CREDIT_KEY = dg.AssetKey(["publication", "credit"])
READS = (dg.AssetDep(MARKET_TABLES_KEY, partition_mapping=dg.AllPartitionMapping()), REFERENCE_TABLES_KEY)


def credit_spec(model: PublishedModel, words: str, *, after: Sequence[PublishedModel] = ()) -> dg.AssetSpec:
    """The asset of a credit table: group, owner, columns in words. `after`: tables of the same run that it reads."""
    # A table behind a blocking check makes whoever depends on it wait for the gate, and the gate waits for all of them:
    # steps follow each other by tables that the gate does not judge.
    return dg.AssetSpec(
        key=model_key(model),
        deps=[*READS, *(model_key(other) for other in after)],
        group_name=GROUP,
        owners=list(OWNERS),
        kinds={"python", "duckdb"},
        description=words,
        metadata=column_metadata(model, WORDS),
    )


def credit_run(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext, platform: Platform) -> CreditRun:
    """The file of this run: that of its root run, so that a retry goes on where the first try ended."""
    return CreditRun(platform.settings, platform.lake, context.run.root_run_id or context.run.run_id)


def _rules(platform: Platform, history_months: int = 6) -> CreditRules:
    settings = platform.settings
    return CreditRules(settings.credit_policy_file, settings.credit_second_person_usd, history_months)


def credit_result(
    model: PublishedModel, rows: int, **metadata: dg.MetadataValue | str | int | float
) -> dg.MaterializeResult[None]:
    """The result of one table: its rows, and what else is to be seen."""
    return dg.MaterializeResult(asset_key=model_key(model), metadata={"dagster/row_count": rows, **metadata})


@dg.multi_asset(
    name="credit_stale_markets",
    specs=[
        credit_spec(CREDIT_STALE_MARKET, "Markets that are held back or behind: scores of their sellers are stale.")
    ],
)
def credit_stale_markets(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult[None]:
    """Which markets are stale, why and since when."""
    from orchestration.credit.steps import stale_markets

    run = credit_run(context, platform)
    with run.published(SALES_READS) as con:
        found = stale_markets(con)[CREDIT_STALE_MARKET.name]
    run.keep(CREDIT_STALE_MARKET, found)
    words = "; ".join(f"{row.market}: {row.reason}" for row in found.itertuples()) or "none"
    return credit_result(CREDIT_STALE_MARKET, len(found), markets=words, sellers=int(found["seller_count"].sum()))


class VersionConfig(dg.Config):
    """What may be asked of the training."""

    retrain: bool = Field(default=False, description="Train a version now, whatever the age of the others.")


@dg.multi_asset(
    name="scorecard_versions",
    specs=[
        credit_spec(
            CREDIT_MODEL, "Every version of the scorecard: what it was trained on, whether it qualifies, who approved."
        ),
        credit_spec(CREDIT_MODEL_MEASURE, "Measures of each version, in training and on rows that it had not seen."),
        credit_spec(
            CREDIT_MODEL_VALIDATION,
            "What each version and its challenger said of sellers unknown to them, and what came of these.",
        ),
    ],
)
def scorecard_versions(
    context: dg.AssetExecutionContext, config: VersionConfig, platform: dg.ResourceParam[Platform]
) -> Iterator[dg.MaterializeResult[None]]:
    """The versions with their standing; a new one where none is young enough. Only a person approves one."""
    from orchestration.credit import steps
    from orchestration.credit.plots import markdown_table

    run = credit_run(context, platform)
    with run.published(VERSION_READS) as con:
        made, words = steps.scorecard_versions(con, retrain=config.retrain)
    models, measures = made[CREDIT_MODEL.name], made[CREDIT_MODEL_MEASURE.name]
    run.keep(CREDIT_MODEL, models)
    run.keep(CREDIT_MODEL_MEASURE, measures)
    run.keep(CREDIT_MODEL_VALIDATION, made[CREDIT_MODEL_VALIDATION.name])
    columns = [
        "version",
        "trained_on",
        "status",
        "is_in_use",
        "row_count",
        "bad_count",
        "does_qualify",
        "qualification",
    ]
    yield credit_result(
        CREDIT_MODEL,
        len(models),
        training=words,
        versions=dg.MetadataValue.md(markdown_table(models[columns].tail(10))),
    )
    newest = measures[measures["version"] == models["version"].iloc[-1]] if len(models) else measures
    newest = newest[~newest["slice"].str.startswith(steps.SAMPLE)]
    wide = newest.pivot_table(index="metric", columns="slice", values="value").round(4).reset_index()
    yield credit_result(CREDIT_MODEL_MEASURE, len(measures), newest=dg.MetadataValue.md(markdown_table(wide)))
    yield credit_result(CREDIT_MODEL_VALIDATION, len(made[CREDIT_MODEL_VALIDATION.name]))


class ScoreConfig(dg.Config):
    """What may be asked of the scores."""

    history_months: int = Field(
        default=6, ge=0, le=24, description="Months before the first run whose scores are reckoned, marked as such."
    )


@dg.multi_asset(
    name="seller_scores",
    specs=[
        credit_spec(
            SELLER_FEATURE, "What is known of each seller today: the figures behind the score.", after=[CREDIT_MODEL]
        ),
        credit_spec(SELLER_SCORE, "Score, probability and grade of each seller, kept by day; a stale one says so."),
        credit_spec(SELLER_SCORE_PART, "Points of each characteristic, what it could bring, and why it does not."),
        credit_spec(SELLER_SCORE_CHANGE, "Why a score changed since the one before, in points by characteristic."),
    ],
)
def seller_scores(
    context: dg.AssetExecutionContext, config: ScoreConfig, platform: dg.ResourceParam[Platform]
) -> Iterator[dg.MaterializeResult[None]]:
    """Features become scores with reasons; sellers in stale markets keep their last one."""
    from orchestration.credit import plots, steps
    from orchestration.credit.page.chosen import LOWEST
    from orchestration.credit.places import seller_place
    from orchestration.forecasting.plots import as_markdown_image
    from orchestration.reporting.market_report.writing import link

    run = credit_run(context, platform)
    models = run.read(CREDIT_MODEL.name)
    with run.published(SCORE_READS) as con:
        made = steps.seller_scores(con, models, _rules(platform, config.history_months))
    by_name = {model.name: model for model in (SELLER_FEATURE, SELLER_SCORE, SELLER_SCORE_PART, SELLER_SCORE_CHANGE)}
    for name, frame in made.items():
        run.keep(by_name[name], frame)
    scores, changes = made[SELLER_SCORE.name], made[SELLER_SCORE_CHANGE.name]
    today = scores[scores["as_of_on"] == scores["as_of_on"].max()] if len(scores) else scores
    metadata: dict[str, dg.MetadataValue | str | int | float] = {
        "sellers": len(today),
        "stale": int(today["is_stale"].astype(bool).sum()),
        "without_score": int(today["score"].isna().sum()),
        "page_of_a_seller": "asset credit/seller_pages; of anyone: python -m orchestration.credit report SELLER",
    }
    if not len(today):
        metadata["empty"] = "no seller is known: nothing that is published names one"
    elif today["score"].notna().any():
        metadata["picture"] = dg.MetadataValue.md(
            as_markdown_image(plots.score_plot(today, models), words="scores of today by grade")
        )
        # Their pages are written once the run has published (see page/assets.py).
        worst = today.dropna(subset="score").sort_values(["score", "seller_id"]).head(LOWEST)
        worst = worst.assign(page=[link(seller_place(platform.settings, seller)) for seller in worst["seller_id"]])
        columns = ["seller_id", "score", "grade", "is_stale", "change_points", "page", "reasons_en"]
        metadata["lowest"] = dg.MetadataValue.md(plots.markdown_table(worst[columns]))
    yield credit_result(SELLER_FEATURE, len(made[SELLER_FEATURE.name]))
    yield credit_result(SELLER_SCORE, len(scores), **metadata)
    yield credit_result(SELLER_SCORE_PART, len(made[SELLER_SCORE_PART.name]))
    yield credit_result(
        SELLER_SCORE_CHANGE,
        len(changes),
        largest=dg.MetadataValue.md(plots.markdown_table(plots.largest_changes(changes))),
    )


@dg.multi_asset(
    name="seller_limits",
    specs=[
        credit_spec(
            SELLER_LIMIT,
            "What may be lent to each seller now, with every term, kept by day.",
            after=[SELLER_SCORE_PART],
        ),
        credit_spec(SELLER_ADVANCE, "Every advance and what is still owed on it."),
        credit_spec(PLEDGE, "The pledge ledger: an item of a declaration secures one advance."),
        credit_spec(PLEDGE_REFUSAL, "Second pledges of an item, each with its first holder."),
        credit_spec(LIMIT_DECISION, "The officers' log: every word that was signed, and what has become of it."),
    ],
)
def seller_limits(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> Iterator[dg.MaterializeResult[None]]:
    """Limits from receipts, rebates, grades and advances, with the officers' hand on them."""
    from orchestration.credit import plots, steps

    run = credit_run(context, platform)
    scores, models = run.read(SELLER_SCORE.name), run.read(CREDIT_MODEL.name)
    with run.published(LIMIT_READS) as con:
        made = steps.seller_limits(con, scores, models, _rules(platform))
    by_name = {model.name: model for model in (SELLER_LIMIT, SELLER_ADVANCE, PLEDGE, PLEDGE_REFUSAL, LIMIT_DECISION)}
    for name, frame in made.items():
        run.keep(by_name[name], frame)
    kept, log = made[SELLER_LIMIT.name], made[LIMIT_DECISION.name]
    limits = kept[kept["as_of_on"] == kept["as_of_on"].max()] if len(kept) else kept
    largest = limits.sort_values("limit_usd", ascending=False).head(20)
    yield credit_result(
        SELLER_LIMIT,
        len(kept),
        sellers=len(limits),
        limits_usd=float(limits["limit_usd"].sum()),
        outstanding_usd=float(limits["outstanding_usd"].sum()),
        by_hand=int((limits["limit_basis"] != "model").sum()),
        largest=dg.MetadataValue.md(plots.markdown_table(largest[["seller_id", "grade", "limit_usd", "reason"]])),
    )
    advances = made[SELLER_ADVANCE.name]
    yield credit_result(SELLER_ADVANCE, len(advances), overdue_usd=float(advances["overdue_usd"].sum()))
    yield credit_result(PLEDGE, len(made[PLEDGE.name]))
    refusals = made[PLEDGE_REFUSAL.name]
    yield credit_result(
        PLEDGE_REFUSAL,
        len(refusals),
        refused=dg.MetadataValue.md(plots.markdown_table(refusals[["advance_no", "seller_id", "reason"]].head(20))),
    )
    columns = [
        "decided_at",
        "decision_id",
        "decision",
        "seller_id",
        "model_version",
        "decided_by",
        "state",
        "state_reason",
    ]
    yield credit_result(
        LIMIT_DECISION, len(log), newest=dg.MetadataValue.md(plots.markdown_table(log[columns].tail(20)))
    )


@dg.multi_asset(
    name="credit_exposure",
    specs=[
        credit_spec(
            CREDIT_EXPOSURE,
            "What is lent, promised and guaranteed, by market and grade.",
            after=[SELLER_SCORE_PART, SELLER_ADVANCE, GUARANTEE_RESERVE],
        )
    ],
)
def credit_exposure(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult[None]:
    """Each seller's money and limit divided among his markets."""
    from orchestration.credit import plots
    from orchestration.credit.exposure import exposure_rows
    from orchestration.forecasting.plots import as_markdown_image

    run = credit_run(context, platform)
    kept = {model.name: run.read(model.name) for model in (SELLER_LIMIT, SELLER_SCORE, GUARANTEE_OFFER)}
    with run.published(SALES_READS) as con:
        rows = exposure_rows(con, kept)
    run.keep(CREDIT_EXPOSURE, rows)
    metadata: dict[str, dg.MetadataValue | str | int | float] = {}
    if len(rows):
        metadata["picture"] = dg.MetadataValue.md(as_markdown_image(plots.exposure_plot(rows), words="exposure"))
    return credit_result(CREDIT_EXPOSURE, len(rows), **metadata)


@dg.multi_asset_check(
    name=CREDIT_GATE,
    specs=whole_specs(CREDIT_MEASURES, "What scores, limits and guarantees must satisfy before anybody lends by them."),
)
def credit_gate(
    context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
) -> Iterator[dg.AssetCheckResult]:
    """Blocks the publication of figures that break a critical promise."""
    yield from judge_whole(context, platform, credit_run(context, platform), CREDIT_GATE, CREDIT_MEASURES)


@dg.asset(
    key=CREDIT_KEY,
    deps=[model_key(model) for model in CREDIT_MODELS],
    group_name=GROUP,
    owners=list(OWNERS),
    kinds={"python", "iceberg"},
)
def credit_tables(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult[None]:
    """Every table of credit, made visible at once."""
    run = credit_run(context, platform)
    publication = run.publish()
    run.remove()
    platform.judges.stop()
    return dg.MaterializeResult(metadata={"publication": publication})
