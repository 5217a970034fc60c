"""The calendar of a market: its peak events with run-up and after-effect, its public holidays, as regressors.

Belongs here: reading and judging the seed `event_calendar`, and the shape that an event gives to the days around it.
Does not: how strong an effect is; that is learnt from the market's own sales (see market_days.py).
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from orchestration.settings import PROJECT_ROOT

Days = NDArray[np.datetime64]
Reals = NDArray[np.float64]
SEED = PROJECT_ROOT / "dbt_project" / "seeds" / "event_calendar.csv"
COLUMNS = (
    "event_code",
    "market",
    "starts_on",
    "ends_on",
    "lead_days",
    "lag_days",
    "kind",
    "source",
    "verified_on",
)
KINDS = ("sale", "holiday", "supply")
# An event of a kind that closes factories moves goods, not buyers.
DEMAND_KINDS = ("sale", "holiday")
MOST_DAYS_AROUND = 60
# A run-up this long may rise and fall before the event itself: it gets a second shape.
_LONG_LEAD_DAYS = 10
# A window this long may begin and end at different heights.
_LONG_WINDOW_DAYS = 8
PUBLIC_HOLIDAY = "public_holiday"


class CalendarError(ValueError):
    """The calendar cannot be used; the message names file, line, field and rule of every broken row."""


@dataclass(frozen=True, order=True)
class CalendarEvent:
    """One event of one market: its first and last day, and how many days before and after it is felt."""

    market: str
    event_code: str
    starts_on: date
    ends_on: date
    lead_days: int
    lag_days: int
    kind: str


def read_calendar(path: Path = SEED) -> tuple[CalendarEvent, ...]:
    """The events of the seed, sorted by market, event and day; CalendarError lists all that is wrong with it."""
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
        if missing:
            raise CalendarError(f"{path.name}: missing column(s) {', '.join(missing)}")
        rows = [(reader.line_num, row) for row in reader]
    events: list[CalendarEvent] = []
    errors: list[str] = []
    for line, row in rows:
        event, wrong = _event(row)
        errors += [f"{path.name}:{line}: {words}" for words in wrong]
        if event:
            events.append(event)
    events.sort()
    for before, after in zip(events, events[1:], strict=False):
        is_same = (before.market, before.event_code) == (after.market, after.event_code)
        if is_same and after.starts_on <= before.ends_on:
            errors.append(
                f"{path.name}: {after.event_code} of {after.market} begins on {after.starts_on}, "
                f"before the one of {before.starts_on} has ended"
            )
    if errors:
        raise CalendarError("\n".join(errors))
    return tuple(events)


def _event(row: dict[str, str]) -> tuple[CalendarEvent | None, list[str]]:
    wrong = []
    days: dict[str, date] = {}
    counts: dict[str, int] = {}
    for field in ("starts_on", "ends_on"):
        try:
            days[field] = date.fromisoformat(row[field])
        except ValueError:
            wrong.append(f"{field}: {row[field]!r} is no date YYYY-MM-DD")
    for field in ("lead_days", "lag_days"):
        text = row[field]
        if text.isdigit() and int(text) <= MOST_DAYS_AROUND:
            counts[field] = int(text)
        else:
            wrong.append(f"{field}: {text!r} is no whole number from 0 to {MOST_DAYS_AROUND}")
    if row["kind"] not in KINDS:
        wrong.append(f"kind: {row['kind']!r} is none of {', '.join(KINDS)}")
    if len(row["market"]) != 2 or not row["market"].isupper():
        wrong.append(f"market: {row['market']!r} is no country of ISO 3166-1 in capitals")
    if not row["event_code"]:
        wrong.append("event_code: empty")
    if not row["source"]:
        wrong.append("source: empty; say `unsourced` or `estimated` where there is none")
    if len(days) == 2 and days["ends_on"] < days["starts_on"]:
        wrong.append(f"ends_on: {row['ends_on']} is before starts_on {row['starts_on']}")
    if wrong:
        return None, wrong
    return CalendarEvent(row["market"], row["event_code"], **days, **counts, kind=row["kind"]), []


def events_of(calendar: Sequence[CalendarEvent], market: str) -> tuple[CalendarEvent, ...]:
    """The events of one market that move demand."""
    return tuple(event for event in calendar if event.market == market and event.kind in DEMAND_KINDS)


@cache
def public_holidays(market: str, first_year: int, last_year: int) -> dict[str, tuple[date, ...]]:
    """Days of each public holiday of a market by name; empty where the package `holidays` does not know the country.

    Days that only stand in for a holiday (observed, substituted) go under one name, since they come and go.
    """
    import holidays

    try:
        found = holidays.country_holidays(market, years=range(first_year, last_year + 1))
    except NotImplementedError:
        return {}
    by_name: dict[str, list[date]] = {}
    for day, names in sorted(found.items()):
        for name in names.split("; "):
            key = "substitute day" if "(" in name and not name.startswith("Chinese New Year (Spring") else name
            by_name.setdefault(key, []).append(day)
    return {name: tuple(days) for name, days in by_name.items()}


@dataclass(frozen=True, eq=False)
class Regressors:
    """Shapes by day: `matrix` (days x columns) with a name and a group for each column."""

    names: tuple[str, ...]
    groups: tuple[str, ...]
    matrix: Reals

    def keep(self, is_kept: NDArray[np.bool_]) -> "Regressors":
        """Only these columns."""
        chosen = np.flatnonzero(is_kept)
        return Regressors(
            tuple(self.names[column] for column in chosen),
            tuple(self.groups[column] for column in chosen),
            self.matrix[:, chosen],
        )


def regressors(events: Sequence[CalendarEvent], market: str, days: Days) -> Regressors:
    """What the calendar says of each of these days (gapless), for one market.

    Of each event: a plateau while it lasts; a ramp that rises to it through its lead days and one that falls through
    its lag days; for a long run-up a hump, for a long window a slope. Of each public holiday its day, and one column
    for all of them together, through which a holiday that has not been seen yet borrows from the others.
    """
    numbers = days.astype("datetime64[D]").astype(np.int64)
    columns: dict[str, tuple[str, Reals]] = {}

    def add(name: str, group: str, values: Reals) -> None:
        kept = columns.setdefault(name, (group, np.zeros(len(days))))[1]
        np.maximum(kept, values, out=kept) if name.endswith("during") else np.add(kept, values, out=kept)

    for event in events:
        first, last = _number(event.starts_on), _number(event.ends_on)
        if last + event.lag_days < numbers[0] or first - event.lead_days > numbers[-1]:
            continue
        code, length = event.event_code, last - first + 1
        inside = ((numbers >= first) & (numbers <= last)).astype(np.float64)
        add(f"{code} during", f"{event.kind} during", inside)
        if length >= _LONG_WINDOW_DAYS:
            add(f"{code} slope", "event slope", inside * ((numbers - first) / (length - 1) - 0.5))
        if event.lead_days:
            before = (numbers >= first - event.lead_days) & (numbers < first)
            nearness = 1 - (first - numbers) / (event.lead_days + 1)
            add(f"{code} lead", "event lead", before * nearness)
            if event.lead_days >= _LONG_LEAD_DAYS:
                add(f"{code} hump", "event hump", before * 4 * nearness * (1 - nearness))
        if event.lag_days:
            after = (numbers > last) & (numbers <= last + event.lag_days)
            add(f"{code} lag", "event lag", after * (1 - (numbers - last - 1) / event.lag_days))
    for name, dates in public_holidays(market, *_years(days)).items():
        chosen = np.isin(numbers, [_number(day) for day in dates]).astype(np.float64)
        if chosen.any():
            add(f"{name} holiday", "holiday", chosen)
            add(f"{PUBLIC_HOLIDAY} during", PUBLIC_HOLIDAY, chosen)
    if not columns:
        return Regressors((), (), np.zeros((len(days), 0)))
    return Regressors(
        tuple(columns),
        tuple(group for group, _ in columns.values()),
        np.column_stack([values for _, values in columns.values()]),
    )


def _number(day: date) -> int:
    return day.toordinal() - date(1970, 1, 1).toordinal()


def _years(days: Days) -> tuple[int, int]:
    first, last = (int(str(days[place].astype("datetime64[Y]"))) for place in (0, -1))
    return first, last
