"""How customs deals with the goods of a market-month: which declaration names which orders, and when it is released.

Belongs here: grouping of orders into declarations and the times of their receipts. Does not: the tables (see
`declaring.py`), and the refund of what customs sends back (see `aftercare.py`).

Parcels in direct mail have a list each; business exports of one seller and day share a declaration; goods for a
warehouse abroad are declared weeks before they are sold there. What lists released is summed up a month later in a
formal declaration per seller, whose number the tax bureau asks for.
"""

from dataclasses import dataclass

import numpy as np

from orchestration.simulation.documents.columns import CHINA_OFFSET, DAY, HOUR, NEVER, Flags, Integers, Reals
from orchestration.simulation.documents.paying import Payment
from orchestration.simulation.documents.setting import MODE_9810, Setting, lognormal_seconds

# Items of a declaration have two digits in a rebate's key, and the numbers of its orders share one field.
LINES_A_DECLARATION = 20
LIST, DECLARATION, SUMMARY = range(3)
KINDS = ("list", "declaration", "summary")

_REJECTED_PER_ONE = 0.006
_RETURNED_PER_ONE = 0.0006
_INSPECTED_PER_ONE = 0.02
_MARKET_INSPECTION = {"CN": 1.3, "BR": 1.5, "SA": 1.3, "US": 1.1}
# Clothing, baby, electronics, home, beauty, toys, sports, jewellery, auto parts, food supplements, books, phones.
_CATEGORY_INSPECTION = np.array([0.7, 1.3, 1.1, 0.7, 1.8, 1.2, 0.7, 1.5, 0.9, 2.2, 0.8, 1.6])


@dataclass(frozen=True)
class Grouping:
    """Documents and the orders and lines in them, both sorted by document."""

    order: Integers  # order rows, by document
    start: Integers  # first position of each document in `order`
    size: Integers  # orders of each document
    line: Integers  # line rows, by document
    line_document: Integers  # document of each of them
    line_number: Integers  # from 1 within its document
    line_first: Integers  # first position of each document in `line`

    @property
    def count(self) -> int:
        """Documents."""
        return len(self.start)

    @property
    def first_order(self) -> Integers:
        """The order that stands for the document: its first."""
        return self.order[self.start]

    @property
    def order_document(self) -> Integers:
        """Document of each position of `order`."""
        return np.repeat(np.arange(self.count), self.size)


@dataclass(frozen=True)
class Process:
    """The times of each document's receipts; `NEVER` where a status does not come."""

    declared_at: Integers
    rejected_at: Integers
    resent_at: Integers  # of the second version
    accepted_at: Integers
    inspected_at: Integers
    concluded_at: Integers
    released_at: Integers
    closed_at: Integers
    returned_at: Integers

    @property
    def outcome_at(self) -> Integers:
        """When the last word on the goods was spoken."""
        return np.minimum(self.released_at, self.returned_at)


@dataclass(frozen=True)
class Clearance:
    """The market-month's declarations, the summaries of its export lists, and what they mean for each order."""

    grouping: Grouping
    process: Process
    kind: Integers  # index into KINDS, by document
    summary: Grouping | None
    summary_process: Process | None
    packed_at: Integers  # by order; NEVER when it is never packed
    declared_at: Integers  # by order
    released_at: Integers  # by order; NEVER when it is not released
    stopped_at: Integers  # by order: customs sent the goods back


