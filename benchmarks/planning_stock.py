"""The promised fill rate, kept or not: 500 products of trade worlds, a year, policies side by side.

Belongs here: the experiment. Does not: the maths (see `orchestration/planning/`), the worlds' lines.

Each product and warehouse is planned from what was known at the time: lines of the past, the days on which goods were
counted as missing left out, lead times of past orders. Every four weeks the forecast is made anew, each week the level.
Demand that comes afterwards is the world's own, drawn from its means with its noise, whether or not the world's shops
could serve it.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.harness import Measured, Value
from benchmarks.planning_world import WorldLines, drawn_again, lead_days, world_lines
from orchestration.planning.lead_times import LeadTime, lead_times
from orchestration.planning.levels import Promise, normal_level, shared_levels, shortage_curve
from orchestration.planning.past_lines import (
    HALF_YEAR_DAYS,
    HISTORY_DAYS,
    PastLines,
    forecast_items,
    past_errors,
)
from orchestration.planning.simulation import Played, account, play

Reals = NDArray[np.float64]
Ints = NDArray[np.int64]

SEEDS = (777101, 777102, 777103)
ORDERS, MONTHS, ITEMS = 200_000, 42, 500
# The lines of the year as the world drew them, and with their pieces drawn again.
DRAWS = 8
TARGETS = (90.0, 95.0, 98.0)
GOAL_TARGET = 95.0
MEASURED_WEEKS, WARM_UP_WEEKS, REPLAN_WEEKS, REVIEW_DAYS = 52, 13, 4, 7
AHEAD_WEEKS = 18
Z = {90.0: 1.282, 95.0: 1.645, 98.0: 2.054}


@dataclass(frozen=True)
class Items:
    """Which products at which warehouses, and their class."""

    product: Ints
    site: Ints
    abc: NDArray[np.str_]
    rank: dict[int, int]

    def of(self, lines: WorldLines) -> Ints:
        """The item of each line; -1 where it is none of them."""
        keys, place = np.unique(lines.product * 256 + lines.site, return_inverse=True)
        return np.array([self.rank.get(int(key), -1) for key in keys])[place]


def choose_items(lines: WorldLines, until: int, count: int) -> Items:
    """The products with most order lines before a day, at the warehouse that they leave from; ABC by value at cost."""
    keys, place = np.unique(lines.product * 256 + lines.site, return_inverse=True)
    known = (lines.day < until) & (lines.day >= until - HISTORY_DAYS) & ~lines.is_lost
    seen = np.bincount(place[known], minlength=len(keys))
    best = np.argsort(-seen, kind="stable")[:count]
    rank = {int(keys[key]): place for place, key in enumerate(best)}
    product, site = keys[best] // 256, keys[best] % 256
    units = np.bincount(place[known], lines.pieces[known], minlength=len(keys))[best]
    value = units * lines.world.products.cost_cents[product]
    turn = np.argsort(-value)
    share = np.empty(len(value))
    share[turn] = (np.cumsum(value[turn]) - value[turn]) / value.sum()
    abc = np.where(share < 0.8, "A", np.where(share < 0.95, "B", "C"))
    return Items(product, site, abc, rank)


def past(lines: WorldLines, items: Items) -> PastLines:
    """What the shops know of the lines: those that were sold."""
    sold = ~lines.is_lost
    return PastLines(
        lines.day[sold], lines.market[sold], items.of(lines)[sold], lines.pieces[sold], len(items.product),
        len(lines.world.config.markets), lines.product[sold] * 256 + lines.site[sold],
    )  # fmt: skip


def past_lead_times(lines: WorldLines, items: Items) -> list[LeadTime]:
    """Lead times from a dozen past orders of each item's supplier, shrunk to those of its warehouse."""
    world = lines.world
    drawn = lead_days(world, items.product, items.site, 12, "lead times of the past")
    supplier = world.products.supplier[items.product]
    frame = pd.DataFrame(
        {
            "supplier": np.repeat(supplier, 12).astype(str),
            "site": np.repeat(items.site, 12).astype(str),
            "days": drawn.ravel(),
        }
    )
    known = lead_times(frame, [["supplier", "site"], ["site"], []])
    return [known[str(one), str(site)] for one, site in zip(supplier, items.site, strict=True)]


def planned_levels(
    lines: WorldLines, items: Items, known: list[LeadTime], begin: int, reviews: int, targets: tuple[float, ...]
) -> dict[float, Reals]:
    """item x review: our order-up-to level for each target."""
    found = {target: np.zeros((len(items.product), reviews)) for target in targets}
    known_lines = past(lines, items)
    for first in range(0, reviews, REPLAN_WEEKS):
        made_on = begin + first * REVIEW_DAYS
        then = choose_items(lines, made_on - HALF_YEAR_DAYS, len(items.product))
        errors = past_errors(past(lines, then), made_on)
        forecast = errors.corrected(forecast_items(known_lines, made_on, AHEAD_WEEKS))
        for ahead in range(min(REPLAN_WEEKS, reviews - first)):
            curves = [
                shortage_curve(
                    forecast.weekly[item, ahead:],
                    float(forecast.level_cv[item]),
                    forecast.sizes[item],
                    known[item],
                    Promise(GOAL_TARGET, REVIEW_DAYS, "lost"),
                )
                for item in range(len(items.product))
            ]  # fmt: skip
            for target in targets:
                for name in ("A", "B", "C"):
                    rows = np.flatnonzero(items.abc == name)
                    if len(rows):
                        levels = shared_levels([curves[row] for row in rows], target)
                        found[target][rows, first + ahead] = levels
    return found


