"""Nights in a row: what was forecast stays, is scored when its days are known, and is replaced only by its own day."""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial

import duckdb
import numpy as np
import pandas as pd
import pytest

from orchestration.forecasting.demand.calendar import CalendarEvent
from orchestration.forecasting.night import Night, forecast_night, own_places
from orchestration.forecasting.planner import planned
from orchestration.forecasting.pooled import plan_of
from orchestration.forecasting.reading import READ
from orchestration.forecasting.tables import FORECAST_MODELS
from orchestration.lake import Place
from orchestration.modeling.manifest import published_models

FIRST = date(2024, 1, 1)
EVENT = CalendarEvent("GB", "white_day", date(2024, 5, 1), date(2024, 5, 2), 2, 2, "sale")
EARLIER = [
    CalendarEvent("GB", "white_day", date(2024, month, 1), date(2024, month, 2), 2, 2, "sale") for month in (2, 3, 4)
]


class House:
    """Published tables and a run's database in memory: what a night reads and writes, without the lake."""

    def __init__(self) -> None:
        self.published = duckdb.connect()
        models = {**published_models(), **{model.name: model for model in FORECAST_MODELS}}
        for name in (*READ, *(model.name for model in FORECAST_MODELS)):
            columns = ", ".join(f"{column.name} {column.type}" for column in models[name].spec.columns)
            self.published.execute(f"create table {name} ({columns})")

    def sell(self, market: str, days: int, seed: int, *, start: int = 0) -> None:
        """Four products of two categories, more on the first two days of a month."""
        draw = np.random.default_rng(seed)
        days_on = [FIRST + timedelta(days=day) for day in range(start, start + days)]
        sold = [(on, key, int(draw.poisson(20 if on.day <= 2 else 5)) + 1) for on in days_on for key in range(4)]
        frame = pd.DataFrame(sold, columns=["sold_on", "key", "units"])  # noqa: F841 (DuckDB reads it)
        self.published.execute(
            "insert into fct_daily_demand by name select ? as market, strftime(sold_on, '%Y-%m') as month,"
            " 'k' || key as product_key, 'sku' || key as product_id, sold_on::date as sold_on, units as sold_qty,"
            " 0 as reversed_qty, greatest(1, units // 2) as order_count, 10.0 * units as sales_amount_usd,"
            " 0 as lines_without_rate from frame",
            [market],
        )

    def night(self, *markets: str, calendar: tuple[CalendarEvent, ...] = ()) -> tuple[Night, duckdb.DuckDBPyConnection]:
        """A night; its rows stand in the run's database that is given back."""
        run = duckdb.connect()
        run.execute("attach ':memory:' as run")
        run.execute("use run")
        night = forecast_night(
            run, self.published, markets, plan_of=partial(plan_of, calendar=calendar), planner=planned
        )
        return night, run

    def publish(self, run: duckdb.DuckDBPyConnection) -> None:
        """As the lake does: the places that the run names are replaced."""
        for name, places in own_places(run).items():
            for place in places:
                month = f" and month = '{place.month}'" if place.month else ""
                self.published.execute(f"delete from {name} where market = '{place.market}'{month}")
            self.published.register("incoming", run.sql(f"select * from run.forecasting.{name}").to_arrow_table())
            self.published.execute(f"insert into {name} select * from incoming")

    def read(self, query: str) -> list[tuple[object, ...]]:
        return self.published.execute(query).fetchall()


@pytest.fixture
def house() -> Iterator[House]:
    one = House()
    one.sell("GB", 100, 1)
    one.sell("DE", 100, 2)
    yield one
    one.published.close()


_KEPT = "select made_on::varchar, month, count(*) from demand_forecast where market = 'GB' group by all order by all"
_OLD = "select * from demand_forecast where market = 'GB' and made_on = date '2024-04-10' order by all"


