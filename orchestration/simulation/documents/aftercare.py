"""What goes wrong after the sale: returns, disputes, guarantee claims, and why money goes back.

Belongs here: the decisions and their times; each order has at most one reason for money to go back, so refunds never
exceed payments. Does not: their tables (see `cases.py`), and the bookings (see `paying.py`, `settling.py`).
"""

from dataclasses import dataclass

import numpy as np

from orchestration.simulation.documents.columns import DAY, HOUR, NEVER, Flags, Integers, Reals
from orchestration.simulation.documents.setting import Setting, lognormal_seconds
from orchestration.simulation.documents.shipping import Parcels
from orchestration.simulation.world.batches import OWN_SHOP

NOTHING, CANCELLED, STOPPED, LOST, UNDELIVERED, RETURNED, DISPUTED, CHARGEBACK = range(8)
BUYER_WON, SELLER_WON, SETTLED, WITHDRAWN = range(4)
# Of those that come back: clothing, baby, electronics, home, beauty, toys, sports, jewellery, auto parts,
# food supplements, books, phones.
_RETURN_SHARE = np.array([0.105, 0.045, 0.06, 0.05, 0.035, 0.045, 0.06, 0.065, 0.06, 0.025, 0.025, 0.06])
_DISPUTE_SHARE, _LATE_DISPUTE_SHARE, _CHARGEBACK_SHARE = 0.005, 0.02, 0.0008
_NOT_RECEIVED_SHARE = 0.7


@dataclass(frozen=True)
class Aftercare:
    """Reasons and bookings by order; returns by line; disputes by case."""

    kind: Integers  # by order: NOTHING .. CHARGEBACK
    refund_at: Integers  # by order
    refund_cents: Integers  # by order
    returned_at: Integers  # by order: when the buyer handed goods in; NEVER without a return
    returned_quantity: Integers  # by line
    returned_cents: Integers  # by line: what the buyer gets for it
    dispute_order: Integers  # order of each case
    dispute_at: Integers
    dispute_closed_at: Integers
    dispute_outcome: Integers
    dispute_is_guaranteed: Flags  # the guarantee pays instead of the seller
    is_late: Flags  # by order: delivered after the promised day, or not at all


def draw_aftercare(setting: Setting, paid_at: Integers, stopped_at: Integers, parcels: Parcels) -> Aftercare:
    """Draws what becomes of each order after shipping; worse sellers have more of everything."""
    batch, count = setting.batch, setting.count
    rng = setting.draws("aftercare")
    chance = rng.random((6, count))
    is_hub = ~setting.is_port
    delivered_at = parcels.order_delivered_at
    is_lost, is_back = parcels.order_lost_at < NEVER, parcels.order_returned_at < NEVER
    is_sound = (delivered_at < NEVER) & ~is_lost & ~is_back
    due = (batch.ordered_day.astype(np.int64) + batch.promised_days + 1) * DAY
    is_late = ~batch.is_cancelled & (delivered_at > due)

    kind = np.full(count, NOTHING, np.int64)
    refund_at = np.full(count, NEVER)
    wait = lognormal_seconds(rng, 1.2 * DAY, 0.7, count) + HOUR

    def send_back(which: Flags, reason: int, since: Integers) -> None:
        kind[which] = reason
        refund_at[which] = since[which] + wait[which]

    send_back(batch.is_cancelled & (paid_at < NEVER), CANCELLED, batch.cancelled_at)
    send_back(stopped_at < NEVER, STOPPED, stopped_at)
    send_back(is_back, UNDELIVERED, parcels.order_returned_at)
    send_back(is_lost, LOST, parcels.order_lost_at)

    share = np.minimum(_RETURN_SHARE[setting.category] * (0.5 + 0.6 * setting.badness) * (1 + 0.3 * is_late), 0.5)
    is_return = is_sound & is_hub & (chance[0] < share)
    returned_at = np.where(is_return, delivered_at + 2 * DAY + lognormal_seconds(rng, 8.0 * DAY, 0.6, count), NEVER)
    send_back(is_return, RETURNED, returned_at)
    returned_quantity, returned_cents = _returned_lines(setting, rng, is_return)

    likely = _DISPUTE_SHARE * setting.badness + _LATE_DISPUTE_SHARE * is_late
    is_dispute = is_hub & (
        (is_sound & ~is_return & (chance[1] < likely)) | (is_lost & (chance[1] < _NOT_RECEIVED_SHARE))
    )
    dispute = np.flatnonzero(is_dispute)
    since = np.where(is_lost[dispute], parcels.order_lost_at[dispute] - 10 * DAY, delivered_at[dispute])
    opened = since + 12 * HOUR + lognormal_seconds(rng, 4.0 * DAY, 0.7, len(dispute))
    closed = opened + 6 * DAY + lognormal_seconds(rng, 9.0 * DAY, 0.6, len(dispute))
    outcome = _outcomes(chance[2][dispute], setting.quality[dispute], is_lost[dispute])
    is_guaranteed = (outcome == BUYER_WON) & is_sound[dispute] & _guaranteed(setting, dispute, chance[5][dispute])
    costs = ((outcome == BUYER_WON) | (outcome == SETTLED)) & is_sound[dispute] & ~is_guaranteed
    cost = np.full(count, NEVER)
    cost[dispute[costs]] = closed[costs]
    send_back(cost < NEVER, DISPUTED, cost)

    is_charged = is_sound & (kind == NOTHING) & is_hub & ~is_dispute & (chance[3] < _CHARGEBACK_SHARE * setting.badness)
    send_back(is_charged, CHARGEBACK, delivered_at + (10 + 50 * chance[4]).astype(np.int64) * DAY)

    cents = _refund_cents(setting, kind, parcels, returned_cents)
    settled = dispute[(outcome == SETTLED) & costs]
    cents[settled] = setting.rounded(batch.payable_cents[settled] * 0.5)
    return Aftercare(
        kind, refund_at, cents, returned_at, returned_quantity, returned_cents,
        dispute, opened, closed, outcome, is_guaranteed, is_late,
    )  # fmt: skip


