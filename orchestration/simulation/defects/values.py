"""Defects in one value of a record: its date, currency, code, number or text is wrong.

Belongs here: which records can have the defect, and what the value becomes. Does not: whole records that come or go
(see `records.py`) and what several records have together (see `documents.py`).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from orchestration.simulation.defects import codes
from orchestration.simulation.defects.bench import PORT_SOURCES, Rows, Value, text_of, where
from orchestration.simulation.defects.hand import Hand, Injector
from orchestration.simulation.defects.overrides import FeedKey

Reals = NDArray[np.float64]
Flags = NDArray[np.bool_]


def _is_positive(values: Reals) -> Flags:
    return values > 0


def _above(least: float) -> Callable[[Reals], Flags]:
    return lambda values: values >= least


def text_change(name: str, change: Callable[[Hand, str], str]) -> Injector:
    """An injector that rewrites a text; values that the change leaves as they are are not eligible."""

    def inject(hand: Hand, key: FeedKey, rows: Rows) -> None:
        if not hand.bench.has(key, name):
            return
        rows = hand.bench.filled(key, name, rows)
        news = [change(hand, text) for text in hand.bench.texts(key, name, rows)]
        is_changed = [new != old for new, old in zip(news, hand.bench.texts(key, name, rows), strict=True)]
        by_row = dict(zip(rows.tolist(), news, strict=True))
        chosen = hand.take(key, where(rows, is_changed))
        hand.change(key, chosen, {name: [by_row[row] for row in chosen.tolist()]})

    return inject


def shown_instead(name: str, texts: Callable[[Value], Sequence[str]], *, in_port: bool = False) -> Injector:
    """An injector whose files show one of these texts in place of the value; no texts: not eligible.

    in_port: whether the port's messages can show it; where they write codes of customs, they cannot.
    """

    def inject(hand: Hand, key: FeedKey, rows: Rows) -> None:
        if not hand.bench.has(key, name) or (key[0] in PORT_SOURCES and not in_port):
            return
        rows = hand.bench.filled(key, name, rows)
        choices = dict(zip(rows.tolist(), map(texts, hand.bench.values(key, name, rows)), strict=True))
        chosen = hand.take(key, where(rows, [bool(choices[row]) for row in rows.tolist()]))
        hand.write(key, chosen, name, [hand.pick(choices[row], 1)[0] for row in chosen.tolist()])

    return inject


def number_change(
    names: Sequence[str], change: Callable[[Reals, Reals], Reals], is_eligible: Callable[[Reals], Flags] = _is_positive
) -> Injector:
    """An injector that changes one or more numbers of a record, all of which must be filled and eligible.

    change: of the values and of one draw from 0..1 for each record, what the values become.
    """

    def inject(hand: Hand, key: FeedKey, rows: Rows) -> None:
        if not hand.bench.has(key, *names):
            return
        can = np.ones(len(rows), dtype=bool)
        for name in names:
            can &= is_eligible(hand.bench.numbers(key, name, rows))
        chosen = hand.take(key, rows[can])
        draws = hand.rng.random(len(chosen))
        hand.change(key, chosen, {n: change(hand.bench.numbers(key, n, chosen), draws).tolist() for n in names})

    return inject


def emptied(name: str) -> Injector:
    """An injector that takes a value away."""

    def inject(hand: Hand, key: FeedKey, rows: Rows) -> None:
        if hand.bench.has(key, name):
            chosen = hand.take(key, hand.bench.filled(key, name, rows))
            hand.change(key, chosen, {name: [None] * len(chosen)})

    return inject


def impossible_dates(value: Value) -> Sequence[str]:
    """Ways to write a day that no calendar has or no format agrees with."""
    if not isinstance(value, date):
        return ()
    day = max(value.day, 13)
    return (
        f"{value.year}-{day:02d}-{value.month:02d}",
        f"{value.year % 100:02d}/{value.month}/{value.day}",
        f"31.02.{value.year}",
        "0000-00-00",
    )


def date_swapped(hand: Hand, key: FeedKey, rows: Rows) -> None:
    """Day and month change places where both stay possible."""
    name = hand.defect.fields[0]
    if not hand.bench.has(key, name):
        return
    days = dict(zip(rows.tolist(), hand.bench.values(key, name, rows), strict=True))
    can = [isinstance(day, date) and day.day <= 12 and day.day != day.month for day in days.values()]
    chosen = hand.take(key, where(rows, can))
    found = [days[row] for row in chosen.tolist()]
    swapped = [day.replace(month=day.day, day=day.month) for day in found if isinstance(day, date)]
    hand.change(key, chosen, {name: swapped})


def _later(name: str, base: str, shift: timedelta) -> Injector:
    """An injector that puts a moment at a distance from another one of its record."""

    def inject(hand: Hand, key: FeedKey, rows: Rows) -> None:
        if hand.bench.has(key, name, base):
            chosen = hand.take(key, hand.bench.filled(key, name, hand.bench.filled(key, base, rows)))
            moments = [value for value in hand.bench.values(key, base, chosen) if isinstance(value, datetime)]
            hand.change(key, chosen, {name: [moment + shift for moment in moments]})

    return inject


def shifted_zone(hand: Hand, key: FeedKey, rows: Rows) -> None:
    """Payments eight hours early, where that is before their order."""
    bench = hand.bench
    if not bench.has(key, "paid_at", "order_no", "payment_type"):
        return
    rows = where(rows, [kind == "payment" for kind in bench.texts(key, "payment_type", rows)])
    ordered = ordered_at(hand, bench.texts(key, "order_no", rows))
    starts = np.array([ordered.get(order_no, np.nan) for order_no in bench.texts(key, "order_no", rows)])
    waits = bench.seconds(key, "paid_at", rows) - starts
    chosen = hand.take(key, rows[np.nan_to_num(waits, nan=1e9) < 7 * 3600])
    moments = [value for value in bench.values(key, "paid_at", chosen) if isinstance(value, datetime)]
    hand.change(key, chosen, {"paid_at": [moment - timedelta(hours=8) for moment in moments]})


def ordered_at(hand: Hand, order_nos: Sequence[str]) -> Mapping[str, float]:
    """When these orders were placed, in seconds since 1970, as far as the batch knows them."""
    found: dict[str, float] = {}
    for key in hand.bench.keys_of("orders", "order_no", "ordered_at"):
        rows = hand.bench.rows_with(key, "order_no", order_nos)
        moments = hand.bench.seconds(key, "ordered_at", rows)
        found.update(zip(hand.bench.texts(key, "order_no", rows), moments.tolist(), strict=True))
    return found


def refund_sign(hand: Hand, key: FeedKey, rows: Rows) -> None:
    """Refunds and chargebacks with a positive amount."""
    if not hand.bench.has(key, "payment_type", "amount"):
        return
    is_negative = hand.bench.numbers(key, "amount", rows) < 0
    is_refund = [kind in ("refund", "chargeback") for kind in hand.bench.texts(key, "payment_type", rows)]
    chosen = hand.take(key, rows[is_negative & np.array(is_refund, dtype=bool)])
    hand.change(key, chosen, {"amount": (-hand.bench.numbers(key, "amount", chosen)).tolist()})


def gross_below_net(hand: Hand, key: FeedKey, rows: Rows) -> None:
    """A gross mass of four fifths of the net mass."""
    if not hand.bench.has(key, "gross_mass_kg", "net_mass_kg"):
        return
    chosen = hand.take(key, rows[hand.bench.numbers(key, "net_mass_kg", rows) >= 0.01])
    nets = hand.bench.numbers(key, "net_mass_kg", chosen)
    hand.change(key, chosen, {"gross_mass_kg": np.round(nets * 0.8, 5).tolist()})


def header_against_lines(hand: Hand, key: FeedKey, rows: Rows) -> None:
    """Goods and payable of an order that agree with each other, and not with its lines."""
    if not hand.bench.has(key, "goods_amount", "payable_amount"):
        return
    chosen = hand.take(key, rows[hand.bench.numbers(key, "goods_amount", rows) > 0])
    goods, payable = (hand.bench.numbers(key, name, chosen) for name in ("goods_amount", "payable_amount"))
    more = np.round(goods * 0.1, 0) + 2
    changes = {"goods_amount": goods + more, "payable_amount": payable + more}
    hand.change(key, chosen, {name: np.round(amounts, 2).tolist() for name, amounts in changes.items()})


def discount_twice(hand: Hand, key: FeedKey, rows: Rows) -> None:
    """A payable amount from which the discount is taken a second time."""
    if not hand.bench.has(key, "discount_amount", "payable_amount"):
        return
    discount, payable = (hand.bench.numbers(key, name, rows) for name in ("discount_amount", "payable_amount"))
    chosen = hand.take(key, rows[(discount >= 0.02) & (payable > discount)])
    left = hand.bench.numbers(key, "payable_amount", chosen) - hand.bench.numbers(key, "discount_amount", chosen)
    hand.change(key, chosen, {"payable_amount": np.round(left, 2).tolist()})


def country_confused(hand: Hand, key: FeedKey, rows: Rows) -> None:
    """Hong Kong for records whose province is one of the mainland's."""
    if not hand.bench.has(key, "home_country", "subdivision_code"):
        return
    is_mainland = [text.startswith("CN-") for text in hand.bench.texts(key, "subdivision_code", rows)]
    chosen = hand.take(key, where(rows, is_mainland))
    hand.change(key, chosen, {"home_country": ["HK"] * len(chosen)})


