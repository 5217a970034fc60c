{% set spend_amount_usd = in_usd('spend.spend_amount', 'spend.currency_code', 'rates.usd_per_unit') %}
with

spend as (

    select * from {{ with_published('stg_media_spend') }}

),

places as (

    select * from {{ ref('stg_run_mart_places') }}

),

rates as (

    select * from {{ ref('int_fx_rates_daily') }}

),

sessions as (

    select * from {{ ref('fct_sessions') }}

),

spend_by_day as (

    select
        spend.market,
        spend.month,
        spend.spent_on as day,
        spend.medium,
        coalesce(spend.campaign, '') as campaign,
        sum({{ spend_amount_usd }}) as spend_amount_usd,
        count(case when {{ spend_amount_usd }} is null then 1 end) as spend_without_rate,
        sum(spend.impressions) as impressions,
        sum(spend.clicks) as clicks
    from spend
    inner join places on spend.market = places.market and spend.month = places.month
    left join rates on spend.currency_code = rates.currency_code and spend.spent_on = rates.valid_on
    group by spend.market, spend.month, spend.spent_on, spend.medium, coalesce(spend.campaign, '')

),

visits_by_day as (

    select
        market,
        month,
        started_on as day,
        medium,
        campaign,
        count(*) as session_count,
        count(case when is_bounce then 1 end) as bounce_count,
        count(distinct order_key) as order_count,
        sum(value_usd) as revenue_usd
    from sessions
    where not is_bot_suspect
    group by market, month, started_on, medium, campaign

)

select
    coalesce(spend_by_day.market, visits_by_day.market) as market,
    coalesce(spend_by_day.month, visits_by_day.month) as month,
    coalesce(spend_by_day.day, visits_by_day.day) as day,
    coalesce(spend_by_day.medium, visits_by_day.medium) as medium,
    coalesce(spend_by_day.campaign, visits_by_day.campaign) as campaign,
    cast(coalesce(spend_by_day.spend_amount_usd, 0) as decimal(19, 4)) as spend_amount_usd,
    coalesce(spend_by_day.spend_without_rate, 0) as spend_without_rate,
    cast(coalesce(spend_by_day.impressions, 0) as bigint) as impressions,
    cast(coalesce(spend_by_day.clicks, 0) as bigint) as clicks,
    coalesce(visits_by_day.session_count, 0) as session_count,
    coalesce(visits_by_day.bounce_count, 0) as bounce_count,
    coalesce(visits_by_day.order_count, 0) as order_count,
    cast(coalesce(visits_by_day.revenue_usd, 0) as decimal(19, 4)) as revenue_usd
from spend_by_day
full join visits_by_day
    on
        spend_by_day.market = visits_by_day.market
        and spend_by_day.month = visits_by_day.month
        and spend_by_day.day = visits_by_day.day
        and spend_by_day.medium = visits_by_day.medium
        and spend_by_day.campaign = visits_by_day.campaign
