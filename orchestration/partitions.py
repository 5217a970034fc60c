"""The partitions of everything that belongs to a market.

Belongs here: the one partitions definition, how a range of it is tagged. Does not: the list of markets (markets.yaml).
"""

from collections.abc import Collection

import dagster as dg

from orchestration.markets import load_markets
from orchestration.settings import Settings

MARKETS = dg.StaticPartitionsDefinition(load_markets(Settings().markets_file).codes)
SINGLE_RUN = dg.BackfillPolicy.single_run()

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"


def range_tags(first: str, last: str) -> dict[str, str]:
    """The run tags of all markets from `first` to `last` in the order of markets.yaml.

    Raises ValueError when a market is unknown, or when they are named in the wrong order: Dagster takes such a range
    for an empty one and the run succeeds without doing anything.
    """
    keys = list(MARKETS.get_partition_keys())
    for key in (first, last):
        if key not in keys:
            raise ValueError(f"{key!r} is no market of markets.yaml")
    if keys.index(last) < keys.index(first):
        raise ValueError(f"range {first}..{last}: {last} stands before {first} in markets.yaml")
    return {RANGE_START: first, RANGE_END: last}


def covering_tags(markets: Collection[str]) -> dict[str, str]:
    """The run tags of the shortest range that holds all these markets; none named: every market.

    A market without anything to do costs nothing but Dagster's events: two for each asset, some milliseconds each.
    """
    keys = [key for key in MARKETS.get_partition_keys() if key in markets]
    return range_tags(keys[0], keys[-1]) if keys else all_markets_tags()


def all_markets_tags() -> dict[str, str]:
    """The run tags of one run over every market."""
    keys = MARKETS.get_partition_keys()
    return range_tags(keys[0], keys[-1])
