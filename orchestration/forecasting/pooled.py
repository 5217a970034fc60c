"""The candidates of a market: its pooled demand model, which knows calendar, prices and promotions, and the engine.

Belongs here: the pooled model as a candidate. Does not: the model (see `demand/`), the choice (see `choice.py`).
"""

from functools import cache
from typing import TYPE_CHECKING

from orchestration.forecasting.candidates import Engine
from orchestration.forecasting.demand.calendar import CalendarEvent, events_of, read_calendar
from orchestration.forecasting.market import Event, ForecastPlan

if TYPE_CHECKING:
    import duckdb


@cache
def calendar() -> tuple[CalendarEvent, ...]:
    """The calendar of peak events, read once per process."""
    return read_calendar()


def plan_of(con: "duckdb.DuckDBPyConnection", market: str) -> ForecastPlan:
    """How a market is forecast."""
    del con
    events = events_of(calendar(), market)
    return ForecastPlan(
        candidates=(Engine(),),
        events=tuple(Event(one.event_code, one.starts_on, one.ends_on) for one in events),
    )
