"""The forecast of one market: candidates, choice, coherence, quantiles, guard; from series to the published rows.

Belongs here: the order of the steps. Does not: any step itself, reading and writing (see `assets.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import pandas as pd

from orchestration.forecasting.candidates import (
    FOUR_WEEK_MEAN,
    SEASONAL_NAIVE,
    Candidate,
    Engine,
    Names,
    NodeForecast,
    poisson_quantiles,
)
from orchestration.forecasting.engine import QUANTILES
from orchestration.forecasting.hierarchy import Matrix, nearest, reconcile
from orchestration.forecasting.nodes import BEST_SELLERS, DAYS_PER_WEEK, PRODUCT, REST, MarketSeries, Nodes, nodes_of
from orchestration.forecasting.selection import (
    BackTest,
    Choice,
    Origins,
    all_forecasts,
    back_test,
    choose,
    chosen_rows,
    classes_of,
    daily_of,
    error_variance,
)
from orchestration.forecasting.tables import BACKTEST_COLUMNS, DAY, FORECAST_COLUMNS, QUANTILE_COLUMNS, WEEK

QTY_DECIMALS = 4
# A forecast above this multiple of the largest week ever seen is an explosion. Ramps before a peak stay below twice it.
EXPLOSION_MULTIPLE = 5.0
LEVEL_COLUMNS = (
    "node_type",
    "step",
    "n",
    "wape",
    "naive_wape",
    "mean_wape",
    "bias_pct",
    "cover_80_pct",
    "cover_95_pct",
)


@dataclass(frozen=True)
class Event:
    """What a picture marks: its name, its first and its last day."""

    name: str
    starts_on: date
    ends_on: date


@dataclass(frozen=True)
class ForecastPlan:
    """How far and how finely a market is forecast, by what, where its back-test begins, and what its plots mark."""

    weeks: int = 13
    best_sellers: int = BEST_SELLERS
    origins: Origins = field(default_factory=Origins)
    candidates: Sequence[Candidate] = (Engine(),)
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, eq=False)
class MarketForecast:
    """What is known of a market's next weeks.

    forecast: `FORECAST_COLUMNS`; backtest: `BACKTEST_COLUMNS`; levels: accuracy per kind of node (`LEVEL_COLUMNS`);
    choices: node_type, series_class, candidate. failures: (candidate, error) of candidates that could not be used.
    """

    series: MarketSeries
    forecast: pd.DataFrame
    backtest: pd.DataFrame
    levels: pd.DataFrame
    choices: pd.DataFrame
    failures: tuple[tuple[str, str], ...]
    events: tuple[Event, ...] = ()


def forecast_market(series: MarketSeries, plan: ForecastPlan | None = None) -> MarketForecast:
    """The rows of one market, from its own series and nothing else."""
    plan = plan or ForecastPlan()
    tested = back_test(series, plan.candidates, plan.origins, horizon=plan.weeks, best_sellers=plan.best_sellers)
    choice = choose(tested, [one.name for one in plan.candidates])
    nodes = nodes_of(series, best_sellers=plan.best_sellers)
    forecasts, failed = all_forecasts(plan.candidates, series, nodes, plan.weeks)
    classes = classes_of(forecasts)
    base = guarded(_chosen(forecasts, choice, nodes, classes), forecasts[FOUR_WEEK_MEAN], nodes.weekly(series))
    past = chosen_rows(tested, choice)
    weekly = reconcile(base.weekly, nodes.tree, error_variance(past, nodes, base.weekly))
    by_day = daily_of(forecasts)
    assert by_day is not None
    assert by_day.daily is not None
    assert by_day.daily_quantiles is not None
    daily = coherent_days(by_day.daily, weekly[: nodes.daily_count], nodes)
    level_cv = next((one.level_cv for one in forecasts.values() if one.level_cv is not None), None)
    base = replace(base, level_cv=np.full(len(nodes.types), np.nan) if level_cv is None else level_cv)
    rows = [
        _rows(series, nodes, base, classes, WEEK, weekly, base.weekly, base.weekly_quantiles, choice),
        _rows(series, nodes, base, classes, DAY, daily, by_day.daily, by_day.daily_quantiles, choice),
    ]
    return MarketForecast(
        series=series,
        forecast=pd.concat(rows, ignore_index=True),
        backtest=_backtest(series, tested, past),
        levels=levels(tested, past),
        choices=_choices(choice),
        failures=tuple(dict.fromkeys([*tested.failures, *failed])),
        events=plan.events,
    )


def guarded(one: NodeForecast, mean: NodeForecast, history: Matrix) -> NodeForecast:
    """The forecast with the four-week mean wherever it is no number, negative, or out of all proportion."""
    limits = EXPLOSION_MULTIPLE * np.maximum(history.max(axis=1, initial=0.0), 1.0)
    with np.errstate(invalid="ignore"):
        reasons = np.select(
            [
                ~(np.isfinite(one.weekly).all(axis=1) & np.isfinite(one.weekly_quantiles).all(axis=(1, 2))),
                (one.weekly < 0).any(axis=1),
                (one.weekly > limits[:, None]).any(axis=1),
            ],
            ["not_finite", "negative", f"exploding: above {EXPLOSION_MULTIPLE:g} times the largest week"],
            default="",
        ).astype(object)
    is_broken = reasons != ""
    return NodeForecast(
        weekly=np.where(is_broken[:, None], mean.weekly, one.weekly),
        weekly_quantiles=np.where(is_broken[:, None, None], mean.weekly_quantiles, one.weekly_quantiles),
        model_codes=np.where(is_broken, mean.model_codes, one.model_codes),
        classes=one.classes,
        reasons=np.where(is_broken, reasons, one.reasons),
    )


def coherent_days(base: Matrix, weekly: Matrix, nodes: Nodes) -> Matrix:
    """Days that add up to each node's weeks and, day by day, to the market; nearest to the profile of `base`."""
    count, weeks = weekly.shape
    tree = nodes.daily_tree().constraints()
    by_day = np.kron(tree, np.eye(DAYS_PER_WEEK))
    by_week = np.kron(np.eye(count), np.ones((1, DAYS_PER_WEEK)))
    constraints = np.vstack([by_day, by_week])
    days = np.zeros((count, weeks * DAYS_PER_WEEK))
    for week in range(weeks):
        place = slice(week * DAYS_PER_WEEK, (week + 1) * DAYS_PER_WEEK)
        shares = np.maximum(base[:, place], 0.0) + 1e-9
        wanted = shares / shares.sum(axis=1, keepdims=True) * weekly[:, [week]]
        target = np.concatenate([np.zeros(len(by_day)), weekly[:, week]])
        found = nearest(wanted.ravel(), constraints, target, np.maximum(wanted.ravel(), 1e-6))
        days[:, place] = found.reshape(count, DAYS_PER_WEEK)
    return days


