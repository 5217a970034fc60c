"""The forecast as assets: read the published demand, forecast, keep both tables in the run until their gate.

Belongs here: reading, calling, writing, plots in the metadata. Does not: any maths.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from orchestration.forecasting.tables import DEMAND_FORECAST, FORECAST_BACKTEST, FORECAST_MODELS, WORDS
from orchestration.gates.checks import CHECK_NAME, results
from orchestration.gates.gate import run_gate
from orchestration.gates.measures import Measure
from orchestration.modeling.manifest import PublishedModel, published_models
from orchestration.modeling.translator import OWNERS
from orchestration.partitions import MARKETS, SINGLE_RUN
from orchestration.platform import Platform, model_key
from orchestration.runs import RunDatabase
from orchestration.runs.assets import MARKET_TABLES_KEY
from orchestration.runs.database import HeldMarket
from orchestration.runs.publishing import publish_models

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

    from orchestration.forecasting.weekly_demand import DemandResult

FORECASTS_KEY = dg.AssetKey(["publication", "forecasts"])
FORECAST_GATE = "forecast_gate"
MOST_PLOTS = 3

_SERIES = """
    with history as (
        select market, 'product' as node, product_key, max(week_units) as largest from (
            select market, product_key, date_trunc('week', sold_on) as week, sum(units) as week_units
            from forecasting.daily group by all
        ) group by all
        union all
        select market, 'market', '', max(week_units) from (
            select market, date_trunc('week', sold_on) as week, sum(units) as week_units
            from forecasting.daily group by all
        ) group by all
    ),
    horizon as (select max(horizon_weeks) as weeks from forecasting.demand_forecast)
    select forecast.market, forecast.node || ' ' || forecast.product_key as subject,
        isfinite(forecast_qty) and forecast_qty >= 0 and isfinite(upper_95_qty) and lower_95_qty >= 0 as is_sane,
        lower_95_qty <= lower_80_qty and lower_80_qty <= forecast_qty
            and forecast_qty <= upper_80_qty and upper_80_qty <= upper_95_qty as is_ordered,
        case when history.largest > 0 then forecast_qty / history.largest end as times_history_max,
        count(*) over (partition by forecast.market, forecast.node, forecast.product_key) = horizon.weeks
            as horizon_is_complete
    from forecasting.demand_forecast as forecast
    cross join horizon
    left join history using (market, node, product_key)
"""
_VALUE = """
    with errors as (
        select market, node, model_code, sum(abs(forecast_qty - actual_qty)) as error
        from forecasting.forecast_backtest group by all
    ),
    naive as (
        select market, node, min(error) as error from errors
        where model_code in ('last_value', 'four_week_mean') group by all
    )
    select errors.market, errors.node || ': ' || errors.model_code as subject,
        case when naive.error > 0 then round(100.0 * (errors.error / naive.error - 1), 1) end as excess_error_pct
    from errors inner join naive using (market, node)
    where errors.model_code not in ('last_value', 'four_week_mean')
