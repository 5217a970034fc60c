"""The tables of customs: declarations and lists with their versions, their lines, and the receipts of status.

Belongs here: columns. Does not: grouping and times (see `clearing.py`). The hub's exports are declared by `broker`, the
port's parcels by lists in `port`, whose summaries carry the 18 digits that a rebate needs.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.simulation.documents import columns
from orchestration.simulation.documents.buyers import Buyers
from orchestration.simulation.documents.clearing import DECLARATION, KINDS, LIST, SUMMARY, Clearance, Grouping, Process
from orchestration.simulation.documents.columns import CHINA_OFFSET, NEVER, Flags, Integers, Rows
from orchestration.simulation.documents.numbers import declaration_numbers, letters, texts
from orchestration.simulation.documents.routes import TRANSPORT_MODES
from orchestration.simulation.documents.setting import MODE_1210, MODE_9610, Setting
from orchestration.simulation.documents.shipping import Parcels
from orchestration.simulation.world.batches import MODES
from orchestration.simulation.world.columns import integers, money, ones, table
from orchestration.simulation.world.order_tables import platform_codes
from orchestration.simulation.world.texts import digits

# Shenzhen airport and bay, Shanghai Pudong, Guangzhou airport, Hangzhou, Zhengzhou: offices with codes of four digits.
OFFICES = ("5301", "5304", "2233", "5141", "2991", "4604")
STATUSES = ("2", "100", "2", "120", "500", "399", "800", "899", "900")
_CHANGES = ("new", "change")


@dataclass(frozen=True)
class Filed:
    """Documents with their numbers, ready for the tables of one source."""

    grouping: Grouping
    process: Process
    kind: Integers
    number: pa.StringArray
    mode: Integers  # index into MODES
    is_its: Flags  # documents of the source at hand


def filed_documents(setting: Setting, clearance: Clearance) -> tuple[Filed, Filed | None]:
    """Declarations and lists with their numbers, and the summaries of the lists."""
    grouping, process = clearance.grouping, clearance.process
    first = grouping.first_order
    serial = setting.blocks.nine_digits(np.arange(grouping.count))
    office, year = _office(setting, first), columns.year_of(process.declared_at + CHINA_OFFSET)
    flags = letters("1I" if setting.is_import else "0E", (clearance.kind == LIST).astype(np.int64))
    number = declaration_numbers(office, year, flags, serial)
    mode = setting.batch.supervision_mode[first].astype(np.int64)
    every = np.ones(grouping.count, bool)
    main = Filed(grouping, process, clearance.kind, number, mode, every)
    if clearance.summary is None or clearance.summary_process is None:
        return main, None
    of, its = clearance.summary, clearance.summary_process
    # The summaries' serials follow those of the declarations in the same block.
    serial = setting.blocks.nine_digits(grouping.count + np.arange(of.count))
    year = columns.year_of(its.declared_at + CHINA_OFFSET)
    number = declaration_numbers(_office(setting, of.first_order), year, "0", serial)
    kind = np.full(of.count, SUMMARY)
    return main, Filed(of, its, kind, number, np.full(of.count, MODE_9610), np.ones(of.count, bool))


def customs_tables(
    setting: Setting,
    main: Filed,
    summary: Filed | None,
    parcels: Parcels,
    waybill: pa.StringArray,
    buyers: Buyers,
) -> dict[tuple[str, str], pa.Table]:
    """Declarations, their lines and receipts, by source; summaries stand with the port's lists."""
    result: dict[tuple[str, str], pa.Table] = {}
    for source, is_its in (("broker", main.kind == DECLARATION), ("port", main.kind == LIST)):
        if not is_its.any():
            continue
        parts = [Filed(main.grouping, main.process, main.kind, main.number, main.mode, is_its)]
        if source == "port" and summary is not None:
            parts.append(summary)
        made = [
            (
                _declarations(setting, part, parcels, waybill, buyers),
                _lines(setting, part, has_names=source == "port"),
                _receipts(setting, part),
            )
            for part in parts
        ]
        for feed, tables in zip(
            ("declarations", "declaration_lines", "declaration_receipts"), zip(*made, strict=True), strict=True
        ):
            result[source, feed] = pa.concat_tables(tables)
    return result


