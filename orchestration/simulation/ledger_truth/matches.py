"""The verdict that each match rule must give for each standing order, from the records that stand.

Belongs here: what the rules say in words, worked out a second time. Does not: the rules' ids, tolerances and sources in
SQL (see the seed `match_rule`), and personal values: the world's persons agree with each other, and the defects that
put them at odds are tags, not other persons.

Whatever the world says of an order twice, it says alike, unless a defect changed one side. So a rule is matched where
its documents stand; it waits where one is missing and may still come; and the rest is named here one by one.
"""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from orchestration.simulation.ledger_truth.delivered import Delivered, joined_texts
from orchestration.simulation.ledger_truth.lines import Lines, seconds

Flags = NDArray[np.bool_]
MATCHED, WAITING, MISMATCH, REJECTED, NO_ROW = "matched", "waiting_document", "mismatch", "rejected", ""

RETAIL_IMPORTS = ("9610", "1210", "1239")
TRANSACTION_LIMIT_CNY = 5000.0
PRICE_TOLERANCE = 0.05
# Of these the world's pieces state too little to work the verdict out without the platform's own reckoning.
LEFT_OUT = ("match.weight", "match.composite_tax", "match.annual_allowance")


def expected_verdicts(delivered: Delivered, lines: Lines) -> pd.DataFrame:
    """One row per standing order and rule that has a verdict: order_no, source_id, rule_id, match_status.

    Uncertain orders are left out, as are those whose parcels a defect made weightless.
    """
    facts = _facts(delivered, lines)
    parts = []
    for rule_id, judge in _RULES.items():
        verdict = judge(facts)
        its = np.flatnonzero(verdict != NO_ROW)
        parts.append(
            pd.DataFrame(
                {
                    "source_id": facts["source_id"].to_numpy(object)[its],
                    "order_no": facts["order_no"].to_numpy(object)[its],
                    "rule_id": f"match.{rule_id}",
                    "match_status": verdict[its],
                }
            )
        )
    found = pd.concat(parts, ignore_index=True)
    return found[~found["order_no"].isin(delivered.uncertain_orders)].reset_index(drop=True)


def _facts(delivered: Delivered, lines: Lines) -> pd.DataFrame:
    """One row per standing order with a line: what is there of its documents, and how they compare."""
    orders = delivered.of("orders")
    facts = orders[["source_id", "order_no", "ship_to_country", "goods_amount", "freight_amount", "discount_amount"]]
    of_line = lines.frame.assign(
        cancelled=lines.cancelled_qty >= lines.frame["quantity"].to_numpy(float),
        left=lines.frame["quantity"] - lines.cancelled_qty,
    )
    for name in ("declared", "shipped", "released", "stopped"):
        events = lines.events[name]
        of_line[name] = np.bincount(events.line, events.quantity, len(of_line))
    grouped = of_line.groupby("order_no")
    per_order = pd.DataFrame(
        {
            "flow": grouped["flow"].first(),
            "supervision_mode": grouped["supervision_mode"].first(),
            "quantity": grouped["quantity"].sum(),
            "is_cancelled": grouped["cancelled"].all(),
            "is_declared_whole": (of_line["declared"] >= of_line["left"]).groupby(of_line["order_no"]).all(),
            "is_shipped_whole": (of_line["shipped"] >= of_line["left"]).groupby(of_line["order_no"]).all(),
            "has_declared_line": (of_line["declared"] > 0).groupby(of_line["order_no"]).any(),
            "is_stopped": (of_line["stopped"] > 0).groupby(of_line["order_no"]).any(),
        }
    )
    facts = facts.merge(per_order, left_on="order_no", right_index=True)
    facts = facts.join(_payment_facts(delivered), on="order_no").join(_parcel_facts(delivered), on="order_no")
    facts = facts.join(_customs_facts(delivered), on="order_no").join(_price_facts(delivered), on="order_no")
    flags = [name for name in facts.columns if name.startswith(("is_", "has_"))]
    facts[flags] = facts[flags].astype("boolean").fillna(False).astype(bool)
    facts["is_port"] = facts["source_id"] == "port"
    # The port has no message for a cancelled order: the money goes back, and nothing was shipped.
    facts["is_closed"] = (
        facts["is_cancelled"] | facts["is_stopped"] | (facts["is_refunded_whole"] & ~facts["has_waybill"])
    )
    return facts.reset_index(drop=True)


def _payment_facts(delivered: Delivered) -> pd.DataFrame:
    payments = delivered.of("payments")
    is_payment = payments["payment_type"] == "payment"
    paid = payments[is_payment].groupby("order_no")["amount"].sum()
    back = -payments[~is_payment].groupby("order_no")["amount"].sum()
    return pd.DataFrame(
        {"has_payment": True, "is_refunded_whole": back.reindex(paid.index).fillna(0) >= paid - 0.005}, index=paid.index
    )


def _parcel_facts(delivered: Delivered) -> pd.DataFrame:
    headers = delivered.of("shipments")
    named = headers.assign(order_no=headers["order_no"].str.split(";")).explode("order_no")
    return pd.DataFrame(
        {"has_waybill": True, "waybills": named.groupby("order_no")["waybill_no"].agg(frozenset)},
    )


