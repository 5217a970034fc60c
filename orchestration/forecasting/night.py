"""One night's forecasts of a run's markets, kept in the run's database until their gate.

Belongs here: which rows are new, which stay beside them, and the months that they replace. Does not: Dagster (see
`assets.py`), maths.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from orchestration.forecasting.candidates import MODEL_ERRORS
from orchestration.forecasting.market import ForecastPlan, MarketForecast, forecast_market
from orchestration.forecasting.nodes import nodes_of
from orchestration.forecasting.reading import SCORED_DAYS, carried_sql, older_forecasts, read_series
from orchestration.forecasting.scoring import score
from orchestration.forecasting.tables import (
    DAY,
    DEMAND_FORECAST,
    DEMAND_PLAN,
    FORECAST_BACKTEST,
    FORECAST_MODELS,
    FORECAST_SCORE,
    KEPT_BY_MADE_ON,
    LAYER,
    WEEK,
)
from orchestration.lake import Place
from orchestration.runs.market_models import create_tables, keep_rows
from orchestration.threads import one_thread

if TYPE_CHECKING:
    import duckdb

Planner = Callable[["duckdb.DuckDBPyConnection", pd.DataFrame], pd.DataFrame]
PlanOf = Callable[["duckdb.DuckDBPyConnection", str], ForecastPlan]


@dataclass(frozen=True, eq=False)
class MarketNight:
    """What a market's night has made: its forecast, and the scores of those before."""

    made: MarketForecast
    scores: pd.DataFrame

    @property
    def made_on(self) -> date:
        """The first day that the forecast does not know."""
        return self.made.series.made_on.astype(date)  # type: ignore[no-any-return]


@dataclass(frozen=True, eq=False)
class Night:
    """The markets of a run that have a forecast; those without a sale; those that could not be forecast, with why."""

    markets: Mapping[str, MarketNight]
    without_history: tuple[str, ...]
    failed: Mapping[str, str] = field(default_factory=dict)


def forecast_night(
    run: "duckdb.DuckDBPyConnection",
    published: "duckdb.DuckDBPyConnection",
    markets: Sequence[str],
    *,
    plan_of: PlanOf,
    planner: Planner,
) -> Night:
    """Forecast and score each market by itself, and keep its rows in the run's database.

    A market whose forecast fails leaves the others alone: it keeps its published rows and is named in the result.
    """
    _create(run)
    found: dict[str, MarketNight] = {}
    without, failed = [], {}
    for market in markets:
        series = read_series(published, market)
        if series is None:
            without.append(market)
            continue
        try:
            with one_thread():
                made = forecast_market(series, plan_of(published, market))
            made_on = series.made_on.astype(date)
            older = older_forecasts(published, market, made_on)
            one = MarketNight(made, score(older, series))
            plan = planner(published, weekly_rows(made.forecast))
        except MODEL_ERRORS as error:
            failed[market] = f"{type(error).__name__}: {error}"
            run.execute("insert into forecasting.failed values (?, ?)", [market, failed[market]])
            continue
        found[market] = one
        _keep_market(run, published, one, plan)
    return Night(found, tuple(without), failed)


def weekly_rows(forecast: pd.DataFrame) -> pd.DataFrame:
    """The rows of a forecast that planners see."""
    return forecast[forecast["step"] == WEEK]


def own_places(run: "duckdb.DuckDBPyConnection") -> dict[str, set[Place]]:
    """The places that a night replaces, by table."""
    found: dict[str, set[Place]] = {model.name: set() for model in FORECAST_MODELS}
    for name, market, month in run.execute("select name, market, month from forecasting.replaced").fetchall():
        found[str(name)].add(Place(str(market), str(month)))
    return found


def _create(run: "duckdb.DuckDBPyConnection") -> None:
    create_tables(run, LAYER, FORECAST_MODELS)
    run.execute("create or replace table forecasting.made (market varchar, made_on date)")
    run.execute("create or replace table forecasting.failed (market varchar, reason varchar)")
    run.execute("create or replace table forecasting.replaced (name varchar, market varchar, month varchar)")
    run.execute(
        "create or replace table forecasting.largest"
        " (market varchar, node_type varchar, node_id varchar, step varchar, largest_qty double)"
    )


def _keep_market(
    run: "duckdb.DuckDBPyConnection", published: "duckdb.DuckDBPyConnection", one: MarketNight, plan: pd.DataFrame
) -> None:
    series, made_on = one.made.series, one.made_on
    market, month = series.market, f"{made_on:%Y-%m}"
    run.execute("insert into forecasting.made values (?, ?)", [market, made_on])
    run.register("largest_rows", _largest(one.made))
    run.execute("insert into forecasting.largest select * from largest_rows")
    run.unregister("largest_rows")
    keep_rows(run, FORECAST_BACKTEST, one.made.backtest)
    run.execute("insert into forecasting.replaced values (?, ?, '')", [FORECAST_BACKTEST.name, market])
    scored = sorted({_day(value) for value in one.scores["made_on"]})
    # Of older plans only what a planner has said is kept: the model's figures stand in its forecasts.
    recent = [f"{day:%Y-%m}" for day in (made_on - timedelta(days=back) for back in range(0, SCORED_DAYS, 14))]
    months = {
        DEMAND_FORECAST.name: [month],
        FORECAST_SCORE.name: sorted({f"{day:%Y-%m}" for day in scored}),
        DEMAND_PLAN.name: sorted({month, *recent}),
    }
    anew = {DEMAND_FORECAST.name: [made_on], FORECAST_SCORE.name: scored, DEMAND_PLAN.name: [made_on]}
    new = {DEMAND_FORECAST.name: one.made.forecast, FORECAST_SCORE.name: one.scores, DEMAND_PLAN.name: plan}
    for model in KEPT_BY_MADE_ON:
        parameters = {"market": market, "months": months[model.name], "made_on": anew[model.name]}
        only = " and planner_qty is not null" if model is DEMAND_PLAN else ""
        if not months[model.name]:
            continue
        carried = published.sql(carried_sql(model) + only, params=parameters).to_arrow_table()
        keep_rows(run, model, carried)
        keep_rows(run, model, new[model.name])
        replaced = [(model.name, market, one_month) for one_month in months[model.name]]
        run.executemany("insert into forecasting.replaced values (?, ?, ?)", replaced)


def _largest(made: MarketForecast) -> pd.DataFrame:
    """The largest week and day that each node has sold."""
    series = made.series
    nodes = nodes_of(series)
    parts = [(WEEK, nodes.weekly(series)), (DAY, nodes.daily(series))]
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "market": series.market,
                    "node_type": nodes.types[: len(units)],
                    "node_id": nodes.ids[: len(units)],
                    "step": step,
                    "largest_qty": units.max(axis=1, initial=0.0),
                }
            )
            for step, units in parts
        ],
        ignore_index=True,
    )


def _day(value: object) -> date:
    return np.datetime64(value, "D").astype(date)  # type: ignore[call-overload, no-any-return]