def moved_quantiles(quantiles: Matrix, base: Matrix, final: Matrix, stretch: Matrix) -> Matrix:
    """Quantiles around `final`: stretched about their median as the back-test asks, then moved in proportion.

    Where the base forecast is zero there is no proportion: Poisson counts of the final mean stand in.
    """
    middle = quantiles[..., [QUANTILES.index(0.5)]]
    stretched = np.maximum(middle + stretch * (quantiles - middle), 0.0)
    is_zero = base <= 1e-9
    ratio = np.where(is_zero, 1.0, final / np.where(is_zero, 1.0, base))
    moved = np.where(is_zero[..., None], poisson_quantiles(final), stretched * ratio[..., None])
    return np.asarray(np.maximum.accumulate(moved, axis=-1))


def levels(tested: BackTest, past: pd.DataFrame) -> pd.DataFrame:
    """Accuracy per kind of node in the back-test: the chosen models beside seasonal naive and four-week mean."""
    found = []
    for (kind, step), rows in past.groupby(["node_type", "step"], sort=False):
        bars = tested.rows[(tested.rows["node_type"] == kind) & (tested.rows["step"] == step)]
        sold = float(rows["actual_qty"].sum())
        low, high = rows["actual_qty"] >= rows["p100_qty"], rows["actual_qty"] <= rows["p900_qty"]
        lower, upper = rows["actual_qty"] >= rows["p025_qty"], rows["actual_qty"] <= rows["p975_qty"]
        errors = (bars["forecast_qty"] - bars["actual_qty"]).abs().groupby(bars["candidate"]).sum()
        found.append(
            {
                "node_type": kind,
                "step": step,
                "n": len(rows),
                "wape": _share((rows["forecast_qty"] - rows["actual_qty"]).abs().sum(), sold),
                "naive_wape": _share(errors.get(SEASONAL_NAIVE, np.nan), sold),
                "mean_wape": _share(errors.get(FOUR_WEEK_MEAN, np.nan), sold),
                "bias_pct": 100 * _share((rows["forecast_qty"] - rows["actual_qty"]).sum(), sold),
                "cover_80_pct": 100 * float((low & high).mean()),
                "cover_95_pct": 100 * float((lower & upper).mean()),
            }
        )
    return pd.DataFrame(found, columns=list(LEVEL_COLUMNS))


