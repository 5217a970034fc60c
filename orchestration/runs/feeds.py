"""The feeds that a run reads, and the declared tables of their raw rows.

Belongs here: which feeds have a market. Does not: what a feed's record is (see arrivals/contracts).
"""

from functools import cache

from orchestration.arrivals.contracts import contracts
from orchestration.lake import TableSpec, raw_spec

# What arrivals and replays say about raw rows, beside them.
RAW_LEDGERS = ("edges", "placements", "replays")


@cache
def market_feeds() -> tuple[str, ...]:
    """The feeds whose records belong to a market, parents before the feeds that follow them."""
    return tuple(feed for feed, contract in contracts().items() if contract.has_market)


@cache
def reference_feeds() -> tuple[str, ...]:
    """The feeds without a market: small, and rebuilt whole."""
    return tuple(feed for feed, contract in contracts().items() if not contract.has_market)


def raw_table(feed: str) -> TableSpec:
    """The declared raw table of a feed."""
    return raw_spec(feed, contracts()[feed].field_names)
