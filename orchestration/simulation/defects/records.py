"""Defects of whole records: they come twice, in several versions, as deletes, late, in another order, or not at all.

Belongs here: records that are added, lost or moved, and what the world has by itself. Does not: values (see
`values.py`) and what several records have together (see `documents.py`).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

import numpy as np

from orchestration.simulation.defects.bench import PORT_SOURCES, Rows, Value, where
from orchestration.simulation.defects.hand import COMPANION, Hand, Injector, Scored
from orchestration.simulation.defects.overrides import FeedKey

METHODS = ("card", "wallet", "transfer", "cash_on_delivery")
# Between two others, so that its absence shows; and in nearly every journey abroad.
LOSABLE_EVENTS = ("export_cleared", "departed", "arrived", "import_cleared")
MISSING_RATE_DAYS, USABLE_RATE_DAYS = 9, 7
# Without rates of these hardly an amount could be converted.
NEEDED_RATES = ("USD", "EUR", "CNY")
LATE_SHARE, EARLY_SHARE, OVERLAP_SHARE = 0.15, 0.1, 0.25


def exact_duplicate(hand: Hand, key: FeedKey, rows: Rows) -> None:
    """A second record that is equal in every column."""
    hand.add(key, hand.take(key, rows), {})


def correction(hand: Hand, key: FeedKey, rows: Rows) -> None:
    """A newer version with another method of payment."""
    _other_version(hand, key, rows, 1)


def stale_version(hand: Hand, key: FeedKey, rows: Rows) -> None:
    """An older version with another method of payment, which comes after the newer one."""
    _other_version(hand, key, rows, -1)


def _other_version(hand: Hand, key: FeedKey, rows: Rows, step: int) -> None:
    if not hand.bench.has(key, "method_code", "version", "updated_at"):
        return
    chosen = hand.take(key, hand.bench.filled(key, "version", hand.bench.filled(key, "updated_at", rows)))
    methods = hand.bench.texts(key, "method_code", chosen)
    others = [METHODS[(METHODS.index(text) + 1) % len(METHODS)] if text in METHODS else METHODS[0] for text in methods]
    updated = _moved(hand.bench.values(key, "updated_at", chosen), timedelta(hours=6 * step))
    versions = [int(number) + step for number in hand.bench.numbers(key, "version", chosen)]
    hand.add(key, chosen, {"method_code": others, "version": versions, "updated_at": updated})


def _moved(values: Sequence[Value], shift: timedelta) -> list[Value]:
    return [value + shift if isinstance(value, datetime) else None for value in values]


def _released_at(hand: Hand, source: str, declaration_nos: Sequence[str]) -> dict[str, Value]:
    """When customs released these declarations, as far as they did."""
    key = (source, "declaration_receipts")
    if not hand.bench.has(key, "declaration_no", "status_code", "received_at"):
        return {}
    rows = hand.bench.rows_with(key, "declaration_no", declaration_nos)
    rows = where(rows, [code == "800" for code in hand.bench.texts(key, "status_code", rows)])
    numbers = hand.bench.texts(key, "declaration_no", rows)
    return dict(zip(numbers, hand.bench.values(key, "received_at", rows), strict=True))


def deleted_after_release(hand: Hand, key: FeedKey, rows: Rows) -> None:
    """A delete message a day after the goods were released."""
    numbers = dict(zip(rows.tolist(), hand.bench.texts(key, "declaration_no", rows), strict=True))
    released = _released_at(hand, key[0], list(numbers.values()))
    can = np.array([numbers[row] in released for row in rows.tolist()], dtype=bool)
    if hand.bench.has(key, "change_type", "version", "updated_at"):
        chosen = hand.take(key, rows[can])
        _delete(hand, key, chosen, _moved([released[numbers[row]] for row in chosen.tolist()], timedelta(days=1)))


def deleted_before_release(hand: Hand, key: FeedKey, rows: Rows) -> None:
    """A delete message a minute after the declaration, so that the later receipts never come."""
    if not hand.bench.has(key, "change_type", "version", "updated_at"):
        return
    # A second version means that it was declared again: what its delete takes back would not be plain.
    is_first = hand.bench.numbers(key, "version", rows) == 1
    numbers = hand.bench.texts(key, "declaration_no", rows)
    once = [len(hand.bench.rows_with(key, "declaration_no", [number])) == 1 for number in numbers]
    chosen = hand.take(key, rows[is_first & np.array(once, dtype=bool)])
    _delete(hand, key, chosen, _moved(hand.bench.values(key, "declared_at", chosen), timedelta(minutes=1)))
    receipts = (key[0], "declaration_receipts")
    if hand.bench.has(receipts, "declaration_no") and len(chosen):
        lost = hand.bench.rows_with(receipts, "declaration_no", hand.bench.texts(key, "declaration_no", chosen))
        hand.bench.take(receipts, lost)
        hand.lose(receipts, lost, role=COMPANION)


def _delete(hand: Hand, key: FeedKey, rows: Rows, moments: Sequence[Value]) -> None:
    versions = [2 if np.isnan(number) else int(number) + 1 for number in hand.bench.numbers(key, "version", rows)]
    hand.add(key, rows, {"change_type": ["delete"] * len(rows), "version": versions, "updated_at": moments})


def missing_payment(hand: Hand, key: FeedKey, rows: Rows) -> None:
    """A payment whose message never comes; its order shows it."""
    if not hand.bench.has(key, "payment_type", "order_no"):
        return
    is_payment = [kind == "payment" for kind in hand.bench.texts(key, "payment_type", rows)]
    chosen = hand.take(key, where(rows, is_payment))
    hand.lose(key, chosen, scored=Scored("orders", hand.bench.texts(key, "order_no", chosen)))


def missing_event(hand: Hand, key: FeedKey, rows: Rows) -> None:
    """A tracking event whose message never comes; its shipment shows it."""
    is_losable = [code in LOSABLE_EVENTS for code in hand.bench.texts(key, "event_code", rows)]
    chosen = hand.take(key, where(rows, is_losable))
    hand.lose(key, chosen, scored=Scored("shipments", hand.bench.document_texts(key, chosen)))


def rate_missing(hand: Hand, key: FeedKey, rows: Rows) -> None:
    """Nine days of a currency's rates are lost; the first seven can be served by an older rate."""
    bench = hand.bench
    if not bench.has(key, "rate_on", "currency_code"):
        return
    for first in rows.tolist():
        row = np.array([first], dtype=np.int64)
        currency = bench.texts(key, "currency_code", row)[0]
        same = bench.rows_with(key, "currency_code", [currency])
        days = bench.texts(key, "rate_on", same)
        ordered = same[np.argsort(np.array(days), kind="stable")]
        start = ordered.tolist().index(first)
        gap = ordered[start : start + MISSING_RATE_DAYS]
        # A day without rates on both sides would make the gap longer than it is meant to be.
        around = ordered[max(0, start - 1) : start + MISSING_RATE_DAYS + 1]
        is_whole = len(around) == MISSING_RATE_DAYS + 2 and len(bench.free(key, around)) == len(around)
        if currency in NEEDED_RATES or not is_whole:
            continue
        bench.take(key, around)
        hand.lose(key, gap[:USABLE_RATE_DAYS], role=COMPANION)
        lost = gap[USABLE_RATE_DAYS:]
        # What is not there has no key to be seen by: the first rate after the gap tells of it.
        after = bench.key_texts(key, around[-1:])
        hand.lose(key, lost, scored=Scored("fx_rates", after * len(lost)))


