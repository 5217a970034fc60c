"""Parameters of the markets.

Belongs here: demand level, prices, taxes, regions, channels and screens of each market. Does not: events (`events.py`).
Numbers without a source are design. They belong to the version of the world: a change is a new version.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class MarketSpec:
    """One market; elasticities act on the logarithm of demand."""

    code: str
    currency: str
    time_zone: str
    weight: float  # share of orders before normalising
    growth: float  # logarithmic, per year
    price_level: float
    tax_rate: float  # collected at sale
    price_elasticity: float
    promotion_elasticity: float
    week: tuple[float, ...]  # factors Monday to Sunday
    season: float  # amplitude of the year in the logarithm
    peak_month: float  # 1-12
    shares: tuple[float, float, float, float]  # own shop, marketplaces a and b, port platform
    screens: tuple[float, float, float, float]
    dial: str  # telephone prefix
    postcode: str  # 9 = digit, A = letter
    regions: tuple[tuple[str, float], ...]  # ISO 3166-2 without the country, weight
    is_south: bool = False


WORK_WEEK = (1.08, 1.04, 1.0, 0.98, 0.92, 0.94, 1.04)
SOFT_WEEK = (1.02, 1.0, 0.99, 0.99, 0.97, 1.0, 1.03)
GULF_WEEK = (0.98, 1.0, 1.02, 1.08, 0.86, 1.02, 1.04)

MARKET_SPECS = (
    MarketSpec("US", "USD", "America/New_York", 24, 0.10, 1.00, 0.07, -1.6, 3.2, WORK_WEEK, 0.10, 11.5,
               (0.18, 0.46, 0.22, 0.14), (0.62, 0.06, 0.29, 0.03), "+1", "99999",
               (("CA", 13), ("TX", 9), ("FL", 7.5), ("NY", 7), ("PA", 4), ("IL", 4), ("OH", 3.5), ("GA", 3.3),
                ("NC", 3.2), ("MI", 3), ("NJ", 3), ("VA", 2.6), ("WA", 2.6), ("AZ", 2.2), ("MA", 2.4), ("CO", 1.8))),
    MarketSpec("GB", "GBP", "Europe/London", 11, 0.05, 1.04, 0.20, -1.5, 3.0, WORK_WEEK, 0.12, 11.6,
               (0.20, 0.42, 0.26, 0.12), (0.58, 0.08, 0.31, 0.03), "+44", "AA9 9AA",
               (("ENG", 84), ("SCT", 8.2), ("WLS", 4.8), ("NIR", 2.8))),
    MarketSpec("DE", "EUR", "Europe/Berlin", 10, 0.06, 1.06, 0.19, -1.7, 3.3, WORK_WEEK, 0.12, 11.4,
               (0.16, 0.48, 0.24, 0.12), (0.50, 0.09, 0.38, 0.03), "+49", "99999",
               (("NW", 18), ("BY", 13), ("BW", 11), ("NI", 8), ("HE", 6.3), ("SN", 4), ("RP", 4), ("BE", 3.7),
                ("SH", 2.9), ("BB", 2.5), ("HH", 1.9))),
    MarketSpec("FR", "EUR", "Europe/Paris", 8, 0.07, 1.05, 0.20, -1.5, 3.4, WORK_WEEK, 0.10, 11.3,
               (0.17, 0.40, 0.29, 0.14), (0.57, 0.07, 0.33, 0.03), "+33", "99999",
               (("IDF", 12), ("ARA", 8), ("NAQ", 6), ("OCC", 6), ("HDF", 6), ("PAC", 5), ("GES", 5.5), ("BRE", 3.4))),
    MarketSpec("JP", "JPY", "Asia/Tokyo", 8, 0.02, 1.10, 0.10, -1.2, 2.2, SOFT_WEEK, 0.06, 12.0,
               (0.15, 0.44, 0.30, 0.11), (0.64, 0.06, 0.29, 0.01), "+81", "999-9999",
               (("13", 14), ("14", 9), ("27", 9), ("23", 7.5), ("11", 7.3), ("12", 6.2), ("28", 5.5), ("01", 5.2),
                ("40", 5.1))),
    MarketSpec("KR", "KRW", "Asia/Seoul", 8, 0.16, 0.96, 0.10, -1.8, 3.5, SOFT_WEEK, 0.06, 11.0,
               (0.12, 0.42, 0.26, 0.20), (0.74, 0.04, 0.21, 0.01), "+82", "99999",
               (("11", 9.4), ("41", 13.6), ("26", 3.3), ("28", 3), ("27", 2.4), ("30", 1.4), ("48", 3.3))),
    MarketSpec("ES", "EUR", "Europe/Madrid", 6, 0.09, 0.98, 0.21, -1.8, 3.6, WORK_WEEK, 0.09, 11.5,
               (0.15, 0.40, 0.30, 0.15), (0.63, 0.06, 0.29, 0.02), "+34", "99999",
               (("AN", 8.5), ("CT", 7.8), ("MD", 6.8), ("VC", 5.1), ("GA", 2.7), ("CL", 2.4), ("PV", 2.2))),
    MarketSpec("AU", "AUD", "Australia/Sydney", 5, 0.08, 1.12, 0.10, -1.4, 2.8, WORK_WEEK, 0.09, 11.5,
               (0.20, 0.42, 0.26, 0.12), (0.60, 0.07, 0.31, 0.02), "+61", "9999",
               (("NSW", 8.2), ("VIC", 6.7), ("QLD", 5.3), ("WA", 2.8), ("SA", 1.8), ("TAS", 0.6)), is_south=True),
    MarketSpec("BR", "BRL", "America/Sao_Paulo", 6, 0.18, 0.92, 0.17, -2.2, 4.2, WORK_WEEK, 0.08, 11.5,
               (0.10, 0.46, 0.26, 0.18), (0.76, 0.03, 0.20, 0.01), "+55", "99999-999",
               (("SP", 46), ("RJ", 17), ("MG", 21), ("RS", 11), ("PR", 11), ("SC", 7.5), ("BA", 15)), is_south=True),
    MarketSpec("MX", "MXN", "America/Mexico_City", 5, 0.20, 0.90, 0.16, -2.1, 4.0, WORK_WEEK, 0.08, 11.4,
               (0.11, 0.46, 0.26, 0.17), (0.77, 0.03, 0.19, 0.01), "+52", "99999",
               (("CMX", 9.2), ("MEX", 17), ("JAL", 8.3), ("NLE", 5.8), ("PUE", 6.6), ("VER", 8))),
    MarketSpec("SA", "SAR", "Asia/Riyadh", 4, 0.14, 1.08, 0.15, -1.5, 3.0, GULF_WEEK, 0.05, 11.0,
               (0.16, 0.40, 0.28, 0.16), (0.80, 0.05, 0.13, 0.02), "+966", "99999",
               (("01", 8.6), ("02", 8), ("04", 5.1), ("03", 2.1), ("05", 1.3))),
    MarketSpec("CN", "CNY", "Asia/Shanghai", 15, 0.11, 1.02, 0.091, -1.6, 3.4, SOFT_WEEK, 0.05, 11.0,
               (0.0, 0.0, 0.0, 0.0), (0.88, 0.04, 0.07, 0.01), "+86", "999999",
               (("GD", 12.6), ("ZJ", 6.5), ("JS", 8.5), ("SH", 4.5), ("BJ", 4.2), ("SC", 6), ("SD", 7), ("HB", 4),
                ("FJ", 4.2), ("HN", 4.5), ("HA", 5), ("SN", 2.8), ("TJ", 1.6), ("LN", 3), ("AH", 3.6))),
)  # fmt: skip

# Six-digit region of resident ids by province (GB/T 2260), valid for every year of birth.
CHINESE_REGIONS = {
    "GD": 440100, "ZJ": 330122, "JS": 320100, "SH": 310104, "BJ": 110105, "SC": 510121, "SD": 370100, "HB": 420100,
    "FJ": 350121, "HN": 430121, "HA": 410100, "SN": 610100, "TJ": 120101, "LN": 210122, "AH": 340121,
}  # fmt: skip

# Units of the currency per euro on the first day, and the spread of the logarithm of one day's step.
FIRST_RATES = {
    "EUR": (1.0, 0.0), "USD": (1.0634, 0.0042), "CNY": (7.3366, 0.0038), "GBP": (0.8850, 0.0034),
    "JPY": (144.83, 0.0052), "KRW": (1391.6, 0.0048), "AUD": (1.5750, 0.0050), "BRL": (5.5368, 0.0078),
    "MXN": (19.318, 0.0068), "SAR": (3.9890, 0.0042),
}  # fmt: skip
# The riyal is pegged at 3.75 to the dollar.
SAR_PER_USD = 3.75
WHOLE_UNIT_CURRENCIES = ("JPY", "KRW")


def market_specs(codes: tuple[str, ...]) -> tuple[MarketSpec, ...]:
    """The parameters of these markets; ValueError names a market that the world does not have."""
    known = {spec.code: spec for spec in MARKET_SPECS}
    missing = [code for code in codes if code not in known]
    if missing:
        raise ValueError(f"the world has no market {', '.join(missing)}; it has {', '.join(known)}")
    return tuple(known[code] for code in codes)
