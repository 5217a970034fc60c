"""Visits of the own shops, as their web analytics sees them: about half, those who allowed it.

Belongs here: visits, their steps, and which visit ended in which order. Does not: what media cost (`media.py`).
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from orchestration.simulation.world.batches import OWN_SHOP, SCREENS, World
from orchestration.simulation.world.columns import integers, moments, ones, picked, table
from orchestration.simulation.world.media import lift_of
from orchestration.simulation.world.order_tables import regions_of, session_ids
from orchestration.simulation.world.orders import MonthPlan
from orchestration.simulation.world.pricing import Drawn
from orchestration.simulation.world.randomness import Integers, Reals, stream
from orchestration.simulation.world.texts import hexadecimal, joined, same, strings, words

STAGES = ("view", "product", "cart", "checkout", "paid")
MEDIUMS = ("direct", "organic", "paid_search", "social", "email", "affiliate", "display", "referral")
_UNPAID_SHARE = (0.45, 0.55)  # direct and organic, of the visits that no medium brought
_CONVERSION = 0.06
_SEEN_SHARE = 0.5
_LOGGED_IN_SHARE = 0.12
# Last stage of visits without an order: view, product, cart, checkout.
_LAST_STAGE = np.array([0.55, 0.32, 0.09, 0.04])
_SECONDS_PER_STEP = 55.0
_PAGES = ("/", "/sale", "/new", "/category", "/product", "/gift-guide")
_PAGE_SHARE = np.array([0.30, 0.12, 0.08, 0.22, 0.24, 0.04])
_STAGE_PAGES = ("/", "/product", "/cart", "/checkout", "/thank-you")
CAMPAIGNS = ("brand", "always_on", "newsletter", "partners", "prospecting", "friends")  # by paid medium
_AGENTS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Mobile Safari/604.1",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36",
    "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 Version/17.5 Safari/605.1.15",
    "Mozilla/5.0 (SMART-TV; Linux; Tizen 7.0) AppleWebKit/537.36 Version/7.0 TV Safari/537.36",
)
_AGENT_OF_SCREEN = np.array([[0, 1], [2, 2], [3, 4], [5, 5]])


@dataclass(frozen=True)
class Visits:
    """The visits that were seen, by time; `order` is the row of the order that ended one, -1 without."""

    started_at: Integers
    order: Integers
    session_of_order: Integers  # by order, -1 where the visit was not seen
    sessions: pa.Table
    events: pa.Table


def draw_visits(world: World, plan: MonthPlan, drawn: Drawn) -> Visits:
    """The visits of a market-month."""
    batch = drawn.batch
    rng = stream(world.config, "sessions", plan.spec.code, plan.month)
    own = np.flatnonzero(batch.channel == OWN_SHOP)
    ended = own[rng.random(len(own)) < _SEEN_SHARE]
    day = np.arange(plan.first_day, plan.end_day) - world.demand.first_day
    mean = world.demand.mean_orders[plan.market][day] * world.demand.own_share[plan.market][day]
    mean = mean * sum(plan.spec.shares[:3]) * _SEEN_SHARE * (1 / _CONVERSION - 1)
    others = rng.poisson(mean)
    rows = len(ended) + int(others.sum())
    moment = _moments_of_others(rng, world, plan, others)
    dwell = (rng.exponential(_SECONDS_PER_STEP, (len(ended), 4)) + 5).astype(np.int64)
    started = np.concatenate([batch.ordered_at[ended] - dwell.sum(axis=1), moment])
    order = np.concatenate([ended, np.full(len(moment), -1)])
    last_stage = np.searchsorted(_LAST_STAGE.cumsum()[:-1], rng.random(len(moment)), "right")
    steps = np.concatenate([np.full(len(ended), 5), last_stage + 1])
    turn = np.argsort(started, kind="stable")
    started, order, steps = started[turn], order[turn], steps[turn]
    gaps = (rng.exponential(_SECONDS_PER_STEP, (rows, 4)) + 5).astype(np.int64)
    is_ended = order >= 0
    gaps[is_ended] = dwell[turn[is_ended]]
    session_of_order = np.full(len(batch.channel), -1, dtype=np.int64)
    session_of_order[order[is_ended]] = np.flatnonzero(is_ended)
    ids = session_ids(plan, np.arange(rows))
    elapsed = np.zeros((rows, 5), dtype=np.int64)
    np.cumsum(gaps, axis=1, out=elapsed[:, 1:])
    at_step = started[:, None] + elapsed
    product = _products(rng, plan, drawn, order)
    sessions = _session_table(
        rng, world, plan, drawn, (ids, started, at_step[np.arange(rows), steps - 1], order, steps)
    )
    return Visits(started, order, session_of_order, sessions, _event_table(world, ids, at_step, steps, product))


def _moments_of_others(rng: np.random.Generator, world: World, plan: MonthPlan, counts: Integers) -> Integers:
    """Starts of the visits without an order, by day; they follow the same hours as the orders of the month."""
    day = np.repeat(np.arange(plan.first_day, plan.end_day, dtype=np.int32), counts)
    seconds = np.minimum(np.abs(rng.normal(57_000, 19_000, len(day))), 86_399).astype(np.int64)
    return world.clock.to_utc(plan.market, day, seconds)


def _products(rng: np.random.Generator, plan: MonthPlan, drawn: Drawn, order: Integers) -> NDArray[np.int32]:
    """Product that each visit looks at: the first one of its order, else one that the shelf suggests."""
    cumulated = plan.shelf.by_seller[: len(plan.assortment.product) + 1]
    local = np.searchsorted(cumulated, rng.random(len(order)) * cumulated[-1], "right") - 1
    product: NDArray[np.int32] = plan.assortment.product[np.clip(local, 0, len(plan.assortment.product) - 1)]
    batch = drawn.batch
    is_ended = order >= 0
    first_line = np.flatnonzero(batch.line_no == 1)
    product[is_ended] = batch.product[first_line[order[is_ended]]]
    return product


def _medium_shares(world: World, plan: MonthPlan) -> Reals:
    day = slice(plan.first_day - world.demand.first_day, plan.end_day - world.demand.first_day)
    return medium_shares(world.media.adstock[plan.market][day])


def medium_shares(adstock: Reals) -> Reals:
    """Shares of the media in the visits of a month with this adstock by day: paid ones bring what their lift adds."""
    lift = lift_of(adstock).mean(axis=0)
    paid = lift / (1 + lift.sum()) * 1.6
    unpaid = (1 - paid.sum()) * np.array(_UNPAID_SHARE)
    return np.concatenate([unpaid, paid]).round(9)


def _session_table(
    rng: np.random.Generator,
    world: World,
    plan: MonthPlan,
    drawn: Drawn,
    visits: tuple[pa.StringArray, Integers, Integers, Integers, Integers],
) -> pa.Table:
    ids, started, ended, order, steps = visits
    batch, rows = drawn.batch, len(order)
    is_ended = order >= 0
    row = np.maximum(order, 0)
    # Some of those who leave are logged in: buyers of the month.
    buyers = len(batch.channel)
    is_known = ~is_ended & (rng.random(rows) < _LOGGED_IN_SHARE) & (buyers > 0)
    known = np.where(is_ended, row, rng.integers(0, max(buyers, 1), rows))
    has_customer = (is_ended | is_known) & (batch.channel[known] == OWN_SHOP if buyers else is_ended)
    screen = np.searchsorted(np.cumsum(plan.spec.screens)[:-1], rng.random(rows), "right")
    medium = np.searchsorted(_medium_shares(world, plan).cumsum()[:-1], rng.random(rows), "right")
    regions = np.array([weight for _, weight in plan.spec.regions])
    region = np.searchsorted((regions / regions.sum()).cumsum()[:-1], rng.random(rows), "right")
    if buyers:
        screen = np.where(is_ended, batch.screen[row], screen)
        region = np.where(has_customer, batch.subdivision[known], region)
    agent = _AGENT_OF_SCREEN[screen, rng.integers(0, 2, rows)]
    page = np.searchsorted(_PAGE_SHARE.cumsum()[:-1], rng.random(rows), "right")
    bits = rng.integers(0, 2**62, rows).astype(np.uint64)
    return table(
        {
            "session_id": ids,
            "started_at": moments(started),
            "ended_at": moments(ended),
            "country": same(plan.spec.code, rows),
            "subdivision_code": regions_of(world, plan, region.astype(np.int16)),
            "customer_id": batch.customer_id.take(pa.array(known, mask=~has_customer)),
            "device_id": strings(joined(rows, "d", hexadecimal(bits, 15))),
            "channel": same("own_shop", rows),
            "screen": words(screen, SCREENS),
            "medium": words(medium, MEDIUMS),
            "campaign": words(np.maximum(medium - 2, 0), CAMPAIGNS, medium >= 2),
            "landing_page": words(page, _PAGES),
            "page_views": integers(steps + rng.integers(0, 4, rows) * (steps > 1)),
            "user_agent": words(agent, _AGENTS),
            "order_no": batch.order_no.take(pa.array(row, mask=~is_ended)),
            "version": ones(rows),
        }
    )


def _event_table(
    world: World, ids: pa.StringArray, at_step: Integers, steps: Integers, product: NDArray[np.int32]
) -> pa.Table:
    session = np.repeat(np.arange(len(steps)), steps)
    starts = np.cumsum(steps) - steps
    stage = np.arange(len(session)) - starts[session]
    shown = product[session]
    is_shown = (stage == 1) | (stage == 2)
    return table(
        {
            "session_id": picked(ids, session),
            "seq": integers(stage + 1),
            "event_at": moments(at_step[session, stage]),
            "stage": words(stage, STAGES),
            "product_id": world.products.product_id.take(pa.array(shown, mask=~is_shown)),
            "page": words(stage, _STAGE_PAGES),
        }
    )
