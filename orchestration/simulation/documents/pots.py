"""Pots: the money of one seller, market, channel and period that is paid out in one sum.

Belongs here: which period an amount falls into, when a pot is paid out, and whether the bank sees it late or never. All
of it depends on the pot's number alone, so a market-month and the month's end reckon the same without talking.
Does not: the legs (see `settling.py`) and the bank's credits (see `banking.py`).

Marketplaces and payment firms settle every 14 days what was delivered at least 7 days before (`domain.md` d);
the orders of the port are collected month by month, about ten days after the month.
"""

from dataclasses import dataclass

import numpy as np

from orchestration.simulation.documents.columns import (
    CHINA_OFFSET,
    DAY,
    HOUR,
    NEVER,
    Flags,
    Integers,
    Rows,
    banking_days_after,
    month_number,
)
from orchestration.simulation.world.batches import PORT_PLATFORM, World
from orchestration.simulation.world.randomness import hashed_below, hashed_uniform

CYCLE_DAYS, RESERVE_DAYS = 14, 7
_EPOCH_DAY = 10957  # 2000-01-01: periods count from here
_EPOCH_MONTH = 360
_PERIODS, _KINDS, _MARKETS = 2048, 4, 1024
DIRECT = PORT_PLATFORM  # channels 0, 1 and 2 settle in cycles
_SALT_SETTLED, _SALT_DELAY, _SALT_LATE, _SALT_NEVER, _SALT_LATENESS, _SALT_CHARGE = range(71, 77)


@dataclass(frozen=True)
class PotParts:
    """What a pot's number says."""

    seller: Integers
    market: Integers
    channel: Integers
    period: Integers


def pot_numbers(seller: Rows, market: int, channel: Integers, available_at: Integers) -> Integers:
    """The pot into which an amount falls that is free at `available_at`."""
    day = np.minimum(available_at, NEVER // 2) // DAY
    cycle = (day - _EPOCH_DAY - _phase(market) + CYCLE_DAYS) // CYCLE_DAYS
    month = month_number(np.minimum(available_at, NEVER // 2) + CHINA_OFFSET) - _EPOCH_MONTH
    period = np.clip(np.where(channel == DIRECT, month, cycle), 0, _PERIODS - 1)
    group = (seller.astype(np.int64) * _MARKETS + market) * _KINDS + np.minimum(channel, DIRECT)
    pot: Integers = group * _PERIODS + period
    return pot


def parts_of(pot: Integers) -> PotParts:
    """Seller, market, channel and period of pots."""
    rest, period = np.divmod(pot, _PERIODS)
    rest, channel = np.divmod(rest, _KINDS)
    seller, market = np.divmod(rest, _MARKETS)
    return PotParts(seller, market, channel, period)


def settled_at(pot: Integers) -> Integers:
    """When the pot is closed and its report written: the morning after its cycle or month."""
    parts = parts_of(pot)
    phase = parts.market * 5 % CYCLE_DAYS
    cycle_day = _EPOCH_DAY + phase + parts.period * CYCLE_DAYS
    month = (parts.period + 1 + _EPOCH_MONTH).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    day = np.where(parts.channel == DIRECT, month + 6 + hashed_below(pot, _SALT_SETTLED, 3), cycle_day)
    return day * DAY + 6 * HOUR + hashed_below(pot, _SALT_SETTLED, 2 * HOUR)


def value_day(world: World, pot: Integers) -> Integers:
    """The day on which the bank credits the pot; -1 when it never does."""
    parts = parts_of(pot)
    solvency = world.sellers.solvency[parts.seller]
    base = banking_days_after(settled_at(pot) // DAY, 3 + hashed_below(pot, _SALT_DELAY, 3))
    # Marketplace B pays late more often; so do buyers of sellers who are themselves short of money.
    is_slow_platform = parts.channel == 2
    late = hashed_uniform(pot, _SALT_LATE) < 0.015 + 0.05 * (1.0 - solvency) + 0.02 * is_slow_platform
    lateness = 5 + hashed_below(pot, _SALT_LATENESS, 50)
    never = hashed_uniform(pot, _SALT_NEVER) < 0.0015 + 0.008 * np.square(1.0 - solvency)
    return np.where(never, -1, base + np.where(late, lateness, 0))


def bank_charge(pot: Integers, net: Integers) -> Integers:
    """The bank's charge in hundredths: a flat 0.50 to 3.00 and one in a thousand, at most 40.00; none on small sums."""
    charge = 50 + hashed_below(pot, _SALT_CHARGE, 251) + net // 1000
    return np.where(net < 5_000, 0, np.minimum(charge, 4_000))


def summed(pot: Integers, cents: Integers) -> tuple[Integers, Integers]:
    """Each pot once, in order, and the sum of its amounts."""
    if not len(pot):
        return pot.astype(np.int64), cents.astype(np.int64)
    rank = np.argsort(pot, kind="stable")
    ordered = pot[rank]
    start = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    return ordered[start], np.add.reduceat(cents[rank], start)


def is_direct(pot: Integers) -> Flags:
    """Whether the pot collects the port's payments rather than a platform's settlement."""
    direct: Flags = parts_of(pot).channel == DIRECT
    return direct


def _phase(market: int) -> int:
    return market * 5 % CYCLE_DAYS
