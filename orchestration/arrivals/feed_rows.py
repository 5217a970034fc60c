"""Feed rows: what arrivals have brought of a feed, this one and those before it, as SQL for touches.

Belongs here: which relation to read. Does not: what is done with the rows (see `payouts.py`, `collections.py`).
"""

from collections.abc import Mapping

import duckdb

from orchestration.arrivals.contracts import Contract
from orchestration.arrivals.known import Known

# A bank's credit, in the types that touches reckon with.
CREDITED = (
    "_record_key, _content_hash, seller_id, try_cast(value_on as date) as value_on, payout_ref, receipt_kind, "
    "currency_code, try_cast(amount as double) + coalesce(try_cast(bank_charge_amount as double), 0) as credited"
)


class FeedRows:
    """Rows of a feed, of this arrival and of those before it, as SQL."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        feeds: Mapping[str, Contract],
        known: Known,
        contracts: Mapping[str, Contract],
    ) -> None:
        self.con, self.feeds, self.known, self.contracts = con, feeds, known, contracts

    def has_known(self, feed: str) -> bool:
        """Whether a row of the feed came before this arrival."""
        return self.known.has_rows(self.contracts[feed])

    def before(self, feed: str, columns: str, condition: str) -> str:
        """The rows that came before this arrival."""
        return f"select {columns} from {self.known.raw(self.contracts[feed])} where {condition}"

    def all(self, feed: str, columns: str, condition: str) -> str:
        """The rows that came before this arrival, and in it."""
        if feed not in self.feeds:
            return self.before(feed, columns, condition)
        return (
            f"select {columns} from arriving_{feed} where {condition} union all {self.before(feed, columns, condition)}"
        )

    def is_empty(self, table: str) -> bool:
        """Whether a temporary table has no rows."""
        return self.con.execute(f"select 1 from {table} limit 1").fetchall() == []
