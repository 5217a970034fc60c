"""Settlement reports of marketplaces and payment firms, leg by leg, and the pots they are paid out in.

Belongs here: what a seller gets for an order and what is kept. Does not: when a pot is paid (see `pots.py`), and the
bank's credit (see `banking.py`). Legs are signed as they change what the seller gets, so a report's net is their sum.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from orchestration.simulation.documents import columns
from orchestration.simulation.documents.aftercare import CHARGEBACK, NOTHING, Aftercare
from orchestration.simulation.documents.columns import DAY, NEVER, Integers
from orchestration.simulation.documents.numbers import texts
from orchestration.simulation.documents.paying import Payment
from orchestration.simulation.documents.pots import DIRECT, RESERVE_DAYS, parts_of, pot_numbers, settled_at, summed
from orchestration.simulation.documents.setting import Setting
from orchestration.simulation.documents.shipping import Parcels
from orchestration.simulation.world.batches import OWN_SHOP, World
from orchestration.simulation.world.columns import money, ones, table
from orchestration.simulation.world.texts import digits

LEGS = ("gross", "commission_fee", "payment_fee", "logistics_fee", "tax", "refund", "chargeback")
GROSS, COMMISSION, PAYMENT_FEE, LOGISTICS, TAX, REFUND, CHARGEBACK_LEG = range(7)
_COMMISSION_SHARE = np.array([0.0, 0.12, 0.08, 0.0, 0.0])  # by channel
_PAYMENT_SHARE = np.array([0.029, 0.0, 0.018, 0.0, 0.0])
# Clothing and jewellery pay more to a marketplace, electronics and phones less.
_CATEGORY_COMMISSION = np.array([1.3, 1.0, 0.65, 1.1, 1.0, 1.1, 1.0, 1.4, 0.9, 1.0, 1.1, 0.6])
_LOGISTICS_SHARE = 0.07
_LETTERS = ("OS", "MA", "MB")


@dataclass(frozen=True)
class Settling:
    """The legs of a market-month, and the pots that its amounts fall into."""

    order: Integers  # by leg, sorted by order
    leg: Integers  # index into LEGS
    cents: Integers
    report: Integers  # by leg: index into reports
    reports: Integers  # the pot of each settlement report
    pots: Integers  # each pot once, reports and direct collections
    nets: Integers  # what falls into it
    order_pot: Integers  # by order: the pot of its sale; -1 without one


def draw_settling(setting: Setting, payment: Payment, parcels: Parcels, aftercare: Aftercare) -> Settling:
    """The legs of delivered hub orders, and the pots of these and of the port's payments."""
    batch = setting.batch
    is_hub = ~setting.is_port
    sale = np.flatnonzero(is_hub & (parcels.order_delivered_at < NEVER))
    free_at = parcels.order_delivered_at[sale] + RESERVE_DAYS * DAY
    sale_pot = pot_numbers(batch.seller[sale], setting.market, batch.channel[sale].astype(np.int64), free_at)
    legs = _sale_legs(setting, sale)
    has_refund = (aftercare.kind[sale] != NOTHING) & (aftercare.refund_cents[sale] > 0)
    back = sale[has_refund]
    back_at = np.maximum(free_at[has_refund], aftercare.refund_at[back])
    back_pot = pot_numbers(batch.seller[back], setting.market, batch.channel[back].astype(np.int64), back_at)
    back_leg = np.where(aftercare.kind[back] == CHARGEBACK, CHARGEBACK_LEG, REFUND)

    pots, position = np.unique(np.concatenate([sale_pot, back_pot]), return_inverse=True)
    order = np.concatenate([np.repeat(sale, 5), back])
    leg = np.concatenate([np.tile(np.arange(5), len(sale)), back_leg])
    cents = np.concatenate([legs.ravel(), -aftercare.refund_cents[back]])
    report = np.concatenate([np.repeat(position[: len(sale)], 5), position[len(sale) :]])
    keep = np.flatnonzero(cents != 0)
    order, leg, cents, report = order[keep], leg[keep], cents[keep], report[keep]

    order_pot = np.full(setting.count, -1, np.int64)
    order_pot[sale] = sale_pot
    direct_pot, direct_cents = _direct(setting, payment, parcels, aftercare, order_pot)
    # Sums of whole cents below 2^53 are exact as floating point numbers.
    nets = np.bincount(report, cents, len(pots)).astype(np.int64)
    all_pots, all_nets = summed(np.concatenate([pots, direct_pot]), np.concatenate([nets, direct_cents]))
    return Settling(order, leg, cents, report, pots, all_pots, all_nets, order_pot)


