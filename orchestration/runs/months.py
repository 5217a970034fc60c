"""Which months a run is asked to rebuild: the touched ones, all, some, or a range.

Belongs here: the words of the run configuration. Does not: which months have data (see plan.py).
"""

import re
from dataclasses import dataclass

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


class MonthsError(ValueError):
    """The months in the run's configuration cannot be understood."""


@dataclass(frozen=True)
class MonthSelection:
    """`touched` (the pending touches decide), `all`, or closed ranges of months (first, last)."""

    is_touched: bool
    ranges: tuple[tuple[str, str], ...] = ()

    @staticmethod
    def parse(text: str) -> "MonthSelection":
        """Read `` (touched), `all`, `2026-01`, `2026-01..2026-03` or a list of these joined by commas.

        Raises MonthsError naming the part that is wrong.
        """
        wanted = text.strip()
        if wanted in ("", "touched"):
            return MonthSelection(is_touched=True)
        if wanted == "all":
            return MonthSelection(is_touched=False, ranges=(("0000-01", "9999-12"),))
        ranges = []
        for part in (piece.strip() for piece in wanted.split(",")):
            first, _, last = part.partition("..")
            last = last or first
            if not (_MONTH.fullmatch(first) and _MONTH.fullmatch(last)):
                raise MonthsError(f"months: {part!r} is neither YYYY-MM nor YYYY-MM..YYYY-MM")
            if last < first:
                raise MonthsError(f"months: {part!r} ends before it begins")
            ranges.append((first, last))
        return MonthSelection(is_touched=False, ranges=tuple(ranges))

    def covers(self, month: str) -> bool:
        """True when the month lies in one of the ranges."""
        return any(first <= month <= last for first, last in self.ranges)


def shifted(month: str, by: int) -> str:
    """The month `by` months later (earlier when negative)."""
    count = int(month[:4]) * 12 + int(month[5:]) - 1 + by
    return f"{count // 12:04d}-{count % 12 + 1:02d}"
