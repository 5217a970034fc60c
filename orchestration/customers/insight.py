"""Portraits, groups and surprises of one market as rows.

Belongs here: the order of the steps. Does not: any step itself, reading and writing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from orchestration.customers.portraits.audiences import audience_rows
from orchestration.customers.portraits.people import People
from orchestration.customers.portraits.portrait import portrait_rows
from orchestration.customers.purchases import Purchases
from orchestration.customers.surprises.cells import Counts, count_cells
from orchestration.customers.surprises.search import find_surprises
from orchestration.customers.surprises.words import surprise_rows


@dataclass(frozen=True, eq=False)
class Insight:
    """The columns of each table by its name, and what the heat map is drawn from."""

    columns: Mapping[str, Mapping[str, object]]
    counts: Counts


def insight_of(purchases: Purchases, people: People, value: pa.Table, segment: pa.Table) -> Insight:
    """Portraits of all customers of a market, its groups, and its surprises."""
    counts = cells_of(purchases, people)
    return Insight(
        {
            "customer_portrait": portrait_rows(purchases, people, value, segment),
            "audience_cell": audience_rows(purchases, people),
            "surprise": surprise_rows(find_surprises(counts)),
        },
        counts,
    )


def cells_of(purchases: Purchases, people: People) -> Counts:
    """The market's cells; customers who kept nothing count as nobody's purchases."""
    state, tastes = purchases.state(), purchases.tastes
    rows = state.has_bought
    place = rows.cumsum() - 1
    is_buyer = rows[tastes.customer]
    bought = (place[tastes.customer[is_buyer]], tastes.category[is_buyer], tastes.purchases[is_buyer])
    return count_cells([one.of_rows(rows) for one in people.cells], state.count[rows], bought, tastes.codes)