def _guaranteed(setting: Setting, order: Integers, chance: Reals) -> Flags:
    """Won cases in which the seller does not pay and the buyer claims on the marketplace's guarantee."""
    is_marketplace = setting.batch.channel[order] != OWN_SHOP
    solvency = setting.world.sellers.solvency[setting.batch.seller[order]]
    does_claim: Flags = is_marketplace & (chance < 0.1 + 0.5 * (1.0 - solvency))
    return does_claim


def _returned_lines(setting: Setting, rng: np.random.Generator, is_return: Flags) -> tuple[Integers, Integers]:
    """Pieces and money of each line that comes back: the first line of a return always, the others mostly."""
    batch = setting.batch
    lines = np.flatnonzero(is_return[batch.line_order])
    chance = rng.random((3, len(lines)))
    comes = (batch.line_no[lines] == 1) | (chance[0] < 0.55)
    all_of_it = chance[1] < 0.75
    ordered = batch.quantity[lines].astype(np.int64)
    part = np.maximum(1, np.ceil(ordered * chance[2])).astype(np.int64)
    pieces = np.where(comes, np.where(all_of_it, ordered, np.minimum(part, ordered)), 0)
    quantity = np.zeros(len(batch.line_no), np.int64)
    quantity[lines] = pieces
    cents = np.zeros(len(batch.line_no), np.int64)
    cents[lines] = setting.rounded(
        batch.unit_price_cents[lines] * pieces * _paid_share(setting)[batch.line_order[lines]]
    )
    return quantity, cents


def _paid_share(setting: Setting) -> Reals:
    """What of the goods' value the buyer paid after the order's discount."""
    batch = setting.batch
    return np.round(1.0 - np.minimum(batch.discount_cents / np.maximum(batch.goods_cents, 1), 1.0), 9)


def _refund_cents(setting: Setting, kind: Integers, parcels: Parcels, returned_cents: Integers) -> Integers:
    batch = setting.batch
    cents = np.where(kind == NOTHING, 0, batch.payable_cents)
    is_partial = ((kind == LOST) | (kind == UNDELIVERED)) & (parcels.order_delivered_at < NEVER)
    if is_partial.any():
        missing = np.where(parcels.delivered_at < NEVER, 0, setting.line_cents)
        value = np.add.reduceat(missing, setting.line_start)
        cents = np.where(is_partial, setting.rounded(value * _paid_share(setting)), cents)
    is_return = kind == RETURNED
    cents = np.where(is_return, np.add.reduceat(returned_cents, setting.line_start), cents)
    return np.minimum(cents, batch.payable_cents)


def _outcomes(
    chance: Reals,
    quality: Reals,
    is_lost: Flags,
) -> Integers:
    won = np.where(is_lost, 0.97, 0.25 + 0.4 * (1.0 - quality))
    settled = np.where(is_lost, 0.0, 0.22)
    lost = np.where(is_lost, 0.01, 0.28)
    return np.where(
        chance < won,
        BUYER_WON,
        np.where(chance < won + settled, SETTLED, np.where(chance < won + settled + lost, SELLER_WON, WITHDRAWN)),
    ).astype(np.int64)