def _customs_facts(delivered: Delivered) -> pd.DataFrame:
    """Of the declarations and lists that name an order: its status, and the waybill that it names."""
    headers = delivered.of("declarations")
    headers = headers[headers["document_kind"] != "summary"]
    receipts = delivered.of("declaration_receipts")
    told = receipts.groupby("declaration_no")["status_code"].agg(frozenset)
    status = headers["declaration_no"].map(told)
    has = {
        code: np.array([isinstance(codes, frozenset) and code in codes for codes in status])
        for code in ("800", "900", "399")
    }
    named = headers.assign(
        is_released=has["800"],
        is_sent_back=has["900"],
        is_concluded=has["399"],
        is_shared=headers["order_no"].str.contains(";"),
        order_no=headers["order_no"].str.split(";"),
        released_at=headers["declaration_no"].map(_first_release(receipts)),
    ).explode("order_no")
    grouped = named.groupby("order_no")
    alone = named[~named["is_shared"].astype(bool) & named["waybill_no"].notna()]
    return pd.DataFrame(
        {
            "has_declaration": True,
            "is_released": grouped["is_released"].all(),
            "is_sent_back": grouped["is_sent_back"].any(),
            "is_concluded": grouped["is_concluded"].all(),
            "declared_waybill": alone.groupby("order_no")["waybill_no"].first().reindex(grouped.size().index),
            "released_at": grouped["released_at"].min(),
        }
    )


def _first_release(receipts: pd.DataFrame) -> "pd.Series[int]":
    its = receipts[receipts["status_code"] == "800"]
    return pd.Series(seconds(its["received_at"]), index=its["declaration_no"]).groupby(level=0).min()


def _price_facts(delivered: Delivered) -> pd.DataFrame:
    """How far the declared prices and the declared value of each order's lines are from the order's."""
    lines, headers = delivered.of("declaration_lines"), delivered.of("declarations")
    kept = headers.loc[headers["document_kind"] != "summary", "declaration_no"]
    lines = lines[lines["declaration_no"].isin(kept)]
    legs = delivered.of("order_lines")
    sales = legs[legs["leg_type"] == "sale"]
    price = pd.Series(
        sales["line_amount"].to_numpy(float) / sales["quantity"].to_numpy(float),
        index=joined_texts([sales["order_no"].astype(str), sales["line_no"].astype(str)], sales.index),
    )
    names = joined_texts([lines["order_no"].astype(str), lines["order_line_no"].astype(str)], lines.index)
    ordered = names.map(price).to_numpy(float)
    declared = lines["unit_price_amount"].to_numpy(float)
    frame = pd.DataFrame(
        {
            "order_no": lines["order_no"].to_numpy(object),
            "is_price_off": np.abs(declared - ordered) > PRICE_TOLERANCE * ordered + 1e-9,
            "worth": ordered * lines["quantity"].to_numpy(float),
            "value": lines["line_value_amount"].to_numpy(float),
        }
    )
    sums = frame.groupby("order_no").agg(
        is_price_off=("is_price_off", "any"), worth=("worth", "sum"), value=("value", "sum")
    )
    return pd.DataFrame(
        {
            "is_price_off": sums["is_price_off"],
            "is_value_off": (sums["value"] - sums["worth"]).abs() > PRICE_TOLERANCE * sums["worth"] + 1e-9,
        }
    )


Verdicts = NDArray[np.object_]
Judge = Callable[[pd.DataFrame], Verdicts]


def _where(applies: Flags, verdict: Verdicts) -> Verdicts:
    return np.where(applies, verdict, NO_ROW).astype(object)


def _awaited(facts: pd.DataFrame, is_there: Flags, matched: Verdicts | str = MATCHED) -> Verdicts:
    """Matched where all documents are there; else waiting, unless nothing more is to come for the order."""
    closed = facts["is_closed"].to_numpy(bool)
    return np.where(is_there, matched, np.where(closed, NO_ROW, WAITING)).astype(object)


def _flag(facts: pd.DataFrame, *names: str) -> Flags:
    found = np.ones(len(facts), bool)
    for name in names:
        found &= facts[name].to_numpy(bool)
    return found


def _in_modes(facts: pd.DataFrame, flow: str, *modes: str) -> Flags:
    its = facts["flow"].eq(flow).to_numpy(bool)
    return its & facts["supervision_mode"].isin(modes).to_numpy(bool) if modes else its


def _is_traded(facts: pd.DataFrame) -> Flags:
    return _in_modes(facts, "import") | _in_modes(facts, "export")


def _where_awaited(names: tuple[str, ...], applies: Callable[[pd.DataFrame], Flags] | None = None) -> Judge:
    def judge(facts: pd.DataFrame) -> Verdicts:
        verdict = _awaited(facts, _flag(facts, *names))
        return verdict if applies is None else _where(applies(facts), verdict)

    return judge


