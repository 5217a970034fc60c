"""The tables of what goes wrong after the sale: returns, disputes, guarantee claims; all of the hub's orders.

Belongs here: columns. Does not: the decisions (see `aftercare.py`).
"""

import numpy as np
import pyarrow as pa

from orchestration.simulation.documents import columns
from orchestration.simulation.documents.aftercare import BUYER_WON, SETTLED, Aftercare
from orchestration.simulation.documents.columns import CHINA_OFFSET, DAY, NEVER
from orchestration.simulation.documents.setting import Setting, lognormal_seconds
from orchestration.simulation.documents.shipping import Parcels
from orchestration.simulation.world.columns import dates, integers, money, ones, pieces, table

RETURN_REASONS = ("damaged", "wrong_item", "not_as_described", "too_late", "changed_mind", "other")
DISPUTE_REASONS = ("not_received", "not_as_described", "damaged", "counterfeit", "unauthorised", "other")
CASE_STATES = ("open", "negotiating", "escalated", "closed")
OUTCOMES = pa.array(["buyer_won", "seller_won", "settled", "withdrawn"])
CLAIM_STATES = ("submitted", "accepted", "paid", "recovered")
_DISPOSITIONS = ("restocked", "scrapped", "kept_by_buyer")


def case_tables(setting: Setting, aftercare: Aftercare, parcels: Parcels) -> dict[tuple[str, str], pa.Table]:
    """Returns, disputes and guarantee claims of the hub."""
    rng = setting.draws("cases")
    disputes, claims = _disputes(setting, aftercare, parcels, rng)
    return {
        ("hub", "returns"): _returns(setting, aftercare, rng),
        ("hub", "disputes"): disputes,
        ("hub", "guarantee_claims"): claims,
    }


def _returns(setting: Setting, aftercare: Aftercare, rng: np.random.Generator) -> pa.Table:
    batch = setting.batch
    is_known = aftercare.returned_at[batch.line_order] <= setting.end
    line = np.flatnonzero((aftercare.returned_quantity > 0) & is_known)
    order, count = batch.line_order[line].astype(np.int64), len(line)
    chance = rng.random((2, count))
    # A poor seller's goods come back for what they are, a good one's because the buyer changed his mind.
    fault = 0.3 + 0.45 * (1.0 - setting.quality[order])
    reason = np.where(chance[0] < fault * 0.25, 0, np.where(chance[0] < fault * 0.4, 1, 2))
    reason = np.where(chance[0] < fault, reason, np.where(chance[0] < fault + 0.1 * (1 - fault), 5, 4))
    reason = np.where(aftercare.is_late[order] & (chance[0] > 0.7), 3, reason)
    disposition = np.where(chance[1] < 0.6 - 0.3 * (reason == 0), 0, np.where(chance[1] < 0.9, 1, 2))
    at = columns.times(aftercare.returned_at[order])
    return table(
        {
            "return_no": columns.taken(setting.blocks.prefixed("RT", np.arange(setting.count)), order),
            "line_no": columns.ordinals(batch.line_no[line].astype(np.int64)),
            "order_no": columns.named(batch.order_no, order),
            "order_line_no": columns.ordinals(batch.line_no[line].astype(np.int64)),
            "product_id": columns.named(setting.world.products.product_id, batch.product[line]),
            "returned_at": at,
            "market_country": columns.constant(batch.market, count),
            "quantity": pieces(aftercare.returned_quantity[line]),
            "reason_code": columns.labels(RETURN_REASONS, reason),
            "refund_amount": money(aftercare.returned_cents[line]),
            "currency_code": columns.constant(batch.currency, count),
            "disposition_code": columns.labels(_DISPOSITIONS, disposition),
            "version": ones(count),
            "updated_at": at,
        }
    )


