"""Pages of sellers as an asset: written from what the run has published, linked from its metadata.

Belongs here: reading, calling, links. Does not: which sellers (see `chosen.py`), what stands on a page.
"""

import dagster as dg
from pydantic import Field

from orchestration.credit.assets import CREDIT_KEY, GROUP
from orchestration.modeling.translator import OWNERS
from orchestration.platform import Platform

PAGES_KEY = dg.AssetKey(["credit", "seller_pages"])


class PagesConfig(dg.Config):
    """What may be asked of the pages."""

    most: int = Field(default=25, ge=0, le=500, description="Pages at most; a second or less of processor time each.")


@dg.asset(key=PAGES_KEY, deps=[CREDIT_KEY], group_name=GROUP, owners=list(OWNERS), kinds={"python", "duckdb", "html"})
def seller_pages(config: PagesConfig, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
    """Pages of the lowest and most changed sellers, of refused pledges, stale scores and large debts, each linked."""
    from orchestration.credit.page.chosen import chosen_sellers
    from orchestration.credit.page.content import narrow, read_page
    from orchestration.credit.page.html import render
    from orchestration.credit.places import seller_place
    from orchestration.credit.plots import markdown_table
    from orchestration.reporting.market_report.writing import link, write_page
    from orchestration.sql import connect
    from orchestration.trace.installation import Home
    from orchestration.trace.shelf import Shelf

    settings = platform.settings
    with connect(platform.lake) as con:
        chosen = chosen_sellers(con).head(config.most)
        narrow(con, chosen["seller_id"].tolist())
        shelf = Shelf(Home.from_settings(settings))
        for seller in chosen["seller_id"]:
            write_page(seller_place(settings, seller), render(read_page(con, seller, shelf)))
    linked = chosen.assign(page=[link(seller_place(settings, seller)) for seller in chosen["seller_id"]])
    words = "No score is published." if chosen.empty else markdown_table(linked)
    return dg.MaterializeResult(
        metadata={
            "pages": len(chosen),
            "sellers": dg.MetadataValue.md(words),
            "folder": dg.MetadataValue.path(str(settings.home / "reports")),
            "any_other_seller": "python -m orchestration.credit report SELLER",
        }
    )
