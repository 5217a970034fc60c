with

sessions as (

    select * from {{ with_published('stg_sessions') }}

),

events as (

    select
        session_key,
        seq,
        event_at,
        stage
    from {{ with_published('stg_session_events') }}

),

homes as (

    select
        document_key,
        market,
        month
    from {{ ref('stg_run_document_homes') }}
    where feed = 'sessions'

),

places as (

    select * from {{ ref('stg_run_mart_places') }}

),

-- A visit whose order is known stands with it, as every document does; without one it stands in its own month.
first_home as (

    select
        document_key,
        market,
        month
    from homes
    qualify row_number() over (partition by document_key order by month, market) = 1

),

placed as (

    select
        sessions.* exclude (market, month),
        coalesce(first_home.market, sessions.market) as market,
        coalesce(first_home.month, sessions.month) as month
    from sessions
    left join first_home on sessions.session_key = first_home.document_key

),

sessions_of_the_run as (

    select placed.*
    from placed
    inner join places on placed.market = places.market and placed.month = places.month

),

numbered_events as (

    select
        events.session_key,
        events.event_at,
        case events.stage
            when 'view' then 1
            when 'product' then 2
            when 'cart' then 3
            when 'checkout' then 4
            when 'paid' then 5
        end as stage_no,
        events.event_at < lag(events.event_at) over (partition by events.session_key order by events.seq) as is_backward
    from events
    inner join sessions_of_the_run on events.session_key = sessions_of_the_run.session_key

),

steps as (

    select
        session_key,
        count(*) as step_count,
        max(stage_no) as stage_no,
        min(event_at) as first_step_at,
        max(event_at) as last_step_at,
        bool_or(coalesce(is_backward, false)) as has_backward_step
    from numbered_events
    group by session_key

),

-- The last sign of life: shops that never say when a visit ended still tell its steps.
with_last_sign as (

    select
        sessions_of_the_run.*,
        coalesce(steps.step_count, 0) as step_count,
        -- An order ends a visit whether or not its last step was counted.
        case when sessions_of_the_run.order_key is not null then 5 else coalesce(steps.stage_no, 1) end as stage_no,
        greatest(sessions_of_the_run.ended_at, steps.last_step_at) as last_seen_at,
        coalesce(steps.has_backward_step, false)
        or coalesce({{ seconds_between('steps.first_step_at', 'sessions_of_the_run.started_at') }}, 0)
        > {{ var('visit_clock_tolerance_seconds') }}
        or coalesce({{ seconds_between('sessions_of_the_run.ended_at', 'steps.last_step_at') }}, 0)
        > {{ var('visit_clock_tolerance_seconds') }}
        or coalesce({{ seconds_between('sessions_of_the_run._loaded_at', 'sessions_of_the_run.started_at') }}, 0)
        > {{ var('visit_clock_tolerance_seconds') }} as has_clock_error
    from sessions_of_the_run
    left join steps on sessions_of_the_run.session_key = steps.session_key

),

with_seconds as (

    select
        *,
        {{ seconds_between('started_at', 'last_seen_at') }} as seconds_seen
    from with_last_sign

)

select
    * exclude (seconds_seen, last_seen_at),
    last_seen_at,
    ended_at is null or coalesce(seconds_seen, 0) > {{ var('visit_max_minutes') }} * 60 as is_endless,
    case
        when not has_clock_error and ended_at is not null and seconds_seen <= {{ var('visit_max_minutes') }} * 60
            then seconds_seen
    end as duration_seconds,
    coalesce(tags like '%sessions.is_bot_suspect%', false) as is_bot_suspect
from with_seconds
