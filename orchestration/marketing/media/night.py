"""One night's funnel and media figures of a market.

Belongs here: which figures a market gets, and the frames that are published. Does not: Dagster, SQL, maths.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from orchestration.forecasting.demand.calendar import CalendarEvent, events_of, read_calendar
from orchestration.lake import Place
from orchestration.marketing.funnel.loss import BOUNCE, funnel_loss
from orchestration.marketing.media import reading
from orchestration.marketing.media.attribution import attribution, paths_of
from orchestration.marketing.media.budget import Budget, curves, suggest
from orchestration.marketing.media.effect import (
    LOWER,
    UPPER,
    MediaFit,
    MediaHistory,
    NotIdentifiableError,
    fit_media,
)
from orchestration.marketing.media.shapes import GRID
from orchestration.marketing.media.tables import (
    BUDGET_SUGGESTION,
    FUNNEL_LOSS,
    LAYER,
    MEDIA_ATTRIBUTION,
    MEDIA_CONTRIBUTION,
    MEDIA_EFFECT,
    MEDIA_KPI,
    MEDIA_MODELS,
    MEDIA_RESPONSE,
)
from orchestration.modeling.manifest import PublishedModel
from orchestration.runs.market_models import create_tables, keep_rows

if TYPE_CHECKING:
    import duckdb

NO_SESSIONS = "no sessions"
_YEAR = 365
_HALVES = np.array([shape.half_ratio for shape in GRID])
_DECAYS = np.array([shape.decay for shape in GRID])


@dataclass(frozen=True, eq=False)
class MarketMedia:
    """A market's frames by table, its weeks for the pictures, its fit and move if there are such, and what to say."""

    market: str
    frames: Mapping[str, pd.DataFrame]
    weeks: pd.DataFrame
    fit: MediaFit | None
    budget: Budget | None
    words: str


def market_media(con: "duckdb.DuckDBPyConnection", market: str, calendar: tuple[CalendarEvent, ...]) -> MarketMedia:
    """The figures of one market; without visits and without spend all tables are empty, and the words say so."""
    frames = {model.name: pd.DataFrame() for model in MEDIA_MODELS}
    weeks = reading.read_weeks(con, market)
    history = reading.read_history(con, market)
    shop = reading.read_shop(con, market)
    frames[MEDIA_KPI.name] = reading.read_kpi(con, market)
    said = []
    if weeks.empty:
        said.append(NO_SESSIONS)
    else:
        frames[FUNNEL_LOSS.name] = _without_bounce_orders(funnel_loss(weeks))
        credited = attribution(paths_of(reading.read_paths(con, market)))
        span = reading.last_year(con, market)
        if span is not None and len(credited):
            frames[MEDIA_ATTRIBUTION.name] = credited.assign(from_on=span[0], to_on=span[1], seen_pct=shop.seen_pct)
    fit, budget = None, None
    if history is None:
        said.append("no spend on media")
    else:
        try:
            fit = fit_media(history, events_of(calendar, market))
        except NotIdentifiableError as error:
            said.append(f"no effect of media can be told: {error}")
            frames[MEDIA_EFFECT.name] = _not_told(history, str(error))
        else:
            budget = suggest(fit)
            frames[MEDIA_EFFECT.name] = pd.concat(
                [_effects(fit, shop.order_value_usd), _refused(fit)], ignore_index=True
            )
            frames[MEDIA_CONTRIBUTION.name] = _contributions(fit)
            frames[MEDIA_RESPONSE.name] = curves(fit)
            frames[BUDGET_SUGGESTION.name] = _suggestion(budget, shop.order_value_usd)
            said.append(move_words(budget))
    shown = {name: frame.assign(market=market) for name, frame in frames.items()}
    return MarketMedia(market, shown, weeks, fit, budget, "; ".join(said))


def _without_bounce_orders(found: pd.DataFrame) -> pd.DataFrame:
    """Who bounces is lost between view and product, too: orders are counted there alone."""
    counted = [column for column in found.columns if "lost_orders" in column or "lost_value" in column]
    found.loc[found["step"] == BOUNCE, counted] = np.nan
    return found


def _effects(fit: MediaFit, order_value: float) -> pd.DataFrame:
    columns = [fit.history.media.index(medium) for medium in fit.media]
    spend = fit.history.spend[:, columns]
    year_spend = spend[-_YEAR:].sum(axis=0)
    base = float((fit.fitted - fit.daily.sum(axis=1)).sum())
    orders, year = _bounds(fit.orders), _bounds(fit.recent_orders)
    # Whole grid points: quantiles of a decay lie on them.
    decay = _bounds(_DECAYS[fit.grid])
    frame = pd.DataFrame(
        {
            "medium": fit.media,
            "method": fit.method,
            "from_on": fit.history.days[0].astype(object),
            "to_on": fit.history.days[-1].astype(object),
            "spend_usd": spend.sum(axis=0),
            "extra_orders": orders[0],
            "lower_extra_orders": orders[1],
            "upper_extra_orders": orders[2],
            "lift_pct": 100 * orders[0] / base,
            "year_spend_usd": year_spend,
            "year_extra_orders": year[0],
            "lower_year_extra_orders": year[1],
            "upper_year_extra_orders": year[2],
            "year_extra_revenue_usd": year[0] * order_value,
            "carry_over": decay[0],
            "lower_carry_over": decay[1],
            "upper_carry_over": decay[2],
            # Half-saturation is told in units of the usual adstock.
            "saturation_pct": 100 * (1 / (1 + _HALVES[fit.grid])).mean(axis=0),
            "is_identified": orders[1] > 0,
        }
    )
    spent = np.where(year_spend > 0, year_spend, np.nan)
    for name, value in (("", year[0]), ("lower_", year[1]), ("upper_", year[2])):
        frame[f"{name}incremental_roas"] = value * order_value / spent
    frame["reason"] = np.where(frame["is_identified"], "", "may add nothing: the 90 % interval includes zero")
    return frame


