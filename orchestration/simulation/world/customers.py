"""Customers without stored state: all that is true of one follows from its number.

Belongs here: numbers, attributes, and who of the earlier buyers comes back. Does not: the table of customers
(`customer_tables.py`).

Buyers behave as in the BG/NBD model (Fader, Hardie and Lee 2005): a buyer's purchases are Poisson with a rate from a
gamma distribution, and after each purchase the buyer is lost with a fixed probability, so that the time until the loss
is exponential with rate x probability. With shape 0.5, a mean of half an order a month and a probability of 0.18 three
in five buyers order again within a year: purchases per customer are as many as CDNOW's, and the days between them as
many as those of CDNOW and Online Retail (benchmarks/realism.py).
Each month's number of orders is given by demand; the buyers who return are drawn in proportion to rate x alive.
The world's shops open in its first month: nobody has bought before.
"""

from dataclasses import dataclass
from functools import cache
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestration.simulation.world.category_parameters import (
    AGE_BAND_SHARE,
    AGE_BANDS,
    PRICE_TASTE_SHARE,
    SEGMENT_SHARE,
    SEGMENTS,
)
from orchestration.simulation.world.config import WorldConfig
from orchestration.simulation.world.plans import Surprise
from orchestration.simulation.world.randomness import Integers, Reals, hashed_uniform, salt

RATE_SHAPE = 0.5
RATE_SCALE = 1.0  # orders a month; the mean is shape x scale
LOSS = 0.18
_GRID = 4096
_ROUNDS = 10
GENDER_SHARE = (0.53, 0.455, 0.015)  # female, male, other
_REFERENCE_YEAR = 2024


@dataclass(frozen=True)
class CustomerTraits:
    """What is true of some customers, by row; `flags` says which of the market's surprises hold for them."""

    subdivision: NDArray[np.int16]
    gender: NDArray[np.int8]  # index into GENDERS
    birth_year: NDArray[np.int16]
    age_band: NDArray[np.int8]
    segment: NDArray[np.int8]  # index into SEGMENTS
    price_taste: NDArray[np.int8]  # -1 cheap, 0, 1 dear
    has_consent: NDArray[np.bool_]
    flags: NDArray[np.int8]
    is_port_buyer: NDArray[np.bool_]


def customer_numbers(market: int, cohort: NDArray[Any] | int, index: NDArray[Any]) -> Integers:
    """Numbers of the customers of a market whose first order is in month `cohort` of the horizon."""
    numbers: Integers = (np.int64(market + 1) << np.int64(40)) + (np.asarray(cohort, np.int64) << np.int64(32)) + index
    return numbers


@cache
def _rates() -> tuple[Reals, Reals]:
    """Two tables over a share u: the rate at rank u of a cohort, and the rank below which u of its orders come from."""
    rates = np.concatenate([[0.0], np.geomspace(1e-5, 14, 20_000)]) * RATE_SCALE
    density = np.exp(-rates[1:] / RATE_SCALE) * rates[1:] ** (RATE_SHAPE - 1)
    step = np.diff(rates)
    mass = np.concatenate([[0.0], np.cumsum(density * step)])
    biased = np.concatenate([[0.0], np.cumsum(density * rates[1:] * step)])
    shares = (np.arange(_GRID) + 0.5) / _GRID
    rank_of = np.interp(np.interp(shares, biased / biased[-1], rates), rates, mass / mass[-1])
    return np.interp(shares, mass / mass[-1], rates).round(9), rank_of.round(9)


def repeat_orders_by_age(months: int) -> Reals:
    """Expected further orders of a buyer in the month of the first order and in each month after it."""
    edges = np.concatenate([[0.0], np.arange(months) + 0.5])
    scale = 1 / RATE_SCALE
    gone = (1 - LOSS) / LOSS * (1 - (scale / (scale + LOSS * edges)) ** RATE_SHAPE)
    return np.diff(gone).round(9)


