"""What each medium added to a market's orders: a regression with carry-over and saturation, with intervals that hold.

Orders of the channels that media lead to are their base times one plus the lifts of the media. Where the market sells
through other channels too, their orders of the same day are the control: what both feel (a storm, a holiday, a peak)
cancels, and only the share of the own channels is modelled (binomial). Without a control the orders themselves are
modelled (negative binomial), with a column for every event.

The regression is statsmodels' GLM. Around its solution the likelihood is a quadratic form, on which every shape of the
grid (see `shapes.py`) is weighed for all media together by Gibbs sampling, with the lifts integrated out: so an
interval holds what is unknown of the shapes too. Spread beyond the family's, and errors that follow one another,
widen it.

Belongs here: the fit and its draws. Does not: reading, money, what to do about it (see `budget.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from orchestration.forecasting.demand.calendar import CalendarEvent
from orchestration.marketing.media.baseline import baseline
from orchestration.marketing.media.shapes import GRID, Responses, log_prior, responses

Reals = NDArray[np.float64]
Ints = NDArray[np.int64]
Days = NDArray[np.datetime64]

LOWER, UPPER = 0.05, 0.95
FEWEST_DAYS = 180
FEWEST_ORDERS = 300
FEWEST_SPEND_DAYS = 30
# Spend that hardly moves cannot be told from the level of demand.
FEWEST_VARIATION = 0.1
# Two media that always move together cannot be told from each other.
MOST_ALIKE = 0.98
# Weak and centred on nothing: a mean lift within one half of the base, of either sign. A prior that forbids negative
# lifts would make every small medium look useful, and sums over markets too large.
LIFT_SPREAD = 0.5
# The control must be no smaller than half of what it stands beside.
LEAST_CONTROL = 0.5
_CHAINS, _BURN_IN, _SWEEPS = 32, 12, 32
_AROUND_STEPS = 3
_LAGS = 14
_BEYOND_CHANCE = 2.0
_LEAST_LIFTED = 0.3
_CHUNK = 64


@dataclass(frozen=True, eq=False)
class MediaHistory:
    """A market's gapless days: orders of the channels that media lead to, of the others, and spend (days x media)."""

    market: str
    days: Days
    own_orders: Reals
    other_orders: Reals
    media: tuple[str, ...]
    spend: Reals


@dataclass(frozen=True, eq=False)
class MediaFit:
    """What was learnt; draws x media throughout, only of the media that can be told apart.

    lift: mean lift of the base. grid: index of the shape. orders, recent_orders: orders added in all days, and in the
    last year. daily: days x media, orders added in the mean of the draws. fitted: days, orders that the model expects.
    refused: why a medium has no effect of its own here, by medium. method: `share` or `count`.
    """

    history: MediaHistory
    method: str
    media: tuple[str, ...]
    refused: dict[str, str]
    lift: Reals
    grid: Ints
    orders: Reals
    recent_orders: Reals
    daily: Reals
    fitted: Reals
    scale: float
    answers: tuple[Responses, ...]

    @property
    def base_per_day(self) -> float:
        """Orders a day of the last ninety without media."""
        recent = slice(-90, None)
        return float((self.fitted[recent] - self.daily[recent].sum(axis=1)).mean())


class NotIdentifiableError(ValueError):
    """The market's history cannot tell what media add; the message says why."""


def fit_media(history: MediaHistory, events: Sequence[CalendarEvent]) -> MediaFit:
    """Fit one market. Raises NotIdentifiableError when no medium's effect can be told."""
    if len(history.days) < FEWEST_DAYS:
        raise NotIdentifiableError(f"{len(history.days)} days with visits or spend; {FEWEST_DAYS} are needed")
    if history.own_orders.sum() < FEWEST_ORDERS:
        raise NotIdentifiableError(
            f"{history.own_orders.sum():.0f} orders through the channels that media lead to; {FEWEST_ORDERS} are needed"
        )
    refused = _refused(history)
    chosen = [place for place, medium in enumerate(history.media) if medium not in refused]
    if not chosen:
        raise NotIdentifiableError("; ".join(f"{medium}: {why}" for medium, why in refused.items()) or "no medium")
    answers = tuple(responses(history.spend[:, place]) for place in chosen)
    has_control = history.other_orders.sum() >= LEAST_CONTROL * history.own_orders.sum()
    columns = baseline(history.days, events, history.market, by_event=not has_control)
    around = _regression(history, columns, answers, has_control=has_control)
    precision, score = _projected(around, columns, answers)
    # Each market has draws of its own: sums over markets would be too wide with the same ones.
    rng = np.random.default_rng(crc32(history.market.encode()))
    grid = _shapes(precision, score, len(chosen), rng)
    lift = _lifts(precision, score, grid, rng)
    orders, recent, daily = _added(lift, grid, answers, around.fitted)
    return MediaFit(
        history=history,
        method="share" if has_control else "count",
        media=tuple(history.media[place] for place in chosen),
        refused=refused,
        lift=lift,
        grid=grid,
        orders=orders,
        recent_orders=recent,
        daily=daily,
        fitted=around.fitted,
        scale=around.scale,
        answers=answers,
    )