def tracking_disordered(hand: Hand, key: FeedKey, rows: Rows) -> None:
    """Events that stand at the end of the file instead of in their order."""
    hand.move_last(key, hand.take(key, rows))


def tracking_illegal(hand: Hand, key: FeedKey, rows: Rows) -> None:
    """A departure two days after the delivery."""
    bench = hand.bench
    delivered = bench.rows_with(key, "event_code", ["delivered"])
    departed = bench.rows_with(key, "event_code", ["departed"])
    if not len(departed) or not len(delivered) or key[0] in PORT_SOURCES:
        return
    # Deliveries are a tenth of the events, so each drawn row stands for the next delivery after it.
    following = np.searchsorted(delivered, rows)
    chosen = hand.take(key, np.unique(delivered[following[following < len(delivered)]]))
    moments = _moved(bench.values(key, "event_at", chosen), timedelta(days=2))
    changes: dict[str, Sequence[Value]] = {"event_code": ["departed"] * len(chosen), "event_at": moments}
    for name in ("source_event_code", "location_code"):
        if bench.has(key, name):
            changes[name] = bench.values(key, name, departed[:1]) * len(chosen)
    if bench.has(key, "event_id"):
        changes["event_id"] = [f"{text}-2" if text else None for text in bench.texts(key, "event_id", chosen)]
    if bench.has(key, "updated_at"):
        changes["updated_at"] = moments
    hand.add(key, chosen, changes)