def _share(part: float, whole: float) -> float:
    return float(part) / whole if whole > 0 else float("nan")


def _chosen(forecasts: dict[str, NodeForecast], choice: Choice, nodes: Nodes, classes: Names) -> NodeForecast:
    """Per node the rows of its candidate; where that has failed now, those of the first that has not."""
    names = [choice.of(kind, series_class) for kind, series_class in zip(nodes.types, classes, strict=True)]
    spare = next(iter(forecasts))
    used = np.asarray([name if name in forecasts else spare for name in names], dtype=object)
    first = forecasts[FOUR_WEEK_MEAN]
    weekly, quantiles = first.weekly.copy(), first.weekly_quantiles.copy()
    codes, reasons = first.model_codes.copy(), np.full(len(used), "", dtype=object)
    for name in dict.fromkeys(used):
        mine, one = used == name, forecasts[name]
        weekly[mine], quantiles[mine] = one.weekly[mine], one.weekly_quantiles[mine]
        codes[mine], reasons[mine] = one.model_codes[mine], one.reasons[mine]
    is_spare = np.asarray([name not in forecasts for name in names])
    reasons = np.where(is_spare & (reasons == ""), "model_failed: see the run's metadata", reasons)
    return NodeForecast(weekly, quantiles, codes, classes, reasons)


def _rows(
    series: MarketSeries,
    nodes: Nodes,
    base: NodeForecast,
    classes: Names,
    step: str,
    final: Matrix,
    before: Matrix,
    quantiles: Matrix,
    choice: Choice,
) -> pd.DataFrame:
    count, steps = final.shape
    types = nodes.types[:count]
    ones = np.ones(len(QUANTILES))
    stretch = np.stack([choice.stretches.get((str(kind), step), ones) for kind in types])[:, None, :]
    ids = np.asarray([series.product_ids[row] if row >= 0 else "" for row in nodes.product_row[:count]], dtype=object)
    ahead = np.tile(np.arange(steps), count)
    days = DAYS_PER_WEEK if step == WEEK else 1
    frame = pd.DataFrame(
        {
            "market": series.market,
            "month": str(series.made_on.astype("datetime64[M]")),
            "node_type": np.repeat(types, steps),
            "node_id": np.repeat(nodes.ids[:count], steps),
            "product_id": np.repeat(ids, steps),
            "category": np.repeat(_categories(series, nodes)[:count], steps),
            "step": step,
            "made_on": series.made_on,
            "target_on": series.made_on + ahead * days,
            "horizon": ahead + 1,
            "model_code": np.repeat(base.model_codes[:count], steps),
            "series_class": np.repeat(classes[:count], steps),
            "forecast_qty": final.ravel().round(QTY_DECIMALS),
            "base_forecast_qty": before.ravel().round(QTY_DECIMALS),
            "level_cv": np.nan if base.level_cv is None else np.repeat(base.level_cv[:count].round(4), steps),
            "is_fallback": np.repeat(base.reasons[:count] != "", steps),
            "fallback_reason": np.repeat(base.reasons[:count], steps),
        }
    )
    moved = moved_quantiles(quantiles, before, final, stretch).reshape(count * steps, -1).round(QTY_DECIMALS)
    frame[list(QUANTILE_COLUMNS)] = moved
    return frame[list(FORECAST_COLUMNS)]


def _categories(series: MarketSeries, nodes: Nodes) -> Names:
    of_row = [series.categories[series.category_of[row]] if row >= 0 else "" for row in nodes.product_row]
    return np.where(nodes.types == REST, nodes.ids, np.asarray(of_row, dtype=object))


def _backtest(series: MarketSeries, tested: BackTest, past: pd.DataFrame) -> pd.DataFrame:
    """The weeks of the back-test as they are published: every candidate's, and which of them is chosen."""
    is_weekly = tested.rows["step"] == WEEK
    rows = tested.rows[is_weekly]
    names = dict(zip(series.product_keys, series.product_ids, strict=True))
    is_product = (rows["node_type"] == PRODUCT).to_numpy()
    return rows.assign(
        market=series.market,
        product_id=np.where(is_product, rows["node_id"].map(names).fillna(""), ""),
        model_code=rows["candidate"],
        is_chosen=rows.index.isin(past.index),
        forecast_qty=rows["forecast_qty"].round(QTY_DECIMALS),
    )[list(BACKTEST_COLUMNS)].reset_index(drop=True)


def _choices(choice: Choice) -> pd.DataFrame:
    found = [(kind, series_class or "all", name) for (kind, series_class), name in sorted(choice.chosen.items())]
    return pd.DataFrame(found, columns=["node_type", "series_class", "candidate"])