def _declarations(
    setting: Setting, filed: Filed, parcels: Parcels, waybill: pa.StringArray, buyers: Buyers
) -> pa.Table:
    batch, world, grouping, process = setting.batch, setting.world, filed.grouping, filed.process
    documents = np.flatnonzero(filed.is_its)
    seen = columns.unrolled([process.declared_at[documents], process.resent_at[documents]], setting.end)
    rows = documents[seen.row]
    order, mode, count = grouping.first_order[rows], filed.mode[rows], len(seen.row)
    net = np.add.reduceat(setting.line_grams[grouping.line], grouping.line_first)
    gross = np.add.reduceat(setting.line_gross_grams[grouping.line], grouping.line_first)
    freight = np.add.reduceat(batch.freight_cents[grouping.order], grouping.start)
    tax = np.add.reduceat(batch.tax_cents[grouping.order], grouping.start)
    seller = batch.seller[order]
    parcel = parcels.line_parcel[setting.line_start[order]]
    is_summary = filed.kind[rows] == SUMMARY
    declared_at = process.declared_at[rows]
    result = {
        "declaration_no": columns.named(filed.number, rows),
        "declared_at": columns.times(declared_at),
        "flow": columns.constant("import" if setting.is_import else "export", count),
        "declaring_country": columns.constant("CN", count),
        "market_country": columns.constant(batch.market, count),
        "destination_country": columns.constant(batch.market, count),
        "departure_country": _departure(setting, seller, mode) if setting.is_import else columns.constant("CN", count),
        "customs_office_code": columns.labels(OFFICES, _office_index(setting, order)),
        "procedure_code": columns.labels(MODES, mode),
        "transport_mode": columns.optional(_TRANSPORT, np.append(parcels.route, -1)[parcel]),
        "order_no": columns.named(_joined(setting, grouping), rows),
        "declarant_id": columns.labels(_DECLARANTS, _office_index(setting, order)),
        "internal_no": columns.named(_internal_numbers(setting, grouping, filed.kind), rows),
        "document_kind": columns.labels(KINDS, filed.kind[rows]),
        "supervision_mode": columns.labels(MODES, mode),
        "seller_id": columns.named(world.sellers.seller_id, seller),
        "waybill_no": columns.optional(waybill, np.where(is_summary | (grouping.size[rows] > 1), -1, parcel)),
        "platform_code": columns.optional(
            pa.array(platform_codes()), np.where(setting.is_port[order], int(setting.is_import), -1)
        ),
        "merchant_uscc": columns.named(world.sellers.merchant_uscc, seller),
        "gross_mass_kg": columns.kilograms(gross[rows]),
        "net_mass_kg": columns.kilograms(net[rows]),
        "freight_amount": money(freight[rows]),
        "currency_code": columns.constant(batch.currency, count),
        "tax_amount": money(tax[rows] if setting.is_import else np.zeros(count, np.int64)),
        "books_no": columns.optional(_BOOKS, np.where(mode == MODE_1210, _office_index(setting, order), -1)),
        "pre_entry_no": _pre_entry(setting, filed, rows, declared_at),
    }
    if setting.is_import:
        result |= {"buyer_id_no": buyers.id_numbers(order), "buyer_name": buyers.names(order)}
    return table(
        result
        | {
            "change_type": columns.labels(_CHANGES, seen.slot),
            "version": integers(seen.version),
            "updated_at": columns.times(seen.at),
        }
    )


def _lines(setting: Setting, filed: Filed, has_names: bool) -> pa.Table:
    batch, products, grouping, process = setting.batch, setting.world.products, filed.grouping, filed.process
    position = np.flatnonzero(filed.is_its[grouping.line_document])
    document = grouping.line_document[position]
    seen = columns.unrolled([process.declared_at[document], process.resent_at[document]], setting.end)
    position, document = position[seen.row], document[seen.row]
    line = grouping.line[position]
    product, quantity = batch.product[line], batch.quantity[line]
    net = setting.line_grams[line]
    in_kilograms = _is_kilogram(setting, product)
    count = len(line)
    pieces = quantity.astype(np.float64)
    origin = setting.world.sellers.home_codes
    # A list names the goods; a broker keys a formal declaration in by code.
    names = {"product_name": columns.named(products.product_name, product)} if has_names else {}
    return table(
        names
        | {
            "declaration_no": columns.named(filed.number, document),
            "line_no": columns.ordinals(grouping.line_number[position]),
            "hs_code": columns.named(products.hs10, product),
            "origin_country": columns.labels(origin, products.origin[product].astype(np.int64)),
            "net_mass_kg": columns.kilograms(net),
            "gross_mass_kg": columns.kilograms(setting.line_gross_grams[line]),
            "quantity": pa.array(pieces),
            "line_value_amount": money(setting.line_cents[line]),
            "currency_code": columns.constant(batch.currency, count),
            "order_no": columns.named(batch.order_no, batch.line_order[line]),
            "order_line_no": columns.ordinals(batch.line_no[line].astype(np.int64)),
            "product_id": columns.named(products.product_id, product),
            "unit_code": columns.constant("007", count),
            "legal_unit_1_code": columns.labels(("007", "035"), in_kilograms.astype(np.int64)),
            "legal_quantity_1": pa.array(np.where(in_kilograms, net / 1000.0, pieces)),
            "unit_price_amount": money(batch.unit_price_cents[line]),
            "version": integers(seen.version),
            "updated_at": columns.times(seen.at),
        }
    )


