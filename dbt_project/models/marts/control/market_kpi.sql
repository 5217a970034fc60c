{#
    Every figure keeps its numerator and denominator, so that days, months and markets add up; a median or p90 cannot be
    added up and is that of its day. Storage follows the order, so that a day's figures may stand in two months.
#}
{% set clearance = [
    ('clearance_hours_median', 'clearance_hours', 0.5),
    ('clearance_hours_p90', 'clearance_hours', 0.9),
    ('clearance_office_hours_median', 'clearance_office_hours', 0.5),
    ('clearance_office_hours_p90', 'clearance_office_hours', 0.9),
] %}
{% set by_order_day = [
    ('orders', 'count(*)', none),
    ('gmv_usd', 'sum(gmv_amount_usd)', none),
    ('net_revenue_usd', 'sum(net_revenue_amount_usd)', none),
    ('return_rate_pct', 'sum(returned_qty)', 'sum(delivered_qty)'),
    ('cancellation_pct', 'count(case when cancelled_qty > 0 then 1 end)', 'count(*)'),
    ('lost_pct', 'count(case when lost_line_count > 0 then 1 end)', 'count(case when shipped_line_count > 0 then 1 end)'),
    ('matching_success_pct', 'count(case when decided_rule_count > 0 and broken_rule_count = 0 then 1 end)',
        'count(case when decided_rule_count > 0 then 1 end)'),
    ('order_to_receipt_days', 'sum(' ~ days_between('ordered_on', 'received_on') ~ ')', 'count(received_on)'),
] %}
{% set by_due_day = [
    ('on_time_pct', 'count(case when is_on_time then 1 end)', 'count(*)'),
    ('perfect_order_pct', 'count(case when is_perfect then 1 end)', 'count(*)'),
] %}
with

definitions as (

    select * from {{ ref('metric_definition') }}

),

places as (

    select * from {{ ref('stg_run_mart_places') }}

),

control_orders as (

    select * from {{ ref('fct_control_orders') }}

),

match_results as (

    select * from {{ ref('fct_match_result') }}

),

claims as (

    select * from {{ ref('fct_rebate_claims') }}

),

payouts as (

    select * from {{ ref('fct_payouts') }}

),

rates as (

    select * from {{ ref('int_fx_rates_daily') }}

),

markets as (

    select * from {{ ref('stg_run_markets') }}

),

matched as (

    select
        order_key,
        count(case when match_status <> 'waiting_document' then 1 end) as decided_rule_count,
        count(case when match_status in ('mismatch', 'rejected') then 1 end) as broken_rule_count
    from match_results
    group by order_key

),

orders as (

    select
        control_orders.*,
        cast(control_orders.received_at as date) as received_on,
        {{ as_amount('cast(control_orders.list_amount as double) * control_orders.usd_per_unit') }} as gmv_amount_usd,
        {{ as_amount(
            '(control_orders.line_amount_usd - coalesce(control_orders.discount_amount, 0) * control_orders.usd_per_unit)'
            ~ ' * (1 - control_orders.gone_amount_usd / nullif(control_orders.line_amount_usd, 0))'
        ) }} as net_revenue_amount_usd,
        coalesce(matched.decided_rule_count, 0) as decided_rule_count,
        coalesce(matched.broken_rule_count, 0) as broken_rule_count,
        control_orders.delivered_line_count >= control_orders.due_line_count
        and control_orders.delivered_on <= control_orders.promised_on as is_on_time
    from control_orders
    left join matched on control_orders.order_key = matched.order_key
    where not control_orders.is_test_order

),

due_orders as (

    select
        market,
        month,
        promised_on,
        is_on_time,
        is_on_time
        and broken_rule_count = 0
        and violating_line_count = 0
        and not has_faulty_goods
        and lost_line_count = 0 as is_perfect
    from orders
    where promised_on is not null and due_line_count > 0 and has_shipments

),

-- The customs that declared are those of the market for an import and those of the seller's home for an export.
cleared as (

    select
        orders.market,
        orders.month,
        orders.ordered_on,
        orders.flow,
        {{ as_amount(seconds_between('orders.declared_at', 'orders.released_at') ~ ' / 3600.0') }} as clearance_hours,
        coalesce(customs.time_zone, 'UTC') as time_zone,
        orders.declared_at,
        orders.released_at
    from orders
    left join markets as customs
        on customs.market = case when orders.flow = 'import' then orders.market else orders.seller_country end
    where orders.released_at >= orders.declared_at

),

cleared_locally as (

    select
        market,
        month,
        ordered_on,
        flow,
        clearance_hours,
        {{ local_time('declared_at', 'time_zone') }} as declared_local_at,
        {{ local_time('released_at', 'time_zone') }} as released_local_at
    from cleared

),

clearances as (

    select
        market,
        month,
        ordered_on,
        coalesce(flow, 'unknown') as flow,
        clearance_hours,
        {{ as_amount(office_hours_until('released_local_at') ~ ' - ' ~ office_hours_until('declared_local_at')) }}
            as clearance_office_hours
    from cleared_locally

),

clearance_days as (

    select
        market,
        month,
        ordered_on,
        flow,
        count(*) as order_count,
        {% for column in ('clearance_hours', 'clearance_office_hours') -%}
        sum({{ column }}) as {{ column }},
        {{ quantile_of(column, 0.5) }} as {{ column }}_50,
        {{ quantile_of(column, 0.9) }} as {{ column }}_90{{ ',' if not loop.last }}
        {% endfor -%}
    from clearances
    group by market, month, ordered_on, flow

),

order_days as (

    select
        market,
        month,
        ordered_on,
        {% for kpi_id, numerator, denominator in by_order_day -%}
        {{ numerator }} as {{ kpi_id }}_numerator,
        {{ denominator or 'null' }} as {{ kpi_id }}_denominator{{ ',' if not loop.last }}
        {% endfor -%}
    from orders
    group by market, month, ordered_on

),

due_days as (

    select
        market,
        month,
        promised_on,
        {% for kpi_id, numerator, denominator in by_due_day -%}
        {{ numerator }} as {{ kpi_id }}_numerator,
        {{ denominator }} as {{ kpi_id }}_denominator{{ ',' if not loop.last }}
        {% endfor -%}
    from due_orders
    group by market, month, promised_on

),

rebate_days as (

    select
        claims.market,
        claims.month,
        orders.ordered_on,
        sum({{ days_between('cast(orders.declared_at as date)', 'claims.paid_on') }}) as numerator,
        count(*) as denominator
    from claims
    inner join orders on claims.order_key = orders.order_key
    where claims.paid_on is not null and orders.declared_at is not null
    group by claims.market, claims.month, orders.ordered_on

),

payout_days as (

    select
        payouts.market,
        payouts.month,
        payouts.settled_on,
        sum(abs(coalesce(payouts.unexplained_amount_usd, 0))) as unexplained_usd,
        sum(abs({{ in_usd('payouts.net_amount', 'payouts.currency_code', 'rates.usd_per_unit') }})) as net_usd
    from payouts
    left join rates on payouts.currency_code = rates.currency_code and payouts.settled_on = rates.valid_on
    group by payouts.market, payouts.month, payouts.settled_on

),

figures as (

    {% for kpi_id, column, share in clearance -%}
    select
        market,
        month,
        ordered_on as kpi_on,
        '{{ kpi_id }}' as kpi_id,
        flow,
        {{ column }}_{{ (share * 100) | int }} as value,
        {{ column }} as numerator,
        order_count as denominator
    from clearance_days
    union all
    {% endfor -%}
    {% for kpi_id, numerator, denominator in by_order_day + by_due_day -%}
    {% set days, kpi_on = ('order_days', 'ordered_on') if loop.index <= by_order_day | length else ('due_days', 'promised_on') -%}
    select
        market,
        month,
        {{ kpi_on }} as kpi_on,
        '{{ kpi_id }}' as kpi_id,
        'all' as flow,
        {{ "100.0 * " if kpi_id.endswith("_pct") }}{{ kpi_id }}_numerator{{ " / " ~ kpi_id ~ "_denominator" if denominator }} as value,
        {{ kpi_id }}_numerator as numerator,
        {{ kpi_id }}_denominator as denominator
    from {{ days }}
    {{ "where " ~ kpi_id ~ "_denominator > 0" if denominator }}
    union all
    {% endfor -%}
    select
        market,
        month,
        ordered_on as kpi_on,
        'declaration_to_rebate_days' as kpi_id,
        'all' as flow,
        numerator / denominator as value,
        numerator,
        denominator
    from rebate_days
    union all
    select
        market,
        month,
        settled_on as kpi_on,
        'unexplained_remainder_usd' as kpi_id,
        'all' as flow,
        unexplained_usd as value,
        unexplained_usd as numerator,
        null as denominator
    from payout_days
    union all
    select
        market,
        month,
        settled_on as kpi_on,
        'unexplained_remainder_pct' as kpi_id,
        'all' as flow,
        100.0 * unexplained_usd / net_usd as value,
        unexplained_usd as numerator,
        net_usd as denominator
    from payout_days
    where net_usd > 0

)

select
    figures.market,
    figures.month,
    figures.kpi_on,
    figures.kpi_id,
    figures.flow,
    cast(round(figures.value, 4) as double) as value,
    cast(round(figures.numerator, 4) as double) as numerator,
    cast(round(figures.denominator, 4) as double) as denominator,
    definitions.unit
from figures
inner join definitions on figures.kpi_id = definitions.kpi_id
inner join places on figures.market = places.market and figures.month = places.month
where figures.value is not null
