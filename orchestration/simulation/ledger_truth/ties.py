"""Which documents belong to which order, of those that were delivered and stand.

Belongs here: pairs of keys. Does not: payouts and receipts (see `payouts.py`).
"""

import pandas as pd

from orchestration.simulation.ledger_truth.delivered import Delivered
from orchestration.simulation.ledger_truth.lines import record_keys

# Feeds whose records name their orders, with the natural key of a document after its source.
_DOCUMENTS = {
    "payments": ("payment_no",),
    "shipments": ("carrier_code", "waybill_no", "shipped_month"),
    "declarations": ("declaration_no",),
    "returns": ("return_no", "line_no"),
}


def expected_ties(delivered: Delivered) -> pd.DataFrame:
    """One row per document and standing order that it names: feed, order_key, document_key."""
    orders = delivered.of("orders")
    order_key = pd.Series(
        record_keys(orders["source_id"].to_list(), orders["order_no"].to_list()), index=orders["order_no"]
    )
    parts = []
    for feed, names in _DOCUMENTS.items():
        documents = delivered.of(feed)
        keys = record_keys(documents["source_id"].to_list(), *(documents[name].astype(str).to_list() for name in names))
        named = pd.DataFrame({"document_key": keys, "order_no": documents["order_no"].str.split(";").to_list()})
        named = named.explode("order_no").merge(order_key.rename("order_key"), left_on="order_no", right_index=True)
        parts.append(named[["order_key", "document_key"]].assign(feed=feed))
    return pd.concat(parts, ignore_index=True).drop_duplicates()
