"""The defects: what each one is, how often it is put in, and what a good platform does about it.

Belongs here: the typed form of `defects.csv`, its checks, and what a user is told about a defect. Does not: putting
defects in (see `inject.py`) and telling whether they were found (see `scoring.py`). Numbers are those of the
catalogue in `domain.md` e; a number may have several defects, whose treatment differs.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeVar, get_args

from orchestration.arrivals.contracts import contracts

CATALOGUE_FILE = Path(__file__).parent / "defects.csv"
NUMBERS = range(1, 41)

# certain: a rule over the records can see it; statistical: only a score can; invisible: nothing in the data shows it.
Visibility = Literal["certain", "statistical", "invisible"]
# table: in the records; delivery: in the order and number of files; file: in the bytes of a file; natural: nothing is
# put in, since the world's own trade has it, and the truth says where for a share of them.
Level = Literal["table", "delivery", "file", "natural"]
Treatment = Literal["repaired", "quarantined", "superseded", "tagged", "accepted", "waiting", "file_refused"]

Choice = TypeVar("Choice", bound=str)


@dataclass(frozen=True)
class Defect:
    """One kind of defect.

    fields: what it changes in its feed; none where whole records come, go or move. treatment: what the catalogue
    wants; also: other treatments that are as right. rules: rules or tags of which any means that it was noticed; none
    where being accepted is all that is wanted. rate: share of the records (at file and delivery level: of the
    market-months) that can have it and do.
    """

    id: str
    number: int
    feed: str
    fields: tuple[str, ...]
    level: Level
    visibility: Visibility
    treatment: Treatment
    also: tuple[Treatment, ...]
    rules: tuple[str, ...]
    rate: float
    words: str

    @property
    def right_treatments(self) -> tuple[Treatment, ...]:
        """Every treatment that counts as right."""
        return (self.treatment, *self.also)


@cache
def defects() -> Mapping[str, Defect]:
    """Every defect by id, in the order of the catalogue; ValueError names the line that breaks a rule."""
    with CATALOGUE_FILE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = [_defect(row, f"{CATALOGUE_FILE.name}, line {line}") for line, row in enumerate(rows, start=2)]
    ids = [defect.id for defect in found]
    if len(set(ids)) < len(ids):
        raise ValueError(f"{CATALOGUE_FILE.name}: an id stands twice")
    missing = sorted(set(NUMBERS) - {defect.number for defect in found})
    if missing:
        raise ValueError(f"{CATALOGUE_FILE.name}: no defect has the numbers {missing}")
    return MappingProxyType({defect.id: defect for defect in found})


def defect(defect_id: str) -> Defect:
    """The defect of this id; ValueError lists the ids there are."""
    found = defects().get(defect_id)
    if found is None:
        raise ValueError(f"there is no defect {defect_id!r}; there are {', '.join(defects())}")
    return found


def describe(found: Defect) -> str:
    """A line for a person: number, id, what is wrong, what should happen, and how often it is put in."""
    place = f"{found.feed}.{'+'.join(found.fields)}" if found.fields else found.feed or "file"
    noticed = f" by {' or '.join(found.rules)}" if found.rules else ""
    places = {"table": "eligible records", "delivery": "market-months", "file": "market-months", "natural": "its kind"}
    share = f"{found.rate:.2%} of {places[found.level]}"
    what = f"{found.number:>2} {found.id} ({place}, {found.visibility}): {found.words}"
    return f"{what} To be {found.treatment.replace('_', ' ')}{noticed}; {share}."


def _defect(row: Mapping[str, str], place: str) -> Defect:
    feed, fields = row["feed"], _several(row["fields"])
    if feed:
        known = contracts()[feed].field_names if feed in contracts() else None
        if known is None or not set(fields) <= set(known):
            raise ValueError(f"{place}: no contract has the feed {feed!r} with the fields {fields}")
    rate = float(row["rate"])
    level = _choice(row["level"], get_args(Level), place)
    if not 0 < rate <= (1 if level == "natural" else 0.1):
        raise ValueError(f"{place}: the rate {rate} is out of range")
    return Defect(
        id=row["id"],
        number=int(row["number"]),
        feed=feed,
        fields=fields,
        level=level,
        visibility=_choice(row["visibility"], get_args(Visibility), place),
        treatment=_choice(row["treatment"], get_args(Treatment), place),
        also=tuple(_choice(text, get_args(Treatment), place) for text in _several(row["also"])),
        rules=_several(row["rules"]),
        rate=rate,
        words=row["words"],
    )


def _several(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(";") if part)


def _choice(text: str, choices: tuple[Choice, ...], place: str) -> Choice:
    for choice in choices:
        if choice == text:
            return choice
    raise ValueError(f"{place}: {text!r} is none of {', '.join(choices)}")
