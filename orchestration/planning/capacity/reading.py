"""What the capacity outlook is made from, read from the published tables and the seed of events.

Belongs here: SQL. Does not: the model.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

_DAYS = 3 * 366 + 200
# The market of a row of capacity is the site's country (the contract's market_field).
_MEASURED = """
    with newest as (select max(measured_on) as day from stg_capacity)
    select site_code, market as site_country, capacity_kind, measured_on, capacity_value::double as capacity_value,
        peak_load_value::double as peak_load_value
    from stg_capacity cross join newest
    where measured_on > newest.day - ?
    qualify row_number() over (partition by site_code, capacity_kind, measured_on order by changed_at desc, _file) = 1
    order by site_code, capacity_kind, measured_on
"""
_SERVED = """
    with newest as (select max(shipped_on) as day from stg_shipments)
    select site_code, market, count(*)::double / sum(count(*)) over (partition by site_code) as share
    from stg_shipments cross join newest
    where site_code is not null and shipped_on > newest.day - 366
    group by site_code, market
    order by site_code, market
"""


def read_measured(con: "duckdb.DuckDBPyConnection") -> "pd.DataFrame":
    """Capacity and load by site, kind and day of the last three years and a half."""
    return con.execute(_MEASURED, [_DAYS]).df()


def read_served(con: "duckdb.DuckDBPyConnection") -> dict[str, dict[str, float]]:
    """For each site, the share of each market in what it shipped in the last year; servers ship nothing."""
    served: dict[str, dict[str, float]] = {}
    for site, market, share in con.execute(_SERVED).fetchall():
        served.setdefault(str(site), {})[str(market)] = float(share)
    return served


def read_events() -> "pd.DataFrame":
    """The seed of events as a frame; CalendarError where it is broken."""
    import pandas as pd

    from orchestration.forecasting.demand.calendar import read_calendar

    frame = pd.DataFrame([vars(event) for event in read_calendar()])
    return frame.assign(**{day: pd.to_datetime(frame[day]) for day in ("starts_on", "ends_on")})
