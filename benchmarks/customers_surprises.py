"""Surprises against the habits that a trade world hides, and against what its generator says of every other cell.

Belongs here: markets drawn straight from the generator, the truth of a cell, scores. Does not: the search.

Seen: per buyer the subdivision, and gender and age band of those who consented at a shop that tells (no one at the
port does), and which categories they bought. The worlds have 600,000 orders, so that planted cells are large enough.

Recall: of planted habits with a lift of 1.5 or more (share of a category in the orders of its buyers, with the habit by
without it) and 200 buyers or more whose attributes are known, how many are named: a cell of the same subdivision and
category, bought oftener, which is the planted one, within it or around it. How many are named exactly stands beside.

False discovery: a reported cell whose ratio by the generator's own chances, with the same other cells taken into the
expectation, lies on the other side of 1 or within 2 % of it. So a cell that contains a planted one, lies within it or
mirrors it counts as found only if it really differs from what is reported beside it. Worlds without any planted habit
of a subdivision do not exist, but most markets' subdivisions are alike: those are where chance could deceive.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from benchmarks.harness import Measured, Value
from orchestration.customers.surprises.cells import Attribute, Cell, Counts, count_cells
from orchestration.customers.surprises.search import Surprise, explained_without, find_surprises, of_kind, search
from orchestration.simulation.world.batches import CATEGORIES, World
from orchestration.simulation.world.building import build_world
from orchestration.simulation.world.category_parameters import AGE_BANDS, GENDERS, SEGMENT_SHARE, SEGMENTS
from orchestration.simulation.world.config import MARKETS, WorldConfig
from orchestration.simulation.world.market_parameters import market_specs
from orchestration.simulation.world.orders import draw_all_lines, draw_buying, plan_month

SEEDS = (171, 172, 173)
ORDERS = 600_000
LEAST_LIFT, LEAST_BUYERS = 1.5, 200
_NULL = np.log(1.02)
# As in staging.
_BANDS = ("18-29", "30-44", "45-59", "60 and over")

Reals = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class HiddenBuyers:
    """The buyers of a market: what is seen of them, and the generator's traits.

    taste: profile (segment + 6 x flags) x category, mean share of the first line of an order.
    """

    market: int
    seen: tuple[Attribute, Attribute, Attribute]
    customer: Labels
    category: Labels
    times: Labels
    orders: Labels
    gender: Labels
    band: Labels
    flags: Labels
    taste: Reals

    def counts(self) -> Counts:
        """As the search gets them."""
        return count_cells(self.seen, self.orders, (self.customer, self.category, self.times), tuple(CATEGORIES))


def hidden_buyers(world: World, market: int) -> HiddenBuyers:
    """All months of one market."""
    spec = market_specs(world.config.markets)[market]
    parts: list[Reals] = []
    rows, owners, categories = [], [], []
    category_of = world.assortments[market].category
    for cohort in range(world.config.months):
        plan = plan_month(world, market, cohort)
        buying = draw_buying(world, plan)
        lines = draw_all_lines(world, plan, buying)
        traits = buying.traits
        year = int(plan.month[:4])
        rows.append(
            np.stack(
                [
                    buying.customer, traits.subdivision, traits.gender, traits.age_band, traits.flags,
                    year - traits.birth_year.astype(np.int64), traits.has_consent & ~traits.is_port_buyer,
                ],
                axis=1,
            ).astype(np.int64)
        )  # fmt: skip
        kept, is_placed = ~lines.is_lost, np.zeros(len(buying.customer), dtype=np.bool_)
        is_placed[lines.order[kept]] = True
        rows[-1] = rows[-1][is_placed]
        once = np.unique(lines.order[kept] * len(CATEGORIES) + category_of[lines.local[kept]])
        owners.append(buying.customer[once // len(CATEGORIES)])
        categories.append(once % len(CATEGORIES))
        parts.append(plan.shelf.category_share.mean(axis=0))
    orders = np.concatenate(rows)
    # The first order says the age.
    numbers, first, times = np.unique(orders[:, 0], return_index=True, return_counts=True)
    of = orders[first]
    is_known = (of[:, 6] == 1) & (spec.code != "CN")
    band = np.searchsorted(np.array(AGE_BANDS[1:]), of[:, 5], "right")
    owner = np.searchsorted(numbers, np.concatenate(owners))
    cells, with_it = np.unique(owner * len(CATEGORIES) + np.concatenate(categories), return_counts=True)
    return HiddenBuyers(
        market,
        (
            Attribute(tuple(f"{spec.code}-{region}" for region, _ in spec.regions), of[:, 1]),
            Attribute(tuple(GENDERS), np.where(is_known, of[:, 2], -1)),
            Attribute(_BANDS, np.where(is_known & (of[:, 5] >= AGE_BANDS[0]), band, -1)),
        ),
        cells // len(CATEGORIES), cells % len(CATEGORIES), with_it, times,
        of[:, 2], of[:, 3], of[:, 4], np.mean(parts, axis=0),
    )  # fmt: skip


def chances(hidden: HiddenBuyers) -> Reals:
    """Orders of each customer that take each category, by the generator; customer x category.

    An order takes a category with a multiple of the buyer's share of it (further lines add to the first one's): the
    multiple at which the market buys as much as it did.
    """
    profiles = np.arange(len(SEGMENTS)) + len(SEGMENTS) * hidden.flags[:, None]
    share = SEGMENT_SHARE[hidden.gender, hidden.band]
    found = np.einsum("cs,csk->ck", share, hidden.taste[profiles]) * hidden.orders[:, None]
    bought = np.bincount(hidden.category, hidden.times, minlength=len(CATEGORIES))
    return np.asarray(found * (bought / found.sum(axis=0)))


def true_counts(hidden: HiddenBuyers, counts: Counts) -> Counts:
    """The same cells, with the orders of each category that the generator expects."""
    places = np.stack([one.place for one in hidden.seen], axis=1)
    _, of = np.unique(places, axis=0, return_inverse=True)
    of, chance = of.reshape(-1), chances(hidden)
    bought = np.stack([np.bincount(of, column, minlength=len(counts.buyers)) for column in chance.T], axis=1)
    return replace(counts, bought=bought.astype(np.float64))


def planted(world: World, hidden: HiddenBuyers) -> list[tuple[Cell, str]]:
    """Planted cells that are large enough to be asked for, with their category."""
    asked = []
    for place, one in enumerate(world.assortments[hidden.market].surprises):
        region = hidden.seen[0].names.index(f"{one.market}-{one.region}")
        is_member = hidden.seen[0].place == region
        for seen, wanted in ((hidden.seen[1], one.gender), (hidden.seen[2], one.age_band)):
            if wanted >= 0:
                is_member &= seen.place == wanted
        has_habit = is_member & (hidden.flags >> place & 1 == 1)
        share = SEGMENT_SHARE[hidden.gender[has_habit], hidden.band[has_habit]]
        rows = np.arange(len(SEGMENTS)) + len(SEGMENTS) * hidden.flags[has_habit][:, None]
        usual = rows - (len(SEGMENTS) << place)
        with_it, without = ((share * hidden.taste[which, one.category]).sum() for which in (rows, usual))
        if int(is_member.sum()) >= LEAST_BUYERS and with_it >= LEAST_LIFT * without > 0:
            gender = GENDERS[one.gender] if one.gender >= 0 else None
            band = _BANDS[one.age_band] if one.age_band >= 0 else None
            asked.append((Cell(f"{one.market}-{one.region}", gender, band), CATEGORIES[one.category]))
    return asked


def false_ones(hidden: HiddenBuyers, counts: Counts, reported: Sequence[Surprise]) -> list[Surprise]:
    """Reported cells that the generator does not confirm."""
    found, truth = search(counts), true_counts(hidden, counts)
    wrong = []
    for one in reported:
        place, category = counts.cells.index(one.cell), counts.categories.index(one.category)
        expected = explained_without(truth, found.taken[category], place, category)
        seen = of_kind(truth, one.cell.subdivision_code is not None)
        true_ratio = np.log(float(seen.is_member[place] @ seen.bought[:, category]) / expected)
        if true_ratio * np.sign(np.log(one.ratio)) < _NULL:
            wrong.append(one)
    return wrong


def measure_surprises() -> Measured:
    """Recall of planted habits and share of false discoveries over all markets of worlds nobody has seen."""
    asked = named = exact = reported = wrong = of_regions = wrong_of_regions = 0
    for seed in SEEDS:
        world = build_world(WorldConfig(seed=seed, orders=ORDERS))
        for market in range(len(MARKETS)):
            hidden = hidden_buyers(world, market)
            counts = hidden.counts()
            found = find_surprises(counts)
            reported += len(found)
            of_regions += sum(one.cell.subdivision_code is not None for one in found)
            false = false_ones(hidden, counts, found)
            wrong += len(false)
            wrong_of_regions += sum(one.cell.subdivision_code is not None for one in false)
            for cell, category in planted(world, hidden):
                near = [
                    one.cell for one in found
                    if one.category == category and one.ratio > 1 and one.cell.subdivision_code == cell.subdivision_code
                    and (one.cell.contains(cell) or cell.contains(one.cell))
                ]  # fmt: skip
                asked, named, exact = asked + 1, named + bool(near), exact + (cell in near)
    return {
        "surprises_recall": Value(
            100 * named / max(asked, 1), {"asked": asked, "named exactly": 100 * exact / max(asked, 1)}
        ),
        "surprises_fdr": Value(
            100 * wrong / max(reported, 1),
            {
                "reported": reported,
                "of a subdivision": of_regions,
                "false": wrong,
                "false of a subdivision": wrong_of_regions,
            },
        ),
    }
