"""Peak events and holidays: their days in each year, and what they do to demand and supply.

Belongs here: the dated table of `domain.md` g, the uplift of each market, the periods of a month. Does not: base
demand (see `demand.py`).
"""

from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import pairwise

import numpy as np

from orchestration.simulation.world.days import day_number
from orchestration.simulation.world.randomness import Reals


@dataclass(frozen=True)
class Event:
    """A peak: uplift of the logarithm of demand by market, a run-up of `lead` days and an after-effect of `lag` days.

    During the run-up the effect grows to `lead_share` of the uplift (negative: buyers wait); afterwards it starts at
    `lag_share` of the uplift and fades (negative: demand was pulled forward).
    """

    code: str
    windows: tuple[tuple[date, date], ...]
    uplift: dict[str, float]
    lead: int = 0
    lead_share: float = 0.0
    lag: int = 0
    lag_share: float = 0.0
    is_sale: bool = True  # whether sellers run promotions in it


def _windows(*texts: str) -> tuple[tuple[date, date], ...]:
    """Windows from texts `2023-11-01/11`: the last day is of the same month, or a full date."""
    pairs = []
    for text in texts:
        start, end = text.split("/")
        pairs.append((date.fromisoformat(start), date.fromisoformat(end if "-" in end else start[:8] + end)))
    return tuple(pairs)


EVENTS = (
    Event("singles_day_presale", _windows(*(f"{year}-11-01/10" for year in range(2023, 2027))),
          {"CN": 0.35, "KR": 0.15, "BR": 0.15, "ES": 0.20, "SA": 0.10, "MX": 0.10, "FR": 0.10}),
    Event("singles_day", _windows(*(f"{year}-11-11/11" for year in range(2023, 2027))),
          {"CN": 1.35, "KR": 0.70, "BR": 0.75, "ES": 0.80, "SA": 0.60, "MX": 0.50, "FR": 0.45, "US": 0.20, "DE": 0.30,
           "GB": 0.25, "AU": 0.30, "JP": 0.15}, lag=6, lag_share=-0.15),
    Event("black_friday", _windows("2023-11-24/27", "2024-11-29/2024-12-02", "2025-11-28/2025-12-01", "2026-11-27/30"),
          {"US": 1.05, "GB": 0.95, "DE": 0.75, "FR": 0.75, "ES": 0.80, "AU": 0.80, "BR": 0.95, "MX": 0.30, "SA": 0.65,
           "CN": 0.25, "JP": 0.20, "KR": 0.25}, lead=5, lead_share=0.20, lag=7, lag_share=-0.12),
    Event("buen_fin", _windows("2023-11-17/20", "2024-11-15/18", "2025-11-14/17", "2026-11-13/16"), {"MX": 0.95}),
    Event("prime_day", _windows("2023-07-11/12", "2024-07-16/17", "2025-07-08/11", "2026-06-23/26"),
          {"US": 0.85, "GB": 0.65, "DE": 0.60, "FR": 0.50, "ES": 0.50, "JP": 0.65, "AU": 0.45, "MX": 0.45, "BR": 0.30,
           "SA": 0.25}, lead=4, lead_share=-0.15, lag=4, lag_share=-0.15),
    Event("prime_autumn", _windows("2023-10-10/11", "2024-10-08/09", "2025-10-07/08", "2026-10-13/14"),
          {"US": 0.45, "GB": 0.35, "DE": 0.35, "FR": 0.30, "ES": 0.30, "JP": 0.25, "AU": 0.25},
          lead=3, lead_share=-0.1),
    Event("618", _windows(*(f"{year}-06-01/18" for year in range(2023, 2027))),
          {"CN": 0.45, "KR": 0.10}, lead=4, lead_share=-0.2, lag=6, lag_share=-0.25),
    Event("618_day", _windows(*(f"{year}-06-18/18" for year in range(2023, 2027))), {"CN": 0.55}, is_sale=False),
    Event("chinese_new_year", _windows("2023-01-20/28", "2024-02-08/16", "2025-01-27/2025-02-04", "2026-02-15/23"),
          {"CN": -0.55}, lead=14, lead_share=-0.35, is_sale=False),
    Event("golden_week", _windows(*(f"{year}-10-01/07" for year in range(2023, 2027))),
          {"CN": -0.15}, is_sale=False),
    Event("ramadan",
          _windows("2023-03-23/2023-04-20", "2024-03-11/2024-04-09", "2025-03-01/29", "2026-02-18/2026-03-19"),
          {"SA": 0.18}, lead=10, lead_share=1.1, is_sale=False),
    Event("eid_al_fitr", _windows("2023-04-21/24", "2024-04-10/13", "2025-03-30/2025-04-02", "2026-03-20/23"),
          {"SA": -0.45}, lead=8, lead_share=-0.7, is_sale=False),
    Event("eid_al_adha", _windows("2023-06-28/30", "2024-06-16/18", "2025-06-06/08", "2026-05-27/29"),
          {"SA": -0.35}, lead=7, lead_share=-0.6, is_sale=False),
    Event("diwali", _windows("2023-11-12/12", "2024-10-31/31", "2025-10-20/20", "2026-11-08/08"),
          {"GB": 0.06, "US": 0.03, "AU": 0.05}, lead=5, lead_share=0.7, is_sale=False),
    Event("christmas", _windows(*(f"{year}-12-23/26" for year in range(2023, 2027))),
          {"US": -0.55, "GB": -0.60, "DE": -0.70, "FR": -0.50, "ES": -0.20, "AU": -0.55, "BR": -0.35, "MX": -0.30,
           "JP": -0.05, "KR": -0.05}, lead=22, lead_share=-0.75, is_sale=False),
    Event("boxing_day", _windows(*(f"{year}-12-26/30" for year in range(2023, 2027))), {"GB": 0.55, "AU": 0.60}),
    Event("new_year", _windows(*(f"{year}-01-01/01" for year in range(2023, 2027))),
          {"US": -0.4, "GB": -0.4, "DE": -0.5, "FR": -0.4, "ES": -0.4, "JP": -0.5, "KR": -0.3, "AU": -0.4, "BR": -0.5,
           "MX": -0.5}, is_sale=False),
)  # fmt: skip


