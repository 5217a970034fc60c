"""Defects that show only in several records together: rings of orders, shared identities, numbers used twice.

Belongs here: groups of records, and what changes with them in other feeds so that the story holds. Does not: single
values (see `values.py`) and whole records (see `records.py`).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

import numpy as np

from orchestration.simulation.defects import codes
from orchestration.simulation.defects.bench import Rows, Value, where
from orchestration.simulation.defects.hand import COMPANION, MAIN, Hand, Injector
from orchestration.simulation.defects.overrides import FeedKey

CENTLESS = ("JPY", "KRW")
LINE_AMOUNTS = ("unit_price_amount", "list_price_amount", "line_amount")
RING_LEAST, RING_MOST = 3, 6
PERSONS_PER_IDENTITY = 4
VISITS_PER_BOT = 5
NOTHING_KG = 0.02


def orphan(hand: Hand, key: FeedKey, rows: Rows) -> None:
    """Waybills, in all their versions, that name an order which there is not."""
    bench = hand.bench
    if not bench.has(key, "order_no"):
        return
    can = [text != "" and ";" not in text for text in bench.texts(key, "order_no", rows)]
    chosen = hand.take(key, where(rows, can))
    for group, role in ((chosen, MAIN), (np.setdiff1d(bench.versions_of(key, chosen), chosen), COMPANION)):
        bench.take(key, group)
        hand.change(key, group, {"order_no": [f"{text}X" for text in bench.texts(key, "order_no", group)]}, role=role)


def minor_units(hand: Hand, key: FeedKey, rows: Rows) -> None:
    """All amounts of an order in yen or won and of its lines, divided by a hundred."""
    names = [name for name in hand.defect.fields if hand.bench.has(key, name)]
    if not names or not hand.bench.has(key, "currency_code"):
        return
    is_centless = [code in CENTLESS for code in hand.bench.texts(key, "currency_code", rows)]
    chosen = hand.take(key, where(rows, is_centless))
    _divide(hand, key, chosen, names, MAIN)
    lines = (key[0], "order_lines")
    if hand.bench.has(lines, "order_no") and len(chosen):
        followers = hand.bench.rows_with(lines, "order_no", hand.bench.texts(key, "order_no", chosen))
        hand.bench.take(lines, followers)
        _divide(hand, lines, followers, [name for name in LINE_AMOUNTS if hand.bench.has(lines, name)], COMPANION)


def _divide(hand: Hand, key: FeedKey, rows: Rows, names: Sequence[str], role: str) -> None:
    changes: dict[str, Sequence[Value]] = {}
    for name in names:
        numbers = np.round(hand.bench.numbers(key, name, rows) / 100, 4).tolist()
        changes[name] = [None if np.isnan(number) else number for number in numbers]
    hand.change(key, rows, changes, role=role)


def waybill_reused(hand: Hand, key: FeedKey, rows: Rows) -> None:
    """A later parcel of a carrier with the number of one that it carried in the month before."""
    bench = hand.bench
    if not bench.has(key, "carrier_code", "waybill_no", "shipped_at"):
        return
    # Numbers stay within a carrier; shipped in two months, so that the keys differ and only the window tells.
    carriers, months = bench.codes(key, "carrier_code"), bench.months(key, "shipped_at")
    for row in rows.tolist():
        leader = np.array([row], dtype=np.int64)
        later = np.flatnonzero((carriers == carriers[row]) & (months > months[row])).astype(np.int64)
        tried = np.roll(later, -int(hand.rng.integers(0, max(1, len(later)))))[:20]
        chosen = bench.newest(key, bench.free(key, tried))[:1]
        if not len(chosen) or not len(bench.free(key, leader)):
            continue
        bench.take(key, np.concatenate([leader, chosen]))
        renumber(hand, key, chosen, bench.texts(key, "waybill_no", leader))


def postal_check_digit(hand: Hand, key: FeedKey, rows: Rows) -> None:
    """A postal number with a wrong check digit, in all that the carrier says of the parcel."""
    if not hand.bench.has(key, "waybill_no"):
        return
    is_postal = [codes.S10.fullmatch(text) is not None for text in hand.bench.texts(key, "waybill_no", rows)]
    chosen = hand.take(key, where(rows, is_postal))
    numbers = hand.bench.texts(key, "waybill_no", chosen)
    renumber(hand, key, chosen, [codes.with_wrong_postal_digit(text) for text in numbers])


def renumber(hand: Hand, key: FeedKey, rows: Rows, numbers: Sequence[str]) -> None:
    """Give waybills other numbers, and their lines and events with them."""
    bench = hand.bench
    if not len(rows):
        return
    new_number = dict(zip(bench.document_texts(key, rows), numbers, strict=True))
    olds = bench.texts(key, "waybill_no", rows)
    older = np.setdiff1d(bench.versions_of(key, rows), rows)
    bench.take(key, older)
    news = [new_number[text] for text in bench.document_texts(key, older)]
    hand.change(key, older, {"waybill_no": news}, role=COMPANION)
    for feed in ("shipment_lines", "tracking_events"):
        other = (key[0], feed)
        if bench.has(other, "waybill_no"):
            found = bench.rows_with(other, "waybill_no", olds)
            documents = bench.document_texts(other, found)
            followers = where(found, [text in new_number for text in documents])
            bench.take(other, followers)
            news = [new_number[text] for text in bench.document_texts(other, followers)]
            hand.change(other, followers, {"waybill_no": news}, role=COMPANION)
    hand.change(key, rows, {"waybill_no": list(numbers)})


def bot_visit(hand: Hand, key: FeedKey, rows: Rows) -> None:
    """Visits of one device, one after the other, with many pages in seconds."""
    bench = hand.bench
    if not bench.has(key, "page_views", "device_id", "started_at", "ended_at", "session_id"):
        return
    total = len(bench.tables[key])
    for row in rows.tolist():
        group = hand.bench.free(key, np.arange(row, min(row + 3 * VISITS_PER_BOT, total)))
        if bench.has(key, "order_no"):
            group = where(group, [not text for text in bench.texts(key, "order_no", group)])
        group = hand.take(key, group[:VISITS_PER_BOT])
        if not len(group):
            continue
        starts = [value for value in bench.values(key, "started_at", group) if isinstance(value, datetime)]
        lengths = hand.rng.integers(4, 20, len(group)).tolist()
        hand.change(
            key,
            group,
            {
                "page_views": hand.rng.integers(30, 90, len(group)).tolist(),
                "ended_at": [start + timedelta(seconds=length) for start, length in zip(starts, lengths, strict=True)],
                "device_id": [f"bot-{bench.texts(key, 'session_id', group[:1])[0]}"] * len(group),
            },
        )


def fake_orders(hand: Hand, key: FeedKey, rows: Rows) -> None:
    """Orders of one buyer from one seller, again and again, whose parcels weigh nothing."""
    bench = hand.bench
    names = [name for name in hand.defect.fields if bench.has(key, name)]
    if "customer_id" not in names or not bench.has(key, "seller_id", "order_no"):
        return
    for row in rows.tolist():
        leader = np.array([row], dtype=np.int64)
        ring = bench.free(key, bench.rows_with(key, "seller_id", bench.texts(key, "seller_id", leader)))[:RING_MOST]
        if len(ring) < RING_LEAST:
            continue
        bench.take(key, ring)
        changes: dict[str, Sequence[Value]] = {name: bench.values(key, name, leader) * len(ring) for name in names}
        hand.change(key, ring, changes)
        for other in bench.keys_of("shipments", "order_no", "gross_weight_kg"):
            followers = bench.free(other, bench.rows_with(other, "order_no", bench.texts(key, "order_no", ring)))
            bench.take(other, followers)
            hand.change(other, followers, {"gross_weight_kg": [NOTHING_KG] * len(followers)}, role=COMPANION)


def split_person(hand: Hand, key: FeedKey, rows: Rows) -> None:
    """Orders of a buyer under a second customer number."""
    if not hand.bench.has(key, "customer_id"):
        return
    chosen = hand.take(key, hand.bench.filled(key, "customer_id", rows))
    texts = hand.bench.texts(key, "customer_id", chosen)
    # The last sign becomes a letter, which no number of the world ends with.
    hand.change(key, chosen, {"customer_id": [f"{text[:-1]}Z" for text in texts]})


def shared_identity(hand: Hand, key: FeedKey, rows: Rows) -> None:
    """Orders of several persons under one resident id, which their payments and declarations repeat."""
    bench = hand.bench
    if not bench.has(key, "buyer_id_no", "order_no"):
        return
    total = len(bench.tables[key])
    for row in rows.tolist():
        leader = np.array([row], dtype=np.int64)
        near = bench.filled(key, "buyer_id_no", np.arange(row, min(row + 2 * PERSONS_PER_IDENTITY, total)))
        group = bench.free(key, near)[:PERSONS_PER_IDENTITY]
        identity = bench.values(key, "buyer_id_no", leader)
        if len(group) < 2 or identity[0] is None:
            continue
        bench.take(key, group)
        hand.change(key, group, {"buyer_id_no": identity * len(group)})
        for feed, name in (("payments", "payer_id_no"), ("declarations", "buyer_id_no")):
            for other in bench.keys_of(feed, "order_no", name):
                followers = bench.free(other, bench.rows_with(other, "order_no", bench.texts(key, "order_no", group)))
                bench.take(other, followers)
                hand.change(other, followers, {name: identity * len(followers)}, role=COMPANION)


def double_pledge(hand: Hand, key: FeedKey, rows: Rows) -> None:
    """Advances secured by the declaration that an earlier advance of the batch is secured by."""
    bench = hand.bench
    names = hand.defect.fields
    if not bench.has(key, *names, "paid_out_at"):
        return
    every = np.arange(len(bench.tables[key]), dtype=np.int64)
    pledged = bench.filled(key, names[0], every)
    for row in bench.filled(key, names[0], rows).tolist():
        taker = np.array([row], dtype=np.int64)
        is_earlier = bench.seconds(key, "paid_out_at", pledged) < bench.seconds(key, "paid_out_at", taker)[0]
        givers = bench.free(key, pledged[is_earlier])
        if not len(givers) or not len(bench.free(key, taker)):
            continue
        giver = givers[-1:]
        bench.take(key, np.concatenate([giver, taker]))
        hand.change(key, taker, {name: bench.values(key, name, giver) for name in names})


INJECTORS: Mapping[str, Injector] = MappingProxyType(
    {
        "orphan": orphan,
        "minor_units": minor_units,
        "waybill_reused": waybill_reused,
        "postal_check_digit": postal_check_digit,
        "bot_visit": bot_visit,
        "fake_orders": fake_orders,
        "split_person": split_person,
        "shared_identity": shared_identity,
        "double_pledge": double_pledge,
    }
)