"""
FORECAST_MEASURES = (
    Measure("forecast.demand_forecast", "forecasting.demand_forecast", _SERIES),
    Measure("forecast.forecast_value", "forecasting.forecast_backtest", _VALUE),
)


@dg.multi_asset(
    name="weekly_demand",
    specs=[
        dg.AssetSpec(
            key=model_key(model),
            deps=[MARKET_TABLES_KEY, model_key(published_models()["fct_daily_demand"])],
            partitions_def=MARKETS,
            group_name="forecasting",
            owners=list(OWNERS),
            kinds={"python", "statsmodels"},
            description=words,
            metadata={
                "dagster/column_schema": dg.TableSchema(
                    [
                        dg.TableColumn(column.name, column.type, description=WORDS[column.name])
                        for column in model.spec.columns
                    ]
                )
            },
        )
        for model, words in (
            (
                DEMAND_FORECAST,
                "Units per week for the next four weeks, by market and best seller, with 80 and 95 % bands.",
            ),
            (
                FORECAST_BACKTEST,
                "Rolling-origin back-test of the forecast beside the last value and the four-week mean.",
            ),
        )
    ],
    backfill_policy=SINGLE_RUN,
    can_subset=False,
)
def weekly_demand(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> Iterator[dg.MaterializeResult[None]]:
    """Forecast and back-test of the markets that the run has published."""
    # statsmodels takes seconds to import: only a run that forecasts pays for it.
    from orchestration.forecasting.weekly_demand import forecast_demand

    run, plan = platform.prepared(context)
    held = {entry.market for entry in run.held_back()}
    markets = sorted({place.market for place in plan.mart_places} - held - {"ZZ"})
    if plan.is_empty or not markets:
        return
    with run.connect() as con:
        con.execute("create schema if not exists forecasting")
        _keep_daily(con, platform, plan.namespace, markets)
        daily = con.execute("select * from forecasting.daily order by market, product_key, sold_on").df()
        result = forecast_demand(daily)
        _keep(con, DEMAND_FORECAST, result.forecast)
        _keep(con, FORECAST_BACKTEST, result.backtest)
    plots = _plots(daily, result)
    is_one_market = len(context.partition_keys) == 1
    if not is_one_market:
        # Dagster copies a range's metadata into the event of each partition: so a plot gets an event of its market.
        for market, pictures in plots.items():
            context.log_event(dg.AssetObservation(model_key(DEMAND_FORECAST), partition=market, metadata=pictures))
    for market in result.markets_without_history:
        context.log.info("%s: no complete week of sales yet, so no forecast.", market)
    yield dg.MaterializeResult(
        asset_key=model_key(DEMAND_FORECAST),
        metadata={
            "dagster/row_count": len(result.forecast),
            "markets": result.forecast["market"].nunique(),
            "fallbacks": dg.MetadataValue.md(_markdown(result.fallbacks().head(40))),
            **(next(iter(plots.values()), {}) if is_one_market else {"plots_at": ", ".join(plots)}),
        },
    )
    yield dg.MaterializeResult(
        asset_key=model_key(FORECAST_BACKTEST),
        metadata={"dagster/row_count": len(result.backtest), **_scores(result.backtest)},
    )


def _keep_daily(con: "duckdb.DuckDBPyConnection", platform: Platform, namespace: str, markets: Sequence[str]) -> None:
    """What was published a moment ago, for the whole markets: a forecast needs more than the touched months."""
    model = published_models()["fct_daily_demand"]
    pin = platform.lake.pins(namespace)[model.spec.name]
    files = platform.lake.data_files(pin.table, pin.snapshot_id, markets=markets)
    con.execute(
        f"""
        create or replace table forecasting.daily as
        select market, product_key, product_id, sold_on, sold_qty::double as units
        from {platform.lake.relation_sql(model.spec, files)}
        """
    )


def _keep(con: "duckdb.DuckDBPyConnection", model: PublishedModel, frame: "pd.DataFrame") -> None:
    columns = ", ".join(f"{column.name}::{column.type} as {column.name}" for column in model.spec.columns)
    con.register("incoming", frame)
    con.execute(f"create or replace table {model.relation} as select {columns} from incoming")
    con.unregister("incoming")


def _plots(daily: "pd.DataFrame", result: "DemandResult") -> dict[str, dict[str, dg.MetadataValue]]:
    """For each market that sells most: its history with forecast and bands, and the series that it forecasts worst."""
    from orchestration.forecasting.backtest import scores
    from orchestration.forecasting.plots import as_markdown_image, market_plot, worst_series_plot

    scored = scores(result.backtest)
    names = dict(zip(daily["product_key"], daily["product_id"], strict=True))
    known = [weeks for weeks in result.weeks if len(weeks.weeks)]
    largest = sorted(known, key=lambda weeks: float(weeks.units.sum()), reverse=True)[:MOST_PLOTS]
    return {
        weeks.market: {
            "forecast": dg.MetadataValue.md(as_markdown_image(market_plot(weeks, result.forecast, scored))),
            "worst_series": dg.MetadataValue.md(
                as_markdown_image(worst_series_plot(weeks, result.backtest, names=names))
            ),
        }
        for weeks in largest
    }


def _scores(backtest: "pd.DataFrame") -> dict[str, dg.MetadataValue]:
    from orchestration.forecasting.backtest import scores
    from orchestration.forecasting.verdicts import loses

    scored = scores(backtest)
    sentences = [loss.sentence for loss in loses(scored)]
    return {
        "scores": dg.MetadataValue.md(_markdown(scored.round(3).head(60))),
        "loses": dg.MetadataValue.md("\n".join(f"- {sentence}" for sentence in sentences) or "nowhere"),
    }


def _markdown(frame: "pd.DataFrame") -> str:
    header = "| " + " | ".join(str(column) for column in frame.columns) + " |"
    rule = "|" + "---|" * len(frame.columns)
    rows = ["| " + " | ".join(str(value) for value in row) + " |" for row in frame.itertuples(index=False)]
    return "\n".join([header, rule, *rows])


@dg.multi_asset_check(
    name=FORECAST_GATE,
    specs=[
        dg.AssetCheckSpec(
            CHECK_NAME,
            asset=model_key(DEMAND_FORECAST),
            blocking=True,
            description="What a forecast must satisfy before planners see it.",
        ),
        dg.AssetCheckSpec(
            CHECK_NAME,
            asset=model_key(FORECAST_BACKTEST),
            description="Where the model loses against the last value or the four-week mean.",
        ),
    ],
    can_subset=True,
)
def forecast_gate(
    context: dg.AssetCheckExecutionContext, platform: dg.ResourceParam[Platform]
) -> Iterator[dg.AssetCheckResult]:
    """Holds back each market whose forecast is nonsense; warns where a naive forecast would have been better."""
    run = platform.run_of(context)
    with run.connect() as con:
        markets = {row[0] for row in con.execute("select distinct market from forecasting.demand_forecast").fetchall()}
        verdict = run_gate(con, FORECAST_GATE, FORECAST_MEASURES, markets, platform.judges)
    held = [
        HeldMarket(market, verdict.gate, reason)
        for market in sorted(verdict.failed)
        for reason in verdict.reasons(market)
    ]
    run.hold_back(held, FORECAST_MODELS, {})
    yield from results(context, verdict, [model_key(model) for model in FORECAST_MODELS])


@dg.asset(
    key=FORECASTS_KEY,
    deps=[model_key(model) for model in FORECAST_MODELS],
    partitions_def=MARKETS,
    backfill_policy=SINGLE_RUN,
    group_name="publication",
    owners=list(OWNERS),
    kinds={"python", "iceberg"},
)
def forecasts(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> dg.MaterializeResult[None]:
    """Forecast and back-test, made visible at once."""
    run, plan = platform.prepared(context)
    result = publish_models(platform.lake, run, plan, FORECAST_MODELS)
    _close(run, platform)
    return dg.MaterializeResult(metadata={"publication": result.publication_id or 0, "tables": len(result.snapshots)})


def _close(run: RunDatabase, platform: Platform) -> None:
    run.remove()
    platform.judges.stop()
