"""The parcels of a market-month: which lines travel in which, when each step happens, and how the journey ends.

Belongs here: parcels and their times. Does not: their tables (see `waybills.py`) and refunds (see `aftercare.py`).
A parcel leaves when customs has released its goods; some orders travel in two parcels, and some buyers' orders of a few
days in one.
"""

from dataclasses import dataclass

import numpy as np

from orchestration.simulation.documents.clearing import Clearance
from orchestration.simulation.documents.columns import DAY, HOUR, NEVER, Flags, Integers, Reals
from orchestration.simulation.documents.routes import DOMESTIC, OVERSEAS, chosen_routes, parameter
from orchestration.simulation.documents.setting import (
    MODE_0110,
    MODE_1210,
    MODE_9710,
    MODE_9810,
    Setting,
    lognormal_seconds,
)

SPLIT_SHARE = 0.04
MERGED_SHARE = 0.6
MERGED_WITHIN = 3 * DAY
_HELD_SHARE = 0.02
# Most holds end within days; some take weeks, which gives lateness the long tail that it has in SCMS.
_HOLD_SPREAD = 1.1

EVENTS = (
    "created", "handed_over", "export_cleared", "departed", "arrived", "customs_held", "import_cleared",
    "out_for_delivery", "attempt_failed", "delivered", "lost", "returning", "returned",
)  # fmt: skip


@dataclass(frozen=True)
class Parcels:
    """The parcels of a market-month, and what they mean for each line and order."""

    order: Integers  # the order that stands for the parcel, by parcel
    second_order: Integers  # -1, or the order that travels with it
    route: Integers
    grams: Integers
    events: tuple[Integers, ...]  # time of each of EVENTS by parcel, NEVER where it does not happen
    line_parcel: Integers  # by line, -1 when it is not shipped
    shipped_at: Integers  # by line
    delivered_at: Integers  # by line
    order_delivered_at: Integers  # last delivery by order; NEVER when nothing arrives
    order_lost_at: Integers  # by order
    order_returned_at: Integers  # by order: undelivered goods are back

    @property
    def count(self) -> int:
        """Parcels."""
        return len(self.order)

    @property
    def parcel_shipped_at(self) -> Integers:
        """When the carrier took each parcel over."""
        return self.events[1]


def draw_parcels(setting: Setting, clearance: Clearance) -> Parcels:
    """Packs released goods into parcels, and lives their journeys."""
    rng = setting.draws("parcels")
    batch = setting.batch
    goes = clearance.released_at < NEVER
    is_stocked = (batch.supervision_mode == MODE_9810) | setting.world.sites.is_overseas[batch.site]
    if setting.is_import:
        is_stocked = np.zeros(setting.count, bool)
    ready_at = np.where(is_stocked, clearance.packed_at, np.maximum(clearance.released_at, clearance.packed_at))
    ready_at = np.where(goes, ready_at, NEVER)

    parcel_of_line, order, second = _packed(setting, rng, goes, is_stocked, ready_at)
    shipped_lines = np.flatnonzero(parcel_of_line >= 0)
    weights = setting.line_gross_grams[shipped_lines].astype(np.float64)
    grams = np.bincount(parcel_of_line[shipped_lines], weights, len(order)).astype(np.int64)
    mode = batch.supervision_mode[order]
    is_bulk = (mode == MODE_0110) | (mode == MODE_9710)
    is_bonded = (mode == MODE_1210) & setting.is_import
    route = chosen_routes(
        rng.random(len(order)), grams,
        is_import=setting.is_import, is_stocked=is_stocked[order], is_bonded=is_bonded, is_bulk=is_bulk,
    )  # fmt: skip
    partner = np.where(second >= 0, second, order)
    ready = np.maximum(ready_at[order], ready_at[partner])
    packed = np.maximum(clearance.packed_at[order], clearance.packed_at[partner])
    events = _journeys(setting, rng, route, ready, packed, setting.badness[order])

    def by_line(values: Integers) -> Integers:
        if not len(values):
            return np.full(len(parcel_of_line), NEVER)
        return np.where(parcel_of_line >= 0, values[parcel_of_line], NEVER)

    shipped_at, delivered_at = by_line(events[1]), by_line(events[9])
    last = np.maximum.reduceat(np.where(delivered_at < NEVER, delivered_at, -1), setting.line_start)
    return Parcels(
        order, second, route, grams, events, parcel_of_line, shipped_at, delivered_at,
        order_delivered_at=np.where(last < 0, NEVER, last),
        order_lost_at=np.minimum.reduceat(by_line(events[10]), setting.line_start),
        order_returned_at=np.minimum.reduceat(by_line(events[12]), setting.line_start),
    )  # fmt: skip