def draw_clearance(setting: Setting, payment: Payment) -> Clearance:
    """Packs, groups, declares and clears the orders that are not cancelled."""
    batch = setting.batch
    rng = setting.draws("clearance")
    alive = ~batch.is_cancelled & (payment.paid_at < NEVER)
    handling = lognormal_seconds(rng, 0.65 * DAY * setting.peak * (1.35 - 0.7 * setting.quality), 0.5, setting.count)
    packed_at = np.where(alive, payment.paid_at + handling + _making_time(setting, rng), NEVER)
    grouping = group(setting, np.flatnonzero(alive), _group_key(setting, packed_at))
    kind = np.where(setting.is_port[grouping.first_order], LIST, DECLARATION)
    is_stocked = batch.supervision_mode[grouping.first_order] == MODE_9810
    declared_at = np.maximum.reduceat(packed_at[grouping.order], grouping.start) if grouping.count else np.empty(0, int)
    declared_at = declared_at + lognormal_seconds(rng, 1.5 * HOUR, 0.7, grouping.count)
    before = (24 + 40 * rng.random(grouping.count)) * DAY
    earliest = np.minimum.reduceat(batch.ordered_at[grouping.order], grouping.start) if grouping.count else declared_at
    declared_at = np.where(is_stocked, earliest - before.astype(np.int64), declared_at)
    process = _process(setting, rng, grouping, declared_at, np.where(kind == LIST, 1.2 * HOUR, 6.0 * HOUR), is_stocked)
    document = np.zeros(setting.count, np.int64)
    document[grouping.order] = grouping.order_document
    spread = Spread(alive, document)
    summary, summary_process = _summaries(setting, rng, spread.of(process.released_at))
    return Clearance(
        grouping, process, kind, summary, summary_process, packed_at,
        declared_at=spread.of(process.declared_at),
        released_at=spread.of(process.released_at),
        stopped_at=spread.of(process.returned_at),
    )  # fmt: skip


@dataclass(frozen=True)
class Spread:
    """Gives each order what its document has."""

    is_covered: Flags
    document: Integers

    def of(self, values: Integers) -> Integers:
        """By order; `NEVER` for orders without a document."""
        if not len(values):
            return np.full(len(self.document), NEVER)
        return np.where(self.is_covered, values[self.document], NEVER)


def group(setting: Setting, orders: Integers, key: Integers) -> Grouping:
    """Orders of one key share a document, up to `LINES_A_DECLARATION` lines (the last order may exceed it)."""
    rank = np.argsort(key[orders], kind="stable")
    order = orders[rank]
    sorted_key, lines = key[order], setting.line_count[order]
    before = np.cumsum(lines) - lines
    is_first = np.empty(len(order), bool)
    is_first[:1] = True
    np.not_equal(sorted_key[1:], sorted_key[:-1], out=is_first[1:])
    chunk = (before - np.maximum.accumulate(np.where(is_first, before, 0))) // LINES_A_DECLARATION
    is_first[1:] |= chunk[1:] != chunk[:-1]
    start = np.flatnonzero(is_first)
    size = np.diff(np.append(start, len(order)))
    position = np.arange(int(lines.sum())) - np.repeat(before, lines)
    line_first = before[start]
    document = np.repeat(np.cumsum(is_first) - 1, lines)
    return Grouping(
        order, start, size,
        line=np.repeat(setting.line_start[order], lines) + position,
        line_document=document,
        line_number=np.arange(len(document)) - line_first[document] + 1,
        line_first=line_first,
    )  # fmt: skip


def _making_time(setting: Setting, rng: np.random.Generator) -> Integers:
    batch = setting.batch
    is_made = np.zeros(setting.count, bool)
    is_made[batch.line_order[setting.world.products.is_made_to_order[batch.product]]] = True
    days = 3.0 + 7.0 * rng.random(setting.count)
    return np.where(is_made & (batch.supervision_mode != MODE_9810), days * DAY, 0.0).astype(np.int64)


