"""The forecasts' gate: nonsense holds a market back and names it; drift is told in words and figures."""

from collections.abc import Iterator
from datetime import date, timedelta

import duckdb
import pytest

from orchestration.forecasting.gate import FORECAST_MEASURES
from orchestration.forecasting.tables import FORECAST_MODELS, QUANTILE_COLUMNS
from orchestration.gates.judge import judge
from orchestration.gates.verdict import Verdict, merged

MADE_ON = date(2024, 4, 10)


@pytest.fixture
def run() -> Iterator[duckdb.DuckDBPyConnection]:
    """A run of two markets with one product each, both sound; and thirty nights of scores of each."""
    with duckdb.connect() as con:
        con.execute("create schema forecasting")
        for model in FORECAST_MODELS:
            columns = ", ".join(f"{column.name} {column.type}" for column in model.spec.columns)
            con.execute(f"create table forecasting.{model.name} ({columns})")
        con.execute(
            "create table forecasting.made as select unnest(['DE', 'GB']) as market, ?::date as made_on", [MADE_ON]
        )
        con.execute(
            "create table forecasting.largest as select market, kind as node_type, kind as node_id, 'week' as step,"
            " 20.0 as largest_qty from forecasting.made, (values ('market'), ('category'), ('rest')) as kinds (kind)"
        )
        con.execute(
            f"""
            insert into forecasting.demand_forecast by name
            select market, '2024-04' as month, kind as node_type, kind as node_id, 'week' as step, made_on,
                made_on + 7 * (ahead::integer - 1) as target_on, ahead as horizon, 10.0 as forecast_qty,
                {", ".join(f"{place}.0 as {column}" for place, column in enumerate(QUANTILE_COLUMNS, 6))}
            from forecasting.made, (values ('market'), ('category'), ('rest')) as kinds (kind),
                range(1, 14) as weeks (ahead)
            """
        )
        con.execute(
            """
            insert into forecasting.forecast_score by name
            select market, '2024-03' as month, 'market' as node_type, 'day' as step,
                made_on - ago::integer as made_on, horizon, 1 as n, 100.0 as actual_qty,
                100.0 + case when ago % 2 = 0 then 8 else -8 end as forecast_qty, 8.0 as absolute_error_qty,
                12.0 as naive_absolute_error_qty, 80.0 as coverage_80_pct, 95.0 as coverage_95_pct
            from forecasting.made, range(1, 31) as nights (ago), range(1, 8) as steps (horizon)
            """
        )
        yield con


def verdict(con: duckdb.DuckDBPyConnection) -> Verdict:
    """What the gate says, judged in this process."""
    import expectations.forecast as suites

    found = [
        judge(getattr(suites, one.suite.split(".")[1])(), con.execute(one.query).df(), table=one.table, gate="g")
        for one in FORECAST_MEASURES
    ]
    return merged("g", {"DE", "GB"}, found)


def test_sound_forecasts_pass(run: duckdb.DuckDBPyConnection) -> None:
    found = verdict(run)
    assert not found.broken
    assert found.passed == {"DE", "GB"}


@pytest.mark.parametrize(
    ("change", "of", "promise"),
    [
        ("forecast_qty = 'nan'", "horizon = 3", "ForecastIsANumber"),
        ("p500_qty = 1", "horizon = 1", "QuantilesAscend"),
        ("forecast_qty = 300", "true", "ForecastStaysNearHistory"),
        ("horizon = 14", "horizon = 13 and node_type = 'rest'", "HorizonIsComplete"),
        ("forecast_qty = 9", "node_type = 'category'", "PartsAddUp"),
    ],
)
def test_nonsense_holds_its_market_back(run: duckdb.DuckDBPyConnection, change: str, of: str, promise: str) -> None:
    run.execute(f"update forecasting.demand_forecast set {change} where market = 'DE' and {of}")
    found = verdict(run)
    assert found.failed == {"DE"}
    assert promise in {entry.promise for entry in found.broken}


def test_rows_of_other_days_are_not_judged_again(run: duckdb.DuckDBPyConnection) -> None:
    run.execute(
        "insert into forecasting.demand_forecast by name select * replace ('nan'::double as forecast_qty,"
        " ?::date as made_on) from forecasting.demand_forecast",
        [MADE_ON - timedelta(days=1)],
    )
    assert not verdict(run).broken


def test_drift_warns_in_words_and_holds_nobody_back(run: duckdb.DuckDBPyConnection) -> None:
    run.execute(
        "update forecasting.forecast_score set forecast_qty = 130, absolute_error_qty = 30, coverage_95_pct = 60,"
        " coverage_80_pct = 40 where market = 'GB'"
    )
    found = verdict(run)
    assert not found.failed
    assert {entry.promise for entry in found.broken} == {
        "ForecastAddsValue", "ForecastIsUnbiased", "TrackingSignalIsSmall", "NarrowBandHolds", "WideBandHolds"
    }  # fmt: skip
    assert {entry.market for entry in found.broken} == {"GB"}
    assert found.broken[0].examples[0].subject == (
        "market by day, 210 forecasts of 30 nights: bias 30 %, value added -150 %, 80 % band holds 40 %, 95 % band 60 %"
    )


def test_few_nights_say_nothing(run: duckdb.DuckDBPyConnection) -> None:
    run.execute("update forecasting.forecast_score set forecast_qty = 300")
    run.execute("delete from forecasting.forecast_score where made_on < ?", [MADE_ON - timedelta(days=4)])
    assert not verdict(run).broken
