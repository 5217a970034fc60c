"""Where more visitors are lost at a step than its own history lets expect, and what that costs.

Each part of the market (all, a medium, a screen, a landing page) has a usual loss at each step: the mean of its earlier
weeks, of which recent ones count more. A week is judged by the beta-binomial distribution around it, as wide as the
part's own weeks have scattered; whole weeks, so that weekdays do not matter. All that is judged at once is held to one
rate of false alarms (Benjamini and Hochberg 1995).

Belongs here: the judgement. Does not: reading, drawing.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from orchestration.marketing.funnel.columns import LOSS_COLUMNS

Reals = NDArray[np.float64]

STAGES = ("view", "product", "cart", "checkout", "paid")
STEPS = ("view to product", "product to cart", "cart to checkout", "checkout to paid")
BOUNCE = "bounce"
COUNTS = ("view_count", "product_count", "cart_count", "checkout_count", "paid_count")

JUDGED_WEEKS = 8
# Weeks after which an earlier week counts half.
HALF_LIFE_WEEKS = 8.0
FEWEST_WEEKS = 8
FEWEST_ENTERED = 30
FEWEST_ENTERED_BEFORE = 200
FALSE_DISCOVERIES = 0.05
LOWER, UPPER = 0.05, 0.95
# Rates between weeks always scatter a little, and a history of few weeks cannot prove that they do not.
LEAST_SCATTER = 1e-4


@dataclass(frozen=True, eq=False)
class _Usual:
    """The loss that a week was to be expected: mean, and variance share of what is not known of it."""

    rate: Reals
    uncertainty: Reals
    entered_before: Reals
    weeks_before: Reals


def funnel_loss(weeks: pd.DataFrame) -> pd.DataFrame:
    """One row per part, step and judged week.

    weeks: dimension, member, week_on (first day, gapless per part or not), the five counts of COUNTS, bounce_count,
    value_usd (of paid visits). Empty in, empty out.
    """
    rows = [
        judged
        for (dimension, member), part in weeks.groupby(["dimension", "member"], sort=True)
        if (judged := _judge_part(str(dimension), str(member), part.sort_values("week_on"), weeks["week_on"].max()))
        is not None
    ]
    if not rows:
        return pd.DataFrame(columns=list(LOSS_COLUMNS))
    found = pd.concat(rows, ignore_index=True)
    found["q_value"] = _false_discovery(found["p_value"].to_numpy(float))
    found["is_unusual"] = found["q_value"] <= FALSE_DISCOVERIES
    return found[list(LOSS_COLUMNS)]


def _judge_part(dimension: str, member: str, part: pd.DataFrame, newest: object) -> pd.DataFrame | None:
    counts = part[list(COUNTS)].to_numpy(float)
    week = part["week_on"].to_numpy("datetime64[D]")
    ages = (np.datetime64(newest, "D") - week).astype(np.int64) // 7  # type: ignore[call-overload]
    is_judged = ages < JUDGED_WEEKS
    if not is_judged.any():
        return None
    paid, value = counts[:, 4], part["value_usd"].to_numpy(float)
    order_value = value.sum() / paid.sum() if paid.sum() else 0.0
    frames = []
    for place, step in enumerate((*STEPS, BOUNCE)):
        entered = counts[:, 0] if step == BOUNCE else counts[:, place]
        lost = part["bounce_count"].to_numpy(float) if step == BOUNCE else entered - counts[:, place + 1]
        usual = _usual(entered, lost, week)
        chosen = (
            is_judged
            & (entered >= FEWEST_ENTERED)
            & (usual.weeks_before >= FEWEST_WEEKS)
            & (usual.entered_before >= FEWEST_ENTERED_BEFORE)
        )
        if not chosen.any():
            continue
        # Of those who pass the step, the share that used to buy; a bounce is lost at the first step already.
        passed = counts[:, place + 1].sum() if step != BOUNCE else 0.0
        orders_each = paid.sum() / passed if passed else 0.0
        frames.append(
            _rows(entered[chosen], lost[chosen], usual, chosen, orders_each, order_value).assign(
                dimension=dimension, member=member, step=step, week_on=week[chosen]
            )
        )
    return pd.concat(frames, ignore_index=True) if frames else None


def _usual(entered: Reals, lost: Reals, week: NDArray[np.datetime64]) -> _Usual:
    """What each week was to lose by the weeks before it."""
    number = (week - week[0]).astype(np.int64) / 7.0
    age = number[:, None] - number[None, :]
    weight = np.where(age > 0, 0.5 ** (age / HALF_LIFE_WEEKS), 0.0)
    seen = weight @ entered
    rate = np.divide(weight @ lost + 0.5, seen + 1.0)
    scatter = _scatter(entered, lost)
    # Of the mean: chance in the visits behind it, and weeks that scatter; of the week itself: that it scatters.
    square = np.divide((weight**2) @ entered, seen**2, out=np.ones(len(seen)), where=seen > 0)
    weeks_weight = np.divide((weight**2).sum(axis=1), weight.sum(axis=1) ** 2, out=np.ones(len(seen)), where=seen > 0)
    return _Usual(
        rate=rate,
        uncertainty=scatter * (1 + weeks_weight) + square,
        entered_before=np.where(age > 0, entered[None, :], 0.0).sum(axis=1),
        weeks_before=((age > 0) & (entered[None, :] > 0)).sum(axis=1).astype(np.float64),
    )


def _scatter(entered: Reals, lost: Reals) -> float:
    """Variance of a part's weekly rates beyond chance, as a share of p (1 - p); by moments, from week to week.

    Successive weeks are compared, so that slow change does not count as scatter, and their middle value is taken, so
    that the weeks that are to be found do not hide themselves.
    """
    is_used = entered > 0
    n, rate = entered[is_used], lost[is_used] / entered[is_used]
    mean = lost.sum() / max(entered.sum(), 1.0)
    if len(n) < FEWEST_WEEKS or not 0 < mean < 1:
        return LEAST_SCATTER
    chance = 1 / n[1:] + 1 / n[:-1]
    step = np.diff(rate) ** 2 / (mean * (1 - mean))
    # The middle of a chi-square of one degree is 0.455 of its mean.
    ratio = float(np.median(step / chance)) / 0.455
    return max(LEAST_SCATTER, (ratio - 1) * float(np.median(chance)) / 2)


def _rows(
    entered: Reals, lost: Reals, usual: _Usual, chosen: NDArray[np.bool_], orders_each: float, order_value: float
) -> pd.DataFrame:
    from scipy.stats import betabinom

    rate = np.clip(usual.rate[chosen], 1e-4, 1 - 1e-4)
    concentration = np.maximum(1 / usual.uncertainty[chosen] - 1, 1.0)
    law = betabinom(entered.astype(np.int64), rate * concentration, (1 - rate) * concentration)
    lower, upper = law.ppf(LOWER), law.ppf(UPPER)
    excess = lost - entered * rate
    frame = pd.DataFrame(
        {
            "entered_count": entered.astype(np.int64),
            "lost_count": lost.astype(np.int64),
            "loss_pct": 100 * lost / entered,
            "usual_loss_pct": 100 * rate,
            "lower_loss_pct": 100 * lower / entered,
            "upper_loss_pct": 100 * upper / entered,
            "p_value": law.sf(lost - 1),
            "excess_lost_count": excess,
        }
    )
    for name, count in (("", excess), ("lower_", lost - upper), ("upper_", lost - lower)):
        frame[f"{name}lost_orders"] = count * orders_each
        frame[f"{name}lost_value_usd"] = count * orders_each * order_value
    return frame


def _false_discovery(p_value: Reals) -> Reals:
    """Benjamini and Hochberg's adjusted p-values."""
    size = len(p_value)
    order = np.argsort(p_value)
    scaled = p_value[order] * size / np.arange(1, size + 1)
    adjusted = np.empty(size)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted
