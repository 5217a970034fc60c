"""What a world is made from: a seed, a version, markets, months and sizes.

Belongs here: the configuration and its calendar. Does not: parameters of markets and events (see `parameters.py`).
The version names the frozen parameters: a change of any of them is a new version, because scores are measured on it.
"""

from dataclasses import dataclass
from functools import cached_property

MARKETS = ("US", "GB", "DE", "FR", "JP", "KR", "ES", "AU", "BR", "MX", "SA", "CN")
WORLD_VERSION = "1"


@dataclass(frozen=True)
class WorldConfig:
    """The size of a world; equal configurations give equal rows on every machine."""

    seed: int = 20260301
    version: str = WORLD_VERSION
    markets: tuple[str, ...] = MARKETS
    first_month: str = "2023-03"
    months: int = 42
    sellers: int = 2000
    orders: int = 200_000

    @cached_property
    def month_list(self) -> tuple[str, ...]:
        """The months of the horizon as `YYYY-MM`, in order."""
        year, month = (int(part) for part in self.first_month.split("-"))
        numbers = range(year * 12 + month - 1, year * 12 + month - 1 + self.months)
        return tuple(f"{number // 12:04d}-{number % 12 + 1:02d}" for number in numbers)
