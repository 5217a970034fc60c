"""What the trace shows of each source record: which published table holds it, under which key, with which fields.

Belongs here: names. Does not: reading (see chain.py). No personal field stands here, hashed or not; a test compares
the names with the contracts, and the tied feeds with the macro of the ties.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """Records below a document: their feed, the column with the document's key, their own key, and what is shown."""

    feed: str
    document_column: str
    key: str
    shown: tuple[str, ...]

    @property
    def table(self) -> str:
        """The published table."""
        return f"staging.stg_{self.feed}"


@dataclass(frozen=True)
class Feed:
    """Documents of one feed: what one is called, its key, the numbers by which people know it, what is shown.

    days: the market-local days on which it counts in figures.
    """

    feed: str
    noun: str
    key: str
    numbers: tuple[str, ...]
    shown: tuple[str, ...]
    days: tuple[str, ...]
    parts: tuple[Part, ...] = ()
    has_market: bool = True

    @property
    def table(self) -> str:
        """The published table."""
        return f"staging.stg_{self.feed}"


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_MARKS = " repairs tags"
_FEEDS = (
    Feed(
        feed="orders",
        noun="order",
        key="order_key",
        numbers=("order_no",),
        days=("ordered_on",),
        shown=_names(
            "order_status channel seller_id currency_code goods_amount freight_amount tax_amount discount_amount"
            " payable_amount promised_on" + _MARKS
        ),
        parts=(
            Part(
                feed="order_lines",
                document_column="order_key",
                key="line_key",
                shown=_names(
                    "line_no leg_type product_id quantity unit_price_amount line_amount currency_code" + _MARKS
                ),
            ),
        ),
    ),
    Feed(
        feed="payments",
        noun="payment",
        key="payment_key",
        numbers=("payment_no",),
        days=("paid_on",),
        shown=_names("payment_type amount currency_code method_code reverses_payment_no" + _MARKS),
    ),
    Feed(
        feed="shipments",
        noun="waybill",
        key="shipment_key",
        numbers=("waybill_no",),
        days=("shipped_on", "delivered_on"),
        shown=_names(
            "carrier_code transport_mode origin_country delivered_at promised_on package_count gross_weight_kg" + _MARKS
        ),
        parts=(
            Part(
                feed="shipment_lines",
                document_column="shipment_key",
                key="shipment_line_key",
                shown=_names("line_no order_no order_line_no product_id quantity order_line_key" + _MARKS),
            ),
            Part(
                feed="tracking_events",
                document_column="shipment_key",
                key="event_key",
                shown=_names("event_at event_code location_code reason_code" + _MARKS),
            ),
        ),
    ),
    Feed(
        feed="declarations",
        noun="declaration",
        key="declaration_key",
        numbers=("declaration_no", "internal_no", "pre_entry_no", "waybill_no"),
        days=("declared_on",),
        shown=_names(
            "document_kind supervision_mode flow internal_no pre_entry_no waybill_no seller_id currency_code"
            " freight_amount tax_amount" + _MARKS
        ),
        parts=(
            Part(
                feed="declaration_lines",
                document_column="declaration_key",
                key="declaration_line_key",
                shown=_names(
                    "line_no order_no order_line_no hs_code quantity line_value_amount currency_code order_line_key"
                    + _MARKS
                ),
            ),
            Part(
                feed="declaration_receipts",
                document_column="declaration_key",
                key="receipt_key",
                shown=_names("received_at status_code source_status_code" + _MARKS),
            ),
        ),
    ),
    Feed(
        feed="settlements",
        noun="settlement line",
        key="settlement_line_key",
        numbers=("settlement_no", "payout_ref"),
        days=("settled_on",),
        shown=_names("line_no leg_type amount currency_code payout_ref" + _MARKS),
    ),
    Feed(
        feed="rebate_claims",
        noun="rebate claim",
        key="claim_row_key",
        numbers=("claim_key", "invoice_no"),
        days=("claimed_on", "paid_on"),
        shown=_names(
            "declaration_no declaration_line_no claim_status base_amount rate_pct rebate_amount currency_code paid_on"
            + _MARKS
        ),
    ),
    Feed(
        feed="returns",
        noun="return",
        key="return_line_key",
        numbers=("return_no",),
        days=("returned_on",),
        shown=_names(
            "line_no order_line_no product_id quantity reason_code refund_amount currency_code disposition_code"
            + _MARKS
        ),
    ),
    Feed(
        feed="disputes",
        noun="dispute",
        key="case_key",
        numbers=("case_no",),
        days=("opened_on",),
        shown=_names(
            "reason_code case_status outcome_code disputed_amount refunded_amount currency_code closed_at" + _MARKS
        ),
    ),
    Feed(
        feed="guarantee_claims",
        noun="guarantee claim",
        key="guarantee_claim_key",
        numbers=("claim_no",),
        days=("claimed_on",),
        shown=_names("case_no claim_status claimed_amount paid_amount recovered_amount currency_code paid_on" + _MARKS),
    ),
    Feed(
        feed="bank_receipts",
        noun="bank receipt",
        key="bank_receipt_key",
        numbers=("receipt_no", "payout_ref"),
        days=("value_on",),
        shown=_names("receipt_kind value_on amount bank_charge_amount currency_code payout_ref" + _MARKS),
        has_market=False,
    ),
)
FEEDS: Mapping[str, Feed] = {feed.feed: feed for feed in _FEEDS}
# A payout is computed from settlement lines or collections; it has no file and row of its own.
PAYOUTS = "payouts"
