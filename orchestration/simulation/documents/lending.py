"""Advances to sellers, their instalments, and who stops paying.

Belongs here: the lender's side of a month and the hazard behind it. Does not: sales (see `totals.py`).

Each month a seller stops paying for good with a probability that falls with latent solvency and quality and rises after
a drop in sales (logistic); the truth keeps this probability. Better sellers borrow as often as others: the lender of
this world does not know what the platform could tell it.
"""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from orchestration.simulation.documents import columns
from orchestration.simulation.documents.columns import DAY, HOUR, NEVER, Flags, Integers, Reals, horizon_end
from orchestration.simulation.documents.numbers import texts
from orchestration.simulation.documents.setting import lognormal_seconds
from orchestration.simulation.documents.totals import LENDING_STARTS_AFTER, MonthTotals, first_day
from orchestration.simulation.world.batches import World
from orchestration.simulation.world.columns import dates, integers, money, ones, table
from orchestration.simulation.world.randomness import stream
from orchestration.simulation.world.texts import digits

INTERCEPT, SOLVENCY_WEIGHT, QUALITY_WEIGHT, SHOCK_WEIGHT = -9.0, 3.8, 1.8, 0.6
_ADVANCE_SHARE = 0.09
_SMALLEST_ADVANCE_CENTS = 100_000
_NOISE_CENTS = 300_000  # sales below this much a month say little about a seller
_MEMORY = 0.7  # weight of the past in a seller's usual sales


def _empty() -> Integers:
    return np.empty(0, np.int64)


@dataclass
class OpenAdvances:
    """Advances with instalments to come; arrays by advance."""

    number: Integers = field(default_factory=_empty)  # month * 10^7 + serial
    seller: Integers = field(default_factory=_empty)
    instalment_cents: Integers = field(default_factory=_empty)
    count: Integers = field(default_factory=_empty)
    first_due_day: Integers = field(default_factory=_empty)

    def keep(self, rows: Flags) -> None:
        """Forgets the advances whose flag is not set."""
        for name in vars(self):
            setattr(self, name, getattr(self, name)[rows])

    def add(self, more: "OpenAdvances") -> None:
        """Takes more advances in."""
        for name in vars(self):
            setattr(self, name, np.concatenate([getattr(self, name), getattr(more, name)]))


@dataclass
class CreditState:
    """What the lender carries from month to month; its size depends on the number of sellers."""

    usual_sales: Reals  # CNY hundredths a month
    is_in_default: Flags
    open: OpenAdvances = field(default_factory=OpenAdvances)
    last_month: list[MonthTotals] = field(default_factory=list)  # whose declarations are pledged now


def new_credit_state(world: World) -> CreditState:
    """The state before the first month."""
    count = len(world.sellers.quality)
    return CreditState(np.zeros(count), np.zeros(count, bool))


def default_probability(world: World, sales: Reals, usual: Reals) -> Reals:
    """The monthly probability of each seller to stop paying."""
    shock = np.log((sales + _NOISE_CENTS) / (usual + _NOISE_CENTS))
    shock = np.where(usual > 0, np.clip(-shock, 0.0, 2.5), 0.0)
    score = (
        INTERCEPT
        + SOLVENCY_WEIGHT * (1.0 - world.sellers.solvency)
        + QUALITY_WEIGHT * (1.0 - world.sellers.quality)
        + SHOCK_WEIGHT * shock
    )
    return np.round(1.0 / (1.0 + np.exp(-score)), 9)


def lend(
    world: World, month: str, totals: list[MonthTotals], state: CreditState
) -> tuple[dict[tuple[str, str], pa.Table], pa.Table]:
    """The month's advances and instalments, and the truth of each seller's default; the state moves on by a month."""
    rng = stream(world.config, "documents", "credit", month)
    count = len(world.sellers.quality)
    sales = np.zeros(count)
    for part in totals:
        sales[part.sellers] += part.sales_cny_cents
    is_there = (world.sellers.joined_day < first_day(month)) & ~state.is_in_default
    probability = default_probability(world, sales, state.usual_sales)
    is_default = is_there & (rng.random(count) < probability)
    truth = _truth(world, month, is_there, probability, is_default)
    state.is_in_default |= is_default
    repayments = _repayments(world, month, rng, state)
    usual = np.where(state.usual_sales > 0, _MEMORY * state.usual_sales + (1 - _MEMORY) * sales, sales)
    state.usual_sales = np.rint(usual)
    advances = _advances(world, month, rng, state)
    state.last_month = totals
    return {("lender", "advances"): advances, ("lender", "repayments"): repayments}, truth


def _truth(world: World, month: str, is_there: Flags, probability: Reals, is_default: Flags) -> pa.Table:
    rows = np.flatnonzero(is_there)
    return table(
        {
            "seller_id": columns.named(world.sellers.seller_id, rows),
            "month": columns.constant(month, len(rows)),
            "probability": pa.array(probability[rows]),
            "is_default": pa.array(is_default[rows]),
        }
    )