def _disputes(
    setting: Setting, aftercare: Aftercare, parcels: Parcels, rng: np.random.Generator
) -> tuple[pa.Table, pa.Table]:
    batch, order = setting.batch, aftercare.dispute_order
    count = len(order)
    case_no = setting.blocks.prefixed("DC", np.arange(count))
    chance = rng.random((3, count))
    opened, closed = aftercare.dispute_at, aftercare.dispute_closed_at
    # Three days to talk, then the platform may be called (`domain.md` d).
    negotiated = opened + DAY + (chance[0] * 2 * DAY).astype(np.int64)
    escalated = np.where(chance[1] < 0.35, opened + 5 * DAY, NEVER)
    seen = columns.unrolled((opened, negotiated, escalated, closed), setting.end)
    is_missing = parcels.order_lost_at[order] < NEVER
    reason = np.where(is_missing, 0, 1 + np.minimum((chance[2] * 6).astype(np.int64), 4))
    is_closed = seen.slot == 3
    outcome = aftercare.dispute_outcome
    gives_money = ((outcome == BUYER_WON) | (outcome == SETTLED)) & ~aftercare.dispute_is_guaranteed
    refunded = np.where(gives_money, aftercare.refund_cents[order], 0)
    row = seen.row
    disputes = table(
        {
            "case_no": columns.named(case_no, row),
            "order_no": columns.named(batch.order_no, order[row]),
            "seller_id": columns.named(setting.world.sellers.seller_id, batch.seller[order[row]]),
            "market_country": columns.constant(batch.market, len(row)),
            "opened_at": columns.times(opened[row]),
            "closed_at": columns.times(np.where(is_closed, closed[row], NEVER)),
            "reason_code": columns.labels(DISPUTE_REASONS, reason[row]),
            "case_status": columns.labels(CASE_STATES, seen.slot),
            "outcome_code": columns.optional(OUTCOMES, np.where(is_closed, outcome[row], -1)),
            "disputed_amount": money(batch.payable_cents[order[row]]),
            "refunded_amount": columns.optional_money(refunded[row], is_closed),
            "currency_code": columns.constant(batch.currency, len(row)),
            "version": integers(seen.version),
            "updated_at": columns.times(seen.at),
        }
    )
    return disputes, _claims(setting, aftercare, rng, case_no)


def _claims(setting: Setting, aftercare: Aftercare, rng: np.random.Generator, case_no: pa.StringArray) -> pa.Table:
    case = np.flatnonzero(aftercare.dispute_is_guaranteed)
    order = aftercare.dispute_order[case]
    batch, count = setting.batch, len(case)
    solvency = setting.world.sellers.solvency[batch.seller[order]]
    submitted = aftercare.dispute_closed_at[case] + DAY + lognormal_seconds(rng, 2.0 * DAY, 0.5, count)
    accepted = submitted + DAY + lognormal_seconds(rng, 2.0 * DAY, 0.5, count)
    paid = accepted + DAY + lognormal_seconds(rng, 3.0 * DAY, 0.5, count)
    recovers = rng.random(count) < solvency
    recovered = np.where(recovers, paid + 10 * DAY + lognormal_seconds(rng, 25.0 * DAY, 0.5, count), NEVER)
    seen = columns.unrolled((submitted, accepted, paid, recovered), setting.end)
    row, is_paid = seen.row, seen.slot >= 2
    cents = batch.payable_cents[order[row]]
    return table(
        {
            "claim_no": columns.named(setting.blocks.prefixed("GC", np.arange(count)), row),
            "order_no": columns.named(batch.order_no, order[row]),
            "case_no": columns.named(case_no, case[row]),
            "seller_id": columns.named(setting.world.sellers.seller_id, batch.seller[order[row]]),
            "market_country": columns.constant(batch.market, len(row)),
            "claimed_at": columns.times(submitted[row]),
            "claim_status": columns.labels(CLAIM_STATES, seen.slot),
            "claimed_amount": money(cents),
            "paid_amount": columns.optional_money(cents, is_paid),
            "recovered_amount": columns.optional_money(cents, seen.slot == 3),
            "currency_code": columns.constant(batch.currency, len(row)),
            "paid_on": dates((paid[row] + CHINA_OFFSET) // DAY, is_paid),
            "version": integers(seen.version),
            "updated_at": columns.times(seen.at),
        }
    )
