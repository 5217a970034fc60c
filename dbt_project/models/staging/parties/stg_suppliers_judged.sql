with

arrived as (

    select * from {{ source('raw', 'suppliers') }}

),

{{ judged_feed('suppliers') }}
