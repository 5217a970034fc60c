"""The table of payments, and of the refunds and chargebacks that take them back.

Belongs here: columns. Does not: how a buyer pays (see `paying.py`), why money goes back (see `aftercare.py`), and what
the seller gets (see `settling.py`).
"""

import numpy as np
import pyarrow as pa

from orchestration.simulation.documents import columns
from orchestration.simulation.documents.aftercare import CHARGEBACK, Aftercare
from orchestration.simulation.documents.buyers import Buyers
from orchestration.simulation.documents.columns import Integers
from orchestration.simulation.documents.numbers import texts
from orchestration.simulation.documents.paying import METHODS, Payment
from orchestration.simulation.documents.setting import Setting
from orchestration.simulation.world.columns import money, ones, table
from orchestration.simulation.world.texts import digits

# Firms by where the order was placed; the port names its payment firms by customs' registration.
_HUB_FIRM, _PORT_FIRMS = "PAYGATE", ("312226T001", "440306T002")


def payment_tables(
    setting: Setting, payment: Payment, aftercare: Aftercare, buyers: Buyers
) -> dict[tuple[str, str], pa.Table]:
    """Payments of the hub's orders from `paygate` and of the port's from `port`."""
    payment_no, refund_no = _numbers(setting, "PY"), _numbers(setting, "RF")
    result: dict[tuple[str, str], pa.Table] = {}
    for source, is_its in (("paygate", ~setting.is_port), ("port", setting.is_port)):
        paid = np.flatnonzero(is_its & (payment.paid_at <= setting.end))
        back = np.flatnonzero(is_its & (aftercare.refund_at <= setting.end) & (aftercare.refund_cents > 0))
        if len(paid):
            result[source, "payments"] = _table(
                setting, payment, aftercare, buyers, (payment_no, refund_no), paid, back
            )
    return result


def _table(
    setting: Setting,
    payment: Payment,
    aftercare: Aftercare,
    buyers: Buyers,
    numbers: tuple[pa.StringArray, pa.StringArray],
    paid: Integers,
    back: Integers,
) -> pa.Table:
    batch, count = setting.batch, len(paid) + len(back)
    order = np.concatenate([paid, back])
    payment_no, refund_no = numbers
    kind = np.concatenate([np.zeros(len(paid), np.int32), 1 + (aftercare.kind[back] == CHARGEBACK)])
    at = np.concatenate([payment.paid_at[paid], aftercare.refund_at[back]])
    is_port = bool(setting.is_port[order[0]])
    result = {
        "payment_no": pa.concat_arrays([payment_no.take(pa.array(paid)), refund_no.take(pa.array(back))]),
        "order_no": columns.named(batch.order_no, order),
        "payment_type": columns.labels(("payment", "refund", "chargeback"), kind),
        "paid_at": columns.times(at),
        "payer_country": columns.constant(batch.market, count),
        "amount": money(np.concatenate([batch.payable_cents[paid], -aftercare.refund_cents[back]])),
        "currency_code": columns.constant(batch.currency, count),
        "pay_firm_code": columns.labels(_PORT_FIRMS, order % 2) if is_port else columns.constant(_HUB_FIRM, count),
        "method_code": columns.labels(METHODS, payment.method[order]),
        "reverses_payment_no": pa.concat_arrays([pa.nulls(len(paid), pa.string()), payment_no.take(pa.array(back))]),
    }
    if setting.is_import:
        result |= {"payer_id_no": buyers.id_numbers(order), "payer_name": buyers.names(order)}
    return table(result | {"version": ones(count), "updated_at": columns.times(at)})


def payment_numbers(setting: Setting) -> pa.StringArray:
    """The number of each order's payment."""
    return _numbers(setting, "PY")


def _numbers(setting: Setting, prefix: str) -> pa.StringArray:
    serial = np.arange(setting.count)
    # The last digits are scattered, as a firm with many merchants hands them out.
    tail = digits(serial * 7919 % 1000, 3)
    return texts(setting.count, f"{prefix}{setting.blocks.yymm:04d}{setting.market:03d}", digits(serial, 7), tail)
