"""The records of a world that were delivered and stand: its clean documents without what its defects took away.

Belongs here: the effect of each defect on the records that it was put into, as the catalogue wants them treated. Does
not: what follows for the ledger (see `lines.py`, `payouts.py`).

A quarantined record is gone; an older version of it stands in its place, and with its last version a header takes all
that follows it. What is repaired, superseded or accepted leaves the clean record. Of defects that only a score can see
the catalogue lets several treatments be right: what they concern is named as uncertain, and belongs in no comparison.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.arrivals.contracts import contracts
from orchestration.simulation.defects.catalogue import Defect, defects
from orchestration.simulation.documents.generate import generate_documents, generate_month_end, new_money_state
from orchestration.simulation.keeping import plain
from orchestration.simulation.world.batches import FeedTables, World
from orchestration.simulation.world.building import build_world
from orchestration.simulation.world.config import WorldConfig
from orchestration.simulation.world.generate import generate_commerce
from orchestration.simulation.world.reference import generate_reference

# Columns of the records that a ledger is made of, by feed.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "orders": ("order_no", "ordered_at", "ship_to_country", "currency_code", "seller_id", "order_status",
               "payable_amount", "goods_amount", "freight_amount", "tax_amount", "discount_amount", "updated_at",
               "version", "customer_id", "merchant_uscc", "buyer_id_no"),
    "order_lines": ("order_no", "line_no", "product_id", "product_kind", "leg_type", "quantity", "line_amount",
                    "reverses_order_no", "reverses_line_no", "updated_at", "version"),
    "payments": ("payment_no", "order_no", "payment_type", "paid_at", "amount", "currency_code", "version",
                 "payer_id_no"),
    "shipments": ("carrier_code", "waybill_no", "shipped_month", "order_no", "shipped_at", "delivered_at", "version"),
    "shipment_lines": ("carrier_code", "waybill_no", "shipped_month", "line_no", "order_no", "order_line_no",
                       "quantity", "version"),
    "tracking_events": ("carrier_code", "waybill_no", "shipped_month", "event_code", "event_at"),
    "declarations": ("declaration_no", "declared_at", "document_kind", "supervision_mode", "flow", "order_no",
                     "seller_id", "waybill_no", "currency_code", "freight_amount", "tax_amount", "version"),
    "declaration_lines": ("declaration_no", "line_no", "order_no", "order_line_no", "quantity", "line_value_amount",
                          "unit_price_amount", "currency_code", "version"),
    "declaration_receipts": ("declaration_no", "status_code", "received_at"),
    "settlements": ("settlement_no", "line_no", "order_no", "settled_at", "leg_type", "amount", "currency_code",
                    "seller_id", "payout_ref", "market_country", "version"),
    "bank_receipts": ("receipt_no", "seller_id", "value_on", "amount", "currency_code", "bank_charge_amount",
                      "payout_ref", "receipt_kind", "version"),
    "rebate_claims": ("claim_key", "declaration_no", "declaration_line_no", "claim_status", "paid_on", "updated_at",
                      "version"),
    "returns": ("return_no", "line_no", "order_no", "order_line_no", "returned_at", "quantity", "version"),
    "sellers": ("seller_id", "valid_from", "home_country", "version"),
    "fx_rates": ("provider", "rate_on", "currency_code", "rate_per_eur"),
}  # fmt: skip
TELLING_EVENTS = ("delivered", "lost", "returned")
# Quarantined in all versions: the number itself is wrong, or another parcel's.
NUMBER_DEFECTS = frozenset({"waybill_reused", "postal_check_digit"})
# The quarantined record is one that the defect added; the clean ones stay.
ADDED_RECORDS = frozenset({"deleted_after_release", "tracking_illegal"})
# The record never comes, or a message takes it back before anything came of it.
LOST_RECORDS = frozenset({"missing_payment", "rate_missing", "deleted_before_release"})
# Accepted with another value than the clean one, which the ledger shows.
CHANGED_VALUES = frozenset({"undervalued", "report_differs", "orphan"})


@dataclass(frozen=True)
class Delivered:
    """The standing records of all sources by feed (with `source_id`), one row per record, and what is uncertain.

    links: the truth of which settlement each bank receipt pays. milestones: when each line really passed each of them.
    """

    world: World
    frames: Mapping[str, pd.DataFrame]
    links: pd.DataFrame
    milestones: pd.DataFrame
    document_links: pd.DataFrame
    uncertain_orders: frozenset[str] = field(default_factory=frozenset)

    def of(self, feed: str) -> pd.DataFrame:
        """The records of a feed; without any a frame with its columns."""
        return self.frames.get(feed, pd.DataFrame(columns=["source_id", *COLUMNS[feed]]))


def read_defects(folder: Path) -> pd.DataFrame:
    """The truth about the defects of a world by batch; empty for a clean world."""
    paths = sorted(folder.glob("defects__*.parquet"))
    tables = [pq.read_table(path) for path in paths]
    return (
        pd.concat([table.to_pandas() for table in tables], ignore_index=True)
        if tables
        else pd.DataFrame(columns=["defect_id", "batch"])
    )


def delivered_world(config: WorldConfig, truth: pd.DataFrame | None = None) -> Delivered:
    """The standing records of a world. truth: of `read_defects`; none for the clean documents, as they really are."""
    world = build_world(config)
    by_batch = {} if truth is None else dict(iter(truth.groupby("batch")))
    parts: dict[str, list[pd.DataFrame]] = {}
    told: dict[str, list[pd.DataFrame]] = {}
    for tag, tables, truths in _batches(world):
        for name, table in truths.items():
            told.setdefault(name, []).append(table.to_pandas())
        for feed, frame in _standing(tables, by_batch.get(tag)):
            parts.setdefault(feed, []).append(frame)
    frames = {feed: pd.concat(found, ignore_index=True) for feed, found in parts.items()}
    tables_of = {name: pd.concat(found, ignore_index=True) for name, found in told.items()}
    return Delivered(
        world,
        frames,
        tables_of["bank_receipt_links"],
        tables_of["milestones"],
        tables_of["document_links"],
        frozenset() if truth is None else uncertain_orders(truth),
    )


def uncertain_orders(truth: pd.DataFrame) -> frozenset[str]:
    """Numbers of orders of which the catalogue lets a platform either take away the order or only mark it."""
    chosen = [
        found.id
        for found in defects().values()
        if found.feed == "orders" and "quarantined" in found.right_treatments and len(found.right_treatments) > 1
    ]
    rows = truth[truth["defect_id"].isin(chosen) & (truth["feed"] == "orders")] if len(truth) else truth
    return frozenset(rows["key_before"]) if len(rows) else frozenset()


def _batches(world: World) -> Iterator[tuple[str, FeedTables, Mapping[str, pa.Table]]]:
    """The clean tables of each batch as a world is made of them, and those of its truths that a ledger needs."""
    reference = generate_reference(world)
    yield "reference", reference.tables, {}
    state = new_money_state(world)
    for month in world.config.month_list:
        totals = []
        for market in world.config.markets:
            commerce = generate_commerce(world, market, month)
            documents = generate_documents(world, commerce.batch)
            totals.append(documents.totals)
            yield f"{market}-{month}", {**commerce.tables, **documents.tables}, documents.truth
        end = generate_month_end(world, month, totals, state)
        yield month, end.tables, {"bank_receipt_links": end.truth["bank_receipt_links"]}


def _standing(tables: FeedTables, truth: pd.DataFrame | None) -> Iterator[tuple[str, pd.DataFrame]]:
    """The standing records of a batch by feed, headers before what follows them."""
    gone: dict[tuple[str, str], set[str]] = {}
    feeds = [feed for feed in contracts() if feed in COLUMNS]
    for feed in feeds:
        for key in sorted(key for key in tables if key[1] == feed):
            table = tables[key]
            names = [name for name in COLUMNS[feed] if name in table.column_names]
            frame = pa.table([plain(table.column(name)) for name in names], names=names).to_pandas()
            if feed == "tracking_events":
                frame = frame[frame["event_code"].isin(TELLING_EVENTS)]
            follows = contracts()[feed].follows
            its = None if truth is None else truth[(truth["feed"] == feed) & (truth["source_id"] == key[0])]
            if its is not None and len(its):
                before = _documents(frame, feed) if follows is None else ()
                frame = _without(frame, feed, its)
                if follows is None:
                    gone[key] = set(before).difference(_documents(frame, feed))
            if follows is not None and (lost := gone.get((key[0], follows))):
                frame = frame[~_documents(frame, feed).isin(lost)]
            frame = _survivors(frame, feed)
            frame.insert(0, "source_id", key[0])
            yield feed, frame


def _without(frame: pd.DataFrame, feed: str, truth: pd.DataFrame) -> pd.DataFrame:
    """The records without those that a defect took away, and with the values that it gave the others."""
    if not len(truth):
        return frame
    keys = _joined(frame, contracts()[feed].key)
    catalogue = defects()
    taken: set[str] = set()
    newest_taken: set[str] = set()
    for row in truth.itertuples():
        found = catalogue[str(row.defect_id)]
        if found.id in LOST_RECORDS or (found.id in NUMBER_DEFECTS):
            taken.add(str(row.key_before))
        elif row.role == "main" and _is_quarantined(found):
            newest_taken.add(str(row.key_before))
        elif found.id in CHANGED_VALUES and row.field:
            frame = _changed(frame, keys, row)
    mask = keys.isin(taken)
    near = keys.isin(newest_taken)
    if near.any():
        if "version" in frame.columns:
            newest = frame.loc[near, "version"].groupby(keys[near]).transform("max")
            mask |= near & frame["version"].eq(newest.reindex(frame.index))
        else:
            mask |= near
    return frame[~mask]


def _is_quarantined(found: Defect) -> bool:
    return found.treatment == "quarantined" and found.level == "table" and found.id not in ADDED_RECORDS


def _changed(frame: pd.DataFrame, keys: "pd.Series[str]", row: object) -> pd.DataFrame:
    """The records with the values that one defect gave the fields of one of them."""
    frame = frame.copy()
    names = str(row.field).split(";")  # type: ignore[attr-defined]
    values = str(row.dirty_value).split(";")  # type: ignore[attr-defined]
    its = keys == row.key_before  # type: ignore[attr-defined]
    for name, value in zip(names, values, strict=True):
        if name in frame.columns:
            frame.loc[its, name] = float(value) if pd.api.types.is_numeric_dtype(frame[name]) else value
    return frame


def _survivors(frame: pd.DataFrame, feed: str) -> pd.DataFrame:
    """The newest version of each record."""
    if "version" not in frame.columns or not len(frame) or frame["version"].max() <= 1:
        return frame
    keys = _joined(frame, contracts()[feed].key)
    rank = frame["version"].groupby(keys).rank(method="first", ascending=False)
    return frame[rank == 1]


def _documents(frame: pd.DataFrame, feed: str) -> "pd.Series[str]":
    contract = contracts()[feed]
    return _joined(frame, contract.document or contract.key)


def _joined(frame: pd.DataFrame, names: Collection[str]) -> "pd.Series[str]":
    """The values of some columns as one text per row, as a natural key is written."""
    return joined_texts([_text(frame[name]) for name in names if name in frame.columns], frame.index)


def joined_texts(parts: Sequence["pd.Series[str]"], index: pd.Index) -> "pd.Series[str]":
    """Texts of each row joined by `|`; empty texts where there are no parts."""
    found = pd.Series("", index=index, dtype="str") if not parts else parts[0]
    for part in parts[1:]:
        found = found.str.cat(part, sep="|")
    return found


def _text(column: "pd.Series[Any]") -> "pd.Series[str]":
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        moments: pd.Series[str] = column.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
        return moments
    return column.astype(str)