def late_arrival(hand: Hand, key: FeedKey, rows: Rows) -> None:
    """Events that come in a file of their own after the others."""
    chosen = hand.take(key, rows[hand.rng.random(len(rows)) < LATE_SHARE])
    hand.deliver(key, chosen, "late", is_first=False, is_copy=False)


def early_document(hand: Hand, key: FeedKey, rows: Rows) -> None:
    """Waybills that come in a file of their own before their orders."""
    chosen = hand.take(key, rows[hand.rng.random(len(rows)) < EARLY_SHARE])
    hand.deliver(key, chosen, "early", is_first=True, is_copy=False)


def overlapping_file(hand: Hand, key: FeedKey, rows: Rows) -> None:
    """A second file that holds a part of the first one's records again."""
    length = int(len(rows) * OVERLAP_SHARE)
    start = int(hand.rng.integers(0, max(1, len(rows) - length)))
    hand.deliver(key, hand.take(key, rows[start : start + length]), "overlap", is_first=False, is_copy=True)


def refund_leg(hand: Hand, key: FeedKey, rows: Rows) -> None:
    """Refunds and chargebacks, which the world has by itself."""
    if hand.bench.has(key, "payment_type"):
        _mark(hand, key, np.intersect1d(rows, hand.bench.rows_with(key, "payment_type", ["refund", "chargeback"])))


def split_shipment(hand: Hand, key: FeedKey, rows: Rows) -> None:
    """Parcels of orders that travel in several, which the world has by itself."""
    bench = hand.bench
    if not bench.has(key, "order_no", "waybill_no"):
        return
    orders, waybills = (bench.codes(key, name)[rows] for name in ("order_no", "waybill_no"))
    # A waybill has several versions, which are one parcel.
    pairs = np.unique(np.stack([orders, waybills]), axis=1)
    several = np.flatnonzero(np.bincount(pairs[0][pairs[0] >= 0]) > 1)
    _mark(hand, key, where(rows, np.isin(orders, several)))


def merged_parcel(hand: Hand, key: FeedKey, rows: Rows) -> None:
    """Parcels of several orders, which the world has by itself."""
    if hand.bench.has(key, "order_no"):
        _mark(hand, key, np.intersect1d(rows, hand.bench.rows_like(key, "order_no", ";")))


def _mark(hand: Hand, key: FeedKey, rows: Rows) -> None:
    hand.mark(key, hand.bench.newest(key, hand.bench.free(key, rows)))


INJECTORS: Mapping[str, Injector] = MappingProxyType(
    {
        "exact_duplicate": exact_duplicate,
        "exact_duplicate_event": exact_duplicate,
        "correction": correction,
        "stale_version": stale_version,
        "deleted_before_release": deleted_before_release,
        "deleted_after_release": deleted_after_release,
        "missing_payment": missing_payment,
        "missing_event": missing_event,
        "rate_missing": rate_missing,
        "tracking_disordered": tracking_disordered,
        "tracking_illegal": tracking_illegal,
        "late_arrival": late_arrival,
        "early_document": early_document,
        "overlapping_file": overlapping_file,
        "refund_leg": refund_leg,
        "split_shipment": split_shipment,
        "merged_parcel": merged_parcel,
    }
)
