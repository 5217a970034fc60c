with

arrived as (

    select * from {{ source('raw', 'rebate_claims') }}

),

{{ judged_feed('rebate_claims') }}
