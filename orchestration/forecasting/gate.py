"""What the forecasts' gate measures: the run's new rows, the back-test, and the scores of older forecasts.

Belongs here: SQL over the run's database. Does not: thresholds (see `expectations/forecast.py`).
"""

from orchestration.gates.measures import Measure

# Forecasts of the last eight weeks, up to four weeks ahead: what planners act on, and enough of it to judge.
RECENT_DAYS = 56
MOST_WEEKS_AHEAD = 4
FEWEST_FORECASTS, FEWEST_NIGHTS = 30, 5

_NEW = """
    select forecast.* from forecasting.demand_forecast as forecast
    inner join forecasting.made as made on forecast.market = made.market and forecast.made_on = made.made_on
"""
_FORECAST = f"""
    with new_rows as ({_NEW}),
    steps as (select market, step, max(horizon) as steps from new_rows where node_type = 'market' group by all),
    of_node as (
        select new_rows.market, node_type, node_id, step,
            bool_and(isfinite(forecast_qty) and forecast_qty >= 0 and p025_qty >= 0 and isfinite(p990_qty)) as is_sane,
            bool_and(
                p025_qty <= p100_qty and p100_qty <= p250_qty and p250_qty <= p500_qty and p500_qty <= p750_qty
                and p750_qty <= p900_qty and p900_qty <= p975_qty and p975_qty <= p990_qty
            ) as is_ordered,
            max(forecast_qty) as largest_qty,
            count(distinct horizon) = max(steps.steps) and max(horizon) = max(steps.steps) as horizon_is_complete
        from new_rows inner join steps using (market, step)
        group by all
    ),
    sums as (
        select market, step, horizon,
            sum(forecast_qty) filter (where node_type = 'market') as market_qty,
            sum(forecast_qty) filter (where node_type = 'category') as category_qty,
            sum(forecast_qty) filter (where node_type = 'subdivision') as subdivision_qty,
            sum(forecast_qty) filter (where node_type in ('product', 'rest')) as product_qty,
            count(*) as node_count
        from new_rows group by all
    )
    select of_node.market, of_node.node_type || ' ' || of_node.node_id || ' by ' || step as subject,
        is_sane, is_ordered, horizon_is_complete,
        -- A day is held against the largest day, a week against the largest week.
        case when history.largest_qty > 0 then of_node.largest_qty / history.largest_qty end as times_history_max,
        null::double as parts_off_by
    from of_node left join forecasting.largest as history using (market, node_type, node_id, step)
    union all
    select market, 'sums by ' || step || ' ' || horizon, null, null, null, null,
        -- Each figure is rounded to four decimals.
        greatest(
            abs(market_qty - category_qty), abs(market_qty - coalesce(subdivision_qty, market_qty)),
            abs(market_qty - coalesce(product_qty, market_qty))
        ) - node_count * 0.0001
    from sums
"""
_VALUE = """
    with chosen as (
        select market, node_type, sum(abs(forecast_qty - actual_qty)) as error
        from forecasting.forecast_backtest where is_chosen group by all
    ),
    bars as (
        select market, node_type, model_code, sum(abs(forecast_qty - actual_qty)) as error
        from forecasting.forecast_backtest where model_code in ('seasonal_naive', 'four_week_mean') group by all
    ),
    best as (select market, node_type, min(error) as error, arg_min(model_code, error) as bar from bars group by all)
    select chosen.market,
        chosen.node_type || ' by week, against ' || case best.bar
            when 'seasonal_naive' then 'the seasonal naive forecast' else 'the four-week mean' end as subject,
        case when best.error > 0 then round(100.0 * (chosen.error / best.error - 1), 1) end as excess_error_pct
    from chosen inner join best using (market, node_type)
"""
_DRIFT = f"""
    with recent as (
        select score.* from forecasting.forecast_score as score
        inner join forecasting.made as made using (market)
        where score.made_on >= made.made_on - {RECENT_DAYS}
            and horizon <= case when step = 'week' then {MOST_WEEKS_AHEAD} else {7 * MOST_WEEKS_AHEAD} end
    ),
    judged as (
        select market, node_type, step, sum(n) as n, count(distinct made_on) as nights,
            100.0 * (sum(forecast_qty) - sum(actual_qty)) / nullif(sum(actual_qty), 0) as bias_pct,
            100.0 * (1 - sum(absolute_error_qty) / nullif(sum(naive_absolute_error_qty), 0)) as fva_pct,
            sum(coverage_80_pct * n) / sum(n) as coverage_80_pct,
            sum(coverage_95_pct * n) / sum(n) as coverage_95_pct,
            -- Errors one step ahead of successive nights: nothing but their sum can hide in them.
            100.0 * sum(forecast_qty - actual_qty) filter (where horizon = 1)
                / nullif(sum(abs(forecast_qty - actual_qty)) filter (where horizon = 1), 0) as signal_pct
        from recent group by all
        having sum(n) >= {FEWEST_FORECASTS} and count(distinct made_on) >= {FEWEST_NIGHTS}
    )
    select market,
        format('{{}} by {{}}, {{}} forecasts of {{}} nights: bias {{:.0f}} %, value added {{:.0f}} %, 80 % band holds'
            || ' {{:.0f}} %, 95 % band {{:.0f}} %', node_type, step, n, nights, bias_pct, fva_pct, coverage_80_pct,
            coverage_95_pct) as subject,
        case when node_type = 'market' then bias_pct end as bias_pct,
        -- Counts of a few pieces have bands of whole numbers, which hold more than they must.
        case when node_type = 'market' then coverage_80_pct else least(coverage_80_pct, 90) end as coverage_80_pct,
        coverage_95_pct, fva_pct,
        case when node_type = 'market' and step = 'day' then abs(signal_pct) end as tracking_signal_pct
    from judged
"""
FORECAST_MEASURES = (
    Measure("forecast.demand_forecast", "forecasting.demand_forecast", _FORECAST),
    Measure("forecast.forecast_value", "forecasting.forecast_backtest", _VALUE),
    Measure("forecast.forecast_drift", "forecasting.forecast_score", _DRIFT),
)
