"""What arrival times are learnt from, read from the published tables.

Belongs here: SQL. Does not: features (`snapshots.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

# Two years and their run-up: older lanes say little of today's.
_DAYS = 800
_SHIPMENTS = """
    with newest as (select max(shipped_at) as at from stg_shipments),
    steps as (
        select shipment_key,
            min(event_at) filter (where event_code = 'delivered') as delivered_at,
            min(event_at) filter (where event_code = 'arrived') as arrived_at,
            min(event_at) filter (where event_code = 'import_cleared') as cleared_at,
            min(event_at) filter (where event_code in ('lost', 'returning', 'returned')) as ended_at
        from stg_tracking_events group by all
    ),
    orders as (
        select shipment_key, min(supervision_mode) as supervision_mode, min(ordered_at) as ordered_at,
            min(declared_at) as declared_at, min(released_at) as released_at, max(delivered_at) as delivered_at
        from fct_trade_ledger where shipment_key is not null group by all
    )
    select shipment_key, shipments.market, shipments.origin_country, shipments.site_code, shipments.carrier_code,
        shipments.transport_mode, orders.supervision_mode, shipments.gross_weight_kg::double as weight_kg,
        orders.ordered_at, orders.declared_at, orders.released_at, shipments.shipped_at, shipments.promised_on,
        coalesce(shipments.delivered_at, steps.delivered_at, orders.delivered_at) as delivered_at,
        steps.arrived_at, steps.cleared_at, steps.ended_at
    from stg_shipments as shipments
    cross join newest
    left join steps using (shipment_key)
    left join orders using (shipment_key)
    where shipments.shipped_at > newest.at - to_days(?)
    order by shipment_key
"""
_STEPS = """
    select shipment_key, event_code as step_code, event_at as step_at from stg_tracking_events
    where event_at > (select max(shipped_at) from stg_shipments) - to_days(?)
    order by event_at, shipment_key, event_code
"""
_RECEIPTS = """
    select supplier_id as supplier, site_code as site, (received_on - ordered_at::date)::double as days, received_on
    from stg_purchase_orders
    where received_on is not null and supplier_id is not null and site_code is not null
"""


@dataclass(frozen=True)
class ArrivalData:
    """Shipments and tracking steps of the last two years, and the first day that they do not know.

    receipts: supplier, site, days from purchase order to receipt; known_until: the first day that they do not know.
    """

    shipments: "pd.DataFrame"
    steps: "pd.DataFrame"
    made_on: int | None  # days since 1970; None where nothing was ever shipped
    receipts: "pd.DataFrame"
    known_until: int


def read_arrivals(con: "duckdb.DuckDBPyConnection") -> ArrivalData:
    """What the published tables say of shipments, over all markets."""
    from orchestration.planning.arrival.snapshots import in_days

    shipments = con.execute(_SHIPMENTS, [_DAYS]).df()
    steps = con.execute(_STEPS, [_DAYS]).df()
    shipped = in_days(shipments["shipped_at"])
    receipts = con.execute(_RECEIPTS).df()
    received = in_days(receipts.pop("received_on"))
    until = int(received.max()) + 1 if len(received) else 0
    return ArrivalData(shipments, steps, int(shipped.max()) + 1 if len(shipped) else None, receipts, until)


def closed_days(countries: Sequence[str], first_year: int, last_year: int) -> dict[str, tuple[date, ...]]:
    """Public holidays of each country; none where the package does not know it."""
    from orchestration.forecasting.demand.calendar import public_holidays

    return {
        country: tuple(day for days in public_holidays(country, first_year, last_year).values() for day in days)
        for country in countries
        if len(country) == 2
    }