def _refused(history: MediaHistory) -> dict[str, str]:
    """Media whose spend can teach nothing, each with the reason."""
    found: dict[str, str] = {}
    kept: list[int] = []
    for place, medium in enumerate(history.media):
        spend = history.spend[:, place]
        spent_days = int((spend > 0).sum())
        if spent_days == 0:
            found[medium] = "nothing was spent"
        elif spent_days < FEWEST_SPEND_DAYS:
            found[medium] = f"money was spent on {spent_days} days; {FEWEST_SPEND_DAYS} are needed"
        elif spend.std() < FEWEST_VARIATION * spend.mean():
            found[medium] = "spend hardly changes, so its effect cannot be told from the level of demand"
        else:
            twin = next((one for one in kept if _alike(history.spend[:, one], spend) > MOST_ALIKE), None)
            if twin is None:
                kept.append(place)
            else:
                found[medium] = f"spend moves with that of {history.media[twin]}, which stands for both"
    return found


def _alike(first: Reals, second: Reals) -> float:
    return float(np.corrcoef(first, second)[0, 1])


@dataclass(frozen=True, eq=False)
class _Around:
    """The regression's quadratic form: working weights and answer, the level around which it stands."""

    weights: Reals
    answer: Reals
    lifted: Reals  # one plus the lifts at the solution
    fitted: Reals
    scale: float


def _regression(history: MediaHistory, columns: Reals, answers: Sequence[Responses], *, has_control: bool) -> _Around:
    """Fit the base and the lifts at the middle shapes; a few steps, as lifts add up inside of the logarithm."""
    import statsmodels.api as sm

    middle = max(range(len(GRID)), key=lambda place: float(log_prior()[place]))
    curves = np.stack([one.curves[middle] for one in answers], axis=1)
    lift = np.zeros(len(answers))
    own, total = history.own_orders, history.own_orders + history.other_orders
    is_used = total > 0 if has_control else np.ones(len(own), dtype=bool)
    family, spread = _family(history, columns, has_control=has_control)
    answer = np.divide(own, total, out=np.zeros(len(own)), where=total > 0) if has_control else own
    weight = np.where(is_used, total, 0.0) if has_control else np.ones(len(own))
    width = columns.shape[1]
    lifted, offset = np.ones(len(own)), np.zeros(len(own))
    parameters = np.zeros(width + len(answers))
    for _ in range(_AROUND_STEPS):
        lifted = np.maximum(1 + curves @ lift, _LEAST_LIFTED)
        offset = np.log(lifted) - (curves @ lift) / lifted
        design = np.column_stack([columns, curves / lifted[:, None]])
        solution = sm.GLM(
            answer[is_used], design[is_used], family=family, offset=offset[is_used], var_weights=weight[is_used]
        ).fit(maxiter=50)
        parameters = np.asarray(solution.params)
        lift = np.clip(parameters[width:], -0.5, 1.5)
    design = np.column_stack([columns, curves / lifted[:, None]])
    predictor = design @ parameters + offset
    mean = 1 / (1 + np.exp(-predictor)) if has_control else np.exp(predictor)
    slope = mean * (1 - mean) if has_control else mean
    variance = slope if has_control else mean + spread * mean**2
    weights = weight * slope**2 / variance
    working = predictor + (answer - mean) / slope
    residual = np.sqrt(weight / variance) * (answer - mean)
    freedom = max(1, int(is_used.sum()) - design.shape[1])
    scale = max(1.0, float((residual[is_used] ** 2).sum() / freedom)) * _memory(residual[is_used])
    fitted = mean * total if has_control else mean
    return _Around(weights, working - offset, lifted, fitted, scale)


def _family(history: MediaHistory, columns: Reals, *, has_control: bool) -> "tuple[object, float]":  # statsmodels' own
    import statsmodels.api as sm

    if has_control:
        return sm.families.Binomial(), 0.0
    first = sm.GLM(history.own_orders, columns, family=sm.families.Poisson()).fit(maxiter=50)
    mean = first.fittedvalues
    excess = ((history.own_orders - mean) ** 2 - mean).sum() / (mean**2).sum()
    spread = float(max(excess, 1e-6))
    return sm.families.NegativeBinomial(alpha=spread), spread


