"""The documents of a market-month, and the money and credit of a month over all markets.

Belongs here: the order in which the parts are made. Does not: any of the parts.
Months end in order, since money waits from one to the next; market-months can be made in any order before theirs ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from orchestration.simulation.documents.aftercare import draw_aftercare
from orchestration.simulation.documents.banking import bank_receipts
from orchestration.simulation.documents.buyers import Buyers
from orchestration.simulation.documents.cases import case_tables
from orchestration.simulation.documents.clearing import DECLARATION, draw_clearance
from orchestration.simulation.documents.columns import Integers, month_index, month_number
from orchestration.simulation.documents.declaring import Filed, customs_tables, filed_documents
from orchestration.simulation.documents.lending import CreditState, lend, new_credit_state
from orchestration.simulation.documents.paying import draw_payment
from orchestration.simulation.documents.payments import payment_numbers, payment_tables
from orchestration.simulation.documents.pots import settled_at, summed
from orchestration.simulation.documents.rebating import Claims, claim_table, draw_claims
from orchestration.simulation.documents.setting import Setting
from orchestration.simulation.documents.settling import draw_settling, settlement_table
from orchestration.simulation.documents.shipping import draw_parcels
from orchestration.simulation.documents.totals import MonthTotals, month_totals
from orchestration.simulation.documents.truth import document_links, milestones
from orchestration.simulation.documents.waybills import shipment_tables, waybill_numbers
from orchestration.simulation.world.batches import FeedTables, OrderBatch, TruthTables, World


@dataclass(frozen=True)
class DocumentsMonth:
    """The documents of one market-month, what is true of them, and what the month's end needs of them."""

    tables: FeedTables
    truth: TruthTables
    totals: MonthTotals | None  # None without orders


@dataclass(frozen=True)
class MonthTables:
    """The tables of a month that belong to no market."""

    tables: FeedTables
    truth: TruthTables


@dataclass
class MoneyState:
    """What waits from month to month: pots that are not closed yet, and the lender's memory. Bounded by sellers."""

    credit: CreditState
    pots: Integers = field(default_factory=lambda: np.empty(0, np.int64))
    nets: Integers = field(default_factory=lambda: np.empty(0, np.int64))
    next_month: int = 0  # months since 1970


def new_money_state(world: World) -> MoneyState:
    """The state before the world's first month."""
    return MoneyState(new_credit_state(world), next_month=month_index(world.config.month_list[0]))


def generate_documents(world: World, batch: OrderBatch) -> DocumentsMonth:
    """Everything that follows the orders of a market-month, up to the end of the horizon."""
    if not len(batch.ordered_at):
        return DocumentsMonth({}, {}, None)
    setting = Setting(world, batch)
    buyers = Buyers(world, batch)
    payment = draw_payment(setting)
    clearance = draw_clearance(setting, payment)
    parcels = draw_parcels(setting, clearance)
    aftercare = draw_aftercare(setting, payment.paid_at, clearance.stopped_at, parcels)
    settling = draw_settling(setting, payment, parcels, aftercare)
    waybill = waybill_numbers(setting, parcels.route)
    declared, summary = filed_documents(setting, clearance)

    tables = payment_tables(setting, payment, aftercare, buyers)
    tables |= shipment_tables(setting, parcels, waybill, buyers)
    tables |= customs_tables(setting, declared, summary, parcels, waybill, buyers)
    claims: list[tuple[str, Claims]] = []
    if not setting.is_import:
        formal = Filed(
            declared.grouping, declared.process, declared.kind, declared.number, declared.mode,
            declared.kind == DECLARATION,
        )  # fmt: skip
        if formal.is_its.any():
            claims.append(("taxbureau", draw_claims(setting, formal, aftercare, "taxbureau")))
        if summary is not None:
            claims.append(("port_tax", draw_claims(setting, summary, aftercare, "port_tax")))
        tables |= {(source, "rebate_claims"): claim_table(setting, claim) for source, claim in claims}
    if not setting.is_port.all():
        tables["settle", "settlements"] = settlement_table(setting, settling)
        tables |= case_tables(setting, aftercare, parcels)
    made = [claim for _, claim in claims]
    filed = [declared] if summary is None else [declared, summary]
    truth = {
        "milestones": milestones(setting, payment, clearance, parcels, settling, made),
        "document_links": document_links(
            setting, payment_numbers(setting), payment, parcels, waybill, filed, settling, claims
        ),
    }
    kept = {key: table for key, table in tables.items() if table.num_rows}
    return DocumentsMonth(kept, truth, month_totals(setting, settling, made))


def generate_month_end(
    world: World, month: str, totals: Sequence[MonthTotals | None], state: MoneyState
) -> MonthTables:
    """Bank credits, advances and repayments of a month, once all its market-months are made; `state` moves on.

    Raises ValueError when months do not end in their order.
    """
    number = month_index(month)
    if number != state.next_month:
        wanted = np.datetime64(state.next_month, "M")
        raise ValueError(f"The month {month} ends out of order: {wanted} must end first.")
    parts = [part for part in totals if part is not None]
    pots, nets = summed(
        np.concatenate([state.pots, *(part.pots for part in parts)]),
        np.concatenate([state.nets, *(part.nets for part in parts)]),
    )
    closes = month_number(settled_at(pots))
    is_due = closes <= number
    receipts, links = bank_receipts(world, month, pots[is_due], nets[is_due])
    # What closes after the horizon will never be asked for.
    is_open = (closes > number) & (closes <= month_index(world.config.month_list[-1]))
    state.pots, state.nets = pots[is_open], nets[is_open]
    state.next_month = number + 1
    lent, defaults = lend(world, month, parts, state.credit)
    tables = {("bank", "bank_receipts"): receipts} | lent
    return MonthTables(
        {key: table for key, table in tables.items() if table.num_rows},
        {"default_probability": defaults, "bank_receipt_links": links},
    )
