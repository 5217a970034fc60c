"""Warehouses: where goods lie at home, abroad, and in bond.

Belongs here: the sites and which seller uses which. Does not: stock (`stock.py`).
"""

import numpy as np
from numpy.typing import NDArray

from orchestration.simulation.world.batches import SellerTable, SiteTable
from orchestration.simulation.world.config import WorldConfig
from orchestration.simulation.world.randomness import hashed_uniform, salt
from orchestration.simulation.world.seller_building import HOME_CODES, SEATS

# Codes begin with the UN/LOCODE of the place. Chinese home sites stand in the order of SEATS' towns.
HOME_SITES = (
    ("CNSZX1", "CN"), ("CNNGB1", "CN"), ("CNCGO1", "CN"), ("CNXMN1", "CN"), ("CNSZH1", "CN"), ("CNTAO1", "CN"),
    ("KRICN1", "KR"), ("JPTYO1", "JP"), ("DEBER1", "DE"), ("USLAX9", "US"), ("AUSYD9", "AU"),
)  # fmt: skip
OVERSEAS_SITES = {"US": "USONT1", "GB": "GBBHM1", "DE": "DELEJ1", "JP": "JPOSA1", "AU": "AUMEL1"}
BONDED_SITE = "CNNGB7"
_OVERSEAS_SHARE = 0.35
_BONDED_SHARE = 0.6


def build_sites(config: WorldConfig) -> SiteTable:
    """Home sites, then overseas sites of the world's markets, then the bonded site of imports into China."""
    codes, countries = [code for code, _ in HOME_SITES], [country for _, country in HOME_SITES]
    markets = [-1] * len(codes)
    for index, market in enumerate(config.markets):
        site = BONDED_SITE if market == "CN" else OVERSEAS_SITES.get(market)
        if site is not None:
            codes.append(site)
            countries.append(market)
            markets.append(index)
    served = np.array(markets, dtype=np.int16)
    return SiteTable(tuple(codes), tuple(countries), served >= 0, served)


def home_sites(config: WorldConfig, sellers: SellerTable) -> NDArray[np.int16]:
    """Home site of each seller: one in the seller's country, in China drawn by the weight of its towns."""
    draw = hashed_uniform(np.arange(len(sellers.size)), salt(config, "home site"))
    town = np.searchsorted(np.cumsum([seat[3] for seat in SEATS[:-1]]), draw, "right")
    first_abroad = len(SEATS) - 1
    return np.where(sellers.home_country == 0, town, first_abroad + sellers.home_country).astype(np.int16)


def market_sites(config: WorldConfig, market: int, sites: SiteTable, sellers: SellerTable) -> NDArray[np.int16]:
    """Site from which each seller serves a market: abroad or in bond for some of the larger ones, else at home."""
    home = home_sites(config, sellers)
    abroad = np.flatnonzero(sites.market == market)
    if not len(abroad):
        return home
    share = _BONDED_SHARE if config.markets[market] == "CN" else _OVERSEAS_SHARE
    rank = sellers.size.argsort().argsort() / max(1, len(sellers.size))
    draw = hashed_uniform(np.arange(len(sellers.size)), salt(config, f"stock abroad {market}"))
    return np.where(draw < share * 1.5 * rank, abroad[0], home).astype(np.int16)


assert len(HOME_SITES) == len(SEATS) + len(HOME_CODES) - 1
