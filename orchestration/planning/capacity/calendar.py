"""The days around events as columns of a design: run-up, window, after-effect, and each single day of them.

Belongs here: which day belongs to which event of which markets. Does not: how large an effect is (`load_model.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Days = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]

EPOCH = np.datetime64("1970-01-01", "D")
# A market with less of a site's load than this does not move it.
_LEAST_SHARE = 0.03
# Days before and after a window that may stand out by themselves: parcels peak one to three days after the orders.
_NEAR_DAYS = 3


def day_numbers(days: pd.Series) -> Days:
    """Days since 1970-01-01."""
    return np.asarray((days.to_numpy().astype("datetime64[D]") - EPOCH).astype(np.int64))


@dataclass(frozen=True)
class Event:
    """An event as a site sees it: its windows, and the share of the site's load in the markets that keep it."""

    code: str
    starts: Days
    ends: Days  # the last days
    lead_days: int
    lag_days: int
    share: float


@dataclass(frozen=True)
class Columns:
    """One row per day; a column's kind is core, lead, lag or day, its name unique, its owner the place of its event."""

    values: Reals
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    shares: Reals
    owners: Days


def events_of(calendar: pd.DataFrame, shares: Mapping[str, float]) -> list[Event]:
    """The events of the markets that a site serves; equal dates in several markets are one event.

    `calendar` has event_code, market, starts_on, ends_on, lead_days, lag_days; `shares` the share of the site's load by
    market. Markets whose dates of one event differ get an event each.
    """
    served = {market: share for market, share in shares.items() if share >= _LEAST_SHARE}
    known = calendar[calendar["market"].isin(list(served))]
    events = []
    for code, rows in known.groupby("event_code", sort=True):
        by_windows: dict[tuple[tuple[int, int], ...], list[str]] = {}
        leads = {}
        for market, dates_of in rows.groupby("market", sort=True):
            own = dates_of.sort_values("starts_on")
            windows = tuple(
                zip(day_numbers(own["starts_on"]).tolist(), day_numbers(own["ends_on"]).tolist(), strict=True)
            )
            by_windows.setdefault(windows, []).append(str(market))
            leads[str(market)] = (int(own["lead_days"].max()), int(own["lag_days"].max()))
        for windows, markets in by_windows.items():
            name = str(code) if len(by_windows) == 1 else f"{code}:{markets[0]}"
            dates = np.array(windows, dtype=np.int64)
            events.append(
                Event(
                    name, dates[:, 0], dates[:, 1],
                    max(leads[market][0] for market in markets), max(leads[market][1] for market in markets),
                    min(1.0, sum(served[market] for market in markets)),
                )
            )  # fmt: skip
    return events


def event_columns(days: Days, events: Sequence[Event]) -> Columns:
    """One column per event and part for gapless days: its window, the rise before, the fade after, the single days."""
    count, begin = len(days), int(days[0]) if len(days) else 0
    values, names, kinds, owners = [], [], [], []
    for owner, event in enumerate(events):
        parts = {"core": "", "lead": " lead", "lag": " lag"}
        found = {
            name: (kind, np.zeros(count))
            for kind, name in parts.items()
            if kind == "core" or (event.lead_days if kind == "lead" else event.lag_days)
        }
        single: dict[str, tuple[str, Reals]] = {}
        for start, end in zip((event.starts - begin).tolist(), (event.ends - begin).tolist(), strict=True):
            if end + event.lag_days < 0 or start - event.lead_days >= count:
                continue
            found[""][1][max(start, 0) : end + 1] = 1.0
            for days_before in range(1, event.lead_days + 1):
                _put(found[" lead"][1], start - days_before, 1 - (days_before - 1) / event.lead_days)
            for days_after in range(1, event.lag_days + 1):
                _put(found[" lag"][1], end + days_after, 1 - (days_after - 1) / event.lag_days)
            for name, day in _single_days(start, end, event):
                _put(single.setdefault(f" {name}", ("day", np.zeros(count)))[1], day, 1.0)
        for name, (kind, column) in [*found.items(), *sorted(single.items())]:
            values.append(column)
            names.append(f"{event.code}{name}")
            kinds.append(kind)
            owners.append(owner)
    matrix = np.column_stack(values) if values else np.zeros((count, 0))
    shares = np.array([events[owner].share for owner in owners])
    return Columns(matrix, tuple(names), tuple(kinds), shares, np.array(owners, dtype=np.int64))


def _put(column: Reals, day: int, value: float) -> None:
    if 0 <= day < len(column):
        column[day] = value


def _single_days(start: int, end: int, event: Event) -> list[tuple[str, int]]:
    """Days named by their distance from the nearer end of the window, so that windows may differ in length."""
    length = end - start + 1
    named = [
        (f"first+{day}" if day < length // 2 else f"last-{length - 1 - day}", start + day)
        for day in range(length)
        if length > 1
    ]
    named += [(f"before-{day}", start - day) for day in range(1, min(event.lead_days, _NEAR_DAYS) + 1)]
    return named + [(f"after+{day}", end + day) for day in range(1, min(event.lag_days, _NEAR_DAYS) + 1)]
