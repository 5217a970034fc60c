"""Orders of the sample world, drawn from one seed.

Belongs here: which order comes when, from whom, with which articles at which price.
Does not: how a system writes it down (see `shop.py`, `webshop.py`, `platform.py`).

Only integers are drawn and added up, so that every machine draws the same world.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from orchestration.simulation.catalogue import (
    AGAIN_PER_MILLE,
    GROWTH_PER_WEEK,
    HOURS,
    LINES_PER_ORDER,
    MONEY,
    PAYDAY_PCT,
    PIECES_PER_LINE,
    PRODUCTS,
    Demand,
)

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Line:
    """One article of an order; `price` counts minor units of the order's currency."""

    line_no: int
    product: int
    quantity: int
    price: int


@dataclass(frozen=True)
class Order:
    """One order as the world knows it; `placed_at` is UTC, drawn from the rhythm of the buyer's own day."""

    number: int
    market: str
    currency_code: str
    placed_at: datetime
    customer: int
    lines: tuple[Line, ...]


def draw_orders(
    rng: np.random.Generator, demands: Sequence[Demand], months: Sequence[str], zones: Mapping[str, ZoneInfo]
) -> list[Order]:
    """The orders of all demands over the months, numbered from 0 in the order in which they were placed.

    `zones` gives each market's time zone: months and hours are those of the buyer.
    """
    days = days_of(months)
    placed = sorted(
        (moment, index)
        for index, demand in enumerate(demands)
        for moment in _moments(rng, demand, days, len(months), zones[demand.market])
    )
    line_counts = pick(rng, LINES_PER_ORDER, len(placed)) + 1
    ends = np.cumsum(line_counts).tolist()
    products = pick(rng, [product.popularity for product in PRODUCTS], int(line_counts.sum())).tolist()
    pieces = (pick(rng, PIECES_PER_LINE, len(products)) + 1).tolist()
    # A buyer returns now and then: fewer customers than orders.
    customers = rng.integers(0, max(1, len(placed) // 3), len(placed)).tolist()
    comes_again = (rng.integers(0, 1000, len(placed)) < AGAIN_PER_MILLE).tolist()
    last_customer: dict[str, int] = {}
    orders = []
    for number, (moment, index) in enumerate(placed):
        of_order = slice(ends[number] - int(line_counts[number]), ends[number])
        demand = demands[index]
        customer = last_customer.get(demand.market, customers[number]) if comes_again[number] else customers[number]
        last_customer[demand.market] = customer
        lines = _lines(products[of_order], pieces[of_order], demand.currency_code)
        orders.append(Order(number, demand.market, demand.currency_code, moment, customer, lines))
    return orders


def pick(rng: np.random.Generator, weights: Sequence[int] | Integers, count: int) -> Integers:
    """`count` positions in `weights`, each drawn with a chance in proportion to its integer weight."""
    limits = np.cumsum(np.asarray(weights, dtype=np.int64))
    return np.searchsorted(limits, rng.integers(0, int(limits[-1]), count), side="right").astype(np.int64)


def days_of(months: Sequence[str]) -> list[date]:
    """Every day of the months ("YYYY-MM"), in order; raises ValueError for no month or one that is none."""
    if not months:
        raise ValueError("a sample needs at least one month")
    days = []
    for month in sorted(months):
        try:
            day = date.fromisoformat(f"{month}-01")
        except ValueError:
            raise ValueError(f"{month!r} is no month such as 2026-01") from None
        while day.strftime("%Y-%m") == month:
            days.append(day)
            day += timedelta(days=1)
    return days


def _moments(
    rng: np.random.Generator, demand: Demand, days: Sequence[date], months: int, zone: ZoneInfo
) -> list[datetime]:
    """When one market's orders come, in UTC."""
    weights = [
        demand.weekdays[day.weekday()]
        * (PAYDAY_PCT if day.day <= 7 else 100)
        * (1000 + GROWTH_PER_WEEK * ((day - days[0]).days // 7))
        for day in days
    ]
    count = demand.orders_per_month * months
    day_numbers = pick(rng, weights, count).tolist()
    hours = pick(rng, HOURS, count).tolist()
    seconds = rng.integers(0, 3_600, count).tolist()
    return [
        datetime.combine(days[day], time(hour, second // 60, second % 60), zone).astimezone(UTC)
        for day, hour, second in zip(day_numbers, hours, seconds, strict=True)
    ]


def _lines(products: Sequence[int], pieces: Sequence[int], currency_code: str) -> tuple[Line, ...]:
    """The lines of one order: an article that was drawn twice stands once."""
    money = MONEY[currency_code]
    quantities = dict(zip(reversed(products), reversed(pieces), strict=True))
    prices = {product: PRODUCTS[product].price_cents * money.numerator // money.denominator for product in products}
    return tuple(
        Line(line_no, product, quantities[product], prices[product])
        for line_no, product in enumerate(dict.fromkeys(products), start=1)
    )


def decimal_text(minor_units: int, currency_code: str) -> str:
    """The amount as a plain decimal number with the currency's decimals: 12.50 EUR, 1250 JPY, 3.750 KWD."""
    decimals = MONEY[currency_code].decimals
    if decimals == 0:
        return str(minor_units)
    sign, digits = ("-" if minor_units < 0 else ""), str(abs(minor_units)).rjust(decimals + 1, "0")
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}"
