"""What a world knows beforehand of demand, media and assortments: the types only.

Belongs here: arrays by market, day, month or product of a market. Does not: drawing them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MEDIA = ("paid_search", "social", "email", "affiliate", "display", "referral")


@dataclass(frozen=True)
class MediaPlan:
    """Spend on the own shops and what it does, by market, day of the horizon and paid medium (index into MEDIA)."""

    spend_cents: NDArray[np.int64]  # in the market's currency
    adstock: NDArray[np.float64]  # decayed spend, in units of a medium's usual day
    lift: NDArray[np.float64]  # share of the own shop's base demand that it adds


@dataclass(frozen=True)
class DemandPlan:
    """Orders by market and day of the horizon, and new buyers by market and month of the horizon."""

    first_day: int
    month_offset: NDArray[np.int64]  # months + 1: where in the horizon's days each month starts
    base_orders: NDArray[np.float64]  # mean without promotions and media
    mean_orders: NDArray[np.float64]  # mean of what is drawn, before stock-outs
    own_share: NDArray[np.float64]  # share of hub orders that come through the own shop, media included
    orders: NDArray[np.int64]  # drawn, before stock-outs
    new_customers: NDArray[np.int64]  # market x month


@dataclass(frozen=True)
class Surprise:
    """A planted habit: buyers of one region, gender and age band take `factor` times the usual share of a category."""

    market: str
    region: str  # ISO 3166-2 without the country
    gender: int  # index into GENDERS, -1 for all
    age_band: int  # index into AGE_BANDS, -1 for all
    category: int
    factor: float


@dataclass(frozen=True)
class Assortment:
    """What one market sells, by local product index; a seller's products stand side by side."""

    product: NDArray[np.int32]
    weight: NDArray[np.float64]  # of the market's demand, before prices and promotions
    local_seller: NDArray[np.int64]  # counts the market's sellers from 0
    seller_offset: NDArray[np.int64]  # local sellers + 1
    by_price: NDArray[np.int64]  # local products sorted by category, then price
    category: NDArray[np.int64]
    category_offset: NDArray[np.int64]  # categories + 1, into by_price
    list_cents: NDArray[np.int64]  # in the market's currency, before monthly changes
    home_site: NDArray[np.int16]
    market_site: NDArray[np.int16]  # where its goods lie for this market: overseas or bonded site, else the home site
    taste: NDArray[np.float64]  # profile x category; profile = segment + 6 x flags of surprises
    profile_share: NDArray[np.float64]
    surprises: tuple[Surprise, ...]