def _memory(residual: Reals) -> float:
    """How much errors that follow one another widen a mean (Newey and West's weights over two weeks); at least one.

    A figure that chance alone would give is none: it would widen every interval for nothing.
    """
    centred = residual - residual.mean()
    variance = float((centred**2).mean())
    if variance <= 0:
        return 1.0
    total = 1.0
    for lag in range(1, min(_LAGS, len(centred) - 1) + 1):
        total += 2 * (1 - lag / (_LAGS + 1)) * float((centred[lag:] * centred[:-lag]).mean()) / variance
    chance = np.sqrt(4 / 3 * _LAGS / len(centred))
    return total if total > 1 + _BEYOND_CHANCE * chance else 1.0


def _projected(around: _Around, columns: Reals, answers: Sequence[Responses]) -> tuple[Reals, Reals]:
    """Precision matrix and score of every grid point of every medium, the base taken out."""
    root = np.sqrt(around.weights / around.scale)
    base, _ = np.linalg.qr(columns * root[:, None])
    curves = np.concatenate([one.curves for one in answers]) / around.lifted * root
    curves = curves - (curves @ base) @ base.T
    answer = around.answer * root
    return curves @ curves.T, curves @ (answer - base @ (base.T @ answer))


def _shapes(precision: Reals, score: Reals, media: int, rng: np.random.Generator) -> Ints:
    """Draws x media: grid points by Gibbs sampling, one medium after the other, lifts integrated out."""
    size = len(GRID)
    prior = log_prior()
    state = rng.choice(size, size=(_CHAINS, media), p=np.exp(prior))
    kept = []
    for sweep in range(_BURN_IN + _SWEEPS):
        for medium in range(media):
            others = [one for one in range(media) if one != medium]
            rows = state[:, others] + np.array(others, dtype=np.int64) * size
            inner = precision[rows[:, :, None], rows[:, None, :]] + np.eye(media - 1) / LIFT_SPREAD**2
            inverse = np.linalg.inv(inner)
            solved = np.einsum("cij,cj->ci", inverse, score[rows])
            mine = slice(medium * size, (medium + 1) * size)
            cross = precision[mine][:, rows].transpose(1, 0, 2)
            left = np.diag(precision)[mine] + 1 / LIFT_SPREAD**2 - np.einsum("cki,cij,ckj->ck", cross, inverse, cross)
            gain = score[mine] - np.einsum("cki,ci->ck", cross, solved)
            weight = prior + 0.5 * gain**2 / left - 0.5 * np.log(left)
            # The largest of log weights with Gumbel noise is a draw by these weights.
            state[:, medium] = np.argmax(weight + rng.gumbel(size=weight.shape), axis=1)
        if sweep >= _BURN_IN:
            kept.append(state.copy())
    return np.concatenate(kept)


def _lifts(precision: Reals, score: Reals, grid: Ints, rng: np.random.Generator) -> Reals:
    """A draw of all lifts for each draw of the shapes."""
    media = grid.shape[1]
    rows = grid + np.arange(media) * len(GRID)
    inner = precision[rows[:, :, None], rows[:, None, :]] + np.eye(media) / LIFT_SPREAD**2
    mean = np.linalg.solve(inner, score[rows][..., None])[..., 0]
    factor = np.linalg.cholesky(np.linalg.inv(inner))
    drawn: Reals = mean + np.einsum("dij,dj->di", factor, rng.standard_normal(mean.shape))
    return drawn


def _added(lift: Reals, grid: Ints, answers: Sequence[Responses], fitted: Reals) -> tuple[Reals, Reals, Reals]:
    """Orders that each draw's media added in all days and in the last year, and by day in the mean of the draws."""
    draws, media = lift.shape
    orders, recent = np.empty((draws, media)), np.empty((draws, media))
    daily = np.zeros((len(fitted), media))
    year = slice(max(0, len(fitted) - 365), None)
    for start in range(0, draws, _CHUNK):
        part = slice(start, start + _CHUNK)
        curves = np.stack([one.curves[grid[part, medium]] for medium, one in enumerate(answers)], axis=2)
        curves *= lift[part][:, None, :]
        lifted = np.maximum(1 + curves.sum(axis=2), _LEAST_LIFTED)
        curves *= (fitted / lifted)[:, :, None]
        orders[part], recent[part] = curves.sum(axis=1), curves[:, year].sum(axis=1)
        daily += curves.sum(axis=0)
    return orders, recent, daily / draws
