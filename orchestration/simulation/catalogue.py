"""The fixed facts of the sample world: what is sold, where, in which money and with which rhythm.

Belongs here: tables that someone may want to read or change. Does not: drawing from them (see `drawing.py`).
All weights are integers: sums of integers are the same on every machine, sums of floats are not.
"""

from dataclasses import dataclass

DEFAULT_MARKETS = ("GB", "DE", "FR", "US", "JP", "BR", "KR", "KW")
# Eight whole months in the past, for which the ECB's rates are known and no date can lie in the future.
DEFAULT_MONTHS = ("2025-10", "2025-11", "2025-12", "2026-01", "2026-02", "2026-03", "2026-04", "2026-05")


@dataclass(frozen=True)
class Product:
    """One article: codes, names, price in euro cents, weight in grams, HS code of ten digits, popularity."""

    stock_code: str
    sku: str
    name: str
    chinese_name: str
    hs_code: str
    price_cents: int
    weight_g: int
    popularity: int


@dataclass(frozen=True)
class Money:
    """How a price in euro cents becomes one in the currency's minor units: times `numerator`, by `denominator`."""

    decimals: int
    numerator: int
    denominator: int


@dataclass(frozen=True)
class Demand:
    """Orders per month that one system takes from one market, the currency it takes, and the weight of each weekday.

    `weekdays` runs from Monday to Sunday.
    """

    market: str
    currency_code: str
    orders_per_month: int
    weekdays: tuple[int, int, int, int, int, int, int]


PRODUCTS = (
    Product("22114", "TW-BOT-05", "HOT WATER BOTTLE KNITTED COVER", "针织热水袋", "4014900000", 1895, 420, 60),
    Product("85123A", "TW-LIG-01", "HANGING HEART LIGHT HOLDER", "心形吊挂烛台", "9405500000", 1295, 310, 95),
    Product("47566B", "TW-BUN-02", "PARTY BUNTING COTTON", "棉布派对彩旗", "6307900090", 2450, 180, 70),
    Product("21212", "TW-BAK-03", "PACK OF 72 CAKE CASES", "蛋糕纸杯七十二只装", "4823699000", 640, 90, 80),
    Product("84879", "TW-ORN-04", "CERAMIC BIRD ORNAMENT", "陶瓷小鸟摆件", "6913100000", 990, 260, 66),
    Product("23084", "TW-NIG-06", "RABBIT NIGHT LIGHT", "兔子小夜灯", "9405210000", 1750, 150, 110),
    Product("22423", "TW-CAK-07", "THREE TIER CAKE STAND", "三层蛋糕架", "6911101900", 3990, 1350, 52),
    Product("20725", "TW-BAG-08", "LUNCH BAG RED SPOTTY", "红波点午餐包", "4202920000", 1450, 140, 88),
    Product("22960", "TW-JAM-09", "JAM MAKING SET", "果酱制作套装", "7323990000", 3250, 980, 34),
    Product("21034", "TW-TEA-10", "GREEN TEA TIN 100G", "绿茶罐装一百克", "0902109000", 1180, 160, 58),
    Product("21731", "TW-TOY-11", "WOODEN STACKING TOY", "木制叠叠乐", "9503008900", 2190, 540, 47),
    Product("23298", "TW-EAR-12", "WIRELESS EARPHONES", "无线耳机", "8518300000", 4990, 75, 72),
    Product("22197", "TW-CAB-13", "USB C CABLE TWO METRES", "二米数据线", "8544421900", 890, 60, 105),
    Product("84970", "TW-LAM-14", "FOLDING DESK LAMP", "折叠台灯", "9405210000", 3490, 870, 41),
    Product("20914", "TW-SHI-15", "COTTON T SHIRT WHITE", "白色纯棉短袖衫", "6109100021", 1990, 190, 63),
    Product("22086", "TW-SOC-16", "BAMBOO SOCKS FIVE PAIRS", "竹纤维袜五双", "6115960000", 1690, 210, 56),
    Product("23355", "TW-GIN-17", "DRIED GINGER 200G", "干姜片二百克", "0910110000", 1350, 240, 22),
    Product("21479", "TW-MUG-18", "ENAMEL CAMPING MUG", "搪瓷露营杯", "7323940000", 1590, 280, 49),
    Product("22629", "TW-BOX-19", "SPACEBOY LUNCH BOX", "太空男孩饭盒", "3924100000", 1390, 230, 57),
    Product("84029", "TW-FAN-20", "RECHARGEABLE HAND FAN", "充电小风扇", "8414519900", 2290, 220, 44),
)

# Plausible price levels, not rates of exchange: the rates come with the feed fx_rates.
MONEY = {
    "GBP": Money(2, 86, 100),
    "EUR": Money(2, 1, 1),
    "USD": Money(2, 115, 100),
    "BRL": Money(2, 625, 100),
    "JPY": Money(0, 17, 10),
    "KRW": Money(0, 17, 1),
    "KWD": Money(3, 355, 100),
}

WORKWEEK = (16, 17, 16, 18, 15, 7, 11)
WEEKEND = (12, 12, 12, 13, 14, 18, 19)
GULF = (17, 18, 17, 16, 7, 9, 16)

SHOP_DEMAND = (
    Demand("GB", "GBP", 165, WORKWEEK),
    Demand("DE", "GBP", 45, WORKWEEK),
    Demand("FR", "GBP", 38, WORKWEEK),
    Demand("US", "GBP", 16, WORKWEEK),
)
WEBSHOP_DEMAND = (
    Demand("DE", "EUR", 40, WORKWEEK),
    Demand("FR", "EUR", 34, WORKWEEK),
    Demand("JP", "JPY", 44, WEEKEND),
    Demand("KW", "KWD", 28, GULF),
    Demand("US", "USD", 32, WORKWEEK),
)
PLATFORM_DEMAND = (
    Demand("US", "USD", 56, WEEKEND),
    Demand("BR", "BRL", 46, WEEKEND),
    Demand("JP", "JPY", 32, WEEKEND),
    Demand("KR", "KRW", 46, WEEKEND),
)

# Orders by hour of the buyer's day, midnight first.
HOURS = (2, 1, 1, 1, 1, 2, 4, 7, 10, 12, 14, 15, 16, 14, 13, 13, 13, 14, 16, 18, 20, 18, 12, 6)
# Distinct articles per order: one, two, three, …
LINES_PER_ORDER = (30, 26, 18, 12, 8, 4, 2)
# Pieces per line: one, two, three, …
PIECES_PER_LINE = (55, 22, 9, 6, 3, 5)
# Orders per mille by the buyer of the order before it in the market: these two travel in one parcel.
AGAIN_PER_MILLE = 40
# Per cent of an ordinary day in the first week of a month, when wages have come, and growth per week in per mille.
PAYDAY_PCT = 130
GROWTH_PER_WEEK = 8
