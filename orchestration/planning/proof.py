"""The stock policy played over the last half year of this installation's own sales.

Belongs here: the proof that is published beside each plan. Does not: the benchmark over many worlds (see benchmarks/).

Every four weeks the best products are forecast from what was known then, every week the levels are set, and the lines
that customers really ordered are served from a simulated stock. Lead times are drawn from those of real orders.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from orchestration.planning.lead_times import LeadTime
from orchestration.planning.levels import Promise, normal_level, shared_levels, shortage_curve
from orchestration.planning.past_lines import PastLines, forecast_items, past_errors
from orchestration.planning.simulation import account, play
from orchestration.planning.tables import OURS

WEEKS, WARM_UP_WEEKS, REPLAN_WEEKS, AHEAD_WEEKS, REVIEW_DAYS = 26, 13, 4, 18, 7
# The forecast needs a year before the first plan, the share that it reached half a year more.
LEAST_DAYS = (WEEKS + WARM_UP_WEEKS) * 7 + 728
NORMAL, NAIVE = "normal rule", "four-week mean"
Z_OF_95 = 1.645


@dataclass(frozen=True)
class Proof:
    """The account by policy and class, and the first day of the measured weeks, counted from the first line."""

    table: pd.DataFrame
    first_day: int


def prove_policy(
    lines: PastLines,
    earlier: PastLines,
    classes: np.ndarray,
    leads: list[LeadTime],
    days: int,
    *,
    target_fill_pct: float = 95.0,
) -> Proof | None:
    """Play the last 26 weeks; None where there is too little history.

    lines: with the items that are played, chosen by what was known when the play begins. earlier: the same lines with
    the items that one would have chosen half a year before, whose errors are known when the play begins: the best of
    the past fall back. leads: by item; days: length of the history.
    """
    if days < LEAST_DAYS or lines.items == 0:
        return None
    reviews = WEEKS + WARM_UP_WEEKS
    begin = days - reviews * REVIEW_DAYS
    levels = {name: np.zeros((lines.items, reviews)) for name in (OURS, NORMAL, NAIVE)}
    wanted = np.zeros((lines.items, days))
    rows = lines.item >= 0
    np.add.at(wanted, (lines.item[rows], lines.day[rows]), lines.pieces[rows])
    errors = past_errors(earlier, begin)
    for first in range(0, reviews, REPLAN_WEEKS):
        made_on = begin + first * REVIEW_DAYS
        forecast = errors.corrected(forecast_items(lines, made_on, AHEAD_WEEKS))
        for review in range(first, min(first + REPLAN_WEEKS, reviews)):
            curves = [
                shortage_curve(
                    forecast.weekly[item, review - first :], float(forecast.level_cv[item]),
                    forecast.sizes[item], leads[item], Promise(target_fill_pct, REVIEW_DAYS),
                )
                for item in range(lines.items)
            ]  # fmt: skip
            for name in sorted(set(classes.tolist())):
                chosen = np.flatnonzero(classes == name)
                levels[OURS][chosen, review] = shared_levels([curves[item] for item in chosen], target_fill_pct)
            _rules(levels, wanted, leads, begin, review)
    drawn = np.random.default_rng(20260301)
    real = np.stack([drawn.choice(np.rint(lead.days), size=reviews) for lead in leads]).astype(np.int64)
    tables = [
        account(
            play(wanted[:, begin:], found, real, review_days=REVIEW_DAYS, warm_up_days=WARM_UP_WEEKS * 7),
            classes, policy=policy, target_fill_pct=target_fill_pct, weeks=float(WEEKS),
        )
        for policy, found in levels.items()
    ]  # fmt: skip
    return Proof(pd.concat(tables, ignore_index=True), begin + WARM_UP_WEEKS * 7)


def _rules(levels: dict[str, np.ndarray], wanted: np.ndarray, leads: list[LeadTime], begin: int, review: int) -> None:
    """The two rules of thumb at one review."""
    day = begin + review * REVIEW_DAYS
    past = wanted[:, day - 182 : day].reshape(len(wanted), 26, 7).sum(axis=2)
    for item, lead in enumerate(leads):
        mean, spread = float(past[item].mean()), float(past[item].std(ddof=1))
        level = normal_level(mean, spread, float(lead.days.mean()), float(lead.days.std()), Z_OF_95, REVIEW_DAYS)
        levels[NORMAL][item, review] = np.ceil(level)
        levels[NAIVE][item, review] = np.ceil(past[item, -4:].mean() * (lead.days.mean() + REVIEW_DAYS) / 7)
