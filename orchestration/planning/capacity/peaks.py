"""The peak of each event: its day, and what the load may reach on it.

Belongs here: from daily forecasts to one row per event. Does not: capacity.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestration.planning.capacity.calendar import Event
from orchestration.planning.capacity.load_model import LoadForecast

# Parcels follow the orders by one to three days, so that a peak may come after the window's last day.
_AFTER_DAYS = 3


@dataclass(frozen=True)
class Peak:
    """The day of an event's window (or up to three days after) with the highest expected load; days since 1970."""

    event_code: str
    day: int
    p50: float
    p90: float
    p99: float


def find_peaks(forecast: LoadForecast, events: Sequence[Event], *, after_days: int = _AFTER_DAYS) -> list[Peak]:
    """One peak per event window that lies whole within the forecast, in order of its day."""
    if not len(forecast.days):
        return []
    first, last = int(forecast.days[0]), int(forecast.days[-1])
    p50, p90, p99 = (forecast.quantile(share) for share in (0.5, 0.9, 0.99))
    peaks = []
    for event in events:
        for start, end in zip(event.starts.tolist(), event.ends.tolist(), strict=True):
            if start < first or end > last:
                continue
            until = min(end + min(after_days, event.lag_days), last)
            at = start - first + int(forecast.mean[start - first : until - first + 1].argmax())
            peaks.append(Peak(event.code, first + at, float(p50[at]), float(p90[at]), float(p99[at])))
    return sorted(peaks, key=lambda peak: peak.day)