def _advances(world: World, month: str, rng: np.random.Generator, state: CreditState) -> pa.Table:
    count = len(world.sellers.quality)
    chance = rng.random((6, count))
    limit = state.usual_sales * (0.8 + 2.2 * chance[1])
    is_free = ~np.isin(np.arange(count), state.open.seller) & ~state.is_in_default
    seller = np.flatnonzero(is_free & (chance[0] < _ADVANCE_SHARE) & (limit >= _SMALLEST_ADVANCE_CENTS))
    principal = (limit[seller] // 10_000).astype(np.int64) * 10_000
    instalments = 3 + (chance[2][seller] * 4).astype(np.int64)
    # The lender prices what it sees, which is little: 9 % to 16 %.
    rate = np.round(9.0 + 4.0 * (1.0 - world.sellers.solvency[seller]) + 3.0 * chance[3][seller], 2)
    paid_out_at = (first_day(month) + LENDING_STARTS_AFTER + (chance[4][seller] * 14).astype(np.int64)) * DAY + 3 * HOUR
    first_due = paid_out_at // DAY + 30
    serial = np.arange(len(seller))
    number = int(month[2:4] + month[5:7]) * 10_000_000 + serial
    interest = np.rint(principal * rate / 1200.0).astype(np.int64)
    instalment = -(-principal // instalments) + interest
    declaration, line = _pledges(state.last_month, seller, chance[5])
    state.open.add(OpenAdvances(number, seller, instalment, instalments, first_due))
    at = columns.times(paid_out_at)
    return table(
        {
            "advance_no": advance_numbers(number),
            "seller_id": columns.named(world.sellers.seller_id, seller),
            "paid_out_at": at,
            "principal_amount": money(principal),
            "currency_code": columns.constant("CNY", len(seller)),
            "annual_rate_pct": pa.array(rate),
            "due_on": dates(first_due + 30 * (instalments - 1)),
            "instalment_count": integers(instalments),
            "pledged_declaration_no": declaration,
            "pledged_line_no": line,
            "version": ones(len(seller)),
            "updated_at": at,
        }
    )


def advance_numbers(number: Integers) -> pa.StringArray:
    """The lender's numbers."""
    return texts(len(number), "AD", digits(number, 11))


def _pledges(totals: list[MonthTotals], seller: Integers, chance: Reals) -> tuple[pa.Array, pa.Array]:
    """For some of the borrowers the largest of the declaration items that they claimed for."""
    parts = [part for part in totals if len(part.pledge_seller)]
    if not parts or not len(seller):
        return pa.nulls(len(seller), pa.string()), pa.nulls(len(seller), pa.string())
    owner = np.concatenate([part.pledge_seller for part in parts])
    base = np.concatenate([part.pledge_base_cents for part in parts])
    numbers = pa.concat_arrays([_plain(part.pledge_declaration_no) for part in parts])
    lines = np.concatenate([part.pledge_line_no for part in parts])
    # The last of equal owners wins: sort by base, so that it is the largest.
    best = np.full(len(chance), -1, np.int64)
    rank = np.argsort(base, kind="stable")
    best[owner[rank]] = rank
    chosen = np.where(chance[seller] < 0.6, best[seller], -1)
    mask = chosen < 0
    index = pa.array(np.maximum(chosen, 0), mask=mask)
    return numbers.take(index), pa.array(lines).cast(pa.string()).take(index)


def _plain(values: pa.Array) -> pa.Array:
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def _repayments(world: World, month: str, rng: np.random.Generator, state: CreditState) -> pa.Table:
    """Instalments due in the month: announced ten days before, and a second version when they are paid."""
    end, advances = horizon_end(world.config.month_list), state.open
    start, stop = first_day(month), first_day(month) + _days_in(month)
    seq = np.maximum(0, -((advances.first_due_day - start) // 30))
    due = advances.first_due_day + 30 * seq
    rows = np.flatnonzero((due >= start) & (due < stop) & (seq < advances.count))
    # Thirty days fit twice into a month of 31: the second instalment stands beside the first.
    again = rows[(due[rows] + 30 < stop) & (seq[rows] + 1 < advances.count[rows])]
    number_of = np.concatenate([seq[rows], seq[again] + 1])
    rows = np.concatenate([rows, again])
    due_day = advances.first_due_day[rows] + 30 * number_of
    seller, count = advances.seller[rows], len(rows)
    solvency = world.sellers.solvency[seller]
    chance = rng.random((2, count))
    is_late = chance[0] < 0.04 + 0.28 * np.square(1.0 - solvency)
    delay = np.where(is_late, 2 + lognormal_seconds(rng, 9.0, 0.8, count), -(chance[1] * 3).astype(np.int64))
    paid_at = (due_day + delay) * DAY + 6 * HOUR
    paid_at = np.where(state.is_in_default[seller], NEVER, paid_at)
    announced = (due_day - 10) * DAY
    seen = columns.unrolled((announced, paid_at), end)
    row, is_paid = seen.row, seen.slot == 1
    instalments = table(
        {
            "advance_no": columns.named(advance_numbers(advances.number[rows]), row),
            "seq": integers(number_of[row] + 1),
            "seller_id": columns.named(world.sellers.seller_id, seller[row]),
            "due_on": dates(due_day[row]),
            "due_amount": money(advances.instalment_cents[rows][row]),
            "paid_at": columns.times(np.where(is_paid, paid_at[row], NEVER)),
            "paid_amount": columns.optional_money(advances.instalment_cents[rows][row], is_paid),
            "currency_code": columns.constant("CNY", len(row)),
            "version": integers(seen.version),
            "updated_at": columns.times(seen.at),
        }
    )
    advances.keep(advances.first_due_day + 30 * (advances.count - 1) >= stop)
    return instalments


def _days_in(month: str) -> int:
    following = np.datetime64(month, "M") + 1
    return int(following.astype("datetime64[D]").astype(np.int64)) - first_day(month)
