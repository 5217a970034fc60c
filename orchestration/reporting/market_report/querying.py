"""What a query of the market's report is, and the pieces that several have.

Belongs here: the record, limits, the market's today. Does not: the queries (see `queries.py`, `control_queries.py`).
"""

from dataclasses import dataclass

# Fewer people than this are never shown as a group of their own.
FEWEST_PEOPLE = 10
TOP = 10


@dataclass(frozen=True)
class Query:
    """A frame of the report and the published tables it needs; where one is not published, the frame is empty."""

    tables: tuple[str, ...]
    sql: str


def of(tables: str, sql: str) -> Query:
    """A query over tables whose names stand in one text."""
    return Query(tuple(tables.split()), sql)


# The market's own today: what is later than its last order is not known yet.
TODAY = "(select max(kpi_on) from market_kpi where kpi_id = 'orders')"
