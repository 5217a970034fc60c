"""Tax-rebate claims for released exports, item by item, with their states as versions.

Belongs here: who claims, on which base and rate, and how the tax bureau answers. Does not: declarations (see
`declaring.py`). Rates by tariff chapter: 13, 9, 6 or 0 (`domain.md` d); without a rate there is nothing to claim.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from orchestration.simulation.documents import columns
from orchestration.simulation.documents.aftercare import Aftercare
from orchestration.simulation.documents.columns import CHINA_OFFSET, DAY, HOUR, NEVER, Integers, Rows
from orchestration.simulation.documents.declaring import Filed
from orchestration.simulation.documents.numbers import characters_of, texts
from orchestration.simulation.documents.setting import MODE_9810, Setting, lognormal_seconds
from orchestration.simulation.world.columns import dates, integers, money, table
from orchestration.simulation.world.randomness import hashed_uniform
from orchestration.simulation.world.texts import Characters, digits

STATUSES = ("claimed", "accepted", "queried", "paid", "refused", "clawed_back")
_PAID = STATUSES.index("paid")
_CLAIMING_SHARE = 0.9
_SALT_CLAIMS = 91


@dataclass(frozen=True)
class Claims:
    """The claims of one source's declarations."""

    filed: Filed
    position: Integers  # in the grouping's lines
    line: Integers
    document: Integers
    base_cents: Integers  # CNY
    rate_pct: Integers
    rebate_cents: Integers
    moments: tuple[Integers, ...]  # time of each of STATUSES
    key: pa.StringArray


def draw_claims(setting: Setting, filed: Filed, aftercare: Aftercare, source: str) -> Claims:
    """Claims of Chinese sellers who ask for rebates at all, filed after release, for goods with a rate."""
    batch, world, grouping = setting.batch, setting.world, filed.grouping
    rng = setting.draws(f"rebate.{source}")
    rate = _rates(setting, batch.product[grouping.line])
    seller = batch.seller[batch.line_order[grouping.line]]
    is_chinese = world.sellers.home_country[seller] == world.sellers.home_codes.index("CN")
    # A firm either files for rebates or does not; small ones without an accountant rarely do.
    does_claim = hashed_uniform(seller, _SALT_CLAIMS) < _CLAIMING_SHARE
    released_at = filed.process.released_at[grouping.line_document]
    base = world.products.cost_cents[batch.product[grouping.line]] * batch.quantity[grouping.line]
    its = (
        filed.is_its[grouping.line_document] & (rate > 0) & is_chinese & does_claim & (released_at < NEVER) & (base > 0)
    )
    position = np.flatnonzero(its)
    line, document = grouping.line[position], grouping.line_document[position]
    moments = _moments(setting, rng, line, released_at[position], aftercare)
    key = texts(
        len(position), _number_characters(filed, document), "0", digits(grouping.line_number[position], 2)
    )  # fmt: skip
    return Claims(
        filed, position, line, document, base[position], rate[position], base[position] * rate[position] // 100,
        moments, key,
    )  # fmt: skip


def claim_table(setting: Setting, claims: Claims) -> pa.Table:
    """One row per state that a claim has reached."""
    seen = columns.unrolled(claims.moments, setting.end)
    row, line = seen.row, claims.line[seen.row]
    batch, grouping, count = setting.batch, claims.filed.grouping, len(seen.row)
    number = grouping.line_number[claims.position[row]]
    paid_day = (claims.moments[_PAID][row] + CHINA_OFFSET) // DAY
    is_paid = (seen.slot >= _PAID) & (claims.moments[_PAID][row] < NEVER)
    return table(
        {
            "claim_key": columns.named(claims.key, row),
            "declaration_no": columns.named(claims.filed.number, claims.document[row]),
            "declaration_line_no": columns.ordinals(number),
            "order_no": columns.named(batch.order_no, batch.line_order[line]),
            "seller_id": columns.named(setting.world.sellers.seller_id, batch.seller[batch.line_order[line]]),
            "market_country": columns.constant(batch.market, count),
            "claimed_at": columns.times(claims.moments[0][row]),
            "claim_status": columns.labels(STATUSES, seen.slot),
            "base_amount": money(claims.base_cents[row]),
            "rate_pct": pa.array(claims.rate_pct[row].astype(np.float64)),
            "rebate_amount": money(claims.rebate_cents[row]),
            "currency_code": columns.constant("CNY", count),
            "paid_on": dates(np.where(is_paid, paid_day, 0), is_paid),
            "invoice_no": columns.named(_invoices(setting, claims), row),
            "hs_code": columns.named(setting.world.products.hs10, batch.product[line]),
            "version": integers(seen.version),
            "updated_at": columns.times(seen.at),
        }
    )


