with

arrived as (

    select * from {{ source('raw', 'disputes') }}

),

{{ judged_feed('disputes') }}
