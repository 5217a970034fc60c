"""One run's customers, market by market, kept in the run's database until their gate.

Belongs here: which markets, what is kept, what is replaced. Does not: Dagster (see `assets.py`), maths.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from orchestration.customers.market import MarketCustomers, study_market
from orchestration.customers.portraits.people import read_people
from orchestration.customers.reading import read_purchases
from orchestration.customers.tables import CUSTOMER_MODELS, LAYER
from orchestration.lake import Place
from orchestration.runs.market_models import create_tables, keep_rows

if TYPE_CHECKING:
    import duckdb

# What the maths of one market may raise; whatever else happens stops the run.
MODEL_ERRORS = (ArithmeticError, ValueError, np.linalg.LinAlgError)
Views = Callable[[str], "AbstractContextManager[duckdb.DuckDBPyConnection]"]


@dataclass(frozen=True, eq=False)
class CustomersNight:
    """Markets whose customers were studied, those without an order line, and those that failed, with the reason."""

    markets: Mapping[str, MarketCustomers]
    without_orders: tuple[str, ...]
    failed: Mapping[str, str]


def study_markets(run: "duckdb.DuckDBPyConnection", views: Views, markets: Sequence[str]) -> CustomersNight:
    """Study each market by itself and keep its rows in the run's database.

    views: a connection to the published tables of one market. A market that fails leaves the others alone: it keeps
    its published rows and is named in the result.
    """
    _create(run)
    found: dict[str, MarketCustomers] = {}
    without, failed = [], {}
    for market in markets:
        with views(market) as con:
            purchases = read_purchases(con, market)
            people = None if purchases is None else read_people(con)
        if purchases is None or (len(purchases) == 0 and purchases.guests.order_count == 0):
            without.append(market)
            continue
        try:
            found[market] = study_market(purchases, people)
        except MODEL_ERRORS as error:
            failed[market] = f"{type(error).__name__}: {error}"
            run.execute(f"insert into {LAYER}.failed values (?, ?)", [market, failed[market]])
            continue
        _keep(run, found[market])
    return CustomersNight(found, tuple(without), failed)


def own_places(run: "duckdb.DuckDBPyConnection") -> dict[str, set[Place]]:
    """The places that a night replaces, by table."""
    markets = [str(row[0]) for row in run.execute(f"select market from {LAYER}.made").fetchall()]
    return {model.name: {Place(market) for market in markets} for model in CUSTOMER_MODELS}


def _create(run: "duckdb.DuckDBPyConnection") -> None:
    create_tables(run, LAYER, CUSTOMER_MODELS)
    run.execute(f"create or replace table {LAYER}.made (market varchar, total_usd double)")
    run.execute(f"create or replace table {LAYER}.failed (market varchar, reason varchar)")


def _keep(run: "duckdb.DuckDBPyConnection", one: MarketCustomers) -> None:
    run.execute(f"insert into {LAYER}.made values (?, ?)", [one.purchases.market, one.purchases.total_usd])
    for model in CUSTOMER_MODELS:
        keep_rows(run, model, one.rows[model.name])


def largest(night: CustomersNight, most: int) -> Iterator[MarketCustomers]:
    """The markets with most customers, the largest first."""
    ranked = sorted(night.markets.values(), key=lambda one: len(one.purchases), reverse=True)
    yield from ranked[:most]
