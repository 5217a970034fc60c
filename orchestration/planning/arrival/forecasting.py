"""From what is read to both tables of arrival times.

Belongs here: the order of the steps. Does not: models, SQL.
"""

import pandas as pd

from orchestration.planning.arrival.outlook import COLUMNS, Outlook, shipment_outlook
from orchestration.planning.arrival.reading import ArrivalData, closed_days
from orchestration.planning.arrival.snapshots import traffic_of
from orchestration.planning.lead_times import lane_rows, receipt_rows
from orchestration.threads import one_thread


def arrival_outlook(data: ArrivalData) -> tuple[Outlook, pd.DataFrame]:
    """Rows of `shipment_outlook` and of `lead_time`; without any shipment only what warehouses have received."""
    if data.made_on is None:
        empty = Outlook(pd.DataFrame(columns=list(COLUMNS)), None, None, None, 0)
        return empty, receipt_rows(data.receipts, data.known_until)
    shipments = data.shipments
    years = pd.to_datetime(shipments["shipped_at"]).dt.year
    countries = sorted({*shipments["market"].dropna(), *shipments["origin_country"].dropna()})
    closed = closed_days(countries, int(years.min()), int(years.max()) + 1)
    with one_thread("sklearn.ensemble"):
        outlook = shipment_outlook(traffic_of(shipments, data.steps, closed), data.made_on)
    return outlook, pd.concat([lane_rows(shipments, data.made_on), receipt_rows(data.receipts, data.known_until)])
