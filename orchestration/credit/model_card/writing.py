"""Which model cards a run writes, and where.

Belongs here: the choice of versions, files. Does not: what stands on a card.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from orchestration.credit.model_card.content import ModelCard, read_model_card, versions
from orchestration.credit.model_card.html import render
from orchestration.credit.model_card.pictures import Picture, pictures
from orchestration.credit.places import model_card_place
from orchestration.reporting.market_report.writing import write_page

if TYPE_CHECKING:
    import duckdb

    from orchestration.settings import Settings


@dataclass(frozen=True, eq=False)
class Written:
    """A card, its file and the pictures on it."""

    found: ModelCard
    path: Path
    pictures: Sequence[Picture]


def due_versions(known: pd.DataFrame, settings: "Settings") -> list[str]:
    """Versions whose card must be written: that in use, the newest, and those whose card is absent or out of date.

    known: rows of `versions`. A card is out of date when the version's standing is another than the one written on it.
    """
    found = []
    for number, row in enumerate(known.itertuples(index=False)):
        path = model_card_place(settings, str(row.version))
        mark = _mark(row.status, row.decided_by, row.decided_at)
        is_told = path.exists() and mark in path.read_text(encoding="utf-8")
        if bool(row.is_in_use) or number == len(known) - 1 or not is_told:
            found.append(str(row.version))
    return found


def write_model_card(found: ModelCard, settings: "Settings", path: Path | None = None) -> Written:
    """Write a version's card, at its place or into a file of choice."""
    drawn = pictures(found)
    about = found.about
    place = path or model_card_place(settings, found.version)
    mark = _mark(about["status"], about["decided_by"], about["decided_at"])
    write_page(place, f"{render(found, drawn)}{mark}\n")
    return Written(found, place, drawn)


def write_due_cards(con: "duckdb.DuckDBPyConnection", settings: "Settings") -> list[Written]:
    """Every card that is due, that of the version in use last."""
    known = versions(con)
    used = set(known.loc[known["is_in_use"].astype(bool), "version"].astype(str))
    due = sorted(due_versions(known, settings), key=lambda version: (version in used, version))
    return [write_model_card(read_model_card(con, version), settings) for version in due]


def _mark(*standing: object) -> str:
    told = " ".join("" if value is None or value is pd.NaT or value != value else str(value) for value in standing)
    return f"<!-- standing: {told.replace('--', '- -')} -->"