def rule_levels(
    weekly: Reals, known: list[LeadTime], begin_week: int, reviews: int, target: float
) -> tuple[Reals, Reals]:
    """Levels of the textbook's normal rule and of the four-week mean, item x review; `weekly`: units seen by week."""
    normal, naive = np.zeros((len(weekly), reviews)), np.zeros((len(weekly), reviews))
    for review in range(reviews):
        past = weekly[:, begin_week + review - 26 : begin_week + review]
        for item, lead in enumerate(known):
            normal[item, review] = np.ceil(
                normal_level(
                    float(past[item].mean()), float(past[item].std(ddof=1)), float(lead.days.mean()),
                    float(lead.days.std()), Z[target], REVIEW_DAYS,
                )
            )  # fmt: skip
            cover = (lead.days.mean() + REVIEW_DAYS) / 7
            naive[item, review] = np.ceil(past[item, -4:].mean() * cover)
    return normal, naive


@dataclass(frozen=True)
class Year:
    """What one world's year gave: by policy and target what was played, and the account by class."""

    played: dict[tuple[str, float], list[Played]]
    table: pd.DataFrame


def simulate_world(seed: int, *, orders: int = ORDERS, items: int = ITEMS, months: int = MONTHS,
                   targets: tuple[float, ...] = TARGETS) -> Year:  # fmt: skip
    """A world's last year, played with every policy."""
    lines = world_lines(seed, orders, months)
    reviews = MEASURED_WEEKS + WARM_UP_WEEKS
    begin = lines.days - reviews * REVIEW_DAYS
    chosen = choose_items(lines, begin, items)
    known = past_lead_times(lines, chosen)
    real = lead_days(lines.world, chosen.product, chosen.site, reviews, "lead times to come")
    first_month = int(np.searchsorted(lines.world.demand.month_offset, begin, "right")) - 1
    drawn = [lines, *(drawn_again(lines, draw, first_month) for draw in range(1, DRAWS))]
    wanted = [_by_day(one, chosen) for one in drawn]
    levels = {
        ("forecast's distribution", target): found
        for target, found in planned_levels(lines, chosen, known, begin, reviews, targets).items()
    }
    offset = begin % 7
    weekly = wanted[0][:, offset:].reshape(len(chosen.product), -1, 7).sum(axis=2)
    for target in targets:
        normal, naive = rule_levels(weekly, known, (begin - offset) // 7, reviews, target)
        levels["normal rule", target], levels["four-week mean", target] = normal, naive
    played, tables = {}, []
    for (policy, target), found in levels.items():
        years = [
            play(one[:, begin:], found, real, review_days=REVIEW_DAYS, warm_up_days=WARM_UP_WEEKS * 7) for one in wanted
        ]
        played[policy, target] = years
        of_all = Played(
            np.sum([one.ordered for one in years], axis=0),
            np.sum([one.short for one in years], axis=0),
            np.sum([one.mean_stock for one in years], axis=0),
        )
        tables.append(account(of_all, chosen.abc, policy=policy, target_fill_pct=target, weeks=float(MEASURED_WEEKS)))
    return Year(played, pd.concat(tables, ignore_index=True))


def _by_day(lines: WorldLines, items: Items) -> Reals:
    wanted = np.zeros((len(items.product), lines.days))
    of_line = items.of(lines)
    rows = of_line >= 0
    np.add.at(wanted, (of_line[rows], lines.day[rows]), lines.pieces[rows])
    return wanted


def fill_pct(parts: Sequence[Played]) -> float:
    """Units from stock of units ordered, over several plays."""
    ordered = sum(float(part.ordered.sum()) for part in parts)
    return 100 * (1 - sum(float(part.short.sum()) for part in parts) / ordered)


def measure_fill_rate() -> Measured:
    """The mean over the worlds of how far the realised fill rate lies from the target of 95 %, beside the rules."""
    years = {seed: simulate_world(seed) for seed in SEEDS}
    for seed, year in years.items():
        print(f"world {seed}\n{year.table.round(2).to_string(index=False)}", file=sys.stderr)

    def pooled(policy: str, target: float) -> float:
        return fill_pct([played for year in years.values() for played in year.played[policy, target]])

    ours = "forecast's distribution"
    beside = {f"{policy}, fill": pooled(policy, GOAL_TARGET) for policy in (ours, "normal rule", "four-week mean")}
    beside |= {f"{policy}, error": abs(pooled(policy, GOAL_TARGET) - GOAL_TARGET) for policy in
               ("normal rule", "four-week mean")}  # fmt: skip
    beside |= {f"target {target:g}, fill": pooled(ours, target) for target in TARGETS}
    beside |= {f"world {seed}, fill": fill_pct(year.played[ours, GOAL_TARGET]) for seed, year in years.items()}
    return {"fill_rate_error_points": Value(abs(pooled(ours, GOAL_TARGET) - GOAL_TARGET), beside)}
