with

arrived as (

    select * from {{ source('raw', 'sellers') }}

),

{{ judged_feed('sellers') }}
