"""Markets that a plan over all markets has to take as they are: held back, or with an older forecast.

Belongs here: which, and why, in words. Does not: what is planned for them.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

_STALE = """
    with days as (select market, max(sold_on) as data_until_on from fct_daily_demand group by market),
    forecasts as (select market, max(made_on) as forecast_made_on from demand_forecast group by market),
    held as (select market, any_value(reasons) as reasons from held_back group by market),
    newest as (select max(data_until_on) as day from days)
    select coalesce(days.market, held.market) as market,
        case
            when held.market is not null then 'held back: ' || held.reasons
            when forecast_made_on is null then 'no forecast yet'
            when forecast_made_on <= data_until_on - interval 7 day
                then format('the forecast is of {}, the data go on to {}', forecast_made_on, data_until_on)
            else format('its data end on {}, those of others go on to {}', data_until_on, newest.day)
        end as reason,
        forecast_made_on, data_until_on, newest.day + 1 as made_on
    from days
    full join held using (market)
    left join forecasts on forecasts.market = coalesce(days.market, held.market)
    cross join newest
    where held.market is not null or forecast_made_on is null
        or forecast_made_on <= data_until_on - interval 7 day or data_until_on < newest.day - interval 14 day
    order by market
"""


def find_stale_markets(con: "duckdb.DuckDBPyConnection") -> "pd.DataFrame":
    """One row per stale market: market, reason, forecast_made_on, data_until_on, made_on.

    con: views of the published tables. A forecast may be up to a week older than the data: some are made by weeks.
    """
    return con.execute(_STALE).df()
