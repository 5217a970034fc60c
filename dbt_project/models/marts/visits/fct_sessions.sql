with

sessions as (

    select * from {{ ref('int_sessions') }}

),

orders as (

    select
        order_key,
        total_amount_usd
    from {{ ref('fct_orders') }}

)

select
    sessions.session_key,
    sessions.source_id,
    sessions.session_id,
    sessions.market,
    sessions.month,
    sessions.started_at,
    sessions.started_on,
    sessions.last_seen_at,
    sessions.customer_key,
    sessions.device_key,
    sessions.subdivision_code,
    coalesce(sessions.channel, 'unknown') as channel,
    coalesce(sessions.screen, 'unknown') as screen,
    coalesce(sessions.medium, 'unknown') as medium,
    coalesce(sessions.campaign, '') as campaign,
    coalesce(sessions.landing_page, 'unknown') as landing_page,
    sessions.page_views,
    sessions.step_count,
    cast(sessions.stage_no as integer) as stage_no,
    case sessions.stage_no
        when 1 then 'view'
        when 2 then 'product'
        when 3 then 'cart'
        when 4 then 'checkout'
        when 5 then 'paid'
    end as reached_stage,
    cast(sessions.duration_seconds as bigint) as duration_seconds,
    -- Robots and broken clocks say nothing of how long a person stayed, but one page is one page.
    sessions.stage_no = 1
    and coalesce(sessions.page_views, sessions.step_count) <= 1
    and coalesce(sessions.duration_seconds, 0) <= {{ var('bounce_max_seconds') }} as is_bounce,
    sessions.is_bot_suspect,
    sessions.is_endless,
    sessions.has_clock_error,
    sessions.order_key,
    case when sessions.order_key is not null then orders.total_amount_usd end as value_usd,
    sessions.repairs,
    sessions._file,
    sessions._row,
    sessions._batch_id,
    sessions._loaded_at,
    sessions._content_hash
from sessions
left join orders on sessions.order_key = orders.order_key
