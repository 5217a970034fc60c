"""Model cards and the validation of the scorecard as an asset: plots in its metadata, a file for each version.

Belongs here: reading, calling, plots and links in the metadata. Does not: figures, drawing, HTML.
"""

import dagster as dg

from orchestration.credit.assets import CREDIT_KEY, GROUP
from orchestration.credit.work import CARD_READS
from orchestration.modeling.translator import OWNERS
from orchestration.platform import Platform

CARDS_KEY = dg.AssetKey(["credit", "model_cards"])


@dg.asset(
    key=CARDS_KEY,
    deps=[CREDIT_KEY],
    group_name=GROUP,
    owners=list(OWNERS),
    kinds={"python", "duckdb", "matplotlib", "html"},
)
def model_cards(platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
    """The validation of the version in use, drawn, and a card of each version: data, target, bins, who approved it."""
    # matplotlib takes over a second to import: only a run that draws pays for it.
    from orchestration.credit.model_card.content import versions
    from orchestration.credit.model_card.writing import write_due_cards
    from orchestration.credit.places import model_card_place
    from orchestration.credit.plots import markdown_table
    from orchestration.forecasting.plots import as_markdown_image
    from orchestration.reporting.market_report.writing import link
    from orchestration.sql import connect

    with connect(platform.lake, tables=CARD_READS) as con:
        known = versions(con)
        written = write_due_cards(con, platform.settings)
    if not written:
        return dg.MaterializeResult(
            metadata={"cards": 0, "empty": "no version of the scorecard: credit_model says why none was trained"}
        )
    used = written[-1]
    places = [link(model_card_place(platform.settings, str(version))) for version in known["version"]]
    return dg.MaterializeResult(
        metadata={
            "cards": len(written),
            "version": used.found.version,
            "status": str(used.found.about["status"]),
            "qualification": str(used.found.about["qualification"]),
            "model_card": dg.MetadataValue.md(link(used.path)),
            "versions": dg.MetadataValue.md(markdown_table(known.assign(card=places))),
            **{
                one.name: dg.MetadataValue.md(f"{one.words}\n\n{as_markdown_image(one.png, words=one.title)}")
                for one in used.pictures
            },
        }
    )
