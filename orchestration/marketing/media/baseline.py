"""What orders would be without media, as columns of a regression: level, slow drift, week, year, events.

Belongs here: the design matrix of the days. Does not: events themselves (see forecasting/demand/calendar.py), fitting.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from orchestration.forecasting.demand.calendar import CalendarEvent, regressors

Reals = NDArray[np.float64]
Days = NDArray[np.datetime64]

YEAR_DAYS = 365.25
# A knot of the slow drift each half year: faster drift would take the budgets' own ups and downs for demand.
KNOT_DAYS = 182
# Without one and a half years a season cannot be told from drift.
FEWEST_DAYS_FOR_SEASON = 548
FEWEST_EVENT_DAYS = 4
# Share of a column that no other column may tell.
_LEAST_OWN = 1e-6


def baseline(days: Days, events: Sequence[CalendarEvent], market: str, *, by_event: bool) -> Reals:
    """The columns of gapless days; the first is one.

    by_event: a column for each event and its run-up. Without it, events of a kind share a column: beside a control
    series that feels the same events, only their difference is left.
    """
    numbers = days.astype("datetime64[D]").astype(np.int64)
    columns = [np.ones(len(days))]
    place = (numbers - numbers.mean()) / YEAR_DAYS
    columns.append(place)
    knots = np.linspace(numbers[0], numbers[-1], max(2, len(days) // KNOT_DAYS + 1))[1:-1]
    # Piecewise linear drift, each bend centred.
    for knot in knots:
        bend = np.maximum(numbers - knot, 0) / YEAR_DAYS
        columns.append(bend - bend.mean())
    weekday = (numbers + 3) % 7
    columns += [(weekday == day).astype(np.float64) - 1 / 7 for day in range(6)]
    if len(days) >= FEWEST_DAYS_FOR_SEASON:
        angle = 2 * np.pi * numbers / YEAR_DAYS
        for order in (1, 2):
            columns += [np.cos(order * angle), np.sin(order * angle)]
    columns += _event_columns(days, events, market, by_event=by_event)
    return _independent(np.column_stack(columns))


def _independent(columns: Reals) -> Reals:
    """The columns without those that the ones before them already tell."""
    from scipy.linalg import qr

    scaled = columns / np.linalg.norm(columns, axis=0)
    triangle = qr(scaled, mode="r")[0]
    chosen: Reals = columns[:, np.abs(np.diag(triangle)) > _LEAST_OWN]
    return chosen


def _event_columns(days: Days, events: Sequence[CalendarEvent], market: str, *, by_event: bool) -> list[Reals]:
    found = regressors(events, market, days)
    if not found.names:
        return []
    labels = found.names if by_event else found.groups
    chosen = [
        np.asarray(found.matrix[:, [place for place, one in enumerate(labels) if one == label]].sum(axis=1))
        for label in dict.fromkeys(labels)
    ]
    return [column for column in chosen if np.count_nonzero(column) >= FEWEST_EVENT_DAYS]