def test_order(hand: Hand, key: FeedKey, rows: Rows) -> None:
    """Orders whose note says that they are a test."""
    chosen = hand.take(key, rows)
    hand.change(key, chosen, {"note": hand.pick(("TEST ORDER", "测试订单", "internal test, do not ship"), len(chosen))})


def report_differs(hand: Hand, key: FeedKey, rows: Rows) -> None:
    """Gross legs of a settlement that state less than the order."""
    if not hand.bench.has(key, "leg_type", "amount"):
        return
    is_gross = [leg == "gross" for leg in hand.bench.texts(key, "leg_type", rows)]
    chosen = hand.take(key, where(rows, is_gross))
    shares = hand.rng.uniform(0.92, 0.98, len(chosen))
    hand.change(key, chosen, {"amount": np.round(hand.bench.numbers(key, "amount", chosen) * shares, 2).tolist()})


def legal_unit_wrong(hand: Hand, key: FeedKey, rows: Rows) -> None:
    """Another unit of customs than the tariff's: pieces for kilograms and the reverse."""
    if not hand.bench.has(key, "legal_unit_1_code"):
        return
    chosen = hand.take(key, hand.bench.filled(key, "legal_unit_1_code", rows))
    units = hand.bench.texts(key, "legal_unit_1_code", chosen)
    hand.change(key, chosen, {"legal_unit_1_code": ["007" if unit == "035" else "035" for unit in units]})


