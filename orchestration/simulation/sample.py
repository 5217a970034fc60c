"""Sample files for `make demo` and for whoever wants to try the platform before bringing files of their own.

Belongs here: which systems exist and the order in which they are drawn. Does not: their dialects (one module each).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from orchestration.markets import load_markets
from orchestration.settings import PROJECT_ROOT
from orchestration.simulation.catalogue import (
    DEFAULT_MARKETS,
    DEFAULT_MONTHS,
    PLATFORM_DEMAND,
    SHOP_DEMAND,
    WEBSHOP_DEMAND,
    Demand,
)
from orchestration.simulation.customs import write_customs
from orchestration.simulation.defects import Truth
from orchestration.simulation.drawing import draw_orders
from orchestration.simulation.parcels import draw_parcels, write_parcels
from orchestration.simulation.platform import write_platform
from orchestration.simulation.shop import write_shop
from orchestration.simulation.webshop import write_webshop

MONTHS_PER_FILE = 4


@dataclass(frozen=True)
class Sample:
    """The files of one sample (name, bytes), and the labels (defect, record) of what is wrong in them."""

    files: tuple[tuple[str, bytes], ...]
    labels: tuple[tuple[str, str], ...]


def write_sample(
    folder: Path,
    *,
    seed: int = 7,
    markets: Sequence[str] = DEFAULT_MARKETS,
    months: Sequence[str] = DEFAULT_MONTHS,
) -> list[Path]:
    """Write the sample's files into the folder, which is made when absent, and return their paths by name.

    The same arguments give the same bytes on every machine. Raises ValueError for a market that the sample world does
    not sell into, and for a month that is none ("YYYY-MM").
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, data in draw_sample(seed=seed, markets=markets, months=months).files:
        path = folder / name
        path.write_bytes(data)
        paths.append(path)
    return paths


def draw_sample(
    *, seed: int = 7, markets: Sequence[str] = DEFAULT_MARKETS, months: Sequence[str] = DEFAULT_MONTHS
) -> Sample:
    """The sample in memory, with the labels of its defects."""
    unknown = sorted(set(markets) - set(DEFAULT_MARKETS))
    if unknown or not markets:
        raise ValueError(f"the sample world sells into {', '.join(DEFAULT_MARKETS)}, not into {unknown or 'nothing'}")
    known = load_markets(PROJECT_ROOT / "markets.yaml")
    zones = {code: known.get(code).zone for code in markets}
    in_order = sorted(set(months))
    ranges = [in_order[start : start + MONTHS_PER_FILE] for start in range(0, len(in_order), MONTHS_PER_FILE)]
    # One stream of random numbers per system, so that a change of one leaves the others as they were.
    streams = [np.random.default_rng([seed, system]) for system in range(3)]
    truth = Truth()

    def wanted(demands: Sequence[Demand]) -> list[Demand]:
        return [demand for demand in demands if demand.market in markets]

    files: list[tuple[str, bytes]] = []
    if demands := wanted(SHOP_DEMAND):
        orders = draw_orders(streams[0], demands, in_order, zones)
        files += write_shop(streams[0], orders, known, ranges, truth)
    if demands := wanted(WEBSHOP_DEMAND):
        orders = draw_orders(streams[1], demands, in_order, zones)
        files += write_webshop(streams[1], orders, zones, ranges, truth)
    if demands := wanted(PLATFORM_DEMAND):
        orders = draw_orders(streams[2], demands, in_order, zones)
        files += write_platform(streams[2], orders, ranges, truth)
        parcels = draw_parcels(streams[2], orders, truth)
        files += write_parcels(parcels, ranges)
        files += write_customs(streams[2], parcels, ranges, truth)
    return Sample(tuple(sorted(files)), tuple(truth.labels))
