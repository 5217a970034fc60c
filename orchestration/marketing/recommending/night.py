"""One run's recommendations, market by market, kept in the run's database until their gate.

Belongs here: which markets, what is kept, what is replaced. Does not: Dagster (see `assets.py`), maths.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orchestration.lake import Place
from orchestration.marketing.recommending.market import MarketRecommendations, RecommendingRules, recommend_market
from orchestration.marketing.recommending.reading import read_market
from orchestration.marketing.recommending.tables import LAYER, RECOMMENDATION_MODELS
from orchestration.runs.market_models import create_tables, keep_rows

if TYPE_CHECKING:
    import duckdb

# What the maths of one market may raise; whatever else happens stops the run.
MODEL_ERRORS = (ArithmeticError, ValueError, np.linalg.LinAlgError)
Views = Callable[[str], "AbstractContextManager[duckdb.DuckDBPyConnection]"]


@dataclass(frozen=True)
class MarketNight:
    """What a market's lists rest on, and how many rows each table has."""

    chosen: str
    personal_customers: int
    other_customers: int
    hidden_products: int
    rows: Mapping[str, int]
    scores: Mapping[str, float]


@dataclass(frozen=True)
class RecommendingNight:
    """Markets with lists, those where nothing was sold, and those that failed, with the reason."""

    markets: Mapping[str, MarketNight]
    without_sales: tuple[str, ...]
    failed: Mapping[str, str]


def recommend_markets(
    run: "duckdb.DuckDBPyConnection", views: Views, markets: Sequence[str], rules: RecommendingRules | None = None
) -> RecommendingNight:
    """Make the lists of each market by itself and keep them in the run's database.

    views: a connection to the published tables of one market. A market that fails leaves the others alone: it keeps
    its published rows and is named in the result.
    """
    _create(run)
    found: dict[str, MarketNight] = {}
    without, failed = [], {}
    for market in markets:
        with views(market) as con:
            inputs = read_market(con, market)
        if inputs is None:
            without.append(market)
            continue
        try:
            made = recommend_market(inputs, rules)
        except MODEL_ERRORS as error:
            failed[market] = f"{type(error).__name__}: {error}"
            run.execute(f"insert into {LAYER}.not_recommended values (?, ?)", [market, failed[market]])
            continue
        _keep(run, made)
        found[market] = _summary(made)
    return RecommendingNight(found, tuple(without), failed)


def own_places(run: "duckdb.DuckDBPyConnection") -> dict[str, set[Place]]:
    """The places that a night replaces, by table: all of the markets with lists, rows or none."""
    rows = run.execute(f"select market from {LAYER}.recommended").fetchall()
    places = {Place(str(row[0])) for row in rows}
    return {model.name: places for model in RECOMMENDATION_MODELS}


def _create(run: "duckdb.DuckDBPyConnection") -> None:
    create_tables(run, LAYER, RECOMMENDATION_MODELS)
    run.execute(f"create or replace table {LAYER}.recommended (market varchar, personal_customers bigint, k integer)")
    run.execute(f"create or replace table {LAYER}.not_recommended (market varchar, reason varchar)")


def _keep(run: "duckdb.DuckDBPyConnection", made: MarketRecommendations) -> None:
    run.execute(f"insert into {LAYER}.recommended values (?, ?, null)", [made.market, made.personal_customers])
    for model in RECOMMENDATION_MODELS:
        keep_rows(run, model, made.frames[model.name])


def _summary(made: MarketRecommendations) -> MarketNight:
    table = made.frames["recommendation_score"]
    ndcg = table[(table["metric"] == "ndcg") & (table["target"] == "all")]
    worth = dict(zip(ndcg["model"].astype(str), ndcg["value"].to_numpy(dtype=np.float64).tolist(), strict=True))
    return MarketNight(
        made.chosen,
        made.personal_customers,
        made.other_customers,
        made.hidden_products,
        {name: len(frame) for name, frame in made.frames.items()},
        worth,
    )
