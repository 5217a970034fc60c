"""Where the pages lie, and how one is written.

Belongs here: paths and files. Does not: what stands on a page.
"""

from pathlib import Path

from orchestration.settings import Settings


def place_of(settings: Settings, market: str) -> Path:
    """The file of a market's newest page."""
    return settings.home / "reports" / f"{market}.html"


def write_page(path: Path, page: str) -> None:
    """Write the page whole or not at all: who has the old one open goes on reading it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(page, encoding="utf-8")
    draft.replace(path)