def _receipts(setting: Setting, filed: Filed) -> pa.Table:
    process, documents = filed.process, np.flatnonzero(filed.is_its)
    moments = (
        process.declared_at + 45, process.rejected_at, np.minimum(process.resent_at + 45, NEVER), process.accepted_at,
        process.inspected_at, process.concluded_at, process.released_at, process.closed_at, process.returned_at,
    )  # fmt: skip
    seen = columns.unrolled([moment[documents] for moment in moments], setting.end)
    at = columns.times(seen.at)
    return table(
        {
            "declaration_no": columns.named(filed.number, documents[seen.row]),
            "status_code": columns.labels(_DISTINCT_STATUSES, _STATUS_INDEX[seen.slot]),
            "received_at": at,
            "version": ones(len(seen.row)),
            "updated_at": at,
        }
    )


_DISTINCT_STATUSES = tuple(dict.fromkeys(STATUSES))
_STATUS_INDEX = np.array([_DISTINCT_STATUSES.index(status) for status in STATUSES])
_BOOKS = pa.array([f"T{office}W000{number:03d}" for number, office in enumerate(OFFICES, 1)])
_TRANSPORT = pa.array(TRANSPORT_MODES)
# Customs' registration of the broker at each office: ten digits.
_DECLARANTS = tuple(f"{office}98{number:04d}" for number, office in enumerate(OFFICES, 1))


def _office_index(setting: Setting, order: Integers) -> Integers:
    return setting.batch.seller[order].astype(np.int64) % len(OFFICES)


def _office(setting: Setting, order: Integers) -> Integers:
    return np.array([int(office) for office in OFFICES])[_office_index(setting, order)]


def _joined(setting: Setting, grouping: Grouping) -> pa.Array:
    """The order numbers of each document, joined by ';'."""
    numbers = setting.batch.order_no.take(pa.array(grouping.order))
    if grouping.count == len(grouping.order):
        return numbers
    offsets = pa.array(np.append(grouping.start, len(grouping.order)).astype(np.int32))
    return pc.binary_join(pa.ListArray.from_arrays(offsets, numbers), ";")


def _internal_numbers(setting: Setting, grouping: Grouping, kind: Integers) -> pa.StringArray:
    serial = np.arange(grouping.count)
    head = f"{setting.blocks.yymm:04d}{setting.market:03d}"
    return texts(grouping.count, "COP", digits(kind, 1), head, digits(serial, 8))


def _pre_entry(setting: Setting, filed: Filed, rows: Integers, declared_at: Integers) -> pa.Array:
    """Pre-entry numbers of lists: B, the day and nine digits; the summaries have none."""
    if not len(rows) or filed.kind[rows[0]] != LIST:
        return pa.nulls(len(rows), pa.string())
    serial = setting.blocks.nine_digits(np.arange(filed.grouping.count))[rows]
    return texts(len(rows), "B", digits(columns.date_digits(declared_at + CHINA_OFFSET), 8), digits(serial, 9))


def _departure(setting: Setting, seller: Rows, mode: Integers) -> pa.Array:
    """Bonded goods leave a zone in China, other imports the seller's home."""
    codes = setting.world.sellers.home_codes
    home = setting.world.sellers.home_country[seller].astype(np.int64)
    return columns.labels(codes, np.where(mode == MODE_1210, codes.index("CN"), home))


def _is_kilogram(setting: Setting, product: Rows) -> Flags:
    """Whether the tariff wants the product in kg."""
    units = setting.world.products.legal_unit.take(pa.array(product.astype(np.int32)))
    return np.asarray(pc.equal(units, "035").to_numpy(zero_copy_only=False), dtype=bool)
