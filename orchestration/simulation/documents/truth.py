"""What is true of a market-month's documents: their orders, and when each order line passed each milestone.

Belongs here: truth tables, which no pipeline reads. Does not: anything that a feed carries. The truth does not end with
the horizon: a milestone may lie after it.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from orchestration.simulation.documents import columns
from orchestration.simulation.documents.clearing import Clearance
from orchestration.simulation.documents.columns import CHINA_OFFSET, DAY, NEVER, Integers, Rows
from orchestration.simulation.documents.declaring import Filed
from orchestration.simulation.documents.paying import Payment
from orchestration.simulation.documents.pots import value_day
from orchestration.simulation.documents.rebating import Claims
from orchestration.simulation.documents.setting import Setting
from orchestration.simulation.documents.settling import Settling, settlement_numbers
from orchestration.simulation.documents.shipping import Parcels
from orchestration.simulation.world.columns import integers, table

_PAID_STATE = 3


def milestones(
    setting: Setting,
    payment: Payment,
    clearance: Clearance,
    parcels: Parcels,
    settling: Settling,
    claims: list[Claims],
) -> pa.Table:
    """One row per order line: when it passed each milestone, from ordered to rebated."""
    batch = setting.batch
    order = batch.line_order
    rebated = np.full(len(order), NEVER)
    for part in claims:
        rebated[part.line] = part.moments[_PAID_STATE]
    moments = {
        "ordered_at": batch.ordered_at[order],
        "paid_at": payment.paid_at[order],
        "declared_at": clearance.declared_at[order],
        "released_at": clearance.released_at[order],
        "shipped_at": parcels.shipped_at,
        "delivered_at": parcels.delivered_at,
        "received_at": received_at(setting, settling)[order],
        "rebated_at": rebated,
    }
    return table(
        {
            "order_no": columns.named(batch.order_no, order),
            "order_line_no": columns.ordinals(batch.line_no.astype(np.int64)),
            "market": columns.constant(batch.market, len(order)),
            "quantity": integers(batch.quantity),
        }
        | {name: columns.times(values) for name, values in moments.items()}
    )


def received_at(setting: Setting, settling: Settling) -> Integers:
    """When the bank credited each order's money; `NEVER` when it did not."""
    has_pot = settling.order_pot >= 0
    pots, position = np.unique(settling.order_pot[has_pot], return_inverse=True)
    day = value_day(setting.world, pots)
    moment = np.where(day < 0, NEVER, day * DAY - CHINA_OFFSET + 12 * 3600)
    result = np.full(setting.count, NEVER)
    result[has_pot] = moment[position]
    return result


def document_links(
    setting: Setting,
    payment_no: pa.StringArray,
    payment: Payment,
    parcels: Parcels,
    waybill: pa.StringArray,
    filed: list[Filed],
    settling: Settling,
    claims: list[tuple[str, Claims]],
) -> pa.Table:
    """One row per document and order (and line, where the document knows lines)."""
    return pa.concat_tables(_links(setting, payment_no, payment, parcels, waybill, filed, settling, claims))


def _links(
    setting: Setting,
    payment_no: pa.StringArray,
    payment: Payment,
    parcels: Parcels,
    waybill: pa.StringArray,
    filed: list[Filed],
    settling: Settling,
    claims: list[tuple[str, Claims]],
) -> Iterator[pa.Table]:
    batch, end = setting.batch, setting.end
    order_is_port = setting.is_port
    paid = np.flatnonzero(payment.paid_at <= end)
    yield _part(setting, "payments", np.where(order_is_port[paid], 3, 0), columns.named(payment_no, paid), paid)
    line = np.flatnonzero(parcels.shipped_at <= end)
    order, parcel = batch.line_order[line], parcels.line_parcel[line]
    yield _part(setting, "shipments", np.where(order_is_port[order], 3, 1), columns.named(waybill, parcel), order, line)
    for one in filed:
        grouping = one.grouping
        known = np.flatnonzero(one.process.declared_at[grouping.line_document] <= end)
        line, document = grouping.line[known], grouping.line_document[known]
        order = batch.line_order[line]
        source = np.where(order_is_port[order], 3, 2)
        yield _part(setting, "declarations", source, columns.named(one.number, document), order, line)
    sale = np.flatnonzero(settling.leg == 0)
    numbers = settlement_numbers(setting.world, settling.reports)
    reports = columns.named(numbers, settling.report[sale])
    yield _part(setting, "settlements", np.full(len(sale), 4), reports, settling.order[sale])
    for source_id, claim in claims:
        known = np.flatnonzero(claim.moments[0] <= end)
        line = claim.line[known]
        source = np.full(len(known), _SOURCES.index(source_id))
        keys = columns.named(claim.key, known)
        yield _part(setting, "rebate_claims", source, keys, batch.line_order[line], line)


_SOURCES = ("paygate", "carrier", "broker", "port", "settle", "taxbureau", "port_tax")


def _part(
    setting: Setting, feed: str, source: Integers, document: pa.Array, order: Rows, line: Integers | None = None
) -> pa.Table:
    number = np.full(len(order), -1) if line is None else setting.batch.line_no[line].astype(np.int64)
    return table(
        {
            "feed": columns.constant(feed, len(order)),
            "source": columns.labels(_SOURCES, source),
            "document_no": document,
            "order_no": columns.named(setting.batch.order_no, order),
            "order_line_no": columns.ordinals(number),
        }
    )
