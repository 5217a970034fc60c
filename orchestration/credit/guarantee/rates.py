"""Rates of rare events: a seller's own orders against his market's, a market's against all.

Belongs here: credibility. Does not: prices, reserve.

Counts are Poisson around the expected, times a seller's own factor of mean 1 and variance τ². τ² is learnt from all
sellers by moments, and the factor is pulled to 1 by e·τ² / (1 + e·τ²), where e is the expected count (Bühlmann and
Straub 1970): who has sold little is priced as his market, who has sold much as himself.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Reals = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Shrunk:
    """Factors on the expected rate, how far own counts are believed (0 to 1), and the variance behind it."""

    factor: Reals
    credibility: Reals
    variance: float


def shrunk_factors(count: Reals, expected: Reals) -> Shrunk:
    """The factor of each cell; 1 where nothing was expected."""
    squares = float((expected**2).sum())
    excess = float(((count - expected) ** 2 - expected).sum())
    variance = max(excess / squares, 0.0) if squares > 0 else 0.0
    credibility = expected * variance / (1.0 + expected * variance)
    own = np.divide(count, expected, out=np.ones_like(expected), where=expected > 0)
    return Shrunk(1.0 + credibility * (own - 1.0), credibility, variance)


def shrunken_rates(cells: pd.DataFrame) -> pd.DataFrame:
    """rate, market_rate and credibility of each row, by index.

    cells: market, order_count, event_count; one row per seller and market.
    """
    count, orders = cells["event_count"].to_numpy(float), cells["order_count"].to_numpy(float)
    of_market = cells.groupby("market")[["event_count", "order_count"]].sum()
    world = float(of_market["event_count"].sum()) / max(float(of_market["order_count"].sum()), 1.0)
    factor = shrunk_factors(
        of_market["event_count"].to_numpy(float), of_market["order_count"].to_numpy(float) * world
    ).factor
    market_rate = cells["market"].map(dict(zip(of_market.index, world * factor, strict=True))).to_numpy(float)
    own = shrunk_factors(count, orders * market_rate)
    return pd.DataFrame(
        {"rate": market_rate * own.factor, "market_rate": market_rate, "credibility": own.credibility},
        index=cells.index,
    )
