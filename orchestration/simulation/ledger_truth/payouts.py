"""What each payout holds of the records that stand, which receipt pays it, and what stays unexplained.

Belongs here: settlements and the port's monthly collections. Does not: which records stand (see `delivered.py`).

A settlement holds the legs of one report. A collection holds what buyers paid and got back for the port's orders of a
seller in a market and a calendar month in China. The truth knows what each receipt really pays, and how much that is;
what the delivered legs do not add up to is the remainder that nobody can explain from documents.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from orchestration.simulation.documents.columns import CHINA_OFFSET
from orchestration.simulation.documents.pots import DIRECT, pot_numbers
from orchestration.simulation.documents.settling import settlement_numbers
from orchestration.simulation.documents.totals import cny_per_unit
from orchestration.simulation.ledger_truth.delivered import Delivered

Integers = NDArray[np.int64]
Reals = NDArray[np.float64]
NEVER = np.int64(2**61)
PORT = "port"


def payouts(delivered: Delivered) -> pd.DataFrame:
    """One row per payout that holds a standing leg of a standing order and closes within the world's months.

    payout_kind, payout_no (of the report, or of the collection), seller_id, market, month (of the report, or in which
    buyers paid), currency_code, net_amount (of the delivered legs), receipt_no, received_on, receipt_currency_code,
    unexplained_amount (credit and charge less the worth of the legs on the value day, in the receipt's currency; null
    without a receipt), is_certain (no leg is of an uncertain order, and the rates of the value day were delivered).
    """
    legs = pd.concat([_settled(delivered), _collected(delivered)], ignore_index=True)
    sums = legs.groupby("payout_no", sort=True).agg(
        payout_kind=("payout_kind", "first"),
        seller_id=("seller_id", "first"),
        market=("market", "first"),
        month=("month", "first"),
        currency_code=("currency_code", "first"),
        cents=("cents", "sum"),
        is_certain=("is_certain", "all"),
    )
    # Of the last month nothing is collected before the world ends.
    is_open = (sums["payout_kind"] == "collection") & (sums["month"] >= delivered.world.config.month_list[-1])
    receipts = delivered.of("bank_receipts").rename(columns={"currency_code": "receipt_currency_code"})
    links = delivered.links[["receipt_no", "settlement_no"]].merge(
        receipts[["receipt_no", "value_on", "receipt_currency_code", "amount", "bank_charge_amount"]], on="receipt_no"
    )
    links = links.rename(columns={"settlement_no": "payout_no", "value_on": "received_on"})
    found = sums[~is_open].reset_index().merge(links, on="payout_no", how="left")
    rate, is_delivered = _rates(delivered, found)
    credit = np.rint((found["amount"].to_numpy(float) + found["bank_charge_amount"].to_numpy(float)) * 100)
    worth = np.rint(found["cents"].to_numpy(float) * rate)
    return found.assign(
        net_amount=found["cents"] / 100,
        unexplained_amount=np.round((credit - worth) / 100, 2),
        is_certain=found["is_certain"].to_numpy(bool) & is_delivered,
    ).drop(columns=["cents", "amount", "bank_charge_amount"])


def untold_orders(delivered: Delivered) -> frozenset[str]:
    """Orders of collections of which the rates of the value day were not delivered: nothing tells their receipt."""
    found = payouts(delivered)
    untold = found.loc[(found["payout_kind"] == "collection") & ~found["is_certain"].astype(bool), "payout_no"]
    legs = _collected(delivered)
    return frozenset(legs.loc[legs["payout_no"].isin(untold), "order_no"])


def _rates(delivered: Delivered, found: pd.DataFrame) -> tuple[Reals, NDArray[np.bool_]]:
    """Units of the receipt's currency for one of the payout's on the value day, and whether that was delivered."""
    days = pd.to_datetime(found["received_on"]).to_numpy().astype("datetime64[D]")
    has_day = ~np.isnat(days)
    day = np.where(has_day, days.astype(np.int64), 0)
    rate, is_delivered = np.full(len(found), np.nan), has_day.copy()
    is_same = (found["currency_code"] == found["receipt_currency_code"]).to_numpy(bool)
    rate[has_day & is_same] = 1.0
    given = delivered.of("fx_rates")
    for currency in found["currency_code"].unique():
        its = np.flatnonzero((found["currency_code"] == currency).to_numpy(bool) & has_day & ~is_same)
        rate[its] = cny_per_unit(delivered.world, currency, day[its])
        for code in (currency, "CNY"):
            known = np.sort(
                pd.to_datetime(given.loc[given["currency_code"] == code, "rate_on"])
                .to_numpy()
                .astype("datetime64[D]")
                .astype(np.int64)
            )
            # A weekend carries Friday's rate; an older one than the last weekday's is another rate.
            weekday = (day[its] + 3) % 7
            is_delivered[its] &= np.isin(day[its] - np.maximum(weekday - 4, 0), known) | (code == "EUR")
    return rate, is_delivered | ~has_day


def received_on(delivered: Delivered, orders: pd.DataFrame) -> Integers:
    """The first second of the day on which the money of each order came in; `NEVER` where it did not."""
    paid = delivered.links.merge(delivered.of("bank_receipts")[["receipt_no", "value_on"]], on="receipt_no")
    day = paid["value_on"].to_numpy().astype("datetime64[s]").astype(np.int64)
    of_payout = pd.Series(day, index=paid["settlement_no"]).groupby(level=0).min()
    legs = pd.concat([_settled(delivered), _collected(delivered)], ignore_index=True)
    legs = legs[legs["is_sale"]]
    at = legs["payout_no"].map(of_payout).fillna(float(NEVER)).to_numpy().astype(np.int64)
    order = pd.Index(orders["order_no"]).get_indexer(legs["order_no"])
    result = np.full(len(orders), NEVER)
    np.minimum.at(result, order[order >= 0], at[order >= 0])
    return result


def _settled(delivered: Delivered) -> pd.DataFrame:
    """The standing lines of settlement reports."""
    lines = delivered.of("settlements")
    return pd.DataFrame(
        {
            "payout_kind": "settlement",
            "payout_no": lines["settlement_no"],
            "order_no": lines["order_no"],
            "seller_id": lines["seller_id"],
            "market": lines["market_country"],
            "month": pd.to_datetime(lines["settled_at"], utc=True).dt.strftime("%Y-%m"),
            "currency_code": lines["currency_code"],
            "cents": _cents(lines["amount"]),
            "is_sale": lines["leg_type"] == "gross",
            # A leg of an order in quarantine is a leg of the report all the same.
            "is_certain": ~lines["order_no"].isin(delivered.uncertain_orders),
        }
    )


def _collected(delivered: Delivered) -> pd.DataFrame:
    """The standing payments and refunds of the port's standing orders."""
    payments = delivered.of("payments")
    payments = payments[payments["source_id"] == PORT]
    orders = delivered.of("orders")[["order_no", "seller_id", "ship_to_country"]]
    its = payments.merge(orders, on="order_no")
    moments = pd.to_datetime(its["paid_at"], utc=True).dt.tz_convert(None).to_numpy().astype("datetime64[s]")
    at = moments.astype(np.int64)
    seller = its["seller_id"].str[1:].to_numpy(object).astype(np.int64) - 1
    pots = np.zeros(len(its), np.int64)
    codes = delivered.world.markets.code
    for market in its["ship_to_country"].unique():
        rows = np.flatnonzero(its["ship_to_country"] == market)
        channel = np.full(len(rows), DIRECT, np.int64)
        pots[rows] = pot_numbers(seller[rows], codes.index(market), channel, at[rows])
    numbers, place = np.unique(pots, return_inverse=True)
    names = settlement_numbers(delivered.world, numbers).to_numpy(zero_copy_only=False) if len(numbers) else numbers
    return pd.DataFrame(
        {
            "payout_kind": "collection",
            "payout_no": names[place] if len(its) else pd.Series([], dtype=str),
            "order_no": its["order_no"],
            "seller_id": its["seller_id"],
            "market": its["ship_to_country"],
            "month": [str(month) for month in (at + CHINA_OFFSET).astype("datetime64[s]").astype("datetime64[M]")],
            "currency_code": its["currency_code"],
            "cents": _cents(its["amount"]),
            "is_sale": its["payment_type"] == "payment",
            "is_certain": ~its["order_no"].isin(delivered.uncertain_orders),
        }
    )


def _cents(amounts: "pd.Series[float]") -> Integers:
    cents: Integers = np.rint(pd.to_numeric(amounts).to_numpy(np.float64) * 100).astype(np.int64)
    return cents