def _where_there(*names: str) -> Judge:
    """Matched where both sides are stated; of the port's records, which name platform, merchant and receiver."""
    return lambda facts: _where(_flag(facts, *names), np.full(len(facts), MATCHED, dtype=object))


def _seller(facts: pd.DataFrame) -> Verdicts:
    """Every paper of the world names the seller of its order."""
    is_named = _flag(facts, "has_declaration") | _flag(facts, "has_waybill")
    return _where(is_named, np.full(len(facts), MATCHED, dtype=object))


def _goods_price(facts: pd.DataFrame) -> Verdicts:
    verdict = np.where(_flag(facts, "is_price_off"), MISMATCH, MATCHED).astype(object)
    return _where(_is_traded(facts), _awaited(facts, _flag(facts, "has_declared_line"), verdict))


def _goods_value(facts: pd.DataFrame) -> Verdicts:
    verdict = np.where(_flag(facts, "is_value_off"), MISMATCH, MATCHED).astype(object)
    return _where(_is_traded(facts), _awaited(facts, _flag(facts, "has_declared_line"), verdict))


def _customs_status(facts: pd.DataFrame) -> Verdicts:
    verdict = np.where(_flag(facts, "is_released"), MATCHED, np.where(_flag(facts, "is_sent_back"), REJECTED, WAITING))
    found = np.where(_flag(facts, "has_declaration"), verdict, WAITING).astype(object)
    closed = _flag(facts, "is_closed") & (found == WAITING)
    return _where(_is_traded(facts) & ~closed, found)


def _declared_waybill(facts: pd.DataFrame) -> Verdicts:
    named = facts["declared_waybill"].to_numpy(object)
    known = facts["waybills"].to_numpy(object)
    is_known = np.array(
        [isinstance(numbers, frozenset) and number in numbers for number, numbers in zip(named, known, strict=True)],
        dtype=bool,
    )
    is_named = facts["declared_waybill"].notna().to_numpy(bool)
    return _where(is_named & _is_traded(facts), _awaited(facts, is_known))


def _transaction_limit(facts: pd.DataFrame) -> Verdicts:
    worth = (facts["goods_amount"] + facts["freight_amount"] - facts["discount_amount"]).to_numpy(float)
    is_within = (worth <= TRANSACTION_LIMIT_CNY) | (facts["quantity"].to_numpy(float) == 1)
    # What never came into the country uses no limit.
    its = _retail(facts) & ~_flag(facts, "is_closed")
    return _where(its, np.where(is_within, MATCHED, MISMATCH).astype(object))


def _retail(facts: pd.DataFrame) -> Flags:
    return _in_modes(facts, "import", *RETAIL_IMPORTS)


def _consumer(facts: pd.DataFrame) -> Flags:
    return facts["supervision_mode"].isin(["9610", "1210", "1239", "9810"]).to_numpy(bool)


_DECLARED = ("has_declaration",)
_RULES: Mapping[str, Judge] = {
    "payment_present": _where_awaited(("has_payment",)),
    "payment_amount": _where_awaited(("has_payment",)),
    "payment_currency": _where_awaited(("has_payment",)),
    "payment_after_order": _where_awaited(("has_payment",)),
    "payer_id": _where_awaited(("has_payment",), _retail),
    "payer_name": _where_awaited(("has_payment",), _retail),
    "waybill_present": _where_awaited(("has_waybill",)),
    "shipped_quantity": _where_awaited(("has_waybill", "is_shipped_whole")),
    "shipment_after_payment": _where_awaited(("has_waybill", "has_payment"), _consumer),
    "declaration_present": _where_awaited(_DECLARED, _is_traded),
    "mode_direction": _where_awaited(_DECLARED, _is_traded),
    "goods_set": _where_awaited(("has_declaration", "is_declared_whole"), _is_traded),
    "goods_quantity": _where_awaited(("has_declaration", "is_declared_whole"), _is_traded),
    "goods_price": _goods_price,
    "goods_value": _goods_value,
    "departure_after_release": _where_awaited(("has_waybill", "is_released"), _is_traded),
    "sale_after_release": _where_awaited(("is_released",), lambda facts: _in_modes(facts, "export", "9810")),
    "staged_collection": _where_awaited(
        ("is_concluded", "has_payment"), lambda facts: _in_modes(facts, "export", "9610")
    ),
    "customs_status": _customs_status,
    "declared_waybill": _declared_waybill,
    "declared_buyer_id": lambda facts: _where(_retail(facts), _where_there("has_declaration")(facts)),
    "declared_buyer_name": lambda facts: _where(_retail(facts), _where_there("has_declaration")(facts)),
    "platform_code": _where_there("is_port", "has_declaration"),
    "merchant_code": _where_there("is_port", "has_declaration"),
    "seller": _seller,
    "consignee_name": _where_there("is_port", "has_waybill"),
    "consignee_phone": _where_there("is_port", "has_waybill"),
    "consignee_address": _where_there("is_port", "has_waybill"),
    "consignee_is_payer": lambda facts: _where(_retail(facts), _where_there("has_payment")(facts)),
    "transaction_limit": _transaction_limit,
}