def _moments(
    setting: Setting, rng: np.random.Generator, line: Integers, released_at: Integers, aftercare: Aftercare
) -> tuple[Integers, ...]:
    batch, count = setting.batch, len(line)
    order = batch.line_order[line]
    chance = rng.random((3, count))
    is_stocked = batch.supervision_mode[order] == MODE_9810
    # 9810 is refunded at departure; others file with the month's papers.
    wait = np.where(is_stocked, 4.0, 22.0) * DAY
    claimed = released_at + 6 * HOUR + lognormal_seconds(rng, wait, 0.5, count)
    accepted = claimed + 4 * HOUR + lognormal_seconds(rng, 2.5 * DAY, 0.5, count)
    is_queried = chance[0] < 0.03 * setting.badness[order]
    queried = np.where(is_queried, accepted + DAY + (chance[0] * 1e8).astype(np.int64) % (3 * DAY), NEVER)
    query = np.where(is_queried, lognormal_seconds(rng, 25.0 * DAY, 0.5, count), 0)
    decided = accepted + 5 * DAY + lognormal_seconds(rng, 5.0 * DAY, 0.5, count) + query
    is_refused = chance[1] < np.where(is_queried, 0.18, 0.003) * setting.badness[order]
    paid = np.where(is_refused, NEVER, decided)
    # What comes back must be repaid (`domain.md` b, returns).
    returned_at = np.where(aftercare.returned_quantity[line] > 0, aftercare.returned_at[order], NEVER)
    lag = (15 + 30 * chance[2]).astype(np.int64) * DAY
    clawed = np.where((returned_at < NEVER) & ~is_refused, np.maximum(paid, returned_at) + lag, NEVER)
    return claimed, accepted, queried, paid, np.where(is_refused, decided, NEVER), clawed


def _rates(setting: Setting, product: Rows) -> Integers:
    """Rebate rate of each line, in percent, by the first two digits of its tariff code."""
    hs10 = setting.world.products.hs10
    view = characters_of(hs10, 10)
    if view is None:
        raise ValueError("A product's tariff code does not have ten digits.")
    chapter = (view[product, 0].astype(np.int64) - 48) * 10 + view[product, 1] - 48
    rates: Integers = _RATE_OF_CHAPTER[chapter]
    return rates


def _chapter_rates() -> Integers:
    rates = np.full(100, 13, np.int64)
    rates[1:25] = 9  # food
    rates[[31, 39, 44, 48]] = 6  # little worked goods: fertiliser, plastics, wood, paper
    rates[[25, 26, 27, 71, 72, 97]] = 0  # minerals, fuels, precious metals, steel, works of art
    return rates


_RATE_OF_CHAPTER = _chapter_rates()


def _number_characters(filed: Filed, document: Integers) -> Characters:
    view = characters_of(filed.number, 18)
    if view is None:
        raise ValueError("A declaration's number does not have 18 characters.")
    return view[document]


def _invoices(setting: Setting, claims: Claims) -> pa.StringArray:
    """Purchase invoices: 20 digits, one per claim."""
    serial = np.arange(len(claims.line))
    return texts(
        len(serial), "44032", digits(np.full(len(serial), setting.market), 3), f"{setting.blocks.yymm:04d}",
        digits(serial, 8),
    )  # fmt: skip
