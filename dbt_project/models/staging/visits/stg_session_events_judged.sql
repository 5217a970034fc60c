with

arrived as (

    select * from {{ source('raw', 'session_events') }}

),

{{ judged_feed('session_events') }}
