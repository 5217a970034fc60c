"""What a market-month hands to the month's end: small arrays by seller and pot, whatever the number of orders.

Belongs here: sums. Does not: what the bank and the lender make of them (see `banking.py`, `lending.py`).
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from orchestration.simulation.documents import columns
from orchestration.simulation.documents.columns import Integers, Reals, month_index
from orchestration.simulation.documents.rebating import Claims
from orchestration.simulation.documents.setting import Setting
from orchestration.simulation.documents.settling import Settling
from orchestration.simulation.world.batches import World

# Days of a month after which the lender pays advances out, on declarations of the month before.
LENDING_STARTS_AFTER = 12


@dataclass(frozen=True)
class MonthTotals:
    """Sums of one market-month; at most sellers x open periods pots, and two pledges per seller."""

    market: str
    month: str
    pots: Integers
    nets: Integers  # hundredths of the market's currency
    sellers: Integers  # sellers with orders
    order_counts: Integers
    sales_cny_cents: Integers
    pledge_seller: Integers  # sellers with a claim that could be pledged
    pledge_base_cents: Integers  # CNY
    pledge_declaration_no: pa.Array
    pledge_line_no: Integers


def month_totals(setting: Setting, settling: Settling, claims: list[Claims]) -> MonthTotals:
    """Sums up one market-month."""
    batch = setting.batch
    count = len(setting.world.sellers.quality)
    orders = np.bincount(batch.seller, minlength=count)
    sales = np.bincount(batch.seller, np.where(batch.is_cancelled, 0, batch.goods_cents), count)
    sellers = np.flatnonzero(orders)
    factor = cny_per_unit(setting.world, batch.currency, first_day(batch.month))
    pledge = _pledges(setting, claims)
    return MonthTotals(
        batch.market, batch.month, settling.pots, settling.nets, sellers, orders[sellers],
        np.rint(sales[sellers] * factor).astype(np.int64), *pledge,
    )  # fmt: skip


def _pledges(setting: Setting, claims: list[Claims]) -> tuple[Integers, Integers, pa.Array, Integers]:
    """The last claimed item of each seller, which a lender takes as a pledge in the following month."""
    owners, bases, numbers, lines = [], [], [pa.array([], pa.string())], []
    for claim in claims:
        latest = np.full(len(setting.world.sellers.quality), -1, np.int64)
        # Of equal indices the last assignment stays.
        released_at = claim.filed.process.released_at[claim.document]
        rows = np.flatnonzero(released_at < _lending_starts(setting.batch.month))
        latest[setting.batch.seller[setting.batch.line_order[claim.line[rows]]]] = rows
        owner = np.flatnonzero(latest >= 0)
        row = latest[owner]
        owners.append(owner)
        bases.append(claim.base_cents[row])
        numbers.append(columns.taken(claim.filed.number, claim.document[row]))
        lines.append(claim.filed.grouping.line_number[claim.position[row]])
    nothing = np.empty(0, np.int64)
    return (
        np.concatenate([nothing, *owners]), np.concatenate([nothing, *bases]), pa.concat_arrays(numbers),
        np.concatenate([nothing, *lines]),
    )  # fmt: skip


def _lending_starts(month: str) -> int:
    """The second from which the lender pays out in the month after; by then a pledge must be released."""
    following = str(np.datetime64(month, "M") + 1)
    return (first_day(following) + LENDING_STARTS_AFTER) * columns.DAY


def first_day(month: str) -> int:
    """The first day of a month `YYYY-MM` as days since 1970."""
    return int((np.datetime64("1970-01", "M") + month_index(month)).astype("datetime64[D]").astype(np.int64))


def cny_per_unit(world: World, currency: str, day: Integers | int) -> Reals:
    """Yuan for one unit of a currency on a day, or on the nearest day that has rates."""
    rates = world.rates
    column = np.clip(np.asarray(day) - rates.first_day, 0, rates.per_eur.shape[1] - 1)
    its, yuan = rates.currencies.index(currency), rates.currencies.index("CNY")
    return np.asarray(rates.per_eur[yuan, column] / rates.per_eur[its, column])
