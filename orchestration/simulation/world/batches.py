"""The types that every part of the world shares: the world itself, its entity tables, and a market-month of orders.

Belongs here: plain arrays with their units. Does not: drawing them (see `building.py` and `generate.py`).
Money is in hundredths of a currency unit (`_cents`, also for JPY and KRW); times are seconds UTC since 1970; days are
days since 1970-01-01. An entity is named by its index; its id is made from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from orchestration.simulation.world.config import WorldConfig
from orchestration.simulation.world.days import LocalClock
from orchestration.simulation.world.plans import Assortment, DemandPlan, MediaPlan

CHANNELS = ("own_shop", "marketplace_a", "marketplace_b", "port_platform", "port_import")
OWN_SHOP, MARKETPLACE_A, MARKETPLACE_B, PORT_PLATFORM, PORT_IMPORT = range(5)
SCREENS = ("phone", "tablet", "desktop", "television")
MODES = ("9610", "9710", "9810", "0110", "1210")
CATEGORIES = (
    "clothing", "baby", "electronics", "home", "beauty", "toys",
    "sports", "jewellery", "auto_parts", "food_supplements", "books", "phones",
)  # fmt: skip
HUB, PORT = "hub", "port"

FeedTables = Mapping[tuple[str, str], pa.Table]
TruthTables = Mapping[str, pa.Table]


@dataclass(frozen=True)
class MarketTable:
    """The markets of the world by market index, in the order of `WorldConfig.markets`.

    The subdivisions of market m are rows `subdivision_offset[m]` to `subdivision_offset[m + 1]` of the subdivision
    arrays; `OrderBatch.subdivision` counts from 0 within its own market.
    """

    code: tuple[str, ...]
    currency: tuple[str, ...]
    time_zone: tuple[str, ...]
    weight: NDArray[np.float64]  # share of the world's orders, sums to 1
    yearly_growth: NDArray[np.float64]  # logarithmic, per year
    price_level: NDArray[np.float64]  # factor on a product's price in USD
    tax_rate: NDArray[np.float64]  # collected at sale, as a share of goods + freight - discount
    price_elasticity: NDArray[np.float64]  # negative
    promotion_elasticity: NDArray[np.float64]  # logarithm of demand per unit of discount share
    channel_share: NDArray[np.float64]  # market x channel, rows sum to 1
    screen_share: NDArray[np.float64]  # market x screen, rows sum to 1
    subdivision_offset: NDArray[np.int32]  # markets + 1
    subdivision_code: pa.StringArray  # ISO 3166-2
    subdivision_weight: NDArray[np.float64]  # sums to 1 within a market


@dataclass(frozen=True)
class SellerTable:
    """The sellers by seller index; `quality` and `solvency` are latent and stand in no feed."""

    seller_id: pa.StringArray  # S000001 is index 0
    seller_name: pa.StringArray
    home_country: NDArray[np.int16]  # index into home_codes
    home_codes: tuple[str, ...]  # "CN" first
    subdivision_code: pa.StringArray
    quality: NDArray[np.float64]  # 0..1
    solvency: NDArray[np.float64]  # 0..1
    size: NDArray[np.float64]  # share of the sales of its direction, heavy-tailed
    joined_day: NDArray[np.int32]
    founded_day: NDArray[np.int32]
    category: NDArray[np.int16]  # index into CATEGORIES
    uscc: pa.StringArray  # null outside China
    merchant_uscc: pa.StringArray  # under which it trades in China: its own, or that of its agent
    vat_no: pa.StringArray  # null where not registered
    eori: pa.StringArray  # null where not registered
    tax_grade: pa.StringArray
    customs_grade: pa.StringArray
    fx_grade: pa.StringArray
    employee_count: NDArray[np.int64]
    bank_account: pa.StringArray


@dataclass(frozen=True)
class SupplierTable:
    """The suppliers by supplier index."""

    supplier_id: pa.StringArray  # V00001 is index 0
    supplier_name: pa.StringArray
    uscc: pa.StringArray  # null outside China
    home_country: NDArray[np.int16]  # index into SellerTable.home_codes
    capacity_per_week_qty: NDArray[np.int64]
    lead_time_days: NDArray[np.float64]
    minimum_order_qty: NDArray[np.int64]
    flexible_share_pct: NDArray[np.float64]


@dataclass(frozen=True)
class ProductTable:
    """The products by product index; those of seller s are `seller_offset[s]` to `seller_offset[s + 1]`."""

    product_id: pa.StringArray  # P0000001 is index 0
    product_name: pa.StringArray
    seller: NDArray[np.int32]
    seller_offset: NDArray[np.int32]  # sellers + 1
    category: NDArray[np.int16]  # index into CATEGORIES
    hs10: pa.StringArray
    legal_unit: pa.StringArray  # 035 kg, 007 piece
    weight_g: NDArray[np.int32]  # net weight of one piece
    cost_cents: NDArray[np.int64]  # CNY, without tax
    price_usd_cents: NDArray[np.int64]  # list price at price level 1
    gtin: pa.StringArray
    supplier: NDArray[np.int32]
    is_made_to_order: NDArray[np.bool_]
    origin: NDArray[np.int16]  # index into SellerTable.home_codes
    popularity: NDArray[np.float64]  # share within its seller, heavy-tailed
    first_day: NDArray[np.int32]  # first day on which it is sold


@dataclass(frozen=True)
class SiteTable:
    """The warehouses by site index: home sites first, then those abroad."""

    site_code: tuple[str, ...]
    country: tuple[str, ...]
    is_overseas: NDArray[np.bool_]
    market: NDArray[np.int16]  # index of the only market that an overseas site serves, -1 for home sites


@dataclass(frozen=True)
class RateTable:
    """Rates of the world's currencies, one column per day from `first_day` on; weekends carry Friday's rate."""

    currencies: tuple[str, ...]  # USD, EUR and CNY are always among them
    first_day: int
    per_eur: NDArray[np.float64]  # currency x day: units of the currency per euro, rounded to 4 decimals


@dataclass(frozen=True)
class World:
    """All that is fixed once a configuration is chosen; its size depends on sellers and days, not on orders."""

    config: WorldConfig
    markets: MarketTable
    sellers: SellerTable
    suppliers: SupplierTable
    products: ProductTable
    sites: SiteTable
    rates: RateTable
    clock: LocalClock
    media: MediaPlan
    demand: DemandPlan
    assortments: tuple[Assortment, ...]  # by market


@dataclass(frozen=True)
class OrderBatch:
    """One market-month of orders, sorted by `ordered_at`, and their lines, sorted by order and `line_no`."""

    market: str
    month: str
    currency: str
    order_no: pa.StringArray
    channel: NDArray[np.int8]  # index into CHANNELS
    ordered_at: NDArray[np.int64]  # seconds UTC
    ordered_day: NDArray[np.int32]  # market-local day
    seller: NDArray[np.int32]
    customer: NDArray[np.int64]  # number of the customer, see customers.py
    customer_id: pa.StringArray
    session: NDArray[np.int64]  # -1 without a visit that was seen
    screen: NDArray[np.int8]  # index into SCREENS
    subdivision: NDArray[np.int16]  # within the market
    promised_days: NDArray[np.int16]
    goods_cents: NDArray[np.int64]  # sum of the lines
    freight_cents: NDArray[np.int64]
    tax_cents: NDArray[np.int64]
    discount_cents: NDArray[np.int64]
    payable_cents: NDArray[np.int64]  # goods + freight + tax - discount
    is_cancelled: NDArray[np.bool_]  # before shipping
    cancelled_at: NDArray[np.int64]  # seconds UTC, -1 when not cancelled
    supervision_mode: NDArray[np.int8]  # index into MODES
    site: NDArray[np.int16]  # warehouse that it leaves from
    line_order: NDArray[np.int32]  # row of its order
    line_no: NDArray[np.int16]  # from 1, gapless
    product: NDArray[np.int32]
    quantity: NDArray[np.int32]
    unit_price_cents: NDArray[np.int64]
    list_price_cents: NDArray[np.int64]
    promotion: NDArray[np.int32]  # -1 without one


@dataclass(frozen=True)
class HomeShipments:
    """What left the home sites: sums over market-months of one month; its size depends on entities, not on orders."""

    pieces: NDArray[np.int64]  # product x part of the month (stock.py)
    parcels: NDArray[np.int64]  # site x day of the month

    def plus(self, other: "HomeShipments") -> "HomeShipments":
        """The sum of both."""
        return HomeShipments(self.pieces + other.pieces, self.parcels + other.parcels)


@dataclass(frozen=True)
class CommerceMonth:
    """A market-month as its shops, its port, its warehouses and its advertisers keep it, and what is true of it."""

    batch: OrderBatch
    tables: FeedTables
    truth: TruthTables
    home: HomeShipments


@dataclass(frozen=True)
class ReferenceTables:
    """Tables of the whole world, and what is true of its entities."""

    tables: FeedTables
    truth: TruthTables