def _group_key(setting: Setting, packed_at: Integers) -> Integers:
    """Equal for orders that one declaration may name; port orders stand alone."""
    batch, count = setting.batch, setting.count
    day = np.where(batch.supervision_mode == MODE_9810, 0, (packed_at + CHINA_OFFSET) // DAY % 32768)
    shared = ((batch.supervision_mode.astype(np.int64) + 1) << 50) | (batch.seller.astype(np.int64) << 15) | day
    return np.where(setting.is_port, np.arange(count), shared)


def _process(
    setting: Setting,
    rng: np.random.Generator,
    grouping: Grouping,
    declared_at: Integers,
    median: Reals,
    is_stocked: Flags,
) -> Process:
    count, order = grouping.count, grouping.first_order
    badness = setting.badness[order]
    chance = rng.random((3, count))
    is_rejected = chance[0] < _REJECTED_PER_ONE * badness * 2
    resent_after = lognormal_seconds(rng, 7.0 * HOUR, 0.6, count)
    rejected_at = np.where(is_rejected, declared_at + 60 + (chance[0] * 1e5).astype(np.int64) % 1800, NEVER)
    resent_at = np.where(is_rejected, rejected_at + resent_after, NEVER)
    sent_at = np.where(is_rejected, resent_at, declared_at)
    accepted_at = sent_at + 240 + lognormal_seconds(rng, 420.0, 0.5, count)
    rate = _INSPECTED_PER_ONE * _MARKET_INSPECTION.get(setting.batch.market, 1.0)
    is_inspected = chance[1] < rate * badness * _CATEGORY_INSPECTION[setting.category[order]]
    inspected_at = np.where(is_inspected, accepted_at + lognormal_seconds(rng, 1.0 * HOUR, 0.5, count), NEVER)
    inspection = np.where(is_inspected, lognormal_seconds(rng, 26.0 * HOUR, 0.6, count), 0)
    outcome_at = accepted_at + lognormal_seconds(rng, median * setting.peak, 0.75, count) + 120 + inspection
    outcome_at = np.where(is_inspected, np.maximum(outcome_at, inspected_at + 2 * HOUR), outcome_at)
    # Goods that are sold from a warehouse abroad have left long ago.
    is_returned = (chance[2] < _RETURNED_PER_ONE * badness * np.where(is_inspected, 20.0, 1.0)) & ~is_stocked
    closed_at = outcome_at + 4 * HOUR + lognormal_seconds(rng, 3.0 * DAY, 0.6, count)
    return Process(
        declared_at, rejected_at, resent_at, accepted_at, inspected_at,
        concluded_at=np.where(is_returned, NEVER, outcome_at - 90),
        released_at=np.where(is_returned, NEVER, outcome_at),
        closed_at=np.where(is_returned, NEVER, closed_at),
        returned_at=np.where(is_returned, outcome_at, NEVER),
    )  # fmt: skip


def _summaries(
    setting: Setting, rng: np.random.Generator, released_at: Integers
) -> tuple[Grouping | None, Process | None]:
    """A formal declaration per seller for the lists of the month's exports, early in the month after the release."""
    listed = np.flatnonzero(setting.is_port & (released_at < NEVER)) if not setting.is_import else np.empty(0, np.int64)
    if not len(listed):
        return None, None
    grouping = group(setting, listed, setting.batch.seller.astype(np.int64))
    last = np.maximum.reduceat(released_at[grouping.order], grouping.start)
    next_month = (np.datetime64(setting.batch.month, "M") + 1).astype("datetime64[s]").astype(np.int64)
    declared_at = np.maximum(next_month + 3 * DAY, last + DAY)
    declared_at = declared_at + (rng.random(grouping.count) * 5 * DAY).astype(np.int64)
    nothing = np.full(grouping.count, NEVER)
    accepted_at = declared_at + 300 + lognormal_seconds(rng, 600.0, 0.5, grouping.count)
    released = accepted_at + 120 + lognormal_seconds(rng, 9.0 * HOUR, 0.6, grouping.count)
    closed_at = released + 4 * HOUR + lognormal_seconds(rng, 3.0 * DAY, 0.6, grouping.count)
    return grouping, Process(
        declared_at, nothing, nothing, accepted_at, nothing, released - 90, released, closed_at, nothing
    )
