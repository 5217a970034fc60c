"""Bank credits: the pots of a month, net of all legs and the bank's charge, in the market's currency or in yuan.

Belongs here: what a bank reports. Does not: what falls into a pot (see `settling.py`), and when it is paid out (see
`pots.py`). In the pot's own currency, amount + charge is the sum of its legs to the cent. A pot whose legs do not
add up to a credit is not paid out: the platform keeps it against the seller's debt.
"""

import numpy as np
import pyarrow as pa

from orchestration.simulation.documents import columns
from orchestration.simulation.documents.columns import CHINA_OFFSET, DAY, HOUR, Integers, horizon_end
from orchestration.simulation.documents.numbers import texts
from orchestration.simulation.documents.pots import bank_charge, is_direct, parts_of, settled_at, value_day
from orchestration.simulation.documents.setting import WHOLE_UNIT_CURRENCIES
from orchestration.simulation.documents.settling import payout_references, settlement_numbers
from orchestration.simulation.documents.totals import cny_per_unit
from orchestration.simulation.world.batches import World
from orchestration.simulation.world.columns import dates, money, ones, table
from orchestration.simulation.world.randomness import hashed_uniform
from orchestration.simulation.world.texts import digits

_YUAN_SHARE = 0.35
_SALT_YUAN = 81
_PAYERS = ("Own shop payments", "Marketplace A", "Marketplace B", "Port platform collections")


def bank_receipts(world: World, month: str, pots: Integers, nets: Integers) -> tuple[pa.Table, pa.Table]:
    """The credits for the pots that close in a month, and the truth of which settlement each of them pays."""
    end = horizon_end(world.config.month_list)
    day = value_day(world, pots)
    booked_at = day * DAY - CHINA_OFFSET + 12 * HOUR
    parts = parts_of(pots)
    # A yuan account is a habit of a Chinese seller, not of a sum.
    is_chinese = world.sellers.home_country[parts.seller] == world.sellers.home_codes.index("CN")
    in_yuan = is_chinese & (hashed_uniform(parts.seller, _SALT_YUAN) < _YUAN_SHARE)
    gross = np.where(in_yuan, _in_yuan(world, parts.market, day, nets), nets)
    charge = bank_charge(pots, gross)
    amount = gross - charge
    charge, amount = _payable(world, parts.market, in_yuan, charge, amount)
    rows = np.flatnonzero((day >= 0) & (booked_at <= end) & (amount > 0))
    count = len(rows)
    currencies = (*world.markets.currency, "CNY")
    currency = np.where(in_yuan, len(currencies) - 1, parts.market)
    distinct = tuple(dict.fromkeys(currencies))
    position = np.array([distinct.index(code) for code in currencies])
    receipt_no = texts(count, "BR", month[2:4], month[5:7], digits(np.arange(count), 8))
    seller_id = columns.named(world.sellers.seller_id, parts.seller[rows])
    receipts = table(
        {
            "receipt_no": receipt_no,
            "seller_id": seller_id,
            "value_on": dates(day[rows]),
            "amount": money(amount[rows]),
            "currency_code": columns.labels(distinct, position[currency[rows]]),
            "bank_charge_amount": money(charge[rows]),
            "payout_ref": columns.taken(payout_references(pots), rows),
            "payer_name": columns.labels(_PAYERS, parts.channel[rows]),
            "receipt_kind": columns.labels(("platform_payout", "direct"), is_direct(pots[rows]).astype(np.int64)),
            "version": ones(count),
            "updated_at": columns.times(booked_at[rows]),
        }
    )
    truth = table(
        {
            "receipt_no": receipt_no,
            "settlement_no": columns.taken(settlement_numbers(world, pots), rows),
            "seller_id": seller_id,
            "net_amount": money(nets[rows]),
            "net_currency_code": columns.labels(distinct, position[parts.market[rows]]),
            "settled_at": columns.times(settled_at(pots[rows])),
        }
    )
    return receipts, truth


def _in_yuan(world: World, market: Integers, day: Integers, nets: Integers) -> Integers:
    """Nets at the rate of the value day."""
    result = np.zeros(len(nets), np.int64)
    for index in np.unique(market):
        its = market == index
        result[its] = np.rint(nets[its] * cny_per_unit(world, world.markets.currency[index], day[its]))
    return result


def _payable(
    world: World, market: Integers, in_yuan: columns.Flags, charge: Integers, amount: Integers
) -> tuple[Integers, Integers]:
    """Charge and amount in whole units where the currency has no smaller coin; their sum stays."""
    has_no_cents = np.array([code in WHOLE_UNIT_CURRENCIES for code in world.markets.currency])[market] & ~in_yuan
    whole = np.where(has_no_cents, charge // 100 * 100, charge)
    return whole, amount + charge - whole
