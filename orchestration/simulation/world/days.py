"""Days, months and clocks of the markets as whole numbers.

Belongs here: days since 1970-01-01, the months of the horizon, offsets of local clocks from UTC. Does not: events.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

DAY_SECONDS = 86_400
# Clocks change between midnight and three in the morning in every market of the world.
_CHANGE_HOUR = 3


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - date(1970, 1, 1).toordinal()


def day_of(number: int) -> date:
    """The day with this number."""
    return date(1970, 1, 1) + timedelta(days=int(number))


def month_start(month: str) -> int:
    """Number of the first day of a month `YYYY-MM`."""
    return day_number(date.fromisoformat(f"{month}-01"))


def next_month_start(month: str) -> int:
    """Number of the first day after a month."""
    first = date.fromisoformat(f"{month}-01")
    return day_number((first + timedelta(days=32)).replace(day=1))


def month_of_day(days: NDArray[np.int32]) -> NDArray[np.int64]:
    """Calendar month 1-12 of each day."""
    months: NDArray[np.int64] = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    calendar: NDArray[np.int64] = months % 12 + 1
    return calendar


def year_fraction(days: NDArray[np.int32]) -> NDArray[np.float64]:
    """Where in its year each day stands, 0 to 1."""
    years: NDArray[np.int64] = (
        days.astype("datetime64[D]").astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
    )
    fraction: NDArray[np.float64] = (days - years) / 365.25
    return fraction


@dataclass(frozen=True)
class LocalClock:
    """Offsets from UTC in seconds, by market and day since `first_day`: before and after a change in the night."""

    first_day: int
    before: NDArray[np.int64]
    after: NDArray[np.int64]

    def to_utc(self, market: int, days: NDArray[np.int32], seconds: NDArray[np.int64]) -> NDArray[np.int64]:
        """Seconds UTC of local seconds of the day."""
        column = days - self.first_day
        offset = np.where(seconds < _CHANGE_HOUR * 3600, self.before[market, column], self.after[market, column])
        moments: NDArray[np.int64] = days.astype(np.int64) * DAY_SECONDS + seconds - offset
        return moments


def local_clock(zones: tuple[str, ...], first_day: int, end_day: int) -> LocalClock:
    """The clocks of these IANA zones from the first day to before the end day."""
    midnights = [
        [
            datetime.combine(day_of(day), datetime.min.time(), ZoneInfo(zone)).utcoffset() or timedelta()
            for day in range(first_day, end_day + 1)
        ]
        for zone in zones
    ]
    seconds = np.array([[int(offset.total_seconds()) for offset in row] for row in midnights], dtype=np.int64)
    return LocalClock(first_day, seconds[:, :-1], seconds[:, 1:])
