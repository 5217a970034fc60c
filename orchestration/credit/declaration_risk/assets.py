"""Declaration risk in Dagster.

Belongs here: the step and its metadata. Does not: any maths.
"""

from collections.abc import Iterator

import dagster as dg

from orchestration.credit.assets import credit_result, credit_run, credit_spec
from orchestration.credit.declaration_risk.tables import DECLARATION_RISK, DECLARATION_RISK_MEASURE
from orchestration.credit.work import DECLARATION_READS
from orchestration.platform import Platform


@dg.multi_asset(
    name="declaration_risks",
    specs=[
        credit_spec(DECLARATION_RISK, "Open declaration lines with the probability that they are false, and signals."),
        credit_spec(DECLARATION_RISK_MEASURE, "What inspecting the highest probabilities would have found."),
    ],
)
def declaration_risks(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> Iterator[dg.MaterializeResult[None]]:
    """Learnt from the installation's file of findings; empty, with the reason, where there is none."""
    from orchestration.credit.declaration_risk.steps import declaration_risks as work
    from orchestration.credit.plots import markdown_table

    run = credit_run(context, platform)
    with run.published(DECLARATION_READS) as con:
        tables, words = work(con, platform.settings.inspection_findings)
    risks, measures = tables[DECLARATION_RISK.name], tables[DECLARATION_RISK_MEASURE.name]
    run.keep(DECLARATION_RISK, risks)
    run.keep(DECLARATION_RISK_MEASURE, measures)
    first = risks.sort_values("false_probability", ascending=False, kind="stable").head(20)
    columns = ["market", "declaration_no", "line_no", "hs6_code", "false_probability", "signals_en"]
    yield credit_result(
        DECLARATION_RISK, len(risks), learnt=words, first=dg.MetadataValue.md(markdown_table(first[columns].round(3)))
    )
    yield credit_result(
        DECLARATION_RISK_MEASURE, len(measures), judged=dg.MetadataValue.md(markdown_table(measures.round(4)))
    )