def _packed(
    setting: Setting, rng: np.random.Generator, goes: Flags, is_stocked: Flags, ready_at: Integers
) -> tuple[Integers, Integers, Integers]:
    """The parcel of each line (or -1), and the first and second order of each parcel."""
    batch = setting.batch
    # The port knows one waybill per order.
    is_split = goes & ~setting.is_port & (setting.line_count > 1) & (rng.random(setting.count) < SPLIT_SHARE)
    may_join = goes & ~setting.is_port & ~is_split
    follower, leader = _joined(setting, rng, may_join, is_stocked, ready_at)
    parcels_of_order = goes.astype(np.int64) + is_split
    parcels_of_order[follower] = 0
    first = np.cumsum(parcels_of_order) - parcels_of_order
    first[follower] = first[leader]
    order = np.repeat(np.arange(setting.count), parcels_of_order)
    second = np.full(len(order), -1, np.int64)
    second[first[leader]] = follower
    is_later_half = batch.line_no > (setting.line_count[batch.line_order] + 1) // 2
    parcel = first[batch.line_order] + (is_split[batch.line_order] & is_later_half)
    return np.where(goes[batch.line_order], parcel, -1), order, second


def _joined(
    setting: Setting, rng: np.random.Generator, may_join: Flags, is_stocked: Flags, ready_at: Integers
) -> tuple[Integers, Integers]:
    """Pairs of orders of one buyer within a few days whose goods the forwarder puts into one parcel."""
    batch = setting.batch
    candidates = np.flatnonzero(may_join)
    if len(candidates) < 2:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    rank = candidates[np.argsort(batch.customer[candidates], kind="stable")]
    one, two = rank[:-1], rank[1:]
    fits = (batch.customer[one] == batch.customer[two]) & (is_stocked[one] == is_stocked[two])
    fits &= (batch.site[one] == batch.site[two]) & (np.abs(ready_at[two] - ready_at[one]) < MERGED_WITHIN)
    fits &= (batch.supervision_mode[one] == batch.supervision_mode[two]) & (rng.random(len(one)) < MERGED_SHARE)
    # A pair may not share an order with the pair before it.
    fits[1:] &= ~fits[:-1]
    return two[fits], one[fits]


def _journeys(
    setting: Setting, rng: np.random.Generator, route: Integers, ready: Integers, packed: Integers,
    badness: Reals,
) -> tuple[Integers, ...]:  # fmt: skip
    count = len(route)
    slow = setting.slowness if not setting.is_import else setting.peak
    is_local = (route == OVERSEAS) | (route == DOMESTIC)
    created = packed + 600
    handed = ready + 1800 + lognormal_seconds(rng, 5.0 * HOUR, 0.6, count)

    def step(name: str, sigma: float) -> Integers:
        median = parameter(name)[route] * DAY * slow
        return lognormal_seconds(rng, median, sigma, count)

    departed = handed + HOUR + step("to_exit_days", 0.4)
    cleared_out = handed + (departed - handed) // 2
    spread = parameter("spread")[route]
    transit = np.exp(rng.standard_normal(count) * spread) * parameter("transit_days")[route] * DAY * slow
    arrived = departed + HOUR + np.rint(transit).astype(np.int64)
    chance = rng.random((4, count))
    is_held = (chance[0] < _HELD_SHARE * badness) & ~is_local
    held = np.where(is_held, arrived + 5 * HOUR + (chance[0] * 1e7).astype(np.int64) % (9 * HOUR), NEVER)
    hold = np.where(is_held, lognormal_seconds(rng, 3.5 * DAY, _HOLD_SPREAD, count) + 15 * HOUR, 0)
    cleared_in = arrived + HOUR + step("import_days", 0.6) + hold
    out = np.where(is_local, departed, cleared_in) + 2 * HOUR + step("last_mile_days", 0.4)
    has_failed = chance[1] < 0.05
    failed = np.where(has_failed, out + 4 * HOUR, NEVER)
    delivered = out + HOUR + (rng.random(count) * 9 * HOUR).astype(np.int64) + np.where(has_failed, DAY + 4 * HOUR, 0)

    is_lost = chance[2] < parameter("lost_share")[route] * (2.0 if slow > 1.5 else 1.0)
    is_refused = ~is_lost & (chance[3] < parameter("refused_share")[route] * badness)
    # The carrier gives a parcel up weeks after its last sign of life: departure, or for local routes the pick-up.
    lost = np.where(is_lost, departed + (25 * DAY * max(slow, 0.6)) + chance[2] * 1e9 % DAY, NEVER).astype(np.int64)
    failed = np.where(is_refused, out + 4 * HOUR, failed)
    returning = np.where(is_refused, out + 3 * DAY, NEVER)
    back_after = np.where(is_local, 4.0, 18.0) * DAY
    returned = np.where(is_refused, returning + lognormal_seconds(rng, back_after, 0.3, count), NEVER)
    local, gone = np.where(is_local, NEVER, 0), np.where(is_lost, NEVER, 0)
    return (
        created,
        handed,
        np.maximum(cleared_out, local),
        np.maximum(departed, local),
        np.maximum(np.maximum(arrived, local), gone),
        np.maximum(held, gone),
        np.maximum(np.maximum(cleared_in, local), gone),
        np.maximum(out, gone),
        np.maximum(failed, gone),
        np.where(is_lost | is_refused, NEVER, delivered),
        lost,
        returning,
        returned,
    )
