"""How well peaks are foretold: the day, and a load that nine of ten peaks stay below.

Belongs here: cases from worlds of several seeds and sizes. Does not: the model (orchestration/planning/capacity).

A case is a market, an event window and a world. What is known: orders per day up to the first day of a month 14 to 60
days before the window (when the run of that month would have been made), and the dates of events. The true peak day is
the day of the window with the highest *mean* orders of the generator, since the highest of the noisy counts is a matter
of luck; the load that p90 must cover is what was drawn on that day. A window is a peak where the truth rises at least
a fifth above the median of the eight weeks before its run-up; the others are no peaks and have no day to find.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from benchmarks.harness import BenchmarkError, Measured, Value
from orchestration.planning.capacity.calendar import Event, events_of
from orchestration.planning.capacity.load_model import Load, forecast_loads
from orchestration.planning.capacity.peaks import find_peaks
from orchestration.planning.capacity.reading import read_events
from orchestration.simulation.world.config import WorldConfig
from orchestration.simulation.world.days import day_number, month_start
from orchestration.simulation.world.demand import plan_demand

# Chosen before anything was judged on them; orders of the whole world over 42 months.
WORLDS = ((880001, 200_000), (880002, 2_000_000), (880003, 200_000), (880004, 20_000_000))
LEAST_AHEAD, MOST_AHEAD = 14, 60
LEAST_RISE = 1.2
_YEAR_DAYS = 364  # a year later on the same weekday
_LEAST_HISTORY = 400


@dataclass(frozen=True)
class Case:
    """One event window of one market of one world: errors in days, the load drawn on its peak day, and p90 for it."""

    world: str
    market: str
    event_code: str
    error_days: int
    naive_error_days: int | None
    drawn: float
    p90: float
    naive_p90: float | None
    mean: float
    told_mean: float


def measure_peaks() -> Measured:
    """Mean error of the peak day in days, and the share of peaks below p90, over all cases of all worlds."""
    cases = [case for seed, orders in WORLDS for case in world_cases(seed, orders)]
    if not cases:
        raise BenchmarkError("peaks: no event window rises above the weeks before it")
    error = np.array([case.error_days for case in cases], dtype=float)
    naive = np.array([case.naive_error_days for case in cases if case.naive_error_days is not None], dtype=float)
    covered = np.array([case.drawn <= case.p90 for case in cases])
    naive_covered = np.array([case.drawn <= case.naive_p90 for case in cases if case.naive_p90 is not None])
    ratio = np.array([case.told_mean / case.mean for case in cases])
    worlds = dict.fromkeys(case.world for case in cases)
    of = {world: np.array([case.world == world for case in cases]) for world in worlds}
    return {
        "peak_day_error_days": Value(
            float(error.mean()),
            {
                "within one day, share": float((error <= 1).mean()),
                "worst, days": float(error.max()),
                "same day last year": float(naive.mean()),
                "same day last year, within one day": float((naive <= 1).mean()),
                "cases": float(len(cases)),
                **{world: float(error[rows].mean()) for world, rows in of.items()},
            },
        ),
        "peak_p90_cover": Value(
            float(covered.mean()),
            {
                "last year x growth": float(naive_covered.mean()),
                "told / true mean, median": float(np.median(ratio)),
                "mean absolute error of the mean, share": float(np.abs(ratio - 1).mean()),
                **{world: float(covered[rows].mean()) for world, rows in of.items()},
            },
        ),
    }


def world_cases(seed: int, orders: int) -> Iterator[Case]:
    """The cases of one world: forecasts at the first day of each month, each window from the latest one that may."""
    calendar = read_events()
    config = WorldConfig(seed=seed, orders=orders)
    plan, _ = plan_demand(config)
    events = [events_of(calendar, {market: 1.0}) for market in config.markets]
    days = plan.orders.shape[1]
    for origin in (month_start(month) for month in config.month_list):
        known = origin - plan.first_day
        windows = [list(_windows(own, origin, plan.first_day + days)) for own in events]
        if known < _LEAST_HISTORY or not any(windows):
            continue
        loads = [
            Load(market, plan.first_day, plan.orders[row, :known].astype(float), own)
            for row, (market, own) in enumerate(zip(config.markets, events, strict=True))
        ]
        for row, told in enumerate(forecast_loads(loads, 91)):
            by_window = {(peak.event_code, peak.day): peak for peak in find_peaks(told, events[row], after_days=0)}
            for code, start, end in windows[row]:
                span = slice(start - plan.first_day, end - plan.first_day + 1)
                mean, drawn = plan.mean_orders[row, span], plan.orders[row, span]
                before = plan.mean_orders[row, max(0, span.start - 84) : max(1, span.start - 28)]
                if mean.max() < LEAST_RISE * np.median(before):
                    continue
                peak = next(p for (name, day), p in by_window.items() if name == code and start <= day <= end)
                true_day = start + int(mean.argmax())
                last_year = slice(span.start - _YEAR_DAYS, span.stop - _YEAR_DAYS)
                naive_day, naive_p90 = _naive(plan.orders[row, :known], last_year, start)
                yield Case(
                    f"seed {seed}, {orders:,} orders", config.markets[row], code, abs(peak.day - true_day),
                    None if naive_day is None else abs(naive_day - true_day),
                    float(drawn[mean.argmax()]), peak.p90, naive_p90, float(mean.max()),
                    float(told.mean[true_day - origin]),
                )  # fmt: skip


def _windows(events: list[Event], origin: int, end_day: int) -> Iterator[tuple[str, int, int]]:
    """Windows that lie 14 to 60 days ahead of this origin and not 14 days ahead of the next month's first day."""
    next_origin = day_number((date.fromordinal(date(1970, 1, 1).toordinal() + origin + 31)).replace(day=1))
    for event in events:
        for start, end in zip(event.starts.tolist(), event.ends.tolist(), strict=True):
            is_latest = start - next_origin < LEAST_AHEAD
            if LEAST_AHEAD <= start - origin <= MOST_AHEAD and is_latest and end < min(end_day, origin + 91):
                yield event.code, start, end


def _naive(known: npt.NDArray[np.int64], last_year: slice, start: int) -> tuple[int | None, float | None]:
    """The busiest day of the same weekdays a year ago, and its load grown as the last four weeks grew."""
    if last_year.start < 28 or last_year.stop > len(known):
        return None, None
    window = known[last_year]
    recent = known[-28:].sum()
    before = known[-28 - _YEAR_DAYS : -_YEAR_DAYS].sum() if len(known) >= 28 + _YEAR_DAYS else 0
    growth = recent / before if before else 1.0
    # Nine of ten Poisson counts lie below the mean and 1.28 deviations.
    level = float(window.max() * growth)
    return start + int(window.argmax()), level + 1.28 * level**0.5
