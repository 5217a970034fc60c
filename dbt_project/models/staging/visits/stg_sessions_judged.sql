with

raw_sessions as (

    select * from {{ source('raw', 'sessions') }}

),

arrived as (

    select
        *,
        cast({{ to_integer('page_views') }} as double)
        / greatest({{ seconds_between(to_timestamp('started_at'), to_timestamp('ended_at')) }}, 1) as pages_per_second
    from raw_sessions

),

{{ judged_feed('sessions') }}