def traits_of(
    config: WorldConfig,
    numbers: Integers,
    region_weights: Reals,
    port_share: float,
    surprises: tuple[tuple[int, Surprise], ...],
) -> CustomerTraits:
    """The traits of these customers; `surprises` are those of their market, with the index of their subdivision."""
    subdivision = np.searchsorted(
        region_weights.cumsum()[:-1], hashed_uniform(numbers, salt(config, "region")), "right"
    )
    gender = np.searchsorted(np.cumsum(GENDER_SHARE)[:-1], hashed_uniform(numbers, salt(config, "gender")), "right")
    age = hashed_uniform(numbers, salt(config, "age"))
    bands = AGE_BAND_SHARE.cumsum()
    band = np.searchsorted(bands[:-1], age, "right")
    lower = np.concatenate([[0.0], bands[:-1]])
    ends = np.array([*AGE_BANDS[1:], 80])
    starts = np.array(AGE_BANDS)
    years = starts[band] + ((age - lower[band]) / AGE_BAND_SHARE[band] * (ends - starts)[band]).astype(np.int64)
    # One search in the flattened table: row x of cumulated shares holds values in x to x + 1.
    row = gender * len(AGE_BANDS) + band
    table = SEGMENT_SHARE.reshape(-1, len(SEGMENTS)).cumsum(axis=1)
    table[:, -1] = 1.0
    flat = (table + np.arange(len(table))[:, None]).ravel()
    segment = np.searchsorted(flat, row + hashed_uniform(numbers, salt(config, "segment")), "right") - row * len(
        SEGMENTS
    )
    price = hashed_uniform(numbers, salt(config, "price_taste"))
    flags = np.zeros(len(numbers), dtype=np.int8)
    for place, (region, surprise) in enumerate(surprises):
        holds = subdivision == region
        if surprise.gender >= 0:
            holds &= gender == surprise.gender
        if surprise.age_band >= 0:
            holds &= band == surprise.age_band
        flags += (holds << place).astype(np.int8)
    return CustomerTraits(
        subdivision=subdivision.astype(np.int16),
        gender=gender.astype(np.int8),
        birth_year=(_REFERENCE_YEAR - years).astype(np.int16),
        age_band=band.astype(np.int8),
        segment=segment.astype(np.int8),
        price_taste=((price >= 1 - PRICE_TASTE_SHARE).astype(np.int8) - (price < PRICE_TASTE_SHARE)).astype(np.int8),
        has_consent=hashed_uniform(numbers, salt(config, "consent")) < 0.6,
        flags=flags,
        is_port_buyer=hashed_uniform(numbers, salt(config, "side")) < port_share,
    )


def _multipliers(sizes: Integers) -> Integers:
    """For each cohort a number without a common divisor: i -> i x number mod size mixes its ranks."""
    found = []
    for size in sizes.tolist():
        number = max(1, int(size * 0.6180339887))
        while gcd(number, size) != 1:
            number += 1
        found.append(number)
    return np.array(found, dtype=np.int64)


def is_alive(config: WorldConfig, numbers: Integers, rates: Reals, ages: Reals) -> NDArray[np.bool_]:
    """Whether buyers with these rates (orders a month) still buy at these ages in months since the first order."""
    draw = hashed_uniform(numbers, salt(config, "lifetime"))
    # The share LOSS is lost at once; the remaining draws, stretched to 0..1, give exponential lifetimes.
    survivor = np.maximum((draw - LOSS) / (1 - LOSS), 1e-12)
    alive: NDArray[np.bool_] = (draw >= LOSS) & (-np.log(survivor) > rates * LOSS * ages)
    return alive


def draw_returning(
    rng: np.random.Generator,
    config: WorldConfig,
    market: int,
    sizes: Integers,
    fraction: Reals,
    new_before: Integers,
) -> Integers:
    """Numbers of the buyers of returning orders in the last month of `sizes` (new buyers by month up to this one).

    `fraction` is how much of the month has passed at each order, `new_before` how many first orders came before it.
    """
    rate_at, rank_of = _rates()
    places = np.arange(_GRID) / (_GRID - 1)
    month = len(sizes) - 1
    multipliers = _multipliers(np.maximum(sizes, 1))
    cumulated = sizes.cumsum().astype(np.float64)
    numbers = np.full(len(fraction), -1, dtype=np.int64)
    waiting = np.arange(len(fraction))
    for turn in range(_ROUNDS):
        if not len(waiting):
            break
        cohort = np.searchsorted(cumulated, rng.random(len(waiting)) * cumulated[-1], "right")
        cohort = np.minimum(cohort, month)
        size = np.maximum(sizes[cohort], 1)
        rank = np.minimum((np.interp(rng.random(len(waiting)), places, rank_of) * size).astype(np.int64), size - 1)
        index = rank * multipliers[cohort] % size
        is_last = turn == _ROUNDS - 1
        seen = new_before[waiting]
        if is_last:
            # Whoever is still waiting gets any earlier buyer.
            young = (cohort == month) & (index >= seen)
            index = np.where(young, rng.integers(0, np.maximum(seen, 1)), index)
        number = customer_numbers(market, cohort, index)
        age = month + fraction[waiting] - cohort - (index + 0.5) / size
        rate = np.interp((rank + 0.5) / size, places, rate_at)
        is_taken = is_alive(config, number, rate, age) & (age > 0) & ((cohort < month) | (index < seen)) | is_last
        numbers[waiting[is_taken]] = number[is_taken]
        waiting = waiting[~is_taken]
    return numbers