def _bounds(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    lower, upper = np.quantile(draws, [LOWER, UPPER], axis=0)
    return draws.mean(axis=0), lower, upper


def _refused(fit: MediaFit) -> pd.DataFrame:
    return (
        pd.concat([_not_told(fit.history, why, medium) for medium, why in fit.refused.items()], ignore_index=True)
        if fit.refused
        else pd.DataFrame()
    )


def _not_told(history: MediaHistory, reason: str, medium: str = "") -> pd.DataFrame:
    """A row for each medium (or one) that has spend but no effect that could be told."""
    media = [medium] if medium else list(history.media)
    spend = history.spend[:, [history.media.index(one) for one in media]]
    return pd.DataFrame(
        {
            "medium": media,
            "method": "none",
            "from_on": history.days[0].astype(object),
            "to_on": history.days[-1].astype(object),
            "spend_usd": spend.sum(axis=0),
            "year_spend_usd": spend[-_YEAR:].sum(axis=0),
            "is_identified": False,
            "reason": reason,
        }
    )


def _contributions(fit: MediaFit) -> pd.DataFrame:
    """Orders by month: of each medium in the mean of the draws, and of the base."""
    wide = pd.DataFrame(fit.daily, columns=list(fit.media))
    wide["base"] = fit.fitted - fit.daily.sum(axis=1)
    wide["month"] = fit.history.days.astype("datetime64[M]").astype(str)
    return wide.groupby("month").sum().reset_index().melt("month", var_name="medium", value_name="orders")


def _suggestion(budget: Budget, order_value: float) -> pd.DataFrame:
    gain, lower, upper = (float(value) for value in _bounds(budget.gain))
    return pd.DataFrame(
        {
            "medium": budget.media,
            "spend_per_day_usd": budget.now,
            "suggested_per_day_usd": budget.suggested,
            "change_pct": 100 * (budget.suggested / np.where(budget.now > 0, budget.now, np.nan) - 1),
            "medium_orders_per_week": budget.by_medium.mean(axis=0),
            "gain_orders_per_week": gain,
            "lower_gain_orders_per_week": lower,
            "upper_gain_orders_per_week": upper,
            "gain_value_usd_per_week": gain * order_value,
            "certainty_pct": 100 * budget.certainty,
            "is_supported": budget.is_supported,
            "words": move_words(budget),
        }
    )


def move_words(budget: Budget) -> str:
    """The move in a sentence, with what is not known of it."""
    change = budget.suggested - budget.now
    gain, lower, upper = (float(value) for value in _bounds(budget.gain))
    sure = f"{100 * budget.certainty:.0f} of 100 draws gain"
    known = f"{gain:+.2f} orders a week (90 %: {lower:+.2f} to {upper:+.2f}; {sure})"
    if not (change > 0).any():
        return "One medium, or no spend of late: there is nothing to move."
    given = ", ".join(
        f"{medium.replace('_', ' ')} {change[place]:+.2f}" for place, medium in enumerate(budget.media) if change[place]
    )
    if not budget.is_supported:
        return f"Too little is known to move the budget. The best move ({given} USD a day) would bring {known}."
    return f"Move {given} USD a day: {known}."


@dataclass(frozen=True, eq=False)
class MediaNight:
    """The markets of a run, and those whose figures could not be made, with why."""

    markets: Mapping[str, MarketMedia]
    failed: Mapping[str, str]


def media_night(
    run: "duckdb.DuckDBPyConnection", published: "duckdb.DuckDBPyConnection", markets: Sequence[str]
) -> MediaNight:
    """Study each market by itself, and keep its rows in the run's database.

    A market whose figures fail leaves the others alone: it keeps its published rows and is named in the result.
    """
    create_tables(run, LAYER, MEDIA_MODELS)
    run.execute(f"create or replace table {LAYER}.studied (market varchar)")
    run.execute(f"create or replace table {LAYER}.media_failed (market varchar, reason varchar)")
    calendar = read_calendar()
    found: dict[str, MarketMedia] = {}
    failed: dict[str, str] = {}
    for market in markets:
        try:
            one = market_media(published, market, calendar)
        except (ArithmeticError, ValueError, np.linalg.LinAlgError) as error:
            failed[market] = f"{type(error).__name__}: {error}"
            run.execute(f"insert into {LAYER}.media_failed values (?, ?)", [market, failed[market]])
            continue
        found[market] = one
        run.execute(f"insert into {LAYER}.studied values (?)", [market])
        for model in MEDIA_MODELS:
            _keep(run, model, one.frames[model.name])
    return MediaNight(found, failed)


def own_places(run: "duckdb.DuckDBPyConnection") -> dict[str, set[Place]]:
    """The places that a night replaces, by table: all of the markets that were studied, rows or none."""
    rows = run.execute(f"select market from {LAYER}.studied").fetchall()
    places = {Place(str(row[0])) for row in rows}
    return {model.name: places for model in MEDIA_MODELS}


def _keep(run: "duckdb.DuckDBPyConnection", model: PublishedModel, frame: pd.DataFrame) -> None:
    if frame.empty:
        return
    keep_rows(run, model, frame.reindex(columns=[column.name for column in model.spec.columns]))
