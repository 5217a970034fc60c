"""Where the pages of credit lie.

Belongs here: paths. Does not: what stands on a page, writing and linking it (see `market_report/writing.py`).
"""

from pathlib import Path

from orchestration.settings import Settings


def seller_place(settings: Settings, seller: str) -> Path:
    """The file of a seller's newest page."""
    return settings.home / "reports" / f"seller_{_plain(seller)}.html"


def model_card_place(settings: Settings, version: str) -> Path:
    """The file of a version's model card."""
    return settings.home / "reports" / f"scorecard_{_plain(version)}.html"


def _plain(name: str) -> str:
    """A seller's or version's number as part of a file's name."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name)