# The table knows the days from here on; outside of it nothing happens.
_FIRST_DAY, _DAYS = day_number(date(2022, 1, 1)), 6 * 366


def event_effect(market: str, first_day: int, days: int) -> Reals:
    """The sum of the effects of all events on the logarithm of a market's demand, one value per day."""
    return _cut(_effects(market), first_day, days)


def supply_slowdown(first_day: int, days: int) -> Reals:
    """How far Chinese New Year slows factories and shipping in China on each day, 0 to 1 (domain.md g)."""
    return _cut(_slowdown(), first_day, days)


def _cut(values: Reals, first_day: int, days: int) -> Reals:
    start = first_day - _FIRST_DAY
    if start >= 0 and start + days <= _DAYS:
        return values[start : start + days]
    column = np.arange(start, start + days)
    is_known = (column >= 0) & (column < _DAYS)
    cut: Reals = np.where(is_known, values[np.clip(column, 0, _DAYS - 1)], 0.0)
    return cut


@cache
def _effects(market: str) -> Reals:
    numbers = np.arange(_FIRST_DAY, _FIRST_DAY + _DAYS)
    effect = np.zeros(_DAYS)
    for event in EVENTS:
        uplift = event.uplift.get(market, 0.0)
        for start, end in event.windows if uplift else ():
            begin, last = day_number(start), day_number(end)
            effect[(numbers >= begin) & (numbers <= last)] += uplift
            before = (numbers >= begin - event.lead) & (numbers < begin)
            effect[before] += uplift * event.lead_share * (1 - (begin - numbers[before]) / (event.lead + 1))
            after = (numbers > last) & (numbers <= last + event.lag)
            effect[after] += uplift * event.lag_share * (1 - (numbers[after] - last - 1) / max(event.lag, 1))
    return effect.round(9)


@cache
def _slowdown() -> Reals:
    numbers = np.arange(_FIRST_DAY, _FIRST_DAY + _DAYS)
    slow = np.zeros(_DAYS)
    event = next(event for event in EVENTS if event.code == "chinese_new_year")
    for start, end in event.windows:
        begin, last = day_number(start), day_number(end)
        rising = np.clip((numbers - (begin - 12)) / 12, 0, 1)
        falling = np.clip((last + 12 - numbers) / 12, 0, 1)
        slow = np.maximum(slow, np.minimum(rising, falling))
    return slow.round(9)


@cache
def sale_windows(market: str) -> tuple[tuple[str, int, int], ...]:
    """Code, first and last day of the windows in which the market's sellers run promotions."""
    return tuple(
        (event.code, day_number(start), day_number(end))
        for event in EVENTS
        if event.is_sale and event.uplift.get(market, 0.0) >= 0.2
        for start, end in event.windows
    )


@dataclass(frozen=True)
class Period:
    """Days of one month in which the same promotions hold; `event` is empty outside peak events."""

    first_day: int
    end_day: int  # not in it
    event: str


@cache
def periods(market: str, first_day: int, end_day: int) -> tuple[Period, ...]:
    """The periods of a month: its decades, cut by the windows of events."""
    cuts = {first_day, first_day + 10, first_day + 20, end_day}
    inside = [
        (code, start, last) for code, start, last in sale_windows(market) if start < end_day and last >= first_day
    ]
    for _, start, last in inside:
        cuts |= {max(start, first_day), min(last + 1, end_day)}
    edges = sorted(cuts)
    return tuple(
        Period(begin, end, next((code for code, start, last in inside if start <= begin <= last), ""))
        for begin, end in pairwise(edges)
    )