def _dotted(hand: Hand, code: str) -> str:
    if len(code) != 10:
        return code
    between = hand.pick((".", ".", " "), 1)[0]
    return between.join((code[:4], code[4:6], code[6:]))


def _shortened(hand: Hand, code: str) -> str:
    return code[: int(hand.pick(("6", "8"), 1)[0])] if len(code) == 10 else code


def _older(table: Mapping[str, str]) -> Callable[[Hand, str], str]:
    return lambda _, code: table.get(code[:6], code[:6]) + code[6:]


def _spaced(hand: Hand, text: str) -> str:
    return hand.pick((f"\u3000{text}", f"{text}\u00a0", f"{text[:4]}\u200b{text[4:]}"), 1)[0]


def _scaled(factor: float) -> Callable[[Reals, Reals], Reals]:
    return lambda values, _: np.round(values * factor, 5)


def _cent_off(values: Reals, draws: Reals) -> Reals:
    return np.round(values + np.where(draws < 0.5, 0.01, -0.01), 2)


def _undervalued(values: Reals, draws: Reals) -> Reals:
    return np.round(values * (0.1 + 0.3 * draws), 2)


INJECTORS: Mapping[str, Injector] = MappingProxyType(
    {
        "shifted_zone": shifted_zone,
        "date_impossible": shown_instead("paid_at", impossible_dates),
        "date_future": _later("settled_at", "settled_at", timedelta(days=30 * 365)),
        "date_swapped": date_swapped,
        "currency_alias": shown_instead("currency_code", lambda v: codes.CURRENCY_ALIASES.get(text_of(v) or "", ())),
        "currency_ambiguous": shown_instead("currency_code", lambda _: codes.AMBIGUOUS_SIGNS),
        "currency_missing": emptied("currency_code"),
        "full_width": text_change("order_no", lambda _, text: text.translate(codes.PLAIN_TO_FULL_WIDTH)),
        "odd_spaces": text_change("order_no", _spaced),
        "replacement_character": text_change("consignee_name", lambda _, text: f"{text[:2]}\ufffd{text[3:]}"),
        "script_variant": text_change("consignee_name", lambda _, text: codes.with_other_script(text)),
        "hs_punctuation": text_change("hs_code", _dotted),
        "hs_leading_zero": text_change("hs_code", lambda _, code: code[1:] if code.startswith("0") else code),
        "hs_short": text_change("hs_code", _shortened),
        "hs_scientific": text_change("hs_code", lambda _, code: f"{int(code):.4E}" if code.isdigit() else code),
        "hs_superseded": text_change("hs_code", _older(codes.HS_OLD_OF_NEW)),
        "hs_superseded_unclear": text_change("hs_code", _older(codes.HS_OLD_UNCLEAR_OF_NEW)),
        "weight_in_grams": number_change(("net_mass_kg", "gross_mass_kg"), _scaled(1000)),
        "weight_in_pounds": number_change(("net_mass_kg", "gross_mass_kg"), _scaled(2.20462), _above(0.05)),
        "gross_below_net": gross_below_net,
        "net_not_positive": number_change(("net_mass_kg",), lambda kg, draw: np.where(draw < 0.5, 0.0, -kg)),
        "legal_unit_wrong": legal_unit_wrong,
        "legal_quantity_missing": emptied("legal_quantity_1"),
        "header_rounding": number_change(("goods_amount",), _cent_off, _above(1)),
        "header_against_lines": header_against_lines,
        "discount_undeclared": number_change(("discount_amount",), lambda amount, _: amount * 0, _above(0.02)),
        "discount_twice": discount_twice,
        "refund_sign": refund_sign,
        "return_without_sale": text_change("order_line_no", lambda _, line: f"9{line}"),
        "return_above_sale": number_change(("quantity",), lambda pieces, _: pieces + 100),
        "delivered_before_shipped": _later("delivered_at", "shipped_at", timedelta(days=-1)),
        "test_order": test_order,
        "uscc_check_digit": text_change("merchant_uscc", lambda _, text: codes.with_wrong_character(text)),
        "resident_id_check_digit": text_change("buyer_id_no", lambda _, text: codes.with_wrong_digit(text)),
        "payer_id_check_digit": text_change("payer_id_no", lambda _, text: codes.with_wrong_digit(text)),
        "gtin_check_digit": text_change("gtin", lambda _, text: codes.with_wrong_digit(text)),
        "container_check_digit": text_change("container_no", lambda _, text: codes.with_wrong_digit(text)),
        "country_alias": shown_instead("payer_country", lambda v: codes.COUNTRY_ALIASES.get(text_of(v) or "", ())),
        "country_unknown": shown_instead("ship_to_country", lambda _: codes.NO_COUNTRIES),
        "country_confused": country_confused,
        "subdivision_unknown": text_change("subdivision_code", lambda _, code: f"{code[:2]}-ZZ"),
        "null_token": shown_instead("route_code", lambda _: codes.NULL_TOKENS),
        "key_missing": shown_instead("payment_no", lambda _: codes.NULL_TOKENS),
        "undervalued": number_change(("unit_price_amount", "line_value_amount"), _undervalued),
        "report_differs": report_differs,
    }
)
