with

arrived as (

    select * from {{ source('raw', 'guarantee_claims') }}

),

{{ judged_feed('guarantee_claims') }}