def settlement_table(setting: Setting, settling: Settling) -> pa.Table:
    """Settlement lines of the hub's orders, as far as their reports are written."""
    batch, world = setting.batch, setting.world
    closed_at = settled_at(settling.reports)
    rows = np.flatnonzero(closed_at[settling.report] <= setting.end)
    order, which, leg = settling.order[rows], settling.report[rows], settling.leg[rows]
    count = len(rows)
    number = settlement_numbers(world, settling.reports)
    at = columns.times(closed_at[which])
    line = texts(count, f"{setting.blocks.yymm:04d}", digits(order * 8 + leg, 9))
    return table(
        {
            "settlement_no": columns.named(number, which),
            "line_no": line,
            "order_no": columns.named(batch.order_no, order),
            "settled_at": at,
            "market_country": columns.constant(batch.market, count),
            "leg_type": columns.labels(LEGS, leg),
            "amount": money(settling.cents[rows]),
            "currency_code": columns.constant(batch.currency, count),
            "seller_id": columns.named(world.sellers.seller_id, batch.seller[order]),
            "payout_ref": columns.named(payout_references(settling.reports), which),
            "version": ones(count),
            "updated_at": at,
        }
    )


def settlement_numbers(world: World, pots: Integers) -> pa.StringArray:
    """The number of each pot's report: channel, market, seller and period; a monthly collection's likewise."""
    parts = parts_of(pots)
    codes = np.frombuffer("".join(f"{code:2.2}" for code in world.markets.code).encode(), np.uint8).reshape(-1, 2)
    channels = np.frombuffer("".join((*_LETTERS, "PT")).encode(), np.uint8).reshape(-1, 2)
    return texts(
        len(pots), channels[parts.channel], "-", codes[parts.market], "-", digits(parts.seller + 1, 7), "-",
        digits(parts.period, 4),
    )  # fmt: skip


def payout_references(pots: Integers) -> pa.StringArray:
    """The reference under which each pot is announced to the bank."""
    parts = parts_of(pots)
    return texts(
        len(pots), "PO", digits(parts.channel, 1), digits(parts.market, 3), digits(parts.seller + 1, 7),
        digits(parts.period, 4),
    )  # fmt: skip


def _sale_legs(setting: Setting, sale: Integers) -> Integers:
    """Gross, commission, payment fee, logistics and tax of each sale, one row per sale."""
    batch = setting.batch
    channel, payable = batch.channel[sale].astype(np.int64), batch.payable_cents[sale]
    goods = batch.goods_cents[sale] - batch.discount_cents[sale]
    commission = goods * _COMMISSION_SHARE[channel] * _CATEGORY_COMMISSION[setting.category[sale]]
    is_marketplace = channel != OWN_SHOP
    is_fulfilled = is_marketplace & setting.world.sites.is_overseas[batch.site[sale]]
    logistics = np.where(is_fulfilled, goods * _LOGISTICS_SHARE + batch.freight_cents[sale], 0)
    # The marketplace is liable for the tax and keeps it; the own shop's seller pays it himself.
    tax = np.where(is_marketplace, batch.tax_cents[sale], 0)
    fees = [setting.rounded(values) for values in (commission, payable * _PAYMENT_SHARE[channel], logistics)]
    return np.stack([payable, *(-fee for fee in fees), -tax], axis=1)


def _direct(
    setting: Setting, payment: Payment, parcels: Parcels, aftercare: Aftercare, order_pot: Integers
) -> tuple[Integers, Integers]:
    """What buyers paid and got back for the port's orders, by month of booking; sets the pot of these orders."""
    batch = setting.batch
    paid = np.flatnonzero(setting.is_port & (payment.paid_at < NEVER))
    back = paid[(aftercare.refund_at[paid] < NEVER) & (aftercare.refund_cents[paid] > 0)]
    channel = np.full(len(paid), DIRECT, np.int64)
    paid_pot = pot_numbers(batch.seller[paid], setting.market, channel, payment.paid_at[paid])
    back_pot = pot_numbers(batch.seller[back], setting.market, channel[: len(back)], aftercare.refund_at[back])
    is_earned = parcels.order_delivered_at[paid] < NEVER
    order_pot[paid[is_earned]] = paid_pot[is_earned]
    return (
        np.concatenate([paid_pot, back_pot]),
        np.concatenate([batch.payable_cents[paid], -aftercare.refund_cents[back]]),
    )
