with

arrived as (

    select * from {{ source('raw', 'capacity') }}

),

{{ judged_feed('capacity') }}
