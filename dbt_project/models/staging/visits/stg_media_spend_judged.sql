with

arrived as (

    select * from {{ source('raw', 'media_spend') }}

),

{{ judged_feed('media_spend') }}
