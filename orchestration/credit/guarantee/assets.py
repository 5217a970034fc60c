"""The guarantee in Dagster.

Belongs here: the step and its metadata. Does not: any maths.
"""

from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from orchestration.credit.assets import credit_result, credit_run, credit_spec
from orchestration.credit.tables import (
    GUARANTEE_CLAIM,
    GUARANTEE_OFFER,
    GUARANTEE_RESERVE,
    GUARANTEE_SIMULATION,
    SELLER_SCORE,
    SELLER_SCORE_PART,
)
from orchestration.credit.work import GUARANTEE_READS
from orchestration.platform import Platform


class GuaranteeConfig(dg.Config):
    """What may be asked of the reserve."""

    confidence_pct: float = Field(default=99.0, ge=80, le=99.9, description="Share of paths in which it must hold.")
    paths: int = Field(default=20_000, ge=2_000, le=200_000, description="Paths that are simulated.")
    seed: int = Field(default=20260301, description="Seed of the paths.")


@dg.multi_asset(
    name="guarantees",
    specs=[
        credit_spec(
            GUARANTEE_OFFER,
            "Cover, caps and price of the guarantee for each seller and market.",
            after=[SELLER_SCORE_PART],
        ),
        credit_spec(GUARANTEE_RESERVE, "What must be put aside, in all and by market."),
        credit_spec(
            GUARANTEE_SIMULATION, "Two years of the guarantee, simulated and as they were: does the reserve hold?"
        ),
        credit_spec(GUARANTEE_CLAIM, "Every claim: what the terms pay of it, and what has become of it."),
    ],
)
def guarantees(
    context: dg.AssetExecutionContext, config: GuaranteeConfig, platform: dg.ResourceParam[Platform]
) -> Iterator[dg.MaterializeResult[None]]:
    """Prices, reserve, simulation and claims of the guarantee."""
    from orchestration.credit import plots
    from orchestration.credit.guarantee.book import ReserveRules
    from orchestration.credit.guarantee.steps import guarantee
    from orchestration.forecasting.plots import as_markdown_image

    run = credit_run(context, platform)
    rules = ReserveRules(config.confidence_pct / 100, config.paths, config.seed)
    with run.published(GUARANTEE_READS) as con:
        made = guarantee(con, run.read(SELLER_SCORE.name), platform.settings.credit_policy_file, rules)
    by_name = {
        model.name: model for model in (GUARANTEE_OFFER, GUARANTEE_RESERVE, GUARANTEE_SIMULATION, GUARANTEE_CLAIM)
    }
    for name, frame in made.items():
        run.keep(by_name[name], frame)
    offers, reserve, paths, claims = (made[name] for name in by_name)
    yield credit_result(GUARANTEE_OFFER, len(offers), offered=int(offers["is_offered"].astype(bool).sum()))
    columns = ["market", "orders_of_a_year", "expected_loss_of_a_year_usd", "price_of_a_year_usd", "reserve_usd"]
    yield credit_result(
        GUARANTEE_RESERVE, len(reserve), table=dg.MetadataValue.md(plots.markdown_table(reserve[columns].round(0)))
    )
    metadata: dict[str, dg.MetadataValue | str | int | float] = {}
    if len(paths):
        metadata["picture"] = dg.MetadataValue.md(as_markdown_image(plots.fund_plot(paths), words="fund of two years"))
    yield credit_result(GUARANTEE_SIMULATION, len(paths), **metadata)
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in claims["verdict"].value_counts().items())
    yield credit_result(GUARANTEE_CLAIM, len(claims), verdicts=verdicts or "no claim")
