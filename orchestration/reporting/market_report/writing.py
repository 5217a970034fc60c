"""Where the pages lie, and how one is written and linked.

Belongs here: paths, files and links. Does not: what stands on a page.
"""

from collections.abc import Sequence
from pathlib import Path

from orchestration.lake import Lake
from orchestration.settings import Settings


def place_of(settings: Settings, market: str) -> Path:
    """The file of a market's newest page."""
    return settings.home / "reports" / f"{market}.html"


def link(path: Path) -> str:
    """The file as a link of Markdown, with its path beside it: a browser may refuse links from a server to files."""
    return f"[{path.name}]({path.resolve().as_uri()}) `{path}`"


def write_page(path: Path, page: str) -> None:
    """Write the page whole or not at all: who has the old one open goes on reading it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(page, encoding="utf-8")
    draft.replace(path)


def write_pages(settings: Settings, lake: Lake, markets: Sequence[str]) -> dict[str, Path]:
    """Write the page of each of these markets that has published an order; the files by market."""
    from orchestration.reporting.market_report.page import render
    from orchestration.reporting.market_report.reading import has_orders, read_markets

    found = {}
    for market in markets:
        if has_orders(lake, market):
            (facts,) = read_markets(lake, [market])
            found[market] = place_of(settings, market)
            write_page(found[market], render(facts))
    return found