def test_nights_keep_their_forecasts_and_score_those_before(house: House) -> None:
    first, run = house.night("DE", "GB")
    house.publish(run)
    assert sorted(first.markets) == ["DE", "GB"]
    assert own_places(run)["demand_forecast"] == {Place("GB", "2024-04"), Place("DE", "2024-04")}
    ((made_on, month, rows),) = house.read(_KEPT)
    assert (made_on, month) == ("2024-04-10", "2024-04")
    old = house.read(_OLD)
    assert house.read("select count(*) from forecast_score") == [(0,)]

    house.sell("GB", 8, 3, start=100)
    _, run = house.night("GB")
    house.publish(run)
    # The night before is kept as it was, and Germany, which nobody ran, as well.
    assert house.read(_KEPT) == [("2024-04-10", "2024-04", rows), ("2024-04-18", "2024-04", rows)]
    assert house.read(_OLD) == old
    assert house.read("select count(distinct made_on) from demand_forecast where market = 'DE'") == [(1,)]
    scores = house.read(
        "select node_type, step, max(horizon), sum(n) from forecast_score where market = 'GB' group by all order by all"
    )
    assert scores == [
        ("category", "day", 8, 8), ("category", "week", 1, 1),
        ("market", "day", 8, 8), ("market", "week", 1, 1),
        ("product", "week", 1, 4), ("rest", "week", 1, 1),
    ]  # fmt: skip
    sold = house.read(
        "select sum(sold_qty)::double from fct_daily_demand"
        " where market = 'GB' and sold_on between date '2024-04-10' and date '2024-04-16'"
    )
    assert house.read("select actual_qty from forecast_score where node_type = 'market' and step = 'week'") == sold

    # In May: April's rows are not written again, but the scores of April's forecasts are.
    house.sell("GB", 20, 4, start=108)
    _, run = house.night("GB")
    assert own_places(run)["demand_forecast"] == {Place("GB", "2024-05")}
    assert own_places(run)["forecast_score"] == {Place("GB", "2024-04")}
    house.publish(run)
    assert house.read("select count(distinct made_on) from demand_forecast where market = 'GB'") == [(3,)]

    # The same night again replaces itself.
    before = house.read("select * from demand_forecast order by all")
    _, run = house.night("GB")
    house.publish(run)
    assert house.read("select * from demand_forecast order by all") == before
    assert house.read("select count(distinct made_on), min(plan_basis) from demand_plan where market = 'GB'") == [
        (1, "model")
    ]


def test_one_event_changes_the_forecast_of_its_market_only(house: House) -> None:
    plain, _ = house.night("DE", "GB", calendar=(*EARLIER, EVENT))
    moved = CalendarEvent("GB", "white_day", date(2024, 5, 21), date(2024, 5, 22), 2, 2, "sale")
    other, _ = house.night("DE", "GB", calendar=(*EARLIER, moved))
    assert plain.markets["DE"].made.forecast.equals(other.markets["DE"].made.forecast)
    assert not plain.markets["GB"].made.forecast.equals(other.markets["GB"].made.forecast)


def test_a_market_that_cannot_be_forecast_leaves_the_others_alone(house: House) -> None:
    def fails_in_germany(con: duckdb.DuckDBPyConnection, market: str) -> object:
        if market == "DE":
            raise ValueError("stock: counted_on of GB1 runs backwards")
        return plan_of(con, market, calendar=())

    run = duckdb.connect()
    run.execute("attach ':memory:' as run")
    run.execute("use run")
    night = forecast_night(run, house.published, ["DE", "GB", "XX"], plan_of=fails_in_germany, planner=planned)  # type: ignore[arg-type]
    assert sorted(night.markets) == ["GB"]
    assert night.failed == {"DE": "ValueError: stock: counted_on of GB1 runs backwards"}
    assert night.without_history == ("XX",)
    assert {place.market for place in own_places(run)["demand_forecast"]} == {"GB"}


def test_an_override_stands_in_the_plan_and_not_in_the_forecast(house: House) -> None:
    plain, run = house.night("GB")
    made_on = plain.markets["GB"].made_on
    house.published.execute(
        "insert into stg_forecast_overrides by name select 'OV1' as override_id, 'GB' as market,"
        " 'product' as node_type, 'sku1' as node_id, ?::date as from_on, ?::date as to_on, 500 as quantity,"
        " 'campaign' as reason, 'Ada' as decided_by, timestamp '2024-05-01' as decided_at, 'active' as status",
        [made_on, made_on + timedelta(days=6)],
    )
    _, changed = house.night("GB")
    assert (
        changed.execute("select * from run.forecasting.demand_forecast order by all").fetchall()
        == run.execute("select * from run.forecasting.demand_forecast order by all").fetchall()
    )
    rows = changed.execute(
        "select node_type, plan_qty - model_qty > 400, plan_basis, decided_by from run.forecasting.demand_plan"
        " where target_on = ? and made_on = ? and plan_basis <> 'model' order by node_type",
        [made_on, made_on],
    ).fetchall()
    assert ("product", True, "override", "Ada") in rows
    assert ("market", True, "sum") in [row[:3] for row in rows]
