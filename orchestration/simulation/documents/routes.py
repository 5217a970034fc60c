"""The routes on which parcels travel: their carriers, speeds and losses, and which parcel takes which.

Belongs here: parameters of routes. Does not: the life of a parcel (see `shipping.py`).
"""

from dataclasses import dataclass

import numpy as np

from orchestration.simulation.documents.columns import Flags, Integers, Reals


@dataclass(frozen=True)
class Route:
    """One route; medians in days at slowness 1, losses and refusals as shares of its parcels."""

    code: str
    carrier: str
    prefix: str  # of its waybill numbers; postal items have S10 numbers instead
    mode: str
    to_exit_days: float  # from the carrier's pick-up to the departure
    transit_days: float  # from departure to arrival
    import_days: float  # customs of the destination
    last_mile_days: float
    spread: float  # sigma of the logarithm of transit
    lost_share: float
    refused_share: float
    freight_cents_a_kg: int  # USD


EXPRESS, POST, LINE, SEA, OVERSEAS, DOMESTIC = range(6)
ROUTES = (
    Route("EXP", "SKYEX", "SE", "air", 0.4, 2.2, 0.4, 0.9, 0.30, 0.0006, 0.004, 950),
    Route("POST", "CHPOST", "", "post", 1.0, 5.2, 0.9, 1.5, 0.38, 0.0060, 0.006, 520),
    Route("LINE", "YUNLINE", "YL", "air", 0.7, 3.8, 0.6, 1.1, 0.33, 0.0025, 0.005, 680),
    Route("SEA", "SEALINK", "SL", "sea", 3.0, 24.0, 2.5, 2.0, 0.25, 0.0020, 0.003, 130),
    Route("OWH", "LOCALX", "LX", "road", 0.2, 0.0, 0.0, 1.2, 0.35, 0.0012, 0.004, 260),
    Route("DOM", "CNEXP", "CE", "road", 0.3, 0.0, 0.0, 1.5, 0.35, 0.0004, 0.003, 90),
)
ROUTE_CODES = tuple(route.code for route in ROUTES)
CARRIER_CODES = tuple(route.carrier for route in ROUTES)
TRANSPORT_MODES = tuple(route.mode for route in ROUTES)
HEAVY_GRAMS, BULK_GRAMS = 2000, 20_000


def parameter(name: str) -> Reals:
    """One parameter of all routes, by route."""
    return np.array([getattr(route, name) for route in ROUTES], dtype=np.float64)


def chosen_routes(
    chance: Reals, grams: Integers, *, is_import: bool, is_stocked: Flags, is_bonded: Flags, is_bulk: Flags
) -> Integers:
    """The route of each parcel: local from a site in the market, by sea for heavy business freight, else by price.

    Light parcels go by post and dedicated lines more than by express; heavier ones, and those to China, not by post.
    """
    light = np.where(chance < 0.32, POST, np.where(chance < 0.78, LINE, EXPRESS))
    heavy = np.where(chance < 0.65, LINE, EXPRESS)
    route = np.where((grams <= HEAVY_GRAMS) & (not is_import), light, heavy)
    route = np.where(is_bulk & (grams > BULK_GRAMS), SEA, route)
    return np.where(is_bonded, DOMESTIC, np.where(is_stocked, OVERSEAS, route)).astype(np.int64)
