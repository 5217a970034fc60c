with

arrived as (

    select * from {{ source('raw', 'promotions') }}

),

{{ judged_feed('promotions') }}
