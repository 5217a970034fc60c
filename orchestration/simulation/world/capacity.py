"""Capacity of warehouses and servers, and the highest load of each day.

Belongs here: rows of the feed `capacity`. Does not: stock (`stock.py`).
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from orchestration.simulation.world.batches import World
from orchestration.simulation.world.columns import dates, moments, ones, pieces, table
from orchestration.simulation.world.days import DAY_SECONDS
from orchestration.simulation.world.randomness import Integers, Reals
from orchestration.simulation.world.texts import words

# A site bears this multiple of its mean day, a server this multiple of its mean minute: peak days break both.
PARCEL_ROOM, STORAGE_ROOM, SERVER_ROOM = 2.2, 1.25, 14.0
_LEAST_PARCELS, _LEAST_PER_MINUTE = 12, 8


def capacity_table(
    first_day: int, sites: Sequence[tuple[str, str, str]], capacity: Sequence[float], loads: Sequence[Reals | Integers]
) -> pa.Table:
    """One row per entry of `sites` (site, country, kind) and day; `loads` has one array of days per entry."""
    days = len(loads[0]) if loads else 0
    entry = np.repeat(np.arange(len(sites)), days)
    day = np.tile(np.arange(first_day, first_day + days), len(sites))
    return table(
        {
            "site_code": words(entry, [site for site, _, _ in sites]),
            "site_country": words(entry, [country for _, country, _ in sites]),
            "capacity_kind": words(entry, [kind for _, _, kind in sites]),
            "measured_on": dates(day),
            "capacity_value": pieces(np.ceil(np.array(capacity))[entry]),
            "peak_load_value": pieces(np.concatenate([np.zeros(0), *loads])),
            "version": ones(len(entry)),
            "updated_at": moments((day + 1) * DAY_SECONDS + 3600),
        }
    )


def busiest_minutes(moments_utc: Integers, days: Integers, day_count: int) -> Integers:
    """Most arrivals in one minute of each day; `days` counts from 0."""
    minute = days * 1440 + moments_utc // 60 % 1440
    counts = np.bincount(minute, minlength=day_count * 1440).reshape(day_count, 1440)
    busiest: Integers = counts.max(axis=1)
    return busiest


def parcels_capacity(mean_per_day: float) -> float:
    """Parcels that a warehouse can send on a day."""
    return max(_LEAST_PARCELS, PARCEL_ROOM * mean_per_day)


def server_capacity(mean_per_day: float) -> float:
    """Requests of one kind that a server can bear in a minute."""
    return max(_LEAST_PER_MINUTE, SERVER_ROOM * mean_per_day / 1440)


def storage_load(world: World, pieces_kept: int, first_day: int, days: int) -> Reals:
    """Pieces in store: between 70 and 95 % of the base levels, higher before the autumn's peaks."""
    numbers = np.arange(first_day, first_day + days)
    season = np.cos(2 * np.pi * (numbers - world.demand.first_day - 230) / 365.25)
    load: Reals = np.rint(pieces_kept * (0.825 + 0.125 * season))
    return load
