"""How and when buyers pay.

Belongs here: the draw. Does not: the table of payments and refunds (see `payments.py`).
"""

from dataclasses import dataclass

import numpy as np

from orchestration.simulation.documents.columns import HOUR, NEVER, Integers
from orchestration.simulation.documents.setting import Setting, lognormal_seconds

METHODS = ("wallet", "card", "transfer")
_WALLET_SHARE = {"CN": 0.92, "KR": 0.45, "BR": 0.5, "DE": 0.5}
_TRANSFER_SHARE = {"CN": 0.0, "DE": 0.1, "BR": 0.12, "SA": 0.08, "JP": 0.12}


@dataclass(frozen=True)
class Payment:
    """How and when each order is paid; `NEVER` for those cancelled before."""

    method: Integers  # index into METHODS
    paid_at: Integers


def draw_payment(setting: Setting) -> Payment:
    """Wallets and cards pay within minutes, transfers take hours."""
    rng, market, count = setting.draws("payment"), setting.batch.market, setting.count
    transfer, wallet = _TRANSFER_SHARE.get(market, 0.05), _WALLET_SHARE.get(market, 0.35)
    chance = rng.random(count)
    method = np.where(chance < transfer, 2, np.where(chance < transfer + wallet, 0, 1))
    quick = 15 + lognormal_seconds(rng, 90.0, 0.9, count)
    slow = lognormal_seconds(rng, 10.0 * HOUR, 0.6, count)
    paid_at = setting.batch.ordered_at + np.where(method == 2, slow, quick)
    too_late = setting.batch.is_cancelled & (paid_at >= setting.batch.cancelled_at)
    return Payment(method, np.where(too_late | (setting.batch.payable_cents <= 0), NEVER, paid_at))
