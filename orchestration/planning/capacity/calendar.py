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
    """One row per day; a column's kind is core, lead, lag or day, its name unique."""

    values: Reals
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    shares: Reals


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
    """One column per event and part: its window, the rise before, the fade after, and the single days."""
    values, names, kinds, shares = [], [], [], []

    def add(name: str, kind: str, column: Reals, share: float) -> None:
        values.append(column)
        names.append(name)
        kinds.append(kind)
        shares.append(share)

    for event in events:
        core, lead, lag = (np.zeros(len(days)) for _ in range(3))
        single: dict[str, Reals] = {}
        for start, end in zip(event.starts, event.ends, strict=True):
            inside = (days >= start) & (days <= end)
            core[inside] = 1.0
            ahead, after = start - days, days - end
            rising = (ahead >= 1) & (ahead <= event.lead_days)
            lead[rising] = 1 - (ahead[rising] - 1) / max(event.lead_days, 1)
            fading = (after >= 1) & (after <= event.lag_days)
            lag[fading] = 1 - (after[fading] - 1) / max(event.lag_days, 1)
            for name, day in _single_days(int(start), int(end), event):
                single.setdefault(name, np.zeros(len(days)))[days == day] = 1.0
        add(event.code, "core", core, event.share)
        if event.lead_days:
            add(f"{event.code} lead", "lead", lead, event.share)
        if event.lag_days:
            add(f"{event.code} lag", "lag", lag, event.share)
        for name, column in sorted(single.items()):
            add(f"{event.code} {name}", "day", column, event.share)
    matrix = np.column_stack(values) if values else np.zeros((len(days), 0))
    return Columns(matrix, tuple(names), tuple(kinds), np.array(shares))


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
