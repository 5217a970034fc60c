"""The sellers of a world and their suppliers.

Belongs here: drawing both, once per world. Does not: their goods (`product_building.py`).
"""

import numpy as np
import pyarrow as pa

from orchestration.simulation.world.batches import SellerTable, SupplierTable
from orchestration.simulation.world.category_parameters import CATEGORY_SPECS
from orchestration.simulation.world.codes import british_vat_numbers, german_vat_numbers, social_credit_codes
from orchestration.simulation.world.config import WorldConfig
from orchestration.simulation.world.days import month_start
from orchestration.simulation.world.randomness import Integers, Reals, stream
from orchestration.simulation.world.texts import digits, joined, strings

HOME_CODES = ("CN", "KR", "JP", "DE", "US", "AU")
# One seller in eight lives abroad and sells into China: 12.5 %.
_ABROAD_EVERY = 8
_QUALITY_SOLVENCY_CORRELATION = 0.45
_PARETO_SHAPE = 1.3
SUPPLIERS_PER_SELLER = 0.2
# Seats of exporters: ISO 3166-2, six-digit region, words of firm names, weight.
SEATS = (
    ("CN-GD", 440300, "Shenzhen", 0.42), ("CN-ZJ", 330200, "Ningbo", 0.24), ("CN-HA", 410100, "Zhengzhou", 0.10),
    ("CN-FJ", 350200, "Xiamen", 0.10), ("CN-JS", 320500, "Suzhou", 0.08), ("CN-SD", 370200, "Qingdao", 0.06),
)  # fmt: skip
ABROAD = {"KR": ("KR-11", "Hangang"), "JP": ("JP-13", "Sakura"), "DE": ("DE-BE", "Nordlicht"),
          "US": ("US-CA", "Pacific"), "AU": ("AU-NSW", "Southern")}  # fmt: skip
_NAME_WORDS = (
    "Hengda", "Ruifeng", "Xinyu", "Bolan", "Tianhe", "Yuanjing", "Kaixuan", "Mingde", "Shunfa", "Haoyun", "Zhongli",
    "Weihua", "Jiarui", "Dongfang", "Lianchuang", "Qihang", "Baisheng", "Chenxi", "Fulin", "Guanghe",
)  # fmt: skip
_TRADES = ("Trading", "E-Commerce", "Technology", "Import & Export", "Supply Chain")
_FORMS = {"CN": "Co., Ltd.", "KR": "Co., Ltd.", "JP": "K.K.", "DE": "GmbH", "US": "LLC", "AU": "Pty Ltd"}


def _percentile(values: Reals) -> Reals:
    """The normal distribution function, after Abramowitz and Stegun 26.2.17, rounded to 6 decimals."""
    t = 1 / (1 + 0.2316419 * np.abs(values))
    series = t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
    tail = series * np.exp(-values * values / 2) / np.sqrt(2 * np.pi)
    share: Reals = np.where(values > 0, 1 - tail, tail).round(6)
    return share


def _names(seats: Integers, words: Integers, trades: Integers, homes: Integers) -> pa.StringArray:
    towns = (*(seat[2] for seat in SEATS), *(ABROAD[code][1] for code in HOME_CODES[1:]))
    table = [
        f"{towns[seat]} {_NAME_WORDS[word]} {_TRADES[trade]} {_FORMS[HOME_CODES[home]]}"
        for seat, word, trade, home in zip(seats.tolist(), words.tolist(), trades.tolist(), homes.tolist(), strict=True)
    ]
    return pa.array(table, pa.string())


def _graded(rng: np.random.Generator, score: Reals, cuts: tuple[float, ...], grades: tuple[str, ...]) -> pa.StringArray:
    """Grades that follow a score, with noise: the grade after as many cuts as the noisy score has passed."""
    noisy = score + rng.normal(0, 0.18, len(score))
    return pa.array(grades).take(pa.array(np.searchsorted(cuts, noisy)))


