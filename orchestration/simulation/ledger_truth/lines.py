"""The state of each order line as of any moment, from the records that stand.

Belongs here: events of a line, when a milestone is complete, which state follows. Does not: which records stand (see
`delivered.py`), and which payout holds an order (see `payouts.py`).

The rules are those of the ledger's design and are written a second time here, in another way than in SQL, so that each
shows the errors of the other. Moments are seconds UTC since 1970; a date counts from its first second.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from orchestration.simulation.ledger_truth.delivered import Delivered, joined_texts
from orchestration.simulation.ledger_truth.payouts import received_on

Integers = NDArray[np.int64]
Reals = NDArray[np.float64]
NEVER = np.int64(2**61)

MILESTONES = ("ordered", "paid", "declared", "released", "shipped", "delivered", "received", "rebated")
# Later ones win where two happen at the same moment.
SIDE_TRACKS = ("cancelled", "stopped", "lost", "returned_to_sender", "returned")
REFUNDED = "refunded"
STATES = (*MILESTONES, *SIDE_TRACKS, REFUNDED)
NO_STATE = -1

_DELIVERED, _RECEIVED, _REBATED = (MILESTONES.index(name) for name in ("delivered", "received", "rebated"))
_RANKS = np.arange(len(MILESTONES))
# Goods for a warehouse abroad are declared and released before anybody orders them.
_STOCKED_RANKS = np.array([2, 3, 0, 1, 4, 5, 6, 7])
ORDER_STATUS_CANCELLED = ("cancelled", "canceled")


@dataclass(frozen=True)
class Events:
    """What happened to lines: the row of the line, the moment and the quantity of each event of one name."""

    line: Integers
    at: Integers
    quantity: Reals


@dataclass(frozen=True)
class Lines:
    """The sale lines of the standing orders, and everything that the records say of them.

    frame: order_no, line_no, source_id, market, month, line_key, quantity, flow, supervision_mode, ordered_at.
    """

    frame: pd.DataFrame
    cancelled_qty: Reals
    events: Mapping[str, Events]
    complete_at: NDArray[np.int64]  # line x milestone

    def states(self, at: int) -> Integers:
        """Index into `STATES` of each line as of a moment; `NO_STATE` before it was ordered."""
        quantity = self.frame["quantity"].to_numpy(np.float64)
        complete = self.complete_at <= at
        is_delivered = complete[:, _DELIVERED]
        complete[:, _RECEIVED] &= is_delivered
        complete[:, _REBATED] &= is_delivered
        is_stocked = (self.frame["flow"] == "export").to_numpy() & (self.frame["supervision_mode"] == "9810").to_numpy()
        ranks = np.where(is_stocked[:, None], _STOCKED_RANKS, _RANKS)
        state = np.where(complete, ranks, -1).argmax(axis=1)
        gone, last = self._gone(at)
        state = np.where(gone >= quantity - 1e-9, last, state)
        refund = self.events[REFUNDED]
        is_refunded = np.zeros(len(quantity), bool)
        is_refunded[refund.line[refund.at <= at]] = True
        state = np.where((gone >= quantity - 1e-9) & is_refunded, STATES.index(REFUNDED), state)
        return np.where(self.frame["ordered_at"].to_numpy() <= at, state, NO_STATE).astype(np.int64)

    def _gone(self, at: int) -> tuple[Reals, Integers]:
        """What was taken out of each line by a moment, and the side track of the last such event."""
        gone, latest = np.zeros(len(self.frame)), np.full(len(self.frame), -1, np.int64)
        for number, name in enumerate(SIDE_TRACKS):
            found = self.events[name]
            by_then = found.at <= at
            gone += np.bincount(found.line[by_then], found.quantity[by_then], len(self.frame))
            np.maximum.at(latest, found.line[by_then], found.at[by_then] * len(SIDE_TRACKS) + number)
        return gone, np.where(latest < 0, 0, latest % len(SIDE_TRACKS)) + len(MILESTONES)


def ledger_lines(delivered: Delivered) -> Lines:
    """The lines of all standing orders with everything that happened to them."""
    orders = delivered.of("orders").reset_index(drop=True)
    legs = delivered.of("order_lines")
    sales = legs[(legs["leg_type"] == "sale") & (legs["product_kind"] == "product")]
    order_of_line = _positions(pd.Index(orders["order_no"]), sales["order_no"])
    sales, order_of_line = sales[order_of_line >= 0].reset_index(drop=True), order_of_line[order_of_line >= 0]
    book = _Book(delivered, orders, sales, order_of_line)
    events = book.events()
    cancelled = np.bincount(events["cancelled"].line, events["cancelled"].quantity, len(sales)).astype(np.float64)
    needed = book.quantity - cancelled
    needed = np.where(needed <= 0, book.quantity, needed)
    complete = np.stack([_completed(events[name], needed) for name in MILESTONES], axis=1)
    return Lines(book.frame(), cancelled, events, complete)


def real_lines(clean: Delivered) -> Lines:
    """The lines of the world as they really are, whatever was told of them; clean: all its documents, undisturbed.

    A milestone is that of the whole line, at the moment that the world's truth gives it.
    """
    lines = ledger_lines(clean)
    truth = clean.milestones
    index = pd.Index(truth["order_no"].astype(str).str.cat(truth["order_line_no"].astype(str), sep="|"))
    row = _positions(index, lines.frame["order_no"].str.cat(lines.frame["line_no"], sep="|"))
    real = np.stack([seconds(truth[f"{name}_at"])[row] for name in MILESTONES], axis=1)
    return replace(lines, complete_at=real)


def record_keys(sources: Sequence[str], *parts: Sequence[str]) -> list[str]:
    """The surrogate keys of records from the parts of their natural keys."""
    rows = zip(sources, *parts, strict=True)
    return [sha256("|".join(row).encode()).hexdigest()[:32] for row in rows]


def seconds(column: "pd.Series[pd.Timestamp]") -> Integers:
    """Moments or dates as seconds since 1970; `NEVER` where there is none."""
    moments = pd.to_datetime(column, utc=True)
    whole = moments.dt.tz_convert(None).to_numpy().astype("datetime64[s]")
    return np.where(np.isnat(whole), NEVER, whole.astype(np.int64))


def _completed(events: Events, needed: Reals) -> Integers:
    """When the quantity of the events reached what is needed, by line; `NEVER` where it did not."""
    order = np.lexsort((events.at, events.line))
    line, at, quantity = events.line[order], events.at[order], events.quantity[order]
    order = np.flatnonzero(at < NEVER)
    line, at, quantity = line[order], at[order], quantity[order]
    result = np.full(len(needed), NEVER)
    if not len(line):
        return result
    total = np.cumsum(quantity)
    first = np.flatnonzero(np.append(True, line[1:] != line[:-1]))
    before = np.repeat(total[first] - quantity[first], np.diff(np.append(first, len(line))))
    reached = np.flatnonzero(total - before >= needed[line] - 1e-9)
    # Of several the first counts; written backwards it is the one that stays.
    result[line[reached][::-1]] = at[reached][::-1]
    return result


class _Book:
    """The sale lines beside their orders, and the ways from documents to them."""

    def __init__(self, delivered: Delivered, orders: pd.DataFrame, sales: pd.DataFrame, order_of_line: Integers):
        self.delivered, self.orders, self.sales, self.order_of_line = delivered, orders, sales, order_of_line
        self.quantity = sales["quantity"].to_numpy(np.float64)
        self._order_index = pd.Index(orders["order_no"])
        self._line_index = pd.Index(sales["order_no"].str.cat(sales["line_no"].astype(str), sep="|"))
        # Lines by order, for what an order as a whole has.
        self._by_order = np.argsort(order_of_line, kind="stable")
        self._first = np.searchsorted(order_of_line[self._by_order], np.arange(len(orders) + 1))

    def lines(self, numbers: "pd.Series[str]", line_numbers: "pd.Series[str]") -> Integers:
        """The row of each line that documents name; -1 for those that are none."""
        names = numbers.astype(str).str.cat(line_numbers.astype(str), sep="|")
        return _positions(self._line_index, names)

    def every_line(self, order: Integers, at: Integers) -> Events:
        """An event of whole orders as events of all their lines, with their quantities."""
        known = np.flatnonzero((order >= 0) & (at < NEVER))
        order, at = order[known], at[known]
        counts = self._first[order + 1] - self._first[order]
        offset = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        line = self._by_order[np.repeat(self._first[order], counts) + offset]
        return Events(line, np.repeat(at, counts), self.quantity[line])

    def orders_of(self, numbers: "pd.Series[str]") -> Integers:
        """The row of each order that documents name; -1 for those that are none."""
        return _positions(self._order_index, numbers)

    def events(self) -> dict[str, Events]:
        """All events by name."""
        every = np.arange(len(self.orders))
        found = {
            "ordered": self.every_line(every, seconds(self.orders["ordered_at"])),
            "paid": self.every_line(every, self._paid_at()),
            "received": self.every_line(every, received_on(self.delivered, self.orders)),
            REFUNDED: self.every_line(every, self._refunded_at()),
            "cancelled": self._cancelled(),
            "returned": self._returned(),
        }
        return found | self._customs() | self._parcels()

    def frame(self) -> pd.DataFrame:
        """The lines with what tells their state apart."""
        order = self.orders.iloc[self.order_of_line].reset_index(drop=True)
        mode, flow_declared = self._declared()
        sellers = self.delivered.of("sellers").sort_values("valid_from").drop_duplicates("seller_id", keep="last")
        home = order["seller_id"].map(sellers.set_index("seller_id")["home_country"]).astype(object)
        market = order["ship_to_country"].astype(object)
        flow = np.where((market == "CN") & (home != "CN"), "import", np.where(home != market, "export", "domestic"))
        flow = np.where(home.isna(), flow_declared[self.order_of_line], flow)
        return pd.DataFrame(
            {
                "source_id": order["source_id"],
                "order_no": order["order_no"],
                "line_no": self.sales["line_no"].astype(str),
                "market": market,
                "line_key": record_keys(
                    order["source_id"].to_list(),
                    order["order_no"].to_list(),
                    self.sales["line_no"].astype(str).to_list(),
                ),
                "quantity": self.quantity,
                "flow": flow,
                "supervision_mode": mode[self.order_of_line],
                "ordered_at": seconds(order["ordered_at"]),
            }
        )

    def _declared(self) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
        """Supervision mode and flow of the first declaration of each order, summaries left out."""
        mode = np.full(len(self.orders), None, dtype=object)
        flow = mode.copy()
        headers = self._declarations()
        if not len(headers):
            return mode, flow
        headers = headers.assign(
            key=record_keys(headers["source_id"].to_list(), headers["declaration_no"].to_list()),
            order=headers["order_no"].str.split(";"),
        ).sort_values(["declared_at", "key"])
        named = headers.explode("order")
        order = self.orders_of(named["order"])
        known = order >= 0
        # The first one is to stay: written backwards.
        mode[order[known][::-1]] = named["supervision_mode"].to_numpy(object)[known][::-1]
        flow[order[known][::-1]] = named["flow"].to_numpy(object)[known][::-1]
        return mode, flow

    def _declarations(self) -> pd.DataFrame:
        headers = self.delivered.of("declarations")
        return headers[headers["document_kind"] != "summary"]

    def _paid_at(self) -> Integers:
        payments = self.delivered.of("payments")
        payments = payments[payments["payment_type"] == "payment"]
        order = self.orders_of(payments["order_no"])
        payable = pd.to_numeric(self.orders["payable_amount"]).to_numpy(np.float64)
        in_currency = payments["currency_code"].to_numpy(object) == self.orders["currency_code"].to_numpy(object)[order]
        known = (order >= 0) & in_currency
        events = Events(order[known], seconds(payments["paid_at"])[known], payments["amount"].to_numpy(float)[known])
        return _completed(events, np.nan_to_num(payable, nan=0.0) - 0.01 + 1e-9)

    def _refunded_at(self) -> Integers:
        payments = self.delivered.of("payments")
        payments = payments[payments["payment_type"].isin(["refund", "chargeback"])]
        order, at = self.orders_of(payments["order_no"]), seconds(payments["paid_at"])
        result = np.full(len(self.orders), NEVER)
        np.minimum.at(result, order[order >= 0], at[order >= 0])
        return result

    def _cancelled(self) -> Events:
        legs = self.delivered.of("order_lines")
        if "reverses_line_no" not in legs.columns:
            legs = legs.assign(reverses_line_no=None, reverses_order_no=None)
        legs = legs[(legs["leg_type"] == "cancellation") & legs["reverses_line_no"].notna()]
        line = self.lines(legs["reverses_order_no"], legs["reverses_line_no"])
        known = line >= 0
        documented = Events(
            line[known], seconds(legs["updated_at"])[known], -legs["quantity"].to_numpy(np.float64)[known]
        )
        if "order_status" not in self.orders.columns:
            return documented
        status = self.orders["order_status"].astype(object).where(self.orders["order_status"].notna(), "")
        order = np.flatnonzero(status.str.lower().isin(ORDER_STATUS_CANCELLED))
        whole = self.every_line(order, seconds(self.orders["updated_at"])[order])
        alone = ~np.isin(whole.line, documented.line)
        return _together([documented, Events(whole.line[alone], whole.at[alone], whole.quantity[alone])])

    def _returned(self) -> Events:
        returns = self.delivered.of("returns")
        line = self.lines(returns["order_no"], returns["order_line_no"])
        known = line >= 0
        return Events(line[known], seconds(returns["returned_at"])[known], returns["quantity"].to_numpy(float)[known])

    def _customs(self) -> dict[str, Events]:
        """Declared, released and stopped from declarations and lists; rebated from claims, summaries included."""
        lines, headers = self.delivered.of("declaration_lines"), self._declarations()
        line, quantity = self.lines(lines["order_no"], lines["order_line_no"]), lines["quantity"].to_numpy(np.float64)
        number = lines["declaration_no"]
        receipts = self.delivered.of("declaration_receipts")

        def events(moment: "pd.Series[int]") -> Events:
            at = number.map(moment).fillna(float(NEVER)).to_numpy()
            known = (line >= 0) & (at < float(NEVER)) & number.isin(headers["declaration_no"]).to_numpy()
            return Events(line[known], at[known].astype(np.int64), quantity[known])

        def received(codes: Sequence[str]) -> "pd.Series[int]":
            its = receipts[receipts["status_code"].isin(codes)]
            return pd.Series(seconds(its["received_at"]), index=its["declaration_no"]).groupby(level=0).min()

        claims = self.delivered.of("rebate_claims")
        claimed = claims["declaration_no"].astype(str).str.cat(claims["declaration_line_no"].astype(str), sep="|")
        item = _positions(pd.Index(number.astype(str).str.cat(lines["line_no"].astype(str), sep="|")), claimed)
        paid = seconds(claims["paid_on"])
        its = np.flatnonzero((item >= 0) & (paid < NEVER))
        its = its[line[item[its]] >= 0]
        back = claims["claim_status"].to_numpy(object)[its] == "clawed_back"
        changed = seconds(claims["updated_at"])[its]
        return {
            "declared": events(pd.Series(seconds(headers["declared_at"]), index=headers["declaration_no"])),
            "released": events(received(["800"])),
            "stopped": events(received(["900", "700"])),
            "rebated": Events(line[item[its]], paid[its], quantity[item[its]]),
            "clawed_back": Events(line[item[its]][back], changed[back], quantity[item[its]][back]),
        }

    def _parcels(self) -> dict[str, Events]:
        """Shipped, delivered, lost and sent back, of the lines that parcels name; else of all lines of their orders."""
        key = ("carrier_code", "waybill_no", "shipped_month")
        headers, lines = self.delivered.of("shipments"), self.delivered.of("shipment_lines")

        def names(frame: pd.DataFrame) -> "pd.Series[str]":
            return joined_texts([frame[part].astype(str) for part in key], frame.index)

        index = pd.Index(names(headers))
        parcel = _positions(index, names(lines))
        line = self.lines(lines["order_no"], lines["order_line_no"])
        known = (parcel >= 0) & (line >= 0)
        parcel, line, quantity = parcel[known], line[known], lines["quantity"].to_numpy(np.float64)[known]
        bare = np.flatnonzero(~np.isin(np.arange(len(headers)), parcel))
        listed = [str(text).split(";") for text in headers["order_no"].fillna("").to_numpy(object)[bare]]
        whole_order = self.orders_of(pd.Series([number for numbers in listed for number in numbers], dtype="str"))
        whole_parcel = np.repeat(bare, [len(numbers) for numbers in listed]).astype(np.int64)
        tracking = self.delivered.of("tracking_events")
        place = _positions(index, names(tracking))
        moments, codes = seconds(tracking["event_at"]), tracking["event_code"].to_numpy(object)

        def tracked(code: str) -> Integers:
            found = np.full(len(headers), NEVER)
            its = (codes == code) & (place >= 0)
            np.minimum.at(found, place[its], moments[its])
            return found

        delivered_at = seconds(headers["delivered_at"])
        of_parcels = {
            "shipped": seconds(headers["shipped_at"]),
            "delivered": np.where(delivered_at < NEVER, delivered_at, tracked("delivered")),
            "lost": tracked("lost"),
            "returned_to_sender": tracked("returned"),
        }
        found = {}
        for name, at in of_parcels.items():
            come = at[parcel] < NEVER
            named = Events(line[come], at[parcel][come], quantity[come])
            found[name] = _together([named, self.every_line(whole_order, at[whole_parcel])])
        return found


def _positions(index: pd.Index, names: "pd.Series[str]") -> Integers:
    """The row of each name; -1 for those that there are not."""
    return np.asarray(index.get_indexer(pd.Index(names)), dtype=np.int64)


def _together(parts: Sequence[Events]) -> Events:
    return Events(
        np.concatenate([part.line for part in parts]).astype(np.int64),
        np.concatenate([part.at for part in parts]).astype(np.int64),
        np.concatenate([part.quantity for part in parts]).astype(np.float64),
    )