def build_sellers(config: WorldConfig) -> SellerTable:
    """All sellers; those abroad sell into China, the others out of it."""
    rng = stream(config, "sellers")
    rows = config.sellers
    numbers = np.arange(rows)
    home = np.where(numbers % _ABROAD_EVERY == _ABROAD_EVERY - 1, 1 + numbers // _ABROAD_EVERY % 5, 0)
    is_chinese = home == 0
    first = rng.standard_normal(rows)
    second = rng.standard_normal(rows)
    rho = _QUALITY_SOLVENCY_CORRELATION
    quality, solvency = _percentile(first), _percentile(rho * first + np.sqrt(1 - rho * rho) * second)
    size = (1 - rng.random(rows)) ** (-1 / _PARETO_SHAPE) * np.exp(0.5 * rng.standard_normal(rows))
    size = np.minimum(size, 60 * np.median(size)).round(6)
    start = month_start(config.first_month)
    # A quarter of the sellers join within the horizon, the others in the six years before it.
    joined_day = np.where(
        rng.random(rows) < 0.25,
        start + rng.integers(0, max(1, config.months * 30), rows),
        start - rng.integers(1, 6 * 365, rows),
    )
    founded = joined_day - rng.integers(60, 4000, rows)
    shares = np.array([spec.seller_share for spec in CATEGORY_SPECS])
    # The first sellers of each direction take the categories in turn, so that none is empty in a small world.
    turn = np.where(is_chinese, numbers - numbers // _ABROAD_EVERY, numbers // _ABROAD_EVERY)
    drawn = np.minimum(np.searchsorted(shares.cumsum(), rng.random(rows)), len(shares) - 1)
    category = np.where(turn < len(shares), turn, drawn)
    joined_day = np.where(turn < len(shares), np.minimum(joined_day, start - 30), joined_day)
    seat = np.searchsorted(np.cumsum([seat[3] for seat in SEATS[:-1]]), rng.random(rows))
    regions = np.array([code for _, code, _, _ in SEATS])[seat]
    seats = np.where(is_chinese, seat, len(SEATS) + home - 1)
    places = (*(row[0] for row in SEATS), *(ABROAD[code][0] for code in HOME_CODES[1:]))
    is_registered = is_chinese & (rng.random(rows) < 0.28)
    is_british = rng.random(rows) < 0.4
    vat = _either(
        is_registered, is_british, british_vat_numbers(rng.integers(0, 9_000_000, rows)),
        german_vat_numbers(rng.integers(0, 90_000_000, rows)),
    )  # fmt: skip
    eori = strings(joined(rows, "DE", digits(rng.integers(1_000_000, 9_999_999, rows), 7)), is_registered & ~is_british)
    codes = social_credit_codes(regions, numbers * 37 % 40_000_000 + 1)
    return SellerTable(
        seller_id=strings(joined(rows, "S", digits(numbers + 1, 6))),
        seller_name=_names(seats, rng.integers(0, 20, rows), rng.integers(0, 5, rows), home),
        home_country=home.astype(np.int16),
        home_codes=HOME_CODES,
        subdivision_code=pa.array(places).take(pa.array(seats)),
        quality=quality,
        solvency=solvency,
        size=size,
        joined_day=joined_day.astype(np.int32),
        founded_day=np.minimum(founded, joined_day - 30).astype(np.int32),
        category=category.astype(np.int16),
        uscc=_only(codes, is_chinese),
        merchant_uscc=codes,
        vat_no=vat,
        eori=eori,
        tax_grade=_graded(rng, 0.6 * solvency + 0.4 * quality, (-0.05, 0.1, 0.3, 0.65), ("D", "C", "M", "B", "A")),
        customs_grade=_graded(rng, quality, (-0.1, 0.95), ("discredited", "general", "aeo")),
        fx_grade=_graded(rng, solvency, (-0.05, 0.2), ("C", "B", "A")),
        employee_count=np.maximum(1, size * np.exp(1.2 + 0.5 * rng.standard_normal(rows))).astype(np.int64),
        bank_account=strings(joined(rows, "6222", digits(rng.integers(0, 10**14, rows), 14))),
    )


def _only(values: pa.StringArray, is_given: np.ndarray) -> pa.StringArray:
    import pyarrow.compute as pc

    return pc.if_else(pa.array(is_given), values, pa.scalar(None, pa.string()))


def _either(
    is_given: np.ndarray, is_first: np.ndarray, first: pa.StringArray, second: pa.StringArray
) -> pa.StringArray:
    import pyarrow.compute as pc

    return _only(pc.if_else(pa.array(is_first), first, second), is_given)


def build_suppliers(config: WorldConfig) -> SupplierTable:
    """All suppliers; each lives where the sellers that it supplies do."""
    rng = stream(config, "suppliers")
    rows = max(len(HOME_CODES) * 2, round(config.sellers * SUPPLIERS_PER_SELLER))
    numbers = np.arange(rows)
    home = np.where(numbers % _ABROAD_EVERY == _ABROAD_EVERY - 1, 1 + numbers // _ABROAD_EVERY % 5, 0)
    home[: len(HOME_CODES)] = np.arange(len(HOME_CODES))
    seat = np.searchsorted(np.cumsum([seat[3] for seat in SEATS[:-1]]), rng.random(rows))
    regions = np.array([code for _, code, _, _ in SEATS])[seat]
    seats = np.where(home == 0, seat, len(SEATS) + home - 1)
    capacity = np.exp(7.5 + 0.9 * rng.standard_normal(rows)).astype(np.int64) + 100
    return SupplierTable(
        supplier_id=strings(joined(rows, "V", digits(numbers + 1, 5))),
        supplier_name=_names(seats, rng.integers(0, 20, rows), np.full(rows, 4), home),
        uscc=_only(social_credit_codes(regions, 50_000_000 + numbers * 41 % 40_000_000), home == 0),
        home_country=home.astype(np.int16),
        capacity_per_week_qty=capacity,
        lead_time_days=np.exp(2.6 + 0.45 * rng.standard_normal(rows)).round(1),
        minimum_order_qty=np.exp(3.6 + 0.8 * rng.standard_normal(rows)).astype(np.int64) + 1,
        flexible_share_pct=np.clip(18 + 12 * rng.standard_normal(rows), 0, 60).round(1),
    )
